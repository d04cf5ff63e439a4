"""What admission lets in: the bytes as they are, and handles made of bytes and keys alone: names join nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consent.terms import Lane
from hub.contracts.keys import key_ring
from hub.contracts.topics import inbox as inbox_topic
from hub.demo.crowd import Published
from hub.ingress.admit import Admitted, admit
from tests.support.history import CASE, DAY_MS, DISPATCH, KEYS, NOW, PATROL, PATROL_2, Kept
from tests.support.plans import admission, asked, inbox, scene

CANARY = b"Strada-Canarului-77"
SCENES = {1: "incident.reported", 2: "risk.assessed", 3: "ppo.issued", 4: "child.involved", 5: "referral.made"}
PARTIES = ("victim", "suspect", "child")


def let_in(event: Published, lane: Lane | None = None, now: int = NOW) -> Admitted:
    """What becomes of an event that admission lets in."""
    found = asked(inbox(event, lane), lane or event.lane, now=now)
    assert isinstance(found, Admitted), found
    return found


def with_party(event: Published, role: str, **leaves: Any) -> Published:
    """The event with other leaves of one party."""
    return replace(event, record={**event.record, role: {**event.record[role], **leaves}})


def header(found: Admitted, name: str) -> bytes | None:
    """A header of the admitted record, if it has it."""
    return dict(found.headers).get(name)


@pytest.mark.parametrize("number", [*SCENES, 7])
def test_the_bytes_are_admitted_as_they_are(number: int) -> None:
    """Not one byte of the value differs; key and event id are those of the publisher."""
    event = scene(number)
    found = let_in(event)
    assert found.value == inbox(event).value
    assert (found.source, found.event_id) == (event.source, event.id)


@pytest.mark.parametrize("number", [*SCENES, 7])
def test_the_headers_are_the_hubs_closed_list(number: int) -> None:
    """Id, time, case and a handle for each party with a personal number: nothing else, each once."""
    event = scene(number)
    numbers = {role: event.record[role]["cnp"] for role in PARTIES if event.record.get(role)}
    assert let_in(event).headers == [
        ("id", event.id.encode()),
        ("time", b"%d" % event.time),
        ("case", CASE),
        *((role, KEYS.party_handle(cnp)) for role, cnp in numbers.items() if cnp is not None),
    ]


def test_nothing_a_publisher_wrote_in_another_header_is_copied() -> None:
    """A trace and any other header end at admission, whatever their names; handles cannot be handed in."""
    record = inbox(scene(1))
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    more = {"traceparent": trace, "baggage": CANARY, "case": CANARY, "victim": CANARY, "late": b"1", "x": None}
    assert asked(replace(record, headers=[*record.headers, *more.items()])) == asked(record)


def test_the_record_key_of_an_inbox_means_nothing() -> None:
    """What a publisher keys its record by is ignored (contract.md section 2)."""
    record = inbox(scene(1))
    assert asked(replace(record, key=CANARY)) == asked(record)


CHANGES: dict[str, dict[str, Any]] = {
    "name": {"name": "Alt Nume"},
    "reference": {"ref": "p_other"},
    "birth_date": {"birthDate": 1},
    "sex": {"sex": "other"},
    "citizenship": {"citizenship": None},
}


@pytest.mark.parametrize("leaves", CHANGES.values(), ids=CHANGES)
def test_only_the_personal_number_makes_a_handle(leaves: dict[str, Any]) -> None:
    """Another name, reference, date of birth, sex or citizenship leaves every handle as it was."""
    event = with_party(scene(3), "victim", name="Nume", ref="p_one", birthDate=0, sex="female", citizenship="RO")
    other = with_party(event, "victim", **leaves)
    assert let_in(other).value != let_in(event).value
    assert let_in(other).headers == let_in(event).headers


def test_one_person_has_one_handle_in_every_part_and_type() -> None:
    """The victim of an order, the suspect of another by another unit: one number, one handle."""
    order = scene(3)
    cnp = order.record["victim"]["cnp"]
    incident = with_party(replace(scene(1), source=DISPATCH), "suspect", cnp=cnp, name="Alt Nume")
    assert header(let_in(order), "victim") == header(let_in(incident), "suspect") == KEYS.party_handle(cnp)


def test_two_persons_of_one_name_have_two_handles() -> None:
    """Everything but the number is the same: names never join."""
    event = scene(3)
    other = with_party(event, "victim", cnp=event.record["suspect"]["cnp"])
    assert header(let_in(event), "victim") != header(let_in(other), "victim")
    assert header(let_in(event), "suspect") == header(let_in(other), "victim")


@pytest.mark.parametrize("role", ["victim", "suspect"])
def test_without_a_personal_number_there_is_no_handle(role: str) -> None:
    """No handle is made of a name or a reference, nor of an absent party."""
    event = scene(1)
    for made in (with_party(event, role, cnp=None), replace(event, record={**event.record, role: None})):
        assert {name for name, _ in let_in(made).headers} == {"id", "time", "case", "victim", "suspect"} - {role}


def test_an_own_reference_is_a_case_of_its_unit_alone() -> None:
    """The same reference is the same case for one unit, in any type, and another case for another unit."""
    one, other = replace(scene(3), subject="CJ-1"), replace(scene(2), subject="CJ-1")
    elsewhere = replace(one, source=PATROL_2)
    handles = [header(let_in(event), "case") for event in (one, other, elsewhere)]
    assert handles[0] == handles[1] == KEYS.case_handle(PATROL, "CJ-1")
    assert handles[2] == KEYS.case_handle(PATROL_2, "CJ-1") != handles[0]


def test_a_reference_the_hub_gave_leads_to_the_original_case() -> None:
    """Each of two units quotes the one it was given, and both mean the case of the dispatch."""
    quoted = [KEYS.unit(unit).seal_case(CASE).decode() for unit in (PATROL, PATROL_2)]
    events = [replace(scene(3), source=unit, subject=s) for unit, s in zip((PATROL, PATROL_2), quoted, strict=True)]
    assert quoted[0] != quoted[1]
    assert [header(let_in(event), "case") for event in events] == [CASE, CASE]


GIVEN = KEYS.unit(PATROL).seal_case(CASE).decode()
FORGED = {
    "given_to_another_unit": KEYS.unit(PATROL_2).seal_case(CASE).decode(),
    "given_under_another_secret": key_ring(1, bytes(32)).unit(PATROL).seal_case(CASE).decode(),
    "altered": ("A" if GIVEN[0] != "A" else "B") + GIVEN[1:],
    "cut": GIVEN[:-1],
    "longer": GIVEN + "A",
    "not_base64url": "." + GIVEN[1:],
}


@pytest.mark.parametrize("subject", FORGED.values(), ids=FORGED)
def test_a_reference_the_hub_did_not_give_to_this_unit_joins_nothing(subject: str) -> None:
    """It is a reference of the publisher's own: admitted, under a case that nobody else has."""
    assert header(let_in(replace(scene(3), subject=subject)), "case") == KEYS.case_handle(PATROL, subject)


@pytest.mark.parametrize(("age", "late"), [(0, False), (DAY_MS, False), (DAY_MS + 1, True), (365 * DAY_MS, True)])
@pytest.mark.parametrize("number", [3, 7])
def test_an_event_older_than_a_day_gets_a_mark(number: int, age: int, *, late: bool) -> None:
    """To the millisecond; never a refusal, on no lane."""
    event = replace(scene(number), time=NOW - age)
    assert header(let_in(event), "late") == (b"1" if late else None)


@pytest.mark.parametrize("number", SCENES)
def test_the_bulk_lane_takes_what_the_case_lane_takes(number: int) -> None:
    """A backfill of the same events is admitted alike."""
    event = scene(number)
    assert let_in(event, Lane.BULK) == let_in(event)


def test_admission_asks_nothing_but_its_arguments() -> None:
    """One record, register and moment: one answer, whatever came in between; under another secret another."""
    rules = admission(Lane.CASE)
    record = inbox(scene(1))
    first = admit(rules, record, NOW)
    admit(rules, Kept(inbox_topic(Lane.CASE, PATROL), b"", []), NOW)
    assert admit(rules, record, NOW) == first
    assert admit(replace(rules, keys=key_ring(1, bytes(32))), record, NOW) != first
