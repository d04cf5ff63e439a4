"""The register's writer and the registry's followers.

Rules kept: the writer is idempotent, waits for all replicas and is never in a transaction, so that an acknowledged
change is behind the end offset every fence asks for; a command is checked as a whole before any of it is sent; every
change is copied to `audit.register` in order, since
compaction forgets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.codec import RecordCodec
from hub.contracts.record import KafkaRecord
from hub.contracts.registers import Change, RegisterCodecs
from hub.registry.faults import Door
from hub.registry.latest import Copies, Latest
from hub.registry.relations import Relations, StandingRelations
from hub.registry.typed import Typed
from hub.telemetry.logs import get_log

log = get_log(__name__)

Held = Mapping[tuple[str, int], int]
REGISTER: Final = TopicPartition(topics.REGISTER, 0)
COPY: Final = TopicPartition(topics.AUDIT_REGISTER, 0)


class RegisterWriter:
    """Writes register records; an acknowledged record is seen by every fence that begins afterwards."""

    def __init__(self, options: Mapping[str, Any], door: Door) -> None:
        self._producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
        self._door = door

    async def __aenter__(self) -> Self:
        """Start the producer; one that could not is closed."""
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._producer.stop)
            await self._producer.start()
            undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the producer."""
        await self._producer.stop()

    async def write(self, records: Sequence[Mapping[str, Any]], typed: Typed | None = None) -> list[int]:
        """Append records in order; their offsets, once all are acknowledged. `typed`: people typed them.

        `RegisterRefused` when one of them is faulty: then nothing was sent.
        """
        made = self._door.checked(records, typed)
        sent = [await self._producer.send(REGISTER.topic, value, key=key, partition=0) for key, value in made]
        return [metadata.offset for metadata in await asyncio.gather(*sent)]


async def read_to_end(
    options: Mapping[str, Any], partition: TopicPartition, take: Callable[[KafkaRecord], None]
) -> int:
    """Feed every record of a partition up to its present end to `take`; the end offset."""
    consumer = AIOKafkaConsumer(**options, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([partition])
        end = int((await consumer.end_offsets([partition]))[partition])
        await consumer.seek_to_beginning(partition)
        while await consumer.position(partition) < end:
            for record in (await consumer.getmany(partition, timeout_ms=200)).get(partition, ()):
                take(record)
        return end
    finally:
        await consumer.stop()


async def read_latest(options: Mapping[str, Any], codecs: RegisterCodecs) -> Latest:
    """The latest record of every register key, whether it can be read or not."""
    latest = Latest(codecs)
    await read_to_end(options, REGISTER, latest.take)
    return latest


async def read_register(options: Mapping[str, Any], codecs: RegisterCodecs) -> dict[tuple[str, str], Change]:
    """The latest change of every register key; `CodecFault` when what stands cannot be read, as at every start."""
    return (await read_latest(options, codecs)).changes()


class RegisterCopy:
    """Copies register changes to `audit.register`, from where the last copy ended."""

    def __init__(self, options: Mapping[str, Any], codecs: RegisterCodecs, copies: RecordCodec) -> None:
        self._options, self._reads = options, copies
        self._copies = Copies(codecs, copies)

    async def run(self) -> None:
        """Copy until cancelled."""
        last = await self._last_copied()
        producer = AIOKafkaProducer(**self._options, acks="all", enable_idempotence=True)
        consumer = AIOKafkaConsumer(**self._options, auto_offset_reset="earliest", enable_auto_commit=False)
        await producer.start()
        await consumer.start()
        try:
            consumer.assign([REGISTER])
            await consumer.seek_to_beginning(REGISTER)
            while True:
                records = (await consumer.getmany(REGISTER, timeout_ms=1000)).get(REGISTER, ())
                copies = [(record.offset, *self._copies.copy(record)) for record in records]
                fresh = [copy for copy in copies if copy[0] > last]
                for offset in (offset for offset, _, _, readable in fresh if not readable):
                    log.error("alarm", code="register_unreadable", offset=offset)
                sent = [await producer.send(COPY.topic, value, key=key, partition=0) for _, key, value, _ in fresh]
                await asyncio.gather(*sent)
        finally:
            await consumer.stop()
            await producer.stop()

    async def _last_copied(self) -> int:
        offsets = [-1]
        await read_to_end(
            self._options, COPY, lambda record: offsets.append(self._reads.decode(record.value or b"")["offset"])
        )
        return max(offsets)


class RelationsFollower:
    """Follows admitted events and decisions of a lane and writes the relations they begin.

    `fence`: returns once `stands` knows everything the register had acknowledged when it was called.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        lane: Lane,
        relations: Relations,
        writer: RegisterWriter,
        stands: StandingRelations,
        fence: Callable[[], Awaitable[int]],
    ) -> None:
        self._options, self._admitted = options, topics.admitted(lane)
        self._relations, self._writer, self._stands, self._fence = relations, writer, stands, fence
        self.topics = (self._admitted, topics.audit_decision(lane))

    async def handle(self, records: Sequence[KafkaRecord]) -> Held:
        """One batch of both topics; returns when all is acknowledged, with what a restart must read again."""
        begun: list[dict[str, Any]] = []
        for record in records:
            take = self._relations.admitted if record.topic == self._admitted else self._relations.decided
            begun += take(record)
        begun += await self._late()
        if begun:
            await self._fence()
            await self._writer.write(self._stands.fresh(begun))
        places = {(record.topic, record.partition) for record in records}
        return {place: held for place in places if (held := self._held(*place)) is not None}

    async def _late(self) -> list[dict[str, Any]]:
        """What begins by releases that were parked: their events are read again; one kept no longer begins nothing."""
        late, self._relations.late = self._relations.late, []
        begun: list[dict[str, Any]] = []
        for decision in late:
            record = await _record_at(self._options, **decision["input"])
            begun += [] if record is None else self._relations.again(record, decision)
        return begun

    def _held(self, topic: str, partition: int) -> int | None:
        of_admitted = topic == self._admitted
        return (self._relations.held_admitted if of_admitted else self._relations.held_decision)(partition)


async def _record_at(options: Mapping[str, Any], topic: str, partition: int, offset: int) -> KafkaRecord | None:
    """One record, if it is still kept."""
    place = TopicPartition(topic, partition)
    async with AIOKafkaConsumer(**options, enable_auto_commit=False, isolation_level="read_committed") as consumer:
        if (await consumer.beginning_offsets([place]))[place] > offset:
            return None
        consumer.assign([place])
        consumer.seek(place, offset)
        record: KafkaRecord = await consumer.getone(place)
        return record if record.offset == offset else None
