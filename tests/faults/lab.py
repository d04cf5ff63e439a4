"""The laboratory: one broker, the parts of a hub as processes behind wires, publishers, a watch. Injectors break it.

Rule kept: what is broken is healed through the same object, and at the end nothing of it is left: processes, ports and
the one folder everything lay in.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from consent.terms import Lane, Profile
from hub import assemble
from hub.contracts import topics
from hub.contracts.federation import Federation, parse_federation
from hub.contracts.keys import secret_text
from hub.registry.federation import Signed, federation_records, parties, start_records
from hub.registry.topics.kafka import create
from hub.settings import Settings
from tests.faults.broker import Brokers
from tests.faults.changes import Changes, people
from tests.faults.child import Child
from tests.faults.disk import Disk, lacks_disk
from tests.faults.driver import Driver
from tests.faults.effects import ASIDE, COUNT, DELIVERED
from tests.faults.faults import LabFault
from tests.faults.history import Release
from tests.faults.journal import Journal
from tests.faults.recovery import Recovery
from tests.faults.station import OtherCrowd, Station, StationCrowd, asked
from tests.faults.units import RECEIVER, STATION
from tests.faults.watch import Watch
from tests.faults.wire import Wire

CLUJ: Final = Path(__file__).parents[2] / "deploy/federation/cluj.toml"
LANES: Final = (Lane.ALERT, Lane.CASE)
PEOPLE: Final = ("p-1", "p-2")
READY_S: Final = 60.0
BEFORE_S: Final = 15.0
BEHIND_S: Final = 90.0
STATION_SHARE: Final = 0.04
"""The station's part of the rate, beside the crowd."""
LEVEL_S: Final = 30.0
"""After healing all units are level within this."""


@dataclass(slots=True, eq=False)
class Lab:
    """Everything of one run. `parts` by name: `gateway-case`, `admit-alert`, `registry`, `outbox`, `sink`, and extras.

    `disks`: under the outbox's and the sink's file, by the name of the part.
    """

    folder: Path
    parts_made: assemble.Parts
    federation: Federation
    brokers: Brokers
    wires: Mapping[str, Wire]
    watch: Watch
    driver: Driver
    station: Station
    changes: Changes
    disks: Mapping[str, Disk]
    parts: dict[str, Child]
    recoveries: list[Recovery] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    poisoned: set[str] = field(default_factory=set)
    damaged: list[float] = field(default_factory=list)
    """When the station's inbox was damaged (s): what it wrote about then may come in another order."""
    taken_back: set[Release] = field(default_factory=set)
    """Releases that the sink had when a broker lost some of what it had released."""
    _extras: int = 0

    @property
    def settings(self) -> Settings:
        """Settings of the laboratory's own clients, past every wire."""
        return self.parts_made.settings

    @property
    def journal(self) -> Path:
        """What was published."""
        return self.folder / "journal.jsonl"

    def child(self, target: str) -> Child:
        """A part by name."""
        return self.parts[target]

    def wire(self, target: str) -> Wire:
        """The wire of a part."""
        return self.wires[target]

    def twin(self, target: str) -> Child:
        """Another process beside a part, not started; it takes part in the same group, past the wire."""
        first = self.parts[target]
        plain = first.environment | {"PUNTE_KAFKA_BOOTSTRAP": self.brokers.bootstrap}
        self._extras += 1
        made = Child(f"{target}-{self._extras}", first.words, plain, first.log)
        self.parts[made.name] = made
        return made

    async def drop(self, made: Child) -> None:
        """End an extra process for good: drained, unless it was killed before."""
        await made.stop()
        self.parts.pop(made.name, None)

    async def end_parts(self) -> None:
        """Drain every process of the hub; what they left is there to be read."""
        await asyncio.gather(*(child.stop() for child in list(self.parts.values())))

    def unordered(self) -> frozenset[str]:
        """Events that an inbox lost, or that came behind what it lost: their order is not judged."""
        near = [(at - BEFORE_S, at + BEHIND_S) for at in self.damaged]
        return frozenset(event for at, event in self.station.written if any(a <= at <= b for a, b in near))

    def effects(self) -> int:
        """How many effects the sink has; 0 while its file cannot be read."""
        found = asked(store_path(self.disks), COUNT)
        return int(found[0][0]) if found else 0

    def stored(self) -> tuple[list[Any], list[Any]] | None:
        """The rows of the sink: delivered and put aside; None when its file cannot be read now."""
        path = store_path(self.disks)
        delivered, aside = asked(path, DELIVERED), asked(path, ASIDE)
        return None if delivered is None or aside is None else (delivered, aside)

    async def level(self, seconds: float) -> float | None:
        """Seconds until everything sent so far is acknowledged and decided; None when it takes more than these."""
        return await self.watch.level(seconds, self.driver.unanswered | self.station.unwritten)


async def _prepared(parts: assemble.Parts, federation: Federation, size: int) -> None:
    """Topics and register, as an installation loads them."""
    policy = assemble.proven_policy(parts.settings, parts.catalogue)
    signed = Signed(assemble.now_ms(), PEOPLE)
    await create(parts.options, topics.plan(parties(federation), LANES), size)
    async with parts.writer() as writer:
        await writer.write(start_records(policy, parts.keys, signed))
        await writer.write(federation_records(federation, parts.catalogue.ids, signed))


