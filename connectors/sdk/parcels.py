"""Encodes an event for its inbox: framed Avro and CloudEvents headers. Pure.

Rule kept: what does not fit the schema, or is too large, is refused here and never sent.
"""

from __future__ import annotations

import io

import fastavro

from connectors.sdk.port import Event, Parcel, RowRefused
from hub.contracts import topics
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import plain
from hub.contracts.envelope import inbox_headers
from hub.contracts.wire import MAX_VALUE, frame


class Encoder:
    """Encodes the events of one unit."""

    def __init__(self, catalogue: Catalogue, unit: str) -> None:
        self._catalogue, self._unit = catalogue, unit
        ids = (schema_id for name in catalogue.types for schema_id in catalogue.versions(name))
        self._schemas = {schema_id: fastavro.parse_schema(plain(catalogue.schemas[schema_id])) for schema_id in ids}

    def parcel(self, event: Event) -> Parcel:
        """What is sent of an event; `RowRefused`, or whatever the encoder raises, when it is none."""
        out = io.BytesIO()
        schema_id = self._catalogue.version_of(event.type, event.record)
        fastavro.schemaless_writer(out, self._schemas[schema_id], dict(event.record), strict=True)
        value = frame(schema_id, out.getvalue())
        if len(value) > MAX_VALUE:
            raise RowRefused("record", f"keep it below {MAX_VALUE} bytes")
        lane = self._catalogue.entries[event.type].lane
        headers = inbox_headers(event.id, self._unit, event.type, event.time, event.subject)
        return Parcel(event.id, topics.inbox(lane, self._unit), value, headers)
