"""Lint: what is wrong with a pack that compiles. An accidental edit, a row that never matters, a duty nobody serves.

Rule kept: a finding of kind `undated` is a note for a lawyer, every other one refuses; nothing is repaired here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from consent.border import read_toml
from consent.cells import Ground, build_cell
from consent.compile import Pack, grounds_of
from consent.errors import Finding, FindingKind
from consent.matrix import CellKey, Row
from consent.pack import FILES, WAIVERS, PackTexts
from consent.seal import check_seals
from consent.terms import BasisStatus, EventType

NOTES = frozenset({FindingKind.UNDATED})
"""The kinds of finding that do not refuse a pack."""


def lint(texts: PackTexts, pack: Pack, types: Mapping[str, EventType]) -> tuple[Finding, ...]:
    """Everything wrong with a pack whose words are known, and the notes. The proofs are `compile_policy`'s."""
    grounds = grounds_of(pack.matrix, types)
    return (
        *(finding for name, text in zip((*FILES, WAIVERS), texts, strict=True) for finding in _sealed(name, text)),
        *(finding for key, ground in grounds.items() for finding in _idle(key, ground)),
        *_unused(pack),
        *_musts(pack, grounds),
        *_undated(pack),
    )


def _sealed(name: str, text: str) -> Iterator[Finding]:
    return check_seals(name, read_toml(name, text))


def _idle(key: CellKey, ground: Ground) -> Iterator[Finding]:
    """Rows of a cell that no facts can open, or of which no selection ever cites anything: unreachable, shadowed."""
    cell = build_cell(key, ground, ground.rows)
    cited = {row for selected in cell.table if selected for row in selected.rules}
    reached = {bits for bits in cell.possible if cell.table[bits]}
    for row in ground.rows:
        masks = [cell.mask(grant.guards) for grant in row.grants]
        for grant, mask in zip(row.grants, masks, strict=True):
            if not any(bits & mask == mask for bits in reached):
                guards = " and ".join(map(str, grant.guards))
                yield _finding(row, f"can never be reached: no facts make {guards} true where the event exists")
        if row.id not in cited and any(bits & mask == mask for mask in masks for bits in reached):
            yield _finding(row, "is shadowed: another row gives all it gives, wherever it is true")


def _finding(row: Row, what: str) -> Finding:
    event, role, _ = row.cell
    says = f"row {row.id} ({' '.join(row.cell)}) {what}"
    return Finding(FindingKind.IDLE, says, "correct its guards or remove it", row=row.id, event=event, role=role)


def _unused(pack: Pack) -> Iterator[Finding]:
    """A basis no row cites and a package no row opens: a name that has lost its meaning."""
    cited = {row.basis.id for row in pack.matrix.rows}
    opened = {guard.arg for row in pack.matrix.rows for grant in row.grants for guard in grant.guards}
    names = [("basis", basis) for basis in pack.matrix.bases if basis not in cited]
    names += [("package", package.name) for package in pack.matrix.packages if package.name not in opened]
    for kind, name in names:
        yield Finding(FindingKind.IDLE, f"{kind} {name} is used by no row", "remove it or cite it", row=name)


def _musts(pack: Pack, grounds: Mapping[CellKey, Ground]) -> Iterator[Finding]:
    """A recipient the law names that no row serves, unless the file says what it waits for."""
    served = {key[:2] for key, ground in grounds.items() if ground.exists and _released(ground.rows)}
    for must in pack.dutylines.musts:
        if (must.event, must.role) in served and must.waits:
            says = f"{must.role} is served {must.event}, and dutylines.toml says it waits: {must.waits}"
            yield Finding(FindingKind.MUST, says, "take `waits` out", event=must.event, role=must.role)
        if (must.event, must.role) not in served and not must.waits:
            says = f"{must.role} must receive {must.event} and no row serves it"
            yield Finding(
                FindingKind.MUST, says, "add a row, or say in `waits` why not", event=must.event, role=must.role
            )


def _released(rows: Iterable[Row]) -> bool:
    return any(row.basis.status is not BasisStatus.PROPOSAL for row in rows)


def _undated(pack: Pack) -> Iterator[Finding]:
    """Laws of which nobody recorded which consolidated text was read."""
    for basis in pack.matrix.bases.values():
        acts = [cite.act for cite in basis.cites if not cite.consolidated]
        if acts:
            says = f"basis {basis.id}: no date of the text that was read, of {', '.join(acts)}"
            remedy = "have a lawyer read it and write `consolidated`"
            yield Finding(FindingKind.UNDATED, says, remedy, row=basis.id)
