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

Value: TypeAlias = Any
"""Any Avro value."""

EVENTS = (
    "incident.reported",
    "risk.assessed",
    "ppo.issued",
    "referral.made",
    "emis.alert.raised",
    "child.involved",
)
RELEASES = 40
FIRST_ID = 50_001
STEP = {Transform.HOUR: 3_600_000, Transform.DAY: 86_400_000}


@cache
def catalogue() -> Catalogue:
    """The catalogue, loaded once."""
    return load_catalogue()


class FixedSeals:
    """Pseudonyms of the right form without keys."""

    def seal_ref(self, raw: bytes) -> bytes:
        """118 characters."""
        return base64.urlsafe_b64encode(hashlib.shake_128(b"ref" + raw).digest(88))[:118]

    def person(self, whom: bytes) -> bytes:
        """22 characters."""
        return base64.urlsafe_b64encode(hashlib.shake_128(whom).digest(16))[:22]


class PlainRaw(dict[int, bytes]):
    """What the publisher wrote stands for itself; the role of a person counts, as it does for a handle."""

    def __init__(self, slicer: Slicer, body: bytes) -> None:
        super().__init__()
        self._slicer, self._body, self._offsets = slicer, body, slicer.walk(body)

    def __missing__(self, position: int) -> bytes:
        """Read it."""
        block, person = self._slicer.pairwise[position]
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
    """Some leaves of an event, arrays of records whole, in schema order, never none."""
    share = rng.choice((0.1, 0.5, 0.9))
    leaves: list[tuple[str, Transform]] = []
    while not leaves:
        whole = {field.top for field in event.fields if "[]" in field.path and rng.random() < share}
        for field in event.fields:
            options = list(_options(field, transforms))
            taken = field.top in whole if "[]" in field.path else rng.random() < share
            if options and taken:
                leaves.append((field.path, rng.choice(options)))
    return Release(event.name, tuple(leaves), rng.choice((Transform.AS_IS, Transform.HOUR, Transform.DAY)))


def _options(field: Field, transforms: bool) -> Iterator[Transform]:
    """The transforms a leaf may have: contract.md section 0, read from its table by hand."""
    sealed = {LeafKind.REF: Transform.PAIRWISE, LeafKind.PERSON: Transform.PERSON_REF}.get(field.kind)
    if sealed is None:
        yield Transform.AS_IS
    elif transforms:
        yield sealed
    if not transforms or "[]" in field.path:
        return
    if field.base == "timestamp-millis":
        yield from (Transform.HOUR, Transform.DAY)
    if field.path == "siruta":
        yield Transform.COUNTY
    if field.path in ("injuries", "injury"):
        yield Transform.FLAG_CARE
    if field.path in ("childrenPresent", "childrenAlong"):
        yield Transform.FLAG_PRESENT
    if field.group == 15:
        yield Transform.FLAG_CAUTION


def expected(record: dict[str, Any], release: Release, schema_id: int, parsed: Avro, event: EventType) -> bytes:
    """The framed release by plain values."""
    fields = {field.path: field for field in event.fields}
    wanted = dict(release.leaves)
    return frame(schema_id, encode(parsed, _project(record, "", wanted, fields)))


def _project(record: dict[str, Any], above: str, wanted: dict[str, Transform], fields: dict[str, Field]) -> Value:
    made: dict[str, Value] = {}
    for name, value in record.items():
        path = above + name
        if path in wanted:
            made[name] = _transform(value, wanted[path], fields[path])
        elif any(one.startswith((path + ".", path + "[].")) for one in wanted):
            made[name] = _below(value, path, wanted, fields)
    return made


def _below(value: Value, path: str, wanted: dict[str, Transform], fields: dict[str, Field]) -> Value:
    if isinstance(value, list):
        return [_project(item, path + "[].", wanted, fields) for item in value]
    return None if value is None else _project(value, path + ".", wanted, fields)


def _transform(value: Value, transform: Transform, field: Field) -> Value:
    if transform is Transform.FLAG_PRESENT:
        return "unknown" if value is None else "yes" if value else "no"
    if value is None or transform is Transform.AS_IS:
        return value
    if transform in STEP:
        return value // STEP[transform] * STEP[transform]
    if transform is Transform.COUNTY:
        return catalogue().siruta[value]
    if transform in (Transform.PAIRWISE, Transform.PERSON_REF):
        raw = value.encode()
        return (
            SEALS.seal_ref(raw) if transform is Transform.PAIRWISE else SEALS.person(whom(field.block, raw))
        ).decode()
    if transform is Transform.FLAG_CARE:
        return {"none": "no", "minor": "yes", "serious": "yes"}.get(value, "unknown")
    return "no" if value in ("no", []) else "yes"
