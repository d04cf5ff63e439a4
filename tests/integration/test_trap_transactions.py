"""The traps of transactions on a real Kafka, one test each, and how the gateway's producer steps round them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.producer import sender

from consent.terms import Lane
from hub.gateway.pace import PACES
from hub.gateway.transactions import kafka as transactions
from hub.gateway.transactions.kafka import (
    GUARDED,
    Producer,
    UnknownOutcome,
    UnseenLibrary,
    install_guard,
    open_producer,
)
from tests.support.network import Machine, network
from tests.support.proxy import ADD_OFFSETS, ADD_PARTITIONS, END_TXN, OFFSET_COMMIT, Proxy

pytestmark = pytest.mark.kafka
HALF, OTHER = b"first half", b"second half"


def nothing(step: str) -> None:
    """No crash point."""


async def topic(kafka: str, name: str, partitions: int = 1) -> TopicPartition:
    """A new topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.partitions_for(name)
    return TopicPartition(name, 0)


async def opened(kafka: str, name: str) -> Producer:
    """The gateway's producer of this transactional id."""
    return await open_producer({"bootstrap_servers": kafka}, name, PACES[Lane.ALERT])


async def write(producer: Producer, at: TopicPartition, values: Iterable[bytes]) -> None:
    """Send in the open transaction, as the gateway does."""
    batches = producer.batches(1_790_000_000_000)
    for value in values:
        batches.add((at.topic, at.partition), None, value)
    await producer.send(batches, nothing)


async def turn(producer: Producer, at: TopicPartition, value: bytes, offset: int) -> None:
    """One whole transaction with an input offset of group `g.<topic>`."""
    await producer.begin()
    await write(producer, at, [value])
    await producer.offsets(at, offset, f"g.{at.topic}")
    await producer.commit()


@asynccontextmanager
async def reader(kafka: str, at: TopicPartition, **more: Any) -> AsyncIterator[AIOKafkaConsumer]:
    """A read_committed reader of one partition from its start."""
    options = {"isolation_level": "read_committed", "auto_offset_reset": "earliest", "enable_auto_commit": False} | more
    async with AIOKafkaConsumer(bootstrap_servers=kafka, **options) as consumer:
        consumer.assign([at])
        yield consumer


async def visible(kafka: str, at: TopicPartition) -> list[bytes]:
    """What a read_committed reader sees up to the last stable offset."""
    async with reader(kafka, at) as consumer:
        end, found = (await consumer.end_offsets([at]))[at], []
        await consumer.seek_to_beginning(at)
        while await consumer.position(at) < end:
            found += [r.value for r in (await consumer.getmany(at, timeout_ms=100)).get(at, ())]
        return found


async def test_the_committed_offset_is_right_once_the_successor_has_fenced(kafka: str, prefix: str) -> None:
    """Right after a commit the group's offset may be stale; after the next InitProducerId of its id it never is."""
    at = await topic(kafka, prefix)
    async with reader(kafka, at, group_id=f"g.{at.topic}") as consumer:
        for offset in range(1, 16):
            first = await opened(kafka, prefix)
            await turn(first, at, b"x", offset)
            early = await consumer.committed(at)
            successor = await opened(kafka, prefix)
            assert await consumer.committed(at) == offset
            assert early in (offset - 1 or None, offset, None)
            await first.close()
            await successor.close()


async def test_starting_the_successor_ends_the_transaction_of_the_zombie(kafka: str, prefix: str) -> None:
    """InitProducerId aborts what the old owner had open, its input offset too, and the old owner can commit no more."""
    at = await topic(kafka, prefix)
    zombie = await opened(kafka, prefix)
    await zombie.begin()
    await write(zombie, at, [b"zombie"])
    await zombie.offsets(at, 7, f"g.{at.topic}")
    owner = await opened(kafka, prefix)
    await turn(owner, at, b"owner", 3)
    with pytest.raises(ProducerFenced):
        await zombie.commit()
    async with reader(kafka, at, group_id=f"g.{at.topic}") as consumer:
        next_owner = await opened(kafka, prefix)
        assert await consumer.committed(at) == 3
    assert await visible(kafka, at) == [b"owner"]
    for producer in (zombie, owner, next_owner):
        await producer.close()


async def redo(kafka: str, prefix: str, at: TopicPartition, proxy: Proxy, kept: int) -> Producer:
    """A request of a transaction is kept back: the outcome is unknown, so a new producer does the work again."""
    producer = await opened(kafka, prefix)
    proxy.keep = kept
    with pytest.raises(KafkaError) as lost:
        await turn(producer, at, b"work", 1)
    assert isinstance(lost.value.__cause__ or lost.value, UnknownOutcome)
    await producer.close(0.1)
    again = await opened(kafka, prefix)
    await turn(again, at, b"work", 1)
    return again


