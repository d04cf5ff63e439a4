"""Where an alert cannot be passed on the duty desks learn that there was one, and nothing of what it said (law 5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent.terms import Lane
from hub.contracts.codec import codec
from hub.contracts.envelope import parse_admitted
from hub.contracts.hollow import TOGETHER_MS, TYPE, Cause, Hollower, unreadable
from hub.contracts.keys import b64
from hub.ingress.admit import Refused, hollows
from tests.support.history import DISPATCH, EMIS, KEYS, NOW, Kept, catalogue, decoded, hold
from tests.support.plans import (
    OFFSET,
    PARTITION,
    Desk,
    Wrote,
    admission,
    admitted,
    asked,
    changed,
    desk,
    inbox,
    scene,
    torn,
)

ALERT = scene(7)
DISPATCH_2 = "u75cgt"
NUMBER = catalogue().versions(TYPE)[-1]
MADE = Hollower(codec(TYPE, NUMBER, catalogue().schemas[NUMBER]), KEYS)
UNREADABLE = MADE.made(EMIS, Cause.UNREADABLE, *unreadable(NOW))


def on_admitted(wrote: Wrote) -> list[Kept]:
    """The hollow alerts a plan has put on its own partition, as the next transaction reads them."""
    found = [record for record in wrote.records if record.topic == "admitted.alert"]
    assert all(record.partition == PARTITION for record in found)
    return [replace(record, timestamp=NOW, offset=OFFSET + 10) for record in found]


def kept(hollow: tuple[bytes, bytes, list[tuple[str, bytes]]]) -> Kept:
    """A hollow alert as admission writes it."""
    key, value, headers = hollow
    return Kept("admitted.alert", value, headers, key, NOW, OFFSET, PARTITION)


def unserved(*held: str) -> tuple[Desk, Wrote]:
    """An alert whose dispatch is held out, and whoever else is named, and no next of its own."""
    records = [hold(b64(parse_admitted(admitted(ALERT).headers).case).decode(), one, of_case=True) for one in held]
    at = desk(Lane.ALERT, *(changed("unit", one, fallback=None) for one in held), *records)
    return at, at.decide(admitted(ALERT))


def test_a_senders_unreadable_records_become_one_hollow_alert_for_the_desks() -> None:
    """It reaches both dispatches of the county and nobody else; its repeat in the same ten seconds has no effect."""
    at = desk(Lane.ALERT)
    wrote = at.decide(kept(UNREADABLE), kept(MADE.made(EMIS, Cause.UNREADABLE, *unreadable(NOW + 9))))
    assert wrote.releases.keys() == {DISPATCH, DISPATCH_2}
    assert wrote.said("attempt") == [("duplicate", "duplicate")]
    later = MADE.made(EMIS, Cause.UNREADABLE, *unreadable(NOW + TOGETHER_MS))
    assert at.decide(kept(later)).releases.keys() == {DISPATCH, DISPATCH_2}


def test_a_hollow_alert_says_urgency_cause_and_a_reference_of_the_units_own() -> None:
    """Nothing else is in its value, and the two desks cannot join what they got."""
    wrote = desk(Lane.ALERT).decide(kept(UNREADABLE))
    told = {code: decoded(record.value)[1] for code, record in wrote.releases.items()}
    assert {tuple(value) for value in told.values()} == {("callbackRef", "noticedAt", "urgency", "cause")}
    assert {(value["urgency"], value["cause"]) for value in told.values()} == {("unknown", "unreadable")}
    assert len({value["callbackRef"] for value in told.values()}) == len({r.key for r in wrote.releases.values()}) == 2
    opened = KEYS.unit(DISPATCH).open_ref(told[DISPATCH]["callbackRef"])
    assert opened.rstrip(b"\0") == f"{EMIS}\0{unreadable(NOW)[0]}".encode()


def test_the_sender_gets_no_receipt_for_what_it_did_not_send() -> None:
    """Neither for the hollow alert nor for its repeat."""
    at = desk(Lane.ALERT)
    wrote = [at.decide(kept(UNREADABLE)), at.decide(kept(UNREADABLE))]
    assert [one.of("receipt") for one in wrote] == [[], []]


def test_a_desk_of_another_county_is_not_named() -> None:
    """Desks whose place meets the sender's come first; where there is none, all of them do."""
    here = desk(Lane.ALERT, changed("unit", EMIS, area=[55259]), changed("unit", DISPATCH, area=[54975]))
    assert here.decide(kept(UNREADABLE)).releases.keys() == {DISPATCH_2}
    nowhere = desk(Lane.ALERT, changed("unit", EMIS, area=[]))
    assert nowhere.decide(kept(UNREADABLE)).releases.keys() == {DISPATCH, DISPATCH_2}


