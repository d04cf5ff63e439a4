"""Hostile records: each is refused with its code, at once, without a big allocation, and no value of it is repeated."""

from __future__ import annotations

import io
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import fastavro
import pytest

from hub.contracts.files import load_catalogue
from hub.contracts.shape import plain
from hub.contracts.wire import MAX_VALUE, WireError, frame, strict_decode, strict_readers

CATALOGUE = load_catalogue()
READERS = strict_readers(CATALOGUE)
IDS = CATALOGUE.ids
SECRET = "Strada-Canarului-77"
ALLOCATED = 256 * 1024
SECONDS = 0.5
MOMENT = 1_790_000_000_000

PERSON: dict[str, Any] = {
    "ref": "p-1",
    "role": "victim",
    "name": SECRET,
    "cnp": "2900101600016",
    "birthDate": 7305,
    "sex": "female",
    "citizenship": "RO",
}
ALERT: dict[str, Any] = {
    "alertRef": "A-1",
    "orderRef": None,
    "raisedAt": MOMENT,
    "severity": "critical",
    "siruta": 54975,
    "unitToSend": "uab12c",
    "kind": "panic",
    "distanceBand": "unknown",
    "approaching": "yes",
    "singleUseRef": SECRET,
    "deviceRef": "D-9",
}
RISK: dict[str, Any] = {
    "assessmentRef": "R-1",
    "instrument": "RO_POL_21",
    "instrumentVersion": "2018",
    "assessedAt": MOMENT,
    "siruta": 54975,
    "previousAssessmentRef": None,
    "relationFits": True,
    "factFlag": "assessment",
    "relationship": "marital",
    "result": "imminent",
    "answers": [{"item": 1, "value": "yes", "src": "victim"}],
    "nYes1_7": 3,
    "nYes8_21": None,
    "selfCompleted": False,
    "childInHousehold": "yes",
    "weaponAccess": "no",
    "victim": PERSON,
    "suspect": None,
}
REFERRAL: dict[str, Any] = {
    "referralRef": "F-1",
    "chainRef": "F-1",
    "madeAt": MOMENT,
    "dueBy": MOMENT,
    "urgency": "urgent",
    "siruta": 54975,
    "fromKind": "police",
    "toUnit": "umobil",
    "toKind": "mobile_team",
    "beneficiary": "victim_adult",
    "needs": ["medical"],
    "basis": {"kind": "law", "ref": "O2525"},
    "riskLevel": "high",
    "safeContact": None,
    "interventionAddress": SECRET,
    "childrenAlong": 1,
    "weaponAccess": "no",
    "victim": PERSON,
    "child": None,
    "suspect": None,
}
RECORDS = {"emis.alert.raised": ALERT, "risk.assessed": RISK, "referral.made": REFERRAL}


def encoded(name: str, change: dict[str, Any] | None = None) -> bytes:
    """The Avro body of a valid record with some leaves changed."""
    out = io.BytesIO()
    parsed = fastavro.parse_schema(plain(CATALOGUE.event_schema(name)))
    fastavro.schemaless_writer(out, parsed, RECORDS[name] | (change or {}))
    return out.getvalue()


def value(name: str, body: bytes) -> bytes:
    """A body framed with its schema's id."""
    return frame(IDS[f"{name}/v1"], body)


def alert_with(old: bytes, new: bytes) -> bytes:
    """The valid alert with some of its bytes exchanged; the bytes must be there exactly once."""
    body = encoded("emis.alert.raised")
    assert body.count(old) == 1
    return value("emis.alert.raised", body.replace(old, new))


def refused(attack: bytes | None, code: str, path: str | None = None) -> None:
    """The attack is refused with this code (at this leaf): quickly, cheaply, silently."""
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(WireError) as caught:
        strict_decode(attack, READERS)
    took, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    error = caught.value
    assert error.code == code
    assert path is None or error.path == path
    assert SECRET not in repr(error)
    assert "2900101600016" not in repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert took < SECONDS
    assert peak < ALLOCATED


@pytest.mark.parametrize("name", RECORDS)
def test_the_record_the_attacks_start_from_is_admitted(name: str) -> None:
    """Each attack changes a record that is itself admitted."""
    assert strict_decode(value(name, encoded(name)), READERS).record == RECORDS[name]


@pytest.mark.parametrize("short", [None, b"", b"\0", b"\0\0\0\0", b"\0\0\0\x03\xed"])
def test_b1_empty_or_header_only(short: bytes | None) -> None:
    """B1: nothing, or a frame without a body."""
    refused(short, "frame")


