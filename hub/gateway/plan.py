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
from consent.compile import by_event
from consent.decide import Decided, Decision, decide, untold
from consent.facts import Event, Facts
from consent.terms import Lane, Purpose, RefusalReason
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
from hub.contracts.envelope import admitted_source, parse_admitted
from hub.contracts.keys import bytes_digest, event_digest
from hub.contracts.parked import Cell, Entry
from hub.contracts.record import KafkaRecord
from hub.contracts.wire import WireError, unframe
from hub.gateway.outputs import Outputs, Proofs, Subject
from hub.gateway.parking import Parking
from hub.gateway.pseudonyms import Origin
from hub.gateway.releases import ATTEMPT, Releaser, Wanted, Work, fact_ref
from hub.gateway.rules import FAULTS, ReadEvent, Rules, World
from hub.gateway.seen import CHECK, Seen, SeenIds

STRIDE: Final = 32
"""Events planned at a time. Measured for 500, 250, 125, 64, 32, 16, 8: 97, 103, 94, 91, 85, 83, 91 us an event."""
NO_FALLBACK: Final = "no_fallback"
UNDECIDED: Final = "undecided"
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
NOTHING_PARKED: Final = Parking()

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
        self._seen_topic = topics.seen(lane)
        self._lines = by_event(duty.line for duties in rules.policy.duties.values() for duty in duties)

    def assigned(self, partition: int, first_offset: int, last: bytes | None, now: int, out: Outputs) -> None:
        """The record of an assignment of a partition, first thing after the fence. `last`: its last decision record."""
        self._proofs.assigned(out, partition, first_offset, last, now)

    def waits(self, entry: bytes, parking: Parking) -> None:
        """Fold one record of `parked.<lane>`; CodecFault where it is none of ours: the partition does not open."""
        parking.take(self._rules.codecs.waiting.entries.decode(entry))

    def decide(
        self,
        records: Sequence[KafkaRecord],
        seen: SeenIds,
        now: int,
        out: Outputs,
        parking: Parking = NOTHING_PARKED,
    ) -> None:
        """Write everything one transaction holds for these records to `out`, by what the fold holds at `now` (ms).

        The revision recorded is the fold's own: at or past the end that the fence saw. What is taken is staged in
        `seen`, what is parked in `parking`.
        """
        facts = self._knowledge.at(now)
        stamp = self._stamp(facts.revision, now)
        for at in range(0, len(records), STRIDE):
            some = records[at : at + STRIDE]
            batch = _Batch(out, facts, stamp, now)
            self._decide_all(some, self._read_all(some), seen, batch)
            for cell, wanted in batch.wanted.items():
                if cell in parking.held:
                    self._park(cell, wanted, parking, batch)
                else:
                    self._releaser.release(wanted, out)
            _tell_all(batch)
        if parking.held:
            out.counts[Verdict.PARKED.value] = len(parking.staged())

    def resume(
        self,
        cell: Cell,
        waited: Sequence[tuple[Entry, KafkaRecord | None]],
        seen: SeenIds,
        now: int,
        out: Outputs,
        parking: Parking,
    ) -> None:
        """Write what becomes of releases that waited for a subscription, each a further attempt by today's facts.

        `waited`: oldest first, with the event read again, None where it is gone.
        """
        facts = self._knowledge.at(now)
        batch = _Batch(out, facts, self._stamp(facts.revision, now), now)
        for entry, record in waited:
            if record is None or bytes_digest(record.value or b"") != entry.sha256:
                self._proofs.gone(out, cell, entry, now)
            else:
                self._again(cell, entry, record, seen, batch)
            self._proofs.resumed(out, cell, entry, now)
            parking.close(cell, entry)
        out.counts["resumed"] += 1

    def _again(self, cell: Cell, entry: Entry, record: KafkaRecord, seen: SeenIds, batch: _Batch) -> None:
        """Decide an event again for the one subscription, and record it as a decision of its own."""
        event = self._readable(record)
        if not isinstance(event, ReadEvent):
            self._unreadable(record, event, batch)
            return
        event = self._named(event, seen.look(event.subject.digest or b"", event.subject.sha[:CHECK]))
        try:
            decided = decide(self._rules.policy, event.view, batch.facts, batch.now)
        except FAULTS:
            self._halted(event.subject, batch)
            return
        work = self._releaser.work(event, event.subject.digest or b"")
        found = [d for d in decided.decisions if (d.subscription.unit.code, d.subscription.purpose) == cell]
        for decision in found:
            if decision.selected is None:
                work.refused.append((decision, decision.refusal))
            else:
                self._releaser.release([(work, decision)], batch.out, entry.attempt + 1)
        if _due_elsewhere(cell, found, decided):
            self._proofs.quarantine(batch.out, event.subject, Stage.DECISION, NO_FALLBACK, batch.now)
        self._prove(work, batch)

    def _park(self, cell: tuple[str, Purpose], wanted: Sequence[Wanted], parking: Parking, batch: _Batch) -> None:
        """Releases that wait: their subscription cannot be written, or one before them waits."""
        cause = parking.held[cell]
        for work, _ in wanted:
            subject = work.event.subject
            where = subject.record.partition, subject.record.offset
            entry = Entry(*where, cause, ATTEMPT, batch.now, work.event.view.source, subject.sha)
            self._proofs.parked(batch.out, subject, cell, entry)
            parking.stage(cell, entry)

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
        event_id, _, case, parties, _ = admission
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
        verdict = seen.look(subject.digest or b"", check)
        if verdict is Seen.CONFLICT and self._lane is Lane.ALERT:
            batch.told.append(partial(self._conflict, subject))
            event = self._named(event, verdict)
            verdict = seen.look(event.subject.digest or b"", check)
        if verdict is not Seen.NEW:
            batch.told.append(partial(self._known, event.subject, verdict))
            return
        digest = event.subject.digest or b""
        try:
            decided = decide(self._rules.policy, event.view, batch.facts, batch.now)
        except FAULTS:
            batch.told.append(partial(self._undecided, event.subject))
            return
        self._new(event, digest, decided, batch)
        seen.stage(digest, check)
        batch.out.add((self._seen_topic, subject.record.partition), digest, check)

    def _named(self, event: ReadEvent, verdict: Seen) -> ReadEvent:
        """The event under the digest it goes by: on the alert lane a conflict has one of its own."""
        if verdict is not Seen.CONFLICT or self._lane is not Lane.ALERT:
            return event
        subject = event.subject
        digest = event_digest(event.view.source, f"{subject.event_id}\0{subject.sha.hex()}")
        return event._replace(subject=subject._replace(digest=digest))

    def _conflict(self, subject: Subject, batch: _Batch) -> None:
        """An alert with other bytes than one before it is an event of its own, and flagged."""
        self._proofs.attempt(batch.out, subject, Verdict.CONFLICT, "conflict", batch.now)

    def _known(self, subject: Subject, verdict: Seen, batch: _Batch) -> None:
        """A repeat has no second effect; a conflict keeps the first and isolates the second."""
        attempt, told = KNOWN[verdict]
        self._proofs.attempt(batch.out, subject, attempt, attempt.value, batch.now)
        self._proofs.receipt(batch.out, subject, told, attempt.value, batch.now)
        if verdict is Seen.CONFLICT:
            self._proofs.quarantine(batch.out, subject, Stage.DECISION, attempt.value, batch.now)

    def _undecided(self, subject: Subject, batch: _Batch) -> None:
        """A decision that failed is ours: recorded for a person, nothing released.

        Not among the seen ids, so that the same event sent again is decided again.
        """
        self._halted(subject, batch)
        self._proofs.receipt(batch.out, subject, "refused", UNDECIDED, batch.now)

    def _halted(self, subject: Subject, batch: _Batch) -> None:
        self._proofs.attempt(batch.out, subject, Verdict.QUARANTINED, UNDECIDED, batch.now)
        self._proofs.quarantine(batch.out, subject, Stage.DECISION, UNDECIDED, batch.now)

    def _new(self, event: ReadEvent, digest: bytes, decided: Decided, batch: _Batch) -> None:
        """Want what was decided, and have it recorded once it is made."""
        work = self._releaser.work(event, digest)
        for decision in decided.decisions:
            if decision.selected is None:
                work.refused.append((decision, decision.refusal))
            else:
                to = decision.subscription
                batch.wanted[to.unit.code, to.purpose].append((work, decision))
        batch.told.append(partial(self._made, work, decided))

    def _made(self, work: Work, decided: Decided, batch: _Batch) -> None:
        """Record what became of an event: its releases, and for each unit that got none the reason."""
        event, out, now = work.event, batch.out, batch.now
        for _ in decided.unserved:
            self._proofs.quarantine(out, event.subject, Stage.DECISION, NO_FALLBACK, now)
        if self._lost(event, decided, batch):
            self._proofs.quarantine(out, event.subject, Stage.DECISION, NOBODY, now)
        self._prove(work, batch)
        self._proofs.receipt(out, event.subject, "admitted", "late" if event.admission.late else "admitted", now)

    def _prove(self, work: Work, batch: _Batch) -> None:
        """The decision record of what was made and refused; what failed waits for a person."""
        event, out, now = work.event, batch.out, batch.now
        refusals = _refusals(work.refused) if work.refused else []
        if any(entry.reason in FAILED for entry in refusals):
            for _, reason in work.refused:
                if reason in FAILED:
                    self._proofs.quarantine(out, event.subject, Stage.RELEASE, FAILED[reason], now)
        work.releases.sort()  # by unit, whatever else the transaction holds
        entries = work.releases, refusals
        self._proofs.decision(out, event.subject, batch.stamp, _head(event), entries)
        out.counts["releases"] += len(work.releases)

    def _lost(self, event: ReadEvent, decided: Decided, batch: _Batch) -> bool:
        """Whether somebody who must be told gets nothing and no denial says why; an alert: whether no such unit does.

        A release that then fails is in quarantine by itself.
        """
        policy, kind = self._rules.policy, event.view.type
        if untold(self._lines.get(kind, ()), policy, event.view, decided, batch.facts, batch.now):
            return True
        given = (one.subscription for one in decided.decisions if one.selected is not None)
        return self._lane is Lane.ALERT and not any((kind, to.unit.role, to.purpose) in policy.duties for to in given)


def _due_elsewhere(cell: Cell, found: Sequence[Decision], decided: Decided) -> bool:
    """Whether a unit that is held out by now was due what another would have to be told in its place.

    That other may have been told when the event came, or not: a person sees to it.
    """
    if not any(decision.refusal is RefusalReason.HELD for decision in found):
        return False
    return bool(decided.unserved) or any(decision.fallback_for == cell[0] for decision in decided.decisions)


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
