"""Reads the audit and the register to their present ends, records that it was asked, and follows a unit's releases.

Rules kept: read_committed, no group, nothing is ever committed; the record of a question is acknowledged by all
replicas before its answer is given.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence

from aiokafka import AIOKafkaProducer, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.audit import BLANK_ATTEMPT, Verdict
from hub.contracts.codec import RecordCodec
from hub.contracts.record import KafkaRecord
from hub.follow.reading.kafka import Options, existing, read_one, read_to_end, reader
from hub.views.project import Trail, topics_read
from hub.views.way import Tracks, Wanted


async def read_trail(options: Options, trail: Trail) -> None:
    """Feed every record a question reads to its trail."""
    await read_to_end(options, await existing(options, topics_read()), trail.take)


async def read_all(options: Options, take: Callable[[KafkaRecord], None]) -> None:
    """Feed every record of the audit and the register to a fold of its own."""
    await read_to_end(options, await existing(options, topics_read()), take)


async def read_tracks(options: Options, wanted: Wanted, tracks: Tracks) -> None:
    """Feed what a way needs beside the audit: the admitted records by position, the rest from its moment on."""
    tracks.expected = wanted.releases
    names = {*wanted.since, *(topics.admitted(lane) for lane in Lane)}
    partitions = await existing(options, sorted(names))
    for where in wanted.records:
        if TopicPartition(where.topic, where.partition) in partitions:
            await read_one(options, where, tracks.take)
    if wanted.search:
        await read_to_end(options, [tp for tp in partitions if tp.topic.startswith("admitted.")], tracks.take)
    since = {tp: wanted.since[tp.topic] for tp in partitions if tp.topic in wanted.since}
    await read_to_end(options, list(since), tracks.take, since)


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
    consumer = reader(options)
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
