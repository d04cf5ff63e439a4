"""The process of the police connector: `python -m connectors.police --outbox FILE --unit CODE`.

Kafka is found at `PUNTE_KAFKA_BOOTSTRAP`. A fault ends the process; the station's supervisor starts it again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from pathlib import Path

from connectors.police.mapping import to_event
from connectors.sdk.kafka import OutboxPublisher
from connectors.sdk.sql import Outbox
from hub.contracts.files import load_catalogue
from hub.telemetry.logs import configure_logs


def main(arguments: list[str] | None = None) -> None:
    """Publish an outbox until SIGTERM."""
    parser = argparse.ArgumentParser(prog="connectors.police", description="Publishes a police outbox (SQLite).")
    parser.add_argument("--outbox", type=Path, required=True, help="the SQLite file; made if missing")
    parser.add_argument("--unit", required=True, help="the unit code this station publishes as")
    found = parser.parse_args(arguments)
    configure_logs(os.environ.get("PUNTE_LOG_LEVEL", "INFO"))
    asyncio.run(publish(found.outbox, found.unit))


async def publish(path: Path, unit: str) -> None:
    """Publish one outbox as one unit; prints `ready` once Kafka was reached."""
    outbox = Outbox(path)
    options = {"bootstrap_servers": os.environ.get("PUNTE_KAFKA_BOOTSTRAP", "127.0.0.1:9092")}
    async with OutboxPublisher(options, load_catalogue(), unit, outbox, to_event) as publisher:
        print("ready", flush=True)
        work = asyncio.create_task(publisher.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        try:
            await work
        except asyncio.CancelledError:
            outbox.close()
