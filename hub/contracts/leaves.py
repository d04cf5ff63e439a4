"""What the bytes of one leaf may be: the form each kind of leaf must have, as generated code.

Rule kept: the code is exact. Counts and lengths are bounded before they are used (reliability-security.md B7-B17;
Avro 1.12).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from hub.contracts.shape import Avro, base_name

Fault = Callable[[str, str], Exception]
"""Makes the exception of a fault from its code and the path of the leaf."""

NOT_CANONICAL: Final = "not_canonical"
BOUND: Final = "bound"
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
EARLIEST_MS: Final = 946_684_800_000
LATEST_MS: Final = 4_133_980_799_999
EARLIEST_DAY: Final = -25_567
LATEST_DAY: Final = 47_846
INT_BYTES: Final = 5
LONG_BYTES: Final = 10
UTF8_BYTES: Final = 4
MAX_COUNTY: Final = 999
MAX_PLACE: Final = 999_999

PATTERNS: Final[Mapping[str, re.Pattern[bytes]]] = {
    "ref": re.compile(rb"[A-Za-z0-9._-]{1,64}|[A-Za-z0-9_-]{118}"),
    "person": re.compile(rb"[A-Za-z0-9._-]{1,64}"),
    "unit": re.compile(rb"u[a-z0-9]{5}"),
    "pairwise": re.compile(rb"[A-Za-z0-9_-]{118}"),
    "person_ref": re.compile(rb"[A-Za-z0-9_-]{22}"),
    # 13 digits whose county code (the 8th and 9th) is 60-69, which no county has: synthetic by construction
    "cnp": re.compile(rb"[0-9]{7}6[0-9]{5}"),
}
MADE_SYMBOLS: Final = ("flag_care", "flag_present", "flag_caution", "flag_dropped", "age_band", "distance_band")
"""The transforms that make a symbol."""
CODES: Final[Mapping[str, str]] = {"cnp": "cnp_not_synthetic", "block_role": "block_role"}

# Printable ASCII, the quick way to see that text is harmless.
_PLAIN: Final = re.compile(rb"[\x20-\x7e]*")
# Refused inside text: control characters, line and paragraph separators, bidi embeddings, overrides and isolates.
_HOSTILE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def number(buf: bytes, at: int, most: int) -> tuple[int, int]:
    """The zigzag value of a canonical varint of at most `most` bytes and the offset after it; ValueError otherwise."""
    value = shift = 0
    for step in range(most):
        byte = buf[at + step]
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            if (step and not byte) or value >> (32 if most == INT_BYTES else 64):
                break
            return (value >> 1) ^ -(value & 1), at + step + 1
    raise ValueError


class Reader:
    """The primitives a generated walk calls; each raises the fault its walk was generated with."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def number(self, buf: bytes, at: int, most: int, path: str) -> tuple[int, int]:
        """An int (`most` 5) or long (`most` 10)."""
        try:
            return number(buf, at, most)
        except ValueError:
            raise self._fault(NOT_CANONICAL, path) from None

    def size(self, buf: bytes, at: int, most: int, path: str) -> tuple[int, int]:
        """A length or count of 0 to `most`."""
        value, after = self.number(buf, at, LONG_BYTES, path)
        if value < 0:
            raise self._fault(NOT_CANONICAL, path)
        if value > most:
            raise self._fault(BOUND, path)
        return value, after

    def text(self, raw: bytes, most: int, path: str) -> None:
        """UTF-8 of at most `most` characters, nothing hostile in it."""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise self._fault(NOT_CANONICAL, path) from None
        if len(text) > most or (not text.isprintable() and _HOSTILE.search(text)):
            raise self._fault(BOUND, path)

    def symbol(self, byte: int, path: str) -> Exception:
        """The fault of a byte that is no symbol of its enum."""
        return self._fault(NOT_CANONICAL if byte > 127 else BOUND, path)


