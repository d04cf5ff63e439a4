"""Hostile leaves: times, text, references, numbers and roles out of their form; names people have pass (B15-B20)."""

from __future__ import annotations

from typing import Any

import pytest

from hub.contracts.wire import strict_decode
from tests.contracts.attacks import PERSON, READERS, SECRET, encoded, refused, value

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
