"""The events a partition has taken, by digest, within the dedupe window.

Rule kept: same (source, id) and same bytes has no second effect; other bytes is a conflict (architecture.md section 3,
step 3). Kept in day buckets, so that the window moves by dropping a bucket.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from hub.contracts.envelope import DAY_MS
from hub.contracts.topics import DEDUPE_DAYS

CHECK: Final = 8


class Seen(Enum):
    """What the window says of an event."""

    NEW = "new"
    REPEAT = "repeat"
    CONFLICT = "conflict"


class SeenIds:
    """Digest of (source, id) -> first 8 bytes of the SHA-256 of the record, by day."""

    __slots__ = ("_days",)

    def __init__(self) -> None:
        self._days: dict[int, dict[bytes, bytes]] = {}

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._days.values())

    def look(self, digest: bytes, check: bytes) -> Seen:
        """Whether this event is new, a repeat of the same bytes or a conflict with other bytes."""
        for bucket in self._days.values():
            found = bucket.get(digest)
            if found is not None:
                return Seen.REPEAT if found == check else Seen.CONFLICT
        return Seen.NEW

    def add(self, digest: bytes, check: bytes, ms: int) -> None:
        """Remember an event taken at `ms`; buckets older than the window go."""
        day = ms // DAY_MS
        bucket = self._days.get(day)
        if bucket is None:
            bucket = self._days[day] = {}
            for old in [kept for kept in self._days if kept <= day - DEDUPE_DAYS]:
                del self._days[old]
        bucket[digest] = check
