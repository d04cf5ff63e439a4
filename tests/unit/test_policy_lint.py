"""What `punte policy lint` finds: names nobody uses, recipients served on a condition, waivers that say nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from consent.cells import MAX_BITS
from consent.compile import compile_policy
from consent.dutylines import Must, parse_dutylines
from consent.errors import Finding, FindingKind, PolicyRefused
from consent.guards import AREA, JUDICIAL, Guard, GuardKind, known_guards
from consent.lint import NOTES, lint
from consent.matrix import Exists, Grant, Package, Row
from consent.pack import Pack, parse_pack
from consent.terms import BasisStatus, Profile, Purpose, Role
from consent.waivers import Waiver, Waivers
from tests.cases.pack import texts, types

PACK = parse_pack(texts(), types())
MATRIX = PACK.matrix
RELATION = Guard(GuardKind.RELATION, "victim")
CONSENT = Guard(GuardKind.CONSENT, "sh1")


def found(pack: Pack, *kinds: FindingKind, at_ms: int = 0) -> list[Finding]:
    """The findings of some kinds."""
    return [each for each in lint(texts(), pack, types(), at_ms) if each.kind in kinds]


def unused(pack: Pack) -> list[str]:
    """What lint says that no row uses."""
    return [each.sentence for each in found(pack, FindingKind.IDLE) if "is used by no row" in each.sentence]


def with_rows(rows: tuple[Row, ...], packages: tuple[Package, ...] = MATRIX.packages) -> Pack:
    """The pack with other rows, and packages."""
    return PACK._replace(matrix=replace(MATRIX, rows=rows, packages=packages))


def test_a_pack_in_which_everything_is_used_has_nothing_unused() -> None:
    """The reference pack: every basis is cited, every package opened."""
    assert unused(PACK) == []


def test_a_basis_is_unused_when_the_last_row_that_cites_it_is_gone() -> None:
    """Each basis in turn: told while no row cites it, and not while one row still does."""
    citing = {name: tuple(row for row in MATRIX.rows if row.basis.id == name) for name in MATRIX.bases}
    for name, rows in citing.items():
        others = tuple(row for row in MATRIX.rows if row not in rows)
        told = [each for each in unused(with_rows(others)) if each.startswith("basis ")]
        assert told == [f"basis {name} is used by no row"]
        assert f"basis {name} is used by no row" not in unused(with_rows((*others, rows[-1])))


def test_a_package_is_unused_when_the_last_row_that_opens_it_is_gone() -> None:
    """Each package in turn, though other grants of the same rows stay."""
    for package in MATRIX.packages:
        rows = tuple(replace(row, grants=_without(row, package.name)) for row in MATRIX.rows)
        assert unused(with_rows(rows)) == [f"package {package.name} is used by no row"]


def _without(row: Row, package: str) -> tuple[Grant, ...]:
    """The grants of a row that do not wait for a package."""
    return tuple(each for each in row.grants if Guard(GuardKind.CONSENT, package) not in each.guards)


def test_a_package_named_like_a_party_is_not_opened_by_its_relation() -> None:
    """`relation(victim)` is no consent to a package `victim`; the finding names it and says what to do."""
    odd = Package("victim", Role.SHEL, Purpose.P9, frozenset({1}))
    told = found(with_rows(MATRIX.rows, (*MATRIX.packages, odd)), FindingKind.IDLE)
    assert [(each.row, each.sentence, each.remedy) for each in told] == [
        ("victim", "package victim is used by no row", "remove it or cite it")
    ]


def test_a_cell_with_too_many_guards_is_not_tried() -> None:
    """Its combinations double with each guard; that it has too many is what `compile_policy` says."""
    one = next(row for row in MATRIX.rows if row.cell == ("risk.assessed", Role.POL_M, Purpose.P3))
    known = list(known_guards(types()["risk.assessed"], ()).values())
    assert len(known) > MAX_BITS
    rows = tuple(replace(row, grants=(_grant(row, tuple(known)),)) if row is one else row for row in MATRIX.rows)
    assert [each.row for each in found(with_rows(rows), FindingKind.IDLE) if one.event in each.sentence] == []
    with pytest.raises(PolicyRefused, match="guard bits"):
        compile_policy(with_rows(rows), types(), Profile.DEMO)


def serving(must: Must, *ways: tuple[Guard, ...], asked: tuple[Guard, ...] = (AREA,)) -> list[tuple[FindingKind, str]]:
    """Kind and sentence for a must whose one cell exists when `asked`, with one grant for each way."""
    one = next(row for row in MATRIX.rows if row.basis.status is BasisStatus.OK)
    purpose = Purpose.P9 if must.role is Role.SHEL else Purpose.P8
    rows = [
        replace(one, id=f"X{at}", event=must.event, role=must.role, purpose=purpose, grants=(_grant(one, way),))
        for at, way in enumerate(ways)
    ]
    kept = tuple(row for row in MATRIX.rows if row.cell[:2] != (must.event, must.role))
    others = tuple(each for each in MATRIX.exists if each.cell[:2] != (must.event, must.role))
    exists = (*others, Exists(must.event, must.role, purpose, (asked,)))
    own = Package("sh1", must.role, purpose, frozenset({1}))
    packages = MATRIX.packages if must.role is Role.SHEL else (*MATRIX.packages, own)
    matrix = replace(MATRIX, rows=(*kept, *rows), exists=exists, packages=packages)
    lines = replace(PACK.dutylines, musts=(must,))
    told = found(PACK._replace(matrix=matrix, dutylines=lines), FindingKind.MUST)
    assert all((each.event, each.role) == (must.event, must.role) and each.remedy for each in told)
    return [(each.kind, each.sentence) for each in told]


def _grant(row: Row, guards: tuple[Guard, ...]) -> Grant:
    return Grant(row.id, guards, frozenset({26}), {}, row.basis)


CHILD = Must("child.involved", Role.CHILD, "")
SHELTER = Must("risk.assessed", Role.SHEL, "")
ONLY = "must receive child.involved and is served only on"


@pytest.mark.parametrize("role", [CHILD, SHELTER])
def test_one_row_that_asks_no_register_serves_a_must(role: Must) -> None:
    """Whatever else is given on consent or on a relation besides."""
    assert serving(role, (AREA, RELATION), (AREA,), (AREA, CONSENT)) == []


@pytest.mark.parametrize(
    ("guard", "word"),
    [(RELATION, "relation"), (CONSENT, "consent"), (JUDICIAL, "judicial")],
    ids=str,
)
def test_a_must_served_only_on_a_condition_is_not_served(guard: Guard, word: str) -> None:
    """Whether the row asks for it or the existence of the cell does."""
    fault = [(FindingKind.MUST, f"CHILD {ONLY} {word}")]
    assert serving(CHILD, (AREA, guard)) == fault
    assert serving(CHILD, (AREA,), asked=(AREA, guard)) == fault
    assert FindingKind.MUST not in NOTES


def test_a_proposal_and_a_row_of_an_event_nobody_learns_of_serve_no_must() -> None:
    """Neither ever releases: without its existence, and with a basis that is a proposal, CHILD is told."""
    cell = (CHILD.event, CHILD.role)
    exists = tuple(each for each in MATRIX.exists if each.cell[:2] != cell)
    rows = tuple(_proposed(row) if row.cell[:2] == cell else row for row in MATRIX.rows)
    lines = replace(PACK.dutylines, musts=(CHILD,))
    for matrix in (replace(MATRIX, exists=exists), replace(MATRIX, rows=rows)):
        told = found(PACK._replace(matrix=matrix, dutylines=lines), FindingKind.MUST)
        assert [each.sentence for each in told] == ["CHILD must receive child.involved and no row serves it"]


def _proposed(row: Row) -> Row:
    return replace(row, basis=replace(row.basis, status=BasisStatus.PROPOSAL))


def test_each_condition_is_named() -> None:
    """Those of one way together, those of several as a choice."""
    assert serving(CHILD, (AREA, CONSENT, RELATION)) == [(FindingKind.MUST, f"CHILD {ONLY} consent and relation")]
    assert serving(CHILD, (AREA, CONSENT), (RELATION,)) == [(FindingKind.MUST, f"CHILD {ONLY} consent or relation")]


def test_a_must_that_says_on_what_it_hangs_is_served_on_it() -> None:
    """Only on that, and not where it is served without."""
    on = replace(CHILD, on="relation")
    assert serving(on, (AREA, RELATION)) == []
    assert serving(on, (AREA, CONSENT)) == [(FindingKind.MUST, f"CHILD {ONLY} consent")]
    assert serving(on, (AREA, CONSENT, RELATION)) == [(FindingKind.MUST, f"CHILD {ONLY} consent and relation")]
    assert serving(on) == [(FindingKind.MUST, "CHILD must receive child.involved and no row serves it")]
    says = 'CHILD is served child.involved without it, and dutylines.toml says `on = "relation"`'
    assert serving(on, (AREA,)) == [(FindingKind.MUST, says)]


def test_a_must_that_waits_is_not_served_at_all() -> None:
    """Not on a condition either: then `waits` is no longer true."""
    waits = replace(CHILD, waits="a row is missing")
    says = "CHILD is served child.involved, and dutylines.toml says it waits: a row is missing"
    assert serving(waits) == []
    assert serving(waits, (AREA, RELATION)) == serving(waits, (AREA,)) == [(FindingKind.MUST, says)]


def test_a_condition_nobody_knows_is_refused() -> None:
    """`on` is read from the file, as `consent` or `relation`."""
    must = '[[must]]\nevent = "child.involved"\nrole = "CHILD"\non = "relation"\n'
    assert parse_dutylines(must, types()).musts == (replace(CHILD, on="relation"),)
    with pytest.raises(PolicyRefused, match="unknown condition of a must `relatoin`; did you mean `relation`"):
        parse_dutylines(must.replace("relation", "relatoin"), types())


def test_the_conditional_recipients_of_the_reference_pack() -> None:
    """Those whom only a consent opens (contract.md section 6, last paragraph); no other must hangs on a register."""
    assert [(must.event, must.role, must.on) for must in PACK.dutylines.musts if must.on] == [
        (event, role, "consent")
        for event, role in (
            ("risk.assessed", "SHEL"),
            *(("referral.made", "SHEL"), ("referral.made", "NGO-V"), ("referral.made", "HOSP")),
            *(("case.opened", "SHEL"), ("case.opened", "NGO-V")),
        )
    ]
    assert found(PACK, FindingKind.MUST) == []


def waiver(name: str, *rows: str, until: date = date(2027, 3, 31)) -> Waiver:
    """One waiver of these rows."""
    return Waiver(name, rows, "a controller", ("p-1",), until, "a lawyer reads it")


def waivers_told(at_ms: int, *waivers: Waiver) -> list[tuple[str, str]]:
    """Row and sentence of what lint says of waivers."""
    told = found(PACK._replace(waivers=Waivers(waivers)), FindingKind.WAIVER, at_ms=at_ms)
    assert all(each.remedy for each in told)
    return [(each.row, each.sentence) for each in told]


def test_a_waiver_that_has_ended_is_told_from_its_first_millisecond() -> None:
    """A note: the pack is no worse for it, and what was decided under it stays provable."""
    one = waiver("W-1", "I4")
    says = "waivers.toml, W-1: ended on 2027-03-31; its rows do not release by it"
    assert waivers_told(one.until_ms - 1, one) == []
    assert waivers_told(one.until_ms, one) == [("W-1", says)]
    assert FindingKind.WAIVER in NOTES


def test_a_row_that_two_waivers_name_is_told() -> None:
    """While both count: the one that ends first ends nothing. A renewal after the end is none."""
    first, second = waiver("W-1", "I4", "A1"), waiver("W-2", "A2", "I4", until=date(2027, 6, 30))
    says = "waivers.toml: row I4 is waived by W-1 and W-2, and counts until the last of them ends"
    assert waivers_told(0, first, second) == [("I4", says)]
    assert [row for row, _ in waivers_told(first.until_ms, first, second)] == ["W-1"]
    assert waivers_told(0, first, waiver("W-3", "A2")) == []
