"""How large a cell may be, and which valuations of its guards facts can give: proofs look at these and no others."""

from __future__ import annotations

from dataclasses import replace

from consent.basis import Basis, Citation
from consent.cells import MAX_BITS, consistent
from consent.compile import compile_policy, scope_of
from consent.guards import AREA, EMERGENCY, JUDICIAL, Guard, GuardKind
from consent.matrix import Grant, Row
from consent.pack import parse_pack
from consent.terms import BasisKind, BasisStatus, Profile, Purpose, Role
from tests.cases.pack import texts, types

LADDER = ("sh1", "sh2", "sh3")
SMALL, LARGE = Guard(GuardKind.CONSENT, "sh1"), Guard(GuardKind.CONSENT, "sh3")
FORM, OTHER_FORM = (Guard(GuardKind.CONTENT, f"instrument={symbol}") for symbol in ("RO_POL_21", "RO_SOC_25"))
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
