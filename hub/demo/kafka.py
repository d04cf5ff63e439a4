"""The demo's publishers and readers: a plain producer, plain read_committed consumers, no part of the hub.

Rule kept: what the demo says was published it wrote down before it was sent, so that the check can find a loss.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import fastavro
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import RecordCodec, plain
from hub.contracts.envelope import inbox_headers
from hub.contracts.wire import frame
from hub.demo.crowd import Published


class Publishers:
    """Encodes events and writes them to their inboxes."""

    def __init__(self, options: Mapping[str, Any], catalogue: Catalogue) -> None:
        self._producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True, linger_ms=5)
        self._catalogue = catalogue
        ids = (schema_id for name in catalogue.types for schema_id in catalogue.versions(name))
        self._schemas = {schema_id: fastavro.parse_schema(plain(catalogue.schemas[schema_id])) for schema_id in ids}

    async def __aenter__(self) -> Self:
        """Start the producer."""
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the producer."""
        await self._producer.stop()

    def value(self, event_type: str, record: Mapping[str, Any]) -> bytes:
        """The framed bytes of a record, under the version that fits it."""
        out, schema_id = io.BytesIO(), self._catalogue.version_of(event_type, record)
        fastavro.schemaless_writer(out, self._schemas[schema_id], dict(record), strict=True)
        return frame(schema_id, out.getvalue())

    async def publish(self, events: Iterable[Published]) -> None:
        """Write events in order; returns when all are acknowledged."""
        sent = []
        for event in events:
            headers = inbox_headers(event.id, event.source, event.type, event.time, event.subject)
            topic = topics.inbox(event.lane, event.source)
            sent.append(await self._producer.send(topic, self.value(event.type, event.record), headers=headers))
        await asyncio.gather(*sent)


@dataclass(frozen=True, slots=True)
class Got:
    """A release as a unit's own client sees it."""

    topic: str
    subject: str
    schema_id: int


class Watch:
    """Follows decisions, receipts and the releases of the story's units."""

    def __init__(self, options: Mapping[str, Any], lanes: Iterable[Lane], decisions: RecordCodec) -> None:
        self._consumer = AIOKafkaConsumer(
            **options,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_auto_commit=False,
            metadata_max_age_ms=2_000,
        )
        self._audit = {topics.audit_decision(lane) for lane in lanes}
        self._decisions = decisions
        self.decided: dict[str, Mapping[str, Any]] = {}
        self.releases: dict[str, Got] = {}
        self.counts: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._moved = asyncio.Condition()

    async def __aenter__(self) -> Self:
        """Start following."""
        self._consumer.subscribe(pattern=r"^(audit\.decision|release|receipt|quarantine)\..*")
        await self._consumer.start()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop following."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    async def _follow(self) -> None:
        while True:
            found = await self._consumer.getmany(timeout_ms=200)
            for tp, records in found.items():
                kind = tp.topic.split(".")[0]
                self.counts[kind] = self.counts.get(kind, 0) + len(records)
                for record in records:
                    self._take(kind, record)
            async with self._moved:
                self._moved.notify_all()

    def _take(self, kind: str, record: Any) -> None:
        if record.topic in self._audit:
            decision = self._decisions.decode(record.value)
            self.decided[decision["eventId"]] = decision
        elif kind == "release":
            headers = dict(record.headers)
            schema_id = int.from_bytes(record.value[1:5], "big")
            self.releases[headers["ce_id"].decode()] = Got(record.topic, headers["ce_subject"].decode(), schema_id)

    async def until(self, done: Any, seconds: float) -> bool:
        """Wait until `done()` holds; False when it does not within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                async with self._moved:
                    await self._moved.wait_for(done)
        except TimeoutError:
            return False
        return True
