"""A schema that could hold what must never be said, or keep the reader busy without end, does not load."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from consent.terms import EventType
from hub.contracts.catalogue import Entry, SchemaRefused, UnclassifiedField, event_type
from hub.contracts.files import load_catalogue

CATALOGUE = load_catalogue()
ENTRY: Entry = CATALOGUE.entries["emis.alert.raised"]
Change = Callable[[dict[str, Any]], object]
TAGS = {"punte.group": 26, "punte.class": "S1", "punte.reveals": ["none"], "doc": "A leaf", "punte.ro": "Un câmp"}


def load(change: Change) -> EventType:
    """The alert schema with one change, loaded."""
    schema = copy.deepcopy(CATALOGUE.event_schema("emis.alert.raised"))
    change(schema)
    return event_type(schema, ENTRY)


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """One top-level field."""
    found: dict[str, Any] = next(one for one in schema["fields"] if one["name"] == name)
    return found


def put(name: str, **keys: object) -> Change:
    """Set properties of a field (`__` stands for a dot)."""
    return lambda schema: field(schema, name).update({key.replace("__", "."): value for key, value in keys.items()})


def drop(name: str, key: str) -> Change:
    """Take a property off a field."""
    return lambda schema: field(schema, name).pop(key)


def add(name: str, kind: object, **keys: object) -> Change:
    """Add a classified field."""
    tags = {key.replace("__", "."): value for key, value in keys.items()}
    return lambda schema: schema["fields"].append({"name": name, "type": kind, **TAGS, **tags})


def _nested(depth: int) -> dict[str, Any]:
    kind: Any = "int"
    for level in range(depth):
        kind = {"type": "record", "name": f"R{level}", "fields": [{"name": "a", "type": kind, **TAGS}]}
    found: dict[str, Any] = kind
    return found


ITSELF = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"], "default": None}]}

UNCLASSIFIED: dict[str, tuple[str, Change]] = {
    "no_group": ("kind", drop("kind", "punte.group")),
    "no_class": ("kind", drop("kind", "punte.class")),
    "no_reveals": ("kind", drop("kind", "punte.reveals")),
    "group_34": ("kind", put("kind", punte__group=34)),
    "class_s11": ("kind", put("kind", punte__class="S11")),
    "unknown_reveals": ("kind", put("kind", punte__reveals=["everything"])),
    "empty_reveals": ("kind", put("kind", punte__reveals=[])),
    "none_and_more": ("kind", put("kind", punte__reveals=["none", "child"])),
}
REFUSED: dict[str, tuple[str, Change]] = {
    "reveals_shelter": ("kind", put("kind", punte__reveals=["shelter"])),
    "map": ("extra", add("extra", {"type": "map", "values": "string"})),
    "bytes": ("extra", add("extra", "bytes", punte__max=8)),
    "fixed": ("extra", add("extra", {"type": "fixed", "name": "F", "size": 4})),
    "float": ("extra", add("extra", "float")),
    "double": ("extra", add("extra", "double")),
    "decimal": ("extra", add("extra", {"type": "bytes", "logicalType": "decimal", "precision": 9})),
    "unknown_logical_type": ("extra", add("extra", {"type": "long", "logicalType": "time-micros"})),
    "date_as_long": ("extra", add("extra", {"type": "long", "logicalType": "date"})),
    "array_of_null": ("extra", add("extra", {"type": "array", "items": "null"}, punte__max=4)),
    "array_of_arrays": (
        "extra",
        add("extra", {"type": "array", "items": {"type": "array", "items": "int"}}, punte__max=4),
    ),
    "array_of_unions": ("extra", add("extra", {"type": "array", "items": ["null", "int"]}, punte__max=4)),
    "nullable_array": ("extra", add("extra", ["null", {"type": "array", "items": "int"}], default=None, punte__max=4)),
    "union_of_two": ("extra", add("extra", ["string", "int"], punte__max=9)),
    "union_of_three": ("extra", add("extra", ["null", "string", "int"], default=None, punte__max=9)),
    "union_null_last": ("extra", add("extra", ["string", "null"], punte__max=9)),
    "default_value": ("extra", add("extra", "int", default=0)),
    "nullable_without_default": ("extra", add("extra", ["null", "int"])),
    "unbounded_string": ("singleUseRef", drop("singleUseRef", "punte.max")),
    "string_of_201": ("singleUseRef", put("singleUseRef", punte__max=201)),
    "unbounded_array": ("extra", add("extra", {"type": "array", "items": "int"})),
    "array_of_65": ("extra", add("extra", {"type": "array", "items": "int"}, punte__max=65)),
    "unbounded_strings_in_an_array": ("extra", add("extra", {"type": "array", "items": "string"}, punte__max=4)),
    "enum_default": ("kind", lambda schema: field(schema, "kind")["type"].update(default="panic")),
    "enum_without_symbols": ("kind", lambda schema: field(schema, "kind")["type"].update(symbols=[])),
    "enum_symbol_twice": ("kind", lambda schema: field(schema, "kind")["type"].update(symbols=["a", "a"])),
    "enum_of_65": ("kind", lambda schema: field(schema, "kind")["type"].update(symbols=[f"s{n}" for n in range(65)])),
    "coordinates": ("gpsPoint", add("gpsPoint", "string", punte__max=20)),
    "latitude": ("lat", add("lat", "int")),
    "shelter_name": ("shelterName", add("shelterName", "string", punte__max=20)),
    "shelter_in_romanian": ("adapost", add("adapost", "string", punte__max=20)),
    "narrative": ("narrative", add("narrative", "string", punte__max=200)),
    "note": ("officerNote", add("officerNote", "string", punte__max=200)),
    "reference_of_another_length": ("alertRef", put("alertRef", punte__max=64)),
    "reference_that_is_a_number": ("distanceBand", put("distanceBand", punte__leaf="ref")),
    "unknown_leaf_kind": ("alertRef", put("alertRef", punte__leaf="phone")),
    "no_doc": ("kind", drop("kind", "doc")),
    "no_romanian": ("kind", drop("kind", "punte.ro")),
    "name_with_a_path": ("../../etc/x", add("../../etc/x", "int")),
    "name_with_underscores_first": ("__class__", add("__class__", "int")),
    "name_twice": ("kind", add("kind", "int")),
    "recursion": ("Node", add("extra", ["null", ITSELF], default=None)),
    "too_deep": ("*", add("extra", _nested(40))),
    "too_many_fields": (
        "*",
        lambda s: s["fields"].extend({"name": f"f{n}", "type": "int", **TAGS} for n in range(300)),
    ),
    "one_megabyte_of_doc": ("*", put("kind", doc="x" * 1_000_000)),
}


@pytest.mark.parametrize("fault", UNCLASSIFIED)
def test_an_unclassified_field_does_not_load(fault: str) -> None:
    """A field without group, class or reveals is refused, naming file, field and remedy."""
    name, change = UNCLASSIFIED[fault]
    with pytest.raises(UnclassifiedField) as refused:
        load(change)
    assert (refused.value.file, refused.value.field) == ("events/emis.alert.raised/v1.avsc", name)
    assert "punte." in refused.value.remedy
    assert refused.value.remedy in str(refused.value)


@pytest.mark.parametrize("fault", REFUSED)
def test_a_schema_beyond_the_limits_does_not_load(fault: str) -> None:
    """Each form the contract does not list is refused, naming file, field and remedy."""
    name, change = REFUSED[fault]
    with pytest.raises(SchemaRefused) as refused:
        load(change)
    assert (refused.value.file, refused.value.field) == ("events/emis.alert.raised/v1.avsc", name)
    assert refused.value.remedy


def test_the_schema_the_faults_are_planted_in_loads() -> None:
    """Unchanged, the schema is accepted, and so is a bounded, classified new field."""
    assert len(load(lambda _: None).fields) == 11
    assert len(load(add("extra", ["null", "string"], default=None, punte__max=9)).fields) == 12


def test_a_record_reused_by_name_loads() -> None:
    """A named type written once and referred to again is no recursion."""
    tri = {"name": "again", "type": "Tri", **TAGS}
    assert load(lambda schema: schema["fields"].append(tri)).fields[-1].symbols == ("yes", "no", "unknown")
