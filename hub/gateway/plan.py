"""The plan of a transaction: records of one partition in, everything one commit writes out.

Pure.

Order kept for each record: repeat or conflict; decide; slice; second check; audit. A fault in reading or deciding an
event costs that event, a fault of one release that release; both are recorded and go to quarantine, and the next record
goes on (architecture.md section 3).

A transaction is planned step by step, not event by event: 32 are read, decided, then released receiver by receiver,
then recorded; then the next 32. Each step's code stays in the processor's cache, an eighth of the whole cost, and so do
the events; on every topic what is written keeps the order of its events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from consent import guards
from consent.decide import Decided, Decision, decide
from consent.facts import Event, Facts
from consent.guards import ALERT_CONTENT
from consent.terms import Lane, Purpose, RefusalReason
from consent.untold import Watch
from hub.contracts import topics
from hub.contracts.audit import (
    BatchStamp,
    DecisionHead,
    GuardKind,
    Input,
    RefusalEntry,
    Stage,
    Verdict,
    group_refusals,
)
from hub.contracts.envelope import Again, admitted_source, parse_admitted
from hub.contracts.hollow import TYPE as HOLLOW
from hub.contracts.hollow import Cause, Hollower, position_ref
from hub.contracts.keys import attempt_name, bytes_digest, event_digest
from hub.contracts.record import KafkaRecord
from hub.contracts.wire import WireError, unframe
from hub.gateway.hollow import addressed
from hub.gateway.outputs import Outputs, Proofs, Subject
from hub.gateway.pseudonyms import Origin
from hub.gateway.releases import Releaser, Wanted, Work, fact_ref
from hub.gateway.rules import FAULTS, ReadEvent, Rules, World
from hub.gateway.seen import CHECK, Seen, SeenIds

STRIDE: Final = 32
"""Events planned at a time. Measured for 500, 250, 125, 64, 32, 16, 8: 97, 103, 94, 91, 85, 83, 91 us an event."""
NO_FALLBACK: Final = "no_fallback"
UNDECIDED: Final = "undecided"
HOLLOWED: Final = "hollow"
"""A hollow alert was sent in place of an alert."""
NOBODY: Final = "nobody"
"""An alert, or an event somebody must be told of, that no duty recipient got: none covers its place, or has an
agreement."""
FAILED: Final[Mapping[RefusalReason | None, str]] = {
    RefusalReason.CHECK_FAILED: "check_failed",
    RefusalReason.TRANSFORM_FAILED: "transform_failed",
}
"""What quarantine says of a release that could not be made."""
KNOWN: Final[Mapping[Seen, tuple[Verdict, str]]] = {
    Seen.REPEAT: (Verdict.DUPLICATE, "duplicate"),
    Seen.CONFLICT: (Verdict.CONFLICT, "refused"),
}
"""What audit and receipt say of an event that was here before."""

_made = tuple.__new__
"""Makes a named tuple without the Python frame of its constructor, which is half of its cost."""

_KINDS: Final = {kind: GuardKind(kind.value) for kind in guards.GuardKind}
"""A guard of the policy, as audit names it."""


class Known(Protocol):
    """What the plan asks of the register's fold."""

    def at(self, now: int) -> Facts:
        """The facts of a batch that is decided at `now` (ms), at the fold's own revision."""
        ...

    @property
    def revision(self) -> int:
        """The offset after the last register record folded."""
        ...


@dataclass(slots=True)
class _Batch:
    """What some events of a transaction share, planned step by step.

    `wanted`: the releases to be made, by unit and purpose. `told`: what is recorded at the end, by event; each is given
    the batch, which it does not hold: a circle would keep every event until Python's collector comes by.
    """

    out: Outputs
    facts: Facts
    stamp: bytes
    now: int
    wanted: defaultdict[tuple[str, Purpose], list[Wanted]] = field(default_factory=lambda: defaultdict(list))
    told: list[Callable[[_Batch], None]] = field(default_factory=list)


