"""Questions to a policy: who could ever get this, what rests on that law, what does one organisation learn in all.

Rule kept: the answer is read off the compiled releases, proposals included and named as such: what is not in it can
never leave.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from consent.cells import Cell
from consent.compile import Policy
from consent.guards import Guard
from consent.matrix import Row
from consent.redlines import RedLines
from consent.terms import BasisStatus, EventType, Reveals, Transform


class Reach(NamedTuple):
    """One way to one field: who, of which event, as what, by which row on which law, under which guards.

    `when`: each of these sets of guards alone is enough, and none of them is more than it takes.
    """

    event: str
    role: str
    purpose: str
    path: str
    how: Transform
    row: str
    law: str
    status: BasisStatus
    reveals: frozenset[Reveals]
    when: tuple[tuple[Guard, ...], ...]


def reach(policy: Policy, types: Mapping[str, EventType]) -> Iterator[Reach]:
    """Every field anybody can ever get, cell by cell."""
    rows = {row.id: row for row in policy.matrix.rows}
    for cell in policy.cells.values():
        yield from _of_cell(cell, rows, types[cell.event], policy.redlines)


def _of_cell(cell: Cell, rows: Mapping[str, Row], event: EventType, lines: RedLines) -> Iterator[Reach]:
    fields = {field.path: field for field in event.fields}
    ways: dict[tuple[str, Transform, str], list[int]] = {}
    for bits in sorted(cell.possible, key=int.bit_count):
        found = cell.table[bits]
        for (path, how), row in zip(found.release.leaves, found.rules, strict=True) if found else ():
            known = ways.setdefault((path, how, row), [])
            if not any(bits & least == least for least in known):
                known.append(bits)
    for (path, how, row), least in ways.items():
        basis = rows[row].basis
        reveals = lines.reveals(fields[path], how, event)
        when = tuple(cell.true(bits) for bits in least)
        yield Reach(*cell.key, path, how, row, basis.ref, basis.status, reveals, when)


class Resting(NamedTuple):
    """A row that rests on something in doubt, and what nobody would get without it."""

    row: str
    event: str
    role: str
    purpose: str
    law: str
    status: BasisStatus
    paths: tuple[str, ...]


def resting(policy: Policy, rows: Collection[str], types: Mapping[str, EventType]) -> Iterator[Resting]:
    """For each of these rows the fields that are given by it, somewhere."""
    found = list(reach(policy, types))
    for row in (each for each in policy.matrix.rows if each.id in rows):
        paths = tuple(dict.fromkeys(way.path for way in found if way.row == row.id))
        yield Resting(row.id, *row.cell, row.basis.ref, row.basis.status, paths)


def learned_by(
    ways: Iterable[Reach], members: Mapping[str, Collection[tuple[str, str]]]
) -> Mapping[str, Mapping[Reveals, Reach]]:
    """What each of these (organisation -> its roles with purposes) can ever learn, each thing with one way to it.

    Units of one organisation are separate subscribers (INV-19); this is what their people could put together.
    """
    every = list(ways)
    found: dict[str, dict[Reveals, Reach]] = {}
    for name, pairs in members.items():
        learned = found.setdefault(name, {})
        for way in (each for each in every if (each.role, each.purpose) in pairs):
            for word in way.reveals:
                learned.setdefault(word, way)
    return found
