"""The ceiling of the gateway's benchmark: a raw aiokafka pass-through, what Kafka itself allows on this machine.

For each input it writes rows made beforehand: one transactional producer per partition, batches built before the
transaction begins, every send awaited, the input offset in the transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import perf_counter, process_time
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from tests.benchmarks.pack import AT_MS

BATCH: Final = 500
PARTITIONS: Final = topics.PARTITIONS[Lane.CASE]
Row = tuple[tuple[str, int], bytes | None, bytes | None, list[tuple[str, bytes]]]
"""One record to write: topic and partition, key, value, headers."""


class Cost(NamedTuple):
    """Microseconds of one event: on the wall, and of CPU of this process."""

    wall: float
    cpu: float

    @staticmethod
    def since(began: tuple[float, float], events: int) -> Cost:
        """Of so many events since `clocks()` were `began`."""
        return Cost(*((now - then) / events * 1e6 for now, then in zip(clocks(), began, strict=True)))


def clocks() -> tuple[float, float]:
    """Seconds on the wall, and of CPU of this process."""
    return perf_counter(), process_time()


async def ceiling_cost(options: Mapping[str, Any], rows: Mapping[tuple[int, int], Sequence[Row]], group: str) -> Cost:
    """The same bytes to the same topics in the same transactions, nothing computed: what Kafka itself allows here.

    Reads from the beginning of `admitted.case` as many events as there are rows. `group`: one not used before.
    """
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
    began = clocks()
    workers = [
        asyncio.create_task(pass_on(producers[p], queues[p], rows, (group, p, len(rows) // PARTITIONS)))
        for p in range(PARTITIONS)
    ]
    feeding = asyncio.create_task(feed(consumer, queues, len(rows) // PARTITIONS))
    await asyncio.gather(*workers)
    cost = Cost.since(began, len(rows))
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    for client in (consumer, *producers):
        await client.stop()
    return cost


async def started(options: Mapping[str, Any], partition: int) -> AIOKafkaProducer:
    """A transactional producer of one partition."""
    producer = AIOKafkaProducer(
        **options, transactional_id=f"ceiling.{partition}", max_batch_size=512 * 1024, max_request_size=16 * 1024 * 1024
    )
    await producer.start()
    return producer


async def feed(consumer: AIOKafkaConsumer, queues: Sequence[asyncio.Queue[Sequence[Any]]], count: int) -> None:
    """Poll and hand out `count` records of each partition, as long as there is room."""
    left = [count] * len(queues)
    while any(left):
        room = [TopicPartition("admitted.case", p) for p, queue in enumerate(queues) if left[p] and not queue.full()]
        if not room:
            await asyncio.sleep(0.001)
            continue
        for tp, found in (await consumer.getmany(*room, timeout_ms=50, max_records=BATCH * len(room))).items():
            records = found[: left[tp.partition]]
            left[tp.partition] -= len(records)
            for at in range(0, len(records), BATCH):
                await queues[tp.partition].put(records[at : at + BATCH])


async def pass_on(
    producer: AIOKafkaProducer,
    queue: asyncio.Queue[Sequence[Any]],
    rows: Mapping[tuple[int, int], Sequence[Row]],
    share: tuple[str, int, int],
) -> None:
    """One transaction per batch until all of a partition is passed on. `share`: group, partition, events."""
    (group, partition, count), done = share, 0
    while done < count:
        records = await queue.get()
        batches: dict[tuple[str, int], Any] = {}
        for record in records:
            for place, key, value, headers in rows[partition, record.offset]:
                batch = batches.get(place)
                if batch is None:
                    batch = batches[place] = producer.create_batch()
                batch.append(key=key, value=value, timestamp=AT_MS, headers=headers)
        await producer.begin_transaction()
        sent = [await producer.send_batch(batch, topic, partition=to) for (topic, to), batch in batches.items()]
        await asyncio.gather(*sent)
        await producer.send_offsets_to_transaction(
            {TopicPartition("admitted.case", partition): records[-1].offset + 1}, group
        )
        await producer.commit_transaction()
        done += len(records)
