"""The gateway as a process of its own, killed hard inside a transaction and started again: nothing lost or doubled."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter

import pytest

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.envelope import uuid_text
from tests.support.loop import Hub, ids, until_decided

pytest_plugins = ["tests.support.loop_fixture"]
LANE = Lane.CASE


async def started(hub: Hub, crash_at: str = "") -> asyncio.subprocess.Process:
    """`punte run gateway` as its supervisor starts it."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub", "run", "gateway", "--lane", LANE.value),
        env={**os.environ, **hub.environment, **({"PUNTE_CRASH_AT": crash_at} if crash_at else {})},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


@pytest.fixture(scope="session")
def hub(loop_hub: Hub) -> Hub:
    """The hub of the tests of the loop."""
    return loop_hub


@pytest.mark.kafka
@pytest.mark.parametrize(("crash_at", "deaths"), [("sent:1", 2), ("offsets_sent:2", 1)])
async def test_a_killed_process_is_followed_without_loss_or_double(hub: Hub, crash_at: str, deaths: int) -> None:
    """A hard exit inside a transaction, once or twice in a row, then a run that is drained by SIGTERM."""
    names = [topics.audit_decision(LANE), "release.case.ux3joc.p1", "release.case.uj9kpj.p6"]
    since = await hub.ends([*names, topics.audit_attempt(LANE)])
    events = {partition: ids(8) for partition in range(2)}
    await hub.admit(events)
    for _ in range(deaths):
        dead = await started(hub, crash_at)
        assert await asyncio.wait_for(dead.wait(), 20) == 9
        await hub.forget(f"gateway.{LANE}")
    last = await started(hub)
    wanted = [one for some in events.values() for one in some]
    await until_decided(hub, wanted, since)
    last.terminate()
    assert await asyncio.wait_for(last.wait(), 10) == 0
    records = await hub.read(names, since)
    codec = hub.parts.record("audit.decision")
    found = [codec.decode(record.value or b"") for record in records if record.topic == names[0]]
    proven = Counter(uuid_text(entry["releaseId"]) for one in found for entry in one["releases"])
    released = Counter(r.headers["ce_id"].decode() for r in records if r.topic != names[0])
    assert Counter(one["eventId"] for one in found) == Counter(wanted)
    assert set(released.values()) == {1}
    assert released.keys() <= proven.keys()
