"""Who gets nothing and why, as the decision record and the quarantine tell it: holds, suspension, duties unserved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent.decide import Decision
from consent.facts import Event, Subscription
from consent.terms import Lane, Purpose
from consent.untold import Watch
from hub.contracts.keys import b64, register_digest
from hub.demo.crowd import Published
from tests.cases.pack import NOW, facts, policy, unit
from tests.support.history import (
    CASE,
    DISPATCH,
    PATROL,
    PATROL_2,
    PROSECUTOR,
    SHELTER,
    consent,
    hold,
    parties_of,
    relation,
)
from tests.support.plans import OFFSET, Record, admitted, changed, desk, scene

GOOD = admitted(scene(3))
TURDA = 55259
TURDAS_PATROL, DISPATCH_2 = "u8dc7h", "u75cgt"


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


def alone(number: int, *away: str, source: str | None = None, **leaves: object) -> list[tuple[str, str]]:
    """What waits for a person of an event of the story when the agreements of these units are suspended."""
    event = scene(number)
    event = replace(event, source=source or event.source, record=event.record | leaves)
    closed = [changed("agreement", unit, state="suspended") for unit in away]
    wrote = desk(Lane.CASE, *closed).decide(admitted(event))
    assert set(away).isdisjoint(wrote.releases)
    return wrote.said("quarantine")


def test_a_call_that_no_patrol_gets_waits_for_a_person() -> None:
    """Dispatch, which reports it, stands in where a patrol is held out; here it reports so that a patrol comes."""
    assert alone(1) == alone(1, PATROL_2) == []
    assert alone(1, PATROL, PATROL_2) == [("decision", "nobody")]


def test_a_patrol_that_reports_from_its_own_place_is_whom_the_duty_wants() -> None:
    """From another place it is not: somebody must come there, a patrol or at least the dispatch."""
    away = (DISPATCH, DISPATCH_2, PATROL_2, TURDAS_PATROL)
    assert alone(1, *away, source=PATROL, taskedUnits=[]) == []
    assert alone(1, *away, source=PATROL, taskedUnits=[], siruta=TURDA) == [("decision", "nobody")]
    assert alone(1, *away[1:], source=PATROL, taskedUnits=[], siruta=TURDA) == []


def test_one_recipient_does_not_hide_that_another_is_missed() -> None:
    """An imminent risk: monitoring and the social services learn of it, the prosecutor does not (INV-24)."""
    assert alone(2) == []
    assert alone(2, PROSECUTOR) == [("decision", "nobody")]


def test_a_referral_by_law_whose_addressee_has_no_agreement_waits_for_a_person() -> None:
    """Nobody else is its recipient."""
    assert alone(5) == []
    assert alone(5, scene(5).record["toUnit"]) == [("decision", "nobody")]


def test_an_addressee_nobody_named_is_missed_by_nobody() -> None:
    """A case opened without a team, in a role that only an event that names it would tell."""
    opened = Event("case.opened", "u00001", b"c", {}, TURDA, frozenset(), {})
    lines = [line for line in policy().dutylines.lines if line.event == "case.opened"]
    team = unit("children", "CHILD")
    known = facts({"children": (team, Purpose.P8)})
    assert lines
    for named, missed in ((frozenset[str](), []), (frozenset({"children"}), ["CHILD"])):
        found = Watch.of(policy()).untold(replace(opened, named=named), (), (), known, NOW)
        assert [line.role for line in lines if line.id in found] == missed
    own = replace(opened, named=frozenset({"children"}), source="children")
    assert Watch.of(policy()).untold(own, (), (), known, NOW) == ()


def test_a_unit_of_another_place_does_not_stand_in_unasked() -> None:
    """A child protection that learns of a child by other guards is not the one whose place it is."""
    elsewhere = unit("elsewhere", "CHILD")
    event = Event("child.involved", "u00001", b"c", {}, TURDA, frozenset(), {})
    lines = [line for line in policy().dutylines.lines if line.event == event.type]
    selected = next(each for each in policy().cells[lines[0].key].table if each is not None)
    got = Decision(Subscription(elsewhere, Purpose.P8), 0, selected, None, None, (), None)
    known = facts({"elsewhere": (elsewhere, Purpose.P8)})
    assert Watch.of(policy()).untold(event, (got,), (), known, NOW) == (lines[0].id,)
    due = policy().cells[lines[0].key].mask(lines[0].when)
    assert Watch.of(policy()).untold(event, (got._replace(bits=due),), (), known, NOW) == ()


def test_the_step_that_decided_says_whom_a_release_was_due_to() -> None:
    """When a waiver has ended, bits are those of the cells of then: the masks of before would read them wrongly."""
    there = unit("there", "CHILD")
    event = Event("child.involved", "u00001", b"c", {}, TURDA, frozenset(), {})
    lines = [line for line in policy().dutylines.lines if line.event == event.type]
    cell = policy().cells[lines[0].key]
    selected = next(each for each in cell.table if each is not None)
    got = Decision(Subscription(there, Purpose.P8), cell.mask(lines[0].when), selected, None, None, (), None)
    chain = replace(policy(), until=NOW, after=replace(policy(), duties={}))
    known = facts({"there": (there, Purpose.P8)})
    told = [Watch.of(chain).untold(event, (got,), (), known, at) for at in (NOW - 1, NOW)]
    assert told == [(), (lines[0].id,)]
