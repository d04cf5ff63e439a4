"""A batch follower on FastStream that loses nothing.

Raw records in, offsets committed only after the handler has finished.

Rules kept (kafka.md section 00 and section 1):
1. Own parser and own decoder hand over the raw records, so that null, repeated or unreadable headers and bare digits
   reach the handler.
2. Manual acknowledgement with explicit offsets, after every send of the handler was awaited.
3. A handler that raises ends the follower: FastStream has already moved on, only a restart reads the batch again.
4. No topic is created; a topic made later is found within five seconds; reading starts at the earliest record.
5. A header name that is not UTF-8 costs its own record only. aiokafka decodes it while fetching and would stop at that
   record for ever, and with it every inbox of the lane; here such a name is read with replacement characters, which
   admission refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from hub.contracts.group import SESSION
from hub.contracts.record import KafkaRecord

Handle = Callable[[Sequence[KafkaRecord]], Awaitable[Mapping[tuple[str, int], int] | None]]
"""Takes a batch; may give, by (topic, partition), the first offset that a restart must read again."""

METADATA_MS: Final = 3_000
_SASL: Final = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


@dataclass(frozen=True, slots=True)
class Source:
    """What a follower reads: topics by name, or inboxes by pattern; its group; how it gathers."""

    group: str
    topics: tuple[str, ...] = ()
    pattern: str | None = None
    max_records: int = 500
    wait_ms: int = 10


class Follower:
    """Runs one handler over one source until `stop()`, or raises the handler's fault."""

    def __init__(self, options: Mapping[str, Any], source: Source, handle: Handle) -> None:
        """`options`: bootstrap and security as every Kafka client of the hub gets them."""
        self._handle, self._at_work = handle, 0
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._broker = KafkaBroker(
            options["bootstrap_servers"].split(","),  # FastStream takes a string for one server
            security=_security(options),
            metadata_max_age_ms=METADATA_MS,
            allow_auto_create_topics=False,
            logger=None,
            apply_types=False,
            graceful_timeout=10.0,
        )
        self._subscriber = self._broker.subscriber(
            *source.topics,
            batch=True,
            group_id=source.group,
            pattern=source.pattern,
            max_records=source.max_records,
            batch_timeout_ms=source.wait_ms,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=100,
            **SESSION,
            ack_policy=AckPolicy.MANUAL,
            parser=_parse,
            decoder=_decode,
        )
        self._subscriber(self._take)

    async def run(self) -> None:
        """Follow until stopped; re-raises what a handler raised."""
        fetcher.MemoryRecords = _TolerantRecords
        await self._broker.start()
        try:
            await self._end
        finally:
            await self._broker.stop()

    def stop(self) -> None:
        """End `run` after the running batch."""
        if not self._end.done():
            self._end.set_result(None)

    def lag(self) -> int:
        """Records of everything it holds, summed, that are not committed yet, as far as the last fetches told."""
        consumer = self._subscriber.consumer
        held = consumer._subscription.subscription if consumer else None  # noqa: SLF001 - `position` is a coroutine
        assigned = held.assignment if held else None
        states = [assigned.state_value(tp) for tp in assigned.tps] if assigned else []
        known = [each for each in states if each.has_valid_position and each.highwater is not None]
        return self._at_work + sum(max(0, int(each.highwater) - int(each.position)) for each in known)

    async def _take(self, records: Any) -> None:
        if self._end.done():
            return
        self._at_work = len(records)
        try:
            held = await self._handle(records)
            consumer = self._subscriber.consumer
            if consumer is not None:
                await consumer.commit(_positions(records, held or {}))
            self._at_work = 0
        except Exception as fault:  # the run loop: whatever it is, it ends the follower
            if not self._end.done():
                self._end.set_exception(fault)


def _positions(records: Sequence[KafkaRecord], held: Mapping[tuple[str, int], int]) -> dict[TopicPartition, int]:
    """One past the last record of each partition, or what is held back there."""
    after = {(r.topic, r.partition): r.offset + 1 for r in records}
    return {TopicPartition(*place): min(offset, held.get(place, offset)) for place, offset in after.items()}


async def _parse(records: tuple[Any, ...]) -> KafkaMessage:
    """A message without headers: what publishers wrote in them is read by admission alone, from the raw record."""
    return KafkaMessage(
        body=b"",
        headers={},
        reply_to="",
        message_id="",
        correlation_id="",
        raw_message=records,
        consumer=FAKE_CONSUMER,
    )


async def _decode(message: KafkaMessage) -> Any:
    return message.raw_message


def _security(options: Mapping[str, Any]) -> BaseSecurity | None:
    """FastStream's form of the security options the other clients get."""
    protocol = str(options.get("security_protocol", "PLAINTEXT"))
    context = options.get("ssl_context")
    if "SASL" in protocol:
        kind = _SASL[str(options["sasl_mechanism"])]
        return kind(
            username=options["sasl_plain_username"], password=options["sasl_plain_password"], ssl_context=context
        )
    return BaseSecurity(ssl_context=context) if context is not None else None


class _TolerantRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches of a fetch, each able to read itself again without the strict decoding of header names."""

    def next_batch(self, *_: Any) -> Any:
        """The next batch, or None."""
        stored = bytes(self._next_slice) if self._next_slice is not None else b""
        batch = super().next_batch()
        return None if batch is None else _TolerantBatch(batch, stored)


class _TolerantBatch:
    """One record batch: the fast reading first, the tolerant one from where that failed."""

    def __init__(self, batch: Any, stored: bytes) -> None:
        self._batch, self._stored = batch, stored

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                read += 1
                yield record
        except UnicodeDecodeError:
            yield from islice(self._again(), read, None)

    def _again(self) -> Any:
        batch = _DefaultRecordBatchPy(self._stored)
        batch._maybe_uncompress()  # noqa: SLF001 - aiokafka has no public way to read a batch again
        batch._buffer = _Replacing(batch._buffer)  # noqa: SLF001 - as above
        return batch


class _Replacing(bytearray):
    """Bytes whose slices decode with replacement characters instead of failing."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Replacing(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        """Never fails."""
        return super().decode(encoding, "replace")
