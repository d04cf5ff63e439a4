"""Reads the audit and the register to their present ends, records that it was asked, and follows a unit's releases.

Rules kept: read_committed, no group, nothing is ever committed; the record of a question is acknowledged by all
replicas before its answer is given.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.audit import BLANK_ATTEMPT, Input, Verdict
from hub.contracts.codec import RecordCodec
from hub.contracts.record import KafkaRecord
from hub.views.project import Trail, topics_read
from hub.views.way import Tracks, Wanted

Options = Mapping[str, Any]


async def read_trail(options: Options, trail: Trail) -> None:
    """Feed every record a question reads to its trail."""
    await _read_to_end(options, await existing(options, topics_read()), trail.take)


async def read_all(options: Options, take: Callable[[KafkaRecord], None]) -> None:
    """Feed every record of the audit and the register to a fold of its own."""
    await _read_to_end(options, await existing(options, topics_read()), take)


async def existing(options: Options, wanted: Sequence[str]) -> list[TopicPartition]:
    """The partitions of those topics that exist."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        found = [topic for topic in await admin.describe_topics() if topic["topic"] in wanted]
    finally:
        await admin.close()
    return [TopicPartition(topic["topic"], each["partition"]) for topic in found for each in topic["partitions"]]


async def read_tracks(options: Options, wanted: Wanted, tracks: Tracks) -> None:
    """Feed what a way needs beside the audit: the admitted records by position, the rest from its moment on."""
    tracks.expected = wanted.releases
    names = {*wanted.since, *(topics.admitted(lane) for lane in Lane)}
    partitions = await existing(options, sorted(names))
    for where in wanted.records:
        if TopicPartition(where.topic, where.partition) in partitions:
            await _read_one(options, where, tracks.take)
    if wanted.search:
        await _read_to_end(options, [tp for tp in partitions if tp.topic.startswith("admitted.")], tracks.take)
    since = {tp: wanted.since[tp.topic] for tp in partitions if tp.topic in wanted.since}
    await _read_to_end(options, list(since), tracks.take, since)


async def _read_one(options: Options, where: Input, take: Callable[[KafkaRecord], None]) -> None:
    """The record at a position, if it is still kept."""
    tp, consumer = TopicPartition(where.topic, where.partition), _consumer(options)
    await consumer.start()
    try:
        consumer.assign([tp])
        first, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
        if first <= where.offset < end:
            consumer.seek(tp, where.offset)
            record = await consumer.getone(tp)
            if record.offset == where.offset:
                take(record)
    finally:
        await consumer.stop()


async def _read_to_end(
    options: Options,
    partitions: Sequence[TopicPartition],
    take: Callable[[KafkaRecord], None],
    since: Mapping[TopicPartition, int] | None = None,
) -> None:
    """From the first record, or the first at or after a moment (ms), to the present end."""
    if not partitions:
        return
    consumer = _consumer(options)
    await consumer.start()
    try:
        consumer.assign(partitions)
        left = {tp: end for tp, end in (await consumer.end_offsets(partitions)).items() if end > 0}
        await consumer.seek_to_beginning(*partitions)
        starts = await consumer.offsets_for_times(since) if since else {}
        for tp in since or ():
            found = starts.get(tp)
            consumer.seek(tp, found.offset if found else left.get(tp, 0))
        left = {tp: end for tp, end in left.items() if await consumer.position(tp) < end}
        while left:
            for records in (await consumer.getmany(*left, timeout_ms=200)).values():
                for record in records:
                    take(record)
            left = {tp: end for tp, end in left.items() if await consumer.position(tp) < end}
    finally:
        await consumer.stop()


def _consumer(options: Options) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **options,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )


async def record_question(options: Options, codec: RecordCodec, trail: Trail, asker: str, now: int) -> None:
    """Write the `consult` record of a question; returns when it is acknowledged."""
    lane, digest = trail.event
    said = {"eventId": trail.asked, "verdict": Verdict.CONSULT.value, "asker": asker, "at": now}
    producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        value = codec.encode({**BLANK_ATTEMPT, **said})
        await producer.send_and_wait(topics.audit_attempt(lane), value, key=digest, partition=0)
    finally:
        await producer.stop()


async def releases(options: Options, names: Sequence[str], *, follow: bool) -> AsyncGenerator[KafkaRecord]:
    """The records of release topics from the first on; ends at their present ends unless it shall follow."""
    partitions = await existing(options, names)
    consumer = _consumer(options)
    await consumer.start()
    try:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        while follow or any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()


def release_topics(unit: str, purpose: str, lane: Lane | None) -> list[str]:
    """The release topics of a unit for one purpose, of one lane or of all."""
    return [topics.release(each, unit, purpose) for each in ([lane] if lane else Lane)]
