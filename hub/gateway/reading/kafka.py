"""Reads a partition's past when it opens: seen ids, what is parked, the last decision; and parked events again.

Rules kept: read_committed, after the fence has ended every transaction that wrote here; nothing is committed; what is
read to its end is read to the end that was there when reading began.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.record import KafkaRecord
from hub.errors import PunteError
from hub.gateway.ports import Plan
from hub.gateway.state import Standing

BACK: Final = (16, 1_024, 65_536)
"""How far before the end the last decision is looked for, step by step: markers and aborted records lie between."""
WAIT_MS: Final = 5
"""What is read is there already; behind the last record only markers come, which wake nobody."""
GAP: Final = 500
"""Positions between two events that are read past rather than sought."""


class Reader:
    """The reader of one lane."""

    def __init__(self, lane: Lane, options: Mapping[str, Any]) -> None:
        """`options`: bootstrap and security of every client."""
        self._lane, self._options = lane, options

    async def past(self, tp: TopicPartition, offset: int, plan: Plan, standing: Standing) -> bytes | None:
        """Fold what a partition holds from before into `standing`; the last decision record, None where there is none.

        `offset`: the committed one; PunteError where the input ends before it.
        """
        seen, parked, decisions = places = [TopicPartition(of(self._lane), tp.partition) for of in PAST]
        last: bytes | None = None
        async with self._consumer() as consumer:  # asked before it fetches: the broker answers a connection in order
            begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets([*places, tp])
            if ends[tp] < offset:
                where = f"`{tp.topic}` partition {tp.partition}"
                raise PunteError("offsets_went_back", f"{where} ends at {ends[tp]}, before offset {offset}")
            consumer.assign(places)
            for place in (seen, parked):
                consumer.seek(place, begins[place])
            for back in (*BACK, ends[decisions]):
                consumer.seek(decisions, max(begins[decisions], ends[decisions] - back))
                async for record in _to(consumer, {place: ends[place] for place in places}):
                    if record.topic == seen.topic:
                        standing.seen.add(record.key or b"", record.value or b"", record.timestamp)
                    elif record.topic == parked.topic:
                        plan.waits(record.value or b"", standing.parking)
                    else:
                        last = record.value
                if last is not None or ends[decisions] - back <= begins[decisions]:
                    break
        return last

    async def again(self, tp: TopicPartition, offsets: Iterable[int]) -> Mapping[int, KafkaRecord]:
        """The events at these offsets, ascending; those that are kept no longer, or lie past the end, are left out."""
        wanted, found = sorted(offsets), dict[int, KafkaRecord]()
        async with self._consumer() as consumer:
            begin, end = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
            consumer.assign([tp])
            for first, last in _runs([offset for offset in wanted if begin <= offset < end]):
                consumer.seek(tp, first)
                async for record in _to(consumer, {tp: last + 1}):
                    found[record.offset] = record
        return {offset: found[offset] for offset in wanted if offset in found}

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **self._options,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=WAIT_MS,
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()


PAST: Final = (topics.seen, topics.parked, topics.audit_decision)
"""What is read of a partition when it opens."""


async def _to(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> AsyncIterator[KafkaRecord]:
    """The records of partitions from the consumer's positions to these ends, in order within each."""
    while left := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
        for tp, records in (await consumer.getmany(*left, timeout_ms=WAIT_MS)).items():
            for record in records:
                if record.offset < ends[tp]:
                    yield record


def _runs(offsets: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of ascending offsets that are near one another."""
    runs: list[tuple[int, int]] = []
    for offset in offsets:
        if runs and offset - runs[-1][1] <= GAP:
            runs[-1] = runs[-1][0], offset
        else:
            runs.append((offset, offset))
    return runs
