"""A SQLite file whose commits are on disk before they count (WAL, `synchronous=FULL`).

Rules kept (reliability-security.md section 0 item 7, F18-F23):
1. What failed once is never tried again on the same handle: after a failed fsync the kernel calls pages clean that no
   disk holds. The handle is closed and `ConnectorFault` ends the process; the next start reads the file afresh.
2. At the start everything the log holds is written to the file itself and synced, so that nothing counts that only the
   page cache remembers of a commit that failed.
3. A fault names SQLite's code, never its message's values.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from connectors.sdk.faults import ConnectorFault

WAIT_S: Final = 10
"""How long another program (the agency's own) may hold the file before this one gives up."""
CODES: Final[Mapping[str, str]] = {
    "SQLITE_FULL": "store_full",
    "SQLITE_BUSY": "store_busy",
    "SQLITE_CORRUPT": "store_damaged",
    "SQLITE_NOTADB": "store_damaged",
}


class Durable:
    """One open file. Every method raises `ConnectorFault` when SQLite fails, and is then of no more use."""

    def __init__(self, path: Path) -> None:
        """Opens the file, makes it if it is missing, and syncs what its log holds."""
        self._name = path.name
        with self._ending():
            self._db = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
        with self._ending():
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as fault:
            self.close()
            name = getattr(fault, "sqlite_errorname", "SQLITE_MISUSE")
            code = next((code for sign, code in CODES.items() if name.startswith(sign)), "store_failed")
            raise ConnectorFault(code, f"the file `{self._name}` could not be read or written ({name})") from None

    def ask(self, question: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """All rows of a question."""
        with self._ending():
            return self._db.execute(question, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction: on disk when the block has ended, undone with the handle when anything in it raises."""
        done = False
        try:
            with self._ending():
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
                done = True
        finally:
            if not done:
                self.close()

    def close(self) -> None:
        """Close the file; again is nothing."""
        if hasattr(self, "_db"):
            self._db.close()
