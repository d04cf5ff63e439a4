"""One transactional producer per input partition, whose transaction requests are never resent after a lost connection.

Rules kept (kafka.md section 00; architecture.md section 3, step 5):
1. The transactional id names the input partition, so that starting it fences whoever owned the partition before.
2. AddPartitions, AddOffsets, TxnOffsetCommit and EndTxn are repeated only after an *answer* with a retriable code.
   After a lost connection the outcome is unknown: the producer dies, the owner fences, reads the committed offset
   again and redoes the work.
3. Every send is awaited before the offsets; a batch is complete before its transaction begins.
4. Only an answer refuses a topic: unknown, no rights, too large. What aiokafka holds of the transaction is then wrong
   (it forgets partitions that were added, and counts records that were not taken), so its producer is not used again.
5. The guard replaces code of aiokafka by name, and records go past its batches' Python, so it refuses to work on a
   version it has not seen (hash of the source).
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    IncompatibleBrokerVersion,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.producer import sender
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.protocol.metadata import MetadataRequest

from hub.gateway.outputs import NO_HEADERS, Append, Headers, Place
from hub.gateway.pace import Pace

GUARDED: Final = (
    sender.AddPartitionsToTxnHandler,
    sender.AddOffsetsToTxnHandler,
    sender.TxnOffsetCommitHandler,
    sender.EndTxnHandler,
)
SEEN_SOURCE: Final = "18f62b29f0dd9975"
MAX_BATCH_BYTES: Final = 512 * 1024
RETRY_MS: Final = 20
"""How long a producer waits before it asks again what was answered `not yet`: a fence, while markers are written."""
REFUSED: Final[Mapping[int, str]] = {
    UnknownTopicOrPartitionError.errno: "unknown_topic",
    TopicAuthorizationFailedError.errno: "no_rights",
    MessageSizeTooLargeError.errno: "too_large",
    RecordListTooLargeError.errno: "too_large",
}
"""The answers that refuse a topic, by their number in Kafka's protocol, and the codes they are told by."""


DEAD: Final = (KafkaError, IllegalOperation, AssertionError)
"""What aiokafka raises of a batch given to a producer whose sender has ended."""
NONE: Final[Mapping[str, str]] = {}


class UnknownOutcome(KafkaError):  # type: ignore[misc]
    """A transaction request left and no answer came.

    Nobody knows whether it took effect, so it must not be repeated.
    """


class TopicRefused(KafkaError):  # type: ignore[misc]
    """The broker answered that a topic cannot be written. `topics`: name -> code."""

    def __init__(self, topics: Mapping[str, str]) -> None:
        super().__init__(f"refused: {', '.join(sorted(set(topics.values())))}")
        self.topics = topics


class UnseenLibrary(RuntimeError):
    """The installed aiokafka is not the one the guard was written against."""


async def _send_once(self: Any, node_id: int) -> bool:
    """`BaseHandler.do` of aiokafka without its resend: an answer may lead to a repeat, silence never does."""
    request = self.create_request()
    try:
        answer = await self._sender.client.send(node_id, request, group=self.group)
    except IncompatibleBrokerVersion:
        raise
    except KafkaError as fault:
        raise UnknownOutcome(f"{type(request).__name__} was not answered ({type(fault).__name__})") from None
    if isinstance(self, sender.AddPartitionsToTxnHandler):
        _raise_refused(answer)
    backoff = self.handle_response(answer)
    if backoff is not None:
        await asyncio.sleep(backoff)
    return backoff is None


def _raise_refused(answer: Any) -> None:
    """End the producer over a topic that cannot be part of a transaction; aiokafka would ask again for ever."""
    errors = ((topic, error) for topic, partitions in answer.errors for _, error in partitions)
    found = {topic: REFUSED[error] for topic, error in errors if error in REFUSED}
    if found:
        raise TopicRefused(found)