async def late(kafka: str, prefix: str, kept: int) -> tuple[int, list[bytes]]:
    """A late copy of a request meets the next, failing transaction; what the broker answers, what is seen."""
    at = await topic(kafka, prefix)
    async with Proxy(int(kafka.rpartition(":")[2])) as proxy:
        with network():
            machine = Machine(routes={proxy.upstream: proxy.port})
            again = await machine.start(redo(kafka, prefix, at, proxy, kept))
            await machine.start(_half(again, at))
            code = await proxy.deliver()
            with suppress(KafkaError):
                await machine.start(write(again, at, [OTHER]))
            with suppress(KafkaError, asyncio.TimeoutError):
                await asyncio.wait_for(machine.start(again.kafka.abort_transaction()), 5)
            await machine.bury()
    successor = await opened(kafka, prefix)
    await successor.close()
    return code, await visible(kafka, at)


async def _half(producer: Producer, at: TopicPartition) -> None:
    await producer.begin()
    await write(producer, at, [HALF])


@pytest.mark.parametrize("kept", [END_TXN, ADD_PARTITIONS, ADD_OFFSETS, OFFSET_COMMIT])
async def test_a_request_that_arrives_late_tears_nothing(kafka: str, prefix: str, kept: int) -> None:
    """The guard never resends: a lost request ends its producer, and a late copy of it changes no later transaction."""
    install_guard(1)
    _, seen = await late(kafka, prefix, kept)
    assert seen == [b"work"]


async def test_without_the_guard_a_late_end_tears_a_transaction(
    kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why the guard exists: stock aiokafka resends EndTxn, and its late first copy commits half of the next one."""
    for handler in GUARDED:
        monkeypatch.setattr(handler, "do", sender.BaseHandler.do)
    at = await topic(kafka, prefix)
    async with Proxy(int(kafka.rpartition(":")[2]), keep=END_TXN) as proxy:
        with network():
            machine = Machine(routes={proxy.upstream: proxy.port})
            producer = await machine.start(opened(kafka, prefix))
            await machine.start(turn(producer, at, b"work", 1))
            await machine.start(_half(producer, at))
            await proxy.deliver()
            await machine.bury()
    await (await opened(kafka, prefix)).close()
    assert await visible(kafka, at) == [b"work", HALF]


def test_the_guard_refuses_a_library_it_has_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another source of the replaced code means another behaviour: no gateway starts on it."""
    monkeypatch.setattr(transactions, "SEEN_SOURCE", "0" * 16)
    with pytest.raises(UnseenLibrary):
        install_guard(1)


async def test_a_failing_send_nobody_awaits_would_be_left_out_of_a_commit(kafka: str, prefix: str) -> None:
    """Stock behaviour: the refused record is missing from a transaction that commits without a word."""
    at, release = await topic(kafka, prefix), await topic(kafka, f"{prefix}.release")
    kafka_producer = AIOKafkaProducer(
        bootstrap_servers=kafka, transactional_id=prefix, max_request_size=16 << 20, max_batch_size=16 << 20
    )
    async with kafka_producer as producer, producer.transaction():
        unawaited = await producer.send(release.topic, b"x" * (2 << 20), partition=0)
        await asyncio.wait({unawaited})
        await producer.send_and_wait(at.topic, b"audit says it went", partition=0)
    assert unawaited.exception() is not None
    assert await visible(kafka, release) == []
    assert await visible(kafka, at) == [b"audit says it went"]


async def test_a_failing_send_ends_our_transaction_before_its_commit(kafka: str, prefix: str) -> None:
    """The gateway's producer awaits every send: the fault comes up before the commit, and nothing is seen."""
    at = await topic(kafka, prefix)
    producer = await opened(kafka, prefix)
    await producer.begin()
    with pytest.raises(KafkaError):
        await write(producer, at, [b"audit says it went", b"x" * (2 << 20)])
    await producer.close(0.1)
    await (await opened(kafka, prefix)).close()
    assert await visible(kafka, at) == []


async def test_a_reader_stops_at_the_open_transaction_of_another_producer(kafka: str, prefix: str) -> None:
    """Why lanes share no topic: what one producer committed stays unseen behind what another left open."""
    at = await topic(kafka, prefix)
    bulk, alert = await opened(kafka, f"{prefix}.bulk"), await opened(kafka, f"{prefix}.alert")
    await bulk.begin()
    await write(bulk, at, [b"bulk"])
    await turn(alert, at, b"alert", 1)
    assert await visible(kafka, at) == []
    await bulk.commit()
    await (await opened(kafka, f"{prefix}.bulk")).close()
    assert await visible(kafka, at) == [b"bulk", b"alert"]
    for producer in (bulk, alert):
        await producer.close()
