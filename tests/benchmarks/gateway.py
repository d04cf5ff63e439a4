"""How many events a second does the gateway release? `python -m tests.benchmarks.gateway [EVENTS] [--units N]`.

A prefilled `admitted.case` (43-leaf record, 500 per transaction) to 4 units, audit, receipts and seen ids, on a real
broker. The ceiling is a raw aiokafka pass-through that writes for each input the very bytes the gateway writes, to the
same topics, 500 inputs per transaction, made beforehand. Both in one process, by turns on one broker that a turn of
each has warmed: C G C G C G C; the ratio is the median over each G and the C on either side of it. Walls depend on what
else the machine does; the CPU beside them does not. Then the CPU of each step of the plan (`stages.py`).

With `--units 300`: four of 300 units get an event, it is decided for all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.record import KafkaRecord
from hub.embedded import embedded_broker
from hub.follow.register.kafka import RegisterFollower
from hub.gateway.kafka import Gateway
from hub.gateway.outputs import Gathered, Outputs
from hub.gateway.parking import Parking
from hub.gateway.plan import Planner
from hub.gateway.ports import Ports, Turn
from hub.gateway.seen import SeenIds
from hub.supervise.life.process import spare_collector
from tests.benchmarks.ceiling import PARTITIONS, Cost, Row, ceiling_cost, clocks
from tests.benchmarks.federation import RECIPIENTS, Federation, Input
from tests.benchmarks.pack import AT_MS
from tests.benchmarks.stages import Meter, stage_costs

EVENTS: Final = 40_000
ROUNDS: Final = 3
QUESTION: Final = "How many events a second does the gateway release, against a raw pass-through of the same bytes?"


async def prepare(options: Mapping[str, Any], federation: Federation) -> None:
    """Topics."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    lane = (topics.admitted, topics.seen, topics.parked, topics.audit_decision, topics.audit_attempt)
    await admin.create_topics([NewTopic(of(Lane.CASE), PARTITIONS, 1) for of in lane])
    await admin.create_topics([NewTopic(name, 1, 1) for name in [*federation.topics(), topics.REGISTER]])
    await admin.close()


async def fill(options: Mapping[str, Any], records: Sequence[Input]) -> None:
    """Input."""
    async with AIOKafkaProducer(**options, max_batch_size=512 * 1024, linger_ms=5) as producer:
        for r in records:
            await producer.send(r.topic, r.value, key=r.key, partition=r.partition, headers=list(r.headers))
        await producer.flush()


class StartingGate:
    """Lets the partitions open together; the clock starts when the first has opened, before any record is polled.

    A partition asks the register fence once while it opens and once for each transaction after that.
    """

    def __init__(self) -> None:
        self._waiting, self._all = 0, asyncio.Event()
        self.opened: asyncio.Future[tuple[float, float]] = asyncio.get_running_loop().create_future()

    async def fence(self) -> int:
        """Wait until every partition has come this far; always reached afterwards."""
        self._waiting += 1
        if self._waiting == PARTITIONS:
            self._all.set()
        await self._all.wait()
        return 9

    def step(self, name: str) -> None:
        """A step of the loop."""
        if name == "opened" and not self.opened.done():
            self.opened.set_result(clocks())


async def nothing() -> None:
    """An announcement nobody needs."""


class Committed:
    """Counts what the gateway reports after each commit, until all of it is done."""

    def __init__(self, count: int) -> None:
        self._left, self.all = count, asyncio.Event()

    def report(self, turn: Turn) -> None:
        """One transaction is committed."""
        self._left -= turn.counts["decided"]
        if self._left <= 0:
            self.all.set()


class Metered:
    """A plan, and the CPU it took."""

    def __init__(self, plan: Planner, meter: Meter) -> None:
        self.assigned, self.waits, self.resume = plan.assigned, plan.waits, plan.resume
        self._plan, self._meter = plan, meter

    def decide(self, records: Sequence[KafkaRecord], seen: SeenIds, now: int, out: Outputs, parking: Parking) -> None:
        """As the plan does."""
        self._meter.timed("plan", self._plan.decide)(records, seen, now, out, parking)


async def gateway_cost(options: Mapping[str, Any], plan: Planner, count: int) -> tuple[Cost, float]:
    """What an event costs from the moment the first partition is open and before any record is polled; of it the plan.

    Goes on where the last gateway on this broker stopped.
    """
    gate, committed, meter = StartingGate(), Committed(count), Meter()
    ports = Ports(lambda: AT_MS, perf_counter, gate.fence, nothing, gate.step, committed.report)
    gateway = Gateway(Lane.CASE, options, Metered(plan, meter), ports)
    running = asyncio.create_task(gateway.run())
    began = await gate.opened
    done = asyncio.create_task(committed.all.wait())
    await asyncio.wait([running, done], return_when=asyncio.FIRST_COMPLETED)
    cost = Cost.since(began, count)
    gateway.drain()
    await running
    return cost, meter.ns["plan"] / count / 1e3


