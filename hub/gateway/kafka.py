"""The transaction loop of the gateway: one process per lane, one transactional producer per input partition.

Rules kept, in the order of the code (kafka.md section 00; architecture.md section 3, step 5):
1. Rebalance callbacks only stop workers and note partitions; the main loop alone seeks and polls.
2. A worker opens its partition: start the producer (fence), then read the committed offset, then rebuild the seen ids.
   The offset is trusted only after the fence.
3. A record fetched under an older assignment is dropped; nothing is lost, since every new assignment seeks again.
4. Per batch: fence the register, plan (pure), build the batches, begin, send and await all, offsets, commit.
5. What waits is bounded by records and by bytes; the poll leaves a partition that has enough.
6. An idle partition proves every few seconds that it is still ours, by a transaction that holds its offset and nothing
   else: a fenced one learns it from the broker's answer. It never fences by itself, so two gateways never take a
   partition from each other in turn.
7. An offset past the end of its topic is refused: the topic lost what was decided, and what comes now would be passed
   by.
8. Any fault ends the process (exit 1) and the supervisor starts it again at the committed offset. No fault is repaired
   in place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.group import SESSION
from hub.contracts.record import KafkaRecord
from hub.errors import PunteError
from hub.gateway.pace import AHEAD, AHEAD_BYTES, PACES, Pace
from hub.gateway.ports import OPENING, STEPS, Opened, Plan, Ports, Turn
from hub.gateway.seen import SeenIds
from hub.gateway.transactions.kafka import Producer, install_guard, open_producer


@dataclass(slots=True, eq=False)
class Worker:
    """One assigned partition: its queue, its seen ids and the task that owns its producer."""

    tp: TopicPartition
    queue: asyncio.Queue[Sequence[Any]] = field(default_factory=asyncio.Queue)
    waiting: int = 0
    waiting_bytes: int = 0
    done: int | None = None
    seek_to: asyncio.Future[int | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    seen: SeenIds = field(default_factory=SeenIds)
    stop: bool = False
    polled: bool = False
    task: asyncio.Task[None] | None = None


class Gateway:
    """The loop of one lane. `run()` returns after `drain()`, or raises the first fault of any worker."""

    def __init__(
        self, lane: Lane, options: Mapping[str, Any], plan: Plan, ports: Ports, pace: Pace | None = None
    ) -> None:
        """`options`: bootstrap and security of every client; `pace`: its numbers, the lane's own by default."""
        self.lane, self._options, self._plan, self._ports = lane, dict(options), plan, ports
        self._pace = pace or PACES[lane]
        self._batch = self._pace.batch
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
            fetch_max_wait_ms=self._pace.fetch_wait,
            max_partition_fetch_bytes=2 * 1024 * 1024,
            **SESSION,
        )
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Take the lane's partitions and work until drained."""
        install_guard(self._pace.backoff)
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
                    worker.waiting_bytes += _size(records)
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
            if worker.polled and worker.waiting < AHEAD * self._batch and worker.waiting_bytes < AHEAD_BYTES:
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
        name, began = f"{self._group}.{worker.tp.topic}.{worker.tp.partition}", self._ports.timer()
        producer = await open_producer(self._options, name, self._pace)
        try:
            worker.seek_to.set_result(await self._open(worker, producer, began))
            while not worker.stop:
                records = await self._gathered(worker)
                if records is None:
                    await self._prove(worker, producer)
                for at in range(0, len(records or ()), self._batch):
                    if records and not worker.stop:
                        await self._turn(worker, producer, records[at : at + self._batch])
        finally:
            await producer.close()

    async def _gathered(self, worker: Worker) -> list[KafkaRecord] | None:
        """Everything that waits, up to a batch: what came during one transaction goes into the next, not one by one.

        A lane with time waits for a fuller batch. None: nothing came for so long that the partition must prove itself.
        """
        records = await _next(worker.queue, self._pace.proof)
        if records is None:
            return None
        until = self._ports.timer() + self._pace.linger
        while records and len(records) < self._batch and not worker.stop:
            more = await _next(worker.queue, until - self._ports.timer())
            if not more:
                break
            records += more
        worker.waiting -= len(records)
        worker.waiting_bytes -= _size(records)
        return records

    async def _prove(self, worker: Worker, producer: Producer) -> None:
        """A transaction that holds the offset as it stands: the broker refuses it to a producer that was fenced."""
        crash = self._ports.crash
        await producer.begin()
        crash("proof_begun")
        await producer.offsets(worker.tp, worker.done or 0, self._group)
        crash("proof_sent")
        await producer.commit()
        crash("proven")

    async def _open(self, worker: Worker, producer: Producer, began: float) -> int | None:
        """After the fence: the committed offset, the seen ids, the `assigned` record. Gives the offset to read from."""
        crash, timer = self._ports.crash, self._ports.timer
        times = [began, timer()]
        crash("fenced")
        offset: int | None = await self._consumer.committed(worker.tp)
        crash("offset_read")
        times.append(timer())
        await self._rebuild(worker, offset or 0)
        crash("rebuilt")
        times.append(timer())
        seconds = {step: after - before for step, before, after in zip(OPENING, times, times[1:], strict=False)}
        self._ports.opened(Opened(worker.tp.partition, len(worker.seen), seconds))
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

    async def _rebuild(self, worker: Worker, offset: int) -> None:
        """Read the seen topic of this partition to its end; the fence has ended every transaction that wrote to it.

        Raises PunteError where the input ends before the offset this lane has decided up to.
        """
        tp = TopicPartition(topics.seen(self.lane), worker.tp.partition)
        consumer = AIOKafkaConsumer(
            **self._options,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=1,  # a fetch of an empty partition holds up what is asked behind it: a second in all
        )
        await consumer.start()
        try:
            consumer.assign([tp])
            ends = await consumer.end_offsets([tp, worker.tp])
            if ends[worker.tp] < offset:
                where = f"`{worker.tp.topic}` partition {worker.tp.partition}"
                raise PunteError("offsets_went_back", f"{where} ends at {ends[worker.tp]}, before offset {offset}")
            end = ends[tp]
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


async def _next(queue: asyncio.Queue[Sequence[Any]], seconds: float) -> list[Any] | None:
    """What waits in a queue, else what comes within so many seconds; None when nothing does."""
    if not queue.empty():
        return [*queue.get_nowait()]
    if seconds <= 0:
        return None
    try:
        return [*await asyncio.wait_for(queue.get(), seconds)]
    except TimeoutError:
        return None


def _size(records: Sequence[Any]) -> int:
    """The bytes of the values of records."""
    return sum(len(record.value or b"") for record in records)


def _wake(worker: Worker) -> None:
    """Make a waiting worker look at its stop mark; what is in its queue is read again by the next owner."""
    while not worker.queue.empty():
        worker.queue.get_nowait()
    worker.queue.put_nowait(())
