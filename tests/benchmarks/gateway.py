"""How many events a second does the gateway release? `python -m tests.benchmarks.gateway [EVENTS]`.

A prefilled `admitted.case` (43-leaf record, 500 per transaction) to 4 units, audit, receipts and seen ids, on a real
broker of this run. The ceiling is a raw aiokafka pass-through that writes the same bytes to the same topics, 500 inputs
per transaction, without knowing what they are. Both in one process, each as the first work of a fresh broker; a second
ceiling on the first broker shows what a warm Kafka allows. Then the cost of each part, switched on one by one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b
from time import perf_counter
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consent.decide import decide
from consent.facts import Facts, FixedFacts
from consent.terms import Lane, PartyRole
from hub.assemble import full_check, gateway_codecs, spare_collector, trace_pool
from hub.contracts import topics
from hub.contracts.envelope import Admission
from hub.contracts.files import load_catalogue
from hub.contracts.keys import key_ring
from hub.contracts.wire import frame
from hub.embedded import embedded_broker
from hub.follow.register.kafka import RegisterFollower
from hub.gateway.kafka import Gateway, Ports
from hub.gateway.outputs import Gathered
from hub.gateway.plan import Planner
from hub.gateway.pseudonyms import Origin
from hub.gateway.rules import Outgoing, Rules, TypeRuntime, World
from hub.gateway.seen import SeenIds
from hub.release.schema import release_schema
from hub.release.slicer import Offsets
from hub.release.walker import walker
from tests.benchmarks.pack import AT_MS, CASE, EVENT_ID, NAME, UNITS, Pack, load_pack, unsealed

EVENTS: Final = 40_000
BATCH: Final = 500
ROUNDS: Final = 3
RECIPIENTS: Final = 4
SOURCES: Final = 16
PER_CASE: Final = 5
"""Events of one incident (domain.md section 8)."""
PARTITIONS: Final = topics.PARTITIONS[Lane.CASE]
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


def inputs(pack: Pack, count: int) -> list[Input]:
    """Admitted records of several sources, spread over the partitions as their keys would."""
    value = frame(EVENT_ID, pack.body)
    found = []
    for number in range(count):
        source = f"usrc{number % SOURCES:02d}"
        event_id = f"00000000-0000-4000-8000-{number:012d}"
        headers = Admission(event_id, AT_MS + number, *case_of(number // PER_CASE)).headers()
        found.append(
            Input("admitted.case", number % PARTITIONS, number // PARTITIONS, AT_MS, source.encode(), value, headers)
        )
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
    """A register fence that lets the partitions open together: the clock starts before the first record is polled.

    A partition asks the fence once while it opens and once for each transaction after that.
    """

    def __init__(self) -> None:
        self._waiting, self._open = 0, asyncio.Event()

    async def fence(self) -> int:
        """Wait until every partition has come this far; always reached afterwards."""
        self._waiting += 1
        if self._waiting == PARTITIONS:
            self._open.set()
        await self._open.wait()
        return 9

    async def opened(self) -> float:
        """The moment the last partition arrived."""
        await self._open.wait()
        return perf_counter()


async def nothing() -> None:
    """An announcement nobody needs."""


class Committed:
    """Counts what the gateway reports after each commit, until all of it is done."""

    def __init__(self, count: int) -> None:
        self._left, self.all = count, asyncio.Event()

    def report(self, counts: Counter[str]) -> None:
        """One transaction is committed; what a ceiling sampled from this very input is a duplicate."""
        self._left -= counts["decided"] + counts["duplicate"]
        if self._left <= 0:
            self.all.set()


async def gateway_rate(options: Mapping[str, Any], plan: Planner, count: int) -> float:
    """Events a second from the moment every partition is fenced and before any record is polled."""
    gate, committed = StartingGate(), Committed(count)
    ports = Ports(lambda: AT_MS, gate.fence, nothing, lambda _: None, committed.report)
    gateway = Gateway(Lane.CASE, options, plan, ports, BATCH)
    running = asyncio.create_task(gateway.run())
    began = await gate.opened()
    done = asyncio.create_task(committed.all.wait())
    await asyncio.wait([running, done], return_when=asyncio.FIRST_COMPLETED)
    took = perf_counter() - began
    gateway.drain()
    await running
    return count / took


def written(plan: Planner, records: Sequence[Input]) -> list[Any]:
    """What the plan writes for these records, by place."""
    out = Gathered()
    plan.decide(records, SeenIds(), AT_MS, out)
    return list(out.records.items())


async def ceiling_rate(options: Mapping[str, Any], plan: Planner, records: Sequence[Input], group: str) -> float:
    """The same bytes to the same topics in the same transactions, nothing computed: what Kafka itself allows here."""
    samples = {record.key: written(plan, [record]) for record in records[:SOURCES]}
    producers = [await started(options, partition) for partition in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(
        **options,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=2 * 1024 * 1024,
    )
    await consumer.start()
    consumer.assign([TopicPartition("admitted.case", partition) for partition in range(PARTITIONS)])
    queues: list[asyncio.Queue[Sequence[Any]]] = [asyncio.Queue(2) for _ in range(PARTITIONS)]
    began = perf_counter()
    workers = [
        asyncio.create_task(pass_on(producers[p], queues[p], samples, (group, p, len(records) // PARTITIONS)))
        for p in range(PARTITIONS)
    ]
    feeding = asyncio.create_task(feed(consumer, queues))
    await asyncio.gather(*workers)
    took = perf_counter() - began
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    for client in (consumer, *producers):
        await client.stop()
    return len(records) / took


async def started(options: Mapping[str, Any], partition: int) -> AIOKafkaProducer:
    """A transactional producer of one partition."""
    producer = AIOKafkaProducer(
        **options, transactional_id=f"ceiling.{partition}", max_batch_size=512 * 1024, max_request_size=16 * 1024 * 1024
    )
    await producer.start()
    return producer


async def feed(consumer: AIOKafkaConsumer, queues: Sequence[asyncio.Queue[Sequence[Any]]]) -> None:
    """Poll and hand out, as long as there is room."""
    while True:
        room = [TopicPartition("admitted.case", p) for p, queue in enumerate(queues) if not queue.full()]
        if not room:
            await asyncio.sleep(0.001)
            continue
        for tp, records in (await consumer.getmany(*room, timeout_ms=50, max_records=BATCH * len(room))).items():
            for at in range(0, len(records), BATCH):
                await queues[tp.partition].put(records[at : at + BATCH])


async def pass_on(
    producer: AIOKafkaProducer,
    queue: asyncio.Queue[Sequence[Any]],
    samples: Mapping[bytes, Sequence[Any]],
    share: tuple[str, int, int],
) -> None:
    """One transaction per batch until all of a partition is passed on. `share`: group, partition, events."""
    (group, partition, count), done = share, 0
    while done < count:
        records = await queue.get()
        batches: dict[tuple[str, int], Any] = {}
        for record in records:
            for (topic, to), written in samples[record.key]:
                key = (topic, partition if topic in LANE_TOPICS else to)
                batch = batches.get(key)
                if batch is None:
                    batch = batches[key] = producer.create_batch()
                for name, value, headers in written:
                    batch.append(key=name, value=value, timestamp=AT_MS, headers=headers)
        await producer.begin_transaction()
        sent = [await producer.send_batch(batch, topic, partition=to) for (topic, to), batch in batches.items()]
        await asyncio.gather(*sent)
        await producer.send_offsets_to_transaction(
            {TopicPartition("admitted.case", partition): records[-1].offset + 1}, group
        )
        await producer.commit_transaction()
        done += len(records)


LANE_TOPICS: Final = frozenset({topics.seen(Lane.CASE), topics.audit_decision(Lane.CASE)})


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
    written(plan, records)
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


async def measure(count: int) -> dict[str, float]:
    """Ceiling and gateway, each the first work of a fresh broker that holds the same input; then a warm ceiling."""
    pack = load_pack()
    records = inputs(pack, count)
    spare_collector()
    async with filled_broker(records) as options:
        ceiling = await ceiling_rate(options, planner(pack), records, "cold")
        warm = await ceiling_rate(options, planner(pack), records, "warm")
    async with filled_broker(records) as options:
        rate = await gateway_rate(options, planner(pack), count)
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
    rounds = [asyncio.run(measure(count)) for _ in range(ROUNDS)]
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
