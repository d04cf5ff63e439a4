"""The transaction loop of the gateway: one process per lane, one transactional producer per input partition.

Rules kept, in the order of the code (kafka.md section 00; architecture.md section 3, step 5):
1. Rebalance callbacks only stop workers and note partitions; the main loop alone seeks and polls.
2. A worker opens its partition: start the producer (fence), then read the committed offset, then rebuild the seen ids
   and what is parked. The offset is trusted only after the fence.
3. A record fetched under an older assignment is dropped; nothing is lost, since every new assignment seeks again.
4. Per batch: fence the register, plan (pure), build the batches, begin, send and await all, offsets, commit. What the
   plan took counts from the commit on.
5. What waits is bounded by records and by bytes; the poll leaves a partition that has enough.
6. An idle partition proves every few seconds that it is still ours, by a transaction that holds its offset and nothing
   else: a fenced one learns it from the broker's answer. A proof never fences, so two gateways never take a
   partition from each other in turn.
7. An offset past the end of its topic is refused: the topic lost what was decided, and what comes now would be passed
   by.
8. A release topic that an *answer* refuses (unknown, no rights, too large) parks its subscription: its transaction is
   ended by a new fence, never by what met the refusal, and the same records are planned anew. Between two batches what
   is parked is resumed, oldest first, in transactions of its own (`partition/kafka.py`).
9. Any other fault ends the process (exit 1) and the supervisor starts it again at the committed offset. No fault is
   repaired in place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.group import SESSION
from hub.contracts.record import KafkaRecord
from hub.gateway.pace import AHEAD, AHEAD_BYTES, PACES, Pace
from hub.gateway.partition.kafka import Partition, Shared
from hub.gateway.ports import Plan, Ports
from hub.gateway.transactions.kafka import install_guard

LEAVE_S: Final = 3.0
"""How long a gateway that ends waits for its clients; the session then tells the group."""


@dataclass(slots=True, eq=False)
class Worker:
    """One assigned partition: its queue, and the task that owns its producer; `partition` once that is fenced."""

    tp: TopicPartition
    queue: asyncio.Queue[Sequence[Any]] = field(default_factory=asyncio.Queue)
    waiting: int = 0
    waiting_bytes: int = 0
    done: int | None = None
    seek_to: asyncio.Future[int | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    partition: Partition | None = None
    stop: bool = False
    polled: bool = False
    task: asyncio.Task[None] | None = None

    @property
    def upto(self) -> int | None:
        """The offset that is committed, or before the first commit that of the first record read; None: not known."""
        committed = None if self.partition is None else self.partition.committed
        return self.done if committed is None else committed


class Gateway:
    """The loop of one lane. `run()` returns after `drain()`, or raises the first fault of any worker."""

    def __init__(
        self, lane: Lane, options: Mapping[str, Any], plan: Plan, ports: Ports, pace: Pace | None = None
    ) -> None:
        """`options`: bootstrap and security of every client; `pace`: its numbers, the lane's own by default."""
        self.lane, self._ports, self._pace = lane, ports, pace or PACES[lane]
        self._batch = self._pace.batch
        self._shared = Shared(lane, dict(options), plan, ports, self._pace, self._committed)
        self._workers: dict[TopicPartition, Worker] = {}
        self._draining = asyncio.Event()
        self._fault: BaseException | None = None
        self._consumer = AIOKafkaConsumer(
            **options,
            group_id=self._shared.group,
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
        known = [(worker.tp, worker.upto) for worker in self.workers() if worker.tp in held]
        return sum(max(0, (ends(tp) or 0) - done) for tp, done in known if done is not None)

    def parked(self) -> int:
        """Subscriptions that cannot be written, so that releases of the partitions held wait for them."""
        held = (worker.partition.standing.parking.held for worker in self.workers() if worker.partition is not None)
        return len({cell for cells in held for cell in cells})

    async def _abandon(self) -> None:
        """Leave without finishing anything: cancel the workers, stop the consumer.

        Within LEAVE_S each, whatever a client waits for: a process that met a fault must end, so that the next begins.
        """
        tasks = [worker.task for worker in self._workers.values() if worker.task is not None]
        for task in tasks:
            task.cancel()
        await _within(LEAVE_S, *tasks)
        await _within(LEAVE_S, self._consumer.stop())

    async def _committed(self, tp: TopicPartition) -> int | None:
        """The group's offset of a partition; to be trusted after a fence only."""
        found: int | None = await self._consumer.committed(tp)
        return found

    async def _work(self, worker: Worker) -> None:
        """The life of one partition: open, then batch after batch until told to stop."""
        began = self._ports.timer()
        partition = worker.partition = Partition(self._shared, worker.tp, await self._shared.fence(worker.tp))
        try:
            worker.seek_to.set_result(await partition.open(began))
            while not worker.stop:
                if await partition.resume() and worker.queue.empty():
                    continue
                records = await self._gathered(worker)
                if records is None:
                    await partition.prove(worker.done or 0)
                for at in range(0, len(records or ()), self._batch):
                    if records and not worker.stop:
                        await partition.turn(records[at : at + self._batch])
                        worker.done = partition.committed
        finally:
            await partition.close()

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


async def _within(seconds: float, *work: Awaitable[Any]) -> None:
    """Wait for these to end, however they end, but no longer: what they die of was raised before, or comes too late."""
    await asyncio.wait([asyncio.gather(*work, return_exceptions=True)], timeout=seconds)


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
