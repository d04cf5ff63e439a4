"""A release is read with the schema file it was written by; what is none is handed on as bytes, with a code."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import fastavro
import pytest

from connectors.sdk.released import Fetched, ReleaseReader, packed, unpacked
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import plain
from hub.contracts.files import load_catalogue
from hub.contracts.wire import frame
from hub.demo.records import random_record

ID = "2f1a7f0c-9b1d-8c3e-a111-0123456789ab"
TOPIC = "release.case.uj9kpj.p6"
SCHEMA = 1001
HEADERS = [
    ("ce_id", ID.encode()),
    ("ce_type", b"incident.reported"),
    ("ce_time", b"2026-11-20T00:00:00.000Z"),
    ("ce_subject", b"c-1"),
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The catalogue of the project."""
    return load_catalogue()


@pytest.fixture(scope="module")
def reader(catalogue: Catalogue) -> ReleaseReader:
    """A reader of everything `schemas/` has."""
    return ReleaseReader(catalogue.schemas)


@pytest.fixture(scope="module")
def record(catalogue: Catalogue) -> Mapping[str, Any]:
    """What was released."""
    return random_record(catalogue, "incident.reported", Random(1))


@pytest.fixture(scope="module")
def body(catalogue: Catalogue, record: Mapping[str, Any]) -> bytes:
    """Its Avro body."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(plain(catalogue.schemas[SCHEMA])), dict(record))
    return out.getvalue()


def test_a_release_is_read(reader: ReleaseReader, record: Mapping[str, Any], body: bytes) -> None:
    """Id, lane, unit and purpose from where it lay, the record as JSON."""
    found = reader.read(Fetched(TOPIC, 0, 7, frame(SCHEMA, body), HEADERS))
    assert (found.id, found.lane, found.unit, found.purpose, found.code) == (ID, "case", "uj9kpj", "p6", "")
    assert (found.type, found.subject, found.schema_id, found.offset) == ("incident.reported", "c-1", SCHEMA, 7)
    assert json.loads(found.record) == record


BODIES: Mapping[str, tuple[Callable[[bytes], bytes | None], str]] = {
    "no-value": (lambda body: None, "frame"),
    "an-empty-value": (lambda body: b"", "frame"),
    "another-magic": (lambda body: b"\x01" + frame(SCHEMA, body)[1:], "frame"),
    "a-schema-of-tomorrow": (lambda body: frame(999_999, body), "schema_unknown"),
    "a-body-cut-short": (lambda body: frame(SCHEMA, body[:-3]), "not_canonical"),
    "bytes-behind-the-record": (lambda body: frame(SCHEMA, body + b"\0"), "not_canonical"),
    "a-length-without-end": (lambda body: frame(SCHEMA, b"\xff" * 40), "not_canonical"),
    "a-text-of-two-gigabytes": (lambda body: frame(SCHEMA, b"\xfe\xff\xff\xff\x0f" + body), "not_canonical"),
    "a-value-too-large": (lambda body: frame(SCHEMA, body + bytes(70_000)), "size"),
}


@pytest.mark.parametrize("attack", BODIES)
def test_a_value_that_is_no_record_is_handed_on_as_bytes(reader: ReleaseReader, body: bytes, attack: str) -> None:
    """With a code, under its id."""
    change, code = BODIES[attack]
    value = change(body)
    found = reader.read(Fetched(TOPIC, 0, 7, value, HEADERS))
    assert (found.id, found.code, found.record, found.value) == (ID, code, "", value or b"")


def without(name: str) -> list[tuple[str, bytes | None]]:
    """The headers but one."""
    return [each for each in HEADERS if each[0] != name]


LISTS: Mapping[str, list[tuple[str, bytes | None]]] = {
    "no-headers": [],
    "an-id-twice": [*HEADERS, ("ce_id", ID.encode())],
    "a-null-id": [*without("ce_id"), ("ce_id", None)],
    "an-id-of-another-form": [*without("ce_id"), ("ce_id", b"1 OR 1=1")],
    "an-id-that-is-no-text": [*without("ce_id"), ("ce_id", b"\xff\xfe")],
    "no-time": without("ce_time"),
    "a-moment-that-is-none": [*without("ce_time"), ("ce_time", b"2026-13-45T00:00:00.000Z")],
    "no-subject": without("ce_subject"),
}


@pytest.mark.parametrize("attack", LISTS)
def test_headers_that_are_no_release_s_are_handed_on(reader: ReleaseReader, body: bytes, attack: str) -> None:
    """The record is unread, its headers kept as they were."""
    found = reader.read(Fetched(TOPIC, 0, 7, frame(SCHEMA, body), LISTS[attack]))
    assert (found.code, found.record) == ("header", "")
    assert unpacked(found.headers) == LISTS[attack]
    assert unpacked(packed([("a", bytes(range(256)))])) == [("a", bytes(range(256)))]
