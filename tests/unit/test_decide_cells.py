"""How large a cell may be, and which valuations of its guards facts can give: proofs look at these and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from consent.basis import Basis, Citation
from consent.cells import MAX_BITS, consistent
from consent.compile import compile_policy, releasing, scope_of
from consent.errors import Finding, PolicyRefused
from consent.guards import AREA, EMERGENCY, JUDICIAL, Guard, GuardKind
from consent.matrix import CellKey, Grant, Row
from consent.pack import Pack, parse_pack
from consent.terms import BasisKind, BasisStatus, Profile, Purpose, Role
from consent.waivers import Waiver, Waivers
from tests.cases.pack import texts, types

LADDER = ("sh1", "sh2", "sh3")
SMALL, LARGE = Guard(GuardKind.CONSENT, "sh1"), Guard(GuardKind.CONSENT, "sh3")
FORM, OTHER_FORM = (Guard(GuardKind.CONTENT, f"instrument={symbol}") for symbol in ("RO_POL_21", "RO_SOC_25"))
CHILD_CELL: CellKey = ("risk.assessed", Role.CHILD, Purpose.P8)
CHILD = Guard(GuardKind.CONTENT, "childInHousehold=yes")


def test_a_larger_package_brings_the_smaller() -> None:
    """A consent that opens the large package opens the small one; the small one may stand alone."""
    guards = (SMALL, LARGE)
    assert not consistent(frozenset({LARGE}), guards, LADDER)
    assert consistent(frozenset({SMALL}), guards, LADDER)
    assert consistent(frozenset(guards), guards, LADDER)


def test_a_leaf_has_one_symbol() -> None:
    """Two symbols of one leaf are never true together, whatever the packages say; symbols of two leaves are."""
    guards = (FORM, OTHER_FORM, CHILD, SMALL, LARGE)
    assert not consistent(frozenset({FORM, OTHER_FORM}), guards, LADDER)
    assert not consistent(frozenset({FORM, OTHER_FORM, SMALL}), guards, LADDER)
    assert consistent(frozenset({FORM, CHILD}), guards, LADDER)


def test_guards_without_a_leaf_stand_together() -> None:
    """Only content reads a leaf: place, emergency and judicial say nothing of one another."""
    guards = (AREA, EMERGENCY, JUDICIAL)
    assert consistent(frozenset(guards), guards, LADDER)


def test_a_cell_of_five_bits_releases() -> None:
    """Five guard bits are allowed: the cell is there, and releases."""
    pack = parse_pack(texts(), types())
    law = Basis("B90", BasisKind.LAW, BasisStatus.OK, (Citation("L217", "", "", ""),))
    grant = Grant("X95", (Guard(GuardKind.RELATION, "child"),), frozenset({26}), {}, law)
    row = Row("X95", "risk.assessed", Role.SW_L, Purpose.P6, (grant,), law)
    matrix = replace(pack.matrix, rows=(*pack.matrix.rows, row))
    cell = compile_policy(pack._replace(matrix=matrix), types(), Profile.DEMO).cells[row.cell]
    assert len(cell.guards) == MAX_BITS == 5
    assert any(cell.table)


def test_nothing_is_counted_as_looked_at_in_an_empty_matrix() -> None:
    """The red lines' proof counts the releases it saw, from none on: one that saw nothing is no proof."""
    scope = scope_of(parse_pack(texts(), types()), types(), {}, {})
    assert (scope.selections, scope.leaves) == (0, ())


def test_a_row_no_facts_can_reach_is_refused() -> None:
    """The event exists for one form, the row speaks of another: no record is both, and the finding says so."""
    findings = refused(_only(CHILD_CELL, OTHER_FORM))
    assert [f.sentence for f in findings if "no facts can make existence and a row true together" in f.sentence]


def test_a_cell_too_large_hides_no_fault_of_the_next() -> None:
    """A cell of more than five bits is refused together with the faulty cell that stands after it."""
    pack = _only(CHILD_CELL, OTHER_FORM)
    bits = (*(Guard(GuardKind.RELATION, role) for role in ("child", "suspect")), JUDICIAL)
    rows = [
        replace(row, grants=(*row.grants, *(replace(row.grants[0], guards=(bit,)) for bit in bits)))
        if row.id == "R4"
        else row
        for row in pack.matrix.rows
    ]
    told = [f.sentence for f in refused(pack._replace(matrix=replace(pack.matrix, rows=tuple(rows))))]
    assert any("guard bits" in each for each in told)
    assert any("no facts can make existence and a row true together" in each for each in told)


def test_every_step_of_a_waived_policy_is_among_what_can_release() -> None:
    """Schemas are made for what goes out under all waivers and for what is left as they end, step by step."""
    pack = parse_pack(texts(), types())
    rows = tuple(row.id for row in pack.matrix.rows if row.basis.status is BasisStatus.UNCONFIRMED)
    halves = (rows[::2], rows[1::2])
    waivers = tuple(
        Waiver(f"W{day}", half, "c-1", ("p-1",), date(1970, 1, 1 + day), "") for day, half in enumerate(halves, 1)
    )
    waived = pack._replace(waivers=Waivers(waivers, b"w"))
    steps = list(compile_policy(waived, types(), Profile.PRODUCTION).steps())
    assert [set(step.cells) for step in steps] == [
        set(cells) for cells in releasing(waived, types(), Profile.PRODUCTION)
    ]
    assert len(steps) == 3
    assert len({len(step.cells) for step in steps}) == 3


def test_who_waits_for_a_lawyer_is_named() -> None:
    """In production a duty on unconfirmed law is refused with the rows to confirm."""
    findings = refused(parse_pack(texts(), types()), Profile.PRODUCTION)
    assert all(f.row in f.remedy for f in findings if f.row)
    assert [f.row for f in findings if f.row]


def refused(pack: Pack, profile: Profile = Profile.DEMO) -> tuple[Finding, ...]:
    """The findings against a pack, which must be refused."""
    with pytest.raises(PolicyRefused) as caught:
        compile_policy(pack, types(), profile)
    return caught.value.findings


def _only(cell: CellKey, guard: Guard) -> Pack:
    """The reference pack in which the rows of a cell ask one guard alone."""
    pack = parse_pack(texts(), types())
    rows = [
        replace(row, grants=tuple(replace(grant, guards=(guard,)) for grant in row.grants)) if row.cell == cell else row
        for row in pack.matrix.rows
    ]
    exists = [replace(each, when=((FORM,),)) if each.cell == cell else each for each in pack.matrix.exists]
    return pack._replace(matrix=replace(pack.matrix, rows=tuple(rows), exists=tuple(exists)))