def library_hash() -> str:
    """A digest of the aiokafka source the guard replaces, and of what it and `Batches` rely on."""
    routine = sender.Sender._sender_routine  # noqa: SLF001 - the guard relies on how it ends
    parts = [sender.BaseHandler.do, *(handler.handle_response for handler in GUARDED), routine, BatchBuilder]
    return hashlib.sha256("".join(inspect.getsource(part) for part in parts).encode()).hexdigest()[:16]


def install_guard(backoff_ms: float) -> None:
    """Put the guard in place, once per process, before the first producer starts.

    `backoff_ms` is how long AddPartitions waits when the broker still writes the markers of the last transaction.
    """
    found = library_hash()
    if found != SEEN_SOURCE:
        raise UnseenLibrary(
            f"aiokafka changed where the no-resend guard replaces it (hash {found}); "
            "read it again, then change SEEN_SOURCE"
        )
    for handler in GUARDED:
        handler.do = _send_once
    sender.BACKOFF_OVERRIDE = backoff_ms / 1000


NOWHERE: Final[AbstractSet[str]] = frozenset()
RECEIPT_REFUSED: Final = "receipt_refused"
"""Counts the topics of receipts that a transaction leaves out."""


def _left_out(key: bytes | None, value: bytes, headers: Headers = NO_HEADERS, /) -> None:
    """Adds nothing."""


class Batches:
    """The record batches of one transaction, built while it is planned: implements `hub.gateway.outputs.Outputs`.

    Nothing is kept beside the batches, so that a plan of thousands of records stays in the processor's cache.
    """

    def __init__(self, kafka: AIOKafkaProducer, timestamp: int, without: AbstractSet[str] = NOWHERE) -> None:
        """`timestamp`: the batch's moment in ms, that of every record. `without`: topics that nothing is written to."""
        self.counts: Counter[str] = Counter()
        self.built: list[tuple[Place, Any]] = []
        self._kafka, self._timestamp, self._without = kafka, timestamp, without
        self._open: dict[Place, Append] = {}

    def add(self, place: Place, key: bytes | None, value: bytes, headers: Headers = NO_HEADERS) -> None:
        """One more record; a full batch is followed by another."""
        (self._open.get(place) or self._next(place))(key, value, headers)

    def to(self, place: Place) -> Append:
        """What adds to one place: its open batch, which goes on to the next when it is full."""
        return self._open.get(place) or partial(self.add, place)

    def close(self) -> None:
        """Nothing more is added. What adds to a batch knows this object: the circle would keep megabytes for long."""
        self._open.clear()

    def _next(self, place: Place) -> Append:
        """A new batch. Its compiled builder is called without the Python of its `append`: half of 1.2 us saved."""
        if place[0] in self._without:
            self.counts[RECEIPT_REFUSED] += 1
            self._open[place] = _left_out
            return _left_out
        batch = self._kafka.create_batch()
        compiled, timestamp, offset, full = batch._builder.append, self._timestamp, 0, False  # noqa: SLF001 - hashed

        def append(key: bytes | None, value: bytes, headers: Headers = NO_HEADERS, /) -> None:
            nonlocal offset, full
            if not full and compiled(offset, timestamp, key, value, headers) is not None:
                offset += 1
                batch._relative_offset = offset  # noqa: SLF001 - its record count: the sender passes over one of none
                return
            if not full:
                full = True
                del self._open[place]
            self.add(place, key, value, headers)

        self.built.append((place, batch))
        self._open[place] = append
        return append


