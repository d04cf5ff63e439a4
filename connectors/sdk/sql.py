"""The outbox: a SQLite table the agency's system writes to in its own transaction, and the connector empties.

Rules kept:
1. pending -> sent (acknowledged by all replicas) -> done (the hub's receipt) or refused (for a person). Every mark is
   on disk before it counts (`durable`).
2. The bytes of the first send are kept before they are sent: a resend under the same id is the same event, whatever
   changed in between; other bytes would be a conflict.
3. A receipt counts for a row only if it is of that row's bytes. `done` is the end; a row that was refused and then
   admitted is done.
4. Alerts go first; within a lane rows go in the order they were written.
5. A row is pruned once it has been done for the hub's whole dedupe window, never before: until then Kafka can be filled
   again from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from connectors.sdk.durable.sql import Durable
from connectors.sdk.faults import ConnectorFault
from connectors.sdk.form import steps
from connectors.sdk.port import Parcel, Positions, Receipt, Row, Witness
from hub.contracts.topics import DEDUPE_DAYS

KEPT_MS: Final = DEDUPE_DAYS * 86_400_000
ALERT_MS: Final = 10_000
OTHER_MS: Final = 60_000
DOUBLINGS: Final = 4
"""A row is sent again after 10 s (alert) or 60 s without receipt, then after twice that, at most 16 times it."""
_PARCEL: Final = "SELECT id, topic, value, headers FROM outbox"
_READY: Final = (
    f"{_PARCEL} WHERE state = 'pending' AND value IS NOT NULL AND topic {{}} LIKE 'inbox.alert.%' ORDER BY seq LIMIT ?"
)
_DUE: Final = (
    f"{_PARCEL} WHERE state = 'sent' AND sent_at + (CASE WHEN topic LIKE 'inbox.alert.%' THEN {ALERT_MS} "
    f"ELSE {OTHER_MS} END << min(tries - 1, {DOUBLINGS})) <= ? ORDER BY seq LIMIT ?"
)
_PLACED: Final = """
SELECT topic, partition, "offset", id FROM outbox
WHERE state IN ('sent', 'done') AND topic = :topic AND partition = :partition ORDER BY "offset"
"""
_FURTHEST: Final = """
SELECT max("offset") FROM (
    SELECT topic, partition, "offset" FROM outbox WHERE state IN ('sent', 'done')
    UNION ALL SELECT topic, partition, "offset" FROM pruned
) WHERE topic = :topic AND partition = :partition
"""
_NEWEST: Final = """
SELECT topic, partition, max("offset"), id FROM (
    SELECT topic, partition, "offset", id FROM outbox WHERE state = 'done' AND partition IS NOT NULL
    UNION ALL SELECT topic, partition, "offset", id FROM pruned
) GROUP BY topic, partition
"""
_REFILL: Final = """
UPDATE outbox SET state = 'pending', partition = NULL, "offset" = NULL, done_at = NULL, tries = 0
WHERE topic = :topic AND state IN ('sent', 'done')
  AND (partition IS NULL OR (partition = :partition AND "offset" > :after))
