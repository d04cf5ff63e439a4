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
class DoorNode(Node):
    """A node with doors beside its plain listener."""

    doors: tuple[Door, ...]

    def properties(self) -> str:
        """The text of server.properties; what is said twice counts as said last."""
        listeners = f"{PLAIN}://{self.bootstrap},{CONTROLLER}://{HOST}:{self.controller}"
        own = {
            "listeners": ",".join([listeners, *(f"{door.name}://{HOST}:{door.port}" for door in self.doors)]),
            "advertised.listeners": ",".join(
                [f"{PLAIN}://{self.bootstrap}", *(f"{door.name}://{HOST}:{door.told}" for door in self.doors)]
            ),
            "listener.security.protocol.map": ",".join(
                f"{name}:{PLAIN}" for name in (PLAIN, CONTROLLER, *(door.name for door in self.doors))
            ),
            "inter.broker.listener.name": PLAIN,
        }
        return Node.properties(self) + "".join(f"{key}={value}\n" for key, value in (FIXED | own).items() if key in own)


class LabBroker:
    """One Kafka on fixed ports and data. `start()`, then break it; `keep()` starts it again when it died by itself."""

    def __init__(self, folder: Path, told: Mapping[str, int]) -> None:
        """`folder`: where its data and logs lie; `told`: door name -> port of its wire."""
        port, controller, *ports = free_ports(2 + len(told))
        doors = tuple(Door(name, at, told[name]) for name, at in zip(told, ports, strict=True))
        self.node = DoorNode(folder, port, controller, folder / "kafka.log", doors)
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


def free_ports(count: int) -> Sequence[int]:
    """Ports nobody listens on now."""
    with ExitStack() as open_:
        sockets = [open_.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]
