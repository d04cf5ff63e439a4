"""`punte register load|put|withdraw|list`: the only way into the register until four eyes stand before it.

Rule kept: one command is one record, acknowledged before the command ends, so that every decision which begins
afterwards sees it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.contracts.codec import CodecFault
from hub.errors import PunteError
from hub.settings import Settings

app = typer.Typer(rich_markup_mode=None)
By = Annotated[list[str], typer.Option("--by", help="Opaque id of a person who decided; twice for two people.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="A federation (TOML), or register records (one JSON object a line).")],
    by: By,
    as_json: AsJson = False,
) -> int:
    """Load a federation with the active policy and key check, or plain register records."""
    records = _federation_records(file, by) if file.suffix == ".toml" else _json_records(file.read_text("utf-8"))
    return _write(records, as_json=as_json)


@app.command()
def put(
    record: Annotated[str, typer.Argument(help="One register record as a JSON object; `-` reads it from stdin.")],
    as_json: AsJson = False,
) -> int:
    """Write one register record."""
    text = typer.get_text_stream("stdin").read() if record == "-" else record
    return _write(_json_records(text), as_json=as_json)


@app.command()
def withdraw(
    handle: Annotated[str, typer.Argument(help="The handle of the consent.")],
    by: By,
    reason: Annotated[str | None, typer.Option(help="Reason code.")] = None,
    as_json: AsJson = False,
) -> int:
    """Withdraw a consent; it acts on every decision that begins after this command has ended."""
    parts = _parts()
    found = asyncio.run(_read(parts)).get(("consent", handle))
    if found is None:
        raise PunteError("register_unknown", f"the register has no consent `{handle}`")
    changed = {**found, "state": "withdrawn", "at": _now(), "by": list(by), "reason": reason}
    return _write([changed], as_json=as_json)


@app.command("list")
def listed(kind: Annotated[str | None, typer.Argument(help="Only this kind.")] = None) -> int:
    """Print the standing facts, one JSON object a line (handles only)."""
    for (of_kind, _), record in sorted(asyncio.run(_read(_parts())).items()):
        if kind in (None, of_kind):
            print(json.dumps(record))
    return 0


def _parts() -> Any:
    from hub.assemble import parts
    from hub.telemetry.logs import configure_logs

    configure_logs("ERROR")
    return parts(Settings())


def _now() -> int:
    return time.time_ns() // 1_000_000


def _federation_records(file: Path, by: list[str]) -> list[dict[str, Any]]:
    from hub.assemble import proven_policy
    from hub.cli.topic import read_federation
    from hub.registry.federation import Signed, federation_records, start_records

    parts, signed = _parts(), Signed(_now(), tuple(by))
    policy = proven_policy(parts.settings, parts.catalogue)
    federation = federation_records(read_federation(file), parts.catalogue.ids, signed)
    return [*start_records(policy, parts.keys, signed), *federation]


def _json_records(text: str) -> list[dict[str, Any]]:
    try:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        found = [None]
    if not all(isinstance(record, dict) for record in found):
        raise PunteError("usage", "a line is not a JSON object", "write one register record a line")
    return found


async def _read(parts: Any) -> dict[tuple[str, str], dict[str, Any]]:
    from hub.registry.kafka import read_register

    found = await read_register(parts.options, parts.registers())
    return {key: dict(change.record or {}) for key, change in found.items()}


def _write(records: list[dict[str, Any]], *, as_json: bool) -> int:
    from hub.registry.kafka import RegisterWriter

    parts = _parts()

    async def work() -> list[int]:
        async with RegisterWriter(parts.options, parts.registers()) as writer:
            return await writer.write(records)

    offsets = _reaching(work, parts.settings.kafka_bootstrap)
    print(json.dumps({"offsets": offsets}) if as_json else f"wrote {len(offsets)} register records")
    return 0


def _reaching(work: Callable[[], Awaitable[list[int]]], bootstrap: str) -> list[int]:
    from aiokafka.errors import KafkaConnectionError

    async def awaited() -> list[int]:
        return await work()

    try:
        return asyncio.run(awaited())
    except KafkaConnectionError:
        raise PunteError("kafka_unreachable", f"no Kafka answers at `{bootstrap}`") from None
    except (CodecFault, KeyError) as fault:
        raise PunteError("register_faulty", "a register record does not fit its schema") from fault
