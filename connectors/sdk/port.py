"""What a connector of a publishing agency is made of: rows of an outbox in, events of the contract out. Pure.

Rule kept: a mapping is a pure function; it may refuse a row, and the row then stays, marked, for a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an agency's outbox: its id (UUID), the agency's own kind, moment (ms), case reference and record."""

    id: str
    kind: str
    time: int
    subject: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the contract, ready to be encoded: `type` is the bare name of the catalogue."""

    id: str
    type: str
    time: int
    subject: str
    record: Mapping[str, Any]


class RowRefused(ValueError):
    """A row the mapping cannot turn into an event. Names the column, never its value."""

    def __init__(self, column: str, remedy: str) -> None:
        super().__init__(f"column `{column}`: {remedy}")
        self.column = column


RowMapping = Callable[[Row], Event]
"""How one agency's rows become events."""


class Parcel(NamedTuple):
    """What is sent of one row, kept as it was encoded first: every resend is byte for byte the same."""

    id: str
    topic: str
    value: bytes
    headers: list[tuple[str, bytes]]


class Witness(NamedTuple):
    """Where a record lies that Kafka has acknowledged, and the id (`ce_id`) it lies there under.

    `at`: its timestamp (ms), which tells it from a repeat of it that happens to lie there; -1: not known.
    """

    topic: str
    partition: int
    offset: int
    id: str
    at: int = -1


class Receipt(NamedTuple):
    """What the hub says of an event of ours: verdict (admitted, duplicate, refused), code, SHA-256 of the value."""

    id: str
    verdict: str
    code: str
    sha256: bytes


Positions = Mapping[tuple[str, int], int]
"""(topic, partition) -> the next offset to read."""
