"""A stranger's client: confluent-kafka, fastavro and the files in `schemas/`. No code of Punte.

Rule kept: whatever this module knows, an agency's own developer reads in the same files.
"""

from __future__ import annotations

import io
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import fastavro
from confluent_kafka import Consumer, Producer

SCHEMAS: Final = Path(__file__).parents[2] / "schemas"
PATIENCE_S: Final = 40.0


@dataclass(frozen=True, slots=True)
class Read:
    """A record as the client sees it."""

    topic: str
    key: bytes | None
    headers: Mapping[str, bytes]
    value: Mapping[str, Any]
    schema_id: int


def lock() -> dict[str, int]:
    """Name -> schema id, of every family of the lock file."""
    families: dict[str, dict[str, int]] = json.loads((SCHEMAS / "lock.json").read_text())
    return {name: number for family in families.values() for name, number in family.items()}


@cache
def schema(schema_id: int) -> Any:
    """The schema behind an id of the lock file."""
    name = next(name for name, number in lock().items() if number == schema_id)
    family, _, rest = name.replace("/", ".").partition(".")
    paths = [f"events/{name}.avsc", f"releases/{name}.avsc", f"{family}/{rest}.avsc", f"{family}s/{rest}.avsc"]
    found = next(SCHEMAS / path for path in paths if (SCHEMAS / path).is_file())
    return fastavro.parse_schema(json.loads(found.read_text()))


def framed(event_type: str, record: Mapping[str, Any]) -> bytes:
    """A zero, the schema id in four bytes, the Avro body."""
    schema_id, out = lock()[f"{event_type}/v1"], io.BytesIO()
    fastavro.schemaless_writer(out, schema(schema_id), dict(record))
    return b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()


def example(event_type: str) -> dict[str, Any]:
    """The record of an example file."""
    found: dict[str, Any] = json.loads((SCHEMAS / "examples" / event_type / "valid-full.json").read_text())
    return found


@dataclass(slots=True)
class Client:
    """A producer for one unit's inbox, and readers of its topics."""

    bootstrap: str
    unit: str
    lane: str = "case"

    def send(self, event_type: str, record: Mapping[str, Any], subject: str, event_id: str | None = None) -> str:
        """Write an event with CloudEvents headers to the unit's inbox, acknowledged; its id."""
        made = event_id or str(uuid.uuid4())
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        headers = {
            "ce_specversion": "1.0",
            "ce_id": made,
            "ce_source": f"urn:punte:unit:{self.unit}",
            "ce_type": event_type,
            "ce_time": moment,
            "ce_subject": subject,
        }
        producer = Producer({"bootstrap.servers": self.bootstrap, "acks": "all"})
        producer.produce(f"inbox.{self.lane}.{self.unit}", framed(event_type, record), headers=list(headers.items()))
        assert producer.flush(PATIENCE_S) == 0
        return made

    def read(self, topic: str, enough: Callable[[list[Read]], bool], seconds: float = PATIENCE_S) -> list[Read]:
        """Committed records of a topic from the first, until there are enough or time is up."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"{self.unit}.{uuid.uuid4()}",
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
            }
        )
        consumer.subscribe([topic])
        found: list[Read] = []
        end = time.monotonic() + seconds
        try:
            while not enough(found) and time.monotonic() < end:
                message = consumer.poll(0.2)
                if message is not None and message.error() is None:
                    found.append(_read(message))
        finally:
            consumer.close()
        return found


def _read(message: Any) -> Read:
    value = message.value()
    schema_id = int.from_bytes(value[1:5], "big")
    record = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema(schema_id), None)
    assert isinstance(record, dict)
    return Read(message.topic(), message.key(), dict(message.headers() or ()), record, schema_id)
