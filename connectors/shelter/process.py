"""The process of the shelter connector: `python -m connectors.shelter --store FILE --unit CODE`.

Kafka is found and logged in to by the variables of the hub's own processes (`PUNTE_KAFKA_...`). A fault ends the
process with one sentence and status 1; the shelter's supervisor starts it again.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.sdk.life.process import live, started
from connectors.sdk.released import ReleaseReader
from connectors.sdk.settings import world
from connectors.sdk.sink import Sink
from connectors.shelter.sql import Deliveries
from hub.contracts.files import load_catalogue


def main(arguments: list[str] | None = None) -> None:
    """Deliver a unit's releases until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="connectors.shelter", description="Delivers a unit's releases into its own SQLite file."
    )
    parser.add_argument("--store", type=Path, required=True, help="the SQLite file; made if missing")
    parser.add_argument("--unit", required=True, help="the unit code whose releases are delivered")
    found = parser.parse_args(arguments)
    options = started(parser, os.environ)
    live(deliver(found.store, found.unit, options))


async def deliver(path: Path, unit: str, options: Mapping[str, Any]) -> None:
    """Deliver one unit's releases; prints `ready` once Kafka was reached. `options`: of its Kafka client."""
    reader = ReleaseReader(load_catalogue().schemas)
    store = Deliveries(path)
    store.retry(reader.read)
    async with Sink(options, unit, reader, store, world(os.environ)) as sink:
        print("ready", flush=True)
        await sink.run()
