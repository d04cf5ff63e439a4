"""The bad-input menu B1 to B16, entry by entry: refused at admission with a code, so none of it reaches the slicer.

Source: reliability-security.md section 4. Where no schema of ours has room for an attack (B4, B8, B9, B10, B14) the
schema that would have it does not load. More of each kind: test_hostile_records.py, test_hostile_leaves.py.
"""

from __future__ import annotations

import copy
import struct
from typing import Any

import pytest

from consent.terms import Lane
from hub.contracts.catalogue import SchemaRefused, event_type
from hub.contracts.envelope import inbox_headers
from hub.contracts.versions import check_next
from hub.contracts.wire import MAX_VALUE, frame
from hub.ingress.admit import Admitted, Refused, admit
from hub.ingress.admit import Rules as IngressRules
from tests.contracts.attacks import ALERT, CATALOGUE, IDS, PERSON, SECRET, alert_with, encoded, value
from tests.support.history import EMIS, NOW, PATROL, Kept
from tests.support.plans import admission

ALERT_TYPE, RISK = "emis.alert.raised", "risk.assessed"
ANSWERS = b"\x02\x02\x00\x00\x00"
PLACE = b"\xfe\xda\x06"
UNIT = {"unitToSend": PATROL}
Attack = tuple[bytes | None, str]


def alert(change: dict[str, Any]) -> bytes:
    """An alert with some leaves changed, framed."""
    return value(ALERT_TYPE, encoded(ALERT_TYPE, UNIT | change))


def swapped(old: bytes, new: bytes) -> bytes:
    """An alert with some of its bytes exchanged, framed."""
    return alert_with(old, new).replace(b"\x0cuab12c", b"\x0c" + PATROL.encode())


def risk(change: dict[str, Any]) -> bytes:
    """An assessment with some leaves changed, framed."""
    return value(RISK, encoded(RISK, change))


def answers(blocks: bytes) -> bytes:
    """An assessment whose answers are these blocks, framed."""
    body = encoded(RISK)
    assert body.count(ANSWERS) == 1
    return value(RISK, body.replace(ANSWERS, blocks))


def severity(symbol: bytes) -> bytes:
    """An alert whose severity is this byte, framed."""
    body = encoded(ALERT_TYPE, UNIT)
    at = body.index(PLACE) - 1
    return value(ALERT_TYPE, body[:at] + symbol + body[at + 1 :])


def relation_fits(byte: int) -> bytes:
    """An assessment whose boolean is this byte, framed."""
    body, other = encoded(RISK), encoded(RISK, {"relationFits": False})
    at = next(i for i, (a, b) in enumerate(zip(body, other, strict=True)) if a != b)
    return value(RISK, body[:at] + bytes([byte]) + body[at + 1 :])