def test_an_alert_that_contradicts_one_before_is_told_to_the_desks() -> None:
    """Once, in the same transaction as the flagged alert; its repeats are told no more."""
    at = desk(Lane.ALERT)
    at.decide(admitted(ALERT))
    other = admitted(replace(ALERT, record=ALERT.record | {"kind": "panic"}))
    [hollow] = on_admitted(at.decide(other))
    assert on_admitted(at.decide(other)) == []
    told = [decoded(record.value)[1] for record in at.decide(hollow).releases.values()]
    assert [value["cause"] for value in told] == ["conflict"]  # the dispatch of its place, not the one of another zone


def test_an_alert_whose_desks_are_held_out_is_told_to_the_others() -> None:
    """The held desk gets not even the hollow alert, nor does anybody learn the case: its subject is one of its own."""
    at, wrote = unserved(DISPATCH)
    assert ("decision", "no_fallback") in wrote.said("quarantine")
    [hollow] = on_admitted(wrote)
    told = at.decide(hollow)
    assert told.releases.keys() == {DISPATCH_2}
    assert decoded(told.releases[DISPATCH_2].value)[1]["urgency"] == "critical"
    case = parse_admitted(admitted(ALERT).headers).case
    assert told.releases[DISPATCH_2].key != KEYS.unit(DISPATCH_2).seal_case(case)


def test_a_hollow_alert_nobody_may_get_waits_for_a_person_and_makes_no_other() -> None:
    """Every desk is held out: quarantine, and no endless row of hollow alerts."""
    at, wrote = unserved(DISPATCH, DISPATCH_2)
    [hollow] = on_admitted(wrote)
    told = at.decide(hollow)
    assert told.releases == {}
    assert ("decision", "no_fallback") in told.said("quarantine")
    assert on_admitted(told) == []


def test_an_alert_whose_decision_fails_is_told_to_the_desks() -> None:
    """A fault of ours is no reason for silence."""
    at = Desk(Lane.ALERT, torn(Lane.ALERT, ALERT.type))
    assert len(on_admitted(at.decide(admitted(ALERT)))) == 1


def test_an_admitted_alert_of_a_newer_hub_is_told_to_the_desks() -> None:
    """While parts are upgraded one admits what the other cannot read yet: the desks ring, as for admission's own."""
    newer = replace(admitted(ALERT), value=b"\0\0\x0f\xff\xff" + (ALERT.subject.encode() * 9))
    at = desk(Lane.ALERT)
    wrote = at.decide(newer, replace(newer, offset=OFFSET + 1))
    assert wrote.said("quarantine") == [("decision", "schema_unknown")] * 2
    told = at.decide(*on_admitted(wrote))
    assert [decoded(record.value)[1]["cause"] for record in told.releases.values()] == ["unreadable"] * 2


def test_an_alert_that_is_parked_for_a_desk_is_told_to_the_others() -> None:
    """Its dispatch's topic is gone: the alert waits there, and whoever can be told is told that there is one."""
    at = desk(Lane.ALERT)
    at.parking.hold((DISPATCH, "P1"), "unknown_topic")
    wrote = at.decide(admitted(ALERT))
    assert DISPATCH not in wrote.releases
    told = at.decide(*on_admitted(wrote))
    assert told.releases.keys() == {DISPATCH_2}


def test_a_case_that_waits_for_a_person_makes_no_hollow_alert() -> None:
    """Hollow alerts are of the alert lane alone."""
    at = Desk(Lane.CASE, torn(Lane.CASE, scene(3).type))
    wrote = at.decide(admitted(scene(3)))
    assert not [record for record in wrote.records if record.topic.startswith("admitted.")]


@pytest.mark.parametrize(
    ("lane", "source", "code", "told"),
    [
        (Lane.ALERT, EMIS, "frame", True),
        (Lane.ALERT, EMIS, "header", True),
        (Lane.ALERT, EMIS, "owner", True),
        (Lane.ALERT, EMIS, "schema_unknown", True),
        (Lane.ALERT, EMIS, "lane", False),
        (Lane.ALERT, DISPATCH, "frame", False),
        (Lane.ALERT, "uzzzzz", "unit_unknown", False),
        (Lane.CASE, EMIS, "frame", False),
    ],
)
def test_only_what_may_have_been_an_alert_is_told(lane: Lane, source: str, code: str, told: bool) -> None:
    """The sender may send alerts, the inbox is of the alert lane, and the record is not plainly of another one."""
    assert hollows(admission(lane), Refused(source, "", code, "")) is told


def test_no_unit_can_publish_a_hollow_alert() -> None:
    """Not even one whose agreement would say so: no role may."""
    agreement = changed("agreement", EMIS, publishes=[f"{TYPE}:{NUMBER}"])
    forged = replace(inbox(ALERT), value=UNREADABLE.value)
    headers = [(name, TYPE.encode() if name == "ce_type" else value) for name, value in forged.headers]
    found = asked(replace(forged, headers=headers), Lane.ALERT, agreement)
    assert isinstance(found, Refused)
    assert found.code == "schema_not_allowed"
