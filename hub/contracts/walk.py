"""Generates, from one Avro schema, a walk over encoded bytes that accepts the canonical form of valid records alone.

Rule kept: nothing is allocated on the word of the bytes: counts and lengths are bounded before they are used, and a
fault says which leaf and which code, never a value (reliability-security.md B1-B17). Avro 1.12, binary encoding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from hub.contracts.shape import Avro, base_name, inline, nullable

Walk = Callable[[bytes], None]
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

PATTERNS: Final[Mapping[str, re.Pattern[bytes]]] = {
    "ref": re.compile(rb"[A-Za-z0-9._-]{1,64}|[A-Za-z0-9_-]{118}"),
    "person": re.compile(rb"[A-Za-z0-9._-]{1,64}"),
    "unit": re.compile(rb"u[a-z0-9]{5}"),
    "pairwise": re.compile(rb"[A-Za-z0-9_-]{118}"),
    "person_ref": re.compile(rb"[A-Za-z0-9_-]{22}"),
    # 13 digits whose county code (the 8th and 9th) is 60-69, which no county has: synthetic by construction
    "cnp": re.compile(rb"[0-9]{7}6[0-9]{5}"),
}
CODES: Final[Mapping[str, str]] = {"cnp": "cnp_not_synthetic", "block_role": "block_role"}

# What a moment of today looks like: six bytes, canonical, even (not before 1970), between 2000-06 and 2039-09.
_MOMENT: Final = re.compile(b"[" + re.escape(bytes(range(0x80, 0x100, 2))) + rb"][\x80-\xff]{4}[\x38-\x7f]")
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


class _Reader:
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


class _Writer:
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


def _fault(code: str, path: str) -> str:
    return f"raise fault({code!r}, {path!r})"


def _record(out: _Writer, fields: list[Mapping[str, Any]], above: str, block: str) -> None:
    for field in fields:
        path = above + field["name"]
        kind, null = nullable(field["type"])
        if not null:
            _value(out, field, kind, path, block)
            continue
        out.put("c = buf[p]", "p += 1")
        with out.inside("if c == 2:"):
            _value(out, field, kind, path, block)
        out.put(f"elif c: {_fault(NOT_CANONICAL, path)}")


def _value(out: _Writer, field: Mapping[str, Any], kind: Avro, path: str, block: str) -> None:
    base = base_name(kind)
    if base == "record":
        _record(out, kind["fields"], path + ".", kind["name"].lower())
    elif base == "array":
        _array(out, field, kind["items"], path, block)
    else:
        _leaf(out, field, kind, path, block)


def _array(out: _Writer, field: Mapping[str, Any], items: Avro, path: str, block: str) -> None:
    """One positive block and its end, or the end alone; the count is bounded before anything is read."""
    most = field["punte.max"]
    out.put("n = buf[p]", "p += 1")
    with out.inside("if n:"):
        out.put(f"n, p = size(buf, p - 1, {most}, {path!r})")
        out.put(f"if not n: {_fault(NOT_CANONICAL, path)}")
        with out.inside("for _ in range(n):"):
            record = base_name(items) == "record"
            _value(out, _element(field), items, path + "[]" if record else path, block)
        out.put(f"if buf[p]: {_fault(NOT_CANONICAL, path)}", "p += 1")


def _element(field: Mapping[str, Any]) -> dict[str, Any]:
    """The bounds of one element: `punte.max` of an array counts elements, `punte.itemMax` bounds each of them."""
    bounds = {"punte.max": field["punte.itemMax"]} if "punte.itemMax" in field else {}
    return {key: value for key, value in field.items() if key != "punte.max"} | bounds


def check_of(field: Mapping[str, Any], kind: Avro, block: str) -> str:
    """Which form a leaf must have: that of its transform, leaf kind, name (cnp, siruta, block role) or type."""
    given = field.get("punte.transform", "as_is")
    if given in _EMIT:
        return str(given)
    leaf, name, base = field.get("punte.leaf"), field["name"], base_name(kind)
    if leaf in PATTERNS:
        return str(leaf)
    if (name, base) in {("siruta", "int"), ("cnp", "string")}:
        return str(name)
    if name == "role" and base == "enum" and block in kind["symbols"]:
        return "block_role"
    return base


def _leaf(out: _Writer, field: Mapping[str, Any], kind: Avro, path: str, block: str) -> None:
    check = check_of(field, kind, block)
    _EMIT[check](out, {**field, "check": check, "symbols": _symbols(kind), "block": block}, path)


def _symbols(kind: Avro) -> list[str]:
    return list(kind["symbols"]) if base_name(kind) == "enum" else []


Leaf = Mapping[str, Any]


def _length(out: _Writer, most: int, path: str) -> None:
    """Read a length of at most `most` bytes and set q to the end of the string."""
    out.put("n = buf[p]", "p += 1")
    out.put("if n < 128 and not n & 1: n >>= 1")
    out.put(f"else: n, p = size(buf, p - 1, {most}, {path!r})", "q = p + n")


def _emit_text(out: _Writer, leaf: Leaf, path: str) -> None:
    _length(out, UTF8_BYTES * leaf["punte.max"], path)
    out.put(f"text(buf[p:q], {leaf['punte.max']}, {path!r})", "p = q")


def _emit_pattern(out: _Writer, leaf: Leaf, path: str) -> None:
    check = leaf["check"]
    _length(out, UTF8_BYTES * leaf["punte.max"], path)
    out.put(f"if {check}(buf, p, q) is None: {_fault(CODES.get(check, BOUND), path)}", "p = q")


def _emit_symbol(out: _Writer, leaf: Leaf, path: str) -> None:
    last = 2 * len(leaf["symbols"]) - 2
    out.put("c = buf[p]", "p += 1", f"if c > {last} or c & 1: raise symbol(c, {path!r})")


def _emit_block_role(out: _Writer, leaf: Leaf, path: str) -> None:
    _emit_symbol(out, leaf, path)
    out.put(f"if c != {2 * leaf['symbols'].index(leaf['block'])}: {_fault(CODES['block_role'], path)}")


def _emit_boolean(out: _Writer, _: Leaf, path: str) -> None:
    out.put(f"if buf[p] > 1: {_fault(NOT_CANONICAL, path)}", "p += 1")


def _emit_number(out: _Writer, most: int, path: str) -> None:
    out.put("n = buf[p]", "p += 1")
    out.put("if n < 128: n = (n >> 1) ^ -(n & 1)", f"else: n, p = number(buf, p - 1, {most}, {path!r})")


def _emit_range(out: _Writer, low: int, high: int, path: str) -> None:
    out.put(f"if not {low} <= n <= {high}: {_fault(BOUND, path)}")


def _emit_int(out: _Writer, leaf: Leaf, path: str) -> None:
    _emit_number(out, INT_BYTES, path)
    if "punte.min" in leaf or "punte.max" in leaf:
        _emit_range(out, leaf.get("punte.min", -(1 << 31)), leaf.get("punte.max", (1 << 31) - 1), path)


def _emit_long(out: _Writer, _: Leaf, path: str) -> None:
    _emit_number(out, LONG_BYTES, path)


def _emit_date(out: _Writer, _: Leaf, path: str) -> None:
    _emit_number(out, INT_BYTES, path)
    _emit_range(out, EARLIEST_DAY, LATEST_DAY, path)


def _emit_moment(out: _Writer, _: Leaf, path: str) -> None:
    """A fast look at the six bytes of today's moments, else the number itself."""
    out.put("if moment(buf, p): p += 6")
    with out.inside("else:"):
        out.put(f"n, p = number(buf, p, {LONG_BYTES}, {path!r})")
        _emit_range(out, EARLIEST_MS, LATEST_MS, path)


