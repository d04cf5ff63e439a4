"""How many events a second does the gateway release? `python -m tests.benchmarks.gateway [EVENTS]`.

A prefilled `admitted.case` (43-leaf record, 500 per transaction) to 4 units, audit, receipts and seen ids, on a real
broker of this run. The ceiling is a raw aiokafka pass-through that writes for each input the very bytes the gateway
writes, to the same topics, 500 inputs per transaction, made beforehand. Both in one process, each as the first work of
a fresh broker; a second ceiling on the first broker shows what a warm Kafka allows. Five rounds, the median one is
told. Then the cost of each part, switched on one by one.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b
from time import perf_counter
from typing import Any, Final

import fastavro
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consent.decide import decide
from consent.facts import Facts, FixedFacts
from consent.terms import Lane, PartyRole
from hub.assemble import gateway_codecs, spare_collector, trace_pool
from hub.contracts import topics
from hub.contracts.envelope import Admission
from hub.contracts.files import load_catalogue
from hub.contracts.keys import key_ring
from hub.contracts.shape import plain
from hub.contracts.wire import frame
from hub.embedded import embedded_broker
from hub.follow.register.kafka import RegisterFollower
from hub.gateway.compiled import full_check
from hub.gateway.kafka import Gateway
from hub.gateway.outputs import Gathered
from hub.gateway.plan import Planner
from hub.gateway.ports import Ports, Turn
from hub.gateway.pseudonyms import Origin
from hub.gateway.rules import Outgoing, Rules, TypeRuntime, World
from hub.gateway.seen import SeenIds
from hub.release.schema import release_schema
from hub.release.slicer import Offsets
from hub.release.walker import walker
from tests.benchmarks.ceiling import PARTITIONS, Row, ceiling_rate
from tests.benchmarks.pack import AT_MS, CASE, EVENT_ID, NAME, UNITS, Pack, load_pack, unsealed

EVENTS: Final = 40_000
ROUNDS: Final = 5
RECIPIENTS: Final = 4
SOURCES: Final = 16
PER_CASE: Final = 9
"""Events of one incident: 5, 0.35 child, 1.2 referrals of 2.8 events, 0.85 others (domain.md section 8)."""
QUESTION: Final = "How many events a second does the gateway release, against a raw pass-through of the same bytes?"


@dataclass(frozen=True)
class Still:
    """Facts that do not move."""

    facts: FixedFacts
    revision: int = 9

    def at(self, now: int) -> Facts:
        """The facts of every batch."""
        return self.facts


@dataclass(frozen=True)
class Input:
    """A record of `admitted.case` as the consumer would hand it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


def four(facts: FixedFacts) -> FixedFacts:
    """The facts of the pack with its first units alone."""
    chosen = facts.by_type[NAME][:RECIPIENTS]
    return FixedFacts(
        facts.revision,
        facts.stale,
        facts.marked,
        facts.units,
        {NAME: chosen},
        facts.joined,
        facts.held,
        facts.related,
        facts.agreed,
    )


def planner(pack: Pack) -> Planner:
    """The plan of the case lane over the pack."""
    outgoing = {}
    for release in pack.policy.releases:
        schema, schema_id = release_schema(pack.avsc, release), pack.ids[release.name]
        outgoing[release] = Outgoing(pack.slicer.bind(release), walker(schema, schema_id), full_check(schema))
    runtime = TypeRuntime(NAME, ("ce_type", NAME.encode()), pack.slicer, outgoing)
    rules = Rules(pack.policy, {EVENT_ID: runtime}, key_ring(1, bytes(32)), gateway_codecs(load_catalogue()))
    return Planner(Lane.CASE, rules, Still(four(pack.facts)), World("benchmark", trace_pool()))


def case_of(number: int) -> tuple[bytes, dict[PartyRole, bytes]]:
    """The handles of a case and of its two people: pseudonyms are made anew for each case."""
    handles = (blake2b(b"%s%d" % (kind, number), digest_size=16).digest() for kind in (b"case", b"victim", b"suspect"))
    case, victim, suspect = handles
    return case, {PartyRole.VICTIM: victim, PartyRole.SUSPECT: suspect}


