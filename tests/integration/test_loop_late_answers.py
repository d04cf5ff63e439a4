"""A late and a lost answer to each of the four transaction requests, through a gateway's whole loop on a real Kafka.

With the guard each ends the gateway, and its successor does the work once. Without it the same late EndTxn tears and
loses, and the same late TxnOffsetCommit takes the offset back: so the tests would see.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError
from aiokafka.producer import sender

from consent.terms import Lane
from hub.contracts import topics
from hub.gateway import kafka as loop
from hub.gateway.transactions import kafka as transactions
from hub.gateway.transactions.kafka import GUARDED
from tests.faults.pace import pause
from tests.integration.test_loop_crash_points import GROUP, Story, exactly_once, names
from tests.support.loop import Hub, Life, gateway, ids, until_decided
from tests.support.proxy import ADD_OFFSETS, ADD_PARTITIONS, END_TXN, OFFSET_COMMIT, PRODUCE, Proxy

pytest_plugins = ["tests.support.loop_fixture"]
pytestmark = pytest.mark.kafka
LANE = Lane.CASE
INPUT = TopicPartition(topics.admitted(LANE), 0)
REQUESTS = (ADD_PARTITIONS, ADD_OFFSETS, OFFSET_COMMIT, END_TXN)
NOT_NOW = 51
"""Kafka's number of CONCURRENT_TRANSACTIONS."""
HARMLESS = (ADD_PARTITIONS, ADD_OFFSETS)
"""Late copies that cannot tear, with or without the guard: they only open a transaction, or widen one that is open; a
partition without records of it gets an empty mark. What of them stays open ends by its timeout, as an abort."""
SMALL_BATCH = 4_096
"""Bytes of a batch here, so that a transaction leaves in several Produce requests and can be met between them."""
FIRST, NEXT = 1, 12
"""Events of the transaction whose request is late, and of the next one, which it meets."""


@dataclass
class Scene:
    """One story: its events, where its topics ended before, and the proxy every gateway in it speaks through."""

    hub: Hub
    proxy: Proxy
    since: Mapping[TopicPartition, int]
    first: Sequence[str] = field(default_factory=lambda: ids(FIRST))
    next: Sequence[str] = field(default_factory=lambda: ids(NEXT))
    last: Sequence[str] = field(default_factory=lambda: ids(1))

    @asynccontextmanager
    async def life(self) -> AsyncIterator[Life]:
        """A gateway at work, behind the proxy; it is dead at the end of the block."""
        async with gateway(self.hub, LANE, proof=60.0) as life:
            life.machine.routes[self.proxy.upstream] = self.proxy.port
            await life.opened()
            yield life

    async def decided(self, events: Sequence[str]) -> None:
        """Wait until a reader sees these decided."""
        await until_decided(self.hub, events, self.since)

    async def meets(self, key: int) -> int:
        """The late copy arrives in the middle of the next transaction, which goes on; what the broker answers.

        A late EndTxn finds half of it sent, and the caller lets the gateway die there: nobody ever commits the rest.
        """
        offsets = key == OFFSET_COMMIT
        self.proxy.passes, self.proxy.hold = (0, END_TXN) if offsets else (1, PRODUCE)
        await self.hub.admit({0: self.next})
        await asyncio.wait_for(self.proxy.held.wait(), 20)
        while (code := await self.proxy.deliver()) == NOT_NOW:
            await pause(0.05)  # the broker still writes the markers of the transaction before
        if key != END_TXN:
            self.proxy.go.set()
            await self.decided(self.next)
        return code

    async def finish(self) -> Story:
        """One more gateway takes what is left, and an event more; what can be seen then."""
        await self.hub.admit({0: self.last})
        async with self.life() as life:
            await self.decided(self.last)
            await life.end()
        return Story(self.hub, await self.hub.read({place.topic for place in self.since}, self.since))

    async def once(self) -> None:
        """All of it was decided and released exactly once."""
        await exactly_once(self.hub, {0: [*self.first, *self.next, *self.last]}, self.since)


