"""Folds of audit and register records into what one question needs. Pure.

Rule kept: nothing is kept but what speaks of the id asked for, policies and standing facts; a `consult` record is no
trace of an event, else asking about nothing would make it something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from consent.facts import Fact
from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.audit import Verdict, lane_of
from hub.contracts.codec import RecordCodec
from hub.contracts.keys import event_digest, register_digest
from hub.contracts.record import KafkaRecord
from hub.contracts.registers import UNREADABLE, Change, RegisterCodecs, digest_of

Record = Mapping[str, Any]
ENDED: Final = frozenset({Verdict.REFUSED, Verdict.DUPLICATE, Verdict.CONFLICT, Verdict.QUARANTINED, Verdict.PARKED})


@dataclass(frozen=True, slots=True)
class FactTold:
    """A register record a decision rests on. `kind`, `state`, `since` (ms) are None where nothing holds it any more.

    `begins`, `ends` (ms): what the record itself says, known while the register holds it: then it is `whole`.
    """

    fact: Fact
    kind: str | None = None
    state: str | None = None
    since: int | None = None
    begins: int | None = None
    ends: int | None = None
    whole: bool = False


@dataclass(slots=True)
class RegisterHistory:
    """What `register` and `audit.register` still say of each fact; of units and agreements, every state by offset.

    `owners`: by key and offset, when it was decided (ms) and the organisation it names; None for none, or not known.
    """

    states: dict[Fact, tuple[str | None, int | None]] = field(default_factory=dict)
    kinds: dict[bytes, str] = field(default_factory=dict)
    records: dict[tuple[str, str], list[tuple[int, Record]]] = field(default_factory=dict)
    spans: dict[Fact, tuple[int | None, int | None]] = field(default_factory=dict)
    owners: dict[bytes, dict[int, tuple[int, str | None]]] = field(default_factory=dict)

    def told(self, fact: Fact) -> FactTold:
        """The fact with its kind, its state and since when."""
        state, since = self.states.get(fact, (None, None))
        begins, ends = self.spans.get(fact, (None, None))
        return FactTold(fact, self.kinds.get(fact.key), state, since, begins, ends, fact in self.spans)

    def at(self, kind: str, handle: str, revision: int) -> Record | None:
        """The record that stood at a revision; where compaction forgot it, the first one known after.

        It says by which role and agreement a decision is explained; whose a unit was says `owner` alone.
        """
        known = sorted(self.records.get((kind, handle), ()), key=lambda entry: entry[0])
        before = [record for offset, record in known if offset < revision]
        return before[-1] if before else next((record for _, record in known), None)

    def owner(self, unit: str, revision: int) -> str | None:
        """The organisation of a unit at a revision; None where nothing from before says it: doubt withholds."""
        return self._owner(unit, lambda offset, _: offset < revision)

    def owner_when(self, unit: str, moment: int) -> str | None:
        """The organisation of a unit at a moment (ms), as `owner`."""
        return self._owner(unit, lambda _, at: at <= moment)

    def _owner(self, unit: str, stood: Callable[[int, int], bool]) -> str | None:
        known = self.owners.get(register_digest("unit", unit), {})
        last = max((offset for offset, (at, _) in known.items() if stood(offset, at)), default=None)
        return None if last is None else known[last][1]


@dataclass(frozen=True, slots=True)
class DecisionTold:
    """One decided event, its parts joined; of its releases only the one that was asked for, if one was."""

    digest: bytes
    lane: Lane
    head: Record
    releases: Sequence[Record]
    refusals: Sequence[Record]


@dataclass(frozen=True, slots=True)
class Codecs:
    """Decoders of what is read."""

    decision: RecordCodec
    attempt: RecordCodec
    policy: RecordCodec
    change: RecordCodec
    registers: RegisterCodecs


@dataclass(slots=True)
class Trail:
    """All that audit and register say about one id: that of an event or that of a release."""

    asked: str
    codecs: Codecs
    register: RegisterHistory = field(default_factory=RegisterHistory)
    policies: list[Record] = field(default_factory=list)
    attempts: list[tuple[Lane, Record]] = field(default_factory=list)
    _parts: dict[tuple[str, int, int, int], list[tuple[bytes, Lane, Record]]] = field(default_factory=dict)

    def take(self, record: KafkaRecord) -> None:
        """Fold one record of any topic that `topics_read` names."""
        takes = {
            "audit.decision": self._decision,
            "audit.attempt": self._attempt,
            topics.AUDIT_POLICY: self._policy,
            topics.AUDIT_REGISTER: self._change,
            topics.REGISTER: self._register,
        }
        takes[".".join(record.topic.split(".")[:2])](record)

    @property
    def decisions(self) -> list[DecisionTold]:
        """The decisions about the id; a release that waited has one of its own, for its further attempt."""
        return [self._joined(parts) for parts in self._parts.values()]

    @property
    def event(self) -> tuple[Lane, bytes | None]:
        """Lane and digest of the event asked about, for the record of the question; case and None where unknown."""
        for decision in self.decisions:
            return decision.lane, event_digest(decision.head["source"], decision.head["eventId"])
        for lane, attempt in self.attempts:
            return lane, event_digest(attempt["source"], self.asked)
        return Lane.CASE, None

    def policy_of(self, decision: DecisionTold) -> Record | None:
        """The policy a decision was made by, with the list of units its ordinals index."""
        head = decision.head
        fits = [
            policy
            for policy in self.policies
            if policy["digest"] == head["policyDigest"] and policy["registerRevision"] <= head["registerRevision"]
        ]
        return max(reversed(fits), key=lambda policy: policy["registerRevision"], default=None)

    def _joined(self, parts: list[tuple[bytes, Lane, Record]]) -> DecisionTold:
        digest, lane, head = parts[0]
        releases = [release for _, _, part in parts for release in part["releases"]]
        refusals = [refusal for _, _, part in parts for refusal in part["refusals"]]
        if head["eventId"] != self.asked:
            releases, refusals = [r for r in releases if r["releaseId"] == raw_id(self.asked)], []
        return DecisionTold(digest, lane, head, releases, refusals)

    def _decision(self, record: KafkaRecord) -> None:
        """Most records speak of other events: their bytes are searched before they are decoded."""
        value = record.value or b""
        if self.asked.encode() not in value and raw_id(self.asked) not in value:
            return
        part = self.codecs.decision.decode(value)
        if part["eventId"] == self.asked or any(r["releaseId"] == raw_id(self.asked) for r in part["releases"]):
            where = part["input"]["topic"], part["input"]["partition"], part["input"]["offset"]
            self._parts.setdefault((*where, part["batchAt"]), []).append(
                (record.key or b"", lane_of(record.topic), part)
            )

    def _attempt(self, record: KafkaRecord) -> None:
        value = record.value or b""
        if self.asked.encode() not in value:
            return
        attempt = self.codecs.attempt.decode(value)
        if attempt["eventId"] == self.asked and attempt["verdict"] in ENDED and attempt["source"]:
            self.attempts.append((lane_of(record.topic), attempt))

    def _policy(self, record: KafkaRecord) -> None:
        self.policies.append(self.codecs.policy.decode(record.value or b""))

    def _change(self, record: KafkaRecord) -> None:
        change = self.codecs.change.decode(record.value or b"")
        self.register.states[Fact(change["key"], change["offset"])] = change["newState"], change["at"]
        said = max(change["at"], record.timestamp), change["organisation"]
        self.register.owners.setdefault(change["key"], {}).setdefault(change["offset"], said)

    def _register(self, record: KafkaRecord) -> None:
        """A record that cannot be read is a fact all the same: one that says nothing but that it is there."""
        change = self.codecs.registers.known(record.key, record.value)
        if change is None:
            self._unread(record)
            return
        self.register.kinds[change.digest] = change.kind
        if change.kind == "unit":
            self._owned(record, change)
        if change.record is None:
            return
        fact, said = Fact(change.digest, record.offset), change.record
        self.register.states[fact] = change.state, said["at"]
        self.register.spans[fact] = said.get("from"), said.get("until", said.get("validUntil"))
        if change.kind in ("unit", "agreement"):
            self.register.records.setdefault((change.kind, change.handle), []).append((record.offset, change.record))

    def _owned(self, record: KafkaRecord, change: Change) -> None:
        """Whose a unit is from when this was written; a moment people typed may only be later. Deleted: nobody's."""
        at, organisation = (0, None) if change.record is None else (change.record["at"], change.record["organisation"])
        known = self.register.owners.setdefault(change.digest, {})
        known[record.offset] = max(at, record.timestamp), organisation

    def _unread(self, record: KafkaRecord) -> None:
        key = digest_of(record.key)
        self.register.states.setdefault(Fact(key, record.offset), (UNREADABLE, None))
        self.register.owners.setdefault(key, {}).setdefault(record.offset, (record.timestamp, None))


def topics_read() -> list[str]:
    """Every topic a question reads, whatever lanes there are."""
    lanes = [name(lane) for lane in Lane for name in (topics.audit_decision, topics.audit_attempt)]
    return [topics.AUDIT_POLICY, topics.AUDIT_REGISTER, topics.REGISTER, *lanes]


def raw_id(uuid: str) -> bytes:
    """The 16 bytes of a UUID in its usual form."""
    return bytes.fromhex(uuid.replace("-", ""))
