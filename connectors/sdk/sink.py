"""Delivers a unit's releases into its own store, each with one effect.

Rules kept:
1. Effect and source position are one transaction of the store; a start goes on from the store's position, and the
   group's offset, committed after, is only for people to see. So a crash anywhere reads a release again or not at all,
   and a release read again has no second effect: it is known by its id (event, unit, purpose, attempt).
2. Read committed only: what the hub took back before it was decided is never seen.
3. A record that cannot be read is put aside and stops nobody. Alerts are taken before all else.
4. A Kafka that was restored or emptied is read from its beginning: ids known already have no effect. It is known by
   the last record taken, which is read back before anything after it is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, Protocol, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from connectors.sdk.port import Positions, Witness
from connectors.sdk.released import Delivery, ReleaseReader
from connectors.sdk.settings import REAL, World
from connectors.sdk.tolerant.kafka import read_tolerantly
from connectors.sdk.witness.kafka import WitnessReader
from hub.telemetry.logs import get_log

log = get_log(__name__)
BATCH: Final = 200
WAIT_MS: Final = 200
CHECK_MS: Final = 10_000


class Store(Protocol):
    """Where a sink delivers to. Each method is one transaction that is on disk when it returns."""

    def read(self) -> list[Witness]:
        """The last record taken of each source partition."""
        ...

    def take(self, deliveries: Sequence[Delivery], step: Callable[[str], None]) -> int:
        """Effects and positions together, at most one effect per (id, unit, purpose); how many were new."""
        ...

    def forget(self, witness: Witness) -> None:
        """Read this source from its beginning again."""
        ...


class Sink:
    """Follows every release topic of one unit. Use as an async context manager, then `run()`."""

    def __init__(
        self, options: Mapping[str, Any], unit: str, reader: ReleaseReader, store: Store, world: World = REAL
    ) -> None:
        """`options`: bootstrap and security of the unit's own Kafka client."""
        read_tolerantly()
        self._consumer = AIOKafkaConsumer(
            **options,
            group_id=f"{unit}.sink",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        self._witness, self._stack = WitnessReader(options), AsyncExitStack()
        self._reader, self._store, self._world, self._unit = reader, store, world, unit
        self._check_at = 0

    async def __aenter__(self) -> Self:
        """Start the clients and go to the store's own position in every topic."""
        async with AsyncExitStack() as undo:
            await undo.enter_async_context(self._witness)
            await self._consumer.start()
            undo.push_async_callback(self._consumer.stop)
            await self.check()
            self._stack = undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the clients."""
        await self._stack.aclose()

    async def run(self) -> None:
        """Deliver until cancelled; a fault of Kafka or of the store ends it."""
        while True:
            await self.turn()

    async def turn(self) -> int:
        """Take what there is, alerts first, and wait a little when there is nothing; how many effects are new."""
        if self._world.now() >= self._check_at:
            await self._check_again()
        found = await self._fetched()
        if not found or await self._lost({place.topic for place in found}):
            return 0
        self._world.step("fetched")
        deliveries = [self._reader.read(record) for records in found.values() for record in records]
        count = self._store.take(deliveries, self._world.step)
        self._world.step("stored")
        self._tell(deliveries, count)
        await self._acknowledge({(place.topic, place.partition): one[-1].offset + 1 for place, one in found.items()})
        self._world.step("acknowledged")
        return count

    async def _fetched(self) -> dict[TopicPartition, list[Any]]:
        places = self._consumer.assignment()
        if not places:  # Kafka's client would wait for ever
            await asyncio.sleep(WAIT_MS / 1000)
            return {}
        alerts = [place for place in places if place.topic.startswith("release.alert.")]
        found: dict[TopicPartition, list[Any]] = {}
        if alerts:
            found = await self._consumer.getmany(*alerts, timeout_ms=0, max_records=BATCH)
        return found or await self._consumer.getmany(timeout_ms=WAIT_MS, max_records=BATCH)

    def _tell(self, deliveries: Sequence[Delivery], count: int) -> None:
        log.info("releases.taken", count=count, unit=self._unit)
        for each in deliveries:
            if each.code:
                log.warning("release.aside", topic=each.topic, offset=each.offset, code=each.code, release_id=each.id)

    async def _acknowledge(self, read: Positions) -> None:
        """Tell the group how far the store is, for people to see; nothing is ever read from there."""
        try:
            await self._consumer.commit({TopicPartition(*place): offset for place, offset in read.items()})
        except KafkaError as fault:
            log.warning("acknowledge.failed", exc_info=fault, unit=self._unit)

    async def _check_again(self) -> None:
        try:
            await self.check()
        except KafkaError as fault:
            log.warning("witness.unreachable", exc_info=fault, unit=self._unit)
            self._check_at = self._world.now() + CHECK_MS

    async def check(self) -> None:
        """Find the unit's topics, and forget the position in each that is not the one it was read from."""
        names = {name for name in await self._consumer.topics() if self._mine(name)}  # of one partition each
        places = {TopicPartition(name, 0) for name in names}
        await self._lost(names)
        if places and places != self._consumer.assignment():
            self._follow(places)
        self._check_at = self._world.now() + CHECK_MS

    async def _lost(self, names: Collection[str]) -> bool:
        """Whether one of these topics is not the one it was read from; then it is read from its beginning again.

        Asked of every batch after it was fetched and before it is taken, so that none is of a Kafka not yet known.
        """
        gone = [one for one in self._store.read() if one.topic in names and not await self._witness.there(one)]
        for witness in gone:
            self._store.forget(witness)
            log.warning("broker.read_again", topic=witness.topic, partition=witness.partition, unit=self._unit)
        if gone:
            self._follow(self._consumer.assignment() | {TopicPartition(one.topic, one.partition) for one in gone})
        return bool(gone)

    def _follow(self, places: set[TopicPartition]) -> None:
        after = {(one.topic, one.partition): one.offset + 1 for one in self._store.read()}
        self._consumer.assign(sorted(places))
        for place in places:
            self._consumer.seek(place, after.get((place.topic, place.partition), 0))

    def _mine(self, topic: str) -> bool:
        parts = topic.split(".")
        return len(parts) == 4 and parts[0] == "release" and parts[2] == self._unit
