"""The plan of a transaction: records of one partition in, everything one commit writes out. Pure.

Order kept for each record: repeat or conflict; decide; slice; second check; audit. A fault of one release costs that unit that release, a
fault of one event costs that event; both are recorded and go to quarantine, and the next record goes on (architecture.md section 3).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from consent.compile import Policy, Release
from consent.decide import Decision, decide
from consent.facts import Event, Fact
from consent.guards import Guard
from consent.terms import Lane, PartyRole, RefusalReason, Transform
from hub.contracts import topics
from hub.contracts.audit import (
    BatchStamp,
    DecisionHead,
    FactRef,
    GuardKind,
    Input,
    ReleaseEntry,
    Stage,
    Verdict,
    encode_decision,
    group_refusals,
)
from hub.contracts.codec import RecordCodec
from hub.contracts.envelope import (
    HUB_SOURCE,
    Admission,
    coarse,
    format_time,
    parse_admitted,
    uuid_text,
)
from hub.contracts.keys import KeyRing, UnitKeys, bytes_digest, event_digest, reference_plain
from hub.contracts.wire import WireError, unframe
from hub.gateway.knowledge import Knowledge
from hub.gateway.seen import CHECK, Seen, SeenIds
from hub.release.walker import CheckFailed

Record = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
Cut = Callable[[bytes, Any, "Seals"], bytes]

SAMPLE: Final = 63
ATTEMPT: Final = 1
FAULTS: Final = (ValueError, LookupError, ArithmeticError, TypeError, AttributeError)
NO_FALLBACK: Final = "no_fallback"


class Shape(Protocol):
    """What the gateway needs of the slicer of one event type."""

    def walk(self, body: bytes) -> Any:
        """Offsets of the leaves."""

    def presence(self, body: bytes, offsets: Any) -> bytes:
        """One bit per leaf."""

    def guards(self, body: bytes, offsets: Any) -> Any:
        """The leaves guards read."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """How one compiled release leaves: cut it, check it, check it in full."""

    cut: Cut
    check: Callable[[bytes], None]
    full_check: Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class TypeRuntime:
    """Everything compiled for one event type at start."""

    name: str
    shape: Shape
    outgoing: Mapping[Release, Outgoing]


@dataclass(frozen=True, slots=True)
class Codecs:
    """Encoders of the hub's own records on the gateway's way."""

    decision_frame: bytes
    attempt: RecordCodec
    receipt: RecordCodec
    quarantine: RecordCodec


@dataclass(slots=True)
class Outputs:
    """What one transaction writes: records by (topic, partition), and counts for the logs."""

    records: dict[tuple[str, int], list[Record]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, topic: str, partition: int, key: bytes | None, value: bytes, headers: Sequence[Any] = ()) -> None:
        """One more record."""
        self.records[topic, partition].append((key, value, headers))


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom an event comes from, and its parties: what pseudonyms are made of, once per event."""

    source: str
    keys: UnitKeys
    parties: Mapping[PartyRole, bytes]
    plains: dict[bytes, bytes] = field(default_factory=dict)

    def plain(self, raw: bytes) -> bytes:
        """The 72 bytes behind a reference: the publisher's own, or the one the hub gave it, opened under its own key."""
        found = self.plains.get(raw)
        if found is None:
            sealed = len(raw) > 64
            found = self.plains[raw] = self.keys.open_ref(raw) if sealed else reference_plain(self.source, raw)
        return found

    def person(self, role: PartyRole | None, raw: bytes) -> bytes:
        """What stands for a person before it is made pairwise: the handle where a CNP was given, else source and local reference."""
        handle = None if role is None else self.parties.get(role)
        return b"h" + handle if handle is not None else b"l%b\0%b" % (self.source.encode(), raw)


