"""The demo: a real Kafka, the hub as processes, a police connector, the story, a crowd; then the check from outside.

Rule kept: nothing here decides or releases; the demo publishes as agencies do, reads as units do, and asks `hub.check`.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from consent.terms import Lane, Role
from hub.assemble import Parts, now_ms, parts, proven_policy
from hub.check.kafka import Found, check
from hub.contracts.federation import Federation
from hub.contracts.keys import b64, secret_text
from hub.contracts.registers import common
from hub.contracts.topics import plan as plan_topics
from hub.demo.crowd import Crowd, Published
from hub.demo.kafka import Publishers, Watch
from hub.demo.sql import write_outbox
from hub.demo.story import DAY_MS, Cast, Scene, Story
from hub.demo.table import Column, outcomes, text_table
from hub.embedded import embedded_broker
from hub.quarantine.files import make_keys
from hub.registry.federation import Signed, federation_records, parties, start_records
from hub.registry.kafka import RegisterWriter
from hub.registry.topics.kafka import create
from hub.settings import Settings
from hub.supervise.process import Supervisor, parts_of

LANES: Final = (Lane.ALERT, Lane.CASE)
PEOPLE: Final = ("clerk-a", "clerk-b")
SLOWEST_S: Final = 60.0
PACKAGES: Final[Mapping[Role, tuple[tuple[str, ...], str]]] = {
    Role.SHEL: (("sh1", "sh2", "sh3"), "P9"),
    Role.NGO_V: (("ng1", "ng2", "ng3"), "P7"),
    Role.HOSP: (("ho1", "ho2"), "P10"),
}
"""What a person can agree to, by the role of the recipient: packages and purpose."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run shall do: seed, how many synthetic events, where it works, the federation, whether its data stay."""

    seed: int
    events: int
    folder: Path
    federation: Federation
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed: the tables of the story, counts, and what the check found."""

    kafka: str
    tables: tuple[str, ...]
    events: int
    counts: Mapping[str, int]
    found: Found
    elapsed_s: float

    def as_json(self) -> dict[str, object]:
        """The object of `punte demo --json`."""
        return {
            "kafka": self.kafka,
            "events": self.events,
            **self.counts,
            "lost": self.found.lost,
            "doubled": self.found.doubled,
            "leaked": self.found.leaked,
            "elapsed_s": round(self.elapsed_s, 1),
        }


class Run:
    """One run of the demo on a broker that is up."""

    def __init__(self, wanted: Wanted, hub: Parts, say: Say) -> None:
        self._wanted, self._hub, self._say = wanted, hub, say
        self._rng = Random(wanted.seed)
        self._policy = proven_policy(hub.settings, hub.catalogue)
        self._now = now_ms()
        self._crowd = Crowd(hub.catalogue, wanted.federation, self._rng, self._now)
        self._journal = wanted.folder / "journal.jsonl"
        self._units = {unit.code: unit for unit in wanted.federation.units}
        self._subjects: dict[str, str] = {}

    async def prepare(self) -> None:
        """Create the topics; load policy, keys, units and agreements into the register."""
        federation, options = self._wanted.federation, self._hub.options
        await create(options, plan_topics(parties(federation), LANES), 1)
        signed = Signed(self._now, PEOPLE)
        records = [
            *start_records(self._policy, self._hub.keys, signed),
            *federation_records(federation, self._hub.catalogue.ids, signed),
        ]
        async with self._hub.writer() as writer:
            await writer.write(records)

    async def story(self, watch: Watch, publishers: Publishers, writer: RegisterWriter) -> list[str]:
        """The eight events, one after the other; a table for each."""
        cast = self._cast()
        story = Story(self._hub.catalogue, cast, self._rng, self._now)
        consent = self._consent(cast.shelter, story.people.victim["cnp"])
        tables = []
        for scene in story.scenes():
            if scene.number == 2:
                await writer.write([consent])
            if scene.number == 8:
                await writer.write([consent | {"state": "withdrawn", "at": now_ms(), "reason": "asked"}])
            tables.append(await self._play(scene, watch, publishers))
        return tables

    async def crowd(self, watch: Watch, publishers: Publishers, writer: RegisterWriter) -> None:
        """The synthetic events in ten parts, facts changing in between."""
        left = self._wanted.events
        while left > 0:
            part = list(self._crowd.events(min(left, max(200, self._wanted.events // 10))))
            left -= len(part)
            await writer.write(self._changes())
            self._write_down(part)
            await publishers.publish(part)
            self._say(f"published {self._wanted.events - left} of {self._wanted.events}")

    async def _play(self, scene: Scene, watch: Watch, publishers: Publishers) -> str:
        subject = self._subjects.get(scene.source, "CJ-2026-0001") if scene.quotes else "CJ-2026-0001"
        lane, record = scene.lane, scene.record
        event = Published(self._crowd.event_id(), scene.source, scene.type, lane, self._now, subject, record)
        self._write_down([event])
        if self._units[scene.source].role in (Role.POL_D, Role.POL_R):
            write_outbox(self._outbox(scene.source), event)
        else:
            await publishers.publish([event])
        if not await watch.until(lambda: event.id in watch.decided, SLOWEST_S):
            raise TimeoutError(f"event {scene.number} of the story was not decided")
        return await self._told(scene, event, watch)

    async def _told(self, scene: Scene, event: Published, watch: Watch) -> str:
        """Wait for the releases the audit names, keep the references they give, draw the table."""
        decision = watch.decided[event.id]
        ids = [_uuid(entry["releaseId"]) for entry in decision["releases"]]
        await watch.until(lambda: all(each in watch.releases for each in ids), SLOWEST_S)
        got = [watch.releases[each] for each in ids if each in watch.releases]
        learned = {release.topic.split(".")[2]: release for release in got}
        self._subjects |= {unit: release.subject for unit, release in learned.items()}
        await self._relations_settle(scene)
        units = [unit for unit in self._wanted.federation.units if unit.code != scene.source]
        columns = [
            Column(f"{u.role} {u.code}", u.role, learned[u.code].schema_id if u.code in learned else None)
            for u in units
        ]
        event_type = self._hub.catalogue.types[scene.type]
        cells = {column.unit: outcomes(self._hub.catalogue, event_type, column) for column in columns}
        title = f"{scene.number}. {scene.title} ({scene.type}, from {self._units[scene.source].role})  event {event.id}"
        asked = {column.unit for column in columns if self._asked(scene.type, column.role)}
        return text_table(title, [field.path for field in event_type.fields], cells, asked)

    def _asked(self, event_type: str, role: str) -> bool:
        """Whether any unit of a role may learn of a type: its cell is not empty."""
        return any((event_type, role) == (cell[0], cell[1].value) for cell in self._policy.cells)

    async def _relations_settle(self, scene: Scene) -> None:
        """A referral begins a relation a moment after its release; the next event of the story rests on it."""
        if scene.type == "referral.made":
            await asyncio.sleep(1.0)

    def _cast(self) -> Cast:
        first = {unit.role: unit.code for unit in reversed(self._wanted.federation.units)}
        return Cast(first[Role.POL_D], first[Role.POL_R], first[Role.EMIS], first[Role.MOBILE], first[Role.SHEL])

    def _outbox(self, unit: str) -> Path:
        return self._wanted.folder / f"outbox-{unit}.sqlite"

    def outboxes(self) -> dict[str, Path]:
        """The stations that publish through a connector in the story."""
        cast = self._cast()
        return {unit: self._outbox(unit) for unit in (cast.dispatch, cast.patrol)}

    def _write_down(self, events: Sequence[Published]) -> None:
        """The journal of intent: written and on disk before anything is sent."""
        with self._journal.open("a") as journal:
            for event in events:
                journal.write(json.dumps({"id": event.id, "source": event.source, "type": event.type}) + "\n")
            journal.flush()
            os.fsync(journal.fileno())

    def _consent(self, recipient: str, cnp: str, package: str = "sh3", purpose: str = "P9") -> dict[str, Any]:
        """A consent as an accredited worker records it, alone with her."""
        person = b64(self._hub.keys.party_handle(cnp)).decode()
        return common("consent", self._crowd.event_id(), "given", now_ms(), PEOPLE) | {
            "giver": person,
            "person": person,
            "recipient": recipient,
            "purpose": purpose,
            "package": package,
            "groups": [],
            "witness": PEOPLE[1],
            "aloneConfirmed": True,
            "textVersion": "2026-1",
            "language": "ro",
            "channel": "paper",
            "validUntil": self._now + 180 * DAY_MS,
        }

    def _changes(self) -> list[dict[str, Any]]:
        """Some consents given, refused or withdrawn, some holds: facts that change under the events."""
        victims = [victim["cnp"] for victim, _ in self._crowd.people if victim["cnp"] is not None]
        units = [unit for unit in self._wanted.federation.units if unit.role in PACKAGES]
        changes = []
        for _ in range(60):
            unit = self._rng.choice(units)
            known, purpose = PACKAGES[unit.role]
            record = self._consent(unit.code, self._rng.choice(victims), self._rng.choice(known), purpose)
            changes.append(record | {"state": self._rng.choice(("given", "given", "given", "withdrawn", "refused"))})
        return [*changes, self._hold(self._rng.choice(victims))]

    def _hold(self, cnp: str) -> dict[str, Any]:
        unit = self._rng.choice([unit.code for unit in self._wanted.federation.units])
        return common("hold", self._crowd.event_id(), "on", now_ms(), PEOPLE[:1]) | {
            "caseHandle": None,
            "personHandle": b64(self._hub.keys.party_handle(cnp)).decode(),
            "unit": unit,
            "until": None,
        }


def _uuid(raw: bytes) -> str:
    return f"{raw.hex()[:8]}-{raw.hex()[8:12]}-{raw.hex()[12:16]}-{raw.hex()[16:20]}-{raw.hex()[20:]}"


async def run_demo(wanted: Wanted, say: Say) -> Outcome:
    """Everything: broker up, story, crowd, check, broker down."""
    began = time.monotonic()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    secret = wanted.folder / "secret.json"
    secret.touch(mode=0o600)
    secret.write_text(secret_text(1, secrets.token_bytes(32)))
    _, public = make_keys(wanted.folder)
    say("starting Kafka")
    data = wanted.folder / "kafka" if wanted.keep else None
    async with embedded_broker(data, log=wanted.folder / "kafka.log") as broker:
        environment = _environment(broker.bootstrap, secret, public)
        os.environ.update(environment)
        hub = parts(Settings())
        run = Run(wanted, hub, say)
        await run.prepare()
        say(f"Kafka is up at {broker.bootstrap}; starting the hub")
        async with _hub_running(environment, say), _connectors(run.outboxes(), environment):
            tables = await _publish(run, hub, wanted, say)
            say("checking every release from outside")
        found = await check(hub.settings, wanted.folder / "journal.jsonl")
        events = wanted.events + len(tables)
        return Outcome(broker.bootstrap, tuple(tables), events, found.counts, found, time.monotonic() - began)


async def _publish(run: Run, hub: Parts, wanted: Wanted, say: Say) -> list[str]:
    async with AsyncExitStack() as stack:
        watch = await stack.enter_async_context(Watch(hub.options, LANES, hub.record("audit.decision")))
        publishers = await stack.enter_async_context(Publishers(hub.options, hub.catalogue))
        writer = await stack.enter_async_context(hub.writer())
        say("playing the story")
        tables = await run.story(watch, publishers, writer)
        await run.crowd(watch, publishers, writer)
        total = wanted.events + len(tables)
        if not await watch.until(lambda: len(watch.decided) >= total, SLOWEST_S + wanted.events / 200):
            say(f"only {len(watch.decided)} of {total} events were decided in time")
        return tables


def _environment(bootstrap: str, secret: Path, public: Path) -> dict[str, str]:
    return {
        "PUNTE_KAFKA_BOOTSTRAP": bootstrap,
        "PUNTE_SECRET_FILE": str(secret),
        "PUNTE_SEAL_PUBLIC_FILE": str(public),
        "PUNTE_PROFILE": "demo",
        "PUNTE_LOG_LEVEL": "ERROR",
    }


@asynccontextmanager
async def _hub_running(environment: Mapping[str, str], say: Say) -> AsyncIterator[None]:
    """All parts of the hub as processes, ready."""
    supervisor = Supervisor(parts_of(LANES), {**os.environ, **environment}, lambda code, part: None)
    running = asyncio.create_task(supervisor.run())
    try:
        if not await asyncio.wait_for(supervisor.ready(), SLOWEST_S):
            raise RuntimeError("a part of the hub refused to start")
        say(f"the hub runs as {len(supervisor.pids())} processes")
        yield
    finally:
        supervisor.stop()
        await running


@asynccontextmanager
async def _connectors(outboxes: Mapping[str, Path], environment: Mapping[str, str]) -> AsyncIterator[None]:
    """One police connector for each station, as its own process, ready."""
    children = []
    try:
        for unit, outbox in outboxes.items():
            words = ("-m", "connectors.police", "--outbox", str(outbox), "--unit", unit)
            child = await asyncio.create_subprocess_exec(
                sys.executable, *words, stdout=asyncio.subprocess.PIPE, env={**os.environ, **environment}
            )
            children.append(child)
        for child in children:
            assert child.stdout is not None
            await asyncio.wait_for(child.stdout.readline(), SLOWEST_S)
        yield
    finally:
        for child in children:
            child.terminate()
        await asyncio.gather(*(child.wait() for child in children))
