"""The transaction loop of the gateway: one process per lane, one transactional producer per input partition.

Rules kept, in the order of the code (kafka.md section 00; architecture.md section 3, step 5):
1. Rebalance callbacks only stop workers and note partitions; the main loop alone seeks and polls.
2. A worker opens its partition: start the producer (fence), then read the committed offset, then rebuild the seen ids.
   The offset is trusted only after the fence.
3. A record fetched under an older assignment is dropped; nothing is lost, since every new assignment seeks again.
4. Per batch: fence the register, plan (pure), build the batches, begin, send and await all, offsets, commit.
5. Any fault ends the process (exit 1) and the supervisor starts it again at the committed offset. No fault is repaired
   in place.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.record import KafkaRecord
from hub.gateway.outputs import Outputs
from hub.gateway.seen import SeenIds
from hub.gateway.transactions.kafka import Producer, install_guard, open_producer

TIMEOUT_MS: Final = {Lane.ALERT: 5_000, Lane.CASE: 10_000, Lane.BULK: 10_000}
BACKOFF_MS: Final = {Lane.ALERT: 1.0, Lane.CASE: 2.0, Lane.BULK: 5.0}
BATCH: Final = {Lane.ALERT: 200, Lane.CASE: 500, Lane.BULK: 500}
AHEAD: Final = 2
"""Batches of a partition that may wait beside the one at work."""
FETCH_WAIT_MS: Final = {Lane.ALERT: 100, Lane.CASE: 250, Lane.BULK: 500}

Crash = Callable[[str], None]


class Plan(Protocol):
    """What the pure side offers the loop."""

    def decide(self, records: Sequence[KafkaRecord], seen: SeenIds, now: int, out: Outputs) -> None:
        """Write everything one transaction holds for these records of one partition to `out`."""

    def assigned(self, partition: int, first_offset: int, now: int, out: Outputs) -> None:
        """Write the `assigned` record of a partition just opened to `out`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One committed transaction, as logs, metrics and traces tell of it.

    `oldest`: the timestamp (ms) of its first record. `counts` by code. `seconds` by step: fence, plan, send, commit.
    """

    partition: int
    records: int
    oldest: int
    counts: Counter[str]
    seconds: Mapping[str, float]


STEPS: Final = ("fence", "plan", "send", "commit")


@dataclass(frozen=True, slots=True)
class Ports:
    """What the loop gets from the composition root.

    Clock (ms), timer (s), fence, the policy announcement, crash points, and who is told of each turn once committed.
    """

    clock: Callable[[], int]
    timer: Callable[[], float]
    fence: Callable[[], Awaitable[int]]
    announce: Callable[[], Awaitable[None]]
    crash: Crash
    report: Callable[[Turn], None]


@dataclass(slots=True, eq=False)
class Worker:
    """One assigned partition: its queue, its seen ids and the task that owns its producer."""

    tp: TopicPartition
    queue: asyncio.Queue[Sequence[Any]] = field(default_factory=asyncio.Queue)
    waiting: int = 0
    done: int | None = None
    seek_to: asyncio.Future[int | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    seen: SeenIds = field(default_factory=SeenIds)
    stop: bool = False
    polled: bool = False
    task: asyncio.Task[None] | None = None


class Gateway:
    """The loop of one lane. `run()` returns after `drain()`, or raises the first fault of any worker."""

    def __init__(
        self, lane: Lane, options: Mapping[str, Any], plan: Plan, ports: Ports, batch: int | None = None
    ) -> None:
        """`options`: bootstrap and security of every client; `batch`.

        Records per transaction, a lane's own by default.
        """
        self.lane, self._options, self._plan, self._ports = lane, dict(options), plan, ports
        self._batch = batch or BATCH[lane]
        self._group = f"gateway.{lane}"
        self._workers: dict[TopicPartition, Worker] = {}
        self._draining = asyncio.Event()
        self._fault: BaseException | None = None
        self._consumer = AIOKafkaConsumer(
            **self._options,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_WAIT_MS[lane],
            max_partition_fetch_bytes=2 * 1024 * 1024,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=1_000,
        )
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Take the lane's partitions and work until drained."""
        install_guard(BACKOFF_MS[self.lane])
        self._consumer.subscribe([topics.admitted(self.lane)], listener=_Listener(self))
        await self._consumer.start()
        try:
            await self._poll_until_drained()
            await self.release(list(self._workers.values()))
            self._raise_faults()
        finally:
            await self._abandon()

    def drain(self) -> None:
        """Finish the running transactions, then end `run`."""
        self._draining.set()

    async def _poll_until_drained(self) -> None:
        while not self._draining.is_set():
            self._raise_faults()
            open_partitions = self._seek_and_select()
            if not open_partitions:
                await asyncio.sleep(0.005)
                continue
            found = await self._consumer.getmany(
                *open_partitions, timeout_ms=50, max_records=self._batch * len(open_partitions)
            )
            for tp, records in found.items():
                worker = self._workers.get(tp)
                if worker is not None and worker.polled:
                    worker.queue.put_nowait(records)
                    worker.waiting += len(records)
                    worker.done = records[0].offset if worker.done is None else worker.done

    def _seek_and_select(self) -> list[TopicPartition]:
        """Seek partitions that have just opened; give those that have not enough waiting.

        A poll without the busy ones waits for the idle ones: records are counted, not the polls that brought them.
        """
        chosen = []
        for tp, worker in self._workers.items():
            if not worker.polled and worker.seek_to.done() and not worker.stop:
                worker.done = worker.seek_to.result()
                self._seek(tp, worker.done)
                worker.polled = True
            if worker.polled and worker.waiting < AHEAD * self._batch:
                chosen.append(tp)
        if self._workers and all(worker.polled for worker in self._workers.values()):
            self.ready.set()
        return chosen

    def _seek(self, tp: TopicPartition, offset: int | None) -> None:
        self._consumer.seek(tp, offset or 0)

    def _raise_faults(self) -> None:
        """What a worker died of, at work or while a rebalance released it (aiokafka only logs that)."""
        if self._fault is not None:
            raise self._fault
        for worker in self._workers.values():
            if worker.task is not None and worker.task.done():
                worker.task.result()

    def take(self, partitions: Sequence[TopicPartition]) -> None:
        """Give each newly assigned partition a worker (called inside a rebalance)."""
        self.ready.clear()
        for tp in partitions:
            worker = self._workers[tp] = Worker(tp)
            worker.task = asyncio.create_task(self._work(worker))

    async def release(self, workers: Sequence[Worker]) -> None:
        """Let running transactions end, then close the producers (called inside a rebalance and when draining)."""
        for worker in workers:
            worker.stop = True
            _wake(worker)
        await asyncio.gather(*(w.task for w in workers if w.task is not None), return_exceptions=True)
        for worker in workers:
            self._workers.pop(worker.tp, None)
            if worker.task is not None and not worker.task.cancelled():
                self._fault = self._fault or worker.task.exception()

    def workers(self) -> list[Worker]:
        """The workers of the partitions held now."""
        return list(self._workers.values())

    def last_answer(self) -> int:
        """When the broker last answered a fetch (ms), of the partition it answered longest ago; 0 = not yet."""
        held = self._consumer.assignment()
        times = [self._consumer.last_poll_timestamp(one) or 0 if one in held else 0 for one in self._workers]
        return min(times, default=0)

    def lag(self) -> int:
        """Records of all partitions held, summed, that are not committed yet, as far as the last fetches told."""
        held, ends = self._consumer.assignment(), self._consumer.highwater
        known = [(worker.tp, worker.done) for worker in self.workers() if worker.tp in held]
        return sum(max(0, (ends(tp) or 0) - done) for tp, done in known if done is not None)

    async def _abandon(self) -> None:
        """Leave without finishing anything: cancel the workers, stop the consumer."""
        tasks = [worker.task for worker in self._workers.values() if worker.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._consumer.stop()

    async def _work(self, worker: Worker) -> None:
        """The life of one partition: open, then batch after batch until told to stop."""
        name = f"{self._group}.{worker.tp.topic}.{worker.tp.partition}"
        producer = await open_producer(self._options, name, TIMEOUT_MS[self.lane])
        try:
            worker.seek_to.set_result(await self._open(worker, producer))
            while not worker.stop:
                records = await self._gathered(worker)
                for at in range(0, len(records), self._batch):
                    if not worker.stop:
                        await self._turn(worker, producer, records[at : at + self._batch])
        finally:
            await producer.close()

    async def _gathered(self, worker: Worker) -> list[KafkaRecord]:
        """Everything that waits, up to a batch: what came during one transaction goes into the next, not one by one."""
        records = [*await worker.queue.get()]
        while not worker.queue.empty() and len(records) < self._batch:
            records += worker.queue.get_nowait()
        worker.waiting -= len(records)
        return records

    async def _open(self, worker: Worker, producer: Producer) -> int | None:
        """After the fence: the committed offset, the seen ids, the `assigned` record. Gives the offset to read from."""
        crash = self._ports.crash
        crash("fenced")
        offset: int | None = await self._consumer.committed(worker.tp)
        crash("offset_read")
        await self._rebuild(worker)
        crash("rebuilt")
        await self._ports.fence()
        crash("open_fenced")
        now = self._ports.clock()
        batches = producer.batches(now)
        self._plan.assigned(worker.tp.partition, offset or 0, now, batches)
        await producer.begin()
        crash("assigned_begun")
        await producer.send(batches, crash)
        crash("assigned_sent")
        await producer.commit()
        crash("opened")
        return offset

    async def _rebuild(self, worker: Worker) -> None:
        """Read the seen topic of this partition to its end; the fence has ended every transaction that wrote to it."""
        tp = TopicPartition(topics.seen(self.lane), worker.tp.partition)
        consumer = AIOKafkaConsumer(
            **self._options, isolation_level="read_committed", enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            consumer.assign([tp])
            end = (await consumer.end_offsets([tp]))[tp]
            await consumer.seek_to_beginning(tp)
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=200)).get(tp, ()):
                    worker.seen.add(record.key, record.value, record.timestamp)
        finally:
            await consumer.stop()

    async def _turn(self, worker: Worker, producer: Producer, records: Sequence[KafkaRecord]) -> None:
        """One transaction: everything these records lead to, or nothing."""
        crash, timer = self._ports.crash, self._ports.timer
        times = [timer()]
        await self._ports.fence()
        crash("register_fenced")
        await self._ports.announce()
        crash("announced")
        times.append(timer())
        now = self._ports.clock()
        batches = producer.batches(now)
        self._plan.decide(records, worker.seen, now, batches)
        crash("planned")
        times.append(timer())
        await producer.begin()
        crash("begun")
        await producer.send(batches, crash)
        crash("sent")
        times.append(timer())
        await producer.offsets(worker.tp, records[-1].offset + 1, self._group)
        crash("offsets_sent")
        await producer.commit()
        worker.done = records[-1].offset + 1
        crash("committed")
        times.append(timer())
        seconds = {step: after - before for step, before, after in zip(STEPS, times, times[1:], strict=False)}
        self._ports.report(Turn(worker.tp.partition, len(records), records[0].timestamp, batches.counts, seconds))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hands assignments to the gateway; does no work of its own."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Every running transaction ends before the group goes on (all assignors here are eager)."""
        await self._gateway.release(self._gateway.workers())

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Workers open their partitions; the main loop seeks."""
        self._gateway.take(sorted(assigned))


def _wake(worker: Worker) -> None:
    """Make a waiting worker look at its stop mark; what is in its queue is read again by the next owner."""
    while not worker.queue.empty():
        worker.queue.get_nowait()
    worker.queue.put_nowait(())
