"""Lint: what is wrong with a pack that compiles. An accidental edit, a row that never matters, a duty nobody serves.

Rule kept: a finding of a kind in NOTES is for a lawyer or a controller to read, every other one refuses; nothing is
repaired here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from consent.border import read_toml
from consent.cells import MAX_BITS, Ground, build_cell
from consent.compile import Pack, grounds_of
from consent.dutylines import Must
from consent.errors import Finding, FindingKind
from consent.guards import STALE_KINDS, Guard, GuardKind
from consent.matrix import CellKey, Grant, Row
from consent.pack import FILES, WAIVERS, PackTexts
from consent.seal import check_seals
from consent.terms import BasisStatus, EventType
from consent.waivers import Waiver, Waivers

NOTES = frozenset({FindingKind.UNDATED, FindingKind.WAIVER})
"""The kinds of finding that do not refuse a pack."""


def lint(texts: PackTexts, pack: Pack, types: Mapping[str, EventType], at_ms: int) -> tuple[Finding, ...]:
    """Everything wrong with a pack whose words are known, and the notes. The proofs are `compile_policy`'s.

    `at_ms`: the moment (ms since 1970) at which waivers are looked at.
    """
    grounds = grounds_of(pack.matrix, types)
    return (
        *(finding for name, text in zip((*FILES, WAIVERS), texts, strict=True) for finding in _sealed(name, text)),
        *(finding for key, ground in grounds.items() for finding in _idle(key, ground)),
        *_unused(pack),
        *_musts(pack, grounds),
        *_undated(pack),
        *_ended(pack.waivers, at_ms),
        *_waived_twice(pack.waivers.counting(at_ms)),
    )


def _sealed(name: str, text: str) -> Iterator[Finding]:
    return check_seals(name, read_toml(name, text))


def _idle(key: CellKey, ground: Ground) -> Iterator[Finding]:
    """Rows of a cell that no facts can open, or of which no selection ever cites anything: unreachable, shadowed.

    None of a cell with too many guards: `compile_policy` refuses it, and to try each combination would take for ever.
    """
    if len(ground.guards) > MAX_BITS:
        return
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
    opened = {guard.arg for row in pack.matrix.rows for grant in row.grants for guard in _consents(grant)}
    names = [("basis", basis) for basis in pack.matrix.bases if basis not in cited]
    names += [("package", package.name) for package in pack.matrix.packages if package.name not in opened]
    for kind, name in names:
        yield Finding(FindingKind.IDLE, f"{kind} {name} is used by no row", "remove it or cite it", row=name)


def _consents(grant: Grant) -> Iterator[Guard]:
    return (guard for guard in grant.guards if guard.kind is GuardKind.CONSENT)


def _musts(pack: Pack, grounds: Mapping[CellKey, Ground]) -> Iterator[Finding]:
    """A recipient the law names that no row serves, unless the file says what it waits for."""
    for must in pack.dutylines.musts:
        cells = [ground for key, ground in grounds.items() if key[:2] == (must.event, must.role)]
        ways = [way for ground in cells if ground.exists for way in _ways(ground)]
        if told := _told(must, ways):
            says, remedy = told
            yield Finding(FindingKind.MUST, says, remedy, event=must.event, role=must.role)


def _ways(ground: Ground) -> Iterator[frozenset[GuardKind]]:
    """For each way to be served by a row that may release: what of the registers it asks for besides the event."""
    grants = ground.grants(row for row in ground.rows if row.basis.status is not BasisStatus.PROPOSAL)
    for asked in ground.alternatives:
        yield from (STALE_KINDS & {guard.kind for guard in (*asked, *grant.guards)} for grant in grants)


def _told(must: Must, ways: Sequence[frozenset[GuardKind]]) -> tuple[str, str] | None:
    """Sentence and remedy where a must and what the rows do are not the same; `ways` as in `_ways`."""
    who, always = f"{must.role} must receive {must.event}", frozenset() in ways
    if ways and must.waits:
        says = f"{must.role} is served {must.event}, and dutylines.toml says it waits: {must.waits}"
        return says, "take `waits` out"
    if not ways:
        return None if must.waits else (f"{who} and no row serves it", "add a row, or say in `waits` why not")
    if always and must.on:
        says = f'{must.role} is served {must.event} without it, and dutylines.toml says `on = "{must.on}"`'
        return says, "take `on` out"
    if always or any(way == {must.on} for way in ways):
        return None
    needs = " or ".join(sorted({" and ".join(sorted(way)) for way in ways}))
    remedy = "add a row that asks for no such record, or say in `on` what the law asks for"
    return f"{who} and is served only on {needs}", remedy


def _ended(waivers: Waivers, at_ms: int) -> Iterator[Finding]:
    """Waivers whose day has come: their rows do not release by them."""
    for each in waivers.waivers:
        if each.until_ms <= at_ms:
            says = f"waivers.toml, {each.id}: ended on {each.until}; its rows do not release by it"
            yield Finding(FindingKind.WAIVER, says, "confirm the law, sign a new waiver, or take it out", row=each.id)


def _waived_twice(counting: Sequence[Waiver]) -> Iterator[Finding]:
    """Rows that several waivers name: the one that ends first ends nothing."""
    for row in dict.fromkeys(row for each in counting for row in each.rows):
        names = [each.id for each in counting if row in each.rows]
        if len(names) > 1:
            says = f"waivers.toml: row {row} is waived by {' and '.join(names)}, and counts until the last of them ends"
            yield Finding(FindingKind.WAIVER, says, "name it in one of them", row=row)


def _undated(pack: Pack) -> Iterator[Finding]:
    """Laws of which nobody recorded which consolidated text was read."""
    for basis in pack.matrix.bases.values():
        acts = [cite.act for cite in basis.cites if not cite.consolidated]
        if acts:
            says = f"basis {basis.id}: no date of the text that was read, of {', '.join(acts)}"
            remedy = "have a lawyer read it and write `consolidated`"
            yield Finding(FindingKind.UNDATED, says, remedy, row=basis.id)
