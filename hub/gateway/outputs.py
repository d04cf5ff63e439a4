"""What one transaction writes, and the records of proof among it. Pure.

Rule kept: codes, positions and digests only; never a value (contract.md section 8).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.audit import (
    BLANK_ATTEMPT,
    BLANK_ENTRY,
    DecisionHead,
    RefusalEntry,
    Stage,
    Verdict,
    encode_decision,
    encode_receipt,
)
from hub.contracts.codec import RecordCodec
from hub.contracts.envelope import attempt_of
from hub.contracts.parked import PARKED, RESUMED, Cell, Entry
from hub.contracts.record import KafkaRecord
from hub.contracts.waiting import Waiting

Headers = list[tuple[str, bytes]]
NO_HEADERS: Final[Headers] = []
"""aiokafka takes nothing but a list; nobody adds to this one."""
Place = tuple[str, int]
"""A topic and a partition."""
Written = tuple[bytes | None, bytes | None, Headers]


class Append(Protocol):
    """Adds records to one place."""

    def __call__(self, key: bytes | None, value: bytes, headers: Headers = NO_HEADERS, /) -> None:
        """One more record."""


class Outputs(Protocol):
    """Takes what one transaction writes, record by record, and counts for the logs."""

    counts: Counter[str]

    def add(self, place: Place, key: bytes | None, value: bytes, headers: Headers = NO_HEADERS) -> None:
        """One more record."""
        ...

    def to(self, place: Place) -> Append:
        """What adds to one place, for many records in a row; MUST leave no trace where none follows."""
        ...


@dataclass(slots=True)
class Gathered:
    """Outputs kept in memory, by place: for tests and comparisons."""

    records: dict[Place, list[Written]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, place: Place, key: bytes | None, value: bytes, headers: Headers = NO_HEADERS) -> None:
        """One more record."""
        self.records[place].append((key, value, headers))

    def to(self, place: Place) -> Append:
        """What adds to one place."""
        return partial(self.add, place)


@dataclass(frozen=True, slots=True)
class Codecs:
    """Encoders of the hub's own records on the gateway's way; of its decisions also what reads them back."""

    decision_frame: bytes
    decision: RecordCodec
    attempt: RecordCodec
    receipt_frame: bytes
    waiting: Waiting
    hollow: RecordCodec


class Subject(NamedTuple):
    """The input a record of proof speaks of: the record, its digest where it could be read, SHA-256 of its bytes."""

    record: KafkaRecord
    digest: bytes | None
    sha: bytes
    source: str | None = None
    event_id: str | None = None

    @property
    def where(self) -> dict[str, Any]:
        """The position of the input."""
        return {"topic": self.record.topic, "partition": self.record.partition, "offset": self.record.offset}


class Proofs:
    """Writes the records of proof of one lane."""

    def __init__(self, lane: Lane, codecs: Codecs) -> None:
        self.lane, self.codecs = lane, codecs
        self._decisions, self._attempts = topics.audit_decision(lane), topics.audit_attempt(lane)
        self._admitted, self._quarantine = topics.admitted(lane), (topics.quarantine(lane), 0)
        self._parked = topics.parked(lane)

    def decision(
        self,
        out: Outputs,
        subject: Subject,
        stamp: bytes,
        head: DecisionHead,
        entries: tuple[Sequence[bytes], Sequence[RefusalEntry]],
    ) -> None:
        """The decision record of one event, in as many parts as it needs."""
        place = self._decisions, subject.record.partition
        for part in encode_decision(self.codecs.decision_frame, stamp, head, *entries):
            out.add(place, subject.digest, part)
        out.counts["decided"] += 1

    def attempt(self, out: Outputs, subject: Subject, verdict: Verdict, code: str, now: int, **known: Any) -> None:
        """An input that ended without a decision. `known`: further leaves of the record."""
        value = blank_attempt(subject.where, verdict, now) | {
            "source": subject.source,
            "eventId": subject.event_id,
            "code": code,
            "sha256": subject.sha,
            "attempt": attempt_of(subject.record.headers),
            **known,
        }
        out.add((self._attempts, subject.record.partition), subject.digest, self.codecs.attempt.encode(value))
        if verdict not in UNCOUNTED:
            out.counts[verdict.value] += 1

    def assigned(self, out: Outputs, partition: int, first_offset: int, last: bytes | None, now: int) -> None:
        """An assignment: what an aborted attempt may have shown to a read_uncommitted reader starts here.

        `last`: the partition's last decision record; it was by the revision of that record that anything was shown.
        """
        revision = None if last is None else self.codecs.decision.decode(last)["registerRevision"]
        where = {"topic": self._admitted, "partition": partition, "offset": first_offset}
        value = blank_attempt(where, Verdict.ASSIGNED, now)
        value |= {"partition": partition, "firstOffset": first_offset, "previousRevision": revision}
        out.add((self._attempts, partition), None, self.codecs.attempt.encode(value))

    def receipt(self, out: Outputs, subject: Subject, verdict: str, code: str, now: int) -> None:
        """What the publisher is told; nothing of recipients."""
        assert subject.source is not None
        assert subject.event_id is not None
        place = topics.receipt(self.lane, subject.source), 0
        value = encode_receipt(self.codecs.receipt_frame, subject.event_id, (verdict, code), subject.sha, now)
        out.add(place, subject.event_id.encode(), value)

    def quarantine(self, out: Outputs, subject: Subject, stage: Stage, code: str, now: int) -> None:
        """What needs a person: code, position and source; the record only sealed."""
        known = {"source": subject.source, "attempt": attempt_of(subject.record.headers)}
        entry = self.codecs.waiting.entry(subject.record, stage, code, now, **known)
        out.add(self._quarantine, subject.digest, entry)
        out.counts[Verdict.QUARANTINED.value] += 1

    def parked(self, out: Outputs, subject: Subject, cell: Cell, entry: Entry) -> None:
        """A release that waits: sealed in `parked.<lane>`, and in the audit that it does."""
        known = _of(cell, entry.attempt)
        self.attempt(out, subject, Verdict.PARKED, entry.code, entry.at, **known)
        known |= {"source": entry.source, "state": PARKED}
        value = self.codecs.waiting.entry(subject.record, Stage.RELEASE, entry.code, entry.at, **known)
        out.add((self._parked, entry.partition), entry.source.encode(), value)

    def resumed(self, out: Outputs, cell: Cell, entry: Entry, now: int) -> None:
        """A release that waits no more: made, refused, or given to a person."""
        value = self._unsealed(entry, entry.code, now) | _of(cell, entry.attempt + 1) | {"state": RESUMED}
        out.add((self._parked, entry.partition), entry.source.encode(), self.codecs.waiting.entries.encode(value))

    def gone(self, out: Outputs, cell: Cell, entry: Entry, now: int) -> None:
        """A release that waited until its event was no longer kept: for a person, who knows other ways."""
        value = self._unsealed(entry, INPUT_GONE, now) | _of(cell, entry.attempt + 1)
        out.add(self._quarantine, None, self.codecs.waiting.entries.encode(value))
        out.counts[Verdict.QUARANTINED.value] += 1

    def _unsealed(self, entry: Entry, code: str, now: int) -> dict[str, Any]:
        """An entry about a release that waits, without its record."""
        where = {"topic": self._admitted, "partition": entry.partition, "offset": entry.offset}
        said = {"stage": Stage.RELEASE.value, "code": code, "input": where, "sha256": entry.sha256, "at": now}
        return {**BLANK_ENTRY, **said, "source": entry.source}


UNCOUNTED: Final = frozenset({Verdict.QUARANTINED, Verdict.PARKED})
"""Attempts that do not count: an entry of quarantine does; of parking the subscription does, not each of its releases.

How many messages one unit waits for is nobody's business (law 6).
"""
INPUT_GONE: Final = "input_gone"
"""What quarantine says of a parked release whose event is no longer kept, or is another one than it was."""


def _of(cell: Cell, attempt: int) -> dict[str, Any]:
    """The leaves that name an attempt of a subscription."""
    return {"unit": cell[0], "purpose": cell[1], "attempt": attempt}


def blank_attempt(where: dict[str, Any], verdict: Verdict, now: int) -> dict[str, Any]:
    """An attempt record with nothing but its place, verdict and moment."""
    return {**BLANK_ATTEMPT, "input": where, "verdict": verdict.value, "at": now}
