"""Quick patterns of encoded leaves and records: what a walk tries before its exact code.

Rule kept: a pattern accepts only bytes the exact code (hub.contracts.leaves) would accept too, so it may save time and
never admit more. A pattern cannot count, so the length byte before each text stands beside a group that holds the text,
and the walk compares the two: since everything before a text is fixed, so is where it ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from hub.contracts.leaves import MADE_SYMBOLS

Leaf = Mapping[str, Any]
ONE_BYTE: Final = 63
"""The largest length or count that one byte holds."""
MOST_REPEATS: Final = 32
COUNTED: Final = 2
"""Texts so short that a pattern can name each length."""
BELOW_TEXT: Final = 16
"""Symbols of an enum whose bytes all lie below the first printable one."""

# Printable ASCII and the letters U+00C0 to U+023F (every Romanian one); nothing is given back once taken.
_TEXT: Final = rb"[\x20-\x7e]*+(?:[\xc3-\xc8][\x80-\xbf][\x20-\x7e]*+)*+"


class Form(NamedTuple):
    """The pattern of some encoded leaves in a row.

    `apart`: it never begins with a byte that could go on a text. `open`: it may end with a text, which takes every byte
    that could go on it; so only a form that is `apart` may follow one that is `open`.
    """

    source: bytes
    leaves: int = 1
    apart: bool = False
    open: bool = False


def follows(before: Form, after: Form) -> bool:
    """Whether one form may stand right behind another."""
    return after.apart or not before.open


def joined(forms: Sequence[Form | None]) -> Form | None:
    """One form of several in a row; None when one is missing or may not stand where it would."""
    known = [form for form in forms if form is not None]
    if not known or len(known) < len(forms) or not all(map(follows, known, known[1:])):
        return None
    source = b"".join(form.source for form in known)
    return Form(source, sum(form.leaves for form in known), known[0].apart, known[-1].open)


def optional(form: Form | None) -> Form | None:
    """The form of `["null", X]`: a branch byte of 0, or of 2 and X."""
    if form is None:
        return None
    return Form(rb"(?:\x00|\x02" + form.source + b")", form.leaves, True, form.open)


def repeated(form: Form | None, most: int) -> Form | None:
    """The form of an array of elements that have one: its only block and its end, or the end alone.

    None where an element holds a text: of a repeated group a match keeps the last text only.
    """
    if form is None or re.compile(form.source).groups or not 0 < most <= MOST_REPEATS:
        return None
    blocks = b"|".join(_any_of([2 * n]) + b"(?:" + form.source + b"){%d}" % n for n in range(1, most + 1))
    return Form(rb"(?:\x00|(?:" + blocks + rb")\x00)", form.leaves, most < BELOW_TEXT)


def lengths_fit(form: Form) -> str:
    """An expression over a match `m` in `buf`: whether each text ends where the length before it says.

    Each group of the pattern is a length of one or two bytes and its text.
    """
    groups = range(1, re.compile(form.source).groups + 1)
    return " and ".join(["m", *(f"((b := m.end({n})) < 0 or b == ({_END.format(n)}))" for n in groups)])


_END: Final = (
    "a + 1 + (c >> 1) if (c := buf[(a := m.start({}))]) < 128 else a + 2 + ((c & 127) >> 1) + (buf[a + 1] << 6)"
)


def _any_of(values: Iterable[int]) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % value for value in values) + b"]"


def _symbol(leaf: Leaf) -> Form:
    symbols: Sequence[str] = leaf["symbols"]
    return Form(_any_of(range(0, 2 * len(symbols), 2)), apart=len(symbols) <= BELOW_TEXT)


def _role(leaf: Leaf) -> Form:
    return Form(_any_of([2 * leaf["symbols"].index(leaf["block"])]), apart=True)


def _int(leaf: Leaf) -> Form | None:
    if "punte.min" not in leaf and "punte.max" not in leaf:
        return Form(rb"(?:[\x80-\xff]{0,3}[\x01-\x7f]|\x00)")
    low, high = leaf.get("punte.min", -1), leaf.get("punte.max", ONE_BYTE + 1)
    return Form(_any_of(range(2 * low, 2 * high + 1, 2))) if low >= 0 and high <= ONE_BYTE else None


def _text(leaf: Leaf) -> Form:
    """A text whose bytes are no more than its characters may be; longer ones, and other letters, take the exact way."""
    most = leaf["punte.max"]
    if most <= COUNTED:
        return Form(
            b"(?:" + b"|".join(_any_of([2 * n]) + b"[\\x20-\\x7e]{%d}" % n for n in range(most + 1)) + b")", apart=True
        )
    length = _any_of(range(0, 2 * min(most, ONE_BYTE) + 1, 2))
    second = (2 * most >> 7) - 1
    if second > 0:
        length = b"(?:" + length + b"|" + _any_of(range(0x80, 0x100, 2)) + _any_of(range(1, second + 1)) + b")"
    return Form(b"(" + length + _TEXT + b")", open=True)


def _fixed(source: bytes, *, apart: bool = False) -> Callable[[Leaf], Form]:
    return lambda _: Form(source, apart=apart)


QUICK: Final[Mapping[str, Callable[[Leaf], Form | None]]] = {
    "string": _text,
    "unit": _fixed(rb"\x0cu[a-z0-9]{5}", apart=True),
    "pairwise": _fixed(rb"\xec\x01[A-Za-z0-9_-]{118}", apart=True),
    "person_ref": _fixed(rb"\x2c[A-Za-z0-9_-]{22}"),
    "cnp": _fixed(rb"\x1a[0-9]{7}6[0-9]{5}", apart=True),
    **dict.fromkeys(("enum", *MADE_SYMBOLS), _symbol),
    "block_role": _role,
    "boolean": _fixed(rb"[\x00\x01]", apart=True),
    **dict.fromkeys(("int", "count"), _int),
    "long": _fixed(rb"(?:[\x80-\xff]{0,8}[\x01-\x7f]|\x00)"),
    # up to 2037 and back to 1902, wider dates take the exact way
    "date": _fixed(rb"(?:[\x80-\xff]?[\x01-\x7f]|\x00|[\x80-\xff]{2}[\x01\x02])"),
    # six bytes, even (not before 1970): between June 2000 and September 2039
    "timestamp-millis": _fixed(_any_of(range(0x80, 0x100, 2)) + rb"[\x80-\xff]{4}[\x38-\x7f]"),
    # 8192 to 999,423
    "place": _fixed(_any_of(range(0x80, 0x100, 2)) + rb"[\x80-\xff][\x01-\x79]"),
    "county": _fixed(_any_of(range(0x80, 0x100, 2)) + rb"[\x01-\x07]"),
}
"""Forms of single leaves; a leaf without one takes the exact way always."""


def quick_form(check: str, leaf: Leaf, null: bool) -> Form | None:
    """The form of a leaf, with its branch byte where it may be null."""
    form = QUICK[check](leaf) if check in QUICK else None
    return optional(form) if null else form
