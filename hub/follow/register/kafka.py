"""Follows the register and answers the fence: whether everything acknowledged before a moment has been folded.

Rules kept (kafka.md section 00; architecture.md section 3, step 2):
1. The register is read uncommitted (its writer is idempotent, never transactional) and from its first record. What lies
   there at a start is folded as compaction would leave it: the latest record of each key, which is its whole state.
   So a faulty record that was mended under its own key stops no start; one that was not, does.
2. The fence asks for the end offset by a client of its own that fetches nothing (0.4 ms; behind a long poll it would
   be 500 ms).
3. A decision begins only after the fold has reached that end. Not reached: wait, and raise an alarm each time the
   patience ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub.contracts.record import KafkaRecord
from hub.contracts.topics import REGISTER
from hub.errors import PunteError

UNREADABLE: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
PARTITION: Final = TopicPartition(REGISTER, 0)
AGAIN: Final = "Kafka came back with less: type again what people decided since its copy; this part starts afresh"
Fold = Callable[[KafkaRecord], None]
Alarm = Callable[[str], None]


class RegisterFollower:
    """Feeds every register record to a fold and knows how far the fold is. Use as an async context manager."""

    def __init__(self, options: Mapping[str, Any], fold: Fold, alarm: Alarm, patience: float) -> None:
        """`patience`: seconds the fence waits before it raises an alarm and goes on waiting (0.5 alert, 30 others)."""
        self._reader = AIOKafkaConsumer(**options, auto_offset_reset="earliest", enable_auto_commit=False)
        self._asker = AIOKafkaConsumer(**options, enable_auto_commit=False)
        self._fold, self._alarm, self._patience = fold, alarm, patience
        self._moved = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._furthest = 0
        self.position = 0

    async def __aenter__(self) -> Self:
        """Start both clients and fold what there is."""
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._stop)
            await self._reader.start()
            await self._asker.start()
            self._reader.assign([PARTITION])
            await self._reader.seek_to_beginning(PARTITION)
            self._task = asyncio.create_task(self._follow(await self._end()))
            await self.fence()
            undo.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        """Stop following."""
        await self._stop()

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._reader.stop()
        await self._asker.stop()

    async def _follow(self, end: int) -> None:
        """Fold what lies before `end`, the latest record of each key alone; then all that follows."""
        await self._folded(await self._latest(end))
        while True:
            await self._folded(await self._read())

    async def _latest(self, end: int) -> Iterable[KafkaRecord]:
        """The latest record of each key before `end`, in the order of the topic."""
        latest = dict[bytes | None, KafkaRecord]()
        while await self._reader.position(PARTITION) < end:
            for record in await self._read():
                latest.pop(record.key, None)
                latest[record.key] = record
        return latest.values()

    async def _read(self) -> Sequence[KafkaRecord]:
        records: Sequence[KafkaRecord] = (await self._reader.getmany(PARTITION, timeout_ms=500)).get(PARTITION, ())
        return records

    async def _folded(self, records: Iterable[KafkaRecord]) -> None:
        """Fold records in the order of the topic and say how far the fold is.

        A record that cannot be folded is never skipped (it may be a withdrawal): the process ends and names its offset.
        """
        for record in records:
            try:
                self._fold(record)
            except UNREADABLE:
                raise PunteError(
                    "register_unreadable", f"the register's record at offset {record.offset} cannot be read"
                ) from None
        position = await self._reader.position(PARTITION)
        if position != self.position:
            async with self._moved:
                self.position = position
                self._moved.notify_all()

    async def fence(self) -> int:
        """The register's end as it was when the fence began, once the fold has reached it.

        The number is the revision. A register that ends earlier than before came back with less: what was folded is in
        doubt, and what is written now would lie before the fold and be passed by, so the process ends.
        """
        end = await self._end()
        if end < self._furthest:
            sentence = f"the register ends at {end}, before offset {self._furthest}"
            raise PunteError("offsets_went_back", sentence, AGAIN)
        self._furthest = end
        while self.position < end:
            self._still_following()
            try:
                async with asyncio.timeout(self._patience):
                    async with self._moved:
                        await self._moved.wait_for(lambda: self.position >= end)
            except TimeoutError:
                self._alarm("fence_not_reached")
        return end

    async def _end(self) -> int:
        while True:
            try:
                return int((await self._asker.end_offsets([PARTITION]))[PARTITION])
            except (KafkaError, TimeoutError):
                self._alarm("register_unreachable")
                self._still_following()
                await asyncio.sleep(self._patience)

    def _still_following(self) -> None:
        """A fold that died must end the process, never leave the fence waiting for ever."""
        if self._task is not None and self._task.done():
            self._task.result()
