"""A hub at work for tests of what people see of it: the pilot's federation under codes of its own, on the run's broker.

Rule kept: no two tests share a unit; what is hub-wide (register, audit, groups) is shared, so a test looks at its own
event ids alone, and its units are closed at its end. One hub at a time: groups and transactional ids are the product's.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import fastavro
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from consent.compile import Policy
from consent.messages import Language
from consent.terms import Lane, Profile, Role
from hub import assemble
from hub.cli.why import ask, status
from hub.contracts import topics
from hub.contracts.codec import plain
from hub.contracts.envelope import inbox_headers
from hub.contracts.federation import Federation, parse_federation
from hub.contracts.keys import secret_text
from hub.contracts.wire import frame
from hub.demo.crowd import Crowd, Published
from hub.registry.federation import Signed, federation_records, parties, start_records
from hub.registry.topics.kafka import create
from hub.settings import Settings
from hub.supervise.life import process
from hub.views.questions import audience
from hub.views.tell import as_json

CLUJ: Final = Path(__file__).parents[2] / "deploy/federation/cluj.toml"
LANES: Final = (Lane.ALERT, Lane.CASE)
PEOPLE: Final = ("p-1", "p-2")
PARTS: Final = 2 * len(LANES) + 1
PATIENCE_S: Final = 40


def own_federation() -> Federation:
    """The pilot's federation under fresh random codes of units and organisations."""
    text = CLUJ.read_text("utf-8")
    for code in sorted(set(re.findall(r'"([uo][a-z0-9]{5})"', text))):
        text = text.replace(f'"{code}"', f'"{code[0]}{uuid.uuid4().hex[:5]}"')
    return parse_federation(text)


