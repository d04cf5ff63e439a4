"""The generated walk: quick patterns accept nothing the exact code would refuse."""

from __future__ import annotations

import re

import pytest

from hub.contracts.leaves import EMIT, Code, Leaf, scope_of
from hub.contracts.patterns import QUICK, Form, lengths_fit, quick_form
from hub.contracts.wire import WireError, frame, unframe

LEAVES: dict[str, Leaf] = {
    "enum": {"symbols": ["a", "b", "c"]},
    "flag_care": {"symbols": ["yes", "no", "unknown"]},
    "flag_present": {"symbols": ["yes", "no", "unknown"]},
    "flag_caution": {"symbols": ["yes", "no"]},
    "flag_dropped": {"symbols": ["yes", "no", "unknown"]},
    "age_band": {"symbols": ["lt_1", "y1_2", "y3_6", "y7_9", "y10_13", "y14_17", "adult", "unknown"]},
    "distance_band": {"symbols": ["lt_250m", "lt_500m", "lt_1km", "gt_1km", "unknown"]},
    "count": {"punte.min": 0, "punte.max": 9},
    "block_role": {"symbols": ["victim", "suspect", "child"], "block": "suspect"},
    "boolean": {},
    "int": {"punte.min": 1, "punte.max": 25},
    "long": {},
    "date": {},
    "timestamp-millis": {},
    "place": {},
    "county": {},
    "string": {"punte.max": 2},
    "unit": {"punte.max": 6},
    "cnp": {"punte.max": 13},
    "pairwise": {"punte.max": 118},
    "person_ref": {"punte.max": 22},
}
NUMBERS = [0, 1, 2, 24, 25, 26, 63, 64, 127, 500, 511, 999, 1000, 8191, 8192, 54975, 999_423, 999_999, 1_000_000]
NUMBERS += [24_575, 24_576, 47_846, 47_847, 946_684_799_999, 946_684_800_000, 2_199_023_255_551, 2_199_023_255_552]
NUMBERS += [4_133_980_799_999, 4_133_980_800_000, 2**31 - 1, 2**31, 2**62]
TEXTS = [b"", b"a", b"RO", b"R\n", b"\xc8\x99", b"abc", b"uab12c", b"uAB12c", b"2900101600016", b"2900101990016"]
TEXTS += [b"a" * 118, b"." * 118, b"a" * 22, b"a" * 21, b"=" * 22]


def varint(value: int) -> bytes:
    """The canonical form of a number."""
    rest, out = (value << 1) ^ (value >> 63), b""
    while rest > 127:
        out, rest = out + bytes([rest & 127 | 128]), rest >> 7
    return out + bytes([rest])


CANDIDATES = [varint(sign * number) for number in NUMBERS for sign in (1, -1)]
CANDIDATES += [varint(len(text)) + text for text in TEXTS]
CANDIDATES += [bytes([byte]) for byte in range(256)] + [bytes([byte, 0]) for byte in (0x80, 0xFE)]


def exact(check: str, raw: bytes) -> bool:
    """Whether the exact code takes these bytes as one whole leaf."""
    code = Code()
    EMIT[check](code, {**LEAVES[check], "check": check, "name": "leaf"}, "leaf")
    scope = scope_of(WireError, None)
    source = "def one(buf):\n    p = 0\n" + "\n".join(code.lines) + "\n    return p\n"
    exec(source, scope)  # noqa: S102  our own generated code
    try:
        return bool(scope["one"](raw) == len(raw))
    except (WireError, IndexError):
        return False


def quick(form: Form, raw: bytes) -> bool:
    """Whether the quick way takes these bytes as one whole leaf."""
    m = re.fullmatch(form.source, raw)
    return bool(eval(lengths_fit(form), {"m": m, "buf": raw}))  # noqa: S307 - our own generated code


@pytest.mark.parametrize("check", sorted(QUICK))
def test_what_a_pattern_accepts_the_exact_code_accepts(check: str) -> None:
    """Numbers at every edge, texts, every single byte: no pattern lets in more than the code."""
    form = quick_form(check, {**LEAVES[check], "check": check}, False)
    assert form is not None
    taken = [raw for raw in CANDIDATES if quick(form, raw)]
    assert taken, "the pattern takes some of the candidates"
    assert all(exact(check, raw) for raw in taken)


def test_unbounded_int_takes_its_32_bits() -> None:
    """The pattern of an int without bounds stays within 32 bits too."""
    form = quick_form("int", {}, False)
    assert form is not None
    assert all(-(1 << 31) <= number < 1 << 31 for number in NUMBERS if quick(form, varint(number)))


def test_frame_and_back() -> None:
    """Five bytes: 0, the id, big endian."""
    assert frame(1001, b"x") == b"\0\0\0\x03\xe9x"
    assert unframe(b"\0\0\0\x03\xe9x") == (1001, b"x")


@pytest.mark.parametrize("value", [None, b"", b"\0\0\0\x03\xe9", b"\x01\0\0\x03\xe9x"])
def test_no_frame_is_refused(value: bytes | None) -> None:
    """Null, too short, or another magic byte."""
    with pytest.raises(WireError, match="frame"):
        unframe(value)
