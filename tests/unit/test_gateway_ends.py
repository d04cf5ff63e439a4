"""A gateway that met a fault ends, whatever its clients wait for: the next one begins where it stopped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition

from consent.terms import Lane
from hub.gateway import kafka
from hub.gateway.kafka import Gateway, Worker


class Stuck:
    """A client that never ends."""

    def __init__(self, **_: Any) -> None:
        self.asked = asyncio.Event()

    async def stop(self) -> None:
        """Waits for ever."""
        self.asked.set()
        await asyncio.Event().wait()


async def deaf() -> None:
    """Work that hears no cancel."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if DONE.is_set():
                raise


DONE = asyncio.Event()


async def test_it_ends_though_its_consumer_and_a_partition_never_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is asked, and given up after its seconds; a fault of ours is not hidden, since it was raised before."""
    monkeypatch.setattr(kafka, "AIOKafkaConsumer", Stuck)
    monkeypatch.setattr(kafka, "LEAVE_S", 0.01)
    gateway = Gateway(Lane.CASE, {}, object(), object())  # type: ignore[arg-type]  # neither is asked
    worker = Worker(TopicPartition("admitted.case", 0))
    worker.task = asyncio.create_task(deaf())
    gateway._workers[worker.tp] = worker
    async with asyncio.timeout(5):
        await gateway._abandon()
    assert gateway._consumer.asked.is_set()
    DONE.set()
    worker.task.cancel()
