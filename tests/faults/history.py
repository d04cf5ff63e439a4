"""What happened, as operations; what may have happened, from an independent reference; and the difference. Pure.

Rule kept: an operation is an observation from outside (journal, inbox, audit, release), never the hub's own account of
itself; and the checker proves in each run that it would have seen: `plant` spoils a copy and `check` must name it (C7).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What can be wrong with a history."""

    LOST = "lost"
    DOUBLED = "doubled"
    PHANTOM = "phantom"
    TORN = "torn"
    REORDERED = "reordered"
    LEAKED = "leaked"
    WEDGED = "wedged"


class Act(StrEnum):
    """What was observed.

    PUBLISH: journal, `outcome` ok, fail or unknown. TAKEN: first record of an event in its inbox, `number` its offset.
    DECIDE: a decision record. AUDIT: a release named in one. RELEASE: a record on a release topic, `number` its offset.
    WAIT: `number` ms from acknowledgement to visible decision.
    """

    PUBLISH = "publish"
    TAKEN = "taken"
    DECIDE = "decide"
    AUDIT = "audit"
    RELEASE = "release"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Op:
    """One observation. `place`: source for the first three, release topic for the rest; `digest`: sha256, hex."""

    act: Act
    event: str = ""
    place: str = ""
    release: str = ""
    number: int = 0
    outcome: str = ""
    digest: str = ""


Release = tuple[str, str]
"""Topic and release id."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the reference says: event -> release -> digest of the bytes that must go out, and no others may.

    `refused`: events admission had to refuse. `longest_ms`: how long an acknowledged event may wait.
    """

    releases: Mapping[str, Mapping[Release, str]]
    refused: frozenset[str] = frozenset()
    longest_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Found:
    """One anomaly with opaque ids alone."""

    kind: Kind
    what: str
    event: str = ""
    where: str = ""


@dataclass(slots=True)
class Sorted:
    """A history by act."""

    published: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    taken: dict[str, tuple[str, int]] = field(default_factory=dict)
    decided: Counter[str] = field(default_factory=Counter)
    audited: dict[Release, Op] = field(default_factory=dict)
    twice_audited: list[Op] = field(default_factory=list)
    released: dict[Release, Op] = field(default_factory=dict)
    twice_released: list[Op] = field(default_factory=list)
    order: list[Op] = field(default_factory=list)
    waits: list[Op] = field(default_factory=list)


def check(history: Sequence[Op], allowed: Allowed) -> list[Found]:
    """Every anomaly; an empty list for a history in which all went right."""
    sorted_ = _sort(history)
    found: list[Found] = []
    for rule in (_events, _tears, _entitled, _order, _wedged):
        found.extend(rule(sorted_, allowed))
    return found


def _sort(history: Sequence[Op]) -> Sorted:
    at = Sorted()
    for op in history:
        match op.act:
            case Act.PUBLISH:
                at.published[op.event].add(op.outcome)
            case Act.TAKEN:
                at.taken.setdefault(op.event, (op.place, op.number))
            case Act.DECIDE:
                at.decided[op.event] += 1
            case Act.AUDIT:
                (at.twice_audited if (op.place, op.release) in at.audited else []).append(op)
                at.audited[op.place, op.release] = op
            case Act.RELEASE:
                (at.twice_released if (op.place, op.release) in at.released else []).append(op)
                at.released[op.place, op.release] = op
                at.order.append(op)
            case Act.WAIT:
                at.waits.append(op)
    return at


def _events(at: Sorted, allowed: Allowed) -> Iterator[Found]:
    """Acknowledged: decided exactly once. Unknown: at most once. Refused or never sent: not at all."""
    for event, outcomes in at.published.items():
        if "ok" in outcomes and not at.decided[event] and event not in allowed.refused:
            yield Found(Kind.LOST, "acknowledged, neither decided nor refused", event)
        if outcomes == {"fail"} and at.decided[event]:
            yield Found(Kind.PHANTOM, "its send was refused, yet it was decided", event)
    for event, times in at.decided.items():
        if times > 1:
            yield Found(Kind.DOUBLED, "decided twice", event)
        if event not in at.published:
            yield Found(Kind.PHANTOM, "decided, never published", event)
        if event in allowed.refused:
            yield Found(Kind.PHANTOM, "refused, yet decided", event)
    for op in at.twice_audited:
        yield Found(Kind.DOUBLED, "audited twice", op.event, op.place)
    for op in at.twice_released:
        yield Found(Kind.DOUBLED, "released twice", op.event, op.place)


def _tears(at: Sorted, allowed: Allowed) -> Iterator[Found]:
    """A release and its audit entry are there together, of the same bytes, or neither."""
    for key, op in at.released.items():
        audit = at.audited.get(key)
        if audit is None:
            yield Found(Kind.TORN, "released without audit", op.event, op.place)
        elif audit.digest != op.digest:
            yield Found(Kind.TORN, "released other bytes than audited", audit.event, op.place)
    for key, op in at.audited.items():
        if key not in at.released:
            yield Found(Kind.TORN, "audited without release", op.event, op.place)


