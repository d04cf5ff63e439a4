"""A police station with an outbox: its own program writes rows, and a row that is on the disk is acknowledged.

Rule kept: it writes as an agency's system does, with SQLite alone and none of the hub's code, the intent journalled
before each transaction; a transaction that failed is written again under the same ids.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from connectors.police.mapping import WORDS
from hub.contracts.federation import FederationUnit
from hub.demo.crowd import Crowd, Published
from tests.faults.journal import Journal, Outcome
from tests.faults.pace import pause
from tests.faults.units import STATION

TICK_S: Final = 0.25
PUT: Final = "INSERT OR IGNORE INTO outbox (id, kind, time, subject, record) VALUES (?, ?, ?, ?, ?)"
LEFT: Final = "SELECT count(*) FROM outbox WHERE state IN ('pending', 'sent')"


class StationCrowd(Crowd):
    """The events of the station alone."""

    def _publishing(self, event_type: str) -> Sequence[FederationUnit]:
        return [unit for unit in super()._publishing(event_type) if unit.code == STATION]

    def rows(self, count: int) -> list[Published]:
        """So many events that it has forms for."""
        return [self._event(name) for name in self._rng.choices(sorted(WORDS), k=count)]


class OtherCrowd(Crowd):
    """The events of everybody else."""

    def _publishing(self, event_type: str) -> Sequence[FederationUnit]:
        return [unit for unit in super()._publishing(event_type) if unit.code != STATION]


class Station:
    """Writes rows at a rate. `lock`: held while a transaction is on its way, and by whoever takes the disk away."""

    def __init__(
        self, path: Path, crowd: StationCrowd, journal: Journal, acknowledged: Callable[[str, str, float], None]
    ) -> None:
        self.path, self._crowd, self._journal, self._acknowledged = path, crowd, journal, acknowledged
        self._rows: deque[Published] = deque()
        self._stopping = False
        self.lock = asyncio.Lock()
        self.written: list[tuple[float, str]] = []
        """Every row that is on the disk: when that was known (s), and its event."""

    async def run(self, rate: float) -> None:
        """Write `rate` rows per second until `finish`; then what is left until all is on the disk."""
        due, last = 0.0, time.monotonic()
        while not self._stopping or self._rows:
            now = time.monotonic()
            due, last = min(due + (now - last) * rate, rate * TICK_S * 3), now
            fresh = [] if self._stopping else self._crowd.rows(int(due))
            due -= int(due)
            self._rows.extend(fresh)
            if self._rows:
                await self._write([*self._rows])
            await pause(TICK_S)

    def finish(self) -> None:
        """No new rows from now on."""
        self._stopping = True

    @property
    def unwritten(self) -> set[str]:
        """Events whose rows are not known to be on the disk."""
        return {row.id for row in self._rows}

    async def _write(self, rows: Sequence[Published]) -> None:
        self._journal.intents((row.id, row.source, row.lane.value) for row in rows)
        async with self.lock:
            done = await asyncio.to_thread(put, self.path, [_columns(row) for row in rows])
        for row in rows:
            self._journal.outcome(row.id, Outcome.OK if done else Outcome.UNKNOWN)
            if done:
                self._acknowledged(row.id, row.lane.value, time.time())
        if done:
            self.written += [(time.time(), row.id) for row in rows]
            self._rows.clear()

    async def left(self) -> int:
        """Rows without a receipt yet; 1 while the file cannot be asked."""
        async with self.lock:
            found = await asyncio.to_thread(asked, self.path, LEFT)
        return 1 if found is None else int(found[0][0])


def _columns(row: Published) -> tuple[Any, ...]:
    return row.id, WORDS[row.type], row.time, row.subject, json.dumps(row.record)


def put(path: Path, rows: Sequence[tuple[Any, ...]]) -> bool:
    """One transaction, on the disk when it is true."""
    try:
        with closing(sqlite3.connect(path, timeout=2, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous=FULL")
            db.execute("BEGIN IMMEDIATE")
            db.executemany(PUT, rows)
            db.execute("COMMIT")
    except sqlite3.Error:
        return False
    return True


def asked(path: Path, question: str) -> list[Any] | None:
    """The rows of a question; None when the file cannot be read now."""
    try:
        with closing(sqlite3.connect(path, timeout=2)) as db:
            return db.execute(question).fetchall()
    except sqlite3.Error:
        return None
