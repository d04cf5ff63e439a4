"""Empties an outbox into the unit's inboxes.

Rule kept: at least once, in order; a row is marked only when all replicas have acknowledged it; a row that is no event
is marked for a person and never stops those behind it.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import fastavro
from aiokafka import AIOKafkaProducer

from connectors.sdk.port import Event, Row, RowMapping, RowRefused
from connectors.sdk.sql import Outbox
from hub.contracts import topics
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import plain
from hub.contracts.envelope import inbox_headers
from hub.contracts.wire import MAX_VALUE, frame
from hub.telemetry.logs import get_log

log = get_log(__name__)
BATCH: Final = 200
IDLE_S: Final = 0.05
FAULTS: Final = (RowRefused, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, OSError)
"""What a mapping or the encoder raises on a row that is no event; none of it may stop the rows behind it."""


class OutboxPublisher:
    """Publishes one unit's outbox. Use as an async context manager, then `run()`."""

    def __init__(
        self, options: Mapping[str, Any], catalogue: Catalogue, unit: str, outbox: Outbox, mapping: RowMapping
    ) -> None:
        """`options`: bootstrap and security of the unit's own Kafka client."""
        self._producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
        self._catalogue, self._unit, self._outbox, self._mapping = catalogue, unit, outbox, mapping
        ids = (schema_id for name in catalogue.types for schema_id in catalogue.versions(name))
        self._schemas = {schema_id: fastavro.parse_schema(plain(catalogue.schemas[schema_id])) for schema_id in ids}

    async def __aenter__(self) -> Self:
        """Start the producer."""
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the producer."""
        await self._producer.stop()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            rows = self._outbox.pending(BATCH)
            if rows:
                await self.publish(rows)
            else:
                await asyncio.sleep(IDLE_S)

    async def publish(self, rows: Sequence[Row]) -> None:
        """Send rows, wait for every acknowledgement, then mark them."""
        sent: list[str] = []
        refused: list[str] = []
        futures = []
        for row in rows:
            try:
                topic, value, headers = self._encoded(self._mapping(row))
            except FAULTS:
                refused.append(row.id)
                log.warning("row.refused", event_id=row.id, unit=self._unit)
                continue
            futures.append(await self._producer.send(topic, value, headers=headers))
            sent.append(row.id)
        await asyncio.gather(*futures)
        self._outbox.mark(sent, "sent")
        self._outbox.mark(refused, "refused")

    def _encoded(self, event: Event) -> tuple[str, bytes, list[tuple[str, bytes]]]:
        out = io.BytesIO()
        schema_id = self._catalogue.version_of(event.type, event.record)
        fastavro.schemaless_writer(out, self._schemas[schema_id], dict(event.record), strict=True)
        value = frame(schema_id, out.getvalue())
        if len(value) > MAX_VALUE:
            raise RowRefused("record", f"keep it below {MAX_VALUE} bytes")
        lane = self._catalogue.entries[event.type].lane
        headers = inbox_headers(event.id, self._unit, event.type, event.time, event.subject)
        return topics.inbox(lane, self._unit), value, headers
