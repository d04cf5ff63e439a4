"""The compiler between a pack and its proofs: which step decides, which cells are looked at, which are refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

import consent.compile as compiler
from consent.basis import Basis, Citation
from consent.compile import compile_policy, grounds_of, releasing, scope_of
from consent.errors import Finding, FindingKind, PolicyRefused
from consent.guards import AREA, JUDICIAL, Guard, GuardKind
from consent.matrix import CellKey, Grant, Matrix, Row
from consent.pack import Pack, parse_pack
from consent.terms import BasisKind, BasisStatus, Profile, Purpose, Role
from consent.waivers import Waiver, Waivers
from tests.cases.pack import policy, texts, types

PACK = parse_pack(texts(), types())
WAITING = [row.id for row in PACK.matrix.rows if row.basis.status is BasisStatus.UNCONFIRMED]
FIRST, SECOND = date(2027, 1, 1), date(2027, 3, 31)
DAY_MS = 86_400_000
CHILD_CELL: CellKey = ("risk.assessed", Role.CHILD, Purpose.P8)
SHELTER_CELL: CellKey = ("risk.assessed", Role.SHEL, Purpose.P9)
FORM, OTHER_FORM = (Guard(GuardKind.CONTENT, f"instrument={symbol}") for symbol in ("RO_POL_21", "RO_SOC_25"))
THREE = (Guard(GuardKind.RELATION, "child"), Guard(GuardKind.RELATION, "suspect"), JUDICIAL)
STATUSES = [(BasisStatus.OK, True), (BasisStatus.UNCONFIRMED, True), (BasisStatus.PROPOSAL, False)]


def law(status: BasisStatus = BasisStatus.OK, kind: BasisKind = BasisKind.LAW) -> Basis:
    """A basis of that status."""
    return Basis("B90", kind, status, (Citation("L217", "", "", ""),))


def row(name: str, cell: CellKey, guards: Iterable[Guard], group: int, basis: Basis) -> Row:
    """A row that gives one group under each of these guards."""
    grants = tuple(Grant(name, (guard,), frozenset({group}), {}, basis) for guard in guards)
    return Row(name, *cell, grants, basis)


def standing(each: Row, status: BasisStatus) -> Row:
    """The same row, on law of another status."""
    grants = tuple(replace(grant, basis=replace(grant.basis, status=status)) for grant in each.grants)
    return replace(each, basis=replace(each.basis, status=status), grants=grants)


def with_rows(*added: Row) -> Matrix:
    """The reference matrix with more rows."""
    return replace(PACK.matrix, rows=(*PACK.matrix.rows, *added))


def waived(*ends: date) -> Pack:
    """The reference pack in which a waiver for each of these days names all rows that wait for a lawyer."""
    found = tuple(Waiver(f"W{day}", tuple(WAITING), "c-1", ("p-1",), day, "") for day in ends)
    return PACK._replace(waivers=Waivers(found, b"w"))


def found_in(matrix: Matrix) -> tuple[Finding, ...]:
    """The findings against a matrix, none if it is proven."""
    try:
        compile_policy(PACK._replace(matrix=matrix), types(), Profile.DEMO)
    except PolicyRefused as refused:
        return refused.findings
    return ()


def test_each_step_decides_until_its_end_and_the_last_for_ever() -> None:
    """At a waiver's day the next step decides, and long after the last waiver still the last step."""
    found = compile_policy(waived(FIRST, SECOND), types(), Profile.PRODUCTION)
    steps = list(found.steps())
    one, two = (int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000 for day in (FIRST, SECOND))
    asked = (0, one - 1, one, one + 1, two - 1, two, two + 1, two + 9000 * DAY_MS)
    assert [steps.index(found.at(moment)) for moment in asked] == [0, 0, 1, 1, 1, 2, 2, 2]


def test_only_the_steps_to_come_are_told() -> None:
    """A note says from which day a duty is unserved, for the steps to come only, in order."""
    found = compile_policy(waived(FIRST, SECOND), types(), Profile.PRODUCTION)
    told = [[note.sentence.split(",")[0] for note in step.notes] for step in found.steps()]
    assert [sorted(set(days)) for days in told] == [["from 2027-03-31"], ["from 2027-03-31"], []]
    assert len(told[0]) == len(told[1]) > 0


def test_a_roll_out_counts_as_either_of_its_versions() -> None:
    """And as itself, but as no third one."""
    found = replace(policy(), versions=(b"old", b"new"))
    assert all(found.counts_as(digest) for digest in (b"old", b"new", policy().digest))
    assert not found.counts_as(b"other")
    assert not policy().counts_as(b"old")


def test_a_waiver_that_ended_when_time_began_opens_nothing() -> None:
    """The first moment a policy is asked about is 1970: a waiver until that day waives no row and adds no step."""
    over = waived(date(1970, 1, 1))
    with pytest.raises(PolicyRefused):
        compile_policy(over, types(), Profile.PRODUCTION)
    lawful = list(releasing(PACK, types(), Profile.PRODUCTION))
    assert [set(cells) for cells in releasing(over, types(), Profile.PRODUCTION)] == [set(cells) for cells in lawful]
    assert len(lawful) == 1


