"""Random releases of each event type, and what they must be: decode with fastavro, transform values, encode again.

This is the slow and obvious way to make a release; it shares no code with the slicer.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, TypeAlias

import fastavro

from consent.compile import Release
from consent.terms import EventType, Field, LeafKind, PartyRole, Transform
from hub.contracts.catalogue import Catalogue
from hub.contracts.files import load_catalogue
from hub.contracts.shape import Avro, plain
from hub.contracts.wire import frame
from hub.demo.records import random_record
from hub.release.schema import release_schema
from hub.release.slicer import Slicer
from tests.properties.naive import changed

Value: TypeAlias = Any
"""Any Avro value."""

RELEASES = 40
FIRST_ID = 50_001


@cache
def catalogue() -> Catalogue:
    """The catalogue, loaded once."""
    return load_catalogue()


EVENTS = tuple(catalogue().types)


class FixedSeals:
    """Pseudonyms of the right form without keys."""

    def seal_ref(self, raw: bytes) -> bytes:
        """118 characters."""
        return base64.urlsafe_b64encode(hashlib.shake_128(b"ref" + raw).digest(88))[:118]

    def person(self, whom: bytes) -> bytes:
        """22 characters."""
        return base64.urlsafe_b64encode(hashlib.shake_128(whom).digest(16))[:22]


class PlainRaw(dict[int, Any]):
    """What the publisher wrote stands for itself; the role of a person counts, as it does for a handle."""

    def __init__(self, slicer: Slicer, body: bytes) -> None:
        super().__init__()
        self._slicer, self._body, self._offsets = slicer, body, slicer.walk(body)

    def __missing__(self, position: int) -> bytes | tuple[bytes, ...]:
        """Read it."""
        block, person, many = self._slicer.pairwise[position]
        if many:
            found = self._slicer.texts(position, self._body, self._offsets)
            return tuple(whom(block, raw) for raw in found) if person else found
        raw = self._slicer.text(position, self._body, self._offsets)
        return whom(block, raw) if person else raw


def whom(role: PartyRole | None, raw: bytes) -> bytes:
    """What stands for a person here."""
    return f"{role}".encode() + raw


SEALS = FixedSeals()


@dataclass(frozen=True)
class Bench:
    """One event type with a pool of releases, its slicer, and fastavro's forms of all schemas."""

    type: EventType
    event_id: int
    event: Any
    releases: tuple[Release, ...]
    schemas: tuple[dict[str, Any], ...]
    parsed: tuple[Any, ...]
    slicer: Slicer

    def record(self, seed: int) -> dict[str, Any]:
        """A random valid record."""
        return random_record(catalogue(), self.type.name, Random(seed))

    def encode(self, record: dict[str, Any]) -> bytes:
        """The Avro body of a record."""
        return encode(self.event, record)

    def cut(self, index: int, body: bytes) -> bytes:
        """The framed release, as the gateway makes it."""
        cut = self.slicer.bind(self.releases[index])
        return cut(body, self.slicer.walk(body), PlainRaw(self.slicer, body), SEALS)

    def schema_id(self, index: int) -> int:
        """The id a release of the pool is framed with."""
        return FIRST_ID + index


def encode(schema: Avro, record: dict[str, Any]) -> bytes:
    """Avro bytes by fastavro, extra keys refused."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record, strict=True)
    return out.getvalue()


@cache
def bench(name: str, transforms: bool) -> Bench:
    """The pool of an event type: only given leaves, or every transform as well."""
    found = catalogue()
    rng = Random(f"{name}{transforms}")
    releases = tuple(dict.fromkeys(_release(found.types[name], rng, transforms) for _ in range(RELEASES)))
    event = found.event_schema(name)
    schemas = tuple(release_schema(event, release) for release in releases)
    ids = {release.name: FIRST_ID + index for index, release in enumerate(releases)}
    return Bench(
        type=found.types[name],
        event_id=found.versions(name)[-1],
        event=fastavro.parse_schema(plain(event)),
        releases=releases,
        schemas=schemas,
        parsed=tuple(fastavro.parse_schema(plain(schema)) for schema in schemas),
        slicer=Slicer(event, releases, ids, found.siruta),
    )


def _release(event: EventType, rng: Random, transforms: bool) -> Release:
    """Some leaves of an event in schema order, never none."""
    share = rng.choice((0.1, 0.5, 0.9))
    leaves: list[tuple[str, Transform]] = []
    while not leaves:
        for field in event.fields:
            options = list(_options(field, transforms))
            if options and rng.random() < share:
                leaves.append((field.path, rng.choice(options)))
    return Release(event.name, tuple(leaves), rng.choice((Transform.AS_IS, Transform.HOUR, Transform.DAY)))


def _options(field: Field, transforms: bool) -> Iterator[Transform]:
    """The transforms a leaf may have: contract.md section 0, read from its table by hand."""
    sealed = {LeafKind.REF: Transform.PAIRWISE, LeafKind.PERSON: Transform.PERSON_REF}.get(field.kind)
    if sealed is None:
        yield Transform.AS_IS
    elif transforms:
        yield sealed
    if transforms and field.array:
        yield from (Transform.COUNT, Transform.FLAG_PRESENT, Transform.FLAG_CAUTION)
    elif transforms:
        yield from _OF_BASE.get(field.base.value, ())
        yield from () if field.nullable else _of_enum(set(field.symbols))
        if field.path == "siruta":
            yield Transform.COUNTY


_OF_BASE = {
    "timestamp-millis": (Transform.HOUR, Transform.DAY),
    "date": (Transform.AGE_BAND,),
    "int": (Transform.FLAG_PRESENT, Transform.DISTANCE_BAND),
}


def _of_enum(symbols: set[str]) -> Iterator[Transform]:
    if symbols and symbols <= {"none", "minor", "serious", "unknown"}:
        yield Transform.FLAG_CARE
    if symbols and symbols <= {"yes", "no", "unknown"}:
        yield Transform.FLAG_CAUTION
    if "dropped_out" in symbols:
        yield Transform.FLAG_DROPPED


def expected(record: dict[str, Any], release: Release, schema_id: int, parsed: Avro, event: EventType) -> bytes:
    """The framed release by plain values."""
    first = next(f for f in event.fields if f.group == 26 and f.base.value == "timestamp-millis" and f.required)
    made = Expected({field.path: field for field in event.fields}, dict(release.leaves), record[first.path])
    return frame(schema_id, encode(parsed, made.project(record, "")))


@dataclass(frozen=True)
class Expected:
    """What a release must be: the fields of the event by path, the leaves wanted, when the event was."""

    fields: dict[str, Field]
    wanted: dict[str, Transform]
    moment: int

    def project(self, record: dict[str, Any], above: str) -> Value:
        """The fields of one record that are released."""
        made: dict[str, Value] = {}
        for name, value in record.items():
            path = above + name
            if path in self.wanted:
                made[name] = self._leaf(value, path)
            elif any(one.startswith((path + ".", path + "[].")) for one in self.wanted):
                made[name] = self._below(value, path)
        return made

    def _below(self, value: Value, path: str) -> Value:
        if isinstance(value, list):
            return [self.project(item, path + "[].") for item in value]
        return None if value is None else self.project(value, path + ".")

    def _leaf(self, value: Value, path: str) -> Value:
        how = self.wanted[path]
        if how is Transform.PERSON_REF and value is not None:
            return SEALS.person(whom(self.fields[path].block, value.encode())).decode()
        if how is Transform.COUNTY and value is not None:
            return catalogue().siruta[value]
        return changed(value, how, self.moment)
