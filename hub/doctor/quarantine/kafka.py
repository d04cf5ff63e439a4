"""Counts the entries of each quarantine that still wait for a person, and folds what is parked.

Rule kept: of an entry of quarantine only its digest is read, of the attempts only which entry somebody acted on, of an
entry of parking whose it is and whether it still waits. What could not be read in time counts as waiting, and so does
an entry whose number an older one had: the topic was made anew.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.acts import PARTITION, act_of
from hub.contracts.codec import RecordCodec
from hub.contracts.parked import Parked
from hub.contracts.record import KafkaRecord
from hub.doctor.lanes import Held, held

AGE_S: Final = 1.0


class EntryCodecs(NamedTuple):
    """Decoders of entries and of attempts."""

    entries: RecordCodec
    attempts: RecordCodec


class Entries:
    """Reads on from where it was: each count costs what came since the one before."""

    def __init__(self, options: Mapping[str, Any], codecs: EntryCodecs) -> None:
        self._options, self._codecs = options, codecs
        self._parked: defaultdict[Lane, Parked] = defaultdict(Parked)
        self._reading = asyncio.Lock()
        self._consumer: AIOKafkaConsumer | None = None
        self._there: dict[Lane, set[tuple[int, bytes | None]]] = {}
        self._closed: dict[Lane, set[tuple[int, bytes | None]]] = {}

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
        lane, value = Lane(record.topic.rpartition(".")[2]), record.value or b""
        if record.topic == topics.parked(lane):
            self._parked[lane].take(self._codecs.entries.decode(value))
            return
        of_entries = record.topic.startswith("quarantine.")
        try:
            said = (self._codecs.entries if of_entries else self._codecs.attempts).decode(value)
        except ValueError:  # of a newer hub: an entry waits, an attempt closes nothing
            said = None
        if of_entries:
            self._there.setdefault(lane, set()).add((record.offset, None if said is None else said["sha256"]))
        elif said is not None and (found := act_of(said)) is not None:
            self._closed.setdefault(found[0], set()).add((found[1], said["sha256"]))

    def _counts(self) -> dict[Lane, int]:
        return {lane: len(there - self._closed.get(lane, set())) for lane, there in self._there.items()}