def _entitled(at: Sorted, allowed: Allowed) -> Iterator[Found]:
    """Exactly what the reference computes went out, byte for byte."""
    known: dict[Release, str] = {}
    for event, releases in allowed.releases.items():
        for key, digest in releases.items():
            known[key] = digest
            if key not in at.released:
                yield Found(Kind.LOST, "had to be released, is not there", event, key[0])
    for key, op in at.released.items():
        if key not in known:
            yield Found(Kind.LEAKED, "released to one who must not learn of it", op.event, op.place)
        elif known[key] != op.digest:
            yield Found(Kind.LEAKED, "has other bytes than it must have", op.event, op.place)


def _order(at: Sorted, allowed: Allowed) -> Iterator[Found]:
    """On each release topic the events of one source keep the order of its inbox."""
    event_of = {key: event for event, releases in allowed.releases.items() for key in releases}
    last: dict[tuple[str, str], int] = {}
    for op in sorted(at.order, key=lambda op: (op.place, op.number)):
        event = event_of.get((op.place, op.release), "")
        if event not in at.taken:
            continue
        source, number = at.taken[event]
        if number < last.get((op.place, source), -1):
            yield Found(Kind.REORDERED, "released after a later event of its source", event, op.place)
        last[op.place, source] = max(number, last.get((op.place, source), -1))


def _wedged(at: Sorted, allowed: Allowed) -> Iterator[Found]:
    for op in at.waits:
        if op.number > allowed.longest_ms:
            yield Found(Kind.WEDGED, f"waited {op.number} ms", op.event)


PLANTS: Final = (Kind.LOST, Kind.DOUBLED, Kind.TORN, Kind.LEAKED)
"""What every run plants and must find."""


def plant(kind: Kind, history: Sequence[Op]) -> list[Op]:
    """A copy with one anomaly of this kind in its middle; `ValueError` when the history holds nothing to spoil."""
    spoil = _SPOILS[kind]
    ops = list(history)
    spoil(ops)
    return ops


def unseen_plants(history: Sequence[Op], allowed: Allowed) -> list[Kind]:
    """The planted anomalies the checker did not name: none, or the run proves nothing.

    An anomaly that is there anyway would hide a plant, so each plant must add one of its kind.
    """
    before = Counter(found.kind for found in check(history, allowed))
    return [kind for kind in PLANTS if _named(plant(kind, history), allowed)[kind] <= before[kind]]


def _named(history: Sequence[Op], allowed: Allowed) -> Counter[Kind]:
    return Counter(found.kind for found in check(history, allowed))


def _middle(ops: Sequence[Op], act: Act) -> int:
    """The place of an operation in the middle of those of its kind."""
    places = [at for at, op in enumerate(ops) if op.act is act]
    if not places:
        raise ValueError(f"the history has no {act}")
    return places[len(places) // 2]


def _lose(ops: list[Op]) -> None:
    """One release and its audit entry vanish together: nothing but the reference can know."""
    gone = ops[_middle(ops, Act.RELEASE)]
    ops[:] = [op for op in ops if (op.place, op.release) != (gone.place, gone.release) or not op.release]


def _double(ops: list[Op]) -> None:
    """One release goes out twice."""
    at = _middle(ops, Act.RELEASE)
    ops.insert(at + 1, replace(ops[at], number=ops[at].number + 1))


def _tear(ops: list[Op]) -> None:
    """One release stays, its audit entry is gone."""
    del ops[_middle(ops, Act.AUDIT)]


def _leak(ops: list[Op]) -> None:
    """One release says more than it may, and the audit agrees with it."""
    at = _middle(ops, Act.RELEASE)
    key, more = (ops[at].place, ops[at].release), "f" * 64
    for place, op in enumerate(ops):
        if (op.place, op.release) == key:
            ops[place] = replace(op, digest=more)


def _invent(ops: list[Op]) -> None:
    """A decision on an event nobody published."""
    ops.append(Op(Act.DECIDE, "0" * 8))


def _swap(ops: list[Op]) -> None:
    """Two releases of one source change places on their topic."""
    source = {op.event: op.place for op in ops if op.act is Act.TAKEN}
    event = {(op.place, op.release): op.event for op in ops if op.act is Act.AUDIT}
    seen: dict[tuple[str, str], int] = {}
    for at, op in enumerate(ops):
        if op.act is Act.RELEASE:
            key = op.place, source.get(event.get((op.place, op.release), ""), "")
            if key in seen and key[1]:
                other = seen[key]
                ops[at], ops[other] = (
                    replace(ops[at], number=ops[other].number),
                    replace(ops[other], number=ops[at].number),
                )
                return
            seen[key] = at
    raise ValueError("no two releases of one source on one topic")


def _wedge(ops: list[Op]) -> None:
    """One event waited for an hour."""
    at = _middle(ops, Act.WAIT)
    ops[at] = replace(ops[at], number=3_600_000)


_SPOILS: Final[Mapping[Kind, Callable[[list[Op]], None]]] = {
    Kind.LOST: _lose,
    Kind.DOUBLED: _double,
    Kind.TORN: _tear,
    Kind.LEAKED: _leak,
    Kind.PHANTOM: _invent,
    Kind.REORDERED: _swap,
    Kind.WEDGED: _wedge,
}
