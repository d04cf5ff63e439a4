"""Who gets nothing and why, as the decision record and the quarantine tell it: holds, suspension, duties unserved."""

from __future__ import annotations

import pytest

from consent.terms import Lane
from hub.contracts.keys import b64, register_digest
from hub.demo.crowd import Published
from tests.support.history import CASE, PROSECUTOR, SHELTER, consent, hold, parties_of, relation
from tests.support.plans import OFFSET, Record, admitted, changed, desk, scene

GOOD = admitted(scene(3))
TURDA = 55259


def test_a_duty_nobody_can_serve_waits_for_a_person() -> None:
    """The prosecutor is held and names no next: an entry, and the decision goes on for the others."""
    records = changed("unit", PROSECUTOR, fallback=None), hold(parties_of(scene(3))["victim"], PROSECUTOR)
    at = desk(Lane.CASE, *records)
    wrote = at.decide(GOOD)
    assert wrote.said("quarantine") == [("decision", "no_fallback")]
    assert wrote.read("quarantine")[0]["input"]["offset"] == OFFSET
    assert (wrote.out.counts["quarantined"], wrote.out.counts["decided"]) == (1, 1)
    assert desk().decide(GOOD).releases.keys() - wrote.releases.keys() == {PROSECUTOR}
    assert wrote.said("receipt") == [("admitted", "admitted")]


def test_a_held_unit_is_among_the_refusals_with_the_fact() -> None:
    """The reason, no guard, and the register record it rests on; its fallback serves."""
    record = hold(parties_of(scene(3))["victim"], PROSECUTOR)
    at = desk(Lane.CASE, record)
    wrote = at.decide(GOOD)
    assert wrote.refused("held", at.known) == {PROSECUTOR}
    [entry] = [one for one in wrote.read("decision")[0]["refusals"] if one["reason"] == "held"]
    assert entry["guard"] == "none"
    assert entry["fact"] == {"key": register_digest("hold", record["handle"]), "offset": at.known.revision - 1}
    assert (PROSECUTOR in wrote.releases, "uo6tub" in wrote.releases) == (False, True)


def test_a_suspended_unit_is_among_the_refusals_without_a_fact() -> None:
    """Suspension is a denial of the unit itself: nothing of any case, and its fallback serves."""
    at = desk(Lane.CASE, changed("unit", PROSECUTOR, state="suspended"))
    wrote = at.decide(GOOD)
    assert wrote.refused("held", at.known) == {PROSECUTOR}
    assert [one["fact"] for one in wrote.read("decision")[0]["refusals"] if one["reason"] == "held"] == [None]
    assert (PROSECUTOR in wrote.releases, "uo6tub" in wrote.releases) == (False, True)


def test_a_hold_on_the_case_for_all_stops_every_release() -> None:
    """Nobody learns of it, every duty waits for a person, and the refusal is recorded for each."""
    at = desk(Lane.CASE, hold(b64(CASE).decode(), None, of_case=True))
    wrote = at.decide(GOOD)
    assert wrote.releases == {}
    assert wrote.refused("held", at.known) >= desk().decide(GOOD).releases.keys()
    assert set(wrote.said("quarantine")) == {("decision", "no_fallback")}


def test_a_withdrawal_is_among_the_refusals() -> None:
    """The shelter's consent was withdrawn: the reason and the record, and no release to it."""
    event = scene(2)
    record = consent(SHELTER, parties_of(event)["victim"], state="withdrawn")
    at = desk(Lane.CASE, record)
    wrote = at.decide(admitted(event))
    assert wrote.refused("withdrawn", at.known) == {SHELTER}
    assert SHELTER not in wrote.releases


def test_an_alert_that_nobody_receives_waits_for_a_person() -> None:
    """Every agreement that would have brought it is suspended: no duty is due, and yet it is not silent."""
    alert = admitted(scene(7))
    receivers = desk(Lane.ALERT).decide(alert).releases.keys()
    wrote = desk(Lane.ALERT, *(changed("agreement", unit, state="suspended") for unit in receivers)).decide(alert)
    assert (bool(receivers), wrote.releases) == (True, {})
    assert wrote.said("quarantine") == [("decision", "nobody")]
    assert wrote.out.counts["quarantined"] == 1


def test_a_shelter_alone_is_not_somebody_who_comes() -> None:
    """The duty desks have no agreement; a shelter that knows the victim learns of the alert, and yet nobody comes."""
    alert = admitted(scene(7))
    receivers = desk(Lane.ALERT).decide(alert).releases.keys() - {SHELTER}
    closed = [changed("agreement", unit, state="suspended") for unit in receivers]
    wrote = desk(Lane.ALERT, *closed, relation(SHELTER, b64(CASE).decode(), "victim", of_case=True)).decide(alert)
    assert wrote.releases.keys() == {SHELTER}
    assert wrote.said("quarantine") == [("decision", "nobody")]


def uncovered(event: Published) -> list[Record]:
    """The pilot's register where everybody who would receive this event works in another commune."""
    receivers = desk().decide(admitted(event)).releases.keys()
    assert receivers
    return [changed("unit", unit, area=[TURDA]) for unit in receivers]


@pytest.mark.parametrize("number", [3, 4])
def test_an_event_whose_place_nobody_covers_waits_for_a_person(number: int) -> None:
    """Every guard of a place is false and no denial has hit anyone: without a mark it would end in silence."""
    event = scene(number)
    wrote = desk(Lane.CASE, *uncovered(event)).decide(admitted(event))
    assert wrote.releases == {}
    assert wrote.said("quarantine") == [("decision", "nobody")]
    assert wrote.said("receipt") == [("admitted", "admitted")]


def test_an_event_nobody_must_be_told_of_is_not_lost() -> None:
    """A referral by consent, and no consent: it goes nowhere, as she wants; no duty line is due by its content."""
    wrote = desk().decide(admitted(scene(6)))
    assert scene(6).record["basis"]["kind"] == "consent"
    assert (wrote.releases, wrote.said("quarantine")) == ({}, [])


def test_what_a_duty_recipient_published_is_known_to_one() -> None:
    """The source is of a role that must be told: somebody knows who must, and nobody else is near."""
    event = scene(4)
    own = changed("unit", event.source, role="CHILD")
    assert desk(Lane.CASE, *uncovered(event), own).decide(admitted(event)).said("quarantine") == []
