"""A matrix that crosses a red line or starves a duty is refused, naming line, row, role, field and guards.

Mutants are made one at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from consent.basis import Basis, Citation
from consent.compile import Policy, compile_policy
from consent.dutylines import DutyLine, DutyLines
from consent.errors import Finding, FindingKind, PolicyRefused
from consent.guards import AREA, Guard, GuardKind
from consent.matrix import Exists, Grant, Matrix, Row
from consent.pack import Pack, parse_pack
from consent.redlines import RedLines, parse_redlines
from consent.terms import BasisKind, BasisStatus, EventType, Profile, Purpose, Reveals, Role
from tests.cases.pack import policy, texts, types

PACK = parse_pack(texts(), types())
LAW = Basis("B90", BasisKind.LAW, BasisStatus.OK, (Citation("L217", "", "", ""),))
PROBATION_GROUPS = [
    (event, group)
    for event in types().values()
    for group in sorted(event.groups)
    if any({Reveals.SAFE_PLACE, Reveals.HELP_SEEKING} & field.reveals for field in event.of_group(group))
]
FLOORS = [
    pytest.param(line.id, group, id=f"{line.id} {group}")
    for line in PACK.dutylines.lines
    for group in (*line.floor, *line.floor_generalised)
]


def row(name: str, event: str, role: Role, purpose: Purpose, groups: Iterable[int], guard: Guard = AREA) -> Row:
    """A row by law with one guard."""
    grant = Grant(name, (guard,), frozenset(groups), {}, LAW)
    return Row(name, event, role, purpose, (grant,), LAW)


def compiled(matrix: Matrix, pack: Pack = PACK, profile: Profile = Profile.DEMO) -> Policy:
    """Compile a mutant."""
    return compile_policy(pack._replace(matrix=matrix), types(), profile)


def refused(matrix: Matrix, pack: Pack = PACK, profile: Profile = Profile.DEMO) -> tuple[Finding, ...]:
    """The findings against a mutant, which must be refused."""
    with pytest.raises(PolicyRefused) as caught:
        compiled(matrix, pack, profile)
    return caught.value.findings


def with_row(added: Row) -> Matrix:
    """The reference matrix with one more row, and its existence if there is none."""
    known = {exists.cell for exists in PACK.matrix.exists}
    exists = () if added.cell in known else (Exists(*added.cell, tuple(g.guards for g in added.grants)),)
    return replace(PACK.matrix, rows=(*PACK.matrix.rows, added), exists=(*PACK.matrix.exists, *exists))


def test_the_reference_pack_is_proven() -> None:
    """Every line was proven over something.

    No proof looked at nothing, every red line and duty line is in the table.
    """
    assert all(proof.looked > 0 and proof.crossed == 0 for proof in policy().proofs)
    lines = [line.id for line in PACK.redlines.lines] + [line.id for line in PACK.dutylines.lines]
    assert [proof.line for proof in policy().proofs] == lines


@pytest.mark.parametrize(("event", "group"), [pytest.param(e, g, id=f"{e.name} {g}") for e, g in PROBATION_GROUPS])
@pytest.mark.parametrize("guard", [AREA, Guard(GuardKind.RELATION, "suspect")], ids=str)
def test_probation_never_gets_safe_place_or_help_seeking(event: EventType, group: int, guard: Guard) -> None:
    """Any group that reveals them, under any guard, is refused with row, role, field and line named."""
    findings = refused(with_row(row("X91", event.name, Role.PROB, Purpose.P5, [group], guard)))
    crossed = [f for f in findings if f.kind is FindingKind.RED_LINE and f.line == "INV-02"]
    leaves = {f.path for f in event.of_group(group) if {Reveals.SAFE_PLACE, Reveals.HELP_SEEKING} & f.reveals}
    assert leaves <= {f.field for f in crossed}
    assert {f.role for f in crossed} == {"PROB"}
    assert "X91" in {f.row for f in crossed}
    assert all("X91" in f.row.split(" and ") for f in crossed)
    assert all("X91" in f.sentence and "PROB" in f.sentence and f.field in f.sentence for f in crossed)


def test_a_proposal_is_proven_too() -> None:
    """A row that would never be released crosses a red line all the same."""
    shadow = row("X92", "ppo.issued", Role.PROB, Purpose.P5, [33], Guard(GuardKind.RELATION, "suspect"))
    proposal = Basis("B91", BasisKind.LAW, BasisStatus.PROPOSAL, (Citation("L252/2013", "", "", ""),))
    grants = tuple(replace(grant, basis=proposal) for grant in shadow.grants)
    mutant = replace(PACK.matrix, rows=(*PACK.matrix.rows, replace(shadow, basis=proposal, grants=grants)))
    assert ("INV-02", "X92") in {(f.line, f.row) for f in refused(mutant)}


@pytest.mark.parametrize(
    ("line", "added"),
    [
        ("INV-03", row("X93", "incident.reported", Role.LODGE, Purpose.P11, [26])),
        ("INV-18", row("X93", "emis.alert.raised", Role.PROS, Purpose.P2, [8])),
        ("INV-18", row("X93", "emis.alert.raised", Role.POL_R, Purpose.P3, [29])),
        ("INV-26", row("X93", "ppo.issued", Role.POL_R, Purpose.P1, [33])),
        ("INV-27", row("X93", "incident.reported", Role.SW_L, Purpose.P6, [27])),
        ("INV-28", row("X93", "incident.reported", Role.SW_L, Purpose.P6, [32])),
        ("INV-29", row("X93", "incident.reported", Role.POL_R, Purpose.P1, [21])),
        ("INV-29", row("X93", "incident.reported", Role.STAT, Purpose.P13, [26])),
        ("INV-30", row("X93", "risk.assessed", Role.POL_M, Purpose.P3, [10])),
        ("INV-30", row("X93", "risk.assessed", Role.SHEL, Purpose.P9, [10])),
        ("INV-31", row("X93", "referral.made", Role.HOSP, Purpose.P10, [2])),
        ("INV-31", row("X93", "referral.made", Role.NGO_V, Purpose.P7, [12])),
        ("INV-14", row("X93", "incident.reported", Role.POL_R, Purpose.P1, [27], Guard(GuardKind.EMERGENCY))),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.event} {value.role}",
)
def test_each_red_line_has_teeth(line: str, added: Row) -> None:
    """One row across the line is refused by that line, and names the row."""
    assert (line, "X93") in {(f.line, f.row) for f in refused(with_row(added))}


def test_group_10_in_a_small_package_crosses_its_line() -> None:
    """Risk answers for the shelter belong to package 3: moved to package 1 they are refused."""
    rows = []
    for each in PACK.matrix.rows:
        small = [g for g in each.grants if g.guards == (Guard(GuardKind.CONSENT, "sh1"),)]
        grants = tuple(replace(g, give=g.give | {10}) if each.id == "R10" and g in small else g for g in each.grants)
        rows.append(replace(each, grants=grants))
    assert ("INV-30", "R10") in {(f.line, f.row) for f in refused(replace(PACK.matrix, rows=tuple(rows)))}


def without_group(name: str, group: int) -> Matrix:
    """The matrix without one group in the rows of a duty line's recipient."""
    line = next(each for each in PACK.dutylines.lines if each.id == name)
    rows = [
        replace(
            each,
            grants=tuple(
                replace(
                    grant,
                    give=grant.give - {group},
                    generalise={g: rule for g, rule in grant.generalise.items() if g != group},
                )
                for grant in each.grants
            ),
        )
        if each.cell == line.key
        else each
        for each in PACK.matrix.rows
    ]
    return replace(PACK.matrix, rows=tuple(rows))


