"""The transforms: a closed table from what a leaf was to what a release may say of it, on encoded bytes.

Rule kept: nothing outside this table exists; a transform over a leaf it was not made for is refused when the release is
compiled, never at run time (contract.md section 0; INV-12: never more precise than the rule).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from consent.terms import LeafKind, Transform
from hub.contracts.shape import Avro, base_name
from hub.release.bands import AGE_BANDS, DISTANCE_BANDS
from hub.release.varints import read_varint, varint

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
DROPPED: Final = "dropped_out"
"""The symbol FLAG_DROPPED asks for: it becomes yes, every other one no."""


class TransformRefused(ValueError):
    """A transform named for a leaf it was not made for. Names leaf and transform."""

    def __init__(self, path: str, transform: Transform) -> None:
        super().__init__(f"leaf `{path}` cannot be released as `{transform.value}`: take the leaf out of the release")
        self.path, self.transform = path, transform


class TransformFailed(ValueError):
    """A leaf whose bytes a transform does not know: the release is withheld. Holds no value."""

    def __init__(self) -> None:
        super().__init__("a transform met bytes that admission cannot have let through")


def coarse(buf: bytes, at: int, step: int) -> bytes:
    """The moment at an offset (ms, UTC), floored to a multiple of `step` ms."""
    value = read_varint(buf, at)
    return varint(value - value % step)


def symbol_table(transform: Transform, symbols: tuple[str, ...]) -> tuple[bytes, ...]:
    """What the one byte of an enum becomes, indexed by that byte; the transform must fit the enum."""
    if transform is Transform.FLAG_DROPPED:
        known: Mapping[str, bytes] = {symbol: YES if symbol == DROPPED else NO for symbol in symbols}
    else:
        known = SYMBOLS[transform]
    return tuple(known[symbols[byte >> 1]] for byte in range(2 * len(symbols)))


def county_table(counties: Mapping[int, int]) -> dict[bytes, bytes]:
    """Encoded administrative unit -> encoded county."""
    return {varint(unit): varint(county) for unit, county in counties.items()}


_ENUMS: Final[Mapping[Transform, tuple[str, tuple[str, ...]]]] = {
    Transform.FLAG_CARE: ("Flag", FLAG),
    Transform.FLAG_PRESENT: ("Flag", FLAG),
    Transform.FLAG_DROPPED: ("Flag", FLAG),
    Transform.FLAG_CAUTION: ("Caution", CAUTION),
    Transform.AGE_BAND: ("AgeBand", AGE_BANDS),
    Transform.DISTANCE_BAND: ("DistanceBand", DISTANCE_BANDS),
}
"""Name and symbols of the enum each of these makes."""
FLAGS: Final = frozenset({*_ENUMS, Transform.COUNT})
"""What makes a value of another type, which is never null."""
DERIVED: Final = frozenset(
    {Transform.AGE_BAND, Transform.DISTANCE_BAND, Transform.COUNT, Transform.FLAG_DROPPED},
)
"""Those whose release schema says what a leaf is made of (`punte.inputs`); older flags keep their published form."""
SEALED: Final[Mapping[Transform, int]] = {Transform.PAIRWISE: REF_CHARS, Transform.PERSON_REF: PERSON_CHARS}
"""Characters of what a unit gets instead of a reference or a person."""


def released_kind(transform: Transform, kind: Avro) -> Avro:
    """The Avro type of a leaf in a release, the nullable union taken off."""
    if transform in _ENUMS:
        name, symbols = _ENUMS[transform]
        return {"type": "enum", "name": name, "symbols": list(symbols)}
    return "int" if transform is Transform.COUNT else kind


def bounds(transform: Transform, field: Mapping[str, Any], kind: Avro) -> dict[str, int]:
    """Properties of a leaf that its transform changes."""
    if transform is Transform.COUNT:
        return {"punte.min": 0, "punte.max": field["punte.max"]}
    if transform in SEALED:
        return {"punte.itemMax" if base_name(kind) == "array" else "punte.max": SEALED[transform]}
    return {}


Fits = Callable[[Mapping[str, Any], Avro, bool], bool]
"""Whether a leaf (field, type, nullable) is one a transform was made for."""


def check_transform(transform: Transform, field: Mapping[str, Any], kind: Avro, null: bool, path: str) -> None:
    """Refuse a transform over a leaf it was not made for, and a reference that would leave as it is (INV-11)."""
    if not _FITS[transform](field, kind, null):
        raise TransformRefused(path, transform)


def _as_is(field: Mapping[str, Any], _: Avro, __: bool) -> bool:
    return field.get("punte.leaf") not in (LeafKind.REF, LeafKind.PERSON)


def _symbols(transform: Transform) -> Fits:
    def fits(_: Mapping[str, Any], kind: Avro, null: bool) -> bool:
        return base_name(kind) == "enum" and not null and set(kind["symbols"]) <= set(SYMBOLS[transform])

    return fits


def _dropped(_: Mapping[str, Any], kind: Avro, null: bool) -> bool:
    return base_name(kind) == "enum" and not null and DROPPED in kind["symbols"]


def _plain_array(_: Mapping[str, Any], kind: Avro, __: bool) -> bool:
    return base_name(kind) == "array" and base_name(kind["items"]) != "record"


def _present(field: Mapping[str, Any], kind: Avro, null: bool) -> bool:
    return base_name(kind) == "int" or _plain_array(field, kind, null)


def _caution(field: Mapping[str, Any], kind: Avro, null: bool) -> bool:
    return _plain_array(field, kind, null) or _symbols(Transform.FLAG_CAUTION)(field, kind, null)


def _base(base: str, **props: str) -> Fits:
    def fits(field: Mapping[str, Any], kind: Avro, _: bool) -> bool:
        return base_name(kind) == base and all(field.get(key) == want for key, want in props.items())

    return fits


def _reference(leaf: LeafKind) -> Fits:
    def fits(field: Mapping[str, Any], kind: Avro, _: bool) -> bool:
        item = kind["items"] if base_name(kind) == "array" else kind
        return base_name(item) == "string" and field.get("punte.leaf") == leaf

    return fits


_FITS: Final[Mapping[Transform, Fits]] = {
    Transform.AS_IS: _as_is,
    Transform.FLAG_CARE: _symbols(Transform.FLAG_CARE),
    Transform.FLAG_PRESENT: _present,
    Transform.FLAG_CAUTION: _caution,
    Transform.FLAG_DROPPED: _dropped,
    Transform.HOUR: _base("timestamp-millis"),
    Transform.DAY: _base("timestamp-millis"),
    Transform.COUNTY: _base("int", name="siruta"),
    Transform.PAIRWISE: _reference(LeafKind.REF),
    Transform.PERSON_REF: _reference(LeafKind.PERSON),
    Transform.AGE_BAND: _base("date"),
    Transform.DISTANCE_BAND: _base("int"),
    Transform.COUNT: _plain_array,
}
"""What each transform was made for."""
