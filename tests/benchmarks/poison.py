"""Does poison slow healthy alerts? `python -m tests.benchmarks.poison [SECONDS]`.

Alerts at 200 a second, ten times the rate of a busy day, alone and with every tenth record poison: cut short, of an
unknown schema, of a wrong owner, the same id with other bytes. Alone and poisoned by turns on one broker and through
the same processes, from the send until the dispatch sees the release; the ratio is of the medians of their p99.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from aiokafka import AIOKafkaProducer

from consent.terms import Lane
from hub.contracts.wire import frame
from hub.embedded import embedded_broker
from tests.benchmarks.alert import WARM_UP, Source, Watch, desks, reading
from tests.benchmarks.load.lanes import lane_at_work
from tests.support.hub import Hub, prepared

RATE: Final = 200
EVERY: Final = 9
"""Healthy alerts to one of poison: a tenth of the records."""
ROUNDS: Final = 3
SECONDS: Final = 10
FIRST_ID: Final = b"00000000-0000-4000-8000-000000000001"
QUESTION: Final = "How much longer does an alert take when a tenth of the records are poison?"
Headers = list[tuple[str, bytes]]
Poison = tuple[bytes, Headers]


def _cut_short(value: bytes, headers: Headers) -> Poison:
    return value[: len(value) // 2], headers


def _unknown_schema(value: bytes, headers: Headers) -> Poison:
    return frame(999_999, value[5:]), headers


def _wrong_owner(value: bytes, headers: Headers) -> Poison:
    return value, [(name, b"urn:punte:unit:uzzzzz" if name == "ce_source" else what) for name, what in headers]


def _other_bytes(value: bytes, headers: Headers) -> Poison:
    return value, [(name, FIRST_ID if name == "ce_id" else what) for name, what in headers]


KINDS: Final[tuple[Callable[[bytes, Headers], Poison], ...]] = (_cut_short, _unknown_schema, _wrong_owner, _other_bytes)


class Poisoner:
    """A producer that puts a record of poison behind every ninth healthy one."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer, self._sent = producer, 0

    async def send(self, topic: str, value: bytes, *, headers: Headers, partition: int) -> None:
        """The healthy record, and at times one of poison behind it."""
        await self._producer.send(topic, value, headers=headers, partition=partition)
        self._sent += 1
        if self._sent % EVERY == 0:
            bad, told = KINDS[self._sent // EVERY % len(KINDS)](value, headers)
            await self._producer.send(topic, bad, headers=told, partition=partition)


async def by_turns(hub: Hub, watch: Watch, seconds: int) -> list[tuple[list[float], list[float]]]:
    """Milliseconds alone and beside poison, in each round."""
    source, found = Source(hub, watch), []
    async with AIOKafkaProducer(**hub.parts.options, acks="all") as producer:
        await source.send(producer, source.inbox, RATE, WARM_UP)
        for _ in range(ROUNDS):
            ways = producer, Poisoner(producer)
            turns = [await source.send(way, source.inbox, RATE, RATE * seconds) for way in ways]
            alone, poisoned = (watch.latencies(numbers) for numbers in turns)
            found.append((alone, poisoned))
    return found


async def measure(seconds: int) -> dict[str, float]:
    """The alert lane alone and poisoned."""
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_broker() as broker, prepared(broker.bootstrap, Path(folder)) as hub:
            watch = Watch()
            async with lane_at_work(hub, Lane.ALERT), reading(hub.parts.options, desks(hub), watch):
                rounds = await by_turns(hub, watch, seconds)
    cuts = [[quantiles(taken, n=100, method="inclusive") for taken in turn] for turn in rounds]
    told = {}
    for name, at in (("p50", 49), ("p99", 98)):
        for side, which in (("alone", 0), ("poisoned", 1)):
            told[f"{side}_{name}_ms"] = round(median(turn[which][at] for turn in cuts), 1)
    return told


def main() -> None:
    """Measure and print a sentence and one JSON object."""
    logging.disable(logging.CRITICAL)
    found = asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
    ratio = round(found["poisoned_p99_ms"] / found["alone_p99_ms"], 2)
    alone, poisoned = found["alone_p99_ms"], found["poisoned_p99_ms"]
    print(f"At {RATE} alerts/s the p99 is {alone} ms alone, {poisoned} ms with a tenth of poison: {ratio} (2 wanted).")
    print(json.dumps({"question": QUESTION, "ratio": ratio, "figures": found, **found}))


if __name__ == "__main__":
    main()
