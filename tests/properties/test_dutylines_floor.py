"""Random narrowings of the matrix and random facts.

Whatever passes the proof serves the floor, or says that it could not.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.compile import compile_policy
from consent.dutylines import DutyLine
from consent.errors import PolicyRefused
from consent.facts import Event
from consent.pack import parse_pack
from consent.terms import Profile, RefusalReason
from tests.cases.pack import policy, texts, types
from tests.properties.decision_facts import (
    UNITS,
    Records,
    consents,
    decided,
    events,
    fields,
    holds,
    links,
    of,
    records,
    relations,
)

PACK = parse_pack(texts(), types())
ENOUGH = {11: ("injuries", "injury"), 29: ("kind",)}
"""Leaves of a floor group that is due only generalised."""


def floor(line: DutyLine) -> set[str]:
    """The paths of a floor, read plainly."""
    event = types()[line.event]
    exact = {field.path for field in event.fields if field.group in line.floor}
    coarse = {field.path for field in event.fields if field.group in line.floor_generalised}
    return exact | {path for path in coarse if 29 not in line.floor_generalised or path in ENOUGH[29]}


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_passes_the_proof_serves_every_floor(data: st.DataObject) -> None:
    """Take random groups from a random row.

    Either it is refused, or every valuation of every due line has the floor.
    """
    row = data.draw(st.sampled_from(PACK.matrix.rows))
    groups = data.draw(st.frozensets(st.sampled_from(sorted(row.grants[0].groups)), min_size=1, max_size=2))
    grants = tuple(
        replace(g, give=g.give - groups, generalise={k: v for k, v in g.generalise.items() if k not in groups})
        for g in row.grants
    )
    rows = tuple(replace(each, grants=grants) if each.id == row.id else each for each in PACK.matrix.rows)
    try:
        made = compile_policy(PACK._replace(matrix=replace(PACK.matrix, rows=rows)), types(), Profile.DEMO)
    except PolicyRefused:
        return
    for line in PACK.dutylines.lines:
        cell = made.cells[line.key]
        for true in product((False, True), repeat=len(cell.guards)):
            bits = sum(1 << i for i, each in enumerate(true) if each)
            if bits in cell.possible and set(line.when) <= set(cell.true(bits)):
                selected = cell.table[bits]
                assert selected is not None
                assert floor(line) <= {path for path, _ in selected.release.leaves}


@given(event=events, found=records(relations, consents, holds, links), stale=st.booleans())
@settings(max_examples=250, deadline=None)
def test_every_due_line_is_served_or_told(event: Event, found: Records, stale: bool) -> None:
    """Over random facts, holds and stale registers included.

    A due recipient has its floor; or it is held and a stand-in has the floor, or the source is the stand-in, or the
    line is reported.
    """
    result = decided(event, found, stale=stale)
    for line in PACK.dutylines.lines:
        for code, (receiver, purpose) in UNITS.items():
            decision = of(result, code)
            if (event.type, receiver.role, purpose) != line.key or decision is None or code == event.source:
                continue
            if not set(line.when) <= set(policy().cells[line.key].true(decision.bits)) or decision.fallback_for:
                continue
            if decision.selected is None:
                assert decision.refusal is RefusalReason.HELD
                served = [d for d in result.decisions if d.fallback_for == code and floor(line) <= fields(d)]
                others = [
                    d
                    for d in result.decisions
                    if d.subscription.unit.role is line.fallback and floor(line) <= fields(d)
                ]
                source = UNITS[event.source][0].role if event.source in UNITS else None
                assert served or others or source is line.fallback or line.id in result.unserved
            else:
                assert floor(line) <= fields(decision)


@given(event=events, found=records(relations, consents, links))
@settings(max_examples=100, deadline=None)
def test_without_a_hold_nothing_is_unserved(event: Event, found: Records) -> None:
    """Consents, their withdrawals, relations and links never leave a duty unserved."""
    assert decided(event, found).unserved == ()
