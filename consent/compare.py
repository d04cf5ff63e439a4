"""Compare two policies over the same event types: who gains and who loses which field, when, by which row.

Rule kept: both are asked under every combination of guards that facts can give, so nothing that could ever change is
left out; what could hurt most is told first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from consent.cells import Cell, Selected, consistent
from consent.compile import Policy
from consent.guards import Guard, guard_order
from consent.matrix import CellKey, Matrix
from consent.terms import PERP_SIDE, EventType, Reveals, Transform

EXISTENCE = ""
"""The path of the first verdict: that there is such an event at all."""

PRECISION: Mapping[Transform | None, int] = {
    None: 0,
    **dict.fromkeys((Transform.FLAG_CARE, Transform.FLAG_PRESENT, Transform.FLAG_CAUTION, Transform.FLAG_DROPPED), 1),
    **dict.fromkeys((Transform.COUNT, Transform.COUNTY, Transform.DAY, Transform.AGE_BAND, Transform.DISTANCE_BAND), 2),
    Transform.HOUR: 3,
    **dict.fromkeys((Transform.AS_IS, Transform.PAIRWISE, Transform.PERSON_REF), 4),
}
"""How much of a leaf each transform leaves; None = nothing."""

DANGER: Mapping[Reveals, int] = {
    word: rank
    for rank, word in enumerate(
        (
            *(Reveals.NONE, Reveals.STAFF, Reveals.OFFENCE, Reveals.IDENTITY, Reveals.SUSPECT_PLACE),
            *(Reveals.HELP_SEEKING, Reveals.HEALTH, Reveals.CHILD, Reveals.CONTACT, Reveals.VICTIM_PLACE),
            *(Reveals.LOCATION_LIVE, Reveals.SAFE_PLACE, Reveals.SHELTER),
        )
    )
}
"""What a leak of each costs, from little to a life; the perpetrator's side counts double."""


class Change(NamedTuple):
    """One field that one role gets otherwise. `path` empty: that the event exists.

    `before`, `after`: None = does not get it. `when`: the fewest guards under which it changes; `row`: the row that
    gives it afterwards, or gave it before.
    """

    event: str
    role: str
    purpose: str
    path: str
    before: Transform | None
    after: Transform | None
    when: tuple[Guard, ...]
    row: str
    reveals: frozenset[Reveals]

    @property
    def gains(self) -> bool:
        """Whether more is given than before."""
        return PRECISION[self.after] >= PRECISION[self.before]

    @property
    def danger(self) -> int:
        """How much it matters that this leaks."""
        worst = max(DANGER[word] for word in self.reveals)
        return worst + (len(DANGER) if self.role in PERP_SIDE else 0)


def compare(old: Policy, new: Policy, types: Mapping[str, EventType]) -> tuple[Change, ...]:
    """Every change between two policies, gains before losses, the most dangerous first."""
    keys = dict.fromkeys(chain(old.cells, new.cells))
    found = [change for key in keys for change in _cell(key, old, new, types[key[0]])]
    return tuple(sorted(found, key=lambda change: (not change.gains, -change.danger, change[:4])))


def _cell(key: CellKey, old: Policy, new: Policy, event: EventType) -> Iterator[Change]:
    """The changes of one cell: for each field and each way it changes, under the fewest guards."""
    before, after = old.cells.get(key), new.cells.get(key)
    reveals = {field.path: field.reveals for field in event.fields}
    seen: set[tuple[str, Transform | None, Transform | None]] = set()
    for true in _valuations(key, before, after, (old.matrix, new.matrix)):
        was, becomes = selected(before, true), selected(after, true)
        for path, one, other, row in _differences(was, becomes):
            if (path, one, other) not in seen:
                seen.add((path, one, other))
                told = reveals.get(path, frozenset({Reveals.NONE}))
                yield Change(*key, path, one, other, tuple(g for g in _order(key, true, new.matrix)), row, told)


def _order(key: CellKey, true: frozenset[Guard], matrix: Matrix) -> tuple[Guard, ...]:
    return guard_order(true, tuple(package.name for package in matrix.ladder(*key[1:])))


def _valuations(
    key: CellKey, before: Cell | None, after: Cell | None, matrices: tuple[Matrix, Matrix]
) -> Iterator[frozenset[Guard]]:
    """Every set of guards that facts can make true, the small ones first."""
    guards = tuple(dict.fromkeys(guard for cell in (before, after) if cell for guard in cell.guards))
    ladder = tuple(dict.fromkeys(p.name for matrix in matrices for p in matrix.ladder(*key[1:])))
    every = (frozenset(g for i, g in enumerate(guards) if bits >> i & 1) for bits in range(1 << len(guards)))
    return iter(sorted((true for true in every if consistent(true, guards, ladder)), key=len))


def selected(cell: Cell | None, true: frozenset[Guard]) -> Selected | None:
    """What a cell selects when exactly these guards are true; those it does not ask about do not count."""
    return cell.table[cell.mask(true)] if cell else None


def _differences(
    was: Selected | None, becomes: Selected | None
) -> Iterator[tuple[str, Transform | None, Transform | None, str]]:
    """Path, transform before and after, and the row, of everything that differs; existence first."""
    if (was is None) is not (becomes is None):
        either = becomes or was
        assert either is not None
        one, other = (None, Transform.AS_IS) if was is None else (Transform.AS_IS, None)
        yield EXISTENCE, one, other, either.rules[0]
    old, new = _leaves(was), _leaves(becomes)
    for path in dict.fromkeys(chain(old, new)):
        one, one_row = old.get(path, (None, ""))
        other, other_row = new.get(path, (None, ""))
        if one is not other:
            yield path, one, other, other_row or one_row


def _leaves(found: Selected | None) -> Mapping[str, tuple[Transform, str]]:
    if found is None:
        return {}
    return {path: (how, row) for (path, how), row in zip(found.release.leaves, found.rules, strict=True)}