class Planner:
    """Plans the transactions of one lane."""

    def __init__(self, lane: Lane, rules: Rules, knowledge: Known, world: World) -> None:
        """`knowledge` is the fold that the fence has made current before each plan."""
        self._lane, self._rules, self._knowledge, self._world = lane, rules, knowledge, world
        self._proofs, self._releaser = Proofs(lane, rules.codecs), Releaser(lane, rules, world)
        self._seen_topic, self._admitted = topics.seen(lane), topics.admitted(lane)
        self._hollower = Hollower(rules.codecs.hollow, rules.keys)
        self._watch = Watch.of(rules.policy)

    def assigned(self, partition: int, first_offset: int, now: int, out: Outputs) -> None:
        """The record of an assignment of a partition, first thing after the fence."""
        self._proofs.assigned(out, partition, first_offset, self._knowledge.revision, now)

    def decide(self, records: Sequence[KafkaRecord], seen: SeenIds, now: int, out: Outputs) -> None:
        """Write everything one transaction holds for these records to `out`, by what the fold holds at `now` (ms).

        The revision recorded is the fold's own: at or past the end that the fence saw.
        """
        facts = self._knowledge.at(now)
        stamp = self._stamp(facts.revision, now)
        for at in range(0, len(records), STRIDE):
            some = records[at : at + STRIDE]
            batch = _Batch(out, facts, stamp, now)
            self._decide_all(some, self._read_all(some), seen, batch)
            for wanted in batch.wanted.values():
                self._releaser.release(wanted, out)
            _tell_all(batch)

    def _read_all(self, records: Sequence[KafkaRecord]) -> list[ReadEvent | str]:
        return [self._readable(record) for record in records]

    def _decide_all(
        self, records: Sequence[KafkaRecord], events: Sequence[ReadEvent | str], seen: SeenIds, batch: _Batch
    ) -> None:
        for record, event in zip(records, events, strict=True):
            if isinstance(event, ReadEvent):
                self._one(event, seen, batch)
            else:
                batch.told.append(partial(self._unreadable, record, event))

    def _stamp(self, revision: int, now: int) -> bytes:
        rules = self._rules
        return BatchStamp(now, now, rules.policy.digest, revision, self._world.build, (rules.keys.epoch,)).shared()

    def _readable(self, record: KafkaRecord) -> ReadEvent | str:
        """The event of a record, or the code of what is wrong with it: a kept exception would be a circle."""
        try:
            return self._read(record)
        except FAULTS as fault:
            code = fault.code if isinstance(fault, WireError) else "header"
        return code

    def _read(self, record: KafkaRecord) -> ReadEvent:
        """Everything that can fail on a record admission did not write, before anything of it is written."""
        value, key = record.value, record.key or b""
        schema_id, body = unframe(value)
        admission, source = parse_admitted(record.headers), admitted_source(key)
        runtime = self._rules.runtimes.get(schema_id)
        if runtime is None:
            raise WireError("schema_unknown", "")
        body += runtime.nulls
        offsets = runtime.slicer.walk(body)
        leaves = runtime.slicer.guards(body, offsets)
        event_id, _, case, parties, _, _ = admission
        view = Event(runtime.name, source, case, parties, *leaves)
        digests = event_digest(source, event_id), bytes_digest(value or b"")
        subject = _made(Subject, (record, *digests, source, event_id))
        origin = Origin(runtime.slicer, body, offsets, admission, self._rules.keys.unit(source))
        return _made(ReadEvent, (subject, admission, runtime, schema_id, body, offsets, view, origin))

    def _unreadable(self, record: KafkaRecord, code: str, batch: _Batch) -> None:
        """A record on `admitted` that admission cannot have written: isolated, recorded, passed by."""
        subject = Subject(record, None, bytes_digest(record.value or b""))
        self._proofs.attempt(batch.out, subject, Verdict.QUARANTINED, code, batch.now)
        self._proofs.quarantine(batch.out, subject, Stage.DECISION, code, batch.now)

    def _one(self, event: ReadEvent, seen: SeenIds, batch: _Batch) -> None:
        """Repeat, conflict or new. On the alert lane a conflict is a new, flagged event under a digest of its own."""
        subject, check = event.subject, event.subject.sha[:CHECK]
        if event.admission.again is None:
            verdict = seen.look(subject.digest or b"", check)
            if verdict is Seen.CONFLICT and self._lane is Lane.ALERT:
                batch.told.append(partial(self._conflict, subject))
                digest = event_digest(event.view.source, f"{subject.event_id}\0{subject.sha.hex()}")
                event = event._replace(subject=subject._replace(digest=digest))
                verdict = seen.look(digest, check)
                if verdict is Seen.NEW:
                    batch.told.append(partial(self._hollow, event, Cause.CONFLICT))
            first = event.subject.digest or b""
        else:
            event, first, verdict = self._further(event, event.admission.again, seen)
        if verdict is not Seen.NEW:
            batch.told.append(partial(self._known, event, verdict))
            return
        if event.runtime.name == HOLLOW:
            event = addressed(event, batch.facts)
        digest = event.subject.digest or b""
        try:
            decided = decide(self._rules.policy, event.view, batch.facts, batch.now)
        except FAULTS:
            batch.told += partial(self._undecided, event.subject), partial(self._hollow, event, Cause.UNSERVED)
            return
        self._new(event, first, decided, batch)
        seen.add(digest, check, batch.now)
        batch.out.add((self._seen_topic, subject.record.partition), digest, check)
        if first is not digest:  # what its publisher sends again after a further attempt is a repeat
            seen.add(first, check, batch.now)
            batch.out.add((self._seen_topic, subject.record.partition), first, check)

    def _further(self, event: ReadEvent, again: Again, seen: SeenIds) -> tuple[ReadEvent, bytes, Seen]:
        """A further attempt under a digest of its own, so that two people who ask for it at once have one effect.

        Also the digest its release ids are made of: the event's. Where nobody was told before (`done` is None) and the
        publisher has sent the event again meanwhile, that was the further attempt.
        """
        subject = event.subject
        first, before = self._looked(subject, subject.digest or b"", subject.event_id or "", seen)
        if again.done is None and before is not Seen.NEW:
            return event._replace(subject=subject._replace(digest=first)), first, before
        name = attempt_name(subject.event_id or "", again.attempt)
        digest, verdict = self._looked(subject, event_digest(event.view.source, name), name, seen)
        return event._replace(subject=subject._replace(digest=digest)), first, verdict

    def _looked(self, subject: Subject, digest: bytes, name: str, seen: SeenIds) -> tuple[bytes, Seen]:
        """What is known of an event under a name; on the alert lane other bytes are another event, as in `_one`."""
        verdict = seen.look(digest, subject.sha[:CHECK])
        if verdict is not Seen.CONFLICT or self._lane is not Lane.ALERT:
            return digest, verdict
        digest = event_digest(subject.source or "", f"{name}\0{subject.sha.hex()}")
        return digest, seen.look(digest, subject.sha[:CHECK])

    def _conflict(self, subject: Subject, batch: _Batch) -> None:
        """An alert with other bytes than one before it is an event of its own, and flagged."""
        self._proofs.attempt(batch.out, subject, Verdict.CONFLICT, "conflict", batch.now)

    def _hollow(self, event: ReadEvent, cause: Cause, batch: _Batch) -> None:
        """Have the duty desks told that there was an alert: on this very partition, decided next; never of itself."""
        if self._lane is not Lane.ALERT or event.runtime.name == HOLLOW:
            return
        record = event.subject.record
        ref = position_ref(cause, record.partition, record.offset)
        urgency = "critical" if event.view.content.get(ALERT_CONTENT[0]) == ALERT_CONTENT[1] else "unknown"
        made = self._hollower.made(event.view.source, cause, ref, record.timestamp, event.admission.case, urgency)
        batch.out.add((self._admitted, record.partition), *made)
        batch.out.counts[HOLLOWED] += 1

    def _known(self, event: ReadEvent, verdict: Seen, batch: _Batch) -> None:
        """A repeat has no second effect; a conflict keeps the first and isolates the second."""
        subject, (attempt, told) = event.subject, KNOWN[verdict]
        self._proofs.attempt(batch.out, subject, attempt, attempt.value, batch.now)
        if event.runtime.name != HOLLOW:
            self._proofs.receipt(batch.out, subject, told, attempt.value, batch.now)
        if verdict is Seen.CONFLICT:
            self._proofs.quarantine(batch.out, subject, Stage.DECISION, attempt.value, batch.now)

    def _undecided(self, subject: Subject, batch: _Batch) -> None:
        """A decision that failed is ours: recorded for a person, nothing released.

        Not among the seen ids, so that the same event sent again is decided again.
        """
        self._proofs.attempt(batch.out, subject, Verdict.QUARANTINED, UNDECIDED, batch.now)
        self._proofs.quarantine(batch.out, subject, Stage.DECISION, UNDECIDED, batch.now)
        self._proofs.receipt(batch.out, subject, "refused", UNDECIDED, batch.now)

    def _new(self, event: ReadEvent, digest: bytes, decided: Decided, batch: _Batch) -> None:
        """Want what was decided, and have it recorded once it is made; a further attempt: for those who lacked it."""
        work, again, got = self._releaser.work(event, digest), event.admission.again, []
        done = () if again is None else again.done or ()
        for decision in decided.decisions:
            to = decision.subscription
            if decision.selected is not None:
                got.append(decision)
            if done and (to.unit.code, to.purpose) in done:
                continue
            if decision.selected is None:
                work.refused.append((decision, decision.refusal))
            else:
                batch.wanted[to.unit.code, to.purpose].append((work, decision))
        batch.told.append(partial(self._made, work, decided, got))

    def _made(self, work: Work, decided: Decided, got: Sequence[Decision], batch: _Batch) -> None:
        """Record what became of an event: its releases, and for each unit that got none the reason."""
        event, out, now = work.event, batch.out, batch.now
        for _ in decided.unserved:
            self._proofs.quarantine(out, event.subject, Stage.DECISION, NO_FALLBACK, now)
        lost = self._lost(event, decided, got, batch)
        if lost:
            self._proofs.quarantine(out, event.subject, Stage.DECISION, NOBODY, now)
        refusals = _refusals(work.refused) if work.refused else []
        if failed := any(entry.reason in FAILED for entry in refusals):
            for _, reason in work.refused:
                if reason in FAILED:
                    self._proofs.quarantine(out, event.subject, Stage.RELEASE, FAILED[reason], now)
        if lost or failed or decided.unserved:
            self._hollow(event, Cause.UNSERVED, batch)
        work.releases.sort()  # by unit, whatever else the transaction holds
        entries = work.releases, refusals
        self._proofs.decision(out, event.subject, batch.stamp, _head(event), entries)
        if event.runtime.name != HOLLOW:
            self._proofs.receipt(out, event.subject, "admitted", "late" if event.admission.late else "admitted", now)
        out.counts["releases"] += len(work.releases)

    def _lost(self, event: ReadEvent, decided: Decided, got: Sequence[Decision], batch: _Batch) -> bool:
        """Whether somebody who must be told gets nothing and no denial says why; an alert: whether no such unit does.

        A release that then fails is in quarantine by itself.
        """
        if self._watch.untold(event.view, got, decided.unserved, batch.facts, batch.now):
            return True
        duties, kind = self._rules.policy.duties, event.view.type
        given = (one.subscription for one in got)
        return self._lane is Lane.ALERT and not any((kind, to.unit.role, to.purpose) in duties for to in given)


def _tell_all(batch: _Batch) -> None:
    """Record what became of each event."""
    for tell in batch.told:
        tell(batch)


def _head(event: ReadEvent) -> DecisionHead:
    """What the decision record says of the event."""
    (record, _, _, source, event_id), _, runtime, schema_id, body, offsets, _, _ = event
    where = _made(Input, (record.topic, record.partition, record.offset))
    presence = runtime.slicer.presence(body, offsets)
    return _made(DecisionHead, (source, event_id, runtime.name, schema_id, where, record.timestamp, presence))


def _refusals(refused: Sequence[tuple[Decision, RefusalReason | None]]) -> list[RefusalEntry]:
    """The refusals as the decision record groups them; of 300 units nearly all are refused, so no call for each."""
    return group_refusals(
        [
            (
                reason or RefusalReason.GUARD_FALSE,
                GuardKind.NONE if guard is None else _KINDS[guard.kind],
                fact_ref(facts[0]) if facts else None,
                to.unit.ordinal,
            )
            for (to, _, _, _, guard, facts, _), reason in refused
        ]
    )
