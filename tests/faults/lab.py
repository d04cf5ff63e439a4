"""The laboratory: one broker, the parts of a hub as processes behind wires, publishers, a watch. Injectors break it.

Rule kept: what is broken is healed through the same object, and at the end nothing of it is left: processes, ports and
the one folder everything lay in.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
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
from hub.demo.crowd import Crowd
from hub.registry.federation import Signed, federation_records, parties, start_records
from hub.registry.topics.kafka import create
from hub.settings import Settings
from tests.faults.broker import Brokers
from tests.faults.child import Child
from tests.faults.driver import Driver
from tests.faults.faults import LabFault
from tests.faults.journal import Journal
from tests.faults.recovery import Recovery
from tests.faults.watch import Watch
from tests.faults.wire import Wire

CLUJ: Final = Path(__file__).parents[2] / "deploy/federation/cluj.toml"
LANES: Final = (Lane.ALERT, Lane.CASE)
PEOPLE: Final = ("p-1", "p-2")
READY_S: Final = 60.0
LEVEL_S: Final = 30.0
"""After healing all units are level within this."""


@dataclass(slots=True, eq=False)
class Lab:
    """Everything of one run. `parts` by name: `gateway-case`, `admit-alert`, `registry`, and extras of injectors."""

    folder: Path
    parts_made: assemble.Parts
    federation: Federation
    brokers: Brokers
    wires: Mapping[str, Wire]
    watch: Watch
    driver: Driver
    parts: dict[str, Child]
    recoveries: list[Recovery] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    poisoned: set[str] = field(default_factory=set)
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

    async def level(self) -> float | None:
        """Seconds until everything sent so far is acknowledged and decided; None when it takes more than `LEVEL_S`."""
        return await self.watch.level(LEVEL_S, self.driver.unanswered)


async def _prepared(parts: assemble.Parts, federation: Federation, size: int) -> None:
    """Topics and register, as an installation loads them."""
    policy = assemble.proven_policy(parts.settings, parts.catalogue)
    signed = Signed(assemble.now_ms(), PEOPLE)
    await create(parts.options, topics.plan(parties(federation), LANES), size)
    async with parts.writer() as writer:
        await writer.write(start_records(policy, parts.keys, signed))
        await writer.write(federation_records(federation, parts.catalogue.ids, signed))


def part_words() -> Mapping[str, tuple[str, ...]]:
    """The parts of a hub by name, and their words after `punte`."""
    works = {f"{verb}-{lane}": ("run", verb, "--lane", lane.value) for lane in LANES for verb in ("admit", "gateway")}
    only = tuple(word for lane in LANES for word in ("--lane", lane.value))
    return works | {"registry": ("run", "registry", *only)}


@asynccontextmanager
async def laboratory(folder: Path, seed: int, rate: float, size: int = 1) -> AsyncIterator[Lab]:
    """A hub at work on `size` brokers under `rate` events per second; everything is ended at the end of the block."""
    secret = folder / "secret.json"
    secret.touch(0o600)
    secret.write_text(secret_text(1, secrets.token_bytes(32)))
    words = part_words()
    async with AsyncExitStack() as stack:
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
        crowd = Crowd(parts.catalogue, federation, Random(seed), assemble.now_ms())
        driver = Driver(parts.options, parts.catalogue, crowd, journal, watch.acknowledged)
        lab = Lab(folder, parts, federation, brokers, wires, watch, driver, children)
        stack.push_async_callback(lab.end_parts)
        await _start(lab)
        _background(stack, driver.run(rate))
        yield lab


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
