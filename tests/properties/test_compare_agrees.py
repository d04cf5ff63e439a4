"""What `compare` says of two policies is what their decisions do: nothing is gained in silence."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.compare import EXISTENCE, PRECISION, Change, compare
from consent.compile import Policy, compile_policy
from consent.decide import Decision, decide
from consent.errors import PolicyRefused
from consent.facts import Event
from consent.matrix import Matrix, Row
from consent.pack import parse_pack
from consent.terms import Profile, Purpose, Transform
from tests.cases.pack import NOW, policy, texts, types
from tests.properties.decision_facts import UNITS, Records, consents, events, known, records, relations

PACK = parse_pack(texts(), types())


def without(row: Row, group: int) -> Row:
    """A row with one group taken out of each of its grants."""
    grants = tuple(
        replace(g, give=g.give - {group}, generalise={k: v for k, v in g.generalise.items() if k != group})
        for g in row.grants
    )
    return replace(row, grants=grants)


def mutated(matrix: Matrix, row: Row, group: int) -> Policy | None:
    """The policy in which this row lost a group, where that is still one."""
    rows = tuple(without(each, group) if each.id == row.id else each for each in matrix.rows)
    try:
        return compile_policy(PACK._replace(matrix=replace(matrix, rows=rows)), types(), Profile.DEMO)
    except PolicyRefused:
        return None


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Policy, Policy]:
    """Two policies of which one gives less by one row."""
    row = draw(st.sampled_from(PACK.matrix.rows))
    group = draw(st.sampled_from(sorted(frozenset[int]().union(*(grant.groups for grant in row.grants)))))
    narrow = mutated(PACK.matrix, row, group)
    return (policy(), narrow or policy())


@given(both=pairs())
@settings(max_examples=30, deadline=None)
def test_what_is_lost_one_way_is_gained_the_other(both: tuple[Policy, Policy]) -> None:
    """Every change read backwards is a change of the other direction, for the same field and guards."""

    def told(changes: tuple[Change, ...]) -> set[tuple[object, ...]]:
        return {(c.event, c.role, c.purpose, c.path, c.before, c.after, c.when) for c in changes}

    old, new = both
    backwards = {
        (e, r, p, path, after, before, w) for e, r, p, path, before, after, w in told(compare(old, new, types()))
    }
    assert backwards == told(compare(new, old, types()))
    assert all(not change.gains for change in compare(old, new, types()))


@given(both=pairs(), event=events, found=records(relations, consents))
@settings(max_examples=75, deadline=None)
def test_no_decision_differs_where_nothing_was_told(both: tuple[Policy, Policy], event: Event, found: Records) -> None:
    """Whatever a unit gets otherwise under the other policy, compare told of that field for its role."""
    old, new = both
    told = {(c.role, c.purpose, c.path): c for c in compare(old, new, types()) if c.event == event.type}
    everyone = known(found)
    got = [_got(decide(each, event, everyone, NOW).decisions) for each in (old, new)]
    for code, purpose in {*got[0], *got[1]}:
        role = UNITS[code][0].role
        was, becomes = (each.get((code, purpose), {}) for each in got)
        for path in {*was, *becomes}:
            if was.get(path) is not becomes.get(path):
                assert (role, purpose, path) in told
        if bool(was) is not bool(becomes):
            assert (role, purpose, EXISTENCE) in told


def _got(decisions: tuple[Decision, ...]) -> dict[tuple[str, Purpose], dict[str, Transform]]:
    """What everyone gets, field by field."""
    return {
        (each.subscription.unit.code, each.subscription.purpose): dict(each.selected.release.leaves)
        for each in decisions
        if each.selected
    }


def test_every_transform_has_a_place_in_the_order() -> None:
    """A transform nobody ranked would compare as an error, at the worst moment."""
    assert set(PRECISION) == {None, *Transform}
