"""What admission refuses: each with its code and path, to the border, and no refusal repeats a value of the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consent.terms import Lane
from hub.contracts.keys import key_ring, reference_plain
from hub.demo.crowd import Published
from hub.ingress.admit import Admitted, Refused
from tests.support.history import (
    DAY_MS,
    DISPATCH,
    KEYS,
    MOBILE,
    NOW,
    ORDERS,
    PATROL,
    PATROL_2,
    SHELTER,
    Kept,
    catalogue,
)
from tests.support.plans import Record, asked, changed, inbox, scene, standing

SECRET = "Strada-Canarului-77"
STRANGER = "uzzzzz"
MINUTE_MS = 60_000
CENTRE, COUNTY, CHILD, HOSPITAL, ASSOCIATION = "uj9kpj", "u0xzkb", "uxa5ex", "uqm63b", "uplho1"


CODES = {
    *("frame", "schema_unknown", "schema_not_allowed", "not_canonical", "header", "owner", "lane", "size", "bound"),
    *("future_time", "cnp_not_synthetic", "basis_mismatch", "block_role", "unit_unknown"),
}
"""The codes of admission (contract.md section 8)."""


def refused(record: Kept, lane: Lane = Lane.CASE, *changes: Record) -> Refused:
    """The refusal of a record: a code and a path of closed lists, so that neither can hold a value of it."""
    found = asked(record, lane, *changes)
    assert isinstance(found, Refused), found
    paths = {field.path for of in catalogue().types.values() for field in of.fields}
    assert found.code in CODES
    assert found.path in {"", "*", *(name for name, _ in record.headers)} | paths
    assert SECRET not in repr(found)
    return found


def told(event: Published, lane: Lane | None = None, *changes: Record) -> tuple[str, str]:
    """Code and path of a refused event, whose publisher is told by its id."""
    found = refused(inbox(event, lane), lane or event.lane, *changes)
    assert (found.source, found.event_id, found.told) == (event.source, event.id, True)
    return found.code, found.path


def event(number: int, **leaves: Any) -> Published:
    """An event of the story with other leaves; its subject and every free text of it are a canary."""
    found = scene(number)
    texts = {"address", "orderNo", "interventionAddress", "singleUseRef"} & found.record.keys()
    record = {**found.record, **dict.fromkeys(texts, SECRET)}
    record |= {role: {**block, "name": SECRET} for role, block in record.items() if role in ("victim", "suspect")}
    return replace(found, subject=SECRET, record={**record, **leaves})


def agreement(unit: str, *types: str, at: str | None = None) -> Record:
    """The unit's agreement, with leave to publish these types, each under its own schema id or that of another."""
    return changed("agreement", unit, publishes=[f"{one}:{catalogue().ids[f'{at or one}/v1']}" for one in types])


def test_a_source_that_does_not_own_the_inbox() -> None:
    """Nobody speaks in another's name, not even a unit that may publish this type."""
    record = inbox(event(3)).header("ce_source", f"urn:punte:unit:{PATROL_2}".encode())
    found = refused(record)
    assert (found.code, found.path, found.source, found.told) == ("owner", "", PATROL, True)
    assert found.event_id == scene(3).id


OWNERLESS: dict[str, tuple[str, tuple[Record, ...]]] = {
    "never_registered": (STRANGER, ()),
    "closed": (PATROL, (changed("unit", PATROL, state="closed"),)),
}


@pytest.mark.parametrize("why", OWNERLESS)
@pytest.mark.parametrize("spoilt", [False, True], ids=["good_record", "no_headers_no_value"])
def test_an_inbox_without_an_owner_is_told_nothing(why: str, *, spoilt: bool) -> None:
    """There is no receipt topic to write to, so nothing of the record is looked at."""
    unit, changes = OWNERLESS[why]
    record = inbox(replace(event(3), source=unit))
    found = refused(replace(record, headers=[], value=None) if spoilt else record, Lane.CASE, *changes)
    assert found == Refused(unit, "", "unit_unknown", "")
    assert not found.told


