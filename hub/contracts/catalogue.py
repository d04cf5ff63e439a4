"""The catalogue: event types, schemas by id, the record of processing, the list of places. Text in, frozen values out.

Rule kept: default deny. A field that carries no group, class or `reveals`, or has a form the contract does not list
(contract.md section 3; reliability-security.md B21, B22), does not load, and the error names file, field and remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from consent.terms import BaseType, EventType, Field, Lane, LeafKind, PartyRole, Reveals, Role, SensitivityClass
from hub.contracts.limits import SchemaRefused, check_record_schema, check_schema, refuse
from hub.contracts.shape import base_name, inline, nullable
from hub.contracts.versions import check_next, version_ids

__all__ = ["Catalogue", "Entry", "SchemaRefused", "UnclassifiedField", "catalogue", "entry", "event_type"]


class UnclassifiedField(SchemaRefused):
    """A leaf without group, class or reveals, or with words that are not listed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event type in the record of processing (GDPR art. 30).

    `only` narrows a publisher to some symbols of the leaf `only_leaf`; `retention` counts days.
    """

    name: str
    letter: str
    lane: Lane
    owner: str
    publishers: frozenset[Role]
    only_leaf: str | None
    only: Mapping[Role, frozenset[str]]
    title: Mapping[str, str]
    legal_basis: str
    retention: Mapping[str, int]
    file: str

    def narrowed(self, role: Role) -> tuple[str, frozenset[str]] | None:
        """The leaf and the symbols a publisher of this role is bound to, if any."""
        return (self.only_leaf, self.only[role]) if self.only_leaf and role in self.only else None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that `schemas/` says. A type is described as its latest version has it.

    `ids`: `incident.reported/v1`, `audit.decision/v1` or a release's name -> id of lock.json. `schemas`: id -> Avro
    schema as written in the file. `siruta`: administrative unit -> county code; `places`: administrative unit -> name.
    """

    types: Mapping[str, EventType]
    entries: Mapping[str, Entry]
    ids: Mapping[str, int]
    schemas: Mapping[int, dict[str, Any]]
    siruta: Mapping[int, int]
    places: Mapping[int, str]

    def name_of(self, schema_id: int) -> str | None:
        """The lock name behind an id."""
        return next((name for name, number in self.ids.items() if number == schema_id), None)

    def versions(self, name: str) -> tuple[int, ...]:
        """The schema ids of an event type (bare name), the first version first."""
        return version_ids(self.ids, name)

    def event_schema(self, name: str) -> dict[str, Any]:
        """The Avro schema of an event type (bare name) in its latest version."""
        return self.schemas[self.versions(name)[-1]]

    def version_of(self, name: str, record: Mapping[str, Any]) -> int:
        """The schema id to write a record with: the first version that has all its fields, the latest if none has."""
        ids = self.versions(name)
        fits = (
            number for number in ids if record.keys() <= {field["name"] for field in self.schemas[number]["fields"]}
        )
        return next(fits, ids[-1])

    def units_of(self, county: int) -> frozenset[int]:
        """The administrative units of a county; a unit's area may name the county alone."""
        return frozenset(unit for unit, of in self.siruta.items() if of == county)


def entry(name: str, row: Mapping[str, Any]) -> Entry:
    """One table of catalogue.toml; SchemaRefused when it lacks a key or has an unknown word."""
    try:
        return _entry(name, row)
    except KeyError as missing:
        refuse(SchemaRefused, "catalogue.toml", name, f"give it {missing}, as the tables above it have")
    except ValueError as unknown:
        refuse(SchemaRefused, "catalogue.toml", name, f"correct the word: {unknown}")


def _entry(name: str, row: Mapping[str, Any]) -> Entry:
    only = {Role(role): frozenset(symbols) for role, symbols in row.get("only", {}).items() if role != "leaf"}
    return Entry(
        name=name,
        letter=row["letter"],
        lane=Lane(row["lane"]),
        owner=row["owner"],
        publishers=frozenset(map(Role, row["publishers"])),
        only_leaf=row.get("only", {}).get("leaf"),
        only=only,
        title=row["title"],
        legal_basis=row["legal_basis"],
        retention=row["retention"],
        file=f"events/{name}/v1.avsc",
    )


def event_type(avsc: Mapping[str, Any], entry: Entry) -> EventType:
    """The frozen description of one event schema; raises SchemaRefused or UnclassifiedField (file, field, remedy)."""
    check_schema(entry.file, avsc)
    fields = tuple(_leaves(entry.file, inline(avsc)["fields"], _Above()))
    return EventType(name=entry.name, lane=entry.lane, fields=fields, publishers=entry.publishers)


@dataclass(frozen=True, slots=True)
class _Above:
    """What the ancestors of a field say: path so far, whether they are always there, the person block."""

    path: str = ""
    required: bool = True
    block: PartyRole | None = None


