"""A shelter's sink dies at any step, on a real Kafka; each release has one effect in the shelter's own database."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sqlite3
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import fastavro
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from connectors.sdk import sink as sdk_sink
from connectors.sdk.released import ReleaseReader
from connectors.sdk.settings import REAL, World
from connectors.sdk.sink import CHECK_MS, WAIT_MS, Sink
from connectors.shelter.sql import Deliveries
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import plain
from hub.contracts.files import load_catalogue
from hub.contracts.topics import TopicSpec
from hub.contracts.wire import frame
from hub.demo.records import random_record
from hub.registry.topics.kafka import create

pytestmark = pytest.mark.kafka
STEPS = ("fetched", "begun", "effects", "positions", "stored", "acknowledged")
POINTS = [(step, nth) for step in STEPS for nth in (1, 2)]
COUNT = 5


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of two, so that a death can fall between batches, too."""
    monkeypatch.setattr(sdk_sink, "BATCH", 2)


class Crash(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The catalogue of the project."""
    return load_catalogue()


@pytest.fixture
async def unit(kafka: str) -> str:
    """A unit that receives cases and alerts."""
    code = f"u{uuid.uuid4().hex[:5]}"
    await made(kafka, f"release.case.{code}.p6", f"release.alert.{code}.p2")
    return code


async def made(kafka: str, *names: str) -> None:
    """Topics of one partition, there for every client."""
    await create({"bootstrap_servers": kafka}, [TopicSpec(name, 1, -1) for name in names], 1)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    while not set(names) <= set(await admin.list_topics()):
        pass
    await admin.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the shelter's database lies."""
    return tmp_path / "shelter.sqlite"


def ids(count: int) -> list[str]:
    """New release ids."""
    return [str(uuid.uuid4()) for _ in range(count)]


def value(catalogue: Catalogue, number: int) -> bytes:
    """A framed record."""
    out, schema = io.BytesIO(), fastavro.parse_schema(plain(catalogue.schemas[1001]))
    fastavro.schemaless_writer(out, schema, random_record(catalogue, "incident.reported", Random(number)))
    return frame(1001, out.getvalue())


def headers(release: str) -> list[tuple[str, bytes]]:
    """The headers of a release that the connector reads."""
    told = {"ce_id": release, "ce_type": "incident.reported", "ce_time": "2026-11-20T00:00:00.000Z", "ce_subject": "c"}
    return [(name, text.encode()) for name, text in told.items()]


async def released(kafka: str, topic: str, records: Sequence[tuple[bytes, Any]]) -> None:
    """Write (value, headers) as the gateway does, in one transaction."""
    async with (
        AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"t{uuid.uuid4().hex}") as producer,
        producer.transaction(),
    ):
        for payload, named in records:
            await producer.send(topic, payload, headers=named)


async def good(kafka: str, topic: str, catalogue: Catalogue, releases: Sequence[str]) -> None:
    """Releases that can be read."""
    await released(kafka, topic, [(value(catalogue, number), headers(each)) for number, each in enumerate(releases)])


def sink(kafka: str, unit: str, catalogue: Catalogue, store: Deliveries, world: World = REAL) -> Sink:
    """A sink of the unit."""
    return Sink({"bootstrap_servers": kafka}, unit, ReleaseReader(catalogue.schemas), store, world)


def asked(path: Path, question: str) -> list[Any]:
    """Rows of the shelter's database."""
    with sqlite3.connect(path) as db:
        found = db.execute(question).fetchall()
    db.close()
    return found


def delivered(path: Path) -> list[str]:
    """Release ids in the order they were delivered."""
    return [each for (each,) in asked(path, "SELECT release FROM delivery ORDER BY seq")]


async def until(made: Sink, path: Path, count: int) -> None:
    """Turn until there are so many deliveries, then once more, so that the last is acknowledged."""
    async with asyncio.timeout(30):
        while len(delivered(path)) < count:
            await made.turn()
        await made.turn()


def dies(step: str, nth: int) -> Callable[[str], None]:
    """Dies at the n-th pass of a step."""
    passed = Counter[str]()

    def crash(name: str) -> None:
        passed[name] += 1
        if name == step and passed[name] == nth:
            raise Crash

    return crash


async def committed(kafka: str, unit: str, topic: str) -> int | None:
    """How far the group says that it is."""
    async with AIOKafkaConsumer(bootstrap_servers=kafka, group_id=f"{unit}.sink", enable_auto_commit=False) as one:
        found: int | None = await one.committed(TopicPartition(topic, 0))
        return found


