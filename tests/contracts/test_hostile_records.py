"""Hostile records: each is refused with its code, at once, without a big allocation, and no value of it is repeated."""

from __future__ import annotations

import io
from collections.abc import Callable

import fastavro
import pytest

from hub.contracts.wire import MAX_VALUE, WireError, frame, strict_decode
from tests.contracts.attacks import CATALOGUE, IDS, READERS, RECORDS, SECRET, alert_with, encoded, refused, value


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
        strict_decode(frame(CATALOGUE.versions(name)[-1], encoded("emis.alert.raised")), READERS)


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
    parsed = READERS[CATALOGUE.versions(name)[-1]].parsed
    for body in mutate(encoded(name)):
        try:
            found = strict_decode(value(name, body), READERS)
        except WireError:
            continue
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, found.record)
        assert out.getvalue() == body
