"""Reads records back to see whether Kafka still is the one that acknowledged them.

Rules kept:
1. A Kafka restored from an older copy, or emptied, is known by its records: the record at a witnessed offset is absent
   (offsets went back) or has another id or moment. Topic ids would say it too, but this client cannot see them.
2. What retention has deleted is there: the partition begins after it and ends after it.
3. A login that may not read its inbox (a hub older than this rule) is told by offsets alone, and the log says so.
4. A topic that is missing says nothing (rights may be missing): it is a fault, never a loss.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError

from connectors.sdk.faults import ConnectorFault
from connectors.sdk.port import Witness
from connectors.sdk.tolerant.kafka import read_tolerantly
from hub.contracts.record import KafkaRecord
from hub.telemetry.logs import get_log

log = get_log(__name__)
TIMEOUT_MS: Final = 10_000
There = Callable[[Witness], Awaitable[bool]]


class WitnessReader:
    """Answers whether a record still lies where it was acknowledged. Use as an async context manager."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """`options`: bootstrap and security of the unit's own Kafka client. It needs the right to read the topic."""
        read_tolerantly()
        self._consumer = AIOKafkaConsumer(**options, enable_auto_commit=False, request_timeout_ms=TIMEOUT_MS)

    async def __aenter__(self) -> Self:
        """Start the consumer."""
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the consumer."""
        await self._consumer.stop()

    async def there(self, witness: Witness) -> bool:
        """Whether the record is there, or was deleted by retention; `ConnectorFault` when its topic is not there."""
        place = TopicPartition(witness.topic, witness.partition)
        end = await self.end(place)
        if end <= witness.offset:
            return False
        if (await self._consumer.beginning_offsets([place]))[place] > witness.offset:
            return True
        try:
            record = await self.first(place, witness.offset, end)
        except TopicAuthorizationFailedError:
            log.warning("witness.not_readable", topic=witness.topic)
            return True
        return record is not None and record.offset == witness.offset and _is(record, witness)

    async def first(self, place: TopicPartition, offset: int, end: int) -> Any:
        """The first record from an offset on; None when there is none before the end (the rest may be marks)."""
        self._consumer.assign([place])
        self._consumer.seek(place, offset)
        try:
            async with asyncio.timeout(TIMEOUT_MS / 1000):
                while await self._consumer.position(place) < end:
                    if found := await self._consumer.getmany(place, timeout_ms=500, max_records=1):
                        return found[place][0]
        except TimeoutError:
            raise KafkaTimeoutError from None
        return None

    async def end(self, place: TopicPartition) -> int:
        """The end of a partition."""
        if place.topic not in await self._consumer.topics():
            raise ConnectorFault("topic_missing", f"the topic `{place.topic}` was there and is not, or may not be seen")
        return int((await self._consumer.end_offsets([place]))[place])

    async def ends(self, topic: str) -> dict[tuple[str, int], int]:
        """The end of a topic of one partition; nothing when it is not there."""
        if topic not in await self._consumer.topics():
            return {}
        return {(topic, 0): await self.end(TopicPartition(topic, 0))}


def _is(record: KafkaRecord, witness: Witness) -> bool:
    named = not witness.id or ("ce_id", witness.id.encode()) in record.headers
    return named and witness.at in {-1, record.timestamp}


async def last_there(witnesses: Sequence[Witness], there: There) -> int:
    """The offset of the last of these (by offset) that is still there, -1 for none.

    A restored partition is a beginning of what it was: up to some record all are there, behind it none is.
    """
    low, high = 0, len(witnesses)
    while low < high:
        middle = (low + high) // 2
        if await there(witnesses[middle]):
            low = middle + 1
        else:
            high = middle
    return witnesses[low - 1].offset if low else -1
