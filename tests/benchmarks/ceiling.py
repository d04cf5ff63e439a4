"""The ceiling of the gateway's benchmark: a raw aiokafka pass-through, what Kafka itself allows on this machine.

For each input it writes rows made beforehand: one transactional producer per partition, batches built before the
transaction begins, every send awaited, the input offset in the transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from tests.benchmarks.pack import AT_MS

BATCH: Final = 500
PARTITIONS: Final = topics.PARTITIONS[Lane.CASE]
Row = tuple[tuple[str, int], bytes | None, bytes | None, list[tuple[str, bytes]]]
"""One record to write: topic and partition, key, value, headers."""


async def ceiling_rate(options: Mapping[str, Any], rows: Mapping[tuple[int, int], Sequence[Row]], group: str) -> float:
    """The same bytes to the same topics in the same transactions, nothing computed: what Kafka itself allows here."""
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
        asyncio.create_task(pass_on(producers[p], queues[p], rows, (group, p, len(rows) // PARTITIONS)))
        for p in range(PARTITIONS)
    ]
    feeding = asyncio.create_task(feed(consumer, queues))
    await asyncio.gather(*workers)
    took = perf_counter() - began
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    for client in (consumer, *producers):
        await client.stop()
    return len(rows) / took


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
