"""Empties an outbox into the unit's inboxes, and sends until the hub's receipt.

Rules kept:
1. At least once, in order, under one id and the same bytes: bytes are kept before they are sent, a row is `sent` once
   all replicas have acknowledged it, and is sent again until its receipt is there.
2. A row that is no event is marked for a person and never stops those behind it.
3. Nothing is sent to a Kafka that is not known to be the one of before: its newest receipted record is read back at the
   start, every ten seconds, and when an acknowledged offset is not beyond all before it. If that record is gone, the
   rows behind the last one that is there are sent again; if they were pruned already, the process refuses to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from connectors.sdk.faults import ConnectorFault
from connectors.sdk.parcels import Encoder
from connectors.sdk.port import Parcel, RowMapping, RowRefused, Witness
from connectors.sdk.receipts.kafka import ReceiptReader
from connectors.sdk.settings import REAL, World
from connectors.sdk.sql import Outbox
from connectors.sdk.witness.kafka import WitnessReader, last_there
from hub.contracts.catalogue import Catalogue
from hub.telemetry.logs import get_log

log = get_log(__name__)
BATCH: Final = 200
IDLE_MS: Final = 50
CHECK_MS: Final = 10_000
PRUNE_MS: Final = 3_600_000
FAULTS: Final = (RowRefused, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, OSError)
"""What a mapping or the encoder raises on a row that is no event; none of it may stop the rows behind it."""


class OutboxPublisher:
    """Publishes one unit's outbox. Use as an async context manager, then `run()`, or `turn()` by `turn()`."""

    def __init__(
        self,
        options: Mapping[str, Any],
        catalogue: Catalogue,
        unit: str,
        outbox: Outbox,
        mapping: RowMapping,
        world: World = REAL,
    ) -> None:
        """`options`: bootstrap and security of the unit's own Kafka client."""
        self._producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
        self._receipts = ReceiptReader(options, catalogue, unit)
        self._witness = WitnessReader(options)
        self._encoder, self._unit, self._outbox = Encoder(catalogue, unit), unit, outbox
        self._mapping, self._world, self._stack = mapping, world, AsyncExitStack()
        self._check_at = self._prune_at = 0
        self.refill_what_is_left = False

    async def __aenter__(self) -> Self:
        """Start the clients and see whether Kafka is the one of before; `ConnectorFault` when it cannot be filled."""
        async with AsyncExitStack() as undo:
            await undo.enter_async_context(self._witness)
            await undo.enter_async_context(self._receipts)
            await self._producer.start()
            undo.push_async_callback(self._producer.stop)
            await self.check()
            self._stack = undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the clients."""
        await self._stack.aclose()

    async def run(self) -> None:
        """Publish until cancelled; a fault of Kafka or of the file ends it."""
        while True:
            await self.turn()

    async def turn(self) -> None:
        """Encode, send and mark what is due, then take what receipts there are (waits for them when all is sent)."""
        now = self._world.now()
        if now >= self._check_at:
            await self._check_again()
        if now >= self._prune_at:
            self._prune(now)
        self._encode()
        parcels = self._outbox.ready(BATCH) or self._outbox.due(now, BATCH)
        if parcels:
            await self._send(parcels)
        await self._take(0 if parcels else IDLE_MS)

    def _encode(self) -> None:
        """Turn new rows into what will be sent of them, and keep that."""
        rows = self._outbox.fresh(BATCH)
        if not rows:
            return
        self._world.step("read")
        parcels, refused = list[Parcel](), list[str]()
        for row in rows:
            try:
                parcels.append(self._encoder.parcel(self._mapping(row)))
            except FAULTS:
                refused.append(row.id)
                log.warning("row.refused", event_id=row.id, unit=self._unit)
        self._outbox.keep(parcels, refused)
        self._world.step("kept")

    async def _send(self, parcels: Sequence[Parcel]) -> None:
        """Send, wait for every acknowledgement, then mark where each lies."""
        sent = [await self._producer.send(p.topic, p.value, headers=p.headers) for p in parcels]
        self._world.step("sent")
        places = [
            Witness(found.topic, found.partition, found.offset, parcel.id)
            for parcel, found in zip(parcels, await asyncio.gather(*sent), strict=True)
        ]
        self._world.step("acknowledged")
        if any(place.offset <= self._outbox.furthest(place.topic, place.partition) for place in _first(places)):
            await self.check()
        self._outbox.sent(places, self._world.now())
        self._world.step("marked")

    async def _take(self, wait_ms: int) -> None:
        taken = await self._receipts.take(wait_ms)
        if taken.read:
            self._world.step("receipts_read")
            self._outbox.told(taken.receipts, taken.read, self._world.now())
            self._world.step("receipts_marked")
            for each in taken.receipts:
                if each.verdict == "refused":
                    log.warning("event.refused", event_id=each.id, code=each.code, unit=self._unit)

    def _prune(self, now: int) -> None:
        self._prune_at = now + PRUNE_MS
        if count := self._outbox.prune(now):
            log.info("outbox.pruned", count=count, unit=self._unit)

    async def _check_again(self) -> None:
        """Check while running; a Kafka that does not answer now is asked again at the next time."""
        try:
            await self.check()
        except KafkaError as fault:
            log.warning("witness.unreachable", exc_info=fault, unit=self._unit)
            self._check_at = self._world.now() + CHECK_MS

    async def check(self) -> None:
        """Read the newest receipted record of each inbox back; fill the inbox again when it is gone."""
        for newest in self._outbox.newest():
            if not await self._witness.there(newest):
                await self._refill(newest.topic, newest.partition)
        await self._receipts.follow(self._outbox.receipts_read())
        self._check_at = self._world.now() + CHECK_MS

    async def _refill(self, topic: str, partition: int) -> None:
        pruned = self._outbox.pruned(topic, partition)
        if pruned and not self.refill_what_is_left and not await self._witness.there(pruned):
            raise ConnectorFault(
                "broker_restored",
                f"Kafka has lost records of `{topic}` that are no longer in the outbox (older than 7 days); "
                "nothing was sent",
            )
        after = await last_there(self._outbox.placed(topic, partition), self._witness.there)
        receipts = await self._witness.ends(topic.replace("inbox.", "receipt.", 1))
        count = self._outbox.refill(topic, partition, after, receipts)
        self._receipts.again(self._outbox.receipts_read())
        log.warning("broker.refilled", topic=topic, partition=partition, offset=after, count=count, unit=self._unit)


def _first(places: Sequence[Witness]) -> list[Witness]:
    """The first of these places in each partition."""
    return list({(place.topic, place.partition): place for place in reversed(places)}.values())
