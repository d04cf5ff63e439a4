"""How long until an alert is where it must be? `python -m tests.benchmarks.alert [SECONDS] [--bulk]`.

From the send into `inbox.alert.<EMIS>` until a read_committed reader of the dispatch sees the release, at 20 and at 200
alerts a second, through the real processes of the lane (`punte run admit`, `punte run gateway`). Beside it the floor of
the same run on the same broker: one bare aiokafka transaction per alert, the same number of output topics, nothing
computed. Where the milliseconds go is read from the records: admitted, decided, visible.

With `--bulk`: at 20 a second, while a gateway of the bulk lane works off a backlog that does not end before; the floor
runs beside the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.producer import sender

from consent.terms import Lane, Role
from hub.contracts import topics
from hub.contracts.envelope import inbox_headers
from hub.embedded import embedded_broker
from hub.gateway.pace import PACES
from tests.benchmarks.load.backlog import fill, left
from tests.benchmarks.load.lanes import lane_at_work
from tests.support.hub import PATIENCE_S, Hub, prepared

RATES: Final = (20, 200)
SECONDS: Final = 15
WARM_UP: Final = 40
BACKLOG_PER_S: Final = 12_000
"""More than a gateway works off in a second."""
MARK: Final = re.compile(rb"alert-(\d{8})")
QUESTION: Final = "How long from an alert's send to its release, beside a bare transaction on the same broker?"


@dataclass(frozen=True)
class Work:
    """How long alerts come, at which rates, and whether the bulk lane is busy beside them."""

    seconds: int
    rates: tuple[int, ...] = RATES
    bulk: bool = False


@dataclass
class Watch:
    """When each alert left and when it was seen (s, wall clock of this process)."""

    sent: dict[int, float] = field(default_factory=dict)
    seen: dict[int, float] = field(default_factory=dict)
    by_rate: dict[int, list[int]] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def saw(self, value: bytes) -> None:
        """A record arrived; the first sight of an alert counts."""
        found = MARK.search(value)
        if found is not None:
            self.seen.setdefault(int(found[1]), time.time())
            self.arrived.set()

    async def all_seen(self) -> None:
        """Wait until every alert that left was seen."""
        async with asyncio.timeout(PATIENCE_S):
            while self.sent.keys() - self.seen.keys():
                self.arrived.clear()
                await self.arrived.wait()

    def latencies(self, numbers: Sequence[int]) -> list[float]:
        """Milliseconds of each of these alerts."""
        return [(self.seen[number] - self.sent[number]) * 1e3 for number in numbers]


class Source:
    """Sends alerts at a rate; each carries its number in the one leaf the dispatch gets as it is."""

    def __init__(self, hub: Hub, watch: Watch) -> None:
        self._hub, self._watch, self._next = hub, watch, 0
        self._alert = hub.event("emis.alert.raised")
        self._alert.record.update(severity="critical", unitToSend=hub.unit(Role.POL_R))
        self.place: int = self._alert.record["siruta"]

    def made(self, number: int) -> tuple[str, bytes, list[tuple[str, bytes]]]:
        """Event id, framed bytes and headers of one alert."""
        event_id = f"00000000-0000-4000-8000-{number:012d}"
        event = replace(self._alert, record=self._alert.record | {"singleUseRef": f"alert-{number:08d}"})
        return (
            event_id,
            self._hub.value(event),
            inbox_headers(event_id, event.source, event.type, int(time.time() * 1e3), event.subject),
        )

    async def send(self, producer: AIOKafkaProducer, topic: str, rate: float, count: int) -> list[int]:
        """Send `count` alerts evenly; returns their numbers once all were seen."""
        numbers = range(self._next, self._next + count)
        self._next += count
        made = [self.made(number) for number in numbers]
        began = time.time()
        for step, (number, (_, value, headers)) in enumerate(zip(numbers, made, strict=True)):
            await asyncio.sleep(max(0.0, began + step / rate - time.time()))
            self._watch.sent[number] = time.time()
            await producer.send(topic, value, headers=headers, partition=0)
        await self._watch.all_seen()
        return list(numbers)

    @property
    def inbox(self) -> str:
        """Where the alerts go."""
        return topics.inbox(Lane.ALERT, self._alert.source)


@asynccontextmanager
async def reading(options: Mapping[str, Any], names: Sequence[str], watch: Watch) -> AsyncIterator[None]:
    """A read_committed reader of these topics from now on."""
    consumer = AIOKafkaConsumer(*names, **options, isolation_level="read_committed", auto_offset_reset="earliest")

    async def read() -> None:
        async for record in consumer:
            watch.saw(record.value)

    await consumer.start()
    task = asyncio.create_task(read())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()


async def pass_on(options: Mapping[str, Any], outputs: int, ready: asyncio.Event) -> None:
    """The floor: each record of `floor.in` goes to `outputs` topics in a transaction of its own, or of what waits."""
    sender.BACKOFF_OVERRIDE = PACES[Lane.ALERT].backoff / 1e3
    at = TopicPartition("floor.in", 0)
    consumer = AIOKafkaConsumer(
        **options, group_id="floor", enable_auto_commit=False, isolation_level="read_committed", fetch_max_wait_ms=100
    )
    async with consumer, AIOKafkaProducer(**options, transactional_id="floor.0") as producer:
        consumer.assign([at])
        await consumer.seek_to_beginning(at)
        ready.set()
        while True:
            for records in (await consumer.getmany(at, timeout_ms=200)).values():
                async with producer.transaction():
                    sent = [
                        await producer.send(f"floor.out.{number}", record.value, partition=0)
                        for record in records
                        for number in range(outputs)
                    ]
                    await asyncio.gather(*sent)
                    await producer.send_offsets_to_transaction({at: records[-1].offset + 1}, "floor")


async def floor(hub: Hub, source: Source, watch: Watch, outputs: int, work: Work) -> dict[int, list[float]]:
    """Milliseconds of the floor, by rate."""
    names = ["floor.in", *(f"floor.out.{number}" for number in range(outputs))]
    admin = AIOKafkaAdminClient(**hub.parts.options)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1) for name in names])
    await admin.close()
    ready = asyncio.Event()
    task = asyncio.create_task(pass_on(hub.parts.options, outputs, ready))
    try:
        async with reading(hub.parts.options, ["floor.out.0"], watch):
            await ready.wait()
            return await at_rates(hub, source, watch, "floor.in", work)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def at_rates(hub: Hub, source: Source, watch: Watch, topic: str, work: Work) -> dict[int, list[float]]:
    """Milliseconds of the alerts sent to a topic, by rate; the first ones only warm everything up."""
    async with AIOKafkaProducer(**hub.parts.options, acks="all") as producer:
        await source.send(producer, topic, 20, WARM_UP)
        watch.by_rate = {rate: await source.send(producer, topic, rate, rate * work.seconds) for rate in work.rates}
        return {rate: watch.latencies(numbers) for rate, numbers in watch.by_rate.items()}


async def stages(hub: Hub, watch: Watch) -> dict[str, float]:
    """Topics one alert writes to, and where the median milliseconds of each rate go, from the decision records."""
    codec = hub.parts.record("audit.decision")
    found = [codec.decode(record.value) for record in await hub.read_all([topics.audit_decision(Lane.ALERT)])]
    by_number = {int(one["eventId"][-12:]): one for one in found}
    told: dict[str, float] = {"outputs": len(found[-1]["releases"]) + 3}
    for rate, numbers in watch.by_rate.items():
        parts = [_parts(watch, number, by_number[number]) for number in numbers]
        for name, taken in zip(("admit", "wait", "commit"), zip(*parts, strict=True), strict=True):
            told[f"{name}_ms_at_{rate}"] = round(median(taken), 1)
    return told


def _parts(watch: Watch, number: int, decision: Mapping[str, Any]) -> tuple[float, float, float]:
    """Milliseconds from the send to `admitted`, from there to the decision, from there until it was seen."""
    sent, seen = watch.sent[number] * 1e3, watch.seen[number] * 1e3
    admitted, decided = decision["admittedAt"], decision["decidedAt"]
    return admitted - sent, decided - admitted, seen - decided


def figures(way: Mapping[int, list[float]], bare: Mapping[int, list[float]]) -> dict[str, float]:
    """p50 and p99 of both ways at each rate; those of the lower rate under the plain names."""
    found: dict[str, float] = {}
    for rate in way:
        suffix = "" if rate == RATES[0] else f"_at_{rate}"
        for name, taken in (("", way[rate]), ("floor_", bare[rate])):
            cuts = quantiles(taken, n=100, method="inclusive")
            found |= {f"{name}p50_ms{suffix}": round(cuts[49], 1), f"{name}p99_ms{suffix}": round(cuts[98], 1)}
    return found


async def measure(work: Work) -> dict[str, float]:
    """Both ways on one broker, one after the other."""
    more = (Lane.BULK,) if work.bulk else ()
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_broker() as broker, prepared(broker.bootstrap, Path(folder), *more) as hub:
            async with saturated(hub, work) as rest:
                found = await both(hub, work)
            return found | rest


async def both(hub: Hub, work: Work) -> dict[str, float]:
    """The way of an alert, then the floor."""
    watch = Watch()
    source = Source(hub, watch)
    async with lane_at_work(hub, Lane.ALERT), reading(hub.parts.options, desks(hub), watch):
        way = await at_rates(hub, source, watch, source.inbox, work)
    parts = await stages(hub, watch)
    bare = await floor(hub, source, watch, int(parts["outputs"]), work)
    return figures(way, bare) | parts


def desks(hub: Hub) -> list[str]:
    """The release topics of the dispatches."""
    codes = [unit.code for unit in hub.federation.units if unit.role is Role.POL_D]
    return [topics.release(Lane.ALERT, code, "P1") for code in codes]


@asynccontextmanager
async def saturated(hub: Hub, work: Work) -> AsyncIterator[dict[str, float]]:
    """The bulk lane at work on its backlog where that is asked; what was left of it at the end is told."""
    rest: dict[str, float] = {}
    if not work.bulk:
        yield rest
        return
    await fill(hub, Lane.BULK, BACKLOG_PER_S * (2 * work.seconds + PATIENCE_S // 2))
    async with lane_at_work(hub, Lane.BULK, ("gateway",)):
        yield rest
        rest["bulk_left"] = await left(hub, Lane.BULK)
        assert rest["bulk_left"], "the backlog ended before the alerts: nothing was saturated"


def main() -> None:
    """Measure and print a sentence and one JSON object."""
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=int, nargs="?", default=SECONDS)
    parser.add_argument("--bulk", action="store_true")
    given = parser.parse_args()
    found = asyncio.run(measure(Work(given.seconds, RATES[:1] if given.bulk else RATES, given.bulk)))
    ratio = round(found["p99_ms"] / found["floor_p99_ms"], 2)
    print(
        f"At {RATES[0]} alerts/s a release is visible after {found['p50_ms']} ms (p99 {found['p99_ms']}), a bare "
        f"transaction after {found['floor_p50_ms']} (p99 {found['floor_p99_ms']}): {ratio} (at most 2.5 is wanted)."
    )
    print(json.dumps({"question": QUESTION, "ratio": ratio, "figures": found, **found}))


if __name__ == "__main__":
    main()
