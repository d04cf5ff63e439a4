"""A publisher dies between any two of its steps, on a real hub; its event is admitted, and delivered, exactly once."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from connectors.police.mapping import to_event
from connectors.sdk.kafka import OutboxPublisher
from connectors.sdk.port import Row
from connectors.sdk.released import ReleaseReader
from connectors.sdk.settings import World, wall_ms
from connectors.sdk.sink import Sink
from connectors.sdk.sql import ALERT_MS, OTHER_MS, Outbox
from connectors.shelter.sql import Deliveries
from consent.terms import Lane
from hub.contracts import topics
from hub.demo.records import random_record
from tests.support.loop import DISPATCH, PLACE, RNG, Hub, ids

pytest_plugins = ["tests.support.loop_fixture"]
pytestmark = pytest.mark.kafka
STEPS = ("read", "kept", "sent", "acknowledged", "marked", "receipts_read", "receipts_marked")
CENTRE = "uj9kpj"


class Crash(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
async def hub(loop_hub: Hub) -> AsyncIterator[Hub]:
    """The hub of the tests of the loop, admission and gateway of the case lane running."""
    parts = [await started(loop_hub, part) for part in ("admit", "gateway")]
    yield loop_hub
    for part in parts:
        part.terminate()
        await part.wait()


async def started(hub: Hub, part: str) -> asyncio.subprocess.Process:
    """A part of the hub as its supervisor starts it, at work."""
    made = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub", "run", part, "--lane", "case"),
        env={**os.environ, **hub.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert made.stdout is not None
    assert await asyncio.wait_for(made.stdout.readline(), 60) == b"ready\n"
    return made


def written(hub: Hub, path: Path) -> str:
    """One report in a new outbox; its id."""
    (event_id,) = ids(1)
    record = random_record(hub.parts.catalogue, "incident.reported", RNG)
    outbox = Outbox(path)
    outbox.put(Row(event_id, "sesizare", wall_ms(), "c-1", record | {"siruta": PLACE, "taskedUnits": []}))
    outbox.close()
    return event_id


def state(path: Path) -> str:
    """The state of the one row."""
    with sqlite3.connect(path) as db:
        ((found,),) = db.execute("SELECT state FROM outbox").fetchall()
    db.close()
    return str(found)


async def published(hub: Hub, path: Path, step: Callable[[str], None], ahead: int = 0) -> None:
    """A connector that publishes the outbox until its row is done; `ahead`: ms its clock is ahead of the wall's."""
    outbox = Outbox(path)
    options = {"bootstrap_servers": hub.bootstrap}
    world = World(now=lambda: wall_ms() + ahead, step=step)
    try:
        async with (
            asyncio.timeout(30),
            OutboxPublisher(options, hub.parts.catalogue, DISPATCH, outbox, to_event, world) as made,
        ):
            while state(path) != "done":
                await made.turn()
    finally:
        outbox.close()


def dies(wanted: str) -> Callable[[str], None]:
    """Dies at a step."""

    def crash(step: str) -> None:
        if step == wanted:
            raise Crash

    return crash


async def decisions(hub: Hub, event_id: str) -> int:
    """How often the hub decided an event."""
    codec, topic = hub.parts.record("audit.decision"), topics.audit_decision(Lane.CASE)
    found = [codec.decode(record.value or b"") for record in await hub.read([topic])]
    return Counter(each["eventId"] for each in found)[event_id]


def lives(_: str) -> None:
    """Never dies."""


@pytest.mark.parametrize("step", STEPS)
async def test_a_death_at_this_step_admits_exactly_once(hub: Hub, tmp_path: Path, step: str) -> None:
    """The second connector on the same outbox ends with the receipt; the hub decided the event once."""
    path = tmp_path / "outbox.sqlite"
    event_id = written(hub, path)
    with pytest.raises(Crash):
        await published(hub, path, dies(step))
    await published(hub, path, lives, ahead=OTHER_MS)
    assert await decisions(hub, event_id) == 1


@pytest.mark.parametrize("step", ["kept", "acknowledged"])
async def test_a_killed_process_is_followed_by_one_that_ends_it(hub: Hub, tmp_path: Path, step: str) -> None:
    """The connector as its supervisor starts it: a hard exit, then a run to the receipt; decided once."""
    path = tmp_path / "outbox.sqlite"
    event_id = written(hub, path)
    command = (sys.executable, "-m", "connectors.police", "--outbox", str(path), "--unit", DISPATCH)
    environment = {**os.environ, **hub.environment, "PUNTE_CRASH_AT": f"{step}:1"}
    dead = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.DEVNULL)
    assert await asyncio.wait_for(dead.wait(), 30) == 9
    await published(hub, path, lives)
    assert await decisions(hub, event_id) == 1


async def test_a_row_whose_receipt_was_lost_is_done_by_the_receipt_of_its_repeat(hub: Hub, tmp_path: Path) -> None:
    """Sent, and its receipt passed over: sent again after the wait, `duplicate`, and decided once."""
    path = tmp_path / "outbox.sqlite"
    event_id = written(hub, path)
    await published(hub, path, lives)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE outbox SET state = 'sent', done_at = NULL, sent_at = ?", (wall_ms() - OTHER_MS,))
    db.close()
    await published(hub, path, lives)
    assert await decisions(hub, event_id) == 1
    assert ALERT_MS < OTHER_MS


async def test_from_outbox_to_shelter_each_event_has_one_effect(hub: Hub, tmp_path: Path) -> None:
    """A publisher that died after its send, and a sink that died before its commit: one delivery for each release."""
    path, store_path = tmp_path / "outbox.sqlite", tmp_path / "centre.sqlite"
    event_id = written(hub, path)
    with pytest.raises(Crash):
        await published(hub, path, dies("sent"))
    await published(hub, path, lives)
    for step in (dies("positions"), lives):
        store = Deliveries(store_path)
        await taken(hub, store, step)
        store.close()
    with sqlite3.connect(store_path) as db:
        found = Counter(each for (each,) in db.execute("SELECT release FROM delivery"))
    db.close()
    names = [f"release.case.{CENTRE}.{purpose}" for purpose in ("p6",)]
    assert found.keys() >= {record.headers["ce_id"].decode() for record in await hub.read(names)} > set()
    assert set(found.values()) == {1}
    assert await decisions(hub, event_id) == 1


async def taken(hub: Hub, store: Deliveries, step: Callable[[str], None]) -> None:
    """A sink of the victims' centre that takes what there is, or dies."""
    reader, options = ReleaseReader(hub.parts.catalogue.schemas), {"bootstrap_servers": hub.bootstrap}
    try:
        async with asyncio.timeout(30), Sink(options, CENTRE, reader, store, World(step=step)) as sink:
            while not await sink.turn():
                pass
            while await sink.turn():
                pass
    except Crash:
        return
