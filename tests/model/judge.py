"""The model of a whole verdict: every subscription decided, and the duty lines of those a denial has hit passed on.

Written from contract.md section 6 and domain.md INV-24. Where the words leave a choice:

- a stand-in is the denied unit's own fallback if it has the role the line names, else the first unit of that role in
  the area that receives the type or is its source, never a suspended one; it borrows the place only where it falls
  short without: the place guard of the line, or the one its own cell has instead;
- "the non-null leaves" of a floor are all its leaves: one that may be null must go out where it is not;
- a line is reported once, however many units it leaves unserved;
- a line the policy itself no longer serves (its waiver has ended) is reported wherever the content of the event makes
  it due: whom it would have reached nobody asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from tests.model.decision import Outcome, Who, given, judge_one, kind, released
from tests.model.policy import Cell, Key, Line, Policy
from tests.model.rules import becomes
from tests.model.world import Event, Unit, World

PLACE = frozenset({"area", "addressee"})


class Judged(NamedTuple):
    """All outcomes about one event, and the duty lines nobody serves, sorted."""

    outcomes: dict[Who, Outcome]
    unserved: tuple[str, ...]


def judge(policy: Policy, world: World, event: Event) -> Judged:
    """Decide an event for everyone who receives its type, except its source."""
    found: dict[Who, Outcome] = {}
    for code, purpose in world.subscriptions:
        outcome = judge_one(policy, world, event, (code, purpose), frozenset())
        if code != event.source and outcome is not None:
            found[code, purpose] = outcome
    unserved = {line.id for line in policy.starved if _due_by_content(policy, line, event)}
    for who in [who for who, outcome in found.items() if outcome.reason == "held"]:
        unit = world.units[who[0]]
        for line in policy.cells[event.type, unit.role, who[1]].lines:
            due = line not in policy.starved and all(guard in found[who].true for guard in line.when)
            if due and not serve(policy, world, event, (unit, line), found):
                unserved.add(line.id)
    return Judged(found, tuple(sorted(unserved)))


def _due_by_content(policy: Policy, line: Line, event: Event) -> bool:
    """Whether nothing the event says keeps a line from being due."""
    alert = policy.types[event.type].lane == "alert" and event.content.get("severity") == "critical"
    said = {f"content:{leaf}={symbol}" for leaf, symbol in event.content.items()} | ({"emergency"} if alert else set())
    asked = {guard for guard in line.when if kind(guard) in ("content", "emergency")}
    return line.key[0] == event.type and asked <= said


def serve(policy: Policy, world: World, event: Event, denied: tuple[Unit, Line], found: dict[Who, Outcome]) -> bool:
    """Whether a duty is met in place of a denied unit; a stand-in's outcome joins `found`."""
    unit, line = denied
    stand_in = fallback(world, event, unit, line)
    if stand_in is None:
        return False
    if stand_in.code == event.source:
        return True
    for who in [each for each in world.subscriptions if each[0] == stand_in.code]:
        cell = policy.cells.get((event.type, stand_in.role, who[1]))
        own = found.get(who)
        if cell is None or own is None:
            continue
        if reaches_floor(cell, line, own):
            return True
        lent = judge_one(policy, world, event, who, borrowed(cell, line))
        if lent is not None and reaches_floor(cell, line, lent):
            found[who] = lent._replace(stands_in_for=unit.code)
            return True
    return False


def borrowed(cell: Cell, line: Line) -> frozenset[str]:
    """The place that counts as the denied unit's: the one the line names if the cell asks for it, else its own."""
    asked = PLACE & cell.asks
    return frozenset(line.when) & asked or asked


def fallback(world: World, event: Event, unit: Unit, line: Line) -> Unit | None:
    """Who stands in for a unit."""
    role = unit.role if line.fallback == "next" else line.fallback
    own = world.units.get(unit.fallback) if unit.fallback is not None else None
    if own is not None and own.role == role:
        return own
    if line.fallback == "next":
        return None
    heard = {code for code, _ in world.subscriptions} | {event.source}
    near = [each for each in world.units.values() if each.role == role and event.siruta in each.area]
    near = [each for each in near if each.code in heard]
    return min((each for each in near if not each.suspended), key=lambda each: each.ordinal, default=None)


def reaches_floor(cell: Cell, line: Line, outcome: Outcome) -> bool:
    """Whether all leaves of the floor go out as they are, and of each generalised group something."""
    leaves = dict(outcome.leaves)
    whole = [leaf for leaf in cell.type.leaves if leaf.group in line.floor]
    told = {leaf.group for leaf in cell.type.leaves if leaf.path in leaves}
    return all(leaves.get(leaf.path) == becomes(leaf, None) for leaf in whole) and set(line.generalised) <= told


# --- Duties the policy itself does not serve: after the end of a waiver ---


def starved(cells: dict[Key, Cell], lines: tuple[Line, ...]) -> frozenset[Line]:
    """The lines that no cell serves under every combination of the guards."""
    return frozenset(line for line in lines if not (_by_cell(cells, line) and _by_fallback(cells, line)))


def _by_cell(cells: dict[Key, Cell], line: Line) -> bool:
    return line.key in cells and _always(cells[line.key], line, frozenset(line.when))


def _by_fallback(cells: dict[Key, Cell], line: Line) -> bool:
    if line.fallback == "next":
        return True
    asked = frozenset(guard for guard in line.when if guard not in PLACE)
    may = [cell for key, cell in cells.items() if key[:2] == (line.key[0], line.fallback)]
    return any(_always(cell, line, borrowed(cell, line) | asked) for cell in may)


def _always(cell: Cell, line: Line, when: frozenset[str]) -> bool:
    """Whether the floor goes out whatever else is true."""
    return all(reaches_floor(cell, line, given(cell, released(cell, true), true)) for true in _valuations(cell, when))


def _valuations(cell: Cell, when: frozenset[str]) -> Iterator[frozenset[str]]:
    """Every set of guards with these in it that facts can make true: one symbol for a leaf, packages from small on."""
    others = sorted(cell.asks - when)
    ladder = [f"consent:{package.name}" for package in cell.ladder]
    for size in range(len(others) + 1):
        for more in combinations(others, size):
            true = when | frozenset(more)
            leaves = [guard.split("=")[0] for guard in true if kind(guard) == "content"]
            open_ = [name for name in ladder if name in true]
            if (
                len(leaves) == len(set(leaves))
                and open_ == [name for name in ladder if name in cell.asks][: len(open_)]
            ):
                yield true
