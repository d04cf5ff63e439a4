"""What one transaction writes, and the records of proof among it. Pure.

Rule kept: codes, positions and digests only; never a value (contract.md section 8).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.audit import (
    DecisionHead,
    RefusalEntry,
    ReleaseEntry,
    Stage,
    Verdict,
    encode_decision,
    encode_receipt,
)
from hub.contracts.codec import RecordCodec
from hub.contracts.record import KafkaRecord

Headers = list[tuple[str, bytes]]
Written = tuple[bytes | None, bytes | None, Headers]


@dataclass(slots=True)
class Outputs:
    """Records by (topic, partition), and counts for the logs."""

    records: dict[tuple[str, int], list[Written]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, topic: str, partition: int, key: bytes | None, value: bytes, headers: Headers | None = None) -> None:
        """One more record."""
        self.records[topic, partition].append((key, value, headers or []))


@dataclass(frozen=True, slots=True)
class Codecs:
    """Encoders of the hub's own records on the gateway's way."""

    decision_frame: bytes
    attempt: RecordCodec
    receipt_frame: bytes
    quarantine: RecordCodec


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


@dataclass(frozen=True, slots=True)
class Proofs:
    """Writes the records of proof of one lane."""

    lane: Lane
    codecs: Codecs

    def decision(
        self,
        out: Outputs,
        subject: Subject,
        stamp: bytes,
        head: DecisionHead,
        entries: tuple[Sequence[ReleaseEntry], Sequence[RefusalEntry]],
    ) -> None:
        """The decision record of one event, in as many parts as it needs."""
        topic = topics.audit_decision(self.lane)
        for part in encode_decision(self.codecs.decision_frame, stamp, head, *entries):
            out.add(topic, subject.record.partition, subject.digest, part)
        out.counts["decided"] += 1

    def attempt(self, out: Outputs, subject: Subject, verdict: Verdict, code: str, now: int) -> None:
        """An input that ended without a decision."""
        value = blank_attempt(subject.where, verdict, now) | {
            "source": subject.source,
            "eventId": subject.event_id,
            "code": code,
            "sha256": subject.sha,
        }
        partition = subject.record.partition
        out.add(topics.audit_attempt(self.lane), partition, subject.digest, self.codecs.attempt.encode(value))
        if verdict is not Verdict.QUARANTINED:  # its entry counts
            out.counts[verdict.value] += 1

    def assigned(self, out: Outputs, partition: int, first_offset: int, revision: int, now: int) -> None:
        """An assignment: what an aborted attempt may have shown to a read_uncommitted reader starts here."""
        where = {"topic": topics.admitted(self.lane), "partition": partition, "offset": first_offset}
        value = blank_attempt(where, Verdict.ASSIGNED, now)
        value |= {"partition": partition, "firstOffset": first_offset, "previousRevision": revision}
        out.add(topics.audit_attempt(self.lane), partition, None, self.codecs.attempt.encode(value))

    def receipt(self, out: Outputs, subject: Subject, verdict: str, code: str, now: int) -> None:
        """What the publisher is told; nothing of recipients."""
        assert subject.source is not None
        assert subject.event_id is not None
        topic = topics.receipt(self.lane, subject.source)
        value = encode_receipt(self.codecs.receipt_frame, subject.event_id, (verdict, code), subject.sha, now)
        out.add(topic, 0, subject.event_id.encode(), value)

    def quarantine(self, out: Outputs, subject: Subject, stage: Stage, code: str, now: int) -> None:
        """What needs a person: code and position, no bytes."""
        value = {
            "stage": stage.value,
            "code": code,
            "path": None,
            "input": subject.where,
            "sha256": subject.sha,
            "sealed": None,
            "at": now,
        }
        out.add(topics.quarantine(self.lane), 0, subject.digest, self.codecs.quarantine.encode(value))
        out.counts[Verdict.QUARANTINED.value] += 1


def blank_attempt(where: dict[str, Any], verdict: Verdict, now: int) -> dict[str, Any]:
    """An attempt record with nothing but its place, verdict and moment."""
    empty = ("source", "eventId", "code", "sha256", "asker", "partition", "firstOffset", "previousRevision")
    return dict.fromkeys(empty) | {"input": where, "verdict": verdict.value, "at": now}