@pytest.mark.parametrize("point", POINTS, ids=str)
async def test_a_death_at_this_step_gives_each_effect_once(
    kafka: str, unit: str, catalogue: Catalogue, path: Path, small: None, point: tuple[str, int]
) -> None:
    """What is there and how far it was read agree after the death; a second sink on the same file finishes the rest."""
    step, nth = point
    topic, wanted = f"release.case.{unit}.p6", ids(COUNT)
    await good(kafka, topic, catalogue, wanted)
    first = Deliveries(path)
    with pytest.raises(Crash):
        async with sink(kafka, unit, catalogue, first, World(step=dies(step, nth))) as dying:
            await until(dying, path, COUNT)
    first.close()
    whole = 2 * (nth if step in {"stored", "acknowledged"} else nth - 1)
    assert delivered(path) == wanted[:whole]
    assert asked(path, 'SELECT "offset" FROM source') == ([(whole - 1,)] if whole else [])
    second = Deliveries(path)
    async with sink(kafka, unit, catalogue, second) as living:
        await until(living, path, COUNT)
    second.close()
    assert delivered(path) == wanted
    assert await committed(kafka, unit, topic) == COUNT


async def test_the_store_s_own_position_counts_not_the_group_s(
    kafka: str, unit: str, catalogue: Catalogue, path: Path
) -> None:
    """A group that says it is further than the database is not believed."""
    topic, wanted = f"release.case.{unit}.p6", ids(3)
    await good(kafka, topic, catalogue, wanted)
    async with AIOKafkaConsumer(bootstrap_servers=kafka, group_id=f"{unit}.sink", enable_auto_commit=False) as liar:
        liar.assign([TopicPartition(topic, 0)])
        await liar.commit({TopicPartition(topic, 0): 3})
    store = Deliveries(path)
    async with sink(kafka, unit, catalogue, store) as living:
        await until(living, path, 3)
    store.close()
    assert delivered(path) == wanted


async def test_a_release_read_again_has_no_second_effect(
    kafka: str, unit: str, catalogue: Catalogue, path: Path
) -> None:
    """The same id at a later offset, as a hub that lost its memory writes it; other bytes under it are put aside."""
    topic, (one, two) = f"release.case.{unit}.p6", ids(2)
    await good(kafka, topic, catalogue, [one])
    await good(kafka, topic, catalogue, [one, two])
    await released(kafka, topic, [(value(catalogue, 7), headers(one))])
    store = Deliveries(path)
    async with sink(kafka, unit, catalogue, store) as living:
        await until(living, path, 2)
        async with asyncio.timeout(10):
            while not asked(path, "SELECT 1 FROM aside"):
                await living.turn()
    store.close()
    assert delivered(path) == [one, two]
    assert asked(path, "SELECT release, code FROM aside") == [(one, "conflict")]


async def test_what_was_taken_back_is_never_delivered(kafka: str, unit: str, catalogue: Catalogue, path: Path) -> None:
    """The releases of an aborted transaction."""
    topic, (gone, kept) = f"release.case.{unit}.p6", ids(2)
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"t{uuid.uuid4().hex}") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, value(catalogue, 0), headers=headers(gone))
        await producer.abort_transaction()
    await good(kafka, topic, catalogue, [kept])
    store = Deliveries(path)
    async with sink(kafka, unit, catalogue, store) as living:
        await until(living, path, 1)
    store.close()
    assert delivered(path) == [kept]


