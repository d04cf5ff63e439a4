"""The events a partition has taken, by digest, within the dedupe window.

Rules kept: same (source, id) and same bytes has no second effect; other bytes is a conflict (architecture.md section 3,
step 3). What a transaction takes is staged: it is known within it, and after it only if it was committed. Kept in day
buckets, so that the window moves by dropping a bucket.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from hub.contracts.envelope import DAY_MS
from hub.contracts.topics import DEDUPE_DAYS

DIGEST: Final = 16
CHECK: Final = 8
ROW: Final = DIGEST + CHECK
ROWS: Final = 4096
NO_ROW: Final = b""


class Seen(Enum):
    """What the window says of an event."""

    NEW = "new"
    REPEAT = "repeat"
    CONFLICT = "conflict"


class _Day:
    """The ids of one day, in rows of bytes by the first twelve bits of a digest.

    Digests are evenly spread, so a row stays short. A million ids take 24 MB; a dictionary of bytes takes 132 MB.
    """

    __slots__ = ("_count", "_rows")

    def __init__(self) -> None:
        self._rows, self._count = [NO_ROW] * ROWS, 0

    def __len__(self) -> int:
        return self._count

    def get(self, digest: bytes) -> bytes | None:
        """The check of a digest, if it is there."""
        row = self._rows[digest[0] << 4 | digest[1] >> 4]
        at = row.find(digest)
        while at > 0 and at % ROW:
            at = row.find(digest, at + 1)
        return None if at < 0 else row[at + DIGEST : at + ROW]

    def add(self, digest: bytes, check: bytes) -> None:
        """One more id; the first check of a digest stands."""
        if self.get(digest) is None:
            self._rows[digest[0] << 4 | digest[1] >> 4] += digest + check
            self._count += 1


class SeenIds:
    """Digest of (source, id) -> first 8 bytes of the SHA-256 of the record, by day."""

    __slots__ = ("_buckets", "_days", "_staged")

    def __init__(self) -> None:
        self._days: dict[int, _Day] = {}
        self._staged: dict[bytes, bytes] = {}
        self._buckets: list[dict[bytes, bytes] | _Day] = [self._staged]

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._buckets)

    def look(self, digest: bytes, check: bytes) -> Seen:
        """Whether this event is new, a repeat of the same bytes or a conflict with other bytes."""
        for bucket in self._buckets:
            found = bucket.get(digest)
            if found is not None:
                return Seen.REPEAT if found == check else Seen.CONFLICT
        return Seen.NEW

    def stage(self, digest: bytes, check: bytes) -> None:
        """An event that the transaction being planned takes."""
        self._staged[digest] = check

    def keep(self, ms: int) -> None:
        """The transaction of `ms` was committed: what it took stays."""
        if self._staged:
            add = self._bucket(ms).add
            for digest, check in self._staged.items():
                add(digest, check)
            self._staged.clear()

    def drop(self) -> None:
        """The transaction was given up: it took nothing."""
        self._staged.clear()

    def add(self, digest: bytes, check: bytes, ms: int) -> None:
        """Remember an event taken at `ms`."""
        self._bucket(ms).add(digest, check)

    def _bucket(self, ms: int) -> _Day:
        """The bucket of a moment; a new one takes those older than the window with it."""
        day = ms // DAY_MS
        bucket = self._days.get(day)
        if bucket is None:
            bucket = self._days[day] = _Day()
            for old in [kept for kept in self._days if kept <= day - DEDUPE_DAYS]:
                del self._days[old]
            self._buckets = [self._staged, *self._days.values()]
        return bucket
