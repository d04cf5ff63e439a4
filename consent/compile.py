"""Compile: matrix, red lines, duty lines and event types in.

The finite set of releases out, proven, or a refusal with every finding.

Rule kept: laws 2 and 5. Red lines are proven over every row, proposals included; duty lines over the rows that
release in the profile; a policy that fails either is never activated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from consent.cells import MAX_BITS, Cell, Ground, Reads, Release, Selected, build_cell, hollow, select, selections
from consent.dutylines import Duty, DutyLines, prove_dutylines, ready
from consent.errors import Finding, FindingKind, PolicyRefused
from consent.matrix import CellKey, Matrix
from consent.redlines import Leaf, Proof, RedLines, Scope, leaves_of, prove_redlines
from consent.terms import BasisStatus, EventType, Profile

__all__ = ["Cell", "Policy", "Reads", "Release", "Selected", "compile_policy", "releasing"]

RELEASING: Mapping[Profile, frozenset[BasisStatus]] = {
    Profile.DEMO: frozenset({BasisStatus.OK, BasisStatus.UNCONFIRMED}),
    Profile.PRODUCTION: frozenset({BasisStatus.OK}),
}
"""Which rows release where: `proposal` nowhere."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A proven policy.

    `cells` hold only what can release in `profile`; `notes` say what would be unserved on confirmed law alone.
    """

    digest: bytes
    profile: Profile
    cells: Mapping[CellKey, Cell]
    releases: tuple[Release, ...]
    dutylines: DutyLines
    duties: Mapping[CellKey, tuple[Duty, ...]]
    matrix: Matrix
    redlines: RedLines
    proofs: tuple[Proof, ...]
    notes: tuple[Finding, ...]


def _no_clock() -> float:
    """The clock of a caller that does not ask how long the proof took."""
    return 0.0


def compile_policy(
    matrix: Matrix,
    redlines: RedLines,
    dutylines: DutyLines,
    types: Mapping[str, EventType],
    profile: Profile,
    tick: Callable[[], float] = _no_clock,
) -> Policy:
    """Compile and prove.

    `tick` gives seconds, for the proof table only. Raises PolicyRefused with every finding, none hidden by another.
    """
    grounds = grounds_of(matrix, types)
    profiles = {each: _releasing(grounds, each) for each in Profile}
    cells = profiles[profile]
    proofs, findings = prove_redlines(redlines, scope_of(matrix, types, grounds, profiles[Profile.DEMO]), tick)
    served, missed = prove_dutylines(dutylines, cells, types, tick)
    unconfirmed = _unconfirmed(dutylines, grounds, profiles, types)
    if profile is Profile.PRODUCTION:
        known = {finding.sentence for finding in unconfirmed}
        missed = [*unconfirmed, *(finding for finding in missed if finding.sentence not in known)]
    findings = [*_cell_findings(grounds, profiles[Profile.DEMO]), *findings, *missed]
    if findings:
        raise PolicyRefused(findings)
    duties: dict[CellKey, tuple[Duty, ...]] = {}
    for line in dutylines.lines:
        duties[line.key] = (*duties.get(line.key, ()), ready(line, cells[line.key], cells, types[line.event]))
    digest = hashlib.sha256(matrix.digest + redlines.digest + dutylines.digest).digest()
    return Policy(
        digest=digest,
        profile=profile,
        cells=cells,
        releases=releases_of(cells),
        dutylines=dutylines,
        duties=duties,
        matrix=matrix,
        redlines=redlines,
        proofs=(*proofs, *served),
        notes=tuple(unconfirmed),
    )


def releasing(matrix: Matrix, types: Mapping[str, EventType], profile: Profile) -> Mapping[CellKey, Cell]:
    """The cells that can release in a profile, unproven: rows whose law is not sure enough there are left out."""
    return _releasing(grounds_of(matrix, types), profile)


def _releasing(grounds: Mapping[CellKey, Ground], profile: Profile) -> Mapping[CellKey, Cell]:
    found: dict[CellKey, Cell] = {}
    for key, ground in grounds.items():
        lawful = replace(ground, rows=tuple(r for r in ground.rows if r.basis.status is not BasisStatus.PROPOSAL))
        active = [row for row in lawful.rows if row.basis.status in RELEASING[profile]]
        if active and lawful.exists and len(lawful.guards) <= MAX_BITS:
            cell = build_cell(key, lawful, active)
            if any(cell.table):
                found[key] = cell
    return found


def releases_of(cells: Mapping[CellKey, Cell]) -> tuple[Release, ...]:
    """The distinct releases of these cells, by name."""
    found = {selected.release for cell in cells.values() for _, selected in selections(cell)}
    return tuple(sorted(found, key=lambda release: release.name))


def grounds_of(matrix: Matrix, types: Mapping[str, EventType]) -> Mapping[CellKey, Ground]:
    """Existence and rows, cell by cell, in the order of the matrix."""
    exists = {found.cell: found for found in matrix.exists}
    keys = dict.fromkeys((*exists, *(row.cell for row in matrix.rows)))
    return {
        key: Ground(
            exists.get(key),
            tuple(row for row in matrix.rows if row.cell == key),
            types[key[0]],
            matrix.ladder(*key[1:]),
        )
        for key in keys
    }


def scope_of(
    matrix: Matrix,
    types: Mapping[str, EventType],
    grounds: Mapping[CellKey, Ground],
    lawful: Mapping[CellKey, Cell],
) -> Scope:
    """Everything red lines look at.

    Each selection of each cell over all rows, and each cell with all guards assumed true. `lawful` cells are those
    without proposals: where there is none, they are the cell over all rows.
    """
    rows = {row.id: row for row in matrix.rows}
    leaves: list[Leaf] = []
    count = 0
    for key, ground in grounds.items():
        if len(ground.guards) <= MAX_BITS:
            proposals = any(row.basis.status is BasisStatus.PROPOSAL for row in ground.rows)
            known = None if proposals else lawful.get(key)
            cell = known or build_cell(key, ground, ground.rows)
            looked = [*_selected(cell), *_widest(ground)]
            count += len(looked)
            leaves.extend(leaves_of(key, looked, rows, ground.event))
    return Scope(tuple(leaves), matrix.rows, types, count)


def _selected(cell: Cell) -> Iterator[tuple[tuple[str, ...], Selected]]:
    """The selections of a cell with the guards that give them."""
    return ((tuple(str(guard) for guard in cell.true(bits)), selected) for bits, selected in selections(cell))


def _widest(ground: Ground) -> Iterator[tuple[tuple[str, ...], Selected]]:
    """The cell with every guard assumed true, even those that exclude each other.

    What is never in here is never released.
    """
    widest = select(ground.event, ground.grants(ground.rows))
    if widest:
        yield tuple(str(guard) for guard in ground.guards), widest


def _cell_findings(grounds: Mapping[CellKey, Ground], lawful: Mapping[CellKey, Cell]) -> Iterator[Finding]:
    """What is wrong with the shape of a cell."""
    for (event, role, purpose), ground in grounds.items():
        cell = f"{event} {role} {purpose}"
        if len(ground.guards) > MAX_BITS:
            says = f"{cell} has {len(ground.guards)} guard bits, at most {MAX_BITS} are allowed"
            yield Finding(FindingKind.CELL, says, "drop a guard or split the event type", event=event, role=role)
            continue
        if not ground.rows:
            says = f"{cell}: the event may be known to exist, but no row gives anything"
            yield Finding(FindingKind.CELL, says, "add a row or remove the existence", event=event, role=role)
        for row in ground.rows:
            if ground.exists is None and row.basis.status is not BasisStatus.PROPOSAL:
                says = f"row {row.id} ({cell}) gives fields of an event that may not be known to exist"
                yield Finding(FindingKind.CELL, says, "add an [[exists]] or remove the row", "", row.id, event, role)
        found = lawful.get((event, role, purpose))
        if ground.exists and found:
            yield from _hollow_findings(found, ground)
        elif ground.exists and any(row.basis.status is not BasisStatus.PROPOSAL for row in ground.rows):
            says = f"{cell}: no facts can make existence and a row true together"
            yield Finding(FindingKind.CELL, says, "correct the guards", event=event, role=role)


def _hollow_findings(cell: Cell, ground: Ground) -> Iterator[Finding]:
    """A true existence with an empty release would be a marker without content."""
    for bits in hollow(cell, ground):
        guards = tuple(str(guard) for guard in cell.true(bits))
        says = f"{cell.event} {cell.role} exists when {' and '.join(guards)}, but the release would be empty"
        yield Finding(FindingKind.CELL, says, "add a row for it", event=cell.event, role=cell.role, guards=guards)


def _unconfirmed(
    dutylines: DutyLines,
    grounds: Mapping[CellKey, Ground],
    profiles: Mapping[Profile, Mapping[CellKey, Cell]],
    types: Mapping[str, EventType],
) -> list[Finding]:
    """The duties that only unconfirmed law serves, each with the rows that wait for a lawyer."""
    _, strict = prove_dutylines(dutylines, profiles[Profile.PRODUCTION], types, _no_clock)
    _, lenient = prove_dutylines(dutylines, profiles[Profile.DEMO], types, _no_clock)
    wrong = {finding.sentence for finding in lenient}
    keys = {line.id: line.key for line in dutylines.lines}
    found = []
    for finding in (f for f in strict if f.sentence not in wrong):
        waiting = [r for r in grounds[keys[finding.line]].rows if r.basis.status is BasisStatus.UNCONFIRMED]
        rows = " and ".join(row.id for row in waiting)
        remedy = f"have a lawyer confirm the law of {rows or 'its fallback'}"
        found.append(replace(finding, kind=FindingKind.UNCONFIRMED, row=rows, remedy=remedy))
    return found