def encoded(schema: Any, record: Mapping[str, Any]) -> bytes:
    """The Avro body of a record."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()


def inputs(pack: Pack, count: int) -> list[Input]:
    """Admitted records of several sources, spread over the partitions as their keys would."""
    schema, found = fastavro.parse_schema(plain(pack.avsc)), []
    for number in range(count):
        source, case = f"usrc{number % SOURCES:02d}", number // PER_CASE
        event_id = f"00000000-0000-4000-8000-{number:012d}"
        headers = Admission(event_id, AT_MS + number, *case_of(case)).headers()
        own = {"caseRef": f"INC-2026.{case:06d}-a7k2", "previousRef": f"EVAL-2026.{number:06d}"}
        value = frame(EVENT_ID, encoded(schema, pack.record | own))
        place = "admitted.case", number % PARTITIONS, number // PARTITIONS
        found.append(Input(*place, AT_MS, source.encode(), value, headers))
    return found


def names() -> list[str]:
    """Every topic but `admitted.case`."""
    units = [topics.release(Lane.CASE, code, purpose) for code, _, purpose in UNITS]
    receipts = [topics.receipt(Lane.CASE, f"usrc{number:02d}") for number in range(SOURCES)]
    return [*units, *receipts, topics.quarantine(Lane.CASE)]


async def prepare(options: Mapping[str, Any], records: Sequence[Input]) -> None:
    """Topics, and the input in them."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    lane = (topics.admitted, topics.seen, topics.audit_decision, topics.audit_attempt)
    await admin.create_topics([NewTopic(of(Lane.CASE), PARTITIONS, 1) for of in lane])
    await admin.create_topics([NewTopic(name, 1, 1) for name in [*names(), topics.REGISTER]])
    await admin.close()
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
        self.opened: asyncio.Future[float] = asyncio.get_running_loop().create_future()

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
            self.opened.set_result(perf_counter())


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


async def gateway_rate(options: Mapping[str, Any], plan: Planner, count: int) -> float:
    """Events a second from the moment the first partition is open and before any record is polled."""
    gate, committed = StartingGate(), Committed(count)
    ports = Ports(lambda: AT_MS, perf_counter, gate.fence, nothing, gate.step, committed.report)
    gateway = Gateway(Lane.CASE, options, plan, ports)
    running = asyncio.create_task(gateway.run())
    began = await gate.opened
    done = asyncio.create_task(committed.all.wait())
    await asyncio.wait([running, done], return_when=asyncio.FIRST_COMPLETED)
    took = perf_counter() - began
    gateway.drain()
    await running
    return count / took


def same_bytes(plan: Planner, records: Sequence[Input]) -> dict[tuple[int, int], list[Row]]:
    """What the gateway writes for each event, by partition and offset: what the ceiling passes on."""
    found = {}
    for record in records:
        out = Gathered()
        plan.decide([record], SeenIds(), AT_MS, out)
        rows = [(place, *one) for place, several in out.records.items() for one in several]
        found[record.partition, record.offset] = rows
    return found


def parts_cost(pack: Pack) -> dict[str, float]:
    """Microseconds per event of each part, switched on one by one: the plan's own functions, in this process."""
    plan, records = planner(pack), inputs(pack, 2_000)
    facts, event = four(pack.facts), pack.event
    body, slicer = pack.body, pack.slicer
    units = [subscription.unit.code for subscription in facts.by_type[NAME]]
    ring = key_ring(1, bytes(32))
    chosen = pack.chosen[:RECIPIENTS]
    bare = [slicer.bind(unsealed(release)) for release in chosen]
    whole = [slicer.bind(release) for release in chosen]
    seals = [ring.unit(unit) for unit in units]
    offsets = slicer.walk(body)
    admission = Admission("", 0, CASE, event.parties)

    def origin(at: Offsets) -> Origin:
        return Origin(slicer, body, at, admission, ring.unit("usrc00"))

    made = [cut(body, offsets, origin(offsets), seal) for cut, seal in zip(whole, seals, strict=True)]
    checks = [walker(release_schema(pack.avsc, release), pack.ids[release.name]) for release in chosen]
    seen = SeenIds()

    def cut(cutters: Sequence[Any]) -> None:
        found = slicer.walk(body)
        plains = origin(found)
        for one, seal in zip(cutters, seals, strict=True):
            one(body, found, plains, seal)

    steps: list[tuple[str, Callable[[], object]]] = [
        ("decide", lambda: decide(pack.policy, event, facts, AT_MS)),
        ("slice", lambda: cut(bare)),
        ("pseudonyms", lambda: cut(whole)),
        ("second_check", lambda: [check(value) for check, value in zip(checks, made, strict=True)]),
        ("seen", lambda: seen.look(b"0123456789abcdef", b"01234567")),
    ]
    cost = {name: timed(step) for name, step in steps}
    cost["pseudonyms"] -= cost["slice"]
    began = perf_counter()
    plan.decide(records, SeenIds(), AT_MS, Gathered())
    cost["whole_plan"] = (perf_counter() - began) / len(records) * 1e6
    known = sum(cost[name] for name, _ in steps)
    cost["read_audit_receipt_headers"] = cost["whole_plan"] - known
    return {name: round(value, 1) for name, value in cost.items()}


