"""What another policy would have changed: recorded decisions asked again, from the audit and the register alone. Pure.

Rule kept: only what the record says is told as sure. Of a guard that the decision did not record (a refusal names the
one it lacked, and no other) both answers are tried, and what hangs on it is told as `maybe`. A hold or a conflict of
interest keeps a unit out under every policy; a withdrawal ends packages and the suspect's side permissions, and what
rests on neither of them another policy may give (contract.md section 0, rules 4, 5, 9).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from consent.cells import Cell, Selected
from consent.compare import EXISTENCE, PRECISION, selected
from consent.compile import Policy
from consent.decide import NO_GUARDS
from consent.guards import STALE_KINDS, Guard, GuardKind
from consent.matrix import CellKey
from consent.terms import EventType, PartyRole, Purpose, RefusalReason, Role, Transform
from hub.contracts.envelope import uuid_text
from hub.contracts.keys import register_digest
from hub.contracts.record import KafkaRecord
from hub.views.project import DecisionTold, Record, Trail

Leaves = Mapping[str, Transform]
NOTHING: Leaves = {}
DENIALS = frozenset({RefusalReason.HELD, RefusalReason.CONFLICT})
"""Refusals that no policy lifts."""
STOPPED = frozenset({RefusalReason.TRANSFORM_FAILED, RefusalReason.CHECK_FAILED})
"""Refusals of a release that was selected: the same one would be stopped again, another might have gone out."""


class Impact(NamedTuple):
    """One field that one role would have got otherwise. `path` empty: that the event exists.

    `sure`: events whose record alone says so; `maybe`: further events in which it hangs on what was not recorded.
    """

    event: str
    role: str
    purpose: str
    path: str
    gains: bool
    sure: int
    maybe: int


class Known(NamedTuple):
    """What a recorded decision says about one unit: guards that were true, guards that were false, what it got.

    `was`: the cell that was refused: it selected nothing, so whatever would have opened it was not so, or it selected
    what was `stopped` afterwards. `denied`: no policy changes that.
    """

    true: frozenset[Guard]
    false: frozenset[Guard]
    got: Leaves
    denied: bool = False
    stopped: bool = False
    was: Cell | None = None


@dataclass(slots=True)
class Replay:
    """Folds the topics a question reads, all decisions included; `trail` keeps policies and standing facts."""

    trail: Trail
    parts: dict[tuple[bytes, str], list[Record]] = field(default_factory=dict)

    def take(self, record: KafkaRecord) -> None:
        """Fold one record of any topic that `hub.views.project.topics_read` names."""
        if not record.topic.startswith("audit.decision."):
            self.trail.take(record)
            return
        made = self.trail.codecs.decision.decode(record.value or b"")
        self.parts.setdefault((record.key or b"", record.topic), []).append(made)

    def decisions(self, since: int) -> Iterator[Record]:
        """Every decision made at or after a moment (ms), its parts joined."""
        for parts in self.parts.values():
            if parts[0]["decidedAt"] >= since:
                joined = {key: [each for part in parts for each in part[key]] for key in ("releases", "refusals")}
                yield {**parts[0], **joined}


class Asked(NamedTuple):
    """The two policies of one profile, compared on the same record."""

    old: Policy
    new: Policy


class Replayed(NamedTuple):
    """All impacts, how many decisions were asked again, and how many were made by a policy that is not at hand."""

    impacts: tuple[Impact, ...]
    decisions: int
    others: int


def impact(
    replay: Replay, asked: Mapping[str, Sequence[Asked]], types: Mapping[str, EventType], since: int = 0
) -> Replayed:
    """Ask every recorded decision again.

    `asked`: by the profile the hub was announced to run in, each policy at hand with what shall be compared with it.
    """
    found: dict[tuple[CellKey, str, bool], list[int]] = {}
    count = others = 0
    for head in replay.decisions(since):
        announced = _announced(replay.trail, head)
        pairs = asked.get(announced["profile"], ()) if announced else ()
        both = next((each for each in pairs if each.old.digest == head["policyDigest"]), None)
        if announced is None or both is None:
            others += 1
            continue
        count += 1
        old, new = (policy.at(head["decidedAt"]).cells for policy in both)
        changed = dict(_changes(_Decision(replay.trail, head, announced, old, new, types[head["type"]])))
        for key, sure in changed.items():
            found.setdefault(key, [0, 0])[0 if sure else 1] += 1
    impacts = (Impact(*key, path, gains, *counts) for (key, path, gains), counts in found.items())
    ranked = sorted(impacts, key=lambda each: (not each.gains, -each.sure, -each.maybe, each[:4]))
    return Replayed(tuple(ranked), count, others)


def _announced(trail: Trail, head: Record) -> Record | None:
    return trail.policy_of(DecisionTold(b"", None, head, [], []))  # type: ignore[arg-type]


class _Decision(NamedTuple):
    """One recorded decision with what is needed to ask it again; `old`, `new`: the cells that count at its moment."""

    trail: Trail
    head: Record
    announced: Record
    old: Mapping[CellKey, Cell]
    new: Mapping[CellKey, Cell]
    type: EventType


def _changes(one: _Decision) -> Iterator[tuple[tuple[CellKey, str, bool], bool]]:
    """What changes for each role of this event: (cell, path, gains) and whether it is sure."""
    present = _present(one)
    merged: dict[tuple[CellKey, str, bool], bool] = {}
    for key, known in _recorded(one):
        least, most = _bounds(one.new.get(key), known)
        for path, gains, sure in _differences(known.got, least, most):
            if path == EXISTENCE or path in present:
                merged[key, path, gains] = merged.get((key, path, gains), False) or sure
    yield from merged.items()


def _present(one: _Decision) -> frozenset[str]:
    """The leaves the source had filled in."""
    bits = one.head["presence"].ljust((len(one.type.fields) + 7) // 8, b"\0")
    return frozenset(f.path for i, f in enumerate(one.type.fields) if bits[i // 8] >> (7 - i % 8) & 1)


def _recorded(one: _Decision) -> Iterator[tuple[CellKey, Known]]:
    """What the record says of each unit, then every cell the new policy adds for a role that no denial kept out."""
    units = one.announced["units"]
    roles = {code: role for code in units if (role := _role(one, code)) and code != one.head["source"]}
    told = [(units[nth], entry) for entry in one.head["refusals"] for nth in entry["unitOrdinals"]]
    given = {(units[entry["unitOrdinal"]], entry["purpose"]) for entry in one.head["releases"]}
    for entry in one.head["releases"]:
        code = units[entry["unitOrdinal"]]
        key: CellKey | None = (one.type.name, roles[code], Purpose(entry["purpose"])) if code in roles else None
        if key is not None and key in one.old:
            yield key, _given(one.old[key], entry["guardBits"])
    for code, entry in told:
        had = frozenset(purpose for whose, purpose in given if whose == code)
        yield from _refused(one, roles.get(code), entry, had)
    yield from _added(one, roles, told)


def _added(
    one: _Decision, roles: Mapping[str, Role], told: Sequence[tuple[str, Record]]
) -> Iterator[tuple[CellKey, Known]]:
    """The cells that are new, for each unit of their role: nothing is recorded of them but what a refusal says."""
    for code, role in roles.items():
        own = [entry for whose, entry in told if whose == code]
        if not any(entry["reason"] in DENIALS for entry in own):
            for key, cell in one.new.items():
                if key[:2] == (one.type.name, role) and key not in one.old:
                    yield key, Known(NO_GUARDS, frozenset(g for g in cell.guards if _false(own, g)), NOTHING)


def _false(entries: Iterable[Record], guard: Guard) -> bool:
    """Whether one of these refusals of a unit says that a guard was false, for whatever purpose.

    Behind registers no standing fact is known; on the suspect's side every consent and relation is void but
    `relation(suspect)` (`consent.validity.standing`).
    """
    for entry in entries:
        if entry["reason"] == RefusalReason.STALE and guard.kind in STALE_KINDS:
            return True
        void = guard.kind is GuardKind.CONSENT or (guard.kind is GuardKind.RELATION and guard.arg != PartyRole.SUSPECT)
        if entry["reason"] == RefusalReason.SUSPECT_SIDE and void:
            return True
    return False


def _role(one: _Decision, code: str) -> Role | None:
    record = one.trail.register.at("unit", code, one.head["registerRevision"])
    return Role(record["role"].replace("_", "-")) if record else None


def _given(cell: Cell, bits: int) -> Known:
    true = frozenset(cell.true(bits))
    return Known(true, frozenset(cell.guards) - true, _leaves(cell.table[bits]))


def _refused(one: _Decision, role: Role | None, entry: Record, had: frozenset[str]) -> Iterator[tuple[CellKey, Known]]:
    """A refusal, for each cell it can have been of; `had`: purposes for which the same unit got its release.

    The purpose is not recorded. The kind of the guard that was false is, and a withdrawal is one of a consent: so it
    was a cell that asks for it. Which guards were false is known only where there is one such cell, and of that kind
    one guard; a withdrawal makes all packages of its cell false.
    """
    kind = GuardKind.CONSENT.value if entry["reason"] == RefusalReason.WITHDRAWN else entry["guard"]
    cells = {
        key: cell
        for key, cell in one.old.items()
        if key[:2] == (one.type.name, role) and key[2] not in had and (kind == "none" or _of_kind(cell.guards, kind))
    }
    denied, stopped = entry["reason"] in DENIALS, entry["reason"] in STOPPED
    for key, cell in cells.items():
        guards = (*cell.guards, *(one.new[key].guards if key in one.new else ()))
        false = {guard for guard in guards if _false([entry], guard)}
        of_kind = _of_kind(cell.guards, kind)
        if len(cells) == 1 and entry["reason"] == RefusalReason.WITHDRAWN:
            false |= _of_kind(guards, kind)
        elif len(cells) == len(of_kind) == 1:
            false |= of_kind
        yield key, Known(NO_GUARDS, frozenset(false), NOTHING, denied, stopped, cell)


def _of_kind(guards: Iterable[Guard], kind: str) -> set[Guard]:
    return {guard for guard in guards if guard.kind.value == kind}


def _bounds(cell: Cell | None, known: Known) -> tuple[Leaves, Leaves]:
    """What the new cell gives at least and at most: guards of which nothing is recorded false, then true."""
    ways = list(_ways(cell, known)) if cell and not known.denied else []
    paths = {path for way in ways for path in way}
    most = {path: max((way[path] for way in ways if path in way), key=_fine) for path in paths}
    if known.stopped:
        return NOTHING, most
    least = {path: min((way[path] for way in ways), key=_fine) for path in paths if all(path in way for way in ways)}
    return least, most


def _ways(cell: Cell, known: Known) -> Iterator[Leaves]:
    """What the new cell gives under each set of guards that the record allows; nothing for what was stopped before."""
    guards = frozenset(cell.guards)
    open_ = guards - known.true - known.false
    for bits in cell.possible:
        true = frozenset(cell.true(bits))
        before = _leaves(selected(known.was, true))
        if bool(before) is known.stopped and true - open_ == known.true & guards:
            after = _leaves(cell.table[bits])
            yield NOTHING if known.stopped and after == before else after


def _fine(how: Transform) -> int:
    return PRECISION[how]


def _leaves(found: Selected | None) -> Leaves:
    return dict(found.release.leaves) if found else NOTHING


def _differences(got: Leaves, least: Leaves, most: Leaves) -> Iterator[tuple[str, bool, bool]]:
    """Path, whether it is gained, whether that is sure; existence too."""
    if not got and most:
        yield EXISTENCE, True, bool(least)
    if got and not least:
        yield EXISTENCE, False, not most
    for path in dict.fromkeys((*got, *most)):
        before, low, high = (PRECISION[leaves.get(path)] for leaves in (got, least, most))
        if high > before:
            yield path, True, low > before
        if low < before:
            yield path, False, high < before


class Rests(NamedTuple):
    """A release that rests on one register record: ids, unit, purpose, and when it was decided (ms)."""

    id: str
    event: str
    unit: str
    purpose: str
    at: int


def rests_on_record(replay: Replay, kind: str, handle: str) -> Iterator[Rests]:
    """The recorded releases whose decision used the register record of this kind and handle."""
    digest = register_digest(kind, handle)
    for head in replay.decisions(0):
        announced = _announced(replay.trail, head)
        units = announced["units"] if announced else ()
        for entry in head["releases"]:
            if any(fact["key"] == digest for fact in entry["facts"]):
                unit = units[entry["unitOrdinal"]] if entry["unitOrdinal"] < len(units) else ""
                yield Rests(uuid_text(entry["releaseId"]), head["eventId"], unit, entry["purpose"], head["decidedAt"])
