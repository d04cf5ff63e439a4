"""A backlog: so many admitted events of the crowd, written as admission writes them, each under an id of its own.

A few hundred events are made and admitted; the rest are their bytes again under other ids, cases and sources as they
are: what a gateway does for an event depends on nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from consent.terms import Lane, PartyRole
from hub.assemble import now_ms
from hub.contracts import topics
from hub.contracts.envelope import Admission
from hub.demo.crowd import Crowd
from tests.support.hub import Hub

SHAPES: Final = 400


class Shape(NamedTuple):
    """One event as admission wrote it, but for its id: source, value, moment and handles."""

    source: bytes
    value: bytes
    time: int
    case: bytes
    parties: dict[PartyRole, bytes]


def shapes(hub: Hub) -> Sequence[Shape]:
    """Events of the case lane that admission would accept, as it would write them."""
    crowd = Crowd(hub.parts.catalogue, hub.federation, hub.rng, now_ms())
    found = (event for event in crowd.events(4 * SHAPES) if event.lane is Lane.CASE)
    return [_shape(hub, event) for event, _ in zip(found, range(SHAPES), strict=False)]


def _shape(hub: Hub, event: Any) -> Shape:
    keys, blocks = hub.parts.keys, ((role, event.record.get(role.value)) for role in PartyRole)
    parties = {role: keys.party_handle(block["cnp"]) for role, block in blocks if block and block["cnp"]}
    return Shape(
        event.source.encode(), hub.value(event), event.time, keys.case_handle(event.source, event.subject), parties
    )


async def fill(hub: Hub, lane: Lane, count: int) -> None:
    """Write `count` events to `admitted.<lane>`, keyed by their source."""
    made, topic = shapes(hub), topics.admitted(lane)
    options = {"max_batch_size": 256 * 1024, "linger_ms": 5, "acks": 1}
    async with AIOKafkaProducer(**hub.parts.options, **options) as producer:
        for shape, event_id in _numbered(made, count):
            headers = Admission(event_id, shape.time, shape.case, shape.parties).headers()
            await producer.send(topic, shape.value, key=shape.source, headers=headers)
        await producer.flush()


def _numbered(made: Sequence[Shape], count: int) -> Iterator[tuple[Shape, str]]:
    """Shapes by turns, each with an id nobody had before."""
    first = uuid.uuid4().int & ~((1 << 32) - 1)
    for number in range(count):
        yield made[number % len(made)], str(uuid.UUID(int=first + number))


async def left(hub: Hub, lane: Lane) -> int:
    """Records of `admitted.<lane>` that the gateway has not committed yet."""
    admin, found = AIOKafkaAdminClient(**hub.parts.options), 0
    await admin.start()
    consumer = AIOKafkaConsumer(**hub.parts.options)
    await consumer.start()
    try:
        done = await admin.list_consumer_group_offsets(f"gateway.{lane}")
        partitions = [TopicPartition(topics.admitted(lane), one) for one in range(topics.PARTITIONS[lane])]
        ends = await consumer.end_offsets(partitions)
        for tp, end in ends.items():
            found += end - max(0, done[tp].offset if tp in done else 0)
        return found
    finally:
        await consumer.stop()
        await admin.close()