@dataclass(slots=True)
class Hub:
    """Settings, policy, federation; `log` where its processes write, if it has any."""

    parts: assemble.Parts
    policy: Policy
    federation: Federation
    environment: dict[str, str]
    log: Path
    producer: AIOKafkaProducer
    rng: Random = field(default_factory=lambda: Random(uuid.uuid4().int))

    def unit(self, role: Role, nth: int = 0) -> str:
        """The code of the n-th unit of a role."""
        return [unit.code for unit in self.federation.units if unit.role is role][nth]

    def organisation(self, code: str) -> str:
        """The code of the organisation a unit belongs to."""
        found = self.federation.unit(code)
        assert found is not None
        return found.organisation

    @property
    def codes(self) -> frozenset[str]:
        """All units."""
        return frozenset(unit.code for unit in self.federation.units)

    def event(self, event_type: str, *never: str) -> Published:
        """A random event of a type that admission accepts, from a unit that may publish it; never from these units."""
        crowd = Crowd(self.parts.catalogue, self.federation, self.rng, assemble.now_ms())
        return next(event for event in crowd.events(4000) if event.type == event_type and event.source not in never)

    def value(self, event: Published) -> bytes:
        """The framed bytes of an event."""
        out = io.BytesIO()
        schema = fastavro.parse_schema(plain(self.parts.catalogue.event_schema(event.type)))
        fastavro.schemaless_writer(out, schema, event.record, strict=True)
        return frame(self.parts.catalogue.versions(event.type)[-1], out.getvalue())

    async def publish(
        self, event: Published, value: bytes | None = None, extra: Sequence[tuple[str, bytes]] = (), key: bytes = b""
    ) -> str:
        """Write an event to its inbox; `value` and `extra` headers in place of and beside its own. The event's id."""
        headers = [*inbox_headers(event.id, event.source, event.type, event.time, event.subject), *extra]
        await self.send(topics.inbox(event.lane, event.source), value or self.value(event), headers, key)
        return event.id

    async def send(self, topic: str, value: bytes, headers: Sequence[tuple[str, bytes]], key: bytes = b"") -> None:
        """Write one record, acknowledged."""
        await self.producer.send_and_wait(topic, value, key=key or None, headers=list(headers))

    async def put(self, *records: dict[str, Any]) -> list[int]:
        """Write register records; their offsets."""
        async with self.parts.writer() as writer:
            return await writer.write(records)

    async def topics(self) -> list[str]:
        """Every topic of the broker."""
        admin = AIOKafkaAdminClient(**self.parts.options)
        await admin.start()
        try:
            found: list[str] = await admin.list_topics()
            return sorted(found)
        finally:
            await admin.close()

    async def read(self, names: Iterable[str], count: int, wanted: Callable[[Any], bool]) -> list[Any]:
        """The first `count` committed records of these topics that are wanted; fails after a while without them."""
        found: list[Any] = []
        consumer = AIOKafkaConsumer(
            *names, **self.parts.options, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        async with asyncio.timeout(PATIENCE_S), consumer:
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += [record for record in records if wanted(record)]
        return found

    async def read_all(self, names: Iterable[str]) -> list[Any]:
        """Every committed record of these topics, up to their present ends."""
        consumer = AIOKafkaConsumer(
            *names, **self.parts.options, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        found: list[Any] = []
        async with asyncio.timeout(PATIENCE_S), consumer:
            ends = await consumer.end_offsets(consumer.assignment())
            while left := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
                for records in (await consumer.getmany(*left, timeout_ms=100)).values():
                    found += records
        return found

    async def decided(self, event: Published) -> dict[str, Any]:
        """The decision record of an event, once there is one."""
        codec = self.parts.record("audit.decision")
        topic = topics.audit_decision(event.lane)
        found = await self.read([topic], 1, lambda record: event.id.encode() in record.value)
        return codec.decode(found[0].value)

    async def released(self, event: Published, code: str) -> dict[str, Any] | None:
        """What the decision record says of the release for one unit; None when there was none."""
        decision = await self.decided(event)
        announced = [self.parts.record("audit.policy").decode(r.value) for r in await self.read_all(["audit.policy"])]
        units = max(
            (p for p in announced if p["registerRevision"] <= decision["registerRevision"]),
            key=lambda p: p["registerRevision"],
        )["units"]
        return next((entry for entry in decision["releases"] if units[entry["unitOrdinal"]] == code), None)

    def command(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """`punte` with these words, as a process of its own."""
        command = [sys.executable, "-m", "hub", *words]
        return subprocess.run(command, env=self.environment, capture_output=True, check=False)

    async def ask(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """The same, while this process works on."""
        return await asyncio.to_thread(self.command, *words)

    async def why(self, asked: str, who: str, language: Language = Language.EN) -> tuple[int, dict[str, Any]]:
        """Exit status and object of `punte why`, answered in this process."""
        found = audience(who)
        assert found is not None
        told = await ask(self.parts.settings, found, asked)
        return int(status(told)), json.loads(json.dumps(as_json(told, language)))


@asynccontextmanager
async def prepared(bootstrap: str, folder: Path) -> AsyncIterator[Hub]:
    """Topics and register of a hub that does not work yet; its units are closed at the end."""
    secret = folder / "secret.json"
    secret.touch(0o600)
    secret.write_text(secret_text(1, bytes(range(1, 33))))
    names = {"PUNTE_KAFKA_BOOTSTRAP": bootstrap, "PUNTE_SECRET_FILE": str(secret), "PUNTE_PROFILE": "demo"}
    settings = Settings(kafka_bootstrap=bootstrap, secret_file=secret, profile=Profile.DEMO)
    parts, federation = assemble.parts(settings), own_federation()
    policy = assemble.proven_policy(settings, parts.catalogue)
    signed = Signed(assemble.now_ms(), PEOPLE)
    units = federation_records(federation, parts.catalogue.ids, signed)
    await create(parts.options, topics.plan(parties(federation), LANES), 1)
    async with AIOKafkaProducer(**parts.options, acks="all") as producer:
        hub = Hub(parts, policy, federation, {**os.environ, **names}, folder / "hub.log", producer)
        await hub.put(*start_records(policy, parts.keys, signed), *units)
        yield hub
        await hub.put(*({**record, "state": "closed"} for record in units if record["kind"] == "unit"))


@asynccontextmanager
async def in_process(hub: Hub) -> AsyncIterator[None]:
    """Every part of the hub as tasks of this process, from ready to drained; no signal handler is set."""
    stops: list[Callable[[], Any]] = []
    ready = [asyncio.Event() for _ in range(PARTS)]
    marks = iter(ready)
    with pytest.MonkeyPatch.context() as patch:
        for module in (assemble, process):
            patch.setattr(module, "on_signal", stops.append)
        work = [
            run(hub.parts, lane, next(marks).set)
            for lane in LANES
            for run in (assemble.run_admission, assemble.run_gateway)
        ]
        tasks = [asyncio.create_task(one) for one in (*work, assemble.run_registry(hub.parts, LANES, next(marks).set))]
        await _until_ready(ready, tasks)
    try:
        yield
    finally:
        for stop in stops:
            stop()
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)


async def _until_ready(ready: Sequence[asyncio.Event], tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait until every part works; the first that ended instead says why."""
    everyone = asyncio.create_task(_all_set(ready))
    await asyncio.wait([everyone, *tasks], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()
    assert everyone.done(), "the hub was not ready in time"


async def _all_set(events: Sequence[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


@asynccontextmanager
async def in_processes(hub: Hub, level: str = "DEBUG") -> AsyncIterator[None]:
    """`punte run all` as a process, its log in `hub.log`, from ready to drained by SIGTERM."""
    words = [sys.executable, "-m", "hub", "run", "all", *(word for lane in LANES for word in ("--lane", lane.value))]
    with hub.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *words, env={**hub.environment, "PUNTE_LOG_LEVEL": level}, stdout=log, stderr=log
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                while _ready_parts(hub.log) < PARTS:
                    assert process.returncode is None, hub.log.read_text()[-2000:]
                    await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=0.2)
            yield
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), PATIENCE_S)


def _ready_parts(log: Path) -> int:
    """Lines of several processes can run into each other, their objects not."""
    said = (json.loads(line) for line in re.findall(r"\{[^{}]*\}", log.read_text()))
    return len({line["step"] for line in said if line.get("code") == "ready"})


@pytest.fixture(scope="module")
async def hub(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub at work in this process while the tests of one file run. Import it to use it."""
    async with prepared(kafka, tmp_path_factory.mktemp("hub")) as made, in_process(made):
        yield made