@dataclass(frozen=True, slots=True)
class Seals:
    """Pseudonyms of one event for one unit."""

    keys: UnitKeys
    origin: Origin

    def ref(self, raw: bytes) -> bytes:
        """A reference as this unit alone sees it."""
        return self.keys.seal_ref(self.origin.plain(raw))

    def person(self, role: PartyRole | None, raw: bytes) -> bytes:
        """A person as this unit alone sees her."""
        return self.keys.person(self.origin.person(role, raw))


@dataclass(slots=True)
class _Event:
    """One event on its way through the plan."""

    record: Any
    admission: Admission
    digest: bytes
    sha: bytes
    runtime: TypeRuntime
    schema_id: int
    body: bytes
    offsets: Any
    view: Event

    @property
    def source(self) -> str:
        """The unit that published it."""
        return self.view.source


class Planner:
    """Plans the transactions of one lane under one proven policy."""

    def __init__(
        self,
        lane: Lane,
        policy: Policy,
        runtimes: Mapping[int, TypeRuntime],
        keys: KeyRing,
        codecs: Codecs,
        knowledge: Knowledge,
    ) -> None:
        """`runtimes` by schema id of the event; `knowledge` is the fold the fence has made current."""
        self._lane, self._policy, self._runtimes = lane, policy, runtimes
        self._keys, self._codecs, self._knowledge = keys, codecs, knowledge
        self.build: str = ""
        self.random: Callable[[int], bytes] = _no_random
        self._attempts = topics.audit_attempt(lane)
        self._decisions = topics.audit_decision(lane)
        self._seen_topic = topics.seen(lane)
        self._quarantine = topics.quarantine(lane)

    def with_world(self, build: str, random: Callable[[int], bytes]) -> Planner:
        """Give the plan its build name and its source of random bytes (for fresh trace ids)."""
        self.build, self.random = build, random
        return self

    def assigned(self, partition: int, first_offset: int, revision: int, now: int) -> Outputs:
        """The record of an assignment: what an aborted attempt may have shown to a read_uncommitted reader starts here."""
        out = Outputs()
        where = Input(topics.admitted(self._lane), partition, first_offset)
        value = self._attempt(None, None, where, Verdict.ASSIGNED, None, None, now)
        value |= {"partition": partition, "firstOffset": first_offset, "previousRevision": revision}
        out.add(self._attempts, partition, None, self._codecs.attempt.encode(value))
        return out

    def decide(self, records: Sequence[Any], seen: SeenIds, revision: int, now: int) -> Outputs:
        """Everything one transaction writes for these records."""
        out = Outputs()
        facts = self._knowledge.at(revision, now)
        stamp = BatchStamp(
            self._codecs.decision_frame, now, now, self._policy.digest, revision, self.build, (self._keys.epoch,)
        ).shared()
        for record in records:
            try:
                event = self._read(record)
            except FAULTS as fault:
                self._unreadable(record, _code(fault), now, out)
                continue
            self._one(event, seen, facts, stamp, now, out)
        return out

    # --- one record

    def _read(self, record: Any) -> _Event:
        """Everything that can fail on a record admission did not write, before anything of it is written."""
        schema_id, body = unframe(record.value)
        admission = parse_admitted(record.headers)
        source = record.key.decode("ascii")
        runtime = self._runtimes[schema_id]
        offsets = runtime.shape.walk(body)
        leaves = runtime.shape.guards(body, offsets)
        return _Event(
            record,
            admission,
            event_digest(source, admission.id),
            bytes_digest(record.value),
            runtime,
            schema_id,
            body,
            offsets,
            Event(
                runtime.name,
                source,
                admission.case,
                admission.parties,
                leaves.siruta,
                leaves.named,
                leaves.content,
            ),
        )

    def _one(self, event: _Event, seen: SeenIds, facts: Knowledge, stamp: bytes, now: int, out: Outputs) -> None:
        check = event.sha[:CHECK]
        verdict = seen.look(event.digest, check)
        if verdict is Seen.CONFLICT and self._lane is Lane.ALERT:
            self._note(event, Verdict.CONFLICT, now, out)
            event.digest = event_digest(event.source, f"{event.admission.id}\0{event.sha.hex()}")
            verdict = seen.look(event.digest, check)
        _VERDICTS[verdict](self, event, facts, stamp, now, out)
        if verdict is Seen.NEW:
            seen.add(event.digest, check, now)
            out.add(self._seen_topic, event.record.partition, event.digest, check)

    def _repeat(self, event: _Event, facts: Knowledge, stamp: bytes, now: int, out: Outputs) -> None:
        self._note(event, Verdict.DUPLICATE, now, out)
        self._receipt(event, "duplicate", "duplicate", now, out)

    def _conflict(self, event: _Event, facts: Knowledge, stamp: bytes, now: int, out: Outputs) -> None:
        self._note(event, Verdict.CONFLICT, now, out)
        self._receipt(event, "refused", "conflict", now, out)
        self._isolate(event, Stage.DECISION, "conflict", now, out)

    def _new(self, event: _Event, facts: Knowledge, stamp: bytes, now: int, out: Outputs) -> None:
        decided = decide(self._policy, event.view, facts, now)
        origin = Origin(event.source, self._keys.unit(event.source), event.admission.parties)
        times: dict[Transform, bytes] = {}
        releases: list[ReleaseEntry] = []
        refusals = []
        for decision in decided.decisions:
            reason, guard = decision.refusal, decision.guard
            if decision.selected is not None:
                try:
                    releases.append(self._release(event, decision, origin, times, out))
                    continue
                except FAULTS as fault:
                    reason = _failure(fault)
                    self._isolate(event, Stage.RELEASE, reason.value, now, out)
            if reason is not None:
                refusals.append((reason, _guard(guard), _fact(decision), decision.subscription.unit.ordinal))
        for _line in decided.unserved:
            self._isolate(event, Stage.DECISION, NO_FALLBACK, now, out)
        self._audit(event, stamp, releases, group_refusals(refusals), out)
        self._receipt(event, "admitted", "late" if event.admission.late else "admitted", now, out)
        out.counts["releases"] += len(releases)
        out.counts["refusals"] += len(refusals)

    def _release(
        self, event: _Event, decision: Decision, origin: Origin, times: dict[Transform, bytes], out: Outputs
    ) -> ReleaseEntry:
        """Cut, check and address one release; raises before anything of it is written."""
        assert decision.selected is not None
        release, unit, purpose = decision.selected.release, decision.subscription.unit, decision.subscription.purpose
        outgoing, keys = event.runtime.outgoing[release], self._keys.unit(unit.code)
        value = outgoing.cut(event.body, event.offsets, Seals(keys, origin))
        outgoing.check(value)
        full = self._lane is Lane.ALERT or not event.digest[0] & SAMPLE
        if full:
            outgoing.full_check(value)
        release_id = keys.release_id(event.digest, purpose.value, ATTEMPT)
        subject = keys.seal_case(event.admission.case)
        time = times.get(release.time)
        if time is None:
            time = times[release.time] = format_time(coarse(event.admission.time, release.time)).encode()
        headers = self._headers(release_id, event.runtime.name, time, subject)
        out.add(topics.release(self._lane, unit.code, purpose), 0, subject, value, headers)
        return ReleaseEntry(
            unit.ordinal,
            purpose,
            release_id,
            ATTEMPT,
            decision.bits,
            [FactRef(fact.key, fact.offset) for fact in decision.facts],
            bytes_digest(value),
            len(value),
            full,
        )

    def _headers(self, release_id: bytes, event_type: str, time: bytes, subject: bytes) -> list[tuple[str, bytes]]:
        """The closed list of contract.md section 1."""
        trace = self.random(24).hex()
        return [
            ("ce_specversion", b"1.0"),
            ("ce_id", uuid_text(release_id).encode()),
            ("ce_source", HUB_SOURCE),
            ("ce_type", event_type.encode()),
            ("ce_time", time),
            ("ce_subject", subject),
            ("traceparent", f"00-{trace[:32]}-{trace[32:]}-00".encode()),
        ]

    # --- records of proof

    def _audit(self, event: _Event, stamp: bytes, releases: Any, refusals: Any, out: Outputs) -> None:
        record = event.record
        head = DecisionHead(
            event.source,
            event.admission.id,
            event.runtime.name,
            event.schema_id,
            Input(record.topic, record.partition, record.offset),
            record.timestamp,
            event.runtime.shape.presence(event.body, event.offsets),
        )
        for part in encode_decision(self._codecs.decision_frame, stamp, head, releases, refusals):
            out.add(self._decisions, record.partition, event.digest, part)
        out.counts["decided"] += 1

    def _note(self, event: _Event, verdict: Verdict, now: int, out: Outputs) -> None:
        """An attempt that ended without a decision."""
        record = event.record
        where = Input(record.topic, record.partition, record.offset)
        value = self._attempt(event.source, event.admission.id, where, verdict, verdict.value, event.sha, now)
        out.add(self._attempts, record.partition, event.digest, self._codecs.attempt.encode(value))
        out.counts[verdict.value] += 1

    def _receipt(self, event: _Event, verdict: str, code: str, now: int, out: Outputs) -> None:
        value = {"eventId": event.admission.id, "verdict": verdict, "code": code, "sha256": event.sha, "at": now}
        topic = topics.receipt(self._lane, event.source)
        out.add(topic, 0, event.admission.id.encode(), self._codecs.receipt.encode(value))

    def _isolate(self, event: _Event, stage: Stage, code: str, now: int, out: Outputs) -> None:
        self._quarantined(event.record, event.digest, event.sha, stage, code, now, out)

    def _quarantined(
        self, record: Any, key: bytes | None, sha: bytes, stage: Stage, code: str, now: int, out: Outputs
    ) -> None:
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        value = {"stage": stage, "code": code, "path": None, "input": where, "sha256": sha, "sealed": None, "at": now}
        out.add(self._quarantine, 0, key, self._codecs.quarantine.encode(value))
        out.counts["quarantined"] += 1

    def _unreadable(self, record: Any, code: str, now: int, out: Outputs) -> None:
        """A record on `admitted` that admission cannot have written: isolated, recorded, passed by."""
        sha = bytes_digest(record.value or b"")
        where = Input(record.topic, record.partition, record.offset)
        value = self._attempt(None, None, where, Verdict.QUARANTINED, code, sha, now)
        out.add(self._attempts, record.partition, None, self._codecs.attempt.encode(value))
        self._quarantined(record, None, sha, Stage.DECISION, code, now, out)

    @staticmethod
    def _attempt(
        source: str | None,
        event_id: str | None,
        where: Input,
        verdict: Verdict,
        code: str | None,
        sha: bytes | None,
        now: int,
    ) -> dict[str, Any]:
        return {
            "source": source,
            "eventId": event_id,
            "input": {"topic": where.topic, "partition": where.partition, "offset": where.offset},
            "verdict": verdict.value,
            "code": code,
            "sha256": sha,
            "at": now,
            "asker": None,
            "partition": None,
            "firstOffset": None,
            "previousRevision": None,
        }


_VERDICTS: Final = {Seen.NEW: Planner._new, Seen.REPEAT: Planner._repeat, Seen.CONFLICT: Planner._conflict}


def _no_random(size: int) -> bytes:
    raise RuntimeError("the plan was given no source of random bytes")


def _code(fault: Exception) -> str:
    """A code that tells nothing of the record."""
    return fault.code if isinstance(fault, WireError) else "header"


def _failure(fault: Exception) -> RefusalReason:
    return RefusalReason.CHECK_FAILED if isinstance(fault, CheckFailed) else RefusalReason.TRANSFORM_FAILED


def _guard(guard: Guard | None) -> GuardKind:
    return GuardKind.NONE if guard is None else GuardKind(guard.kind.value)


def _fact(decision: Decision) -> FactRef | None:
    facts: tuple[Fact, ...] = decision.facts
    return FactRef(facts[0].key, facts[0].offset) if facts else None
