"""The way of an event: from admission to each release, step by step with times, from the records alone. Pure.

Rules kept: ids, codes, digests, positions and moments only, never a value (law 6); what no record says is told as not
known, never guessed. Spans are not needed for it, so it works for every event, sampled or not. For the auditor alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.acts import act_of
from hub.contracts.audit import DeliveryState, Input, Verdict, lane_of
from hub.contracts.codec import RecordCodec
from hub.contracts.envelope import uuid_text
from hub.contracts.keys import bytes_digest
from hub.contracts.record import KafkaRecord
from hub.views.project import DecisionTold, Record, Trail


class Admitted(NamedTuple):
    """The record on `admitted.<lane>`: source unit, moment (ms), whether it bears the late mark."""

    source: str
    at: int
    late: bool


class Committed(NamedTuple):
    """A release as it lies in its topic: position, moment (ms), SHA-256 of the bytes found there."""

    place: Input
    at: int
    sha256: bytes


class Delivered(NamedTuple):
    """What `audit.delivery` says of a release: a state and its first moment (ms)."""

    state: DeliveryState
    at: int


@dataclass(frozen=True, slots=True)
class ReleaseStep:
    """One release: what was cut, how it was checked, where it lies, how far it was delivered.

    `commit` is None when it is not there; `delivery` is in the order of time, empty without a receipt.
    """

    id: str
    unit: str
    purpose: str
    attempt: int
    length: int
    sha256: bytes
    second_check: str
    commit: Committed | None
    delivery: tuple[Delivered, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionStep:
    """The decision: moment (ms), policy, register revision of its fence, build, units refused by reason."""

    at: int
    policy: bytes
    revision: int
    build: str
    refused: Mapping[str, int]
    releases: tuple[ReleaseStep, ...]

    @property
    def decided(self) -> int:
        """How many subscriptions were decided on."""
        return len(self.releases) + sum(self.refused.values())


class Ending(NamedTuple):
    """Where an input, or a part of it, stopped: verdict, code of `hub.contracts.refusals`, moment (ms).

    Of a release that was parked: for whom.
    """

    verdict: str
    code: str
    at: int
    unit: str | None = None
    purpose: str | None = None


class ActStep(NamedTuple):
    """What a person did with the entry of quarantine: act, opaque id, reason, the attempt it asked for, moment (ms)."""

    act: str
    by: str
    reason: str
    attempt: int | None
    at: int


@dataclass(frozen=True, slots=True)
class Passage:
    """The way of one input. A repeat of an event is a passage of its own.

    `admitted_at` is None when it was refused before; `late` None when the admitted record is no longer kept. `again`:
    the decisions of releases that waited.
    """

    source: str
    lane: Lane
    where: Input
    type: str | None = None
    admitted_at: int | None = None
    late: bool | None = None
    decision: DecisionStep | None = None
    again: tuple[DecisionStep, ...] = ()
    endings: tuple[Ending, ...] = ()
    receipt: Ending | None = None
    acts: tuple[ActStep, ...] = ()

    @property
    def verdict(self) -> str:
        """How it ended: `decided`, the verdict of its attempt, or `undecided` when no record says."""
        if self.decision is not None:
            return "decided"
        if self.acts and not self.endings:
            return Verdict.QUARANTINED.value
        return self.endings[0].verdict if self.endings else "undecided"


@dataclass(slots=True)
class Tracks:
    """What topics beside the audit say of one event: feed it records of any topic that `wanted` names.

    `expected`: the ids of its releases (16 bytes each); deliveries of others are passed over.
    """

    asked: str
    receipt: RecordCodec
    quarantine: RecordCodec
    delivery: RecordCodec
    expected: frozenset[bytes] = frozenset()
    admitted: dict[Input, Admitted] = field(default_factory=dict)
    receipts: list[Record] = field(default_factory=list)
    waiting: dict[Input, list[Record]] = field(default_factory=dict)
    entries: dict[Input, Input] = field(default_factory=dict)
    releases: dict[str, Committed] = field(default_factory=dict)
    deliveries: dict[bytes, list[Record]] = field(default_factory=dict)

    def take(self, record: KafkaRecord) -> None:
        """Fold one record."""
        takes = {
            "admitted": self._admitted,
            "receipt": self._receipt,
            "quarantine": self._quarantine,
            "release": self._release,
            "audit": self._delivery,
        }
        takes[record.topic.partition(".")[0]](record)

    def _admitted(self, record: KafkaRecord) -> None:
        headers = dict(record.headers)
        if headers.get("id") == self.asked.encode():
            source = (record.key or b"").decode("ascii", "replace")
            self.admitted[_place(record)] = Admitted(source, record.timestamp, "late" in headers)

    def _receipt(self, record: KafkaRecord) -> None:
        if record.key == self.asked.encode():
            self.receipts.append(self.receipt.decode(record.value or b""))

    def _quarantine(self, record: KafkaRecord) -> None:
        entry = self.quarantine.decode(record.value or b"")
        where = self.entries[_place(record)] = Input(**entry["input"])
        self.waiting.setdefault(where, []).append(entry)

    def _release(self, record: KafkaRecord) -> None:
        released = (dict(record.headers).get("ce_id") or b"").decode("ascii", "replace")
        self.releases[released] = Committed(_place(record), record.timestamp, bytes_digest(record.value or b""))

    def _delivery(self, record: KafkaRecord) -> None:
        """Most speak of other releases: their bytes are searched before they are decoded."""
        value = record.value or b""
        if any(each in value for each in self.expected):
            told = self.delivery.decode(value)
            self.deliveries.setdefault(told["releaseId"], []).append(told)

    def about(self, where: Input) -> Input:
        """The record an attempt is about: of an act on an entry of quarantine, the one that entry is about."""
        return self.entries.get(where, where)

    def delivered(self, release: bytes, unit: str) -> tuple[Delivered, ...]:
        """What its own unit's receipts say of a release; a state that is told again counts once."""
        first = dict[DeliveryState, int]()
        for told in self.deliveries.get(release, ()):
            if told["unit"] == unit:
                state = DeliveryState(told["state"])
                first[state] = min(told["at"], first.get(state, told["at"]))
        order = list(DeliveryState)
        return tuple(sorted((Delivered(*each) for each in first.items()), key=lambda d: (d.at, order.index(d.state))))