@pytest.mark.parametrize("head", [b"\x01\0\0\x03\xed", b"\xc3\x01\0\0\0\0\0\0\0\0"])
def test_b2_wrong_magic(head: bytes) -> None:
    """B2: another magic byte, or the single-object form."""
    refused(head + encoded("emis.alert.raised"), "frame")


def test_b3_unknown_schema() -> None:
    """B3: an id no file of `schemas/` has."""
    refused(frame(999_999, encoded("emis.alert.raised")), "schema_unknown")


def test_b3_schema_of_the_hubs_own_records() -> None:
    """B3: an id of the lock that is no event: a publisher cannot write a register or audit record."""
    refused(frame(IDS["audit.decision/v1"], encoded("emis.alert.raised")), "schema_unknown")


def test_b3_schema_of_another_inbox() -> None:
    """B3: an event schema this inbox may not use."""
    attack = value("emis.alert.raised", encoded("emis.alert.raised"))
    with pytest.raises(WireError) as caught:
        strict_decode(attack, READERS, {IDS["risk.assessed/v1"]})
    assert caught.value.code == "schema_not_allowed"


def test_b4_valid_bytes_of_a_schema_of_like_shape() -> None:
    """B4: the bytes of one event under the id of another whose leaves have other meanings."""
    refused(frame(IDS["child.involved/v1"], encoded("referral.made")), "bound")


@pytest.mark.parametrize("name", ["incident.reported", "ppo.issued", "risk.assessed", "referral.made"])
def test_b5_bytes_of_another_shape(name: str) -> None:
    """B5: the bytes of an alert under the id of a larger schema."""
    with pytest.raises(WireError):
        strict_decode(frame(IDS[f"{name}/v1"], encoded("emis.alert.raised")), READERS)


@pytest.mark.parametrize("extra", [b"\0", b"\xff" * 9, SECRET.encode()])
def test_b6_trailing_bytes(extra: bytes) -> None:
    """B6: bytes behind the last leaf."""
    refused(value("emis.alert.raised", encoded("emis.alert.raised") + extra), "not_canonical")


HUGE = {
    "two_to_the_40": b"\x80\x80\x80\x80\x80\x80\x02",
    "900_megabytes": b"\x80\xd2\x93\xad\x06",
    "negative": b"\x09",
    "two_to_the_62": b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
}


@pytest.mark.parametrize("claim", HUGE)
def test_b7_string_length_that_lies(claim: str) -> None:
    """B7: a length far beyond the record; nothing is allocated on its word."""
    code = "not_canonical" if claim == "negative" else "bound"
    refused(alert_with(b"\x06A-1", HUGE[claim] + b"A-1"), code, "alertRef")


def test_b7_record_larger_than_the_cap() -> None:
    """B7: more than 64 KiB is not even looked at."""
    refused(value("emis.alert.raised", bytes(MAX_VALUE)), "size")


@pytest.mark.parametrize("count", [b"\x80\x80\x80\x80\x10", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", b"\x34"])
def test_b8_array_count_that_lies(count: bytes) -> None:
    """B8: a count of 2^31, of 2^62, and of one more than the bound; the count alone is enough to refuse."""
    body = encoded("risk.assessed")
    answers = b"\x02\x02\x00\x00\x00"
    assert body.count(answers) == 1
    refused(value("risk.assessed", body.replace(answers, count + b"\0\0\0")), "bound", "answers")


def test_b9_nesting_cannot_be_claimed_by_bytes() -> None:
    """B9: no schema recurses, so 60 KB of branch bytes are a fault at a leaf, not a stack."""
    refused(value("risk.assessed", b"\x02" * 60_000), "bound", "assessmentRef")


@pytest.mark.parametrize(
    "varint",
    [b"\x86\x00", b"\x86\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", b"\x80" * 40_000],
    ids=["overlong", "eleven_bytes", "forty_thousand_bytes"],
)
def test_b11_varint_that_is_not_canonical(varint: bytes) -> None:
    """B11: a length written with more bytes than it needs."""
    refused(alert_with(b"\x06A-1", varint + b"A-1"), "not_canonical", "alertRef")


def test_b12_int_beyond_32_bits() -> None:
    """B12: a place code of 2^32, which fits a varint and no int."""
    place = b"\xfe\xda\x06"
    refused(alert_with(place, b"\x80\x80\x80\x80\x20"), "not_canonical", "siruta")


def test_b12_place_that_is_not_in_the_list() -> None:
    """B12: a number that is no administrative unit; a county is none either."""
    for place in (127, 1, -54975, 2**31 - 1):
        refused(value("emis.alert.raised", encoded("emis.alert.raised", {"siruta": place})), "bound", "siruta")


def test_b13_boolean_seven() -> None:
    """B13: a boolean that is neither 0 nor 1."""
    body = encoded("risk.assessed")
    before = encoded("risk.assessed", {"relationFits": False})
    at = next(i for i, (a, b) in enumerate(zip(body, before, strict=True)) if a != b)
    refused(value("risk.assessed", body[:at] + b"\x07" + body[at + 1 :]), "not_canonical", "relationFits")


@pytest.mark.parametrize(("symbol", "code"), [(b"\x01", "bound"), (b"\x04", "bound"), (b"\x80\x00", "not_canonical")])
def test_b13_enum_out_of_range(symbol: bytes, code: str) -> None:
    """B13: symbol -1, one symbol too many, and a symbol written with two bytes."""
    body = encoded("emis.alert.raised")
    place = b"\xfe\xda\x06"
    at = body.index(place) - 1
    refused(value("emis.alert.raised", body[:at] + symbol + body[at + 1 :]), code, "severity")


@pytest.mark.parametrize("branch", [b"\x01", b"\x04", b"\x80\x00", b"\xff"])
def test_b13_union_branch_out_of_range(branch: bytes) -> None:
    """B13: a branch that is neither null nor the value."""
    refused(alert_with(b"\x06A-1\x00", b"\x06A-1" + branch), "not_canonical", "orderRef")


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        (b"\x01\x06\x02\x00\x00\x00", "not_canonical"),
        (b"\x02\x02\x00\x00\x02\x04\x00\x00\x00", "not_canonical"),
        (b"\x80\x00", "not_canonical"),
    ],
    ids=["negative_count_with_size", "two_blocks", "overlong_zero"],
)
def test_b13_array_in_odd_blocks(blocks: bytes, code: str) -> None:
    """B13: a negative count with a size, two blocks, an overlong end: the same array can be written one way only."""
    body = encoded("risk.assessed")
    refused(value("risk.assessed", body.replace(b"\x02\x02\x00\x00\x00", blocks)), code, "answers")


