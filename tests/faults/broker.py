"""The broker of the laboratory: a real Kafka that is killed, frozen and started again on the same data and ports.

Rule kept: beside its plain listener it has a door per part of the hub, which it advertises as the port of a wire
(`tests.faults.wire`), so that everything a part says to Kafka passes there, also after a new metadata answer.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.embedded import broker as embedded
from hub.embedded import jars, node
from hub.embedded.java import find_java
from hub.embedded.node import FIXED, HOST, Node
from hub.embedded.settings import read_places
from tests.faults.pace import pause

PLAIN: Final = "PLAINTEXT"
CONTROLLER: Final = "CONTROLLER"


@dataclass(frozen=True, slots=True)
class Door:
    """A listener of the broker: its name, the port it listens on, the port it tells clients (a wire's)."""

    name: str
    port: int
    told: int


@dataclass(frozen=True, slots=True)
class Place:
    """A node's place in its cluster: its number, all voters (`1@host:port,...`), the cluster's id and size."""

    number: int
    voters: str
    cluster: str
    size: int


@dataclass(frozen=True, slots=True)
class DoorNode(Node):
    """A node with doors beside its plain listener, alone or one of several."""

    doors: tuple[Door, ...]
    place: Place

    def properties(self) -> str:
        """The text of server.properties; what is said twice counts as said last."""
        own = self._listeners() | self._replicas()
        return Node.properties(self) + "".join(f"{key}={value}\n" for key, value in own.items())

    def _listeners(self) -> dict[str, str]:
        plain, inner = f"{PLAIN}://{self.bootstrap}", f"{CONTROLLER}://{HOST}:{self.controller}"
        names = (PLAIN, CONTROLLER, *(door.name for door in self.doors))
        return {
            "listeners": ",".join([plain, inner, *(f"{door.name}://{HOST}:{door.port}" for door in self.doors)]),
            "advertised.listeners": ",".join([plain, *(f"{door.name}://{HOST}:{door.told}" for door in self.doors)]),
            "listener.security.protocol.map": ",".join(f"{name}:{PLAIN}" for name in names),
            "inter.broker.listener.name": PLAIN,
        }

    def _replicas(self) -> dict[str, str]:
        """Every record on every node; a write counts when two have it, where there are two."""
        size, least = str(self.place.size), str(min(2, self.place.size))
        return {
            "node.id": str(self.place.number),
            "controller.quorum.voters": self.place.voters,
            "min.insync.replicas": least,
            **dict.fromkeys((key for key in FIXED if key.endswith("replication.factor")), size),
            **dict.fromkeys((key for key in FIXED if key.endswith("min.isr")), least),
        }

    def format(self) -> None:
        """Make its folder that of a node of the cluster, once; blocks."""
        if (self.data / "meta.properties").exists():
            return
        places = read_places()
        checkpoint = node._checkpoint(find_java(places), jars.class_path(places.cache))
        node._format(self.data, checkpoint)
        ids = f"cluster.id={self.place.cluster}\ndirectory.id={node._kafka_uuid()}\nnode.id={self.place.number}\n"
        (self.data / "meta.properties").write_text(f"{ids}version=1\n", "utf-8")


class LabBroker:
    """One Kafka on fixed ports and data. `start()`, then break it; `keep()` starts it again when it died by itself."""

    def __init__(self, at: DoorNode) -> None:
        self.node = at
        self.starts = 0
        self._running: embedded.Running | None = None
        self._wanted = True
        self._starting = asyncio.Lock()

    @property
    def bootstrap(self) -> str:
        """The plain listener, past every wire."""
        return self.node.bootstrap

    @property
    def pid(self) -> int:
        """Process id of the Java process."""
        assert self._running is not None
        return self._running.broker.pid

    def door(self, name: str) -> int:
        """The port behind a door."""
        return next(door.port for door in self.node.doors if door.name == name)

    async def start(self) -> None:
        """Start it unless it runs; returns when it answers."""
        async with self._starting:
            if self._running is not None and not self._running.end.done():
                return
            self.node.folder.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(self.node.format)
            self._running = await embedded.start_planned(embedded.Plan(self.node, False, None, 0, read_places()))
            self._wanted = True
            self.starts += 1

    async def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        assert self._running is not None
        self._wanted = False
        os.kill(self.pid, signal.SIGKILL)
        await self._running.stop()

    def freeze(self) -> None:
        """SIGSTOP."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT; nothing to one that runs or is gone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)

    async def heal(self) -> None:
        """Whatever state it is in: running afterwards."""
        self.thaw()
        await self.start()

    async def keep(self) -> None:
        """For ever: start it again when it ends without having been killed here."""
        while True:
            running = self._running
            assert running is not None
            await asyncio.wait({running.end})
            if self._wanted:
                await self.start()
            await pause(0.1)

    async def stop(self) -> None:
        """The end of the laboratory."""
        if self._running is not None:
            self.thaw()
            self._wanted = False
            await self._running.stop()


class Brokers:
    """All brokers of the laboratory: one, or a cluster that is its own quorum."""

    def __init__(self, folder: Path, told: Sequence[Mapping[str, int]]) -> None:
        """`told`: for each broker, door name -> port of the wire before it; as many brokers as entries."""
        names, size = list(told[0]), len(told)
        ports = free_ports(size * (2 + len(names)))
        own = [ports[at::size] for at in range(size)]
        voters = ",".join(f"{at + 1}@{HOST}:{mine[1]}" for at, mine in enumerate(own))
        cluster = node._kafka_uuid()
        self.all: list[LabBroker] = []
        for at, (mine, wires) in enumerate(zip(own, told, strict=True)):
            doors = tuple(Door(name, port, wires[name]) for name, port in zip(names, mine[2:], strict=True))
            home, place = folder / f"broker-{at + 1}", Place(at + 1, voters, cluster, size)
            self.all.append(LabBroker(DoorNode(home, mine[0], mine[1], home / "kafka.log", doors, place)))

    @property
    def bootstrap(self) -> str:
        """The plain listeners of all, past every wire."""
        return ",".join(one.bootstrap for one in self.all)

    def doors(self, name: str) -> list[int]:
        """The ports behind a door, broker by broker."""
        return [one.door(name) for one in self.all]

    async def start(self) -> None:
        """All together, for they need each other; those that run go on."""
        await asyncio.gather(*(one.start() for one in self.all))

    async def heal(self) -> None:
        """Every one running and not frozen."""
        await asyncio.gather(*(one.heal() for one in self.all))

    async def keep(self) -> None:
        """For ever: start again what ends without having been killed here."""
        await asyncio.gather(*(one.keep() for one in self.all))

    async def stop(self) -> None:
        """The end of the laboratory."""
        await asyncio.gather(*(one.stop() for one in self.all))


def free_ports(count: int) -> Sequence[int]:
    """Ports nobody listens on now."""
    with ExitStack() as open_:
        sockets = [open_.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]