HEAD = frame(IDS[f"{ALERT_TYPE}/v1"], b"")
MENU: dict[str, Attack] = {
    "B1_nothing": (None, "frame"),
    "B1_empty": (b"", "frame"),
    "B1_only_the_magic_byte": (b"\0", "frame"),
    "B1_only_the_header": (HEAD, "frame"),
    "B2_another_magic_byte": (b"\1" + HEAD[1:] + encoded(ALERT_TYPE), "frame"),
    "B2_single_object": (b"\xc3\x01" + bytes(8) + encoded(ALERT_TYPE), "frame"),
    "B3_unknown_schema": (frame(999_999, encoded(ALERT_TYPE)), "schema_unknown"),
    "B3_schema_of_the_hubs_own_records": (frame(IDS["audit.decision/v1"], encoded(ALERT_TYPE)), "schema_unknown"),
    "B3_schema_of_another_inbox": (frame(IDS["child.involved/v1"], encoded(ALERT_TYPE)), "schema_not_allowed"),
    "B3_schema_of_a_release": (frame(min(i for i in IDS.values() if i > 10_000), b"\0\0"), "schema_unknown"),
    "B4_bytes_of_another_type_of_like_shape": (frame(IDS["emis.alert.raised/v1"], encoded(RISK)), "bound"),
    "B4_two_texts_swapped": (
        alert({"singleUseRef": ALERT["alertRef"], "alertRef": "Strada Canarului, 77"}),
        "bound",
    ),
    "B5_bytes_of_another_shape": (value(RISK, encoded(ALERT_TYPE)), "bound"),
    "B6_trailing_zero": (alert({}) + b"\0", "not_canonical"),
    "B6_trailing_text": (alert({}) + SECRET.encode(), "not_canonical"),
    "B7_string_of_2_to_the_40": (swapped(b"\x06A-1", b"\x80\x80\x80\x80\x80\x80\x02A-1"), "bound"),
    "B7_string_of_900_megabytes": (swapped(b"\x06A-1", b"\x80\xd2\x93\xad\x06A-1"), "bound"),
    "B7_string_of_a_negative_length": (swapped(b"\x06A-1", b"\x09A-1"), "not_canonical"),
    "B7_record_of_65_kilobytes": (value(ALERT_TYPE, bytes(MAX_VALUE)), "size"),
    "B8_count_of_2_to_the_31": (answers(b"\x80\x80\x80\x80\x10\0"), "bound"),
    "B8_count_of_2_to_the_62": (answers(b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\0"), "bound"),
    "B9_sixty_kilobytes_of_branches": (value(RISK, b"\x02" * 60_000), "bound"),
    "B10_number_of_one_kilobyte": (swapped(PLACE, b"\x80" * 1000 + b"\x01"), "not_canonical"),
    "B10_number_of_60_kilobytes": (swapped(PLACE, b"\xff" * 60_000 + b"\x01"), "not_canonical"),
    "B11_overlong": (swapped(b"\x06A-1", b"\x86\x00A-1"), "not_canonical"),
    "B11_eleven_bytes": (swapped(b"\x06A-1", b"\x86" + b"\x80" * 9 + b"\x00A-1"), "not_canonical"),
    "B11_forty_kilobytes": (swapped(b"\x06A-1", b"\x80" * 40_000 + b"A-1"), "not_canonical"),
    "B12_int_of_2_to_the_32": (swapped(PLACE, b"\x80\x80\x80\x80\x20"), "not_canonical"),
    "B12_int_that_is_no_place": (alert({"siruta": 2**31 - 1}), "bound"),
    "B13_boolean_7": (relation_fits(7), "not_canonical"),
    "B13_enum_minus_1": (severity(b"\x01"), "bound"),
    "B13_union_minus_1": (swapped(b"\x06A-1\x00", b"\x06A-1\x01"), "not_canonical"),
    "B13_array_with_a_negative_count": (answers(b"\x01\x06\x02\x00\x00\x00"), "not_canonical"),
    "B13_array_with_a_size_that_lies": (answers(b"\x01\x04\x02\x00\x00\x00"), "not_canonical"),
    "B13_array_in_two_blocks": (answers(b"\x02\x02\x00\x00\x02\x04\x00\x00\x00"), "not_canonical"),
    "B13_array_with_an_overlong_end": (answers(b"\x80\x00"), "not_canonical"),
    "B14_bytes_of_a_not_a_number": (swapped(PLACE, struct.pack("<f", float("nan"))), "bound"),
    "B15_year_146000": (alert({"raisedAt": 4_544_000_000_000_000}), "bound"),
    "B15_moment_0": (alert({"raisedAt": 0}), "bound"),
    "B15_date_before_1900": (risk({"victim": PERSON | {"birthDate": -25_568}}), "bound"),
    "B15_date_after_2100": (risk({"victim": PERSON | {"birthDate": 2**31 - 1}}), "bound"),
    "B16_broken_utf8": (alert({}).replace(SECRET.encode()[:3], b"\xff\xfe\xfd"), "not_canonical"),
    "B16_a_surrogate": (alert({}).replace(SECRET.encode()[:3], b"\xed\xa0\x80"), "not_canonical"),
}


def entered(attack: bytes | None, type_name: str) -> Admitted | Refused:
    """What admission says of an attack in the inbox of a unit that may publish the type."""
    lane, source = (Lane.ALERT, EMIS) if type_name == ALERT_TYPE else (Lane.CASE, PATROL)
    headers = inbox_headers("00000000-0000-4000-8000-00000000000b", source, type_name, NOW, "C-1")
    return admit(_rules(lane), Kept(f"inbox.{lane}.{source}", attack, headers), NOW)


def _rules(lane: Lane) -> IngressRules:
    if lane not in RULES:
        RULES[lane] = admission(lane)
    return RULES[lane]


RULES: dict[Lane, IngressRules] = {}


def of(attack: bytes | None) -> str:
    """The inbox an attack is put into: that of the type whose id it has, else the alerts'."""
    return RISK if attack is not None and attack[:5] == frame(IDS["risk.assessed/v1"], b"") else ALERT_TYPE


@pytest.mark.parametrize("attack", MENU)
def test_an_entry_of_the_menu_is_refused_at_admission(attack: str) -> None:
    """Its code and no value: a refused record has no admitted one, and the slicer reads admitted records alone."""
    bad, code = MENU[attack]
    found = entered(bad, of(bad))
    assert isinstance(found, Refused)
    assert found.code == code
    assert SECRET not in repr(found)


@pytest.mark.parametrize("name", [ALERT_TYPE, RISK])
def test_the_records_of_the_menu_are_admitted_unspoilt(name: str) -> None:
    """Each attack changes a record that this inbox would take."""
    good = alert({}) if name == ALERT_TYPE else risk({})
    assert isinstance(entered(good, name), Admitted)


def test_the_menu_has_every_number() -> None:
    """B1 to B16, each at least once."""
    assert {attack.partition("_")[0] for attack in MENU} == {f"B{number}" for number in range(1, 17)}


TAGS = {"doc": "d", "punte.ro": "d", "punte.group": 26, "punte.class": "S1", "punte.reveals": ["none"]}
NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"], "default": None}]}
EMPTY = {"type": "record", "name": "Empty", "fields": []}
SCHEMAS: dict[str, dict[str, Any]] = {
    "B8_array_of_null": {"type": {"type": "array", "items": "null"}, "punte.max": 64},
    "B8_array_of_records_without_a_field": {"type": {"type": "array", "items": EMPTY}, "punte.max": 64},
    "B9_record_that_contains_itself": {"type": ["null", NODE], "default": None},
    "B10_decimal": {"type": {"type": "bytes", "logicalType": "decimal", "precision": 9}, "punte.max": 64},
    "B10_bytes": {"type": "bytes", "punte.max": 64},
    "B14_float": {"type": "float"},
    "B14_double": {"type": "double"},
}


@pytest.mark.parametrize("attack", SCHEMAS)
def test_a_schema_with_room_for_an_attack_does_not_load(attack: str) -> None:
    """What no leaf can hold cannot come in."""
    schema = copy.deepcopy(CATALOGUE.event_schema(ALERT_TYPE))
    schema["fields"].append({"name": "extra", **SCHEMAS[attack], **TAGS})
    with pytest.raises(SchemaRefused):
        event_type(schema, CATALOGUE.entries[ALERT_TYPE])


@pytest.mark.parametrize("swap", ["names", "places"])
def test_b4_two_leaves_swapped_are_no_version(swap: str) -> None:
    """B4: the same bytes with two meanings; a version has every leaf of the one before as it stands there."""
    old = CATALOGUE.event_schema("referral.made")
    new = copy.deepcopy(old)
    at = {field["name"]: position for position, field in enumerate(new["fields"])}
    one, other = at["safeContact"], at["interventionAddress"]
    first, second = new["fields"][one], new["fields"][other]
    if swap == "names":
        first["name"], second["name"] = second["name"], first["name"]
    else:
        new["fields"][one], new["fields"][other] = second, first
    with pytest.raises(SchemaRefused):
        check_next("events/referral.made/v2.avsc", old, new)
