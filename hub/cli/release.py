"""`punte release tail`: what a unit received, read as the unit itself would read it.

Rule kept: a plain read_committed consumer without keys; every release is decoded with the files in `schemas/` alone.
Values are shown, since a unit may read its own topics.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

import typer

from consent.terms import Lane, Purpose
from hub.cli.complete import units
from hub.contracts.record import KafkaRecord
from hub.errors import Exit, PunteError
from hub.settings import Settings

app = typer.Typer(rich_markup_mode=None, callback=lambda: None)
Unit = Annotated[str, typer.Option("--unit", autocompletion=units, help="Code of the unit.")]
Why = Annotated[Purpose, typer.Option("--purpose", case_sensitive=False, help="P1 to P15: a topic for each.")]
OneLane = Annotated[Lane | None, typer.Option("--lane", help="Only this lane; else all three.")]
Follow = Annotated[bool, typer.Option("--follow", help="Go on with what comes, until Ctrl-C.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Most = Annotated[int | None, typer.Option("--max", min=1, help="End after so many releases.")]


@app.command()
def tail(
    unit: Unit,
    purpose: Why,
    lane: OneLane = None,
    follow: Follow = False,
    as_json: AsJson = False,
    most: Most = None,
) -> int:
    """Print the releases of one unit: headers and values.

    This is the unit's own view, so personal data is shown: it reads only the topics the unit itself may read, with
    the rights of whoever runs it.
    """
    asyncio.run(_print(_names(unit, purpose, lane), follow=follow, as_json=as_json, most=most))
    return Exit.DONE


def _names(unit: str, purpose: Purpose, lane: Lane | None) -> list[str]:
    from hub.views.kafka import release_topics

    return release_topics(unit, purpose.value, lane)


async def _print(names: list[str], *, follow: bool, as_json: bool, most: int | None) -> None:
    from hub.contracts.files import load_catalogue

    catalogue, printed = load_catalogue(), 0
    async with aclosing(_read(names, follow=follow)) as records:
        async for record in records:
            told = shown(record, catalogue.schemas, {number: name for name, number in catalogue.ids.items()})
            print(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(_lines(told)), flush=True)
            printed += 1
            if printed == most:
                return


async def _read(names: list[str], *, follow: bool) -> AsyncGenerator[KafkaRecord]:
    from aiokafka.errors import KafkaConnectionError

    from hub.follow.reading.kafka import existing
    from hub.views.kafka import releases

    settings = Settings()
    try:
        if not await existing(settings.kafka(), names):
            raise PunteError("usage", "this unit has no release topic for this purpose", "see `punte topic plan`")
        async with aclosing(releases(settings.kafka(), names, follow=follow)) as records:
            async for record in records:
                yield record
    except KafkaConnectionError:
        raise PunteError("kafka_unreachable", f"no Kafka answers at `{settings.kafka_bootstrap}`") from None


def shown(record: KafkaRecord, schemas: Mapping[int, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """A release as one object: place, moment (ms), headers, name of its schema, decoded value."""
    import fastavro

    from hub.contracts.codec import plain
    from hub.contracts.wire import unframe

    schema_id, body = unframe(record.value)
    schema = fastavro.parse_schema(plain(schemas[schema_id]))
    return {
        "topic": record.topic,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "headers": {name: (value or b"").decode() for name, value in record.headers},
        "release": names[schema_id],
        "value": fastavro.schemaless_reader(io.BytesIO(body), schema, None),
    }


def _lines(told: Mapping[str, Any]) -> list[str]:
    """For a person: the place, then headers, then leaves."""
    first = f"{told['topic']} offset {told['offset']}  {told['release']}"
    headers = [f"  {name}: {value}" for name, value in told["headers"].items()]
    leaves = [f"  {path} = {json.dumps(value, ensure_ascii=False)}" for path, value in _leaves(told["value"], "")]
    return [first, *headers, *leaves, ""]


def _leaves(value: Mapping[str, Any], above: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, inner in value.items():
        path = f"{above}{name}"
        found += _leaves(inner, f"{path}.") if isinstance(inner, Mapping) else [(path, inner)]
    return found