def _place(record: KafkaRecord) -> Input:
    return Input(record.topic, record.partition, record.offset)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be read to tell a way: single records, topics from a moment (ms) on, the ids of its releases.

    `search`: nothing is known yet, so the headers of all admitted records must be looked at.
    """

    records: tuple[Input, ...]
    since: Mapping[str, int]
    search: bool
    releases: frozenset[bytes] = frozenset()


def wanted(trail: Trail) -> Wanted:
    """What to read beside the audit."""
    decisions, since = _decisions(trail), dict[str, int]()
    inputs = [(each.lane, each.head["source"], each.head["batchAt"], _input(each.head)) for each in decisions]
    inputs += [(lane, each["source"], each["at"], _input(each)) for lane, each in trail.attempts]
    names = [(topic, at) for lane, source, at, _ in inputs for topic in _told_of(lane, source)]
    for each in decisions:
        told = [*_release_topics(trail, each), *([topics.AUDIT_DELIVERY] if each.releases else [])]
        names += [(topic, each.head["batchAt"]) for topic in told]
    for topic, at in names:
        since[topic] = min(at, since.get(topic, at))
    records = {where for *_, where in inputs if where.topic.startswith("admitted.")}
    releases = frozenset(entry["releaseId"] for each in decisions for entry in each.releases)
    return Wanted(tuple(sorted(records)), since, not inputs, releases)


def _told_of(lane: Lane, source: str) -> tuple[str, str]:
    return topics.receipt(lane, source), topics.quarantine(lane)


def _decisions(trail: Trail) -> list[DecisionTold]:
    """Those about the event itself: the id of a release is no event."""
    return [decision for decision in trail.decisions if decision.head["eventId"] == trail.asked]


def _input(record: Record) -> Input:
    return Input(**record["input"])


def _release_topics(trail: Trail, decision: DecisionTold) -> Iterator[str]:
    for entry in decision.releases:
        if code := code_of(trail, decision, entry["unitOrdinal"]):
            yield topics.release(decision.lane, code, entry["purpose"])


def code_of(trail: Trail, decision: DecisionTold, ordinal: int) -> str:
    """The code behind an ordinal; empty when no announcement is left that says it."""
    announced = trail.policy_of(decision)
    units = announced["units"] if announced else ()
    return units[ordinal] if ordinal < len(units) else ""


def way(trail: Trail, tracks: Tracks) -> tuple[Passage, ...]:
    """Every passage of the event, oldest first; none when the event is unknown."""
    decided: dict[Input, list[DecisionTold]] = {}
    for each in sorted(_decisions(trail), key=lambda one: int(one.head["batchAt"])):
        decided.setdefault(_input(each.head), []).append(each)
    attempts: dict[Input, list[tuple[Lane, Record]]] = {}
    for lane, attempt in trail.attempts:
        attempts.setdefault(tracks.about(_input(attempt)), []).append((lane, attempt))
    places = {*decided, *attempts, *tracks.admitted}
    found = (_passage(trail, tracks, each, decided.get(each, []), attempts.get(each, [])) for each in places)
    return tuple(sorted(found, key=_first))


def _first(passage: Passage) -> tuple[int, Input]:
    return passage.admitted_at or min((ending.at for ending in passage.endings), default=0), passage.where


def _passage(
    trail: Trail, tracks: Tracks, where: Input, decided: list[DecisionTold], attempts: list[tuple[Lane, Record]]
) -> Passage:
    told, again = decided[0] if decided else None, decided[1:]
    admitted, head = tracks.admitted.get(where), told.head if told else {}
    sources = [head.get("source"), *(each["source"] for _, each in attempts), admitted and admitted.source]
    endings = [_ending(each) for _, each in attempts if act_of(each) is None]
    said = {ending.code for ending in endings}
    waiting = [Ending("quarantined", each["code"], each["at"]) for each in tracks.waiting.get(where, ())]
    ended = {head.get("batchAt"), *(each["at"] for _, each in attempts)}
    return Passage(
        next(filter(None, sources), ""),
        told.lane if told else attempts[0][0] if attempts else lane_of(where.topic),
        where,
        head.get("type"),
        head.get("admittedAt", admitted and admitted.at),
        admitted and admitted.late,
        _decision(trail, tracks, told) if told else None,
        tuple(_decision(trail, tracks, each) for each in again),
        (*endings, *(each for each in dict.fromkeys(waiting) if each.code not in said)),
        next((_receipt(each) for each in tracks.receipts if each["at"] in ended), None),
        tuple(_act(each) for _, each in attempts if act_of(each) is not None),
    )


def _act(record: Record) -> ActStep:
    said = (record[key] for key in ("code", "asker", "reason", "attempt", "at"))
    return ActStep(*said)


def _ending(record: Record) -> Ending:
    code = record["code"] or record["verdict"]
    return Ending(record["verdict"], code, record["at"], record["unit"], record["purpose"])


def _receipt(record: Record) -> Ending:
    return Ending(record["verdict"], record["code"] or record["verdict"], record["at"])


def _decision(trail: Trail, tracks: Tracks, told: DecisionTold) -> DecisionStep:
    head, refused = told.head, Counter[str]()
    for entry in told.refusals:
        refused[entry["reason"]] += len(entry["unitOrdinals"])
    releases = []
    for entry in told.releases:
        released, code = uuid_text(entry["releaseId"]), code_of(trail, told, entry["unitOrdinal"])
        made = entry["length"], entry["sha256"], entry["secondCheck"], tracks.releases.get(released)
        handed = tracks.delivered(entry["releaseId"], code)
        releases.append(ReleaseStep(released, code, entry["purpose"], entry["attempt"], *made, handed))
    fence = head["registerRevision"], head["build"]
    return DecisionStep(head["batchAt"], head["policyDigest"], *fence, dict(refused), tuple(releases))
