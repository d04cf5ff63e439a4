"""Breaking any one row of the matrix makes at least one case fail: a row nobody asserts could be changed unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial

import pytest

from consent.cases import Case, parse_cases, run_case, shadow_policy
from consent.cells import build_cell
from consent.compare import selected
from consent.compile import Policy, grounds_of
from consent.generalise import GROUP_OF
from consent.guards import Guard
from consent.matrix import Exists, Grant, Row
from consent.pack import parse_pack
from consent.terms import BasisStatus
from hub.release.files import read_cases
from tests.cases.pack import policy, texts, types

PACK = parse_pack(texts(), types())
CASES = [case for name, text in read_cases(None).items() for case in parse_cases(name, text, types())]
ROWS = {row.id: row for row in PACK.matrix.rows}
Changes = Callable[[Grant], Grant]


@cache
def shadow() -> Policy:
    """The policy in which proposals release, for the cases that ask what they would give."""
    return shadow_policy(PACK, types())


@cache
def cases_of(event: str, asleep: bool) -> tuple[Case, ...]:
    """The cases about one event type: those of proposals, or the others."""
    return tuple(case for case in CASES if case.body["event"] == event and bool(case.body.get("shadow")) is asleep)


def whole_of(row: Row) -> tuple[Policy, tuple[Case, ...]]:
    """The policy a row counts in, and the cases that speak of it."""
    asleep = row.basis.status is BasisStatus.PROPOSAL
    return (shadow() if asleep else policy()), cases_of(row.event, asleep)


def broken(row: Row, instead: Row | None, whole: Policy) -> Policy:
    """The policy with one row changed or taken out, unproven: red lines and duty lines are not asked."""
    others = [each for each in whole.matrix.rows if each.id != row.id]
    at = next(i for i, each in enumerate(whole.matrix.rows) if each.id == row.id)
    rows = (*others[:at], *([instead] if instead else []), *others[at:])
    ground = grounds_of(replace(whole.matrix, rows=rows), types())[row.cell]
    cells = {key: cell for key, cell in whole.cells.items() if key != row.cell}
    made = build_cell(row.cell, ground, ground.rows)
    if ground.rows and any(made.table):
        cells[row.cell] = made
    return replace(whole, cells=cells, duties={}, unserved={})


def fails(row: Row, instead: Row | None) -> bool:
    """Whether some case no longer holds; duties are not looked at."""
    whole, cases = whole_of(row)
    made = broken(row, instead, whole)
    wrong = (each for case in cases for each in run_case(case, made, types()).wrong)
    return any("unserved duties" not in each and "stands in" not in each for each in wrong)


def changed(row: Row) -> Iterator[tuple[str, Row]]:
    """The row with each group taken out, each generalised one given or by another rule, each other one added."""
    coarse = sorted({group for grant in row.grants for group in grant.generalise})
    groups = frozenset[int]().union(*(grant.groups for grant in row.grants))
    changes: dict[str, Changes] = {f"without {group}": partial(_without, group) for group in sorted(groups)}
    changes |= {f"{group} in full": partial(_given, group) for group in coarse}
    changes |= {f"with {group}": partial(_added, group) for group in sorted(types()[row.event].groups - groups)}
    changes |= {f"{group} by {rule}": partial(_ruled, rule) for rule, group in GROUP_OF.items() if group in coarse}
    for what, change in changes.items():
        instead = _with(row, change)
        if instead.grants != row.grants:
            yield what, instead


def _with(row: Row, change: Changes) -> Row:
    return replace(row, grants=tuple(map(change, row.grants)))


def _without(group: int, grant: Grant) -> Grant:
    rules = {key: rule for key, rule in grant.generalise.items() if key != group}
    return replace(grant, give=grant.give - {group}, generalise=rules)


def _added(group: int, grant: Grant) -> Grant:
    return replace(grant, give=grant.give | {group})


def _given(group: int, grant: Grant) -> Grant:
    return _added(group, _without(group, grant)) if group in grant.generalise else grant


def _ruled(rule: str, grant: Grant) -> Grant:
    group = GROUP_OF[rule]
    return replace(grant, generalise={**grant.generalise, group: rule}) if group in grant.generalise else grant


def test_every_case_holds_and_there_are_enough() -> None:
    """All of them, by the policy that `punte policy test` uses; at least 150."""
    wrong = [run_case(case, shadow() if case.body.get("shadow") else policy(), types()) for case in CASES]
    assert [(each.case.file, each.case.says, each.wrong) for each in wrong if each.wrong] == []
    assert len(CASES) >= 150


@pytest.mark.parametrize("name", ROWS)
def test_a_row_taken_out_makes_a_case_fail(name: str) -> None:
    """Proposals too: a shadow case says what they would give."""
    assert fails(ROWS[name], None)


@pytest.mark.parametrize("name", ROWS)
def test_any_change_of_what_a_row_gives_makes_a_case_fail(name: str) -> None:
    """Each group taken out, added, given in full or by another rule."""
    row = ROWS[name]
    whole, _ = whole_of(row)
    tried = [(what, instead) for what, instead in changed(row) if _tells(row, instead, whole)]
    assert [what for what, instead in tried if not fails(row, instead)] == []
    assert tried


def _tells(row: Row, instead: Row, whole: Policy) -> bool:
    """Whether the change changes what anybody could get: a rule over leaves the type does not have changes nothing."""
    return _leaves(whole, row) != _leaves(broken(row, instead, whole), row)


def _leaves(whole: Policy, row: Row) -> object:
    cell = whole.cells.get(row.cell)
    return cell and [each and (each.release.leaves, each.release.time) for each in cell.table]


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if any(len(g.guards) > 1 for g in row.grants)])
def test_a_guard_taken_out_makes_a_case_fail(name: str) -> None:
    """Rows of several guards, each guard dropped from the row and from the existence of its cell."""
    row = ROWS[name]
    whole, cases = whole_of(row)
    for guard in dict.fromkeys(guard for grant in row.grants for guard in grant.guards):
        wide = _with(row, partial(_open, guard))
        if all(grant.guards for grant in wide.grants):
            made = broken(row, wide, _exists_without(whole, row, guard))
            if not _opens(made, whole, row):
                continue
            assert any(run_case(case, made, types()).wrong for case in cases), str(guard)


def _opens(made: Policy, whole: Policy, row: Row) -> bool:
    """Whether under some facts more goes out: what existence asks for anyway opens nothing."""
    after, before = made.cells[row.cell], whole.cells[row.cell]
    every = (frozenset(before.true(bits)) for bits in before.possible)
    return any(selected(after, true) != selected(before, true) for true in every)


def _open(guard: Guard, grant: Grant) -> Grant:
    return replace(grant, guards=tuple(each for each in grant.guards if each != guard))


def _exists_without(whole: Policy, row: Row, guard: Guard) -> Policy:
    def opened(each: Exists) -> Exists:
        when = tuple(tuple(one for one in way if one != guard) or way for way in each.when)
        return replace(each, when=when) if each.cell == row.cell else each

    return replace(whole, matrix=replace(whole.matrix, exists=tuple(map(opened, whole.matrix.exists))))
