"""Reads a unit's receipt topics, read_committed, from where the outbox says.

Rule kept: it remembers nothing itself: what it took is marked in the outbox in the transaction that also keeps how far
it has read. A receipt that cannot be read costs itself only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.sdk.port import Positions, Receipt
from connectors.sdk.tolerant.kafka import read_tolerantly
from hub.contracts import topics
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import versioned
from hub.telemetry.logs import get_log

log = get_log(__name__)
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


class Taken(NamedTuple):
    """Receipts, and the next offset to read by topic and partition."""

    receipts: list[Receipt]
    read: Positions


class ReceiptReader:
    """The receipts of one unit on every lane. Use as an async context manager, then `follow` and `take`."""

    def __init__(self, options: Mapping[str, Any], catalogue: Catalogue, unit: str) -> None:
        """`options`: bootstrap and security of the unit's own Kafka client."""
        read_tolerantly()
        self._consumer = AIOKafkaConsumer(
            **options, enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed"
        )
        self._codec = versioned("audit.receipt", catalogue.ids, catalogue.schemas)
        self._names = {topics.receipt(lane, unit) for lane in topics.PARTITIONS}

    async def __aenter__(self) -> Self:
        """Start the consumer."""
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the consumer."""
        await self._consumer.stop()

    async def follow(self, read: Positions) -> None:
        """Read those of the topics that are there, each from its position in `read`, a new one from its first record.

        What is followed already goes on; a position that Kafka no longer has becomes the first record it has.
        """
        there = self._names & await self._consumer.topics()
        places = [TopicPartition(name, 0) for name in sorted(there)]
        if places and set(places) != self._consumer.assignment():
            self.seek(places, read)

    def seek(self, places: Iterable[TopicPartition], read: Positions) -> None:
        """Read these places from `read`, or from the first record."""
        self._consumer.assign(list(places))
        for place in places:
            self._consumer.seek(place, read.get((place.topic, place.partition), 0))

    def again(self, read: Positions) -> None:
        """Read what is followed from other positions."""
        self.seek(sorted(self._consumer.assignment()), read)

    async def take(self, wait_ms: int) -> Taken:
        """Receipts that came within this time; without a topic to read it waits all the same: others must run."""
        if not self._consumer.assignment():
            await asyncio.sleep(wait_ms / 1000)
            return Taken([], {})
        found = await self._consumer.getmany(timeout_ms=wait_ms)
        read = {(place.topic, place.partition): records[-1].offset + 1 for place, records in found.items()}
        receipts = [self._receipt(record) for records in found.values() for record in records]
        return Taken([each for each in receipts if each is not None], read)

    def _receipt(self, record: Any) -> Receipt | None:
        try:
            told = self._codec.decode(record.value)
        except UNREADABLE:
            log.warning("receipt.unreadable", topic=record.topic, offset=record.offset)
            return None
        return Receipt(told["eventId"], told["verdict"], told["code"], told["sha256"])