async def test_alerts_are_taken_before_a_backlog(
    kafka: str, unit: str, catalogue: Catalogue, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are written when all of the backlog was fetched already, and wait for no more than a part of it."""
    monkeypatch.setattr(sdk_sink, "BATCH", 5)
    await good(kafka, f"release.case.{unit}.p6", catalogue, ids(1000))
    alerts = ids(3)
    store = Deliveries(path)
    async with sink(kafka, unit, catalogue, store) as living:
        await until(living, path, 1)
        await good(kafka, f"release.alert.{unit}.p2", catalogue, alerts)
        await until(living, path, 1003)
    store.close()
    assert delivered(path).index(alerts[-1]) < 500


async def test_what_cannot_be_read_is_put_aside_and_stops_nobody(
    kafka: str, unit: str, catalogue: Catalogue, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Kept whole with a code; no value of it in the log; a later start that knows the schema delivers it."""
    topic, (first, future, last) = f"release.case.{unit}.p6", ids(3)
    tomorrow = frame(999_999, value(catalogue, 1)[5:])
    await good(kafka, topic, catalogue, [first])
    await released(kafka, topic, [(b"Canaria Popescu", []), (tomorrow, headers(future))])
    await good(kafka, topic, catalogue, [last])
    store = Deliveries(path)
    async with sink(kafka, unit, catalogue, store) as living:
        await until(living, path, 2)
    assert delivered(path) == [first, last]
    aside = asked(path, 'SELECT release, code, value FROM aside ORDER BY "offset"')
    assert aside == [("", "header", b"Canaria Popescu"), (future, "schema_unknown", tomorrow)]
    assert "Canaria" not in "".join(capfd.readouterr())
    known = ReleaseReader({**catalogue.schemas, 999_999: catalogue.schemas[1001]})
    assert store.retry(known.read) == 1
    assert store.retry(known.read) == 0
    store.close()
    assert delivered(path) == [first, last, future]
    assert asked(path, "SELECT code FROM aside") == [("header",)]


async def test_a_topic_made_later_is_found(kafka: str, catalogue: Catalogue, path: Path) -> None:
    """Within ten seconds; until there is one, the sink waits and lets others run."""
    unit, wanted, now = f"u{uuid.uuid4().hex[:5]}", ids(1), [0]
    store = Deliveries(path)
    async with sink(kafka, unit, catalogue, store, World(now=lambda: now[0])) as living:
        began = asyncio.get_running_loop().time()
        assert await living.turn() == 0
        assert asyncio.get_running_loop().time() - began > WAIT_MS / 2000
        await made(kafka, f"release.case.{unit}.p6")
        await good(kafka, f"release.case.{unit}.p6", catalogue, wanted)
        now[0] += CHECK_MS
        await until(living, path, 1)
    store.close()
    assert delivered(path) == wanted


class NotUtf8(str):
    """A header name that is not UTF-8 on the wire."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        """Bytes no decoder takes."""
        return b"\xff\xfe"


async def test_a_header_name_that_is_no_text_stops_nobody(
    kafka: str, unit: str, catalogue: Catalogue, path: Path
) -> None:
    """Kafka's client would stop at its record for ever; here it is put aside like any other that cannot be read."""
    topic, wanted = f"release.case.{unit}.p6", ids(3)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        batch, made = producer.create_batch(), _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 100_000)
        for offset, name in enumerate(wanted):
            bad = [(NotUtf8("zz"), b"1")] if offset == 1 else headers(name)
            made.append(offset, 1, None, value(catalogue, offset), bad)
        batch._builder, batch._relative_offset = made, 3
        await (await producer.send_batch(batch, topic, partition=0))
    store = Deliveries(path)
    async with sink(kafka, unit, catalogue, store) as living:
        await until(living, path, 2)
    store.close()
    assert delivered(path) == [wanted[0], wanted[2]]
    assert asked(path, "SELECT code FROM aside") == [("header",)]


@pytest.mark.parametrize("noticed", ["by-the-check", "by-the-first-batch", "at-the-start"])
async def test_a_kafka_that_was_emptied_is_read_from_its_beginning(
    kafka: str, unit: str, catalogue: Catalogue, path: Path, noticed: str
) -> None:
    """The hub releases again what it had released, and more; each has one effect."""
    topic, wanted = f"release.case.{unit}.p6", ids(6)
    now = [0]
    await good(kafka, topic, catalogue, wanted[:3])
    store = Deliveries(path)
    async with sink(kafka, unit, catalogue, store, World(now=lambda: now[0])) as living:
        await until(living, path, 3)
        await emptied(kafka, topic)
        await good(kafka, topic, catalogue, wanted)
        now[0] += CHECK_MS if noticed == "by-the-check" else 0
        if noticed != "at-the-start":
            await until(living, path, 6)
    async with sink(kafka, unit, catalogue, store) as again:
        await until(again, path, 6)
    store.close()
    assert delivered(path) == wanted


async def emptied(kafka: str, topic: str) -> None:
    """A topic that lost all its records, as a Kafka set up anew has it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics([topic])
    while topic in await admin.list_topics():
        pass
    await admin.close()
    await made(kafka, topic)


async def test_a_killed_process_is_followed_without_loss_or_double(
    kafka: str, unit: str, catalogue: Catalogue, path: Path
) -> None:
    """`kill -9` after the first batch it says it took; a second process ends with each release once."""
    topic, wanted = f"release.case.{unit}.p6", ids(1500)
    await good(kafka, topic, catalogue, wanted)
    first = await started(kafka, unit, path)
    assert first.stderr is not None
    await asyncio.wait_for(first.stderr.readline(), 40)
    first.kill()
    await first.wait()
    before = len(delivered(path))
    assert 0 < before < len(wanted)
    second = await started(kafka, unit, path)
    assert second.stderr is not None
    async with asyncio.timeout(40):
        while len(delivered(path)) < len(wanted):
            assert json.loads(await second.stderr.readline())["event"] == "releases.taken"
        second.terminate()
        assert await second.wait() == 0
    assert delivered(path) == wanted


async def started(kafka: str, unit: str, path: Path) -> asyncio.subprocess.Process:
    """The shelter connector as its supervisor starts it."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connectors.shelter", "--store", str(path), "--unit", unit),
        env={**os.environ, "PUNTE_KAFKA_BOOTSTRAP": kafka, "PUNTE_LOG_LEVEL": "INFO"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
