"""Which valuations of a cell's guards facts can give: the proofs look at these and no others."""

from __future__ import annotations

from consent.cells import consistent
from consent.guards import AREA, EMERGENCY, JUDICIAL, Guard, GuardKind

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
