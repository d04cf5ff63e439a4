"""The process of the police connector: `python -m connectors.police --outbox FILE --unit CODE`.

Kafka is found and logged in to by the variables of the hub's own processes (`PUNTE_KAFKA_...`). A fault ends the
process; the station's supervisor starts it again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.police.mapping import to_event
from connectors.sdk.kafka import OutboxPublisher
from connectors.sdk.settings import SettingFault, kafka_options
from connectors.sdk.sql import Outbox
from hub.contracts.files import load_catalogue
from hub.telemetry.logs import configure_logs


def main(arguments: list[str] | None = None) -> None:
    """Publish an outbox until SIGTERM."""
    parser = argparse.ArgumentParser(prog="connectors.police", description="Publishes a police outbox (SQLite).")
    parser.add_argument("--outbox", type=Path, required=True, help="the SQLite file; made if missing")
    parser.add_argument("--unit", required=True, help="the unit code this station publishes as")
    found = parser.parse_args(arguments)
    try:
        options = kafka_options(os.environ)
    except SettingFault as fault:
        parser.error(str(fault))
    configure_logs(os.environ.get("PUNTE_LOG_LEVEL", "INFO"))
    asyncio.run(publish(found.outbox, found.unit, options))


async def publish(path: Path, unit: str, options: Mapping[str, Any]) -> None:
    """Publish one outbox as one unit; prints `ready` once Kafka was reached. `options`: of its Kafka client."""
    outbox = Outbox(path)
    async with OutboxPublisher(options, load_catalogue(), unit, outbox, to_event) as publisher:
        print("ready", flush=True)
        work = asyncio.create_task(publisher.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        try:
            await work
        except asyncio.CancelledError:
            outbox.close()
