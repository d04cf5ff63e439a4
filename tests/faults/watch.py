"""The live view from outside: which acknowledged events are decided and visible to a read_committed reader, and when.

Rule kept: it reads audit records alone and only times them; whether what was released is right is the checker's work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.codec import RecordCodec

POLL_MS: Final = 100


class Watch:
    """Follows the decisions of all lanes. Use as an async context manager."""

    def __init__(self, options: Mapping[str, Any], lanes: Sequence[Lane], decisions: RecordCodec) -> None:
        self._consumer = AIOKafkaConsumer(
            *(topics.audit_decision(lane) for lane in lanes),
            **options,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_auto_commit=False,
        )
        self._decisions = decisions
        self._lanes = {topics.audit_decision(lane): lane.value for lane in lanes}
        self._moved = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._mark: dict[Any, int] = {}
        self._since: set[str] | None = None
        self.acked: dict[str, float] = {}
        self.decided: set[str] = set()
        self.waits: dict[str, float] = {}
        self.peak = 0.0
        """The longest wait that ended since this was last set to nothing (s)."""
        self.last: dict[tuple[str, int], tuple[int, float]] = {}
        """(lane, partition) -> the moment its last released batch bears (ms) and when it was seen (s)."""

    async def __aenter__(self) -> Self:
        """Start following."""
        await self._consumer.start()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop following."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    def acknowledged(self, event: str, lane: str, at: float) -> None:
        """The driver has the broker's word for an event (s)."""
        if event not in self.decided:
            self.acked[event] = at
        else:
            self.waits.setdefault(event, 0.0)

    @property
    def open(self) -> int:
        """Acknowledged events without a visible decision."""
        return len(self.acked)

    def longest_s(self) -> float:
        """The longest any event waited from its acknowledgement to its visible decision, those that still wait too."""
        now = time.time()
        return max([0.0, *self.waits.values(), *(now - at for at in self.acked.values())])

    async def level(self, seconds: float, on_the_way: Iterable[str] = ()) -> float | None:
        """Seconds until nothing acknowledged before now, nor these, is left undecided; None when it takes longer."""
        began, left = time.time(), {*self.acked, *on_the_way}
        found = await self._until(lambda: left <= self.decided, seconds)
        return time.time() - began if found else None

    async def released_after(self, lane: str, at: float, seconds: float) -> float | None:
        """Seconds from `at` (s) until a batch made after it was seen on a lane; None when it takes longer."""
        fresh: list[float] = []

        def met() -> bool:
            fresh[:] = [seen for (own, _), (made, seen) in self.last.items() if own == lane and made > at * 1e3]
            return bool(fresh)

        return min(fresh) - at if await self._until(met, seconds) else None

    async def remember(self) -> None:
        """A copy of the broker is made now: what is seen from here on, it may not hold."""
        self._mark = {place: await self._consumer.position(place) for place in self._consumer.assignment()}
        self._since = set()

    def forget(self) -> None:
        """The broker came back as that copy: what was seen since is not decided any more, and is read again."""
        self.decided -= self._since or set()
        self._since, mark, self._mark = None, self._mark, {}
        for place, offset in mark.items():
            self._consumer.seek(place, offset)

    async def _until(self, done: Any, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(done)
        except TimeoutError:
            return False
        return True

    async def _follow(self) -> None:
        while True:
            found = await self._consumer.getmany(timeout_ms=POLL_MS)
            now = time.time()
            for place, records in found.items():
                lane = self._lanes[place.topic]
                for record in records:
                    self._take(lane, place.partition, record, now)
            async with self._moved:
                self._moved.notify_all()

    def _take(self, lane: str, partition: int, record: Any, now: float) -> None:
        decision = self._decisions.decode(record.value)
        event = decision["eventId"]
        self.decided.add(event)
        if self._since is not None:
            self._since.add(event)
        at = self.acked.pop(event, None)
        if at is not None:
            self.waits[event] = max(0.0, now - at)
            self.peak = max(self.peak, now - at)
        if decision["releases"]:
            self.last[lane, partition] = (record.timestamp, now)
