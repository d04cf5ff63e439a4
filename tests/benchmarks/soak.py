"""Are memory, handles and lag flat? `python -m tests.benchmarks.soak [MINUTES]`.

Every lane at work as processes of their own, for 20 minutes by default: a steady crowd of 60 events a second, a burst
of ten times as much for five seconds each minute, a tenth of it poison in every other minute, one case of thousands of
events, a backlog of the bulk lane every five minutes, and a reader of releases that is far too slow. Every ten seconds:
memory and open files of each process, and what each lane has left. Flat: what a process holds in the last quarter is at
most 10 % above the second, its files no more than three above, and a steady crowd leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from consent.terms import Lane
from hub.assemble import now_ms
from hub.contracts import topics
from hub.contracts.envelope import inbox_headers
from hub.demo.crowd import Crowd, Published
from hub.embedded import embedded_broker
from tests.benchmarks.load.backlog import fill, left
from tests.benchmarks.load.lanes import PARTS, handles, held_mb, lane_at_work
from tests.faults.driver import encoder
from tests.support.hub import Hub, prepared

MINUTES: Final = 20
RATE: Final = 60
BURST: Final = 10
BURST_S: Final = 5
POISON: Final = 10
HUGE_CASE: Final = 5
"""One event in so many is of the one huge case."""
BULK_EVERY_MIN: Final = 5
BULK: Final = 20_000
SAMPLE_S: Final = 10
MORE_MEMORY: Final = 1.1
MORE_HANDLES: Final = 3
QUESTION: Final = "Are memory, handles and lag flat under a load that never rests?"


@dataclass
class Samples:
    """What was measured: by process (part and lane) megabytes and handles, by lane what was left."""

    memory: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    lag: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def told(self) -> dict[str, Any]:
        """Memory and handles of each process in the second and last quarter, the lag in the middle and at the end."""
        found: dict[str, Any] = {"flat": True, "processes": {}, "lag": {}}
        for name, held in self.memory.items():
            early, late = (round(median(part), 1) for part in quarters(held))
            before, after = (median(part) for part in quarters(self.files[name]))
            flat = late <= early * MORE_MEMORY and after <= before + MORE_HANDLES
            found["flat"] &= flat
            found["processes"][name] = {"mb": [early, late], "handles": [before, after], "peak_mb": round(max(held), 1)}
        for lane, rest in self.lag.items():
            found["lag"][lane] = {"median": median(rest), "most": max(rest), "last": rest[-1]}
            found["flat"] &= rest[-1] == 0
        return found


def quarters(values: list[Any]) -> tuple[list[Any], list[Any]]:
    """The second and the last quarter of what was measured."""
    quarter = max(1, len(values) // 4)
    return values[quarter : 2 * quarter] or values, values[-quarter:]


class Load:
    """The crowd, burst by burst. Use `run` until `stop` is set."""

    def __init__(self, hub: Hub, producer: AIOKafkaProducer) -> None:
        self._hub, self._producer, self._encode = hub, producer, encoder(hub.parts.catalogue)
        self._crowd = Crowd(hub.parts.catalogue, hub.federation, hub.rng, now_ms())
        self.stop, self.sent = asyncio.Event(), 0

    async def run(self) -> None:
        """Send what is due four times a second."""
        began = time.monotonic()
        while not self.stop.is_set():
            minute, second = divmod(time.monotonic() - began, 60)
            rate = RATE * (BURST if second < BURST_S else 1)
            for event in self._crowd.events(rate // 4):
                await self._send(event, poison=bool(int(minute) % 2) and self.sent % POISON == 0)
            try:
                await asyncio.wait_for(self.stop.wait(), 0.25)
            except TimeoutError:
                continue

    async def _send(self, event: Published, *, poison: bool) -> None:
        self.sent += 1
        event = replace(event, subject="huge") if self.sent % HUGE_CASE == 0 else event
        value = self._encode(event.type, event.record)
        headers = inbox_headers(event.id, event.source, event.type, now_ms(), event.subject)
        topic = topics.inbox(event.lane, event.source)
        await self._producer.send(topic, value[: len(value) // 2] if poison else value, headers=headers)


@asynccontextmanager
async def slow_reader(hub: Hub) -> AsyncIterator[None]:
    """Reads one release a second of all there are."""

    async def read() -> None:
        options = {"auto_offset_reset": "earliest", "isolation_level": "read_committed"}
        async with AIOKafkaConsumer(**hub.parts.options, group_id="slow", **options) as consumer:
            consumer.subscribe(pattern=r"^release\\.case\\..*")
            while True:
                await consumer.getone()
                await asyncio.sleep(1)

    task = asyncio.create_task(read())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def watched(hub: Hub, pids: dict[str, int], minutes: float) -> Samples:
    """Measure until the time is up, a backlog of the bulk lane now and then."""
    samples, ends, bulk = Samples(), time.monotonic() + minutes * 60, time.monotonic()
    while (now := time.monotonic()) < ends:
        if now >= bulk and ends - now > BULK_EVERY_MIN * 30:
            bulk = now + BULK_EVERY_MIN * 60
            await fill(hub, Lane.BULK, BULK)
        await sample(hub, pids, samples)
        await asyncio.sleep(SAMPLE_S)
    return samples


async def sample(hub: Hub, pids: dict[str, int], samples: Samples) -> None:
    """One look at every process and lane."""
    for name, pid in pids.items():
        samples.memory[name].append(held_mb(pid))
        samples.files[name].append(handles(pid))
    for lane in Lane:
        samples.lag[lane.value].append(await left(hub, lane))
    told = {name: round(held[-1]) for name, held in samples.memory.items()}
    print(told, {lane: rest[-1] for lane, rest in samples.lag.items()}, file=sys.stderr, flush=True)


async def measure(minutes: float) -> dict[str, Any]:
    """All lanes, the crowd, the slow reader; at the end everything sent is worked off."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        broker = await stack.enter_async_context(embedded_broker())
        hub = await stack.enter_async_context(prepared(broker.bootstrap, Path(folder), Lane.BULK))
        pids: dict[str, int] = {}
        for lane in Lane:
            started = await stack.enter_async_context(lane_at_work(hub, lane))
            pids |= {f"{part} {lane}": pid for part, pid in zip(PARTS, started, strict=True)}
        await stack.enter_async_context(slow_reader(hub))
        load = Load(hub, hub.producer)
        sending = asyncio.create_task(load.run())
        samples = await watched(hub, pids, minutes)
        load.stop.set()
        await sending
        await asyncio.sleep(SAMPLE_S)
        await sample(hub, pids, samples)
        return samples.told() | {"minutes": minutes, "sent": load.sent}


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What was found, in sentences."""
    for name, told in found["processes"].items():
        (early, late), (before, after) = told["mb"], told["handles"]
        yield f"{name}: {early} MB, then {late} MB; {before:.0f} handles, then {after:.0f}"
    for lane, rest in found["lag"].items():
        yield f"lane {lane}: {rest['median']:.0f} left in the middle, {rest['most']} at most, {rest['last']} at the end"


def main() -> None:
    """Measure and print sentences and one JSON object."""
    logging.disable(logging.CRITICAL)
    found = asyncio.run(measure(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
    print(*lines(found), sep="\n")
    print(json.dumps({"question": QUESTION, **found}))
    sys.exit(0 if found["flat"] else 1)


if __name__ == "__main__":
    main()
