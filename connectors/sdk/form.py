"""The form of an outbox file: its tables, and how one of the earlier form is brought to it. Pure.

Rule kept: the columns an agency's system writes (id, kind, time, subject, record) never change, so it needs no change
of its own when the connector's columns do.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

WRITTEN: Final = ("seq", "id", "kind", "time", "subject", "record", "state")
TABLE: Final = """
CREATE TABLE IF NOT EXISTS outbox (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL UNIQUE,
    kind      TEXT NOT NULL,
    time      INTEGER NOT NULL,
    subject   TEXT NOT NULL,
    record    TEXT NOT NULL,
    state     TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'done', 'refused')),
    code      TEXT,
    topic     TEXT,
    value     BLOB,
    sha256    BLOB,
    headers   TEXT,
    tries     INTEGER NOT NULL DEFAULT 0,
    sent_at   INTEGER,
    partition INTEGER,
    "offset"  INTEGER,
    done_at   INTEGER
)
"""
INDEX_STATE: Final = "CREATE INDEX IF NOT EXISTS outbox_state ON outbox (state, seq)"
INDEX_PLACE: Final = 'CREATE INDEX IF NOT EXISTS outbox_place ON outbox (topic, partition, "offset")'
PRUNED: Final = """
CREATE TABLE IF NOT EXISTS pruned (
    topic TEXT, partition INTEGER, "offset" INTEGER, id TEXT, PRIMARY KEY (topic, partition)
)
"""
"""Of each inbox the newest record whose row is no longer kept."""
RECEIPTS_READ: Final = """
CREATE TABLE IF NOT EXISTS receipts_read (
    topic TEXT, partition INTEGER, "offset" INTEGER, PRIMARY KEY (topic, partition)
)
"""
"""The next receipt to read."""
BESIDE: Final = (INDEX_STATE, INDEX_PLACE, PRUNED, RECEIPTS_READ)
ADDED: Final = ("code", "topic", "value", "sha256", "headers", "tries", "sent_at", "partition", "offset", "done_at")
COPY: Final = """
INSERT INTO outbox (seq, id, kind, time, subject, record, state, done_at)
SELECT seq, id, kind, time, subject, record,
       CASE state WHEN 'sent' THEN 'done' ELSE state END, CASE state WHEN 'sent' THEN :now END
FROM outbox_before
"""
"""A row `sent` of the earlier form was acknowledged by Kafka and never asked for its receipt: that was its end."""
MIGRATION: Final = ("ALTER TABLE outbox RENAME TO outbox_before", TABLE, COPY, "DROP TABLE outbox_before")


def steps(columns: Collection[str]) -> tuple[str, ...] | None:
    """The statements that bring a file with an outbox of these columns (none: no table) to this form.

    None: it is some other table, which is left alone.
    """
    if not columns or set(columns) >= {*WRITTEN, *ADDED}:
        return (TABLE, *BESIDE)
    return (*MIGRATION, *BESIDE) if set(columns) == set(WRITTEN) else None
