"""The process of the police connector: `python -m connectors.police --outbox FILE --unit CODE`.

Kafka is found and logged in to by the variables of the hub's own processes (`PUNTE_KAFKA_...`). A fault ends the
process with one sentence and status 1; the station's supervisor starts it again.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.police.mapping import to_event
from connectors.sdk.kafka import OutboxPublisher
from connectors.sdk.life.process import live, started
from connectors.sdk.settings import wall_ms, world
from connectors.sdk.sql import Outbox
from hub.contracts.files import load_catalogue


def main(arguments: list[str] | None = None) -> None:
    """Publish an outbox until SIGTERM."""
    parser = argparse.ArgumentParser(prog="connectors.police", description="Publishes a police outbox (SQLite).")
    parser.add_argument("--outbox", type=Path, required=True, help="the SQLite file; made if missing")
    parser.add_argument("--unit", required=True, help="the unit code this station publishes as")
    parser.add_argument(
        "--refill-what-is-left",
        action="store_true",
        help="after Kafka was restored: send what the outbox still has, though older rows are lost to the hub",
    )
    found = parser.parse_args(arguments)
    options = started(parser, os.environ)
    live(publish(found.outbox, found.unit, options, found.refill_what_is_left))


async def publish(path: Path, unit: str, options: Mapping[str, Any], refill_what_is_left: bool = False) -> None:
    """Publish one outbox as one unit; prints `ready` once Kafka was reached. `options`: of its Kafka client."""
    outbox = Outbox(path, wall_ms())
    publisher = OutboxPublisher(options, load_catalogue(), unit, outbox, to_event, world(os.environ))
    publisher.refill_what_is_left = refill_what_is_left
    async with publisher:
        print("ready", flush=True)
        await publisher.run()
