"""During a roll-out nobody gets what only one of the two versions gives, and everybody what both give alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.compare import PRECISION
from consent.compile import Policy
from consent.decide import Decided, decide
from consent.errors import PolicyRefused
from consent.facts import Event
from consent.pack import compile_texts
from consent.rollout import meet
from consent.terms import Profile, Purpose, Transform
from tests.cases.pack import NOW, policy, texts, types
from tests.properties.decision_facts import Records, consents, events, known, links, records, relations
from tests.properties.test_compare_agrees import PACK, mutated

Got = dict[tuple[str, Purpose], dict[str, Transform]]


def edited(*pairs: tuple[str, str]) -> Policy:
    """The reference pack with its matrix edited."""
    matrix = texts().matrix
    for before, after in pairs:
        assert before in matrix
        matrix = matrix.replace(before, after, 1)
    return compile_texts(texts()._replace(matrix=matrix), types(), Profile.DEMO)


@st.composite
def versions(draw: st.DrawFn) -> tuple[Policy, Policy]:
    """Two versions that differ in one row each, in either order."""
    row = draw(st.sampled_from(PACK.matrix.rows))
    group = draw(st.sampled_from(sorted(frozenset[int]().union(*(grant.groups for grant in row.grants)))))
    narrow = mutated(PACK.matrix, row, group) or policy()
    pair = (policy(), narrow)
    return pair if draw(st.booleans()) else pair[::-1]


def got(decided: Decided) -> Got:
    """What everyone gets, field by field."""
    return {
        (each.subscription.unit.code, each.subscription.purpose): dict(each.selected.release.leaves)
        for each in decided.decisions
        if each.selected
    }


@given(both=versions(), event=events, found=records(relations, consents, links))
@settings(max_examples=80, deadline=None)
def test_what_goes_out_is_the_stricter_of_both(both: tuple[Policy, Policy], event: Event, found: Records) -> None:
    """Every field is given by both, never finer than either; what both give alike is given."""
    old, new = both
    everyone = known(found)
    was, becomes, meets = (got(decide(each, event, everyone, NOW)) for each in (old, new, meet(old, new, types())))
    for who, leaves in meets.items():
        for path, how in leaves.items():
            assert PRECISION[how] <= min(PRECISION[was[who][path]], PRECISION[becomes[who][path]])
    for who in was.keys() & becomes.keys():
        alike = {path for path, how in was[who].items() if becomes[who].get(path) is how}
        assert alike <= meets.get(who, {}).keys()


def test_a_version_meets_itself_in_itself() -> None:
    """The same releases in the same cells; only the digest says that it is a roll-out."""
    same = meet(policy(), policy(), types())
    assert same.digest != policy().digest
    assert {key: cell.table for key, cell in same.cells.items()} == {key: c.table for key, c in policy().cells.items()}


def test_the_coarser_of_two_generalisations_wins() -> None:
    """A place to the hour in one version and to the day in the other: the day."""
    row = ('id = "Y6"', 'id = "Y6"')
    old = edited(row, ('generalise = { 26 = "26d" }\nbasis = "B13"', 'generalise = { 26 = "26c" }\nbasis = "B13"'))
    key = next(key for key in policy().cells if key[:2] == ("case.opened", "POL-M"))
    for pair in ((old, policy()), (policy(), old)):
        (selected,) = {each for each in meet(*pair, types()).cells[key].table if each}
        assert dict(selected.release.leaves)["openedAt"] is Transform.DAY
        assert selected.release.time is Transform.DAY


def test_every_duty_is_still_served() -> None:
    """The floors hold under the meeting, or there is none."""
    assert len(meet(policy(), policy(), types()).proofs) == len(policy().dutylines.lines)
    starved = replace(policy(), cells={k: c for k, c in policy().cells.items() if k[0] != "child.involved"})
    with pytest.raises(PolicyRefused, match="D-19"):
        meet(starved, policy(), types())


def test_the_order_of_versions_does_not_change_what_goes_out() -> None:
    """Only the rows it is explained by, and the digest."""
    other = edited(("give = [1, 6, 9, 13, 26]", "give = [1, 6, 9, 13, 26, 28]"))
    one, two = meet(policy(), other, types()), meet(other, policy(), types())
    assert {r.name for r in one.releases} == {r.name for r in two.releases}
    assert one.digest != two.digest