def test_a_header_at_fault_is_the_path() -> None:
    """Its name, and no event id before the envelope is read whole."""
    found = refused(inbox(event(3)).header("ce_time", SECRET.encode()))
    assert found == Refused(PATROL, "", "header", "ce_time")
    assert found.told


def test_a_value_at_fault_has_its_event_id() -> None:
    """The envelope is read before the value, so that its publisher knows which event was refused."""
    found = refused(replace(inbox(event(3)), value=b"\0"))
    assert (found.event_id, found.code, found.path) == (scene(3).id, "frame", "")


AGREEMENTS: dict[str, tuple[Published, tuple[Record, ...]]] = {
    "suspended": (event(3), (changed("agreement", PATROL, state="suspended"),)),
    "ended": (event(3), (changed("agreement", PATROL, state="ended"),)),
    "without_this_type": (event(3), (agreement(PATROL, "incident.reported"),)),
    "with_this_schema_under_another_type": (event(3), (agreement(PATROL, "risk.assessed", at="ppo.issued"),)),
    "a_role_that_may_not_publish_it": (
        replace(event(3), source=ORDERS),
        (agreement(ORDERS, "ppo.issued"),),
    ),
    "an_alert_by_a_patrol": (
        replace(event(7), source=PATROL),
        (agreement(PATROL, "emis.alert.raised"),),
    ),
}


@pytest.mark.parametrize("why", AGREEMENTS)
def test_a_schema_the_inbox_may_not_use(why: str) -> None:
    """An agreement in force lists it under its own type, and the catalogue lets the role publish it: both."""
    published, changes = AGREEMENTS[why]
    assert told(published, None, *changes) == ("schema_not_allowed", "")


@pytest.mark.parametrize(
    ("unit", "instrument"), [(PATROL, "RO_SOC_25"), (CENTRE, "RO_POL_21"), (ASSOCIATION, "RO_POL_2024")]
)
def test_a_form_of_another_profession(unit: str, instrument: str) -> None:
    """Police fill in police forms, social workers social ones."""
    made = replace(event(2, instrument=instrument), source=unit)
    assert told(made) == ("schema_not_allowed", "instrument")


@pytest.mark.parametrize("name", ["risk.assessed", "emis.alert.raised", "no.such.type"])
def test_a_type_that_is_not_the_schemas(name: str) -> None:
    """`ce_type` says what the schema id says, even where the inbox may use both."""
    found = refused(inbox(event(3)).header("ce_type", name.encode()))
    assert (found.code, found.path) == ("schema_not_allowed", "")


@pytest.mark.parametrize(("number", "lane"), [(7, Lane.CASE), (7, Lane.BULK), (1, Lane.ALERT), (3, Lane.ALERT)])
def test_a_lane_that_is_not_the_types(number: int, lane: Lane) -> None:
    """An alert never waits behind cases, nor does a case take an alert's way."""
    assert told(event(number), lane) == ("lane", "")


@pytest.mark.parametrize("lane", [Lane.CASE, Lane.BULK])
def test_a_time_more_than_five_minutes_ahead(lane: Lane) -> None:
    """To the millisecond, on both lanes a case may take."""
    at = NOW + 5 * MINUTE_MS
    assert isinstance(asked(inbox(replace(event(3), time=at), lane), lane), Admitted)
    assert told(replace(event(3), time=at + 1), lane) == ("future_time", "")


@pytest.mark.parametrize("ahead", [5 * MINUTE_MS + 1, DAY_MS, 3650 * DAY_MS])
def test_an_alert_is_never_refused_for_its_time(ahead: int) -> None:
    """A wrong clock must not lose it."""
    alert = replace(event(7), time=NOW + ahead)
    assert isinstance(asked(inbox(alert), Lane.ALERT), Admitted)


