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
from consent.rollout import coarser, meet
from consent.terms import BasisStatus, PartyRole, Profile, Purpose, Transform
from tests.cases.pack import NOW, PLACE, facts, handle, policy, texts, types, unit
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
@settings(max_examples=40, deadline=None)
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


def test_a_denied_unit_has_its_stand_in_during_a_roll_out() -> None:
    """The duties of the new version are ready in the meeting: a hold passes the order on as it does without one."""
    orders, far = unit("orders", "POL-M", fallback="far"), unit("far", "POL-R", 1, (2,))
    held = {"kind": "hold", "unit": "orders", "on": "case", "offset": 1}
    everyone = facts({"orders": (orders, Purpose.P3), "far": (far, Purpose.P1)}, [held])
    parties = {role: handle(role.value) for role in (PartyRole.VICTIM, PartyRole.SUSPECT)}
    event = Event("ppo.issued", "source", handle("case"), parties, PLACE, frozenset(), {})
    for each in (policy(), meet(policy(), policy(), types())):
        decided = decide(each, event, everyone, NOW)
        assert decided.unserved == ()
        assert {d.subscription.unit.code: d.fallback_for for d in decided.decisions if d.selected} == {"far": "orders"}


def renewed(until: str) -> Policy:
    """The pack in production with all unconfirmed rows waived until a day."""
    rows = ", ".join(f'"{row.id}"' for row in PACK.matrix.rows if row.basis.status is BasisStatus.UNCONFIRMED)
    waiver = f'[[waiver]]\nid = "W-1"\nrows = [{rows}]\ncontroller = "c"\nby = ["p"]\nuntil = {until}\nwhy = "w"\n'
    return compile_texts(texts()._replace(waivers=waiver), types(), Profile.PRODUCTION)


def test_a_roll_out_past_the_end_of_an_old_waiver_tells_each_duty_it_starves() -> None:
    """A renewal: from the day the old waiver ends the stricter gives nothing, and says so beforehand and then."""
    both = meet(renewed("2026-12-31"), renewed("2027-12-31"), types())
    ended = renewed("2026-12-31").until
    assert ended is not None
    dispatch = facts({"dispatch": (unit("dispatch", "POL-D"), Purpose.P1)})
    alert = Event("emis.alert.raised", "emis", handle("case"), {}, PLACE, frozenset(), {"severity": "critical"})
    before, after = (decide(both, alert, dispatch, at) for at in (ended - 1, ended))
    assert [bool(each.selected) for each in before.decisions] == [True]
    assert before.unserved == ()
    assert not any(each.selected for each in after.decisions)
    assert {"D-15", "D-16", "D-17"} <= set(after.unserved)
    assert any("from 2026-12-31, when a waiver ends: D-15" in note.sentence for note in both.notes)


def test_a_package_opens_only_what_both_versions_say_it_contains() -> None:
    """The meeting asks a consent for the groups of both: it is void for a package one version made larger."""
    smaller = edited(("adds = [3, 10, 11, 12]", "adds = [3, 10, 12]"))
    key = next(key for key in policy().cells if key[:2] == ("risk.assessed", "SHEL"))
    for pair in ((smaller, policy()), (policy(), smaller)):
        packages = {name: groups for name, groups, _ in meet(*pair, types()).cells[key].reads.packages}
        assert 11 in packages["sh3"]


def test_transforms_that_cannot_be_compared_are_withheld() -> None:
    """Two flags over one leaf, or a day and a county: neither is coarser, so nothing goes out."""
    assert coarser(Transform.FLAG_CARE, Transform.FLAG_CAUTION) is None
    assert coarser(Transform.DAY, Transform.COUNT) is None
    assert coarser(Transform.AS_IS, Transform.DAY) is Transform.DAY
    assert coarser(Transform.DAY, Transform.HOUR) is Transform.DAY
    assert coarser(None, Transform.AS_IS) is None


def test_the_guard_that_either_version_lacks_is_told() -> None:
    """Child protection opened by another symbol in the new version: both symbols are asked in a roll-out."""
    child, form = '["area", "content:childInHousehold=yes"]', '["area", "content:instrument=RO_POL_21"]'
    new = edited(
        (f"when = [{child}]", f"when = [{form}]"),
        (f"when = {child}\ngive = [1, 6, 9, 13, 26]", f"when = {form}\ngive = [1, 6, 9, 13, 26]"),
    )
    key = next(key for key in policy().cells if key[:2] == ("risk.assessed", "CHILD"))
    cell = meet(policy(), new, types()).cells[key]
    lacking = {str(guard) for guard in cell.why if guard}
    assert {"content:childInHousehold=yes", "content:instrument=RO_POL_21"} <= lacking


def test_who_receives_owes_what_either_version_asks_and_keeps_it_for_the_shorter_time() -> None:
    """Obligations are united, times to keep are the shorter one, in either direction."""
    duties = 'obligations = ["no_onward_disclosure", "honour_recall", "application_receipt"]'
    other = edited((duties, 'obligations = ["honour_recall", "access_log", "retention_limit"]\nretain_days = 30'))
    for pair in ((policy(), other), (other, policy())):
        (row,) = (each for each in meet(*pair, types()).matrix.rows if each.id == "R10")
        assert row.retain_days == 30
        assert {each.value for each in row.obligations} == {
            *("no_onward_disclosure", "honour_recall", "application_receipt", "access_log", "retention_limit")
        }
