"""Does an alert wait when a bulk gateway is frozen inside a transaction? `python -m tests.benchmarks.frozen [SECONDS]`.

From the send into `inbox.alert.<EMIS>` until a read_committed reader of the dispatch sees the release, at 20 alerts a
second, by turns beside a bulk gateway at work and beside the same one after SIGSTOP between the offsets of a
transaction and its end: same run, same broker. A turn is shorter than what a transaction may take.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import Final

from aiokafka import AIOKafkaProducer

from consent.terms import Lane, Role
from hub.contracts import topics
from hub.contracts.envelope import Admission
from hub.gateway.pace import PACES
from hub.registry.federation import parties
from hub.registry.topics.kafka import create
from tests.benchmarks.alert import WARM_UP, Source, Watch, reading
from tests.benchmarks.load.lanes import lane_at_work
from tests.faults.broker import Brokers
from tests.faults.wire import Wire
from tests.support.hub import PATIENCE_S, Hub, prepared
from tests.support.proxy import ADD_OFFSETS

RATE: Final = 20
SECONDS: Final = 8
TURNS: Final = 3
EVERY_S: Final = 0.01
"""Between two bulk records: the gateway is in a transaction most of the time."""
QUESTION: Final = "Does an alert wait when a bulk gateway is frozen inside a transaction?"


async def connected(hub: Hub) -> None:
    """The topics of the bulk lane."""
    units = [replace(unit, lanes=unit.lanes | {Lane.BULK}) for unit in hub.federation.units]
    plan = topics.plan(parties(replace(hub.federation, units=tuple(units))), (Lane.BULK,))
    await create(hub.parts.options, [spec for spec in plan if ".bulk" in spec.name], 1)


@asynccontextmanager
async def bulk_at_work(hub: Hub, wire: Wire) -> AsyncIterator[asyncio.subprocess.Process]:
    """The gateway of the bulk lane as a process behind a wire, and records that keep it busy."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub", "run", "gateway", "--lane", "bulk"),
        env={**hub.environment, "PUNTE_KAFKA_BOOTSTRAP": wire.bootstrap, "PUNTE_LOG_LEVEL": "ERROR"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)).strip() == b"ready"
    feeding = asyncio.create_task(fed(hub))
    try:
        yield process
    finally:
        feeding.cancel()
        process.kill()
        await asyncio.gather(feeding, process.wait(), return_exceptions=True)


async def fed(hub: Hub) -> None:
    """Case events on the bulk lane, for ever."""
    event, topic = hub.event("incident.reported"), topics.admitted(Lane.BULK)
    value, case = hub.value(event), hub.parts.keys.case_handle(event.source, event.subject)
    async with AIOKafkaProducer(**hub.parts.options) as producer:
        while True:
            headers = Admission(str(uuid.uuid4()), event.time, case, {}).headers()
            await producer.send(topic, value, key=event.source.encode(), headers=headers)
            await asyncio.sleep(EVERY_S)


@contextmanager
def frozen(process: asyncio.subprocess.Process) -> Iterator[None]:
    """Stopped while the block runs."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def turn(hub: Hub, wire: Wire, source: Source, seconds: int) -> tuple[list[int], list[int]]:
    """The numbers of the alerts beside the bulk gateway at work, and beside the frozen one."""
    async with bulk_at_work(hub, wire) as process, AIOKafkaProducer(**hub.parts.options, acks="all") as producer:
        await source.send(producer, source.inbox, RATE, WARM_UP)
        beside = await source.send(producer, source.inbox, RATE, RATE * seconds)
        assert await wire.meets(ADD_OFFSETS, PATIENCE_S)
        with frozen(process):
            return beside, await source.send(producer, source.inbox, RATE, RATE * seconds)


async def measure(seconds: int) -> dict[str, float]:
    """p50 and p99 of both, over all turns."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        wire = await stack.enter_async_context(Wire())
        brokers = Brokers(folder, [{"BULK": wire.ports[0]}])
        stack.push_async_callback(brokers.stop)
        await brokers.start()
        wire.upstreams = brokers.doors("BULK")
        hub = await stack.enter_async_context(prepared(brokers.bootstrap, folder))
        await connected(hub)
        watch = Watch()
        source = Source(hub, watch)
        desks = [unit.code for unit in hub.federation.units if unit.role is Role.POL_D]
        names = [topics.release(Lane.ALERT, code, "P1") for code in desks]
        async with lane_at_work(hub, Lane.ALERT), reading(hub.parts.options, names, watch):
            turns = [await turn(hub, wire, source, seconds) for _ in range(TURNS)]
        beside, frozen_ = (watch.latencies([n for each in turns for n in each[which]]) for which in (0, 1))
        return figures("", frozen_) | figures("beside_", beside)


def figures(name: str, taken: list[float]) -> dict[str, float]:
    """p50 and p99 (ms)."""
    cuts = quantiles(taken, n=100, method="inclusive")
    return {f"{name}p50_ms": round(cuts[49], 1), f"{name}p99_ms": round(cuts[98], 1)}


def main() -> None:
    """Measure and print a sentence and one JSON object."""
    logging.disable(logging.CRITICAL)
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    assert seconds * 1_000 < PACES[Lane.BULK].transaction, "the broker would end the transaction within a turn"
    found = asyncio.run(measure(seconds))
    ratio = round(found["p99_ms"] / found["beside_p99_ms"], 2)
    print(
        f"Beside a bulk gateway frozen inside a transaction an alert is visible after {found['p50_ms']} ms (p99 "
        f"{found['p99_ms']}), beside the same one at work after {found['beside_p50_ms']} (p99 "
        f"{found['beside_p99_ms']}): {ratio} of it."
    )
    print(json.dumps({"question": QUESTION, "ratio": ratio, "figures": found, **found}))


if __name__ == "__main__":
    main()
