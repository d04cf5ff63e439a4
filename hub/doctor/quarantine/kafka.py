"""Counts the entries of each quarantine that still wait for a person, and folds what is parked.

Rule kept: of an entry of quarantine nothing is read but that it is there, of the attempts only which entry somebody
acted on, of an entry of parking whose it is and whether it still waits. What could not be read in time counts as
waiting.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.acts import PARTITION, act_of
from hub.contracts.codec import RecordCodec
from hub.contracts.parked import Parked
from hub.contracts.record import KafkaRecord
from hub.doctor.lanes import Held, held

AGE_S: Final = 1.0


class Entries:
    """Reads on from where it was: each count costs what came since the one before."""

    def __init__(self, options: Mapping[str, Any], attempts: RecordCodec, entries: RecordCodec) -> None:
        self._options, self._attempts, self._entries = options, attempts, entries
        self._parked: defaultdict[Lane, Parked] = defaultdict(Parked)
        self._reading = asyncio.Lock()
        self._consumer: AIOKafkaConsumer | None = None
        self._there: dict[Lane, set[int]] = {}
        self._closed: dict[Lane, set[int]] = {}

    async def open(self, stack: AsyncExitStack, names: Mapping[str, int]) -> dict[Lane, int]:
        """Entries nobody has acted on, by lane; control records of transactions are none."""
        async with self._reading:
            if self._consumer is None:
                self._consumer = await self._started(stack, names)
            return await self._read_on(self._consumer)

    def held(self) -> dict[Lane, Held]:
        """What was parked in each lane when it was last read."""
        return {lane: held(lane, parked) for lane, parked in self._parked.items()}

    async def _read_on(self, consumer: AIOKafkaConsumer) -> dict[Lane, int]:
        parts = consumer.assignment()
        try:
            async with asyncio.timeout(AGE_S):
                ends = await consumer.end_offsets(parts) if parts else {}
                while left := [tp for tp in parts if await consumer.position(tp) < ends[tp]]:
                    for records in (await consumer.getmany(*left, timeout_ms=100)).values():
                        for record in records:
                            self._take(record)
        except TimeoutError:
            return self._counts()
        return self._counts()

    async def _started(self, stack: AsyncExitStack, names: Mapping[str, int]) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._options,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        await stack.enter_async_context(consumer)
        wanted = [TopicPartition(topics.quarantine(lane), 0) for lane in Lane]
        wanted += [TopicPartition(topics.audit_attempt(lane), PARTITION) for lane in Lane]
        parked = [topics.parked(lane) for lane in Lane if topics.parked(lane) in names]
        wanted += [TopicPartition(name, number) for name in parked for number in range(names[name])]
        consumer.assign([tp for tp in wanted if tp.topic in names])
        return consumer

    def _take(self, record: KafkaRecord) -> None:
        lane = Lane(record.topic.rpartition(".")[2])
        if record.topic == topics.quarantine(lane):
            self._there.setdefault(lane, set()).add(record.offset)
            return
        if record.topic == topics.parked(lane):
            self._parked[lane].take(self._entries.decode(record.value or b""))
            return
        found = act_of(self._attempts.decode(record.value or b""))
        if found is not None:
            self._closed.setdefault(found[0], set()).add(found[1])

    def _counts(self) -> dict[Lane, int]:
        return {lane: len(there - self._closed.get(lane, set())) for lane, there in self._there.items()}
