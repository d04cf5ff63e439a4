"""`punte demo`: the story and a crowd of synthetic events on a real Kafka, checked from outside.

Rule kept: tables and the verdict go to stdout, progress to stderr; every output says that unconfirmed law released.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.contracts.federation import Federation, parse_federation
from hub.errors import Exit
from hub.quarantine.files import PRIVATE, PUBLIC

if TYPE_CHECKING:
    from hub.demo.process import Outcome

NOTICE = (
    "profile demo: rows whose law is `unconfirmed` released too (see `punte policy prove`); "
    "a plaintext broker without access rights, synthetic people only"
)


def pilot() -> Federation:
    """The federation of the pilot: from the wheel, or from the checkout."""
    packed = files("hub").joinpath("demo/cluj.toml")
    found = packed if packed.is_file() else Path(str(files("hub"))).parent / "deploy/federation/cluj.toml"
    return parse_federation(found.read_text("utf-8"))


def main(
    seed: Annotated[int, typer.Option(help="Seed of everything random but the keys.")] = 1,
    events: Annotated[int, typer.Option(min=0, help="Synthetic events after the story.")] = 2000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep Kafka's data, journal, secret and logs in .punte/demo, a folder a run.")
    ] = False,
) -> int:
    """Run the story on a real Kafka and check every release from outside."""
    from hub.demo.process import Wanted, run_demo
    from hub.telemetry.logs import configure_logs

    configure_logs("ERROR")
    with tempfile.TemporaryDirectory(prefix="punte-demo-") as scratch:
        folder = Path(".punte/demo", time.strftime("%Y%m%d-%H%M%S")) if keep else Path(scratch)
        outcome = asyncio.run(run_demo(Wanted(seed, events, folder, pilot(), keep), _say))
    print(json.dumps(outcome.as_json()) if as_json else _text(outcome))
    if keep:
        _say(f"kept in {folder}; to ask about its events:")
        print(_lines_to_ask(folder, outcome.kafka), file=sys.stderr)
    return Exit.DONE if not _anomalies(outcome) else Exit.FAILED


def _lines_to_ask(folder: Path, bootstrap: str) -> str:
    """What to type to have the kept Kafka again, and to ask it."""
    return "\n".join(
        (
            f"  export PUNTE_PROFILE=demo PUNTE_SECRET_FILE={folder}/secret.json PUNTE_KAFKA_BOOTSTRAP={bootstrap}",
            f"  export PUNTE_SEAL_PUBLIC_FILE={folder}/{PUBLIC}",
            f"  punte broker up --detach --data {folder}/kafka --port {bootstrap.rpartition(':')[2]}",
            "  punte trace EVENT_ID     # the way of an event; its id stands above its table",
            "  punte why EVENT_ID --as auditor",
            f"  punte quarantine list    # what waits for a person; {folder}/{PRIVATE} opens it",
            "  punte broker down",
        )
    )


def _say(what: str) -> None:
    print(f"punte demo: {what}", file=sys.stderr, flush=True)


def _anomalies(outcome: Outcome) -> int:
    return outcome.found.lost + outcome.found.doubled + outcome.found.leaked


def _text(outcome: Outcome) -> str:
    """The tables, the counts, the verdict, and the first anomalies by opaque id."""
    counts = ", ".join(f"{name} {number}" for name, number in outcome.counts.items())
    found = outcome.found
    lines = [*(table + "\n" for table in outcome.tables), NOTICE, f"events {outcome.events}, {counts}"]
    lines += [f"{finding.kind}: {finding.what} {finding.event_id} {finding.where}" for finding in found.first]
    verdict = f"lost {found.lost} doubled {found.doubled} leaked {found.leaked}"
    return "\n".join([*lines, f"{verdict} ({outcome.elapsed_s:.0f} s)"])
