"""`punte policy impact`: recorded decisions asked again under another pack; what the record does not say is `maybe`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from consent.compile import Policy, compile_policy
from consent.messages import Language
from consent.pack import compile_texts, parse_pack
from consent.terms import BasisStatus, Profile
from consent.waivers import Waiver, Waivers
from hub.contracts.keys import event_digest, register_digest
from hub.views.change_told import impact_lines
from hub.views.impact import Asked, Replay, Replayed, impact, rests_on_record
from tests.cases.pack import policy, texts, types
from tests.unit.test_why_questions import (
    CONSENT,
    EVENT_ID,
    RELEASE_ID,
    SHELTER,
    SOURCE,
    Written,
    codecs,
    decision_record,
    trail,
)

LEAVES = [field.path for field in types()["risk.assessed"].fields]


NEW_CELL = """
[[exists]]
event = "risk.assessed"
role = "SW-L"
purpose = "P7"
when = [["area"]]

[[row]]
id = "R90"
event = "risk.assessed"
role = "SW-L"
purpose = "P7"
when = ["area"]
give = [1, 26]
basis = "B6"
"""

NEW_ROW = """
[[row]]
id = "R91"
event = "risk.assessed"
role = "{role}"
purpose = "{purpose}"
when = [{guards}]
give = [9]
basis = "B6"
"""


def other(edit: Callable[[str], str]) -> Policy:
    """The reference pack with an edited matrix."""
    return compile_texts(texts()._replace(matrix=edit(texts().matrix)), types(), Profile.DEMO)


def row(name: str, before: str, after: str) -> Callable[[str], str]:
    """An edit within one row of the matrix."""

    def edit(text: str) -> str:
        head, tail = text.split(f'id = "{name}"\n', 1)
        block, rest = tail.split("\n\n", 1)
        assert before in block
        return f'{head}id = "{name}"\n{block.replace(before, after)}\n\n{rest}'

    return edit


def wide(text: str) -> str:
    """The matrix with weapons given to the centre in full in place of a flag."""
    bare = row("R4", '\ngeneralise = { 15 = "15" }', "")(text)
    return row("R4", "give = [1, 6, 9, 10, 13, 26, 28]", "give = [1, 6, 9, 10, 13, 15, 26, 28]")(bare)


def replayed(new: Policy, *decisions: dict[str, Any], old: Policy | None = None) -> Replayed:
    """These decisions asked again under another policy."""
    replay = Replay(trail("nothing"))
    for offset, decision in enumerate(decisions):
        value, key = codecs().decision.encode(decision), event_digest(SOURCE, str(offset))
        replay.take(Written("audit.decision.case", value, key))
    return impact(replay, {"demo": [Asked(old or policy(), new)]}, types())


def told(found: Replayed) -> dict[tuple[str, str, bool], tuple[int, int]]:
    """(role, path, gains) -> sure, maybe."""
    return {(one.role, one.path, one.gains): (one.sure, one.maybe) for one in found.impacts}


def test_the_same_policy_changes_nothing() -> None:
    """Every decision asked again, nobody gains or loses."""
    found = replayed(policy(), decision_record(), decision_record())
    assert (found.impacts, found.decisions, found.others) == ((), 2, 0)


def test_a_gain_of_who_got_it_is_sure_and_counted_by_events() -> None:
    """Weapons given in full instead of a flag: the centre gains in each of two events; the words say so."""
    found = replayed(other(wide), decision_record(), decision_record())
    assert told(found)["SW-L", "weaponAccess", True] == (2, 0)
    assert "SW-L P6 gains `weaponAccess` of risk.assessed in 2 events" in list(impact_lines(found, Language.EN))
    assert "SW-L P6 câștigă `weaponAccess` din risk.assessed în 2 evenimente" in list(impact_lines(found, Language.RO))


def test_what_the_source_left_empty_nobody_gains() -> None:
    """A field that was empty in the event is no gain of that event."""
    bare = bytearray(b"\xff" * ((len(LEAVES) + 7) // 8))
    at = LEAVES.index("weaponAccess")
    bare[at // 8] &= ~(1 << (7 - at % 8))
    found = replayed(other(wide), decision_record(presence=bytes(bare)))
    assert ("SW-L", "weaponAccess", True) not in told(found)


def test_a_loss_is_sure_where_all_guards_are_known() -> None:
    """The centre loses who the aggressor is; the floor of its duty is untouched, so the policy stands."""
    narrow = other(row("R4", "give = [1, 6, 9, 10, 13, 26, 28]", "give = [1, 9, 10, 13, 26, 28]"))
    found = told(replayed(narrow, decision_record()))
    assert found["SW-L", "suspect.name", False] == (1, 0)
    assert not any(gains for _, _, gains in found)


def test_what_hangs_on_an_unrecorded_guard_is_maybe() -> None:
    """Child protection was refused for the content: asked for another, it gains only if the place was its own."""
    child, form = '["area", "content:childInHousehold=yes"]', '["area", "content:instrument=RO_POL_21"]'
    new = other(lambda text: row("R8", child, form)(text.replace(f"when = [{child}]", f"when = [{form}]", 1)))
    assert told(replayed(new, decision_record()))["CHILD", "", True] == (0, 1)


def test_a_refusal_under_rules_that_did_not_change_is_no_gain() -> None:
    """Whatever the record leaves open, what refused it then refuses it now."""
    found = replayed(other(wide), decision_record())
    assert {one.role for one in found.impacts} == {"SW-L"}


def refused(reason: str, guard: str = "none", nth: int = 2) -> dict[str, Any]:
    """A decision that gave nothing and refused one unit (2 = the shelter, 1 = child protection) for a reason."""
    entry = {"reason": reason, "guard": guard, "fact": None, "unitOrdinals": [nth]}
    return decision_record(releases=[], refusals=[entry])


def gains(
    new: Policy, decision: dict[str, Any], role: str = "SHEL", old: Policy | None = None
) -> set[tuple[str, bool]]:
    """What one role would have gained of one decision: (path, sure)."""
    found = replayed(new, decision, old=old)
    assert found.decisions == 1
    return {(one.path, bool(one.sure)) for one in found.impacts if one.gains and one.role == role}


def new_cell(guard: str) -> Policy:
    """The reference pack with a second purpose of the shelter, under one guard."""
    return other(lambda text: text + NEW_CELL.replace('"SW-L"', '"SHEL"').replace('"area"', f'"{guard}"'))


def guarded(guards: str, role: str = "SHEL", purpose: str = "P9") -> Policy:
    """The reference pack in which a role also learns of the event, and gets the risk level, under these guards."""
    cell = f'event = "risk.assessed"\nrole = "{role}"\npurpose = "{purpose}"\nwhen = ['

    def edit(text: str) -> str:
        head, tail = text.split(cell, 1)
        return f"{head}{cell}[{guards}], {tail}" + NEW_ROW.format(role=role, purpose=purpose, guards=guards)

    return other(edit)


def from_package_two(text: str) -> str:
    """The matrix in which the shelter learns of the event from package 2 on."""
    head, tail = text.split('event = "risk.assessed"\nrole = "SHEL"\npurpose = "P9"\n', 1)
    moved = tail.replace('when = [["consent:sh1"]]', 'when = [["consent:sh2"]]', 1)
    return f'{head}event = "risk.assessed"\nrole = "SHEL"\npurpose = "P9"\n{moved}'


@pytest.mark.parametrize("reason", ["held", "conflict"])
def test_no_policy_lifts_a_denial(reason: str) -> None:
    """A hold or a conflict of interest keeps the shelter out, whatever would open the event to it."""
    assert gains(guarded('"area"'), refused(reason)) == set()
    assert gains(other(lambda text: text + NEW_CELL.replace('"SW-L"', '"SHEL"')), refused(reason)) == set()


def test_a_withdrawal_ends_packages_and_nothing_else() -> None:
    """No smaller package brings the event back; a row that asks for no consent may (contract.md section 0, rule 9)."""
    before = dataclasses.replace(other(from_package_two), digest=policy().digest)
    assert gains(policy(), refused("guard_false", "consent"), old=before) >= {("", False), ("result", False)}
    for reason in ("withdrawn", "suspect_side", "stale"):
        assert gains(policy(), refused(reason, "consent"), old=before) == set()
    assert gains(guarded('"area"'), refused("withdrawn")) >= {("", False), ("result", False)}


def test_the_suspects_side_has_no_permission_by_relation_or_consent() -> None:
    """Only `relation(suspect)` is left on that side, and what asks for neither; in a new cell too."""
    assert gains(guarded('"relation(victim)"'), refused("suspect_side")) == set()
    assert gains(guarded('"relation(suspect)"'), refused("suspect_side")) >= {("", False)}
    assert gains(guarded('"area"'), refused("suspect_side")) >= {("", False)}
    assert gains(new_cell("relation(child)"), refused("suspect_side")) == set()
    assert gains(new_cell("relation(suspect)"), refused("suspect_side")) >= {("", False)}


def test_behind_registers_no_standing_fact_counts() -> None:
    """A relation, a consent, a judicial request were false then; the place was read off the event."""
    stale = refused("stale", "consent")
    for guard in ("relation(victim)", "judicial"):
        assert gains(guarded(f'"{guard}"'), stale) == set()
    assert gains(guarded('"area"'), stale) >= {("", False)}
    assert gains(new_cell("relation(victim)"), stale) == set()


def test_the_guard_that_was_false_stays_false() -> None:
    """Child protection was refused for the content: what asks for that content gives it nothing, other content may."""
    more = row("R8", "give = [1, 6, 9, 13, 26]", "give = [1, 6, 9, 13, 26, 28]")
    assert gains(other(more), refused("guard_false", "content", 1), "CHILD") == set()
    child = '["area", "content:childInHousehold=yes"]'
    dropped = other(
        lambda text: row("R8", child, '["area"]')(text.replace(f"when = [{child}]", 'when = [["area"]]', 1))
    )
    assert ("", False) in gains(dropped, refused("guard_false", "content", 1), "CHILD")
    assert gains(guarded('"area"', "CHILD", "P8"), refused("guard_false", "content", 1), "CHILD") >= {("", False)}
    again = '"relation(child)", "content:childInHousehold=yes"'
    assert gains(guarded(again, "CHILD", "P8"), refused("guard_false", "content", 1), "CHILD") == set()


@pytest.mark.parametrize("reason", ["transform_failed", "check_failed"])
def test_a_release_that_was_stopped_would_be_stopped_again(reason: str) -> None:
    """Under the same rules nobody gains; a release of another shape might have gone out."""
    assert gains(policy(), refused(reason, nth=0), "SW-L") == set()
    assert ("weaponAccess", False) in gains(other(wide), refused(reason, nth=0), "SW-L")


def waived_until(day: date) -> Policy:
    """The reference pack in production, all rows in doubt waived until a day."""
    pack = parse_pack(texts(), types())
    rows = tuple(row.id for row in pack.matrix.rows if row.basis.status is BasisStatus.UNCONFIRMED)
    waivers = Waivers((Waiver("W-01", rows, "c-1", ("p-1",), day, ""),), b"")
    return compile_policy(pack._replace(waivers=waivers), types(), Profile.PRODUCTION)


def test_each_policy_is_asked_as_it_stood_at_the_moment() -> None:
    """Decided on 14 November 2023: what a waiver let out until that year's summer counts in neither policy."""
    ended, lasting = waived_until(date(2023, 6, 1)), waived_until(date(2024, 6, 1))
    decided = decision_record(policyDigest=lasting.digest)
    assert told(replayed(lasting, decided, old=lasting)) == {}
    assert told(replayed(ended, decided, old=lasting))["SW-L", "", False] == (1, 0)
    nothing = decision_record(policyDigest=ended.digest, releases=[], refusals=[])
    assert gains(lasting, nothing, "SW-L", old=ended) >= {("", False)}
    assert gains(ended, nothing, "SW-L", old=ended) == set()