def test_b14_no_schema_has_a_float() -> None:
    """B14: NaN, infinity and minus zero have no leaf to come in by."""
    written = str([CATALOGUE.event_schema(name) for name in CATALOGUE.types])
    assert "'float'" not in written
    assert "'double'" not in written


TIMES = {"year_146000": 4_544_000_000_000_000, "year_1999": 946_684_799_999, "year_2101": 4_133_980_800_000, "zero": 0}


@pytest.mark.parametrize("moment", TIMES)
def test_b15_time_out_of_range(moment: str) -> None:
    """B15: a moment outside the years 2000-2100 is a code, not an overflow."""
    refused(value("emis.alert.raised", encoded("emis.alert.raised", {"raisedAt": TIMES[moment]})), "bound", "raisedAt")


@pytest.mark.parametrize("day", [-25_568, 47_847, 2**31 - 1])
def test_b15_date_out_of_range(day: int) -> None:
    """B15: a date outside 1900-2100."""
    attack = encoded("risk.assessed", {"victim": PERSON | {"birthDate": day}})
    refused(value("risk.assessed", attack), "bound", "victim.birthDate")


@pytest.mark.parametrize("raw", [b"\xff\xfe\xfd", b"\xed\xa0\x80", b"\xc0\x80a", b"\xf5\x80\x80"])
def test_b16_not_utf8(raw: bytes) -> None:
    """B16: broken UTF-8, a lone surrogate, an overlong NUL, a code point beyond Unicode."""
    canary = SECRET.encode()
    body = encoded("emis.alert.raised")
    refused(value("emis.alert.raised", body.replace(canary[:3], raw)), "not_canonical", "singleUseRef")


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "a\r\nb", "\x1b[31m", "a\x7fb", "a\x85b", "a\u2028b"])
def test_b17_control_characters(text: str) -> None:
    """B17: NUL, line breaks, escapes and other controls in a name."""
    attack = encoded("risk.assessed", {"victim": PERSON | {"name": text}})
    refused(value("risk.assessed", attack), "bound", "victim.name")


@pytest.mark.parametrize("text", ["a\u202eb", "a\u202ab", "\u2066a", "a\u2069"])
def test_b18_bidi_overrides(text: str) -> None:
    """B18: characters that make a name read as another."""
    attack = encoded("risk.assessed", {"victim": PERSON | {"name": text}})
    refused(value("risk.assessed", attack), "bound", "victim.name")


NAMES = [
    "Ng",
    "O'Brien",
    "Müller-Ücker",
    "Ștefănescu Ilinca-Maria",
    "X",
    "a" * 90,
    "نور الهدى",
    "Ğ 😀",
    "محمد\u200cرضا",
]


