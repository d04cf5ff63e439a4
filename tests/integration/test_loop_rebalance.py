"""A gateway joins while another works: what was fetched under the older assignment is dropped, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition

from consent.terms import Lane
from tests.integration.test_loop_crash_points import exactly_once, names
from tests.support.loop import Hub, gateway, ids, until_decided

pytest_plugins = ["tests.support.loop_fixture"]
LANE = Lane.CASE


@pytest.fixture(scope="session")
def hub(loop_hub: Hub) -> Hub:
    """The hub of the tests of the loop."""
    return loop_hub


class HeldPoll:
    """A consumer's poll whose next answer is kept back until the assignment is another one."""

    def __init__(self, made: Any) -> None:
        self._poll, self._made = made._consumer.getmany, made
        self.kept: Mapping[TopicPartition, Sequence[Any]] = {}
        self.holds, self.caught, self.free = False, asyncio.Event(), asyncio.Event()
        made._consumer.getmany = self

    async def __call__(self, *partitions: TopicPartition, **how: Any) -> Mapping[TopicPartition, Sequence[Any]]:
        """As the consumer does, but late."""
        found: Mapping[TopicPartition, Sequence[Any]] = await self._poll(*partitions, **how)
        if self.holds and found:
            self.holds, self.kept = False, found
            self.caught.set()
            await self.free.wait()
        return found


@pytest.mark.kafka
async def test_what_was_fetched_under_an_older_assignment_is_dropped(hub: Hub) -> None:
    """The first gateway has fetched records when a second one joins; it gets them back after the rebalance is over."""
    since = await hub.ends(names(hub))
    before, during, after = ({partition: ids(count) for partition in (0, 1)} for count in (1, 3, 2))
    async with gateway(hub, LANE) as first:
        await first.opened()
        poll = HeldPoll(first.gateway[0])
        await hub.admit(before)
        await until_decided(hub, [one for some in before.values() for one in some], since)
        poll.holds = True
        await hub.admit(during)
        await poll.caught.wait()
        async with gateway(hub, LANE) as second:
            await second.opened()
            old = {worker.tp for worker in first.gateway[0].workers()}
            poll.free.set()
            await hub.admit(after)
            events = {part: [*before[part], *during[part], *after[part]] for part in (0, 1)}
            await until_decided(hub, [one for some in events.values() for one in some], since)
            assert {len(old), len(second.gateway[0].workers())} == {1}
            assert poll.kept
            await second.end()
        await first.end()
    await exactly_once(hub, events, since)
