"""How the process of a connector begins and ends: settings, logs, SIGTERM, the sentence of a fault.

Rule kept: SIGTERM ends it with status 0, at a moment when everything is either marked or done again; a fault ends it
with status 1 and one line that says whose it is and what to do.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from aiokafka.errors import KafkaError

from connectors.sdk.faults import ConnectorFault
from connectors.sdk.settings import SettingFault, kafka_options
from hub.telemetry.logs import configure_logs, get_log

log = get_log(__name__)


def started(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> dict[str, Any]:
    """Options of the Kafka clients; logs are set up. A variable that is no use ends the process with status 2."""
    try:
        options = kafka_options(environment)
    except SettingFault as fault:
        parser.error(str(fault))
    configure_logs(environment.get("PUNTE_LOG_LEVEL", "INFO"))
    return options


def live(work: Coroutine[Any, Any, None]) -> None:
    """Run the work of a connector to its end."""
    try:
        asyncio.run(_until_signal(work))
    except ConnectorFault as fault:
        _end(fault)
    except KafkaError as fault:
        log.exception("kafka.failed")
        _end(ConnectorFault("kafka_failed", f"Kafka failed ({type(fault).__name__})"))


def _end(fault: ConnectorFault) -> None:
    log.error("connector.ended", code=fault.code)
    sys.exit(fault.told())


async def _until_signal(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
