"""The transforms: a closed table from what a leaf was to what a release may say of it, on encoded bytes.

Rule kept: nothing outside this table exists; a transform over a leaf it was not made for is refused when the release is
compiled, never at run time (contract.md section 0; INV-12: never more precise than the rule).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from consent.terms import Transform
from hub.contracts.shape import Avro, base_name

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
REF_CHARS: Final = 118
PERSON_CHARS: Final = 22
STEPS: Final[Mapping[Transform, int]] = {Transform.HOUR: HOUR_MS, Transform.DAY: DAY_MS}

FLAG: Final = ("yes", "no", "unknown")
CAUTION: Final = ("yes", "no")
YES: Final = b"\x00"
NO: Final = b"\x02"
UNKNOWN: Final = b"\x04"

SYMBOLS: Final[Mapping[Transform, Mapping[str, bytes]]] = {
    Transform.FLAG_CARE: {"none": NO, "minor": YES, "serious": YES, "unknown": UNKNOWN},
    Transform.FLAG_CAUTION: {"yes": YES, "unknown": YES, "no": NO},
}
"""What each symbol of an enum becomes: symbol -> encoded symbol of the release's enum."""


class TransformRefused(ValueError):
    """A transform named for a leaf it was not made for. Names leaf and transform."""

    def __init__(self, path: str, transform: Transform) -> None:
        super().__init__(f"leaf `{path}` cannot be released as `{transform.value}`: take the leaf out of the release")
        self.path, self.transform = path, transform


class TransformFailed(ValueError):
    """A leaf whose bytes a transform does not know: the release is withheld. Holds no value."""

    def __init__(self) -> None:
        super().__init__("a transform met bytes that admission cannot have let through")


def varint(value: int) -> bytes:
    """An Avro int or long."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def read_varint(buf: bytes, at: int) -> int:
    """The int or long at an offset of admitted bytes."""
    value = shift = 0
    while True:
        byte = buf[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1) ^ -(value & 1)
        at, shift = at + 1, shift + 7


def coarse(buf: bytes, at: int, step: int) -> bytes:
    """The moment at an offset (ms, UTC), floored to a multiple of `step` ms."""
    value = read_varint(buf, at)
    return varint(value - value % step)


def symbol_table(transform: Transform, symbols: tuple[str, ...], path: str) -> tuple[bytes, ...]:
    """What the one byte of an enum becomes, indexed by that byte."""
    known = SYMBOLS[transform]
    if not set(symbols) <= set(known):
        raise TransformRefused(path, transform)
    return tuple(known[symbols[byte >> 1]] for byte in range(2 * len(symbols)))


def county_table(counties: Mapping[int, int]) -> dict[bytes, bytes]:
    """Encoded administrative unit -> encoded county."""
    return {varint(unit): varint(county) for unit, county in counties.items()}


def released_kind(transform: Transform, kind: Avro) -> Avro:
    """The Avro type of a leaf in a release, the nullable union taken off."""
    if transform in (Transform.FLAG_CARE, Transform.FLAG_PRESENT):
        return {"type": "enum", "name": "Flag", "symbols": list(FLAG)}
    if transform is Transform.FLAG_CAUTION:
        return {"type": "enum", "name": "Caution", "symbols": list(CAUTION)}
    return kind


FLAGS: Final = frozenset({Transform.FLAG_CARE, Transform.FLAG_PRESENT, Transform.FLAG_CAUTION})
BOUNDS: Final[Mapping[Transform, Mapping[str, int]]] = {
    Transform.PAIRWISE: {"punte.max": REF_CHARS},
    Transform.PERSON_REF: {"punte.max": PERSON_CHARS},
}
"""Properties of a leaf that change with its transform."""

Fits = Callable[[Mapping[str, Any], Avro, bool], bool]
"""Whether a leaf (field, type, nullable) is one a transform was made for."""

_REFERENCES: Final = {"ref": Transform.PAIRWISE, "person": Transform.PERSON_REF}


def check_transform(transform: Transform, field: Mapping[str, Any], kind: Avro, null: bool, path: str) -> None:
    """Refuse a transform over a leaf it was not made for, and a reference that would leave as it is (INV-11)."""
    if not _FITS[transform](field, kind, null):
        raise TransformRefused(path, transform)


def _as_is(field: Mapping[str, Any], _: Avro, __: bool) -> bool:
    return field.get("punte.leaf") not in _REFERENCES


def _flag_fits(transform: Transform) -> Fits:
    def fits(_: Mapping[str, Any], kind: Avro, null: bool) -> bool:
        return base_name(kind) == "enum" and not null and set(kind["symbols"]) <= set(SYMBOLS[transform])

    return fits


def _caution(field: Mapping[str, Any], kind: Avro, null: bool) -> bool:
    return base_name(kind) == "array" or _flag_fits(Transform.FLAG_CAUTION)(field, kind, null)


def _base(base: str, **props: str) -> Fits:
    def fits(field: Mapping[str, Any], kind: Avro, _: bool) -> bool:
        return base_name(kind) == base and all(field.get(key.replace("_", ".")) == want for key, want in props.items())

    return fits


_FITS: Final[Mapping[Transform, Fits]] = {
    Transform.AS_IS: _as_is,
    Transform.FLAG_CARE: _flag_fits(Transform.FLAG_CARE),
    Transform.FLAG_PRESENT: _base("int"),
    Transform.FLAG_CAUTION: _caution,
    Transform.HOUR: _base("timestamp-millis"),
    Transform.DAY: _base("timestamp-millis"),
    Transform.COUNTY: _base("int", name="siruta"),
    Transform.PAIRWISE: _base("string", punte_leaf="ref"),
    Transform.PERSON_REF: _base("string", punte_leaf="person"),
}
"""What each transform was made for."""
