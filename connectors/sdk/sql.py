"""The outbox: a SQLite table the agency's system writes to in its own transaction, and the connector empties.

Rule kept: a row is marked only after Kafka has acknowledged it, and every commit is on disk before it counts (WAL,
`synchronous=FULL`); a crash in between sends the row again under the same id, which the hub recognises.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from connectors.sdk.port import Row

TABLE: Final = """
CREATE TABLE IF NOT EXISTS outbox (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT NOT NULL UNIQUE,
    kind    TEXT NOT NULL,
    time    INTEGER NOT NULL,
    subject TEXT NOT NULL,
    record  TEXT NOT NULL,
    state   TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'refused'))
)
"""


class Outbox:
    """One outbox file. Rows are read in the order they were written."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, timeout=10, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(TABLE)

    def put(self, row: Row) -> None:
        """Write a row as an agency's system would; the same id twice is one row."""
        self._db.execute(
            "INSERT OR IGNORE INTO outbox (id, kind, time, subject, record) VALUES (?, ?, ?, ?, ?)",
            (row.id, row.kind, row.time, row.subject, json.dumps(row.record)),
        )

    def pending(self, limit: int) -> list[Row]:
        """The oldest rows that were not sent."""
        found = self._db.execute(
            "SELECT id, kind, time, subject, record FROM outbox WHERE state = 'pending' ORDER BY seq LIMIT ?", (limit,)
        )
        return [Row(row_id, kind, time, subject, _record(record)) for row_id, kind, time, subject, record in found]

    def mark(self, ids: Iterable[str], state: str) -> None:
        """Mark rows `sent` (acknowledged) or `refused` (for a person)."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("UPDATE outbox SET state = ? WHERE id = ?", [(state, each) for each in ids])
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _record(text: str) -> Any:
    """The JSON of a row; an empty record, which no schema takes, when it is none: the row is refused, not stuck."""
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return {}