def missed(line: DutyLine, matrix: Matrix) -> list[Finding]:
    """What a mutant is refused for by one duty line, compiled for its event alone: a tenth of the time."""
    rows = tuple(each for each in matrix.rows if each.event == line.event)
    exists = tuple(each for each in matrix.exists if each.event == line.event)
    pack = PACK._replace(
        matrix=replace(matrix, rows=rows, exists=exists), dutylines=replace(PACK.dutylines, lines=(line,))
    )
    with pytest.raises(PolicyRefused) as caught:
        compile_policy(pack, {line.event: types()[line.event]}, Profile.DEMO)
    return [finding for finding in caught.value.findings if finding.line == line.id]


@pytest.mark.parametrize(("line", "group"), FLOORS)
def test_no_floor_group_can_be_taken(line: str, group: int) -> None:
    """Each floor group taken from each duty recipient is refused, with line, role, field and row named.

    Where a group was all the recipient got, it is told that it would miss the whole event.
    """
    wanted = next(each for each in PACK.dutylines.lines if each.id == line)
    found = [f for f in missed(wanted, without_group(line, group)) if f.role == wanted.role]
    assert found
    rows = {each.id for each in PACK.matrix.rows if each.cell == wanted.key}
    event = types()[wanted.event]
    for finding in found:
        assert finding.kind is FindingKind.DUTY_LINE
        assert finding.field in {field.path for field in event.of_group(group)} | {""}
        assert set(finding.row.split(" and ")) & rows or not finding.field
        assert line in finding.sentence
        assert finding.field in finding.sentence


