"""The police connector empties its outbox: at least once, in order, and no row can stop those behind it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from connectors.police.mapping import to_event
from connectors.sdk.kafka import BATCH, OutboxPublisher
from connectors.sdk.port import Event, Row
from connectors.sdk.settings import REAL, World
from connectors.sdk.sql import Outbox
from hub.contracts.catalogue import Catalogue
from hub.contracts.files import load_catalogue
from hub.contracts.topics import TopicSpec
from hub.demo.records import random_record
from hub.registry.topics.kafka import create

pytestmark = pytest.mark.kafka
NOW = 1_790_000_000_000


class Crash(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The catalogue of the project."""
    return load_catalogue()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    """An empty outbox."""
    return Outbox(tmp_path / "outbox.sqlite")


@pytest.fixture
async def unit(kafka: str) -> str:
    """A unit with an inbox of its own."""
    code = f"u{uuid.uuid4().hex[:5]}"
    await create({"bootstrap_servers": kafka}, [TopicSpec(f"inbox.case.{code}", 1, -1)], 1)
    return code


def row(catalogue: Catalogue, number: int, **other: Any) -> Row:
    """A valid row; `other` columns in place of its own."""
    record = random_record(catalogue, "incident.reported", Random(number))
    columns = {"kind": "sesizare", "time": NOW + number, "subject": f"CJ-{number}", "record": record}
    return Row(str(uuid.UUID(int=number + 1, version=4)), **{**columns, **other})


def states(path: Path) -> Mapping[str, str]:
    """State of each row by id."""
    with sqlite3.connect(path) as db:
        found = dict(db.execute("SELECT id, state FROM outbox ORDER BY seq").fetchall())
    db.close()
    return found


async def sent(kafka: str, unit: str, count: int) -> list[tuple[str, bytes, Any]]:
    """Event id, value and headers of the first records of an inbox."""
    found: list[tuple[str, bytes, Any]] = []
    consumer = AIOKafkaConsumer(f"inbox.case.{unit}", bootstrap_servers=kafka, auto_offset_reset="earliest")
    async with consumer:
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                found += [(dict(r.headers)["ce_id"].decode(), r.value, r.headers) for r in records]
    return found


def publisher(kafka: str, catalogue: Catalogue, unit: str, outbox: Outbox, world: World = REAL) -> OutboxPublisher:
    """The publisher of an outbox."""
    return OutboxPublisher({"bootstrap_servers": kafka}, catalogue, unit, outbox, to_event, world)


async def test_a_crash_between_send_and_mark_sends_again_the_same_bytes(
    kafka: str, catalogue: Catalogue, unit: str, outbox: Outbox, tmp_path: Path
) -> None:
    """Under the same id, though the mapping was upgraded in between: other bytes would be a conflict."""

    def crash(step: str) -> None:
        if step == "acknowledged":
            raise Crash

    outbox.put(row(catalogue, 1))
    async with publisher(kafka, catalogue, unit, outbox, World(step=crash)) as first:
        with pytest.raises(Crash):
            await first.turn()
    outbox.close()
    again = Outbox(tmp_path / "outbox.sqlite")

    def upgraded(row: Row) -> Event:
        return replace(to_event(row), record={**row.record, "siruta": 54984}, subject="another")

    async with OutboxPublisher({"bootstrap_servers": kafka}, catalogue, unit, again, upgraded) as second:
        await second.turn()
    one, two = await sent(kafka, unit, 2)
    assert one == two
    assert states(tmp_path / "outbox.sqlite") == {one[0]: "sent"}
    again.close()


async def test_rows_keep_their_order_over_batches(kafka: str, catalogue: Catalogue, unit: str, outbox: Outbox) -> None:
    """More rows than a batch holds, in the order the station wrote them."""
    rows = [row(catalogue, number) for number in Random(1).sample(range(BATCH + 50), BATCH + 50)]
    for each in rows:
        outbox.put(each)
    async with publisher(kafka, catalogue, unit, outbox) as made:
        while outbox.fresh(1):
            await made.turn()
    assert [event_id for event_id, *_ in await sent(kafka, unit, len(rows))] == [each.id for each in rows]
    outbox.close()


