"""What another policy would have changed: recorded decisions asked again, from the audit and the register alone. Pure.

Rule kept: only what the record says is told as sure. Of a guard that the decision did not record (a refusal names the
one it lacked, and no other) both answers are tried, and what hangs on it is told as `maybe`; a denial stays a denial.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from consent.cells import Cell, Selected
from consent.compare import EXISTENCE, PRECISION, selected
from consent.compile import Policy
from consent.guards import Guard
from consent.matrix import CellKey
from consent.terms import EventType, Purpose, RefusalReason, Role, Transform
from hub.contracts.envelope import uuid_text
from hub.contracts.keys import register_digest
from hub.contracts.record import KafkaRecord
from hub.views.project import DecisionTold, Record, Trail

Leaves = Mapping[str, Transform]
NOTHING: Leaves = {}


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

    `shut`: the cell that gave nothing, so that whatever would have opened it was not so. `denied`: by a hold, a
    withdrawal, the suspect's side: no policy changes that.
    """

    true: frozenset[Guard]
    false: frozenset[Guard]
    got: Leaves
    denied: bool = False
    shut: Cell | None = None


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
        changed = dict(_changes(_Decision(replay.trail, head, announced, both, types[head["type"]])))
        for key, sure in changed.items():
            found.setdefault(key, [0, 0])[0 if sure else 1] += 1
    impacts = (Impact(*key, path, gains, *counts) for (key, path, gains), counts in found.items())
    ranked = sorted(impacts, key=lambda each: (not each.gains, -each.sure, -each.maybe, each[:4]))
    return Replayed(tuple(ranked), count, others)


def _announced(trail: Trail, head: Record) -> Record | None:
    return trail.policy_of(DecisionTold(b"", None, head, [], []))  # type: ignore[arg-type]


class _Decision(NamedTuple):
    """One recorded decision with what is needed to ask it again."""

    trail: Trail
    head: Record
    announced: Record
    both: Asked
    type: EventType


def _changes(one: _Decision) -> Iterator[tuple[tuple[CellKey, str, bool], bool]]:
    """What changes for each role of this event: (cell, path, gains) and whether it is sure."""
    present = _present(one)
    merged: dict[tuple[CellKey, str, bool], bool] = {}
    for key, known in _recorded(one):
        cell = one.both.new.at(one.head["decidedAt"]).cells.get(key)
        least, most = _bounds(cell, known)
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
    at = one.head["decidedAt"]
    old, new, units = one.both.old.at(at).cells, one.both.new.at(at).cells, one.announced["units"]
    roles = {code: role for code in units if (role := _role(one, code)) and code != one.head["source"]}
    denied = {units[nth] for entry in one.head["refusals"] if _denied(entry) for nth in entry["unitOrdinals"]}
    for entry in one.head["releases"]:
        code = units[entry["unitOrdinal"]]
        key: CellKey | None = (one.type.name, roles[code], Purpose(entry["purpose"])) if code in roles else None
        if key is not None and key in old:
            yield key, _given(old[key], entry["guardBits"])
    for entry in one.head["refusals"]:
        for code in (units[ordinal] for ordinal in entry["unitOrdinals"]):
            yield from _refused(one, roles.get(code), entry)
    for role in {role for code, role in roles.items() if code not in denied}:
        for key in new:
            if key[:2] == (one.type.name, role) and key not in old:
                yield key, Known(frozenset(), frozenset(), NOTHING)


def _denied(entry: Record) -> bool:
    """Whether a refusal is a denial, which no policy lifts."""
    return entry["reason"] not in (RefusalReason.GUARD_FALSE, RefusalReason.STALE)


def _role(one: _Decision, code: str) -> Role | None:
    record = one.trail.register.at("unit", code, one.head["registerRevision"])
    return Role(record["role"].replace("_", "-")) if record else None


def _given(cell: Cell, bits: int) -> Known:
    true = frozenset(cell.true(bits))
    return Known(true, frozenset(cell.guards) - true, _leaves(cell.table[bits]))


def _refused(one: _Decision, role: Role | None, entry: Record) -> Iterator[tuple[CellKey, Known]]:
    """A refusal, for each cell its role had: which purpose it was is not recorded.

    The record names the kind of guard that was false; which one it was is known only where the cell has one of them.
    """
    for key, cell in one.both.old.at(one.head["decidedAt"]).cells.items():
        if key[:2] == (one.type.name, role):
            of_kind = [guard for guard in cell.guards if guard.kind.value == entry["guard"]]
            false = frozenset(of_kind if len(of_kind) == 1 else ())
            yield key, Known(frozenset(), false, NOTHING, _denied(entry), cell)


def _bounds(cell: Cell | None, known: Known) -> tuple[Leaves, Leaves]:
    """What the new cell gives at least and at most: guards of which nothing is recorded false, then true."""
    if cell is None or known.denied:
        return NOTHING, NOTHING
    open_ = frozenset(cell.guards) - known.true - known.false
    ways = [_leaves(cell.table[bits]) for bits in cell.possible if _fits(cell, bits, known, open_)]
    if not ways:
        return NOTHING, NOTHING
    paths = {path for way in ways for path in way}
    least = {path: min((way[path] for way in ways), key=_fine) for path in paths if all(path in way for way in ways)}
    return least, {path: max((way[path] for way in ways if path in way), key=_fine) for path in paths}


def _fits(cell: Cell, bits: int, known: Known, open_: frozenset[Guard]) -> bool:
    true = frozenset(cell.true(bits))
    shut = selected(known.shut, true) is None
    return shut and true - open_ == known.true & frozenset(cell.guards)


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
