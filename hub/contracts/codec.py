"""Framed Avro records of the hub itself: registers, receipts, quarantine, attempts, policies.

Rule kept: one frame (0, schema id, body) for every value on every topic, so that a stranger's client needs only the
files in `schemas/` to read it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import fastavro

from hub.contracts.versions import version_ids
from hub.contracts.wire import frame, unframe


class CodecFault(ValueError):
    """A record of the hub that its own schema does not read. Names the schema, never a value."""


@dataclass(frozen=True, slots=True)
class RecordCodec:
    """Encodes a record by its schema of `schemas/lock.json`, and decodes what was written by that or an older version.

    `older`: by id, the earlier versions that are read too, as the record of this one that lacks the newer leaves.
    """

    name: str
    schema_id: int
    schema: Any
    older: Mapping[int, Any] = field(default_factory=dict)

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """The framed bytes of a record; refuses a key the schema does not have."""
        out = io.BytesIO()
        try:
            fastavro.schemaless_writer(out, self.schema, dict(record), strict=True)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CodecFault(f"a {self.name} record does not fit its schema") from None
        return frame(self.schema_id, out.getvalue())

    def decode(self, value: bytes) -> dict[str, Any]:
        """The record behind framed bytes, as the latest version has it: null where an older one has no such leaf."""
        schema_id, body = unframe(value)
        old = self.older.get(schema_id)
        if old is None and schema_id != self.schema_id:
            raise CodecFault(f"not a {self.name} record")
        writer, reader = (self.schema, None) if old is None else (old, self.schema)
        try:
            return fastavro.schemaless_reader(io.BytesIO(body), writer, reader)  # type: ignore[return-value]
        except (ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError):
            raise CodecFault(f"a {self.name} record cannot be read") from None


def codec(name: str, schema_id: int, schema: Mapping[str, Any]) -> RecordCodec:
    """The codec of one schema; logical types are taken off, so that moments stay integers (ms)."""
    return RecordCodec(name, schema_id, fastavro.parse_schema(plain(schema)))


def versioned(name: str, ids: Mapping[str, int], schemas: Mapping[int, Any]) -> RecordCodec:
    """The codec of a hub record, e.g. `audit.receipt`: it writes the latest version and reads every one.

    `ids` as in lock.json; `schemas` by id.
    """
    *older, latest = version_ids(ids, name)
    made = codec(name, latest, schemas[latest])
    return replace(made, older={number: codec(name, number, schemas[number]).schema for number in older})


def plain(schema: Any) -> Any:
    """A schema without logical types: bytes are identical, moments and dates stay integers."""
    if isinstance(schema, Mapping):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    return [plain(item) for item in schema] if isinstance(schema, list) else schema