def part_words() -> Mapping[str, tuple[str, ...]]:
    """The parts of a hub by name, and their words after `python -m`."""
    lanes, verbs = [lane.value for lane in LANES], ("admit", "gateway")
    works = {f"{verb}-{lane}": ("hub", "run", verb, "--lane", lane) for lane in lanes for verb in verbs}
    only = tuple(word for lane in lanes for word in ("--lane", lane))
    return works | {"registry": ("hub", "run", "registry", *only)}


def connector_words(disks: Mapping[str, Disk]) -> Mapping[str, tuple[str, ...]]:
    """The connectors by name, and their words after `python -m`."""
    return {
        "outbox": ("connectors.police", "--outbox", str(outbox_path(disks)), "--unit", STATION),
        "sink": ("connectors.shelter", "--store", str(store_path(disks)), "--unit", RECEIVER),
    }


def outbox_path(disks: Mapping[str, Disk]) -> Path:
    """The file the station writes to."""
    return disks["outbox"].folder / "outbox.sqlite"


def store_path(disks: Mapping[str, Disk]) -> Path:
    """The file the sink delivers to."""
    return disks["sink"].folder / "store.sqlite"


@asynccontextmanager
async def laboratory(folder: Path, seed: int, rate: float, size: int = 1) -> AsyncIterator[Lab]:
    """A hub at work on `size` brokers under `rate` events per second; everything is ended at the end of the block."""
    secret = folder / "secret.json"
    secret.touch(0o600)
    secret.write_text(secret_text(1, secrets.token_bytes(32)))
    async with AsyncExitStack() as stack:
        disks = await _disks(stack, folder)
        words = {**part_words(), **connector_words(disks)}
        wires = {name: await stack.enter_async_context(Wire(size)) for name in words}
        brokers = Brokers(folder, [{_door(name): w.ports[at] for name, w in wires.items()} for at in range(size)])
        stack.push_async_callback(brokers.stop)
        await brokers.start()
        for name, wire in wires.items():
            wire.upstreams = brokers.doors(_door(name))
        settings = Settings(kafka_bootstrap=brokers.bootstrap, secret_file=secret, profile=Profile.DEMO)
        parts = assemble.parts(settings)
        federation = parse_federation(CLUJ.read_text("utf-8"))
        await _prepared(parts, federation, size)
        _background(stack, brokers.keep())
        children = {
            name: Child(name, own, _environment(wires[name].bootstrap, secret), folder / f"{name}.log")
            for name, own in words.items()
        }
        watch = await stack.enter_async_context(Watch(parts.options, LANES, parts.record("audit.decision")))
        journal = stack.enter_context(Journal(folder / "journal.jsonl"))
        made = _publishing(parts, federation, seed, journal, watch)
        lab = Lab(folder, parts, federation, brokers, wires, watch, *made(outbox_path(disks)), disks, children)
        stack.push_async_callback(lab.end_parts)
        await _start(lab)
        for work in (lab.driver.run(rate), lab.station.run(STATION_SHARE * rate), lab.changes.run()):
            _background(stack, work)
        yield lab


async def _disks(stack: AsyncExitStack, folder: Path) -> Mapping[str, Disk]:
    """A disk each for the outbox and the sink; plain folders where there can be none."""
    able, disks = lacks_disk() is None, {name: Disk(folder / f"disk-{name}") for name in ("outbox", "sink")}
    for disk in disks.values():
        stack.push_async_callback(disk.end)
        await disk.make(able)
    return disks


def _publishing(
    parts: assemble.Parts, federation: Federation, seed: int, journal: Journal, watch: Watch
) -> Callable[[Path], tuple[Driver, Station, Changes]]:
    """The crowd, the station that writes to an outbox at a path, and the people who change their minds."""
    rng, now = Random(seed), assemble.now_ms()
    crowd = OtherCrowd(parts.catalogue, federation, rng, now)
    own = StationCrowd(parts.catalogue, federation, Random(f"station {seed}"), now)
    minds = people(crowd.people, parts.keys, Random(f"changes {seed}"))
    driver = Driver(parts.options, parts.catalogue, crowd, journal, watch.acknowledged)
    driver.decided = watch.decided.__contains__
    changes = Changes(parts.writer, minds, journal)
    return lambda path: (driver, Station(path, own, journal, watch.acknowledged), changes)


def _door(name: str) -> str:
    """A listener's name may hold letters and underscores."""
    return name.upper().replace("-", "_")


def _environment(bootstrap: str, secret: Path) -> dict[str, str]:
    return {
        "PUNTE_KAFKA_BOOTSTRAP": bootstrap,
        "PUNTE_SECRET_FILE": str(secret),
        "PUNTE_PROFILE": "demo",
        "PUNTE_LOG_LEVEL": "INFO",
    }


def _background(stack: AsyncExitStack, work: Any) -> None:
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


async def _start(lab: Lab) -> None:
    for child in lab.parts.values():
        child.start()
    for child in lab.parts.values():
        if not await child.ready(READY_S):
            raise LabFault(f"`{child.name}` was not ready within {READY_S:.0f} s")