"""
_PRUNED: Final = """
INSERT INTO pruned SELECT topic, partition, max("offset"), id FROM outbox
WHERE state = 'done' AND done_at <= :until AND partition IS NOT NULL GROUP BY topic, partition
ON CONFLICT DO UPDATE SET "offset" = excluded."offset", id = excluded.id WHERE excluded."offset" > pruned."offset"
"""


class Outbox:
    """One outbox file. Rows are read in the order they were written. Moments are ms since 1970."""

    def __init__(self, path: Path, now: int = 0) -> None:
        """Opens, makes or migrates the file; `ConnectorFault` when it holds another table of this name."""
        self._file = Durable(path)
        columns = [name for (name,) in self._file.ask("SELECT name FROM pragma_table_info('outbox')")]
        found = steps(columns)
        if found is None:
            self._file.close()
            raise ConnectorFault("store_foreign", f"the table `outbox` of `{path.name}` is of an unknown form")
        with self._file.transaction() as db:
            for each in found:
                db.execute(each, {"now": now})

    def put(self, row: Row) -> None:
        """Write a row as an agency's system would; the same id twice is one row."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO outbox (id, kind, time, subject, record) VALUES (?, ?, ?, ?, ?)",
                (row.id, row.kind, row.time, row.subject, json.dumps(row.record)),
            )

    def fresh(self, limit: int) -> list[Row]:
        """The oldest pending rows that were never encoded."""
        found = self._file.ask(
            "SELECT id, kind, time, subject, record FROM outbox WHERE state = 'pending' AND value IS NULL "
            "ORDER BY seq LIMIT ?",
            (limit,),
        )
        return [Row(row_id, kind, time, subject, _record(record)) for row_id, kind, time, subject, record in found]

    def keep(self, parcels: Iterable[Parcel], refused: Iterable[str]) -> None:
        """Keep what will be sent of each row, before it is sent; rows that are no event are `refused`, code `row`."""
        kept = [(p.topic, p.value, sha256(p.value).digest(), _packed(p), p.id) for p in parcels]
        with self._file.transaction() as db:
            db.executemany("UPDATE outbox SET topic = ?, value = ?, sha256 = ?, headers = ? WHERE id = ?", kept)
            db.executemany(
                "UPDATE outbox SET state = 'refused', code = 'row' WHERE id = ?", [(each,) for each in refused]
            )

    def ready(self, limit: int) -> list[Parcel]:
        """The oldest pending rows that were encoded: alerts alone if there are any, so that they wait for nothing."""
        found = self._file.ask(_READY.format(""), (limit,)) or self._file.ask(_READY.format("NOT"), (limit,))
        return [_parcel(*each) for each in found]

    def due(self, now: int, limit: int) -> list[Parcel]:
        """The oldest rows that were sent and have waited for their receipt too long."""
        return [_parcel(*each) for each in self._file.ask(_DUE, (now, limit))]

    def sent(self, places: Sequence[Witness], now: int) -> None:
        """Mark rows as acknowledged where they lie; a row whose receipt was faster keeps its state."""
        values = [(now, place.topic, place.partition, place.offset, place.id) for place in places]
        with self._file.transaction() as db:
            db.executemany(
                "UPDATE outbox SET state = CASE state WHEN 'pending' THEN 'sent' ELSE state END, sent_at = ?, "
                'tries = tries + 1, topic = ?, partition = ?, "offset" = ? WHERE id = ?',
                values,
            )

    def told(self, receipts: Sequence[Receipt], read: Positions, now: int) -> None:
        """Mark what the hub has said, and how far its receipts were read, in one transaction."""
        refused = [(r.code, r.id, r.sha256) for r in receipts if r.verdict == "refused"]
        done = [(now, r.id, r.sha256) for r in receipts if r.verdict != "refused"]
        with self._file.transaction() as db:
            db.executemany(
                "UPDATE outbox SET state = 'refused', code = ? WHERE id = ? AND sha256 = ? "
                "AND state IN ('pending', 'sent')",
                refused,
            )
            db.executemany(
                "UPDATE outbox SET state = 'done', code = NULL, done_at = ? WHERE id = ? AND sha256 = ? "
                "AND state <> 'done'",
                done,
            )
            _read(db, read)

    def receipts_read(self) -> dict[tuple[str, int], int]:
        """The next receipt to read, by topic and partition."""
        found = self._file.ask('SELECT topic, partition, "offset" FROM receipts_read')
        return {(topic, partition): offset for topic, partition, offset in found}

    def newest(self) -> list[Witness]:
        """Of each inbox the newest record with a receipt, as long as its row is kept; else the newest that was pruned.

        It is what is read back to see whether Kafka still is the one that acknowledged it.
        """
        return [Witness(*each) for each in self._file.ask(_NEWEST)]

    def placed(self, topic: str, partition: int) -> list[Witness]:
        """Every kept row that lies in a partition, by offset."""
        return [Witness(*each) for each in self._file.ask(_PLACED, _at(topic, partition))]

    def furthest(self, topic: str, partition: int) -> int:
        """The highest offset ever acknowledged in a partition that still counts; -1 for none."""
        found = self._file.ask(_FURTHEST, _at(topic, partition))[0][0]
        return -1 if found is None else int(found)

    def pruned(self, topic: str, partition: int) -> Witness | None:
        """The newest record of a partition whose row is no longer kept."""
        found = self._file.ask("SELECT * FROM pruned WHERE topic = ? AND partition = ?", (topic, partition))
        return Witness(*found[0]) if found else None

    def refill(self, topic: str, partition: int, after: int, receipts: Positions) -> int:
        """Make pending again what lay after an offset (and what was done before its place was marked); how many.

        `receipts`: from where receipts count from now on: those of before speak of a Kafka that is no more.
        """
        values = {**_at(topic, partition), "after": after}
        with self._file.transaction() as db:
            count = db.execute(_REFILL, values).rowcount
            db.execute(
                'DELETE FROM pruned WHERE topic = :topic AND partition = :partition AND "offset" > :after', values
            )
            _read(db, receipts)
        return count

    def prune(self, now: int) -> int:
        """Drop rows done for the whole dedupe window; of each inbox the newest dropped place stays; how many."""
        until = {"until": now - KEPT_MS}
        with self._file.transaction() as db:
            db.execute(_PRUNED, until)
            return db.execute("DELETE FROM outbox WHERE state = 'done' AND done_at <= :until", until).rowcount

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _at(topic: str, partition: int) -> dict[str, str | int]:
    return {"topic": topic, "partition": partition}


def _read(db: Any, read: Positions) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO receipts_read VALUES (?, ?, ?)",
        [(topic, partition, offset) for (topic, partition), offset in read.items()],
    )


def _packed(parcel: Parcel) -> str:
    """Headers as text: inbox headers are ASCII by their forms, any other byte keeps its number."""
    return json.dumps([[name, value.decode("latin-1")] for name, value in parcel.headers])


def _parcel(row_id: str, topic: str, value: bytes, headers: str) -> Parcel:
    return Parcel(row_id, topic, value, [(name, text.encode("latin-1")) for name, text in json.loads(headers)])


def _record(text: str) -> Any:
    """The JSON of a row; an empty record, which no schema takes, when it is none: the row is refused, not stuck."""
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return {}
