"""Takes the pulse of a running part: asks Kafka for the register's end every two seconds, by a client of its own.

Rule kept: it disturbs no fence (a client that fetches nothing and that no lane waits for), and a Kafka that does not
answer ends nothing here: it is what `/ready` tells.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from hub.follow.register.kafka import PARTITION, RegisterFollower
from hub.settings import Settings
from hub.telemetry.health import Health, Pulse
from hub.telemetry.http import served

EVERY_S: Final = 2.0


@asynccontextmanager
async def told_health(
    settings: Settings,
    register: RegisterFollower,
    checks: Mapping[str, Callable[[], bool]],
    metrics: Callable[[], bytes] | None,
) -> AsyncIterator[None]:
    """Answer on PUNTE_HEALTH_PORT while the context is open: `checks`, `kafka`, `register`, metrics; 0: nothing."""
    if not settings.health_port:
        yield
        return
    pulse = Pulse(lambda: register.position, time.monotonic)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(taken(pulse, settings.kafka()))
        health = Health({"kafka": pulse.reachable, "register": pulse.folded, **checks})
        await stack.enter_async_context(served(settings.health_port, health, metrics))
        yield


@asynccontextmanager
async def taken(pulse: Pulse, options: Mapping[str, Any], every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Take a pulse while the context is open, the first time at once."""
    async with AIOKafkaConsumer(**options, enable_auto_commit=False, request_timeout_ms=2_000) as asker:
        beating = asyncio.create_task(_beat(pulse, asker, every_s))
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)


async def _beat(pulse: Pulse, asker: AIOKafkaConsumer, every_s: float) -> None:
    while True:
        with suppress(KafkaError, TimeoutError, OSError):
            pulse.answered(int((await asker.end_offsets([PARTITION]))[PARTITION]))
        await asyncio.sleep(every_s)
