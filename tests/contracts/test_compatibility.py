"""Compatibility by Apache Avro's own checker, and the project's own rule: a classification may only get stricter."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import avro.schema
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

from consent.terms import LeafKind, Reveals, SensitivityClass
from hub.contracts.compatibility import loosened, pairs
from hub.contracts.files import load_catalogue, read_lock
from hub.contracts.shape import Avro
from hub.release.transforms import FLAGS
from tests.properties.releases import EVENTS, bench

CATALOGUE = load_catalogue()
RISK = CATALOGUE.types["risk.assessed"]


@cache
def parsed(text: str) -> Avro:
    """A schema as Apache Avro parses it."""
    return avro.schema.parse(text)


def reads(reader: Avro, writer: Avro) -> bool:
    """Whether Apache Avro says that data of the writer can be read with the reader."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    found = checker.get_compatibility(parsed(json.dumps(reader)), parsed(json.dumps(writer)))
    return bool(found.compatibility is SchemaCompatibilityType.compatible)


@pytest.mark.parametrize("name", EVENTS)
def test_a_release_schema_reads_its_event_where_no_transform_applies(name: str) -> None:
    """Every release of the pool resolves against the event schema, with leaves withheld and records partly given."""
    pool = bench(name, False)
    event = CATALOGUE.event_schema(name)
    assert all(reads(schema, event) for schema in pool.schemas)


def _changes_a_type(schema: Avro) -> bool:
    return any(f'"punte.transform": "{flag.value}"' in json.dumps(schema) for flag in FLAGS)


@pytest.mark.parametrize("name", EVENTS)
def test_transforms_that_keep_the_type_still_resolve(name: str) -> None:
    """Coarser times, counties and pseudonyms keep the type of their leaf; only flags make a new one."""
    pool = bench(name, True)
    kept = [schema for schema in pool.schemas if not _changes_a_type(schema)]
    assert kept
    assert all(reads(schema, CATALOGUE.event_schema(name)) for schema in kept)


def test_committed_releases_resolve_against_their_events() -> None:
    """The release schemas in `schemas/releases/` read their event's data wherever no flag stands."""
    root = files("schemas")
    for release in read_lock()["releases"]:
        schema = json.loads(root.joinpath(f"releases/{release}.avsc").read_text("utf-8"))
        event = release.rpartition("-")[0]
        assert _changes_a_type(schema) or reads(schema, CATALOGUE.event_schema(event))


def test_versions_are_fully_compatible_with_all_earlier_ones() -> None:
    """FULL_TRANSITIVE over whatever versions of an event exist, and no classification gets looser."""
    for name in CATALOGUE.types:
        locks = sorted(lock for lock in CATALOGUE.ids if lock.startswith(f"{name}/v"))
        versions = [CATALOGUE.schemas[CATALOGUE.ids[lock]] for lock in locks]
        assert versions
        assert all(reads(reader, writer) for reader, writer in pairs(versions))


def test_a_new_nullable_field_is_compatible_both_ways() -> None:
    """The one change a version may always make."""
    old = CATALOGUE.event_schema("emis.alert.raised")
    new = copy.deepcopy(old)
    new["fields"].append({"name": "zone", "type": ["null", "string"], "default": None})
    assert all(reads(reader, writer) for reader, writer in pairs([old, new]))


@pytest.mark.parametrize("change", ["new_required", "new_symbol", "other_type"])
def test_changes_that_break_a_reader_are_found(change: str) -> None:
    """A required field, a new symbol, another type: not FULL_TRANSITIVE."""
    old = CATALOGUE.event_schema("emis.alert.raised")
    new = copy.deepcopy(old)
    if change == "new_required":
        new["fields"].append({"name": "zone", "type": "string"})
    elif change == "new_symbol":
        new["fields"][3]["type"]["symbols"].append("unknown")
    else:
        new["fields"][4]["type"] = "string"
    assert not all(reads(reader, writer) for reader, writer in pairs([old, new]))


def test_pairs_look_both_ways_at_every_earlier_version() -> None:
    """Three versions make six pairs."""
    assert len(list(pairs([1, 2, 3]))) == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"group": 26}, "moved from group"),
        ({"sensitivity": SensitivityClass.S1}, "down to S1"),
        ({"reveals": frozenset({Reveals.NONE})}, "no longer says"),
        ({"kind": LeafKind.UNIT}, "without its pseudonym"),
    ],
)
def test_a_looser_classification_is_named(change: dict[str, Any], said: str) -> None:
    """A tag that got looser is one sentence that names the leaf."""
    fields = tuple(replace(one, **change) if one.path == "victim.ref" else one for one in RISK.fields)
    (found,) = loosened(RISK, replace(RISK, fields=fields))
    assert said in found
    assert "`victim.ref`" in found


def test_a_field_that_is_gone_is_named_and_a_stricter_one_is_not() -> None:
    """Deleting a classified field breaks consents; adding a field or making a class stricter does not."""
    gone = replace(RISK, fields=RISK.fields[1:])
    assert [RISK.fields[0].path in found for found in loosened(RISK, gone)] == [True]
    stricter = replace(RISK.fields[0], sensitivity=SensitivityClass.S10)
    assert not list(loosened(gone, RISK))
    assert not list(loosened(RISK, replace(RISK, fields=(stricter, *RISK.fields[1:]))))