def test_a_demo_has_one_step() -> None:
    """Unconfirmed law releases there in any case, so the end of a waiver makes no further list of cells."""
    assert len(list(releasing(waived(FIRST, SECOND), types(), Profile.DEMO))) == 1


@pytest.mark.parametrize("status", [BasisStatus.OK, BasisStatus.UNCONFIRMED])
def test_what_a_proposal_gives_in_a_small_package_is_seen(status: BasisStatus) -> None:
    """Group 10 is for package 3: a proposal for package 2 crosses the line, though with package 3 the row by it speaks.

    So a proposal is proven in every selection of its cell, whatever the law of the rows beside it.
    """
    proposal = law(BasisStatus.PROPOSAL, BasisKind.CONSENT)
    matrix = with_rows(row("X96", SHELTER_CELL, [Guard(GuardKind.CONSENT, "sh2")], 10, proposal))
    rows = tuple(standing(each, status) if each.id == "R10" else each for each in matrix.rows)
    assert ("INV-30", "X96") in {(f.line, f.row) for f in found_in(replace(matrix, rows=rows))}


def test_red_lines_look_at_a_cell_of_five_bits() -> None:
    """The largest cell that is allowed is proven like any other."""
    matrix = with_rows(row("X97", CHILD_CELL, THREE, 10, law()))
    assert len(grounds_of(matrix, types())[CHILD_CELL].guards) == 5
    assert ("INV-30", "X97") in {(f.line, f.row) for f in found_in(matrix)}


def test_what_is_refused_for_its_shape_is_never_built() -> None:
    """A cell of six bits, and one whose event may not be known to exist, have no releases in any list."""
    bare: CellKey = ("child.involved", Role.PROS, Purpose.P2)
    large = row("X97", CHILD_CELL, (*THREE, FORM), 26, law())
    pack = PACK._replace(matrix=with_rows(large, row("X98", bare, [AREA], 26, law())))
    grounds = grounds_of(pack.matrix, types())
    assert len(grounds[CHILD_CELL].guards) == 6
    assert {CHILD_CELL, bare}.isdisjoint(*releasing(pack, types(), Profile.DEMO))
    assert CHILD_CELL not in {leaf.key for leaf in scope_of(pack, types(), grounds, {}).leaves}


def test_as_many_releases_as_are_allowed_may_be_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly 400 distinct releases are allowed; here the bound is set to what the reference pack has."""
    assert compiler.MAX_RELEASES == 400
    monkeypatch.setattr(compiler, "MAX_RELEASES", len(policy().releases))
    assert not found_in(PACK.matrix)


def test_an_existence_without_any_row_is_refused() -> None:
    """The event would be known to a unit that may read nothing of it."""
    rows = tuple(each for each in PACK.matrix.rows if each.cell != CHILD_CELL)
    told = [f for f in found_in(replace(PACK.matrix, rows=rows)) if "no row gives anything" in f.sentence]
    assert [(f.kind, f.event, f.role) for f in told] == [(FindingKind.CELL, "risk.assessed", "CHILD")]


@pytest.mark.parametrize(("status", "told"), STATUSES)
def test_a_row_without_existence_is_refused_unless_proposed(status: BasisStatus, told: bool) -> None:
    """Also where its law is unconfirmed; a proposal may come before its existence."""
    matrix = with_rows(row("X94", ("child.involved", Role.PROS, Purpose.P2), [AREA], 26, law(status)))
    found = [f.row for f in found_in(matrix) if "may not be known to exist" in f.sentence]
    assert found == ["X94"] * told


@pytest.mark.parametrize(("status", "told"), STATUSES)
def test_rows_out_of_reach_are_refused_unless_all_are_proposed(status: BasisStatus, told: bool) -> None:
    """The event exists for one form and the rows speak of another: also where their law is unconfirmed."""
    rows = []
    for each in PACK.matrix.rows:
        moved = replace(each, grants=tuple(replace(grant, guards=(OTHER_FORM,)) for grant in each.grants))
        rows.append(standing(moved, status) if each.cell == CHILD_CELL else each)
    exists = [replace(each, when=((FORM,),)) if each.cell == CHILD_CELL else each for each in PACK.matrix.exists]
    found = found_in(replace(PACK.matrix, rows=tuple(rows), exists=tuple(exists)))
    assert any("no facts can make existence and a row true together" in f.sentence for f in found) is told


def test_a_row_that_no_facts_can_reach_is_proven_all_the_same() -> None:
    """The event exists for one form, one row of the cell speaks of another: what it would give is looked at too.

    Tomorrow's facts may reach what today's cannot; the finding names every guard of the cell.
    """
    rows = tuple(
        replace(each, grants=tuple(replace(grant, guards=(FORM,)) for grant in each.grants))
        if each.cell == CHILD_CELL
        else each
        for each in PACK.matrix.rows
    )
    exists = tuple(replace(each, when=((FORM,),)) if each.cell == CHILD_CELL else each for each in PACK.matrix.exists)
    matrix = replace(PACK.matrix, rows=(*rows, row("X99", CHILD_CELL, [OTHER_FORM], 10, law())), exists=exists)
    told = [found for found in found_in(matrix) if found.line == "INV-30"]
    assert {found.row for found in told} == {"X99"}
    assert all(set(found.guards) == {str(FORM), str(OTHER_FORM)} for found in told)
