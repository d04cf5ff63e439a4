"""The traps of following topics on a real Kafka: whatever lies in an inbox reaches the handler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from consent.terms import Lane
from hub.contracts.record import KafkaRecord
from hub.contracts.topics import TopicSpec, inbox
from hub.follow.kafka import Follower, Source

pytestmark = pytest.mark.kafka


class Inbox:
    """A handler that keeps what it got and tells when enough has come; it may raise at its first batches."""

    def __init__(self, faults: int = 0) -> None:
        self.got: list[KafkaRecord] = []
        self.batches: list[int] = []
        self.faults = faults
        self._moved = asyncio.Condition()

    async def handle(self, records: Sequence[KafkaRecord]) -> None:
        """Take a batch."""
        self.batches.append(len(records))
        if self.faults:
            self.faults -= 1
            raise LookupError
        async with self._moved:
            self.got.extend(records)
            self._moved.notify_all()

    async def until(self, count: int, seconds: float = 15) -> None:
        """Wait until that many records have come."""
        async with asyncio.timeout(seconds), self._moved:
            await self._moved.wait_for(lambda: len(self.got) >= count)


async def create(kafka: str, *names: str) -> None:
    """Inboxes with the topic configuration of the hub."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    specs = [TopicSpec(name, 1, 86_400_000) for name in names]
    await admin.create_topics([NewTopic(s.name, 1, 1, topic_configs=s.config()) for s in specs])
    await admin.close()


@asynccontextmanager
async def following(kafka: str, source: Source, inbox: Inbox) -> AsyncIterator[asyncio.Task[None]]:
    """A follower that runs while the block runs."""
    follower = Follower({"bootstrap_servers": kafka}, source, inbox.handle)
    task = asyncio.create_task(follower.run())
    try:
        yield task
    finally:
        follower.stop()
        await asyncio.wait({task}, timeout=15)


def pattern(prefix: str) -> str:
    """All inboxes of one test."""
    return rf"^inbox\.case\.{prefix}[a-z0-9]+$"


HOSTILE: list[tuple[bytes | None, list[tuple[str, bytes | None]]]] = [
    (b"plain", []),
    (b"null header", [("a", None)]),
    (b"header not UTF-8", [("a", b"\xff\xfe")]),
    (b"repeated header", [("a", b"x"), ("a", b"y")]),
    (None, [("a", b"tombstone")]),
    (None, []),
    (b"1", []),
    (b"19", []),
    (b"", []),
    (b"[[[[", []),
    (b"\xff\xfe", []),
]