UNKNOWN: dict[str, tuple[Published, str]] = {
    "tasked": (event(1, taskedUnits=[STRANGER]), "taskedUnits"),
    "tasked_beside_a_known_one": (event(1, taskedUnits=[PATROL, STRANGER]), "taskedUnits"),
    "addressee": (event(5, toUnit=STRANGER), "toUnit"),
    "crew": (event(7, unitToSend=STRANGER), "unitToSend"),
}


@pytest.mark.parametrize("where", UNKNOWN)
@pytest.mark.parametrize("closed", [False, True], ids=["unregistered", "closed"])
def test_a_named_unit_that_is_not_in_the_register(where: str, *, closed: bool) -> None:
    """The leaf that names it is told, the code is not; a closed unit is none either."""
    published, path = UNKNOWN[where]
    gone = {**standing()["unit", MOBILE], "handle": STRANGER, "state": "closed"}
    assert told(published, None, *([gone] if closed else [])) == ("unit_unknown", path)


ADDRESSEES = {
    "mobile_team": MOBILE,
    "social_local": CENTRE,
    "social_county": COUNTY,
    "child_protection": CHILD,
    "shelter": SHELTER,
    "hospital": HOSPITAL,
    "ngo": ASSOCIATION,
}
PAIRS = [(kind, unit, kind == of) for kind in ADDRESSEES for of, unit in [*ADDRESSEES.items(), ("police", DISPATCH)]]


@pytest.mark.parametrize(("kind", "unit", "fits"), PAIRS)
def test_an_addressee_of_another_role_than_the_referral_says(kind: str, unit: str, *, fits: bool) -> None:
    """A referral by law cannot be sent to a unit that only a consent opens, nor any to a unit of another kind."""
    basis = {"kind": "consent" if kind in ("shelter", "hospital", "ngo") else "law", "ref": "b-1"}
    made = event(5, toUnit=unit, toKind=kind, basis=basis)
    if fits:
        assert isinstance(asked(inbox(made)), Admitted)
    else:
        assert told(made) == ("basis_mismatch", "toUnit")


def sealed(unit: str, secret: bytes = bytes(range(32))) -> str:
    """A reference of the hub's form, given to a unit."""
    return key_ring(1, secret).unit(unit).seal_ref(reference_plain(DISPATCH, b"C-1")).decode()


OWN = sealed(PATROL)
FORGED = {
    "given_to_another_unit": sealed(PATROL_2),
    "given_by_another_hub": sealed(PATROL, bytes(32)),
    "altered": ("A" if OWN[0] != "A" else "B") + OWN[1:],
    "a_case_sealed_as_long": (KEYS.unit(PATROL).seal_case(b"c" * 16).decode() * 3)[: len(OWN)],
}
LEAVES = [(3, "orderRef"), (2, "assessmentRef"), (2, "previousAssessmentRef"), (5, "chainRef"), (4, "incidentRef")]


@pytest.mark.parametrize(("number", "leaf"), LEAVES)
def test_a_reference_the_hub_gave_to_this_unit(number: int, leaf: str) -> None:
    """What a unit was given it may quote, in any reference."""
    assert isinstance(asked(inbox(event(number, **{leaf: OWN}))), Admitted)


@pytest.mark.parametrize(("number", "leaf"), LEAVES)
@pytest.mark.parametrize("forged", FORGED)
def test_a_reference_of_the_hubs_form_that_is_not_this_units(number: int, leaf: str, forged: str) -> None:
    """It cannot be opened under the unit's own key: nobody quotes what another unit was given."""
    assert told(event(number, **{leaf: FORGED[forged]})) == ("bound", leaf)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7])
def test_the_canary_is_in_every_record_that_is_refused(number: int) -> None:
    """What no refusal may hold is on the wire, in the value and in a header; and the record as such is admitted."""
    record = inbox(event(number))
    assert SECRET.encode() in (record.value or b"")
    assert SECRET.encode() in dict(record.headers).values()
    assert isinstance(asked(record, event(number).lane), Admitted)