@pytest.fixture
async def scene(loop_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A hub whose gateways send small batches."""
    monkeypatch.setattr(transactions, "MAX_BATCH_BYTES", SMALL_BATCH)
    async with Proxy(int(loop_hub.bootstrap.rpartition(":")[2])) as proxy:
        yield Scene(loop_hub, proxy, await loop_hub.ends(names(loop_hub)))


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop on stock aiokafka."""
    monkeypatch.setattr(loop, "install_guard", lambda backoff: None)
    for handler in GUARDED:
        monkeypatch.setattr(handler, "do", sender.BaseHandler.do)


async def died_of_silence(life: Life) -> None:
    """Wait until the gateway has ended because a request was not answered."""
    with pytest.raises((KafkaError, IllegalOperation)):  # the second where it had more to send when the first came up
        await asyncio.wait_for(life.task, 20)


async def test_a_lost_answer_ends_the_gateway_and_the_work_is_done_once(scene: Scene) -> None:
    """The broker did what it was asked, nobody heard: each successor does again only what was not committed."""
    for key, event in zip(REQUESTS, scene.next, strict=False):
        async with scene.life() as life:
            scene.proxy.lose = key
            await scene.hub.admit({0: [event]})
            await died_of_silence(life)
    await scene.finish()
    await exactly_once(scene.hub, {0: [*scene.next[: len(REQUESTS)], *scene.last]}, scene.since)


@pytest.mark.parametrize("key", REQUESTS)
async def test_a_late_request_meets_a_later_owner_and_changes_nothing(scene: Scene, key: int) -> None:
    """Its late copy comes in the middle of the successor's next transaction: all is decided once."""
    async with scene.life() as life:
        scene.proxy.keep = key
        await scene.hub.admit({0: scene.first})
        await died_of_silence(life)
    async with scene.life() as life:
        await scene.decided(scene.first)
        await scene.meets(key)
        if key != END_TXN:
            await scene.hub.admit({0: scene.last})
            await scene.decided(scene.last)
            await life.end()
    if key == END_TXN:
        await scene.finish()
    await scene.once()


async def late_without_guard(scene: Scene, key: int) -> int:
    """The same late copy meets the next transaction of the producer that has sent its request again since."""
    async with scene.life() as life:
        scene.proxy.keep = key
        await scene.hub.admit({0: scene.first})
        await scene.decided(scene.first)
        code = await scene.meets(key)
        if key in HARMLESS:
            await scene.hub.admit({0: scene.last})
            await scene.decided(scene.last)
            await life.end()
        return code


@pytest.mark.usefixtures("unguarded")
async def test_without_the_guard_a_late_end_tears_and_loses(scene: Scene) -> None:
    """Half of the next transaction is committed, its seen ids among it: nobody ever releases the other half."""
    assert await late_without_guard(scene, END_TXN) == 0
    story = await scene.finish()
    assert set(story.decided) < {*scene.first, *scene.next, *scene.last}
    assert story.proven != story.released


@pytest.mark.fire
@pytest.mark.usefixtures("unguarded")
async def test_without_the_guard_a_late_offset_takes_the_group_back(scene: Scene) -> None:
    """The next transaction is committed with the offset of the one before; the seen ids alone prevent a double."""
    (before,) = ((await scene.hub.ends([INPUT.topic]))[INPUT],)
    await late_without_guard(scene, OFFSET_COMMIT)
    assert await scene.hub.committed(GROUP, INPUT) == before + FIRST
    story = await scene.finish()
    assert story.attempts["duplicate"] == NEXT
    assert set(story.decided.values()) == {1}


@pytest.mark.fire
@pytest.mark.usefixtures("unguarded")
@pytest.mark.parametrize("key", HARMLESS)
async def test_without_the_guard_these_late_copies_tear_nothing(scene: Scene, key: int) -> None:
    """Why these two are guarded all the same: nothing but the broker's kindness says so, and it costs nothing."""
    await late_without_guard(scene, key)
    await scene.once()


@pytest.mark.fire
@pytest.mark.usefixtures("unguarded")
async def test_without_the_guard_a_lost_answer_alone_tears_nothing(scene: Scene) -> None:
    """Asked twice, the broker does each of the four once; it takes a late first copy to tear."""
    async with scene.life():
        for key, event in zip(REQUESTS, scene.next, strict=False):
            scene.proxy.lose = key
            await scene.hub.admit({0: [event]})
            await scene.decided([event])
            assert scene.proxy.lose is None
    await scene.finish()
    await exactly_once(scene.hub, {0: [*scene.next[:4], *scene.last]}, scene.since)
