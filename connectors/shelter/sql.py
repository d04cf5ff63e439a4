"""The shelter's own database: what was released to it, once each, and how far each topic was read.

Rules kept:
1. `delivery` holds at most one row for each (release id, unit, purpose); it and the source position are one
   transaction, on disk before it counts (`durable`).
2. What could not be read lies in `aside` with its bytes and a code, and is tried again at every start: a newer Punte
   may know its schema. Other bytes under an id that is known are put aside too (`conflict`), never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from connectors.sdk.durable.sql import Durable
from connectors.sdk.port import Witness
from connectors.sdk.released import Delivery, Fetched, unpacked

TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS delivery (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, release TEXT NOT NULL, unit TEXT NOT NULL, purpose TEXT NOT NULL,
        lane TEXT NOT NULL, type TEXT NOT NULL, time INTEGER NOT NULL, subject TEXT NOT NULL,
        schema_id INTEGER NOT NULL, record TEXT NOT NULL, sha256 BLOB NOT NULL, UNIQUE (release, unit, purpose))""",
    """CREATE TABLE IF NOT EXISTS aside (
        topic TEXT NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, release TEXT NOT NULL,
        code TEXT NOT NULL, sha256 BLOB NOT NULL, value BLOB NOT NULL, headers TEXT NOT NULL,
        UNIQUE (topic, release, sha256))""",
    """CREATE TABLE IF NOT EXISTS source (
        topic TEXT NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, release TEXT NOT NULL,
        at INTEGER NOT NULL, PRIMARY KEY (topic, partition))""",
)
"""`source`: the last record taken of each partition."""


class Deliveries:
    """One file of deliveries: the store of a sink."""

    def __init__(self, path: Path) -> None:
        """Opens the file, makes it if it is missing."""
        self._file = Durable(path)
        with self._file.transaction() as db:
            for each in TABLES:
                db.execute(each)

    def read(self) -> list[Witness]:
        """The last record taken of each source partition."""
        return [Witness(*each) for each in self._file.ask('SELECT topic, partition, "offset", release, at FROM source')]

    def take(self, deliveries: Sequence[Delivery], step: Callable[[str], None]) -> int:
        """Effects, then positions, in one transaction; how many effects are new."""
        with self._file.transaction() as db:
            step("begun")
            count = sum(_put(db, each) for each in deliveries)
            step("effects")
            db.executemany(
                "INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?)",
                [(each.topic, each.partition, each.offset, each.id, each.at) for each in deliveries],
            )
            step("positions")
        return count

    def forget(self, witness: Witness) -> None:
        """Read this source from its beginning again."""
        with self._file.transaction() as db:
            db.execute("DELETE FROM source WHERE topic = ? AND partition = ?", witness[:2])

    def retry(self, read: Callable[[Fetched], Delivery]) -> int:
        """Read again what was put aside unread; how many are deliveries now."""
        kept = self._file.ask(
            'SELECT topic, partition, "offset", value, headers FROM aside WHERE code <> ?', ("conflict",)
        )
        tried = [
            read(Fetched(topic, partition, offset, value, unpacked(headers)))
            for topic, partition, offset, value, headers in kept
        ]
        readable = [each for each in tried if not each.code]
        with self._file.transaction() as db:
            for each in readable:
                db.execute("DELETE FROM aside WHERE topic = ? AND release = ? AND sha256 = ?", _key(each))
            return sum(_put(db, each) for each in readable)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _put(db: Any, each: Delivery) -> int:
    """One delivery: 1 when it is a new effect, 0 when it was known or is put aside."""
    if each.code:
        return _aside(db, each, each.code)
    told = each.id, each.unit, each.purpose, each.lane, each.type, each.time, each.subject, each.schema_id, each.record
    new: int = db.execute(
        "INSERT OR IGNORE INTO delivery (release, unit, purpose, lane, type, time, subject, schema_id, record, sha256) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*told, each.sha256),
    ).rowcount
    if not new:
        question = "SELECT sha256 FROM delivery WHERE release = ? AND unit = ? AND purpose = ?"
        if db.execute(question, told[:3]).fetchone()[0] != each.sha256:
            return _aside(db, each, "conflict")
    return new


def _aside(db: Any, each: Delivery, code: str) -> int:
    topic, release, digest = _key(each)
    db.execute(
        "INSERT OR IGNORE INTO aside VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (topic, each.partition, each.offset, release, code, digest, each.value, each.headers),
    )
    return 0


def _key(each: Delivery) -> tuple[str, str, bytes]:
    return each.topic, each.id, each.sha256
