"""`punte event validate|encode|submit`: an event in a JSON file, checked as admission does, sent as agencies send it.

Rule kept: a fault is told by its code, the path of the leaf and what to do, never by a value; the receipt is waited
for, since only it says that the hub has the event.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from hub.cli.complete import event_types, units
from hub.contracts.refusals import MEANINGS
from hub.errors import Exit, PunteError
from hub.settings import Settings

app = typer.Typer(rich_markup_mode=None, callback=lambda: None)
File = Annotated[
    Path, typer.Argument(help="The record as JSON, e.g. schemas/examples/incident.reported/valid-full.json.")
]
Kind = Annotated[
    str, typer.Option("--type", autocompletion=event_types, help="Type of the event, e.g. incident.reported.")
]
Unit = Annotated[str, typer.Option("--unit", autocompletion=units, help="Code of the unit that publishes it.")]
Case = Annotated[str, typer.Option("--case", help="The unit's own case reference, or the one the hub gave it.")]
Id = Annotated[str | None, typer.Option("--id", help="UUID of the event; a new one when left out.")]
WAIT_S: Final = 10.0
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def validate(file: File, event_type: Kind, as_json: AsJson = False) -> int:
    """Check a record as admission would: schema, bounds, forms. Needs neither Kafka nor keys."""
    told = _fault(_encoded(file, event_type)) or {"verdict": "valid"}
    _say(told, as_json=as_json)
    return Exit.DONE if told["verdict"] == "valid" else Exit.FINDINGS


@app.command()
def encode(file: File, event_type: Kind, as_json: AsJson = False) -> int:
    """Print the bytes a publisher sends, as hex: 00, the schema id in four bytes, the Avro body."""
    from hub.contracts.files import load_catalogue
    from hub.contracts.wire import unframe

    value = _encoded(file, event_type)
    schema_id, _ = unframe(value)
    told = {"schema": load_catalogue().name_of(schema_id), "id": schema_id, "hex": value.hex()}
    print(json.dumps(told) if as_json else value.hex())
    return Exit.DONE


@app.command()
def submit(
    file: File,
    event_type: Kind,
    unit: Unit,
    case: Case,
    event_id: Id = None,
    as_json: AsJson = False,
) -> int:
    """Write a record to the unit's inbox and wait for its receipt.

    Status 0: admitted, or known already; 3: refused; 6: no receipt within ten seconds, so nobody knows yet.
    """
    value, told = _encoded(file, event_type), {"event": event_id or str(uuid.uuid4())}
    told |= _fault(value) or asyncio.run(_sent(told["event"], (event_type, unit, case), value))
    _say(told, as_json=as_json)
    return {"refused": Exit.FINDINGS, "unknown": Exit.UNDECIDED}.get(told["verdict"], Exit.DONE)


def _encoded(file: Path, event_type: str) -> bytes:
    """The framed bytes of the record in a file."""
    from hub.contracts.codec import CodecFault, codec
    from hub.contracts.files import load_catalogue

    catalogue = load_catalogue()
    if event_type not in catalogue.types:
        raise PunteError("usage", "there is no such event type", f"use one of {', '.join(sorted(catalogue.types))}")
    try:
        record = json.loads(file.read_text("utf-8"))
        schema_id = catalogue.version_of(event_type, record)
        return codec(event_type, schema_id, catalogue.schemas[schema_id]).encode(record)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        raise PunteError("usage", f"`{file.name}` cannot be read as JSON", "give a file with one JSON object") from None
    except (CodecFault, TypeError, ValueError, AttributeError):
        remedy = f"compare it with schemas/events/{event_type} and with schemas/examples/{event_type}"
        raise PunteError("findings", "the record does not fit its schema", remedy) from None


def _fault(value: bytes) -> dict[str, str] | None:
    """What admission would refuse by the bytes alone."""
    from hub.contracts.files import load_catalogue
    from hub.contracts.wire import WireError, strict_decode, strict_readers

    try:
        strict_decode(value, strict_readers(load_catalogue()))
    except WireError as fault:
        return {"verdict": "refused", "code": fault.code, "path": fault.path}
    return None


async def _sent(event_id: str, envelope: tuple[str, str, str], value: bytes) -> dict[str, str]:
    """Verdict and code of the receipt."""
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
    from aiokafka.errors import KafkaConnectionError

    from hub.contracts import topics
    from hub.contracts.envelope import inbox_headers
    from hub.contracts.files import load_catalogue
    from hub.follow.reading.kafka import existing

    (event_type, unit, case), options = envelope, Settings().kafka()
    lane = load_catalogue().entries[event_type].lane
    inbox, at = topics.inbox(lane, unit), TopicPartition(topics.receipt(lane, unit), 0)
    headers = inbox_headers(event_id, unit, event_type, time.time_ns() // 1_000_000, case)
    try:
        if len(await existing(options, [inbox, at.topic])) < 2:
            raise PunteError("usage", f"the unit has no inbox on the {lane} lane", "see `punte topic plan`")
        receipts = AIOKafkaConsumer(**options, isolation_level="read_committed", enable_auto_commit=False)
        async with receipts, AIOKafkaProducer(**options, acks="all") as producer:
            receipts.assign([at])
            receipts.seek(at, (await receipts.end_offsets([at]))[at])
            await producer.send_and_wait(inbox, value, headers=headers)
            return await _receipt(receipts, event_id)
    except KafkaConnectionError:
        raise PunteError("kafka_unreachable", f"no Kafka answers at `{Settings().kafka_bootstrap}`") from None


async def _receipt(receipts: Any, event_id: str) -> dict[str, str]:
    from hub.assemble import record_codec
    from hub.contracts.files import load_catalogue

    codec, until = record_codec(load_catalogue(), "audit.receipt"), time.monotonic() + WAIT_S
    while (left := until - time.monotonic()) > 0:
        for records in (await receipts.getmany(timeout_ms=int(left * 1000))).values():
            for record in records:
                if record.key == event_id.encode():
                    told = codec.decode(record.value)
                    return {"verdict": told["verdict"], "code": told["code"]}
    return {"verdict": "unknown", "code": ""}


def _say(told: Mapping[str, str], *, as_json: bool) -> None:
    """The verdict; for a code what to do about it."""
    meaning = MEANINGS.get(told.get("code", ""))
    if as_json:
        print(json.dumps({**told, "remedy": meaning.en.remedy if meaning else None}))
        return
    words = [f"event {told['event']}"] if "event" in told else []
    where = f" at `{told['path']}`" if told.get("path") else ""
    code = f" ({told['code']})" if told.get("code") else ""
    print("\n".join([*words, f"{told['verdict']}{code}{where}"]))
    if told["verdict"] == "unknown":
        print("no receipt came in time: is the lane at work? see `punte doctor`; sending the same id again is safe")
    elif told["verdict"] == "refused" and meaning:
        print(f"{meaning.en.what}\n    {meaning.en.remedy}")