def _leaves(file: str, fields: Iterable[Mapping[str, Any]], above: _Above) -> Iterable[Field]:
    for field in fields:
        kind, null = nullable(field["type"])
        path = above.path + field["name"]
        items = kind["items"] if base_name(kind) == "array" else None
        record = kind if items is None else items
        if base_name(record) != "record":
            yield _leaf(file, field, path, above)
            continue
        dotted = path + ("." if items is None else "[].")
        required = above.required and not null and items is None
        yield from _leaves(file, record["fields"], _Above(dotted, required, _block(record["name"]) or above.block))


def _block(record: str) -> PartyRole | None:
    return next((role for role in PartyRole if role.value == record.lower()), None)


def _leaf(file: str, field: Mapping[str, Any], path: str, above: _Above) -> Field:
    kind, null = nullable(field["type"])
    array = base_name(kind) == "array"
    item = kind["items"] if array else kind
    group, sensitivity, reveals = _classified(file, field, path)
    return Field(
        path=path,
        group=group,
        sensitivity=sensitivity,
        reveals=reveals,
        kind=LeafKind(field.get("punte.leaf", LeafKind.PLAIN)),
        base=BaseType(base_name(item)),
        symbols=tuple(item["symbols"]) if base_name(item) == "enum" else (),
        nullable=null,
        array=array,
        required=above.required and not null,
        block=above.block,
        doc=field["doc"],
        doc_ro=field["punte.ro"],
    )


_GROUPS = range(1, 34)


def _classified(file: str, field: Mapping[str, Any], path: str) -> tuple[int, SensitivityClass, frozenset[Reveals]]:
    """Group, class and reveals of a leaf; anything missing or unlisted is an unclassified field."""
    group, sensitivity, reveals = (field.get(f"punte.{word}") for word in ("group", "class", "reveals"))
    if not isinstance(group, int) or group not in _GROUPS:
        refuse(UnclassifiedField, file, path, "give it `punte.group`, one number of 1-33")
    if sensitivity not in list(SensitivityClass):
        refuse(UnclassifiedField, file, path, "give it `punte.class`, one of S0-S10")
    if not isinstance(reveals, list) or not reveals or not set(reveals) <= set(Reveals):
        refuse(UnclassifiedField, file, path, "give it `punte.reveals`, a list of words of contract.md section 3")
    known = frozenset(map(Reveals, reveals))
    if Reveals.NONE in known and len(known) > 1:
        refuse(UnclassifiedField, file, path, "`none` stands alone in `punte.reveals`")
    if Reveals.SHELTER in known:
        refuse(SchemaRefused, file, path, "take the field out: no schema may reveal a shelter")
    return int(group), SensitivityClass(sensitivity), known


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of `schemas/` as parsed data: processing rows, lock, Avro schemas by lock name, rows of siruta.csv."""

    processing: Mapping[str, Any]
    lock: Mapping[str, Mapping[str, int]]
    schemas: Mapping[str, dict[str, Any]]
    places: Iterable[Mapping[str, str]]


def catalogue(sources: Sources) -> Catalogue:
    """All of `schemas/` as one frozen value; every event schema and every hub record is checked on the way."""
    ids = {name: number for part in sources.lock.values() for name, number in part.items()}
    schemas = {ids[name]: schema for name, schema in sources.schemas.items()}
    entries = {name: entry(name, row) for name, row in sources.processing.items()}
    for name in sources.lock["records"]:
        check_record_schema(name, sources.schemas[name])
        base, _, number = name.rpartition("/v")
        if before := sources.schemas.get(f"{base}/v{int(number) - 1}"):
            check_next(name, before, sources.schemas[name])
    places = list(sources.places)
    return Catalogue(
        types={name: _latest([schemas[number] for number in _named(ids, name)], row) for name, row in entries.items()},
        entries=entries,
        ids=ids,
        schemas=schemas,
        siruta={int(row["siruta"]): int(row["county"]) for row in places},
        places={int(row["siruta"]): row["name"] for row in places},
    )


def _named(ids: Mapping[str, int], name: str) -> tuple[int, ...]:
    return version_ids(ids, name) or refuse(
        SchemaRefused, f"events/{name}/v1.avsc", "*", "give the type of catalogue.toml an id in lock.json"
    )


def _latest(versions: Sequence[Mapping[str, Any]], row: Entry) -> EventType:
    """The type as its latest version has it; every version is checked, and against the one before it."""
    files = [replace(row, file=f"events/{row.name}/v{number}.avsc") for number in range(1, len(versions) + 1)]
    types = [event_type(schema, of) for schema, of in zip(versions, files, strict=True)]
    for of, (old, new) in zip(files[1:], pairwise(versions), strict=True):
        check_next(of.file, old, new)
    return types[-1]