@pytest.mark.parametrize("line", [each.id for each in PACK.dutylines.lines])
def test_a_duty_without_existence_is_refused(line: str) -> None:
    """Taking the existence away starves the duty, however rich the rows are."""
    wanted = next(each for each in PACK.dutylines.lines if each.id == line)
    exists = tuple(each for each in PACK.matrix.exists if each.cell != wanted.key)
    assert missed(wanted, replace(PACK.matrix, exists=exists))


def test_a_generalised_floor_is_not_a_given_one() -> None:
    """Times of an alert down to the hour are not the floor of a patrol."""
    rows = []
    for each in PACK.matrix.rows:
        coarse = tuple(replace(g, give=g.give - {26}, generalise={26: "26h"}) for g in each.grants)
        rows.append(replace(each, grants=coarse) if each.id == "A3" else each)
    findings = refused(replace(PACK.matrix, rows=tuple(rows)))
    assert {(f.line, f.field) for f in findings} == {("D-17", "raisedAt")}


def test_a_fallback_must_have_the_floor() -> None:
    """Order monitoring stands in for the EMIS desk: without the hidden places D-10 is refused for the stand-in."""
    rows = [
        replace(each, grants=tuple(replace(g, give=g.give - {33}) for g in each.grants)) if each.id == "O2" else each
        for each in PACK.matrix.rows
    ]
    found = [f for f in refused(replace(PACK.matrix, rows=tuple(rows))) if f.line == "D-10"]
    assert {f.role for f in found} == {"POL-M"}
    assert all("standing in for EMIS" in f.sentence for f in found)


def test_a_proof_that_looked_at_nothing_fails() -> None:
    """An empty matrix, no red lines, no duty lines: each is refused as vacuous, none passes in silence."""
    empty = Matrix((), (), (), b"", {})
    no_lines = Pack(PACK.matrix, RedLines((), b""), DutyLines((), b""))
    assert FindingKind.VACUOUS in {f.kind for f in refused(empty)}
    assert [f.kind for f in refused(PACK.matrix, no_lines)] == [FindingKind.VACUOUS, FindingKind.VACUOUS]


PATTERN = re.compile(r'"[a-zA-Z]+\.\*"')
PATTERNS = sorted(set(PATTERN.findall(texts().redlines)))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_misspelt_event_type_of_a_red_line_is_refused(pattern: str) -> None:
    """`sheltr.*` would match nothing, and its line would prove that nobody learns what is no event."""
    edited = pattern[:2] + pattern[3:]
    with pytest.raises(PolicyRefused) as caught:
        parse_redlines(texts().redlines.replace(pattern, edited), types())
    assert all(each.kind is FindingKind.WORD for each in caught.value.findings)
    assert any(f"unknown event type `{edited[1:-1]}`" in each.sentence for each in caught.value.findings)