@pytest.mark.parametrize("name", NAMES)
def test_b19_names_people_have_pass(name: str) -> None:
    """B19: names people really have are admitted and come out unchanged."""
    attack = encoded("risk.assessed", {"victim": PERSON | {"name": name}})
    assert strict_decode(value("risk.assessed", attack), READERS).record["victim"]["name"] == name


def test_b20_ten_thousand_combining_marks() -> None:
    """B20: text is bounded in characters, marks included."""
    attack = encoded("risk.assessed", {"victim": PERSON | {"name": "a" + "\u0301" * 10_000}})
    refused(value("risk.assessed", attack), "bound", "victim.name")


LIMITS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "name_of_201_letters": ("risk.assessed", {"victim": PERSON | {"name": "a" * 201}}, "bound", "victim.name"),
    "arabic_name_of_201_letters": ("risk.assessed", {"victim": PERSON | {"name": "ن" * 201}}, "bound", "victim.name"),
    "reference_with_a_space": ("emis.alert.raised", {"alertRef": "A 1"}, "bound", "alertRef"),
    "empty_reference": ("emis.alert.raised", {"alertRef": ""}, "bound", "alertRef"),
    "reference_of_65": ("emis.alert.raised", {"alertRef": "a" * 65}, "bound", "alertRef"),
    "hub_reference_of_117": ("emis.alert.raised", {"alertRef": "a" * 117}, "bound", "alertRef"),
    "hub_reference_with_a_dot": ("emis.alert.raised", {"alertRef": "." + "a" * 117}, "bound", "alertRef"),
    "unit_in_capitals": ("emis.alert.raised", {"unitToSend": "UAB12C"}, "bound", "unitToSend"),
    "person_reference_of_65": ("risk.assessed", {"victim": PERSON | {"ref": "p" * 65}}, "bound", "victim.ref"),
    "personal_number_of_another_county_code": (
        "risk.assessed",
        {"victim": PERSON | {"cnp": "2900101990016"}},
        "cnp_not_synthetic",
        "victim.cnp",
    ),
    "personal_number_of_12_digits": (
        "risk.assessed",
        {"victim": PERSON | {"cnp": "290010160001"}},
        "cnp_not_synthetic",
        "victim.cnp",
    ),
    "suspect_in_the_victim_block": (
        "risk.assessed",
        {"victim": PERSON | {"role": "suspect"}},
        "block_role",
        "victim.role",
    ),
    "victim_in_the_suspect_block": ("risk.assessed", {"suspect": PERSON}, "block_role", "suspect.role"),
    "item_26": (
        "risk.assessed",
        {"answers": [{"item": 26, "value": "yes", "src": "victim"}]},
        "bound",
        "answers[].item",
    ),
    "referral_by_consent_to_a_mobile_team": (
        "referral.made",
        {"basis": {"kind": "consent", "ref": "c"}},
        "basis_mismatch",
        "basis.kind",
    ),
    "referral_by_law_to_a_shelter": ("referral.made", {"toKind": "shelter"}, "basis_mismatch", "basis.kind"),
    "beneficiary_child_without_child": ("referral.made", {"beneficiary": "child"}, "bound", "child"),
    "child_without_beneficiary_child": ("referral.made", {"child": PERSON | {"role": "child"}}, "bound", "child"),
}


@pytest.mark.parametrize("attack", LIMITS)
def test_a_leaf_out_of_its_bounds(attack: str) -> None:
    """Each leaf out of its form is refused with its code and path."""
    name, change, code, path = LIMITS[attack]
    refused(value(name, encoded(name, change)), code, path)


def test_hub_reference_is_admitted() -> None:
    """The 118 characters the hub gave a unit come back in its own record."""
    attack = encoded("emis.alert.raised", {"orderRef": "a" * 118})
    assert strict_decode(value("emis.alert.raised", attack), READERS).record["orderRef"] == "a" * 118


def _flipped(body: bytes) -> list[bytes]:
    return [body[:at] + bytes([byte ^ bit]) + body[at + 1 :] for at, byte in enumerate(body) for bit in (1, 0x80)]


def _cut(body: bytes) -> list[bytes]:
    return [body[:at] for at in range(len(body))]


@pytest.mark.parametrize("mutate", [_flipped, _cut])
@pytest.mark.parametrize("name", RECORDS)
def test_any_change_is_refused_or_is_another_canonical_record(
    name: str, mutate: Callable[[bytes], list[bytes]]
) -> None:
    """Every bit flipped and every length cut: a WireError, or a record whose own encoding is exactly those bytes."""
    parsed = READERS[IDS[f"{name}/v1"]].parsed
    for body in mutate(encoded(name)):
        try:
            found = strict_decode(value(name, body), READERS)
        except WireError:
            continue
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, found.record)
        assert out.getvalue() == body
