"""The model of a release: decode the admitted record, transform plain values, encode with a schema made here.

Written from contract.md section 0 (transforms) and section 1 (`ce_time`, references). It makes its own release schema
from the event schema, so that it depends on nothing the product compiled. How references are sealed is handed in.

Where the words leave a choice: a moment is floored to its hour or day in UTC; a leaf that may be null stays null,
except where the rule has a word for it (`unknown`); an age is counted in whole years between two days in UTC,
of the unborn it is unknown, as a distance below zero is.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import fastavro

from tests.model.policy import Avro, Type, base, content_leaves, split
from tests.model.rules import occasion

Value: TypeAlias = Any
"""Any Avro value, as fastavro reads it without logical types."""
Record: TypeAlias = dict[str, Value]
FLAG, CAUTION = ("yes", "no", "unknown"), ("yes", "no")
AGES = ("lt_1", "y1_2", "y3_6", "y7_9", "y10_13", "y14_17", "adult", "unknown")
AGES_FROM = (0, 1, 3, 7, 10, 14, 18)
DISTANCES = ("lt_250m", "lt_500m", "lt_1km", "gt_1km", "unknown")
DISTANCES_BELOW = (250, 500, 1000)
SYMBOLS = {
    "flag_care": FLAG,
    "flag_present": FLAG,
    "flag_caution": CAUTION,
    "flag_dropped": CAUTION,
    "age_band": AGES,
    "distance_band": DISTANCES,
}
KINDS = {"count": "int", "county": "int", "hour": "long", "day": "long", "pairwise": "string", "person_ref": "string"}
NEVER_NULL = ("flag_present", "distance_band", "age_band")
HOUR, DAY = 3_600_000, 86_400_000
PERSON_BLOCKS = {"Victim": "victim", "Suspect": "suspect", "Child": "child"}


class Hand(NamedTuple):
    """What a projection is handed: how references and persons are sealed, and the county of an administrative unit."""

    ref: Callable[[str], str]
    person: Callable[[str, str], str]
    county: Mapping[int, int]


class Projection:
    """One release of an event type: bytes of the admitted record in, bytes of the release out, without their frames."""

    def __init__(self, event: Type, leaves: Mapping[str, str], hand: Hand) -> None:
        self._event, self._leaves, self._hand = event, leaves, hand
        self._names = 0
        fields = self._fields(event.schema["fields"], "")
        self.schema = fastavro.parse_schema({"type": "record", "name": "Release", "fields": fields})
        self._occasion = occasion(event) if "age_band" in leaves.values() else None

    def __call__(self, record: Record) -> bytes:
        """The bytes of this release of a decoded record."""
        out = io.BytesIO()
        now = record[self._occasion] if self._occasion else 0
        made = self._record(self._event.schema["fields"], record, _Where("", "", now))
        fastavro.schemaless_writer(out, self.schema, made, strict=True)
        return out.getvalue()

    # --- The schema of the release ---

    def _fields(self, fields: list[Avro], above: str) -> list[Avro]:
        found = []
        for field in fields:
            kind, null = split(field["type"])
            made = self._kind(kind, above + field["name"])
            if made is not None:
                never = self._leaves.get(above + field["name"]) in NEVER_NULL
                found.append({"name": field["name"], "type": ["null", made] if null and not never else made})
        return found

    def _kind(self, kind: Avro, path: str) -> Avro | None:
        """The type of a field in the release; None where nothing of it goes out."""
        transform = self._leaves.get(path)
        if transform in SYMBOLS:
            return {"type": "enum", "name": self._named(), "symbols": list(SYMBOLS[transform])}
        if transform in KINDS:
            return KINDS[transform]
        array = base(kind) == "array"
        inner = kind["items"] if array else kind
        if base(inner) == "record":
            fields = self._fields(inner["fields"], path + ("[]." if array else "."))
            made: Avro = {"type": "record", "name": self._named(), "fields": fields} if fields else None
        else:
            made = _plain(inner, self._named()) if transform else None
        return {"type": "array", "items": made} if array and made else made

    def _named(self) -> str:
        self._names += 1
        return f"Named{self._names}"

    # --- The values ---

    def _record(self, fields: list[Avro], record: Record, where: _Where) -> Record:
        return dict(self._values(fields, record, where))

    def _values(self, fields: list[Avro], record: Record, where: _Where) -> Iterator[tuple[str, Value]]:
        for field in fields:
            name = field["name"]
            path = where.above + name
            if path in self._leaves:
                yield name, self._leaf(self._leaves[path], record[name], where)
            elif any(leaf.startswith((path + ".", path + "[].")) for leaf in self._leaves):
                yield name, self._below(split(field["type"])[0], record[name], where._replace(above=path))

    def _below(self, kind: Avro, value: Value, where: _Where) -> Value:
        if value is None:
            return None
        array = base(kind) == "array"
        inner = kind["items"] if array else kind
        below = _Where(
            where.above + ("[]." if array else "."), PERSON_BLOCKS.get(inner["name"], where.block), where.now
        )
        if array:
            return [self._record(inner["fields"], each, below) for each in value]
        return self._record(inner["fields"], value, below)

    def _leaf(self, transform: str, value: Value, where: _Where) -> Value:
        if value is None and transform not in NEVER_NULL:
            return None
        if transform == "pairwise":
            return self._hand.ref(value)
        if transform == "person_ref":
            return self._hand.person(where.block, value)
        if transform == "county":
            return self._hand.county[value]
        if transform == "age_band":
            return age_band(value, where.now)
        return VALUES[transform](value)


class _Where(NamedTuple):
    """Where a leaf lies: the path above it, the person block around it; and the moment of the event (ms)."""

    above: str
    block: str
    now: int


def _plain(kind: Avro, name: str) -> Avro:
    """A type as it is, without logical types and with a name of its own."""
    if base(kind) == "enum":
        return {"type": "enum", "name": name, "symbols": kind["symbols"]}
    return kind if isinstance(kind, str) else kind["type"]


def decode(event: Type, body: bytes) -> Record:
    """A record as plain values: moments and dates stay numbers."""
    schema = _bare(event.schema)
    record: Any = fastavro.schemaless_reader(io.BytesIO(body), schema, None)
    return dict(record)


def _bare(kind: Avro) -> Avro:
    """The schema without logical types, so that numbers are read as numbers; every name written once."""
    seen: set[str] = set()

    def bare(one: Avro) -> Avro:
        if isinstance(one, list):
            return [bare(each) for each in one]
        if isinstance(one, str):
            return one
        if one["type"] == "array":
            return {"type": "array", "items": bare(one["items"])}
        if one.get("name") in seen:
            return one["name"]
        if one["type"] == "enum":
            seen.add(one["name"])
            return {"type": "enum", "name": one["name"], "symbols": one["symbols"]}
        if one["type"] == "record":
            seen.add(one["name"])
            fields = [{"name": field["name"], "type": bare(field["type"])} for field in one["fields"]]
            return {"type": "record", "name": one["name"], "fields": fields}
        return one["type"]

    return bare(kind)


# --- Transforms of one value ---


def coarse(ms: int, rule: str) -> int:
    """A moment under the rule of its group: as it is, or floored to the hour or the day."""
    return {"as_is": ms, "hour": ms - ms % HOUR, "day": ms - ms % DAY}[rule]


def ce_time(ms: int, rule: str) -> str:
    """The header `ce_time` of a release."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=coarse(ms, rule))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def age_band(born: int | None, now: int) -> str:
    """The band of the age that everyone born in the year of that day (days since 1970) has when this year begins."""
    if born is None:
        return "unknown"
    birth, today = _day(born), _day(now // DAY)
    if birth.year > today.year:
        return "unknown"
    years = max(0, today.year - birth.year - 1)
    return AGES[sum(years >= start for start in AGES_FROM) - 1]


def _day(days: int) -> date:
    return date(1970, 1, 1) + timedelta(days=days)


def distance_band(metres: int | None) -> str:
    """The band of a distance."""
    if metres is None or metres < 0:
        return "unknown"
    return DISTANCES[sum(metres >= below for below in DISTANCES_BELOW)]


def present(value: Value) -> str:
    """Whether there is something: of a number, or of a list."""
    return "unknown" if value is None else "yes" if value else "no"


VALUES: Mapping[str, Callable[[Value], Value]] = {
    "as_is": lambda value: value,
    "hour": lambda value: coarse(value, "hour"),
    "day": lambda value: coarse(value, "day"),
    "count": len,
    "distance_band": distance_band,
    "flag_present": present,
    "flag_care": lambda value: {"none": "no", "minor": "yes", "serious": "yes", "unknown": "unknown"}[value],
    "flag_caution": lambda value: "no" if value in ("no", []) else "yes",
    "flag_dropped": lambda value: "yes" if value == "dropped_out" else "no",
}


# --- What guards read ---


def read_guards(event: Type, record: Record) -> tuple[int | None, frozenset[str], dict[str, str]]:
    """The place, the units named and the symbols that guards may read of a record."""
    found: dict[str, list[Value]] = {}
    _collect(event.schema["fields"], record, "", found)
    units = frozenset(unit for leaf in event.leaves if leaf.kind == "unit" for unit in found.get(leaf.path, ()))
    content = {
        leaf.path: _symbol(found[leaf.path][0])
        for leaf in event.leaves
        if leaf.path in content_leaves() and leaf.base in ("enum", "boolean") and found.get(leaf.path)
    }
    return next(iter(found.get("siruta", ())), None), units, content


def _symbol(value: Value) -> str:
    """An enum's symbol; booleans are yes and no."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _collect(fields: list[Avro], record: Record, above: str, found: dict[str, list[Value]]) -> None:
    """All values by path; null is no value, an array many."""
    for field in fields:
        kind, value = split(field["type"])[0], record[field["name"]]
        array = base(kind) == "array"
        inner = kind["items"] if array else kind
        for each in [] if value is None else value if array else [value]:
            if base(inner) == "record":
                _collect(inner["fields"], each, above + field["name"] + ("[]." if array else "."), found)
            else:
                found.setdefault(above + field["name"], []).append(each)
