"""What a transaction wrote is freed as soon as nobody needs it: megabytes for each of hundreds in a backlog."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer

from hub.gateway.transactions.kafka import MAX_BATCH_BYTES, Batches


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Python's collector of circles does not come by."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
async def test_batches_go_by_their_reference_counts() -> None:
    """Closed and let go, the batches are gone at once, also those that were full before."""
    kafka = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1", transactional_id="idle", max_batch_size=MAX_BATCH_BYTES)
    made = Batches(kafka, 1)
    for number in range(40):
        made.add(("topic", number % 2), b"key", bytes(60_000))
    assert len(made.built) > 2
    seen = [weakref.ref(batch) for _, batch in made.built]
    made.close()
    del made
    assert [one() for one in seen] == [None] * len(seen)
    await kafka.stop()
