"""`punte policy impact`: recorded decisions asked again under another pack; what the record does not say is `maybe`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from consent.compile import Policy
from consent.messages import Language
from consent.pack import compile_texts
from consent.terms import Profile
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


def test_a_denied_unit_gains_nothing() -> None:
    """The shelter's consent was withdrawn: no policy brings the event back to it."""
    coarse, full = 'packages.sh2 = { generalise = { 6 = "6", 15 = "15" } }', "packages.sh2 = { give = [6, 15] }"
    found = replayed(other(row("R10", coarse, full)), decision_record())
    assert not [one for one in found.impacts if one.role == "SHEL"]


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


def test_a_new_purpose_of_a_unit_that_already_got_the_event_is_a_gain() -> None:
    """A second cell for the centre: nothing is recorded of it, so it may be; a unit that was denied stays out."""
    found = replayed(other(lambda text: text + NEW_CELL), decision_record())
    gains = {(one.role, one.purpose, one.path): (one.sure, one.maybe) for one in found.impacts}
    assert gains["SW-L", "P7", ""] == (0, 1)
    assert gains["SW-L", "P7", "victim.name"] == (0, 1)
    shelter = NEW_CELL.replace('"SW-L"', '"SHEL"')
    assert not replayed(other(lambda text: text + shelter), decision_record()).impacts


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