@dataclass(frozen=True, slots=True)
class Producer:
    """The producer of one input partition, started (and so fencing its predecessor) by `open_producer`."""

    kafka: AIOKafkaProducer

    def batches(self, timestamp: int, without: AbstractSet[str] = NOWHERE) -> Batches:
        """The batches of a transaction, to be built before it begins; as `Batches` takes them."""
        return Batches(self.kafka, timestamp, without)

    async def begin(self) -> None:
        """Open the transaction (local: nothing leaves yet)."""
        await self.kafka.begin_transaction()

    async def refused(self, batches: Batches) -> Mapping[str, str]:
        """Before a transaction begins: which topics the broker says it cannot write, topic -> code.

        Asked only of topics that this client knows nothing of; of the others a look into what it knows.
        """
        batches.close()
        known = self.kafka.client.cluster.partitions_for_topic
        new = {topic for (topic, _), _ in batches.built if known(topic) is None}
        return await self.ask(new) if new else {}

    async def ask(self, names: Iterable[str]) -> Mapping[str, str]:
        """Which of these topics the broker's metadata refuse, topic -> code. Raises KafkaError without an answer."""
        client = self.kafka.client
        answer = await client.send(client.get_random_node(), MetadataRequest(sorted(names)))
        return {topic: REFUSED[error] for error, topic, *_ in answer.topics if error in REFUSED}

    async def send(self, batches: Batches, crash: Callable[[str], None]) -> None:
        """Send every batch and wait for every answer. `TopicRefused` names the topics that an answer refused.

        An unawaited failure would be left out of a commit that succeeds. After a refusal this producer MUST be closed:
        the fence of the next one ends its transaction.
        """
        futures: list[Any] = []
        batches.close()
        try:
            for (topic, partition), batch in batches.built:
                futures.append(await self.kafka.send_batch(batch, topic, partition=partition))
                crash("sending")
        except DEAD as fault:
            await asyncio.gather(*futures, return_exceptions=True)
            raise TopicRefused(self._refusal(fault, batches.built[len(futures)][0][0])) from fault
        found: dict[str, str] = {}
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for ((topic, _), _), answer in zip(batches.built, answers, strict=True):
            if isinstance(answer, BaseException):
                found |= self._refusal(answer, topic, found)
        if found:
            raise TopicRefused(found)

    def _refusal(self, fault: BaseException, topic: str, known: Mapping[str, str] = NONE) -> Mapping[str, str]:
        """The topics that a fault of sending to `topic` says are refused, topic -> code.

        What ended the sender says it where it can: what it hands to others are copies without a cause. What follows a
        refusal on the same producer is of no account: `known`. Any other fault is raised.
        """
        code = REFUSED.get(getattr(fault, "errno", None) or 0)
        if code is not None:
            return {topic: code}
        task = self.kafka._sender.sender_task  # noqa: SLF001 - hashed
        cause = task.exception() if task.done() and not task.cancelled() else None
        while cause is not None:
            if isinstance(cause, TopicRefused):
                return cause.topics
            cause = cause.__cause__
        if not known:
            raise fault
        return known

    async def offsets(self, partition: TopicPartition, offset: int, group: str) -> None:
        """Make the input offset part of the transaction."""
        await self.kafka.send_offsets_to_transaction({partition: offset}, group)

    async def commit(self) -> None:
        """Commit; raises when the outcome is unknown."""
        await self.kafka.commit_transaction()

    async def close(self, seconds: float = 3.0) -> None:
        """Stop the client; a producer whose transaction died may not stop cleanly, and need not."""
        try:
            await asyncio.wait_for(self.kafka.stop(), seconds)
        except (KafkaError, TimeoutError, asyncio.CancelledError):
            return


async def open_producer(options: Mapping[str, Any], transactional_id: str, pace: Pace) -> Producer:
    """Start the producer of a partition: InitProducerId fences the previous owner and ends its open transaction."""
    kafka = AIOKafkaProducer(
        **options,
        transactional_id=transactional_id,
        transaction_timeout_ms=pace.transaction,
        request_timeout_ms=pace.request,
        retry_backoff_ms=RETRY_MS,
        max_batch_size=MAX_BATCH_BYTES,
        max_request_size=16 * 1024 * 1024,
        acks="all",
    )
    await kafka.start()
    return Producer(kafka)
