"""The records of proof: the decision record, attempts, receipts, quarantine entries, policies (contract.md section 8).

Rule kept: never a value, opaque ids only. The decision record is written once per event on the hot path, so it is
encoded by hand here; a test holds its bytes equal to what the Avro schema in `schemas/audit/` says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import zip_longest
from typing import Final, NamedTuple

from consent.terms import Lane, Purpose, RefusalReason

NAMES_LAPSED: Final = "+lapsed"
"""Ends the build in the decision records of a hub that names, of a false guard, the record that does not count.

Where the build ends otherwise, that a refusal names no record says nothing.
"""
PART_RELEASES: Final = 40
PART_REFUSALS: Final = 64
PART_ORDINALS: Final = 64

_PURPOSES: Final = {purpose: bytes([2 * i]) for i, purpose in enumerate(Purpose)}
_REASONS: Final = {reason: bytes([2 * i]) for i, reason in enumerate(RefusalReason)}


class GuardKind(StrEnum):
    """The kind of guard that was false, as a decision record names it."""

    AREA = "area"
    RELATION = "relation"
    ADDRESSEE = "addressee"
    CONSENT = "consent"
    EMERGENCY = "emergency"
    CONTENT = "content"
    JUDICIAL = "judicial"
    NONE = "none"


_GUARDS: Final = {kind: bytes([2 * i]) for i, kind in enumerate(GuardKind)}


class Verdict(StrEnum):
    """How an input ended that was not decided; `assigned` and `consult` mark an assignment and a question."""

    REFUSED = "refused"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    QUARANTINED = "quarantined"
    PARKED = "parked"
    ASSIGNED = "assigned"
    CONSULT = "consult"


class Stage(StrEnum):
    """Where a record was stopped."""

    ADMISSION = "admission"
    DECISION = "decision"
    RELEASE = "release"


class DeliveryState(StrEnum):
    """How far a release, or its recall, came: handed to the unit's application, acknowledged by it."""

    HANDED = "handed"
    ACKED = "acked"
    RECALL_SENT = "recall_sent"
    RECALL_ACKED = "recall_acked"


BLANK_ATTEMPT: Final[Mapping[str, None]] = {
    **dict.fromkeys(("source", "eventId", "input", "code", "sha256", "asker")),
    **dict.fromkeys(("partition", "firstOffset", "previousRevision")),
    **dict.fromkeys(("reason", "attempt", "count", "unit", "purpose")),
}
"""An attempt record that says nothing yet but its `verdict` and `at`."""
BLANK_ENTRY: Final[Mapping[str, None]] = dict.fromkeys(
    ["path", "sealed", "source", "keyId", "record", "attempt", "unit", "purpose", "state"]
)
"""What may stay unsaid in an entry of quarantine or parking. `sealed` is of the first version: `record` holds bytes."""


class FactRef(NamedTuple):
    """A register record a decision rests on: digest of its key (16 bytes) and its offset."""

    key: bytes
    offset: int


class ReleaseEntry(NamedTuple):
    """One release as the decision record states it."""

    ordinal: int
    purpose: Purpose
    release_id: bytes
    attempt: int
    guard_bits: int
    facts: Sequence[FactRef]
    sha256: bytes
    length: int
    full_check: bool

    def encode(self) -> bytes:
        """Its bytes in a decision record."""
        ordinal, purpose, release_id, attempt, guard_bits, facts, sha, length, full_check = self
        given = receiver(ordinal, purpose), release_id, varlong(attempt), varlong(guard_bits), facts
        return encode_release(*given, sha + varlong(length) + CHECKED[full_check])


class RefusalEntry(NamedTuple):
    """Units that got nothing for one reason."""

    reason: RefusalReason
    guard: GuardKind
    fact: FactRef | None
    ordinals: Sequence[int]


class Input(NamedTuple):
    """Where the decided record lies."""

    topic: str
    partition: int
    offset: int


@lru_cache(maxsize=16_384)
def varlong(value: int) -> bytes:
    """An Avro int or long: zigzag, seven bits a byte (Avro 1.12 specification, binary encoding).

    Remembered: ordinals, lengths and the moments of a batch come again and again.
    """
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def text(value: str) -> bytes:
    """An Avro string."""
    raw = value.encode()
    return varlong(len(raw)) + raw


named: Final = lru_cache(maxsize=1024)(text)
"""An Avro string out of a closed set: a unit, a type, a topic, a code."""


def blob(raw: bytes) -> bytes:
    """Avro bytes."""
    return varlong(len(raw)) + raw


def array(items: Sequence[bytes]) -> bytes:
    """An Avro array of encoded items, as one block."""
    return varlong(len(items)) + b"".join(items) + b"\0" if items else b"\0"


def _fact(fact: FactRef) -> bytes:
    return fact.key + varlong(fact.offset)


CHECKED: Final = (b"\2", b"\0")
"""How a release was checked, indexed by whether a library read it as well."""


