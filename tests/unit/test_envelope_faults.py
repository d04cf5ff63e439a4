"""The envelope: every faulty header is named and never repeated; times and admissions read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.terms import PartyRole, Transform
from hub.contracts.envelope import (
    DAY_MS,
    HOUR_MS,
    Admission,
    EnvelopeFault,
    Headers,
    coarse,
    format_time,
    inbox_headers,
    parse_admitted,
    parse_inbox,
    parse_time,
)

GOOD = inbox_headers("0c2a5f3e-0000-4000-8000-00000000abcd", "uaaaaa", "incident.reported", 1_790_000_000_123, "c-1")
NAMES = [name for name, _ in GOOD]
CANARY = b"Strada-Canarului-77"
moments = st.integers(-62_135_596_800_000, 253_402_300_799_999)


def changed(name: str, value: bytes | None) -> Headers:
    """The good headers with one value exchanged."""
    return [(header, value if header == name else found) for header, found in GOOD]


def test_a_good_envelope_is_read() -> None:
    """What a publisher writes is what admission reads."""
    read = parse_inbox(GOOD)
    assert (read.source, read.type, read.time, read.subject) == (
        "uaaaaa",
        "incident.reported",
        1_790_000_000_123,
        "c-1",
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe", CANARY + b" ", b"a" * 200])
def test_a_header_out_of_its_form_is_named(name: str, value: bytes | None) -> None:
    """Null, empty, not UTF-8, too long: the fault names the header and repeats no value."""
    with pytest.raises(EnvelopeFault) as fault:
        parse_inbox(changed(name, value))
    assert fault.value.header == name
    assert CANARY.decode() not in str(fault.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_header_missing_or_repeated_is_named(name: str) -> None:
    """Exactly one of each."""
    for headers in ([h for h in GOOD if h[0] != name], [*GOOD, *(h for h in GOOD if h[0] == name)]):
        with pytest.raises(EnvelopeFault) as fault:
            parse_inbox(headers)
        assert fault.value.header == name


@pytest.mark.parametrize("time", ["2026-02-30T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "0000-01-01T00:00:00.000Z"])
def test_a_time_that_is_no_moment_is_named(time: str) -> None:
    """The form alone does not make a date."""
    with pytest.raises(EnvelopeFault):
        parse_inbox(changed("ce_time", time.encode()))


@pytest.mark.parametrize("more", [[("x", b"")] * 40, [("x", b"y" * 9_000)], [("x" * 9_000, None)]])
def test_too_many_or_too_large_is_refused(more: Headers) -> None:
    """32 headers, 8 KiB, names counted."""
    with pytest.raises(EnvelopeFault) as fault:
        parse_inbox([*GOOD, *more])
    assert fault.value.header == "*"


@given(moments)
def test_a_moment_reads_back(ms: int) -> None:
    """From the year 1 to 9999, with four digits of the year."""
    assert parse_time(format_time(ms)) == ms
    assert len(format_time(ms)) == len("2026-01-01T00:00:00.000Z")


@given(moments)
def test_a_coarse_moment_is_the_start_of_its_hour_or_day(ms: int) -> None:
    """Cut down, never up, and only as far as the rule says."""
    for rule, step in ((Transform.AS_IS, 1), (Transform.HOUR, HOUR_MS), (Transform.DAY, DAY_MS)):
        assert 0 <= ms - coarse(ms, rule) < step
        assert coarse(ms, rule) % step == 0


@given(moments, st.dictionaries(st.sampled_from(PartyRole), st.binary(min_size=16, max_size=16)), st.booleans())
def test_an_admission_reads_back(ms: int, parties: dict[PartyRole, bytes], late: bool) -> None:
    """The gateway reads what admission wrote."""
    made = Admission("id", ms, b"c" * 16, parties, late)
    assert parse_admitted(made.headers()) == made


@pytest.mark.parametrize(
    "headers", [[], [("id", b"x")], [("id", b"x"), ("time", b"1"), ("case", None)], [("id", None)]]
)
def test_what_admission_did_not_write_is_refused(headers: Headers) -> None:
    """A header list without its leaves, or with null ones, is no admission."""
    with pytest.raises(EnvelopeFault):
        parse_admitted(headers)