def timed(step: Callable[[], object], calls: int = 1_000, rounds: int = 5) -> float:
    """The median microseconds of a step."""
    taken = []
    for _ in range(rounds):
        began = perf_counter()
        for _ in range(calls):
            step()
        taken.append((perf_counter() - began) / calls * 1e6)
    return sorted(taken)[rounds // 2]


async def fence_cost(options: Mapping[str, Any], rounds: int = 200) -> float:
    """Milliseconds of one register fence, paid once per transaction."""
    follower = RegisterFollower(options, lambda _: None, lambda _: None, 0.5)
    async with follower:
        began = perf_counter()
        for _ in range(rounds):
            await follower.fence()
        return (perf_counter() - began) / rounds * 1e3


async def measure(records: Sequence[Input], rows: Mapping[tuple[int, int], Sequence[Row]]) -> dict[str, float]:
    """Ceiling and gateway, each the first work of a fresh broker that holds the same input; then a warm ceiling."""
    async with filled_broker(records) as options:
        ceiling = await ceiling_rate(options, rows, "cold")
        warm = await ceiling_rate(options, rows, "warm")
    async with filled_broker(records) as options:
        rate = await gateway_rate(options, planner(load_pack()), len(records))
        fence = await fence_cost(options)
    return {"events_per_s": rate, "ceiling_per_s": ceiling, "warm_ceiling_per_s": warm, "fence_ms": fence}


def middle(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The round with the median ratio: both of its rates were measured side by side."""
    ranked = sorted(rounds, key=lambda found: found["events_per_s"] / found["ceiling_per_s"])
    return dict(ranked[len(ranked) // 2])


@asynccontextmanager
async def filled_broker(records: Sequence[Input]) -> AsyncIterator[Mapping[str, Any]]:
    """A new broker with topics and input; gives the clients' options."""
    async with embedded_broker() as broker:
        options = {"bootstrap_servers": broker.bootstrap}
        await prepare(options, records)
        yield options


def main() -> None:
    """Measure and print a sentence and one JSON object."""
    logging.disable(logging.CRITICAL)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    records = inputs(load_pack(), count)
    rows = same_bytes(planner(load_pack()), records)
    spare_collector()
    rounds = [asyncio.run(measure(records, rows)) for _ in range(ROUNDS)]
    figures = middle(rounds) | {f"us_{name}": cost for name, cost in parts_cost(load_pack()).items()}
    ratio = round(figures["events_per_s"] / figures["ceiling_per_s"], 3)
    every = [round(found["events_per_s"] / found["ceiling_per_s"], 3) for found in rounds]
    print(
        f"The gateway released {figures['events_per_s']:.0f} events/s to {RECIPIENTS} units, "
        f"a raw pass-through of the same bytes {figures['ceiling_per_s']:.0f}: {ratio}, the median of {every}."
    )
    shown = {name: round(value, 2) for name, value in figures.items()}
    print(json.dumps({"question": QUESTION, "ratio": ratio, "figures": shown}))


if __name__ == "__main__":
    main()