def test_a_decision_by_a_policy_that_is_not_at_hand_is_counted_apart() -> None:
    """It is not compared with what it was not made by."""
    stranger = dataclasses.replace(policy(), digest=bytes(32))
    found = replayed(policy(), decision_record(), old=stranger)
    assert (found.decisions, found.others, found.impacts) == (0, 1, ())


def test_decisions_before_the_moment_asked_for_do_not_count() -> None:
    """Only the last days are asked again."""
    replay = Replay(trail("nothing"))
    value = codecs().decision.encode(decision_record())
    replay.take(Written("audit.decision.case", value, event_digest(SOURCE, EVENT_ID)))
    at = decision_record()["decidedAt"]
    both = {"demo": [Asked(policy(), policy())]}
    assert [impact(replay, both, types(), since).decisions for since in (at, at + 1)] == [1, 0]


def test_what_rests_on_one_consent_is_found_by_its_handle() -> None:
    """The release that names the record of consent `c1`, and no other."""
    record = decision_record()
    record["releases"][0] |= {"unitOrdinal": 2, "purpose": "P9", "facts": [CONSENT._asdict()]}
    replay = Replay(trail("nothing"))
    replay.take(Written("audit.decision.case", codecs().decision.encode(record), event_digest(SOURCE, EVENT_ID)))
    (found,) = rests_on_record(replay, "consent", "c1")
    assert (found.id, found.event, found.unit, found.purpose) == (RELEASE_ID, EVENT_ID, SHELTER, "P9")
    assert list(rests_on_record(replay, "consent", "c2")) == []
    assert register_digest("consent", "c1") == CONSENT.key