FAULTY: Mapping[str, Mapping[str, Any]] = {
    "an-unknown-form": {"kind": "foaie_de_parcurs"},
    "a-record-of-another-form": {"kind": "ordin_protectie_provizoriu"},
    "a-record-with-a-field-too-many": {"record": {"extra": 1}},
    "a-record-that-is-a-list": {"record": [1]},
    "a-record-that-is-null": {"record": None},
    "a-moment-in-the-year-40000": {"time": 1_200_000_000_000_000},
    "a-moment-beyond-all-years": {"time": 1 << 62},
    "a-record-too-large": {"bulk": "x" * 70_000},
    "a-block-that-is-a-text": {"block": "Ana"},
}


@pytest.mark.parametrize("attack", FAULTY)
async def test_a_row_that_is_no_event_stays_and_stops_nobody(
    kafka: str, catalogue: Catalogue, unit: str, outbox: Outbox, tmp_path: Path, attack: str
) -> None:
    """It is marked for a person; the rows before and behind it are sent."""
    other = dict(FAULTY[attack])
    record = row(catalogue, 2).record
    if "bulk" in other:
        other = {"record": {**record, "address": other["bulk"]}}
    if "block" in other:
        other = {"record": {**record, "victim": other["block"]}}
    rows = [row(catalogue, 1), row(catalogue, 2, **other), row(catalogue, 3)]
    for each in rows:
        outbox.put(each)
    async with publisher(kafka, catalogue, unit, outbox) as made:
        await made.turn()
    assert [event_id for event_id, *_ in await sent(kafka, unit, 2)] == [rows[0].id, rows[2].id]
    assert list(states(tmp_path / "outbox.sqlite").values()) == ["sent", "refused", "sent"]
    outbox.close()


async def test_a_row_that_is_not_json_stays_and_stops_nobody(
    kafka: str, catalogue: Catalogue, unit: str, outbox: Outbox, tmp_path: Path
) -> None:
    """A broken column of the station's own database."""
    outbox.put(row(catalogue, 1))
    with outbox._file.transaction() as db:
        db.execute("UPDATE outbox SET record = ?", ('{"cut',))
    outbox.put(row(catalogue, 2))
    async with publisher(kafka, catalogue, unit, outbox) as made:
        await made.turn()
    assert list(states(tmp_path / "outbox.sqlite").values()) == ["refused", "sent"]
    outbox.close()


def test_the_same_row_twice_is_one_row(catalogue: Catalogue, outbox: Outbox) -> None:
    """A station that writes again after its own crash publishes once."""
    outbox.put(row(catalogue, 1))
    outbox.put(row(catalogue, 1))
    assert len(outbox.fresh(BATCH)) == 1
    outbox.close()


async def test_the_connector_is_a_process_that_drains_on_sigterm(
    kafka: str, catalogue: Catalogue, unit: str, outbox: Outbox, tmp_path: Path
) -> None:
    """It says `ready`, publishes what is written while it runs, and ends with status 0."""
    words = ["-m", "connectors.police", "--outbox", str(tmp_path / "outbox.sqlite"), "--unit", unit]
    environment = {**os.environ, "PUNTE_KAFKA_BOOTSTRAP": kafka, "PUNTE_LOG_LEVEL": "ERROR"}
    process = await asyncio.create_subprocess_exec(sys.executable, *words, env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(40):
        assert await process.stdout.readline() == b"ready\n"
        outbox.put(row(catalogue, 1))
        assert len(await sent(kafka, unit, 1)) == 1
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0
    outbox.close()


def test_what_is_written_is_what_is_read(catalogue: Catalogue, outbox: Outbox) -> None:
    """Romanian letters and all other text come back as they were."""
    written = row(catalogue, 1, record={"name": "Ștefănescu Țuțu", "text": "نور \u2028"})
    outbox.put(written)
    assert outbox.fresh(1) == [written]
    assert json.dumps(written.record)
    outbox.close()