def _emit_coarse(step: int) -> Callable[[_Writer, Leaf, str], None]:
    def emit(out: _Writer, _: Leaf, path: str) -> None:
        out.put(f"n, p = number(buf, p, {LONG_BYTES}, {path!r})")
        _emit_range(out, EARLIEST_MS - EARLIEST_MS % step, LATEST_MS, path)
        out.put(f"if n % {step}: {_fault(BOUND, path)}")

    return emit


def _emit_siruta(out: _Writer, _: Leaf, path: str) -> None:
    out.put(f"n, p = number(buf, p, {INT_BYTES}, {path!r})", f"if n not in places: {_fault(BOUND, path)}")


def _emit_county(out: _Writer, _: Leaf, path: str) -> None:
    out.put(f"n, p = number(buf, p, {INT_BYTES}, {path!r})")
    _emit_range(out, 1, MAX_COUNTY, path)


_EMIT: Final[Mapping[str, Callable[[_Writer, Leaf, str], None]]] = {
    "string": _emit_text,
    **dict.fromkeys(PATTERNS, _emit_pattern),
    "enum": _emit_symbol,
    **dict.fromkeys(("flag_care", "flag_present", "flag_caution"), _emit_symbol),
    "block_role": _emit_block_role,
    "boolean": _emit_boolean,
    "int": _emit_int,
    "long": _emit_long,
    "date": _emit_date,
    "timestamp-millis": _emit_moment,
    "hour": _emit_coarse(HOUR_MS),
    "day": _emit_coarse(DAY_MS),
    "siruta": _emit_siruta,
    "county": _emit_county,
}


class _Anywhere:
    """Every place code there could be, where no list is at hand: a positive number of five or six digits."""

    def __contains__(self, place: int) -> bool:
        return MAX_COUNTY < place < 1_000_000


def compile_walk(schema: Avro, fault: Fault, places: Collection[int] | None = None) -> Walk:
    """A function that returns for the canonical bytes of a valid record and raises a `fault` for all others.

    `places`: the administrative units a `siruta` leaf may hold; None = any number that could be one.
    """
    out = _Writer()
    whole = inline(schema)
    _record(out, whole["fields"], "", whole["name"].lower())
    reader = _Reader(fault)
    scope: dict[str, Any] = {name: pattern.fullmatch for name, pattern in PATTERNS.items()}
    scope["moment"] = _MOMENT.match
    scope |= {"fault": fault, "number": reader.number, "size": reader.size, "text": reader.text}
    scope |= {"symbol": reader.symbol, "places": _Anywhere() if places is None else frozenset(places)}
    body = "\n".join("    " + line for line in out.lines)
    broken = _fault(NOT_CANONICAL, "")
    source = (
        f"def walk(buf):\n    p = 0\n    try:\n{body}\n    except IndexError:\n        {broken} from None\n"
        f"    if p != len(buf): {broken}\n"
    )
    exec(compile(source, "<walk>", "exec"), scope)  # noqa: S102  the source is made of our own schemas alone
    walk: Walk = scope["walk"]
    return walk