def test_a_new_purpose_of_a_unit_that_already_got_the_event_is_a_gain() -> None:
    """A second cell for the centre: nothing is recorded of it, so it may be."""
    found = replayed(other(lambda text: text + NEW_CELL), decision_record())
    given = {(one.role, one.purpose, one.path): (one.sure, one.maybe) for one in found.impacts}
    assert given["SW-L", "P7", ""] == (0, 1)
    assert given["SW-L", "P7", "victim.name"] == (0, 1)


def test_parts_of_one_decision_are_asked_as_one() -> None:
    """A decision in two parts counts once, with the releases of both."""
    first, second = decision_record(parts=2), decision_record(parts=2, part=2, releases=[])
    first["refusals"] = []
    replay = Replay(trail("nothing"))
    for record in (first, second):
        value = codecs().decision.encode(record)
        replay.take(Written("audit.decision.case", value, event_digest(SOURCE, EVENT_ID)))
    found = impact(replay, {"demo": [Asked(policy(), other(wide))]}, types())
    assert found.decisions == 1
    assert told(found)["SW-L", "weaponAccess", True] == (1, 0)


def test_the_source_never_gains() -> None:
    """A unit never gets its own event, under whatever policy."""
    source = NEW_CELL.replace('"SW-L"', '"POL-R"').replace('"P7"', '"P1"')
    assert not [
        one for one in replayed(other(lambda text: text + source), decision_record()).impacts if one.role == "POL-R"
    ]