class Code:
    """Lines of generated code, indented."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1

    def put(self, *lines: str) -> None:
        """Add lines at the present depth."""
        self.lines += ["    " * self.depth + line for line in lines]

    @contextmanager
    def inside(self, opening: str) -> Iterator[None]:
        """Lines put inside go one level deeper, below `opening`."""
        self.put(opening)
        self.depth += 1
        yield
        self.depth -= 1


def raising(code: str, path: str) -> str:
    """The statement that raises a fault."""
    return f"raise fault({code!r}, {path!r})"


def check_of(field: Mapping[str, Any], kind: Avro, block: str) -> str:
    """Which form a leaf must have: that of its transform, leaf kind, name (cnp, siruta, block role) or type."""
    given = field.get("punte.transform", "as_is")
    if given in EMIT:
        return str(given)
    leaf, name, base = field.get("punte.leaf"), field["name"], base_name(kind)
    if leaf in PATTERNS:
        return str(leaf)
    if (name, base) in {("siruta", "int"), ("cnp", "string")}:
        return str(name)
    if name == "role" and base == "enum" and block in kind["symbols"]:
        return "block_role"
    return base


Leaf = Mapping[str, Any]


def _length(out: Code, most: int, path: str) -> None:
    """Read a length of at most `most` bytes and set q to the end of the string."""
    out.put("n = buf[p]", "p += 1")
    out.put("if n < 128 and not n & 1: n >>= 1")
    out.put(f"else: n, p = size(buf, p - 1, {most}, {path!r})", "q = p + n")


def _emit_text(out: Code, leaf: Leaf, path: str) -> None:
    most = leaf["punte.max"]
    _length(out, UTF8_BYTES * most, path)
    out.put(f"if n > {most} or harmless(buf, p, q) is None: text(buf[p:q], {most}, {path!r})", "p = q")


def _emit_pattern(out: Code, leaf: Leaf, path: str) -> None:
    check = leaf["check"]
    _length(out, UTF8_BYTES * leaf["punte.max"], path)
    out.put(f"if {check}(buf, p, q) is None: {raising(CODES.get(check, BOUND), path)}", "p = q")


def _emit_symbol(out: Code, leaf: Leaf, path: str) -> None:
    last = 2 * len(leaf["symbols"]) - 2
    out.put("c = buf[p]", "p += 1", f"if c > {last} or c & 1: raise symbol(c, {path!r})")


def _emit_block_role(out: Code, leaf: Leaf, path: str) -> None:
    _emit_symbol(out, leaf, path)
    out.put(f"if c != {2 * leaf['symbols'].index(leaf['block'])}: {raising(CODES['block_role'], path)}")


def _emit_boolean(out: Code, _: Leaf, path: str) -> None:
    out.put(f"if buf[p] > 1: {raising(NOT_CANONICAL, path)}", "p += 1")


def _emit_number(out: Code, most: int, path: str) -> None:
    out.put("n = buf[p]", "p += 1")
    out.put("if n < 128: n = (n >> 1) ^ -(n & 1)", f"else: n, p = number(buf, p - 1, {most}, {path!r})")


def _emit_range(out: Code, low: int, high: int, path: str) -> None:
    out.put(f"if not {low} <= n <= {high}: {raising(BOUND, path)}")


def _emit_int(out: Code, leaf: Leaf, path: str) -> None:
    _emit_number(out, INT_BYTES, path)
    if "punte.min" in leaf or "punte.max" in leaf:
        _emit_range(out, leaf.get("punte.min", -(1 << 31)), leaf.get("punte.max", (1 << 31) - 1), path)


def _emit_long(out: Code, _: Leaf, path: str) -> None:
    _emit_number(out, LONG_BYTES, path)


def _emit_date(out: Code, _: Leaf, path: str) -> None:
    _emit_number(out, INT_BYTES, path)
    _emit_range(out, EARLIEST_DAY, LATEST_DAY, path)


def _emit_moment(out: Code, _: Leaf, path: str) -> None:
    out.put(f"n, p = number(buf, p, {LONG_BYTES}, {path!r})")
    _emit_range(out, EARLIEST_MS, LATEST_MS, path)


def _emit_coarse(step: int) -> Callable[[Code, Leaf, str], None]:
    def emit(out: Code, _: Leaf, path: str) -> None:
        out.put(f"n, p = number(buf, p, {LONG_BYTES}, {path!r})")
        _emit_range(out, EARLIEST_MS - EARLIEST_MS % step, LATEST_MS, path)
        out.put(f"if n % {step}: {raising(BOUND, path)}")

    return emit


def _emit_siruta(out: Code, _: Leaf, path: str) -> None:
    out.put(f"n, p = number(buf, p, {INT_BYTES}, {path!r})", f"if n not in places: {raising(BOUND, path)}")


def _emit_place(out: Code, _: Leaf, path: str) -> None:
    """A place where no list is at hand: any number that could be one."""
    out.put(f"n, p = number(buf, p, {INT_BYTES}, {path!r})")
    _emit_range(out, MAX_COUNTY + 1, MAX_PLACE, path)


def _emit_county(out: Code, _: Leaf, path: str) -> None:
    out.put(f"n, p = number(buf, p, {INT_BYTES}, {path!r})")
    _emit_range(out, 1, MAX_COUNTY, path)


EMIT: Final[Mapping[str, Callable[[Code, Leaf, str], None]]] = {
    "string": _emit_text,
    **dict.fromkeys(PATTERNS, _emit_pattern),
    "enum": _emit_symbol,
    **dict.fromkeys(MADE_SYMBOLS, _emit_symbol),
    "count": _emit_int,
    "block_role": _emit_block_role,
    "boolean": _emit_boolean,
    "int": _emit_int,
    "long": _emit_long,
    "date": _emit_date,
    "timestamp-millis": _emit_moment,
    "hour": _emit_coarse(HOUR_MS),
    "day": _emit_coarse(DAY_MS),
    "siruta": _emit_siruta,
    "place": _emit_place,
    "county": _emit_county,
}


def scope_of(fault: Fault, places: Iterable[int] | None) -> dict[str, Any]:
    """The names generated code uses. `places`: what a `siruta` leaf may hold."""
    reader = Reader(fault)
    scope: dict[str, Any] = {name: pattern.fullmatch for name, pattern in PATTERNS.items()}
    scope |= {"fault": fault, "number": reader.number, "size": reader.size, "text": reader.text}
    scope |= {"symbol": reader.symbol, "harmless": _PLAIN.fullmatch}
    return scope | {"places": frozenset(places or ())}