def receiver(ordinal: int, purpose: Purpose) -> bytes:
    """The bytes of a release's unit and purpose."""
    return varlong(ordinal) + _PURPOSES[purpose]


def encode_release(
    unit: bytes, release_id: bytes, attempt: bytes, guard_bits: bytes, facts: Sequence[FactRef], made: bytes
) -> bytes:
    """A release in a decision record, of encoded parts: `unit` by `receiver`, `made` = SHA-256, length, check."""
    return b"".join(
        (unit, release_id, attempt, guard_bits, array([_fact(fact) for fact in facts]) if facts else b"\0", made)
    )


def _refusal(entry: RefusalEntry) -> bytes:
    fact = b"\0" if entry.fact is None else b"\x02" + _fact(entry.fact)
    return b"".join((_REASONS[entry.reason], _GUARDS[entry.guard], fact, _ordinals(tuple(entry.ordinals))))


@lru_cache(maxsize=1024)
def _ordinals(found: tuple[int, ...]) -> bytes:
    """Units, as an array. Remembered: those that are not of a place are the same for all its events."""
    return array([varlong(ordinal) for ordinal in found])


@dataclass(frozen=True, slots=True)
class BatchStamp:
    """What all decisions of one batch share, encoded once per batch: moments in ms, policy, revision, build, epochs."""

    decided_at: int
    batch_at: int
    policy_digest: bytes
    revision: int
    build: str
    epochs: Sequence[int]

    def shared(self) -> bytes:
        """The bytes from `decidedAt` to `keyEpochs`, in schema order."""
        return b"".join(
            (
                varlong(self.decided_at),
                varlong(self.batch_at),
                self.policy_digest,
                varlong(self.revision),
                text(self.build),
                array([varlong(epoch) for epoch in self.epochs]),
            )
        )


class DecisionHead(NamedTuple):
    """What one decision record says of its event."""

    source: str
    event_id: str
    type: str
    schema_id: int
    where: Input
    admitted_at: int
    presence: bytes

    def encode(self) -> bytes:
        """The bytes from `source` to `admittedAt`, in schema order."""
        source, event_id, event_type, schema_id, (topic, partition, offset), admitted_at, _ = self
        return b"".join(
            (
                named(source),
                text(event_id),
                named(event_type),
                varlong(schema_id),
                named(topic),
                varlong(partition),
                varlong(offset),
                varlong(admitted_at),
            )
        )


def encode_decision(
    frame: bytes, shared: bytes, head: DecisionHead, given: Sequence[bytes], refusals: Sequence[RefusalEntry]
) -> list[bytes]:
    """The framed record of one decided event; more than one part when the units are many (each at most 14 KiB).

    The refusals begin in the last part that has releases.

    `given`: the releases, each by `encode_release`.
    """
    before = frame + head.encode() + shared + blob(head.presence)
    refused: Sequence[bytes] = [_refusal(entry) for entry in refusals] if refusals else ()
    if len(given) <= PART_RELEASES and len(refused) <= PART_REFUSALS:
        return [b"".join((before, b"\x02\x02", array(given), array(refused)))]
    chunks: list[Sequence[bytes]] = [given[i : i + PART_RELEASES] for i in range(0, len(given), PART_RELEASES)]
    rest: list[Sequence[bytes]] = [refused[i : i + PART_REFUSALS] for i in range(0, len(refused), PART_REFUSALS)]
    parts = list(zip_longest(chunks, [()] * (len(chunks) - 1) + rest, fillvalue=()))
    return [
        b"".join((before, varlong(n), varlong(len(parts)), array(released), array(told)))
        for n, (released, told) in enumerate(parts, 1)
    ]


_TOLD: Final = {verdict: bytes([2 * i]) for i, verdict in enumerate(("admitted", "refused", "duplicate"))}


def encode_receipt(frame: bytes, event_id: str, told: tuple[str, str], sha: bytes, at: int) -> bytes:
    """The framed receipt of one event, one per event as decisions are; `told`: verdict and code; `at`: ms."""
    verdict, code = told
    return b"".join((frame, text(event_id), _TOLD[verdict], named(code), sha, varlong(at)))


def group_refusals(found: Iterable[tuple[RefusalReason, GuardKind, FactRef | None, int]]) -> list[RefusalEntry]:
    """One entry per reason, guard and fact, its ordinals in chunks the schema allows."""
    grouped: defaultdict[tuple[RefusalReason, GuardKind, FactRef | None], list[int]] = defaultdict(list)
    for reason, guard, fact, ordinal in found:
        grouped[reason, guard, fact].append(ordinal)
    return [
        RefusalEntry(reason, guard, fact, ordinals[i : i + PART_ORDINALS])
        for (reason, guard, fact), ordinals in grouped.items()
        for i in range(0, len(ordinals), PART_ORDINALS)
    ]


def lane_of(topic: str) -> Lane:
    """The lane of a topic of the hub, its second part."""
    return Lane(topic.split(".")[1] if not topic.startswith("audit.") else topic.split(".")[2])