def same_bytes(federation: Federation, count: int, first: int) -> dict[tuple[int, int], list[Row]]:
    """What the gateway writes for each event from number `first` on, by partition and place in it, for the ceiling.

    Events no gateway gets: the ceiling writes seen ids too, and a gateway would take its events for repeats.
    """
    found, plan = {}, federation.planner()
    for record in federation.inputs(count, first):
        out = Gathered()
        plan.decide([record], SeenIds(), AT_MS, out)
        rows = [(place, *one) for place, several in out.records.items() for one in several]
        found[record.partition, record.offset - first // PARTITIONS] = rows
    return found


async def fence_cost(options: Mapping[str, Any], rounds: int = 200) -> float:
    """Milliseconds of one register fence, paid once per transaction."""
    follower = RegisterFollower(options, lambda _: None, lambda _: None, 0.5)
    async with follower:
        began = perf_counter()
        for _ in range(rounds):
            await follower.fence()
        return (perf_counter() - began) / rounds * 1e3


Round = tuple[Cost, Cost, float]
"""A ceiling, the gateway after it, and of that the plan."""


async def measure(federation: Federation, count: int) -> dict[str, float]:
    """Ceiling and gateway by turns on one broker, the first of each unmeasured."""
    rows = same_bytes(federation, count, (ROUNDS + 1) * count)
    spare_collector()
    async with embedded_broker() as broker:
        options = {"bootstrap_servers": broker.bootstrap}
        await prepare(options, federation)
        rounds: list[Round] = []
        for number in range(ROUNDS + 1):
            await fill(options, federation.inputs(count, number * count))
            ceiling = await ceiling_cost(options, rows, f"ceiling.{number}")
            rounds.append((ceiling, *await gateway_cost(options, federation.planner(), count)))
        last = await ceiling_cost(options, rows, "ceiling.last")
        return figures(rounds[1:], last) | {"fence_ms": await fence_cost(options)}


def figures(rounds: Sequence[Round], last: Cost) -> dict[str, float]:
    """Ratio of the walls and events a second: medians, beside them the spread of the ratio; least CPU."""
    gateways, ceilings = [gateway for _, gateway, _ in rounds], [*(ceiling for ceiling, _, _ in rounds), last]
    ratios = [
        ceiling.wall / gateway.wall
        for gateway, beside in zip(gateways, pairwise(ceilings), strict=True)
        for ceiling in beside
    ]
    cpu, plan = min((gateway.cpu, plan) for _, gateway, plan in rounds)
    return {
        "ratio": median(ratios),
        "ratio_least": min(ratios),
        "ratio_most": max(ratios),
        "events_per_s": 1e6 / median(gateway.wall for gateway in gateways),
        "ceiling_per_s": 1e6 / median(ceiling.wall for ceiling in ceilings),
        "ceiling_cpu_us": min(ceiling.cpu for ceiling in ceilings),
        "cpu_us": cpu,
        "plan_cpu_us": plan,
        "kafka_cpu_us": cpu - plan,
        "load": os.getloadavg()[0],
    }


def asked() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gateway", description=QUESTION)
    parser.add_argument("events", nargs="?", type=int, default=EVENTS)
    parser.add_argument("--units", type=int, default=RECIPIENTS)
    return parser.parse_args()


def main() -> None:
    """Measure and print a sentence, the steps, and one JSON object."""
    logging.disable(logging.CRITICAL)
    given = asked()
    federation, count = Federation(given.units), given.events // PARTITIONS * PARTITIONS
    found = asyncio.run(measure(federation, count))
    found |= {f"us_{step}": us for step, us in asyncio.run(stage_costs(federation)).items()}
    shown = {name: round(value, 3 if name.startswith("ratio") else 1) for name, value in found.items()}
    print(
        f"The gateway released {shown['events_per_s']:.0f} events/s to {RECIPIENTS} of {given.units} units, a raw "
        f"pass-through of the same bytes {shown['ceiling_per_s']:.0f}: {shown['ratio']} "
        f"({shown['ratio_least']} to {shown['ratio_most']})."
    )
    steps = ", ".join(f"{name[3:]} {us}" for name, us in shown.items() if name.startswith("us_"))
    print(f"us of CPU per event: {shown['cpu_us']} (ceiling {shown['ceiling_cpu_us']}). Least by step: {steps}.")
    print(json.dumps({"question": QUESTION, "ratio": shown.pop("ratio"), "figures": shown}))


if __name__ == "__main__":
    main()
