"""Reads topics once: from the first record, a moment or a position, up to their present ends.

Rules kept: read_committed, no group, nothing is ever committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from hub.contracts.audit import Input
from hub.contracts.record import KafkaRecord

Options = Mapping[str, Any]
Take = Callable[[KafkaRecord], None]


async def existing(options: Options, wanted: Iterable[str]) -> list[TopicPartition]:
    """The partitions of those topics that exist."""
    names, admin = set(wanted), AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        found = [topic for topic in await admin.describe_topics() if topic["topic"] in names]
    finally:
        await admin.close()
    return [TopicPartition(topic["topic"], each["partition"]) for topic in found for each in topic["partitions"]]


async def read_one(options: Options, where: Input, take: Take) -> None:
    """The record at a position, if it is still kept."""
    tp, consumer = TopicPartition(where.topic, where.partition), reader(options)
    await consumer.start()
    try:
        consumer.assign([tp])
        first, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
        if first <= where.offset < end:
            consumer.seek(tp, where.offset)
            while await consumer.position(tp) <= where.offset:  # also past what a transaction gave up
                for record in (await consumer.getmany(tp, timeout_ms=200, max_records=1)).get(tp, ()):
                    if record.offset == where.offset:
                        take(record)
    finally:
        await consumer.stop()


async def read_to_end(
    options: Options,
    partitions: Iterable[TopicPartition],
    take: Take,
    since: Mapping[TopicPartition, int] | None = None,
) -> None:
    """From the first record, or the first at or after a moment (ms), to the present end."""
    places = list(partitions)
    if not places:
        return
    consumer = reader(options)
    await consumer.start()
    try:
        consumer.assign(places)
        left = {tp: end for tp, end in (await consumer.end_offsets(places)).items() if end > 0}
        await consumer.seek_to_beginning(*places)
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


def reader(options: Options) -> AIOKafkaConsumer:
    """A client that reads what was committed, and joins no group."""
    return AIOKafkaConsumer(
        **options,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
