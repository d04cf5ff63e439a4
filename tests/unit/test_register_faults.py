"""The door into the register: a record that would do nothing, or that a fold could not read, is named and refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hub.assemble import door
from hub.contracts.keys import b64
from hub.contracts.registers import handle_bytes, relation_handle
from hub.registry.faults import Door, RegisterRefused, strangers
from tests.support.history import (
    CASE,
    DAY_MS,
    KEYS,
    NOW,
    PATROL,
    SHELTER,
    catalogue,
    consent,
    hold,
    link,
    registers,
    relation,
)
from tests.support.plans import standing

ANA = "Ana-Pop-in-the-shelter"
PERSON = b64(b"p" * 16).decode()
OTHER = b64(b"o" * 16).decode()
SEEN = KEYS.unit(PATROL).seal_case(CASE).decode()
ALL = standing()
AGREEMENT = ALL["agreement", SHELTER]
UNIT = ALL["unit", SHELTER]
GIVEN = {**consent(SHELTER, PERSON), "handle": "c-1"}
HOLD = {**hold(PERSON, PATROL), "handle": "h-1"}
LINK = {**link(PERSON, OTHER), "handle": "l-1"}
RELATION = {
    **relation(SHELTER, PERSON, "victim"),
    "by": ["p-1", "p-2"],
    "handle": relation_handle(SHELTER, handle_bytes(PERSON), "victim"),
}
KEYCHECK = {
    "kind": "keycheck",
    "handle": "1",
    "state": "current",
    "at": NOW,
    "by": ["p-1"],
    "reason": None,
    "checks": [{"key": "ring", "digest": KEYS.check().decode()}],
}
FAULTY: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a-hold-on-nobody": ({**HOLD, "personHandle": None}, "caseHandle"),
    "a-hold-on-two": ({**HOLD, "caseHandle": OTHER}, "caseHandle"),
    "a-hold-on-what-a-unit-sees": ({**HOLD, "personHandle": None, "caseHandle": SEEN}, "caseHandle"),
    "a-hold-on-a-case-number": ({**HOLD, "personHandle": None, "caseHandle": "CJ-2026.0001"}, "caseHandle"),
    "a-hold-on-an-empty-text": ({**HOLD, "personHandle": ""}, "personHandle"),
    "a-hold-on-another-spelling": ({**HOLD, "personHandle": PERSON[:-1] + "B"}, "personHandle"),
    "a-hold-that-is-over": ({**HOLD, "until": NOW}, "until"),
    "a-hold-lifted-by-one": ({**HOLD, "state": "off"}, "by"),
    "a-hold-for-no-unit-code": ({**HOLD, "unit": "police"}, "unit"),
    "a-relation-to-nobody": ({**RELATION, "personHandle": None}, "caseHandle"),
    "a-relation-to-two": ({**RELATION, "caseHandle": OTHER}, "caseHandle"),
    "a-relation-by-one": ({**RELATION, "by": ["p-1"]}, "by"),
    "a-relation-that-is-over": ({**RELATION, "until": RELATION["from"]}, "until"),
    "a-relation-of-an-event-by-one": ({**RELATION, "by": ["p-1"], "basisEvent": OTHER}, "by"),
    "a-relation-by-the-unit-itself": ({**RELATION, "by": ["p-1", SHELTER]}, "by"),
    "a-relation-by-someone-of-the-unit": ({**RELATION, "by": [f"{SHELTER}-7", "p-1"]}, "by"),
    "a-relation-under-a-free-handle": ({**RELATION, "handle": "r-1"}, "handle"),
    "a-link-of-a-name": ({**LINK, "a": ANA}, "a"),
    "a-link-to-itself": ({**LINK, "b": PERSON}, "b"),
    "a-consent-of-a-name": ({**GIVEN, "giver": ANA}, "giver"),
    "a-consent-about-a-name": ({**GIVEN, "person": ANA}, "person"),
    "a-consent-for-seven-months": ({**GIVEN, "validUntil": NOW + 184 * DAY_MS + 1}, "validUntil"),
    "a-consent-that-is-over": ({**GIVEN, "validUntil": NOW}, "validUntil"),
    "a-consent-without-a-witness": ({**GIVEN, "witness": ""}, "witness"),
    "a-consent-by-one": ({**GIVEN, "by": ["w-2"]}, "by"),
    "a-consent-by-one-twice": ({**GIVEN, "by": ["w-2", "w-2"]}, "by"),
    "a-consent-whose-witness-did-not-sign": ({**GIVEN, "witness": "w-3"}, "by"),
    "a-consent-for-another": ({**GIVEN, "giver": OTHER}, "giver"),
    "a-consent-given-beside-others": ({**GIVEN, "aloneConfirmed": False}, "aloneConfirmed"),
    "a-consent-by-the-recipient-alone": (
        {**GIVEN, "by": [SHELTER, f"{SHELTER}-2"], "witness": f"{SHELTER}-2"},
        "by",
    ),
    "a-withdrawal-by-nobody": ({**GIVEN, "state": "withdrawn", "by": []}, "by"),
    "an-unknown-purpose": ({**AGREEMENT, "subscribes": ["incident.reported:P99"]}, "subscribes"),
    "an-unknown-type": ({**AGREEMENT, "subscribes": ["shelter.address:P9"]}, "subscribes"),
    "a-type-without-a-purpose": ({**AGREEMENT, "subscribes": ["incident.reported"]}, "subscribes"),
    "a-type-without-an-id": ({**AGREEMENT, "publishes": ["incident.reported"]}, "publishes"),
    "the-id-of-another-type": ({**AGREEMENT, "publishes": ["incident.reported:1002"]}, "publishes"),
    "an-agreement-that-ends-before-it-begins": ({**AGREEMENT, "until": AGREEMENT["from"]}, "until"),
    "a-unit-under-a-name": ({**UNIT, "handle": "shelter"}, "handle"),
    "a-unit-of-an-organisation-by-name": ({**UNIT, "organisation": "police"}, "organisation"),
    "a-unit-without-its-organisation": ({n: v for n, v in UNIT.items() if n != "organisation"}, "organisation"),
    "a-unit-by-one": ({**UNIT, "by": ["p-1"]}, "by"),
    "a-name-as-a-person-who-decided": ({**UNIT, "by": ["p-1", "Ana Pop"]}, "by"),
    "a-sentence-as-a-reason": ({**HOLD, "reason": "she is at home"}, "reason"),
    "too-long-a-text": ({**HOLD, "reason": "a" * 33}, "reason"),
    "too-many-people": ({**UNIT, "by": ["p-1", "p-2", "p-3"]}, "by"),
    "a-moment-that-is-none": ({**HOLD, "until": 10**17}, "until"),
    "a-number-beyond-its-type": ({**UNIT, "keyEpoch": 1 << 40}, "keyEpoch"),
    "a-key-check-without-a-check": ({**KEYCHECK, "checks": []}, "checks"),
    "a-state-of-another-kind": ({**HOLD, "state": "live"}, "state"),
    "a-leaf-too-few": ({name: value for name, value in HOLD.items() if name != "until"}, "until"),
    "a-leaf-too-many": ({**HOLD, "victimName": ANA}, "*"),
    "an-unknown-kind": ({**HOLD, "kind": ANA}, "kind"),
    "no-kind": ({}, "kind"),
    "a-kind-that-is-a-list": ({**HOLD, "kind": [ANA]}, "kind"),
}


def the_door() -> Door:
    """The door as the command line and every writer have it."""
    return door(catalogue(), registers())


@pytest.mark.parametrize("attack", FAULTY)
def test_a_faulty_record_is_refused_by_kind_and_field(attack: str) -> None:
    """The first fault names the field; there is a remedy; no value of the record is told."""
    record, field = FAULTY[attack]
    found = list(the_door().faults(record))
    assert found[0].field == field
    texts = [f"{one.kind} {one.field} {one.says} {one.remedy}" for one in found]
    assert not [text for text in texts if ANA in text or SEEN in text or "CJ-2026" in text or "Ana Pop" in text]
    assert all(one.remedy for one in found)


def test_what_people_and_events_write_passes() -> None:
    """Every record of the pilot, a hold, a relation of an event by the registry alone, a link, a consent, its end."""
    of_event = {**RELATION, "by": ["registry"], "basisEvent": PERSON}
    withdrawn = {**GIVEN, "state": "withdrawn", "by": ["w-9"], "at": GIVEN["validUntil"] + 1, "witness": ""}
    longest = {**GIVEN, "validUntil": NOW + 184 * DAY_MS}
    wanted = [*ALL.values(), HOLD, RELATION, of_event, LINK, GIVEN, longest, withdrawn, KEYCHECK]
    assert len(the_door().checked(wanted)) == len(wanted)


def test_one_faulty_record_refuses_the_whole_command() -> None:
    """The number of the record is told, from 1; nothing is given back that could be sent."""
    with pytest.raises(RegisterRefused) as refused:
        the_door().checked([HOLD, GIVEN, FAULTY["a-hold-on-two"][0], LINK])
    assert refused.value.number == 3
    assert "record 3 (`hold`): `caseHandle`" in str(refused.value)


def test_what_a_fold_cannot_read_is_refused() -> None:
    """The records are run through the folds that will read them, whatever the rules before forgot."""

    def fold(key: bytes | None, value: bytes | None, offset: int) -> None:
        raise LookupError(ANA)

    known = the_door()
    torn = Door(known.codecs, known.types, known.publishes, lambda: [fold])
    [found] = torn.faults(HOLD)
    assert (found.kind, found.field) == ("hold", "kind")
    assert ANA not in f"{found.says} {found.remedy}"


@pytest.mark.parametrize("record", [HOLD, RELATION, GIVEN], ids=["hold", "relation", "consent"])
def test_a_record_about_no_unit_is_found(record: Mapping[str, Any]) -> None:
    """A hold for a unit that is not there would hold nobody; a unit of the same command counts."""
    assert list(strangers([record], ALL)) == []
    [(number, found)] = strangers([LINK, record], {})
    assert (number, found.kind) == (2, record["kind"])
    assert list(strangers([record, *(r for (kind, _), r in ALL.items() if kind == "unit")], {})) == []
