"""A gateway that has nothing to do: it learns that it was fenced, and refuses a topic that lost what was decided."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.errors import PunteError
from hub.gateway.pace import PACES
from hub.gateway.transactions.kafka import open_producer
from tests.support.loop import Hub, gateway

pytest_plugins = ["tests.support.loop_fixture"]
LANE = Lane.CASE
GROUP = f"gateway.{LANE}"
INPUT = topics.admitted(LANE)


@pytest.fixture(scope="session")
def hub(loop_hub: Hub) -> Hub:
    """The hub of the tests of the loop."""
    return loop_hub


@pytest.mark.kafka
async def test_an_idle_process_that_was_fenced_says_so_and_ends(hub: Hub) -> None:
    """Another producer of its transactional id: within ten seconds the process ends with status 1 and the reason."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub", "run", "gateway", "--lane", LANE.value),
        env={**os.environ, **hub.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"ready\n"
    other = await open_producer(hub.parts.options, f"{GROUP}.{INPUT}.0", PACES[LANE])
    began = time.monotonic()
    _, said = await asyncio.wait_for(process.communicate(), 20)
    await other.close()
    await hub.forget(GROUP)
    assert (process.returncode, b"Kafka refuses the transactions of this process" in said) == (1, True), said[-2000:]
    assert time.monotonic() - began < 10


@pytest.mark.kafka
async def test_an_idle_gateway_stays_and_its_offset_too(hub: Hub) -> None:
    """Many proofs later it still owns its partitions, and nothing is read twice or passed by."""
    place = TopicPartition(INPUT, 0)
    before = await hub.committed(GROUP, place)
    async with gateway(hub, LANE, proof=0.02) as life:
        await life.opened()
        await asyncio.wait({life.task}, timeout=1.0)
        assert not life.task.done()
        await life.end()
    assert await hub.committed(GROUP, place) == (before or 0)


@pytest.mark.kafka
async def test_a_topic_that_ends_before_what_was_decided_is_refused(hub: Hub) -> None:
    """A broker that came back with less: what is written now would lie before the offset, and be passed by."""
    place = TopicPartition(INPUT, 1)
    before = await hub.committed(GROUP, place)
    await committed(hub, place, 10**6)
    try:
        async with gateway(hub, LANE) as life:
            with pytest.raises(PunteError, match=r"ends at [0-9]+, before offset 1000000") as refused:
                await asyncio.wait_for(life.task, 40)
    finally:
        await committed(hub, place, before or 0)
    assert refused.value.code == "offsets_went_back"


async def committed(hub: Hub, place: TopicPartition, offset: int) -> None:
    """Set the offset of the group, which has no member."""
    async with AIOKafkaConsumer(bootstrap_servers=hub.bootstrap, group_id=GROUP, enable_auto_commit=False) as consumer:
        consumer.assign([place])
        await consumer.commit({place: offset})
