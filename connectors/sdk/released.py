"""Reads a release with the schema it was written by (`schemas/`), as any stranger's client would. Pure.

Rule kept: what cannot be read is handed on as bytes with a code, and stops nothing. A code and a place are all that is
ever said of it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

import fastavro

from hub.contracts.codec import plain
from hub.contracts.envelope import Headers, parse_time
from hub.contracts.record import KafkaRecord
from hub.contracts.wire import MAX_VALUE, WireError, unframe

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UNREADABLE: Final = (ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError, RecursionError)


class Delivery(NamedTuple):
    """One release as it came.

    `id`: its `ce_id`, which names event, unit, purpose and attempt ("" when it has none); `code`: "" when it was read,
    else why not (header, frame, size, schema_unknown, not_canonical); `time`: ms, coarse; `record`: JSON, "" unread;
    `at`: the record's timestamp (ms).
    """

    id: str
    lane: str
    unit: str
    purpose: str
    code: str
    type: str
    time: int
    subject: str
    schema_id: int
    record: str
    value: bytes
    headers: str
    topic: str
    partition: int
    offset: int
    at: int

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the value."""
        return sha256(self.value).digest()


class Fetched(NamedTuple):
    """A record by itself, e.g. one that was put aside before."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Headers
    key: bytes | None = None
    timestamp: int = 0


class ReleaseReader:
    """Reads releases; `schemas`: Avro schema by id, all that releases may be written by."""

    def __init__(self, schemas: Mapping[int, Any]) -> None:
        self._parsed = cache(lambda schema_id: fastavro.parse_schema(plain(schemas[schema_id])))
        self._known = schemas.keys()

    def read(self, record: KafkaRecord) -> Delivery:
        """The delivery of a record of `release.<lane>.<unit>.<purpose>`; never raises for what is in it."""
        _, lane, unit, purpose = record.topic.split(".", 3)
        found, headers = _texts(record.headers), packed(record.headers)
        release_id = found.get("ce_id", "")
        come = record.value or b"", headers, record.topic, record.partition, record.offset, record.timestamp
        known = release_id if _ID.fullmatch(release_id) else ""
        unread = Delivery(known, lane, unit, purpose, "header", "", 0, "", 0, "", *come)
        try:
            told = unread._replace(
                type=found["ce_type"], time=parse_time(found["ce_time"]), subject=found["ce_subject"]
            )
        except UNREADABLE:
            return unread
        return self._decoded(told) if told.id else unread

    def _decoded(self, told: Delivery) -> Delivery:
        try:
            schema_id, record = self._decode(told.value)
            return told._replace(schema_id=schema_id, record=json.dumps(record, default=bytes.hex), code="")
        except WireError as fault:
            return told._replace(code=fault.code)
        except UNREADABLE:
            return told._replace(code="not_canonical")

    def _decode(self, value: bytes) -> tuple[int, Any]:
        """Schema id and record; the record must be all of the value."""
        if len(value) > MAX_VALUE:
            raise WireError("size", "")
        schema_id, body = unframe(value)
        if schema_id not in self._known:
            raise WireError("schema_unknown", "")
        source = io.BytesIO(body)
        record = fastavro.schemaless_reader(source, self._parsed(schema_id), None)
        if source.read(1):
            raise WireError("not_canonical", "")
        return schema_id, record


def _texts(headers: Headers) -> dict[str, str]:
    """Headers by name as ASCII; one that is repeated, null or of other bytes is left out, so that it is missed."""
    names = [name for name, _ in headers]
    return {
        name: value.decode()
        for name, value in headers
        if value is not None and value.isascii() and names.count(name) == 1
    }


def packed(headers: Headers) -> str:
    """Headers as JSON text: pairs of name and value, each byte as the letter of its number; null stays null."""
    return json.dumps([[name, None if value is None else value.decode("latin-1")] for name, value in headers])


def unpacked(text: str) -> list[tuple[str, bytes | None]]:
    """The inverse of `packed`."""
    return [(name, None if value is None else value.encode("latin-1")) for name, value in json.loads(text)]
