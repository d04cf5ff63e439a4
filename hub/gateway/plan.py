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

from consent.decide import Decided, Decision, decide
from consent.facts import Facts
from consent.guards import ALERT_CONTENT
from consent.terms import Lane, Purpose, RefusalReason
from consent.untold import Watch
from hub.contracts import topics
from hub.contracts.audit import (
    BatchStamp,
    Stage,
    Verdict,
)
from hub.contracts.envelope import Again, unit_of
from hub.contracts.hollow import TYPE as HOLLOW
from hub.contracts.hollow import Cause, Hollow, Hollower, stands_for, unreadable
from hub.contracts.keys import attempt_name, bytes_digest, event_digest
from hub.contracts.parked import Cell, Entry
from hub.contracts.record import KafkaRecord
from hub.gateway.account import due_elsewhere, grouped, head
from hub.gateway.hollow import addressed
from hub.gateway.outputs import Outputs, Proofs, Subject
from hub.gateway.parking import Parking
from hub.gateway.reader import Reader
from hub.gateway.releases import ATTEMPT, Releaser, Wanted, Work
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
NOTHING_PARKED: Final = Parking()

_made = tuple.__new__
"""Makes a named tuple without the Python frame of its constructor, which is half of its cost."""


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
        self._watch, self._reader = Watch.of(rules.policy), Reader(rules)

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
            self._decide_all(some, self._reader.all(some), seen, batch)
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
        for code in ("decided", "releases"):  # how many messages one unit waited for is nobody's business (law 6)
            out.counts.pop(code, None)
        out.counts["resumed"] += 1

    def _again(self, cell: Cell, entry: Entry, record: KafkaRecord, seen: SeenIds, batch: _Batch) -> None:
        """Decide an event again for the one subscription, and record it as a decision of its own."""
        event = self._reader.readable(record)
        if not isinstance(event, ReadEvent):
            self._unreadable(record, event, batch)
            return
        event = self._named(event, seen.look(event.subject.digest or b"", event.subject.sha[:CHECK]))
        if event.runtime.name == HOLLOW:
            event = addressed(event, batch.facts)
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
        if due_elsewhere(cell, found, decided):
            self._proofs.quarantine(batch.out, event.subject, Stage.DECISION, NO_FALLBACK, batch.now)
        self._prove(work, batch)

    def _park(self, cell: tuple[str, Purpose], wanted: Sequence[Wanted], parking: Parking, batch: _Batch) -> None:
        """Releases that wait: their subscription cannot be written, or one before them waits."""
        cause = parking.held[cell]
        for work, decision in wanted:
            event, again = work.event, work.event.admission.again
            where = event.subject.record.partition, event.subject.record.offset
            number = ATTEMPT if again is None else again.attempt
            entry = Entry(*where, cause, number, batch.now, event.view.source, event.subject.sha)
            self._proofs.parked(batch.out, event.subject, cell, entry)
            parking.stage(cell, entry)
            if (event.view.type, decision.subscription.unit.role, cell[1]) in self._rules.policy.duties:
                batch.told.append(partial(self._hollow, event, Cause.UNSERVED))

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

    def _unreadable(self, record: KafkaRecord, code: str, batch: _Batch) -> None:
        """A record on `admitted` that this gateway cannot read: isolated, recorded, passed by; the desks are told.

        Admission has not written it, or one of a newer build has.
        """
        subject = Subject(record, None, bytes_digest(record.value or b""))
        self._proofs.attempt(batch.out, subject, Verdict.QUARANTINED, code, batch.now)
        self._proofs.quarantine(batch.out, subject, Stage.DECISION, code, batch.now)
        if self._lane is Lane.ALERT and (source := unit_of(record.key)) is not None:
            ref, at = unreadable(batch.now)
            self._ring(record, self._hollower.made(source, Cause.UNREADABLE, ref, at), batch)

    def _one(self, event: ReadEvent, seen: SeenIds, batch: _Batch) -> None:
        """Repeat, conflict or new. On the alert lane a conflict is a new, flagged event under a digest of its own."""
        subject, check = event.subject, event.subject.sha[:CHECK]
        if event.admission.again is None:
            verdict = seen.look(subject.digest or b"", check)
            if verdict is Seen.CONFLICT and self._lane is Lane.ALERT:
                batch.told.append(partial(self._conflict, subject))
                event = self._named(event, verdict)
                verdict = seen.look(event.subject.digest or b"", check)
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
        seen.stage(digest, check)
        batch.out.add((self._seen_topic, subject.record.partition), digest, check)
        if first is not digest:  # what its publisher sends again after a further attempt is a repeat
            seen.stage(first, check)
            batch.out.add((self._seen_topic, subject.record.partition), first, check)

    def _further(self, event: ReadEvent, again: Again, seen: SeenIds) -> tuple[ReadEvent, bytes, Seen]:
        """A further attempt under a digest of its own, so that two people who ask for it at once have one effect.

        Also the digest its release ids are made of: the event's. Where nobody was told before (`done` is None) and the
        publisher has sent the event again meanwhile, that was the further attempt.
        """
        subject = event.subject
        first, before = self._looked(subject, subject.digest or b"", subject.event_id or "", seen)
        if before is Seen.CONFLICT:  # its sender has sent other bytes under the id since, and those stand
            return event, first, before
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

    def _hollow(self, event: ReadEvent, cause: Cause, batch: _Batch) -> None:
        """Have the duty desks told that there was an alert: on this very partition, decided next; never of itself."""
        if self._lane is not Lane.ALERT or event.runtime.name == HOLLOW:
            return
        case, view = event.admission.case, event.view
        urgency = "critical" if view.content.get(ALERT_CONTENT[0]) == ALERT_CONTENT[1] else "unknown"
        ref, at = stands_for(cause, batch.now, view.siruta, case)
        made = self._hollower.made(view.source, cause, ref, at, case, urgency)
        self._ring(event.subject.record, made, batch)

    def _ring(self, record: KafkaRecord, made: Hollow, batch: _Batch) -> None:
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
        self._halted(subject, batch)
        self._proofs.receipt(batch.out, subject, "refused", UNDECIDED, batch.now)

    def _halted(self, subject: Subject, batch: _Batch) -> None:
        self._proofs.attempt(batch.out, subject, Verdict.QUARANTINED, UNDECIDED, batch.now)
        self._proofs.quarantine(batch.out, subject, Stage.DECISION, UNDECIDED, batch.now)

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
        if self._prove(work, batch) or lost or decided.unserved:
            self._hollow(event, Cause.UNSERVED, batch)
        if event.runtime.name != HOLLOW:
            self._proofs.receipt(out, event.subject, "admitted", "late" if event.admission.late else "admitted", now)

    def _prove(self, work: Work, batch: _Batch) -> bool:
        """The decision record of what was made and refused; what failed waits for a person. Whether anything did."""
        event, out, now = work.event, batch.out, batch.now
        refusals = grouped(work.refused) if work.refused else []
        if failed := any(entry.reason in FAILED for entry in refusals):
            for _, reason in work.refused:
                if reason in FAILED:
                    self._proofs.quarantine(out, event.subject, Stage.RELEASE, FAILED[reason], now)
        work.releases.sort()  # by unit, whatever else the transaction holds
        entries = work.releases, refusals
        self._proofs.decision(out, event.subject, batch.stamp, head(event), entries)
        out.counts["releases"] += len(work.releases)
        return failed

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