def test_an_existence_that_gives_nothing_is_refused() -> None:
    """An event that exists for a unit and says nothing would be a marker."""
    widened = [
        replace(each, when=(*each.when, (Guard(GuardKind.RELATION, "victim"),)))
        if each.cell == ("incident.reported", Role.SW_L, Purpose.P6)
        else each
        for each in PACK.matrix.exists
    ]
    findings = refused(replace(PACK.matrix, exists=tuple(widened)))
    assert {f.kind for f in findings} == {FindingKind.CELL}
    assert any("relation(victim)" in f.sentence and "empty" in f.sentence for f in findings)


def test_a_row_without_existence_is_refused() -> None:
    """Fields of an event that may not be known to exist."""
    added = row("X94", "child.involved", Role.PROS, Purpose.P2, [26])
    findings = refused(replace(PACK.matrix, rows=(*PACK.matrix.rows, added)))
    assert [(f.kind, f.row) for f in findings] == [(FindingKind.CELL, "X94")]


def test_more_than_five_guard_bits_are_refused() -> None:
    """A cell with six bits would have 64 releases nobody can read."""
    bits = [Guard(GuardKind.RELATION, "suspect"), Guard(GuardKind.JUDICIAL)]
    grants = tuple(Grant("X95", (bit,), frozenset({26}), {}, LAW) for bit in bits)
    added = Row("X95", "risk.assessed", Role.SW_L, Purpose.P6, grants, LAW)
    findings = refused(replace(PACK.matrix, rows=(*PACK.matrix.rows, added)))
    assert any("6 guard bits" in f.sentence for f in findings)


def test_production_waits_for_its_law() -> None:
    """In production duties on unconfirmed law are unserved: refused as `unconfirmed`, each with the rows that wait."""
    findings = refused(PACK.matrix, profile=Profile.PRODUCTION)
    assert {f.kind for f in findings} == {FindingKind.UNCONFIRMED}
    assert {f.line for f in findings} == {note.line for note in policy().notes}
    statuses = {each.id: each.basis.status for each in PACK.matrix.rows}
    waiting = {name for f in findings for name in f.row.split(" and ")}
    assert {statuses[name] for name in waiting} == {BasisStatus.UNCONFIRMED}


def test_production_serves_confirmed_duties() -> None:
    """Duties on confirmed law are served in production: those lines are not among the findings."""
    findings = {f.line for f in refused(PACK.matrix, profile=Profile.PRODUCTION)}
    assert {"D-01", "D-02", "D-04", "D-09", "D-14", "D-19"}.isdisjoint(findings)


def test_all_law_confirmed_makes_production_start() -> None:
    """The same matrix with every law confirmed is proven for production."""
    rows = [
        each
        if each.basis.status is BasisStatus.PROPOSAL
        else replace(
            each,
            basis=replace(each.basis, status=BasisStatus.OK),
            grants=tuple(replace(g, basis=replace(g.basis, status=BasisStatus.OK)) for g in each.grants),
        )
        for each in PACK.matrix.rows
    ]
    made = compiled(replace(PACK.matrix, rows=tuple(rows)), profile=Profile.PRODUCTION)
    assert made.releases == policy().releases


@pytest.mark.parametrize("order", ["small_first", "large_first"])
def test_answers_in_a_small_package_are_refused_in_whatever_order_they_stand(order: str) -> None:
    """INV-30 looks at every part of a row that gives the answers, not only at the first."""
    small, large = (
        'packages.sh1 = { give = [1, 9, 10, 13], generalise = { 26 = "26c" } }',
        "packages.sh3 = { give = [10] }",
    )
    matrix = texts().matrix.replace("adds = [1, 9, 13, 16, 26]", "adds = [1, 9, 10, 13, 16, 26]", 1)
    head, tail = matrix.split('id = "R10"\n', 1)
    block, rest = tail.split("\n\n", 1)
    lines = [line for line in block.splitlines() if not line.startswith(("packages.sh1", "packages.sh3"))]
    at = next(i for i, line in enumerate(lines) if line.startswith("packages."))
    lines[at:at] = [small, large] if order == "small_first" else [large, small]
    spoilt = head + 'id = "R10"\n' + "\n".join(lines) + "\n\n" + rest
    found = refused(parse_pack(texts()._replace(matrix=spoilt), types()).matrix)
    assert ("INV-30", "R10") in {(f.line, f.row) for f in found}
