"""The slow and obvious way to make any release, and Avro written in any of its forms; shares no code with the hub.

A record is decoded values; each leaf is transformed by plain arithmetic and calendar; blocks are split at will.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final, TypeAlias

from consent.terms import Transform
from tests.properties.schemas import COUNTIES

Value: TypeAlias = Any
"""Any Avro value or schema."""

HOUR_MS: Final = 3_600_000
AGES: Final = ((1, "lt_1"), (3, "y1_2"), (7, "y3_6"), (10, "y7_9"), (14, "y10_13"), (18, "y14_17"))


DAYS: Final = (
    ("2007-12-31", "2008-01-01", "lt_1"),
    ("2007-01-01", "2008-12-31", "lt_1"),
    ("2007-12-31", "2009-01-01", "y1_2"),
    ("2008-02-29", "2026-12-31", "y14_17"),
    ("2008-02-29", "2027-01-01", "adult"),
    ("2008-12-31", "2027-01-01", "adult"),
    ("2026-11-25", "2026-11-25", "lt_1"),
    ("2026-11-26", "2026-11-25", "lt_1"),
    ("2027-01-01", "2026-12-31", "unknown"),
    ("1900-01-01", "2026-11-25", "adult"),
)
"""Born, the day of the event, the band: the last and the first day of the years in which a band changes."""


def days(text: str) -> int:
    """Days since 1970 of a date."""
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def seal_ref(text: str) -> str:
    """A pairwise reference as `FixedSeals` makes it."""
    return base64.urlsafe_b64encode(hashlib.shake_128(b"ref" + text.encode()).digest(88)).decode()[:118]


def person(text: str) -> str:
    """A person reference of somebody outside every block."""
    return base64.urlsafe_b64encode(hashlib.shake_128(b"None" + text.encode()).digest(16)).decode()[:22]


def released(record: Value, wanted: Mapping[str, Transform], moment: int, above: str = "") -> Value:
    """The record as it is released. `moment`: when the event was (ms)."""
    made: dict[str, Value] = {}
    for name, value in record.items():
        path = above + name
        if path in wanted:
            made[name] = changed(value, wanted[path], moment)
        elif any(one.startswith(path + ".") for one in wanted):
            made[name] = None if value is None else released(value, wanted, moment, path + ".")
        elif any(one.startswith(path + "[].") for one in wanted):
            made[name] = [released(item, wanted, moment, path + "[].") for item in value]
    return made


def changed(value: Value, how: Transform, moment: int) -> Value:
    """One leaf transformed."""
    if how in (Transform.PAIRWISE, Transform.PERSON_REF) and isinstance(value, list):
        return [changed(item, how, moment) for item in value]
    if how in ANSWERS:
        return ANSWERS[how](value)
    if how is Transform.AGE_BAND:
        return age(value, moment)
    return None if value is None else KEPT[how](value)


def age(born: int | None, moment: int) -> str:
    """Years counted one by one, from the end of the year of birth to the beginning of the year of the moment."""
    if born is None:
        return "unknown"
    first = (date(1970, 1, 1) + timedelta(days=born)).year
    this = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)).year
    if first > this:
        return "unknown"
    years = len(range(first + 1, this))
    return next((band for below, band in AGES if years < below), "adult")


def _distance(value: int | None) -> str:
    if value is None or value < 0:
        return "unknown"
    return "lt_250m" if value < 250 else "lt_500m" if value < 500 else "lt_1km" if value < 1000 else "gt_1km"


def _present(value: Value) -> str:
    return "unknown" if value is None else "no" if value in (0, []) else "yes"


ANSWERS: Final[Mapping[Transform, Callable[[Value], Value]]] = {
    Transform.FLAG_PRESENT: _present,
    Transform.FLAG_CARE: lambda value: {"none": "no", "unknown": "unknown"}.get(value, "yes"),
    Transform.FLAG_CAUTION: lambda value: "no" if value in ("no", []) else "yes",
    Transform.FLAG_DROPPED: lambda value: "yes" if value == "dropped_out" else "no",
    Transform.DISTANCE_BAND: _distance,
    Transform.COUNT: len,
}
KEPT: Final[Mapping[Transform, Callable[[Value], Value]]] = {
    Transform.AS_IS: lambda value: value,
    Transform.HOUR: lambda value: value // HOUR_MS * HOUR_MS,
    Transform.DAY: lambda value: value // (24 * HOUR_MS) * (24 * HOUR_MS),
    Transform.COUNTY: COUNTIES.__getitem__,
    Transform.PAIRWISE: seal_ref,
    Transform.PERSON_REF: person,
}


def varint(value: int) -> bytes:
    """An Avro long, by the words of the specification."""
    zigzag, out = (value << 1) ^ (value >> 63), b""
    while zigzag > 127:
        out, zigzag = out + struct.pack("B", zigzag % 128 + 128), zigzag // 128
    return out + struct.pack("B", zigzag)


def odd_bytes(rng: Random, schema: Value, value: Value, lie: int = 0) -> bytes:
    """Avro bytes of a value, arrays split into blocks at random, some of them with a negative count and their size.

    `schema` has every name written out. `lie`: added to each size that is written.
    """
    if isinstance(schema, list):
        return b"\0" if value is None else b"\2" + odd_bytes(rng, schema[1], value, lie)
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "record":
        return b"".join(odd_bytes(rng, one["type"], value[one["name"]], lie) for one in schema["fields"])
    if kind == "array":
        return _blocks(rng, schema["items"], value, lie)
    if kind == "enum":
        return varint(schema["symbols"].index(value))
    if kind == "string":
        return _text(value)
    return varint(value) if kind in ("int", "long") else struct.pack("?", value)


def _text(value: str) -> bytes:
    return varint(len(value.encode())) + value.encode()


def _blocks(rng: Random, items: Value, value: Value, lie: int) -> bytes:
    out = b""
    while value:
        many = rng.randint(1, len(value))
        block = b"".join(odd_bytes(rng, items, one, lie) for one in value[:many])
        sized = rng.random() < 0.5
        out += (varint(-many) + varint(len(block) + lie) if sized else varint(many)) + block
        value = value[many:]
    return out + b"\0"