class NotUtf8(str):
    """A header name that is not UTF-8 on the wire."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        """Bytes no decoder takes."""
        return b"\xff\xfe"


async def send_bad_name(producer: AIOKafkaProducer, topic: str) -> None:
    """One batch of three records; the middle one has a header name that is not UTF-8."""
    batch = producer.create_batch()
    made = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 100_000)
    for offset, headers in enumerate([[], [(NotUtf8("zz"), b"1")], [("after", b"1")]]):
        made.append(offset, 1, None, b"named %d" % offset, headers)
    batch._builder, batch._relative_offset = made, 3
    await (await producer.send_batch(batch, topic, partition=0))


async def test_a_follower_takes_several_bootstrap_servers(kafka: str, prefix: str) -> None:
    """A cluster is named by several servers in one setting; the first of them may be down."""
    topic, inbox_ = inbox(Lane.CASE, f"{prefix}a"), Inbox()
    await create(kafka, topic)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, b"there")
    async with following(f"127.0.0.1:1,{kafka}", Source(f"{prefix}.g", pattern=pattern(prefix)), inbox_):
        await inbox_.until(1)


async def test_every_record_reaches_the_handler(kafka: str, prefix: str) -> None:
    """Null, repeated and unreadable headers, header names, tombstones and bare digits: all of all inboxes, in order."""
    names = [inbox(Lane.CASE, f"{prefix}{i}") for i in range(2)]
    await create(kafka, *names)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for name in names:
            for value, headers in HOSTILE:
                await producer.send(name, value, key=b"k", headers=headers)
        await producer.flush()
        await send_bad_name(producer, names[0])
        await producer.send_and_wait(names[0], b"behind")
    got = Inbox()
    async with following(kafka, Source(prefix, pattern=pattern(prefix)), got):
        await got.until(2 * len(HOSTILE) + 4)
    sent = [(value, headers) for value, headers in HOSTILE]
    of = {name: [record for record in got.got if record.topic == name] for name in names}
    assert [(r.value, list(r.headers)) for r in of[names[1]]] == sent
    assert [r.value for r in of[names[0]]][len(sent) :] == [b"named 0", b"named 1", b"named 2", b"behind"]
    assert [r.offset for r in of[names[0]]] == list(range(len(sent) + 4))
    assert "\ufffd" in of[names[0]][len(sent) + 1].headers[0][0]


async def test_a_handler_that_raises_ends_the_follower_and_a_restart_reads_again(kafka: str, prefix: str) -> None:
    """The fault comes out of `run`, no offset is committed, and the next process meets the same batch."""
    name = inbox(Lane.CASE, f"{prefix}0")
    await create(kafka, name)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for i in range(3):
            await producer.send_and_wait(name, b"%d" % i)
    got = Inbox(faults=1)
    async with following(kafka, Source(prefix, (name,)), got) as first:
        await asyncio.wait({first}, timeout=15)
        assert isinstance(first.exception(), LookupError)
    assert got.got == []
    async with following(kafka, Source(prefix, (name,)), got):
        await got.until(3)
    assert [r.value for r in got.got] == [b"0", b"1", b"2"]
    async with AIOKafkaConsumer(bootstrap_servers=kafka, group_id=prefix, enable_auto_commit=False) as consumer:
        assert await consumer.committed(TopicPartition(name, 0)) == 3


async def test_an_inbox_made_later_is_found_from_its_first_record(kafka: str, prefix: str) -> None:
    """A topic created after the pattern subscription is read within five seconds, from the beginning."""
    old, new = (inbox(Lane.CASE, f"{prefix}{i}") for i in range(2))
    await create(kafka, old)
    got = Inbox()
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(old, b"old")
        async with following(kafka, Source(prefix, pattern=pattern(prefix)), got):
            await got.until(1)
            await create(kafka, new)
            await producer.send_and_wait(new, b"new")
            await got.until(2, seconds=5)
    assert [r.value for r in got.got] == [b"old", b"new"]


@pytest.mark.parametrize("codec", ["lz4", "zstd", "snappy", "gzip"])
async def test_a_compressed_batch_of_a_strangers_client_is_read(kafka: str, prefix: str, codec: str) -> None:
    """The broker stores inboxes uncompressed, so whatever codec librdkafka was told, the follower reads it all."""
    name = inbox(Lane.CASE, f"{prefix}0")
    await create(kafka, name)
    stranger = confluent_kafka.Producer(
        {"bootstrap.servers": kafka, "compression.type": codec, "linger.ms": 50, "enable.idempotence": True}
    )
    for i in range(20):
        stranger.produce(name, b"%d " % i * 100, headers=[("a", b"1")])
    assert await asyncio.to_thread(stranger.flush, 10) == 0
    got = Inbox()
    async with following(kafka, Source(prefix, (name,)), got):
        await got.until(20)
    assert [r.value for r in got.got] == [b"%d " % i * 100 for i in range(20)]


async def test_the_fence_answers_while_another_consumer_waits_for_records(kafka: str, prefix: str) -> None:
    """The end offset is asked by a client that fetches nothing: behind a fetch it would wait the whole long poll."""
    await create(kafka, prefix)
    at = TopicPartition(prefix, 0)
    loop = asyncio.get_running_loop()
    async with (
        AIOKafkaConsumer(bootstrap_servers=kafka, fetch_max_wait_ms=2_000, enable_auto_commit=False) as fetching,
        AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False) as asking,
    ):
        fetching.assign([at])
        poll = asyncio.create_task(fetching.getmany(at, timeout_ms=2_000))
        await asking.end_offsets([at])
        start = loop.time()
        await asking.end_offsets([at])
        took = loop.time() - start
        await fetching.end_offsets([at])
        behind = loop.time() - start - took
        await poll
    assert took < 0.2
    assert behind > 0.5
