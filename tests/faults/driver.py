"""The publishers of the laboratory: a steady crowd, journalled before each send, sent again until acknowledged.

Rule kept: an event keeps its id and its bytes in every send, as an outbox would send it; what was acknowledged is told
to the watch with the moment, so that a stall is measured from the outside. What a broker has lost is sent again in its
first order, and once more every few seconds until it is decided.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import fastavro
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from hub.contracts import topics
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import plain
from hub.contracts.envelope import inbox_headers
from hub.contracts.wire import frame
from hub.demo.crowd import Crowd
from tests.faults.journal import Journal, Outcome
from tests.faults.pace import pause

TICK_S: Final = 0.1
CATCH_UP: Final = 3
"""How much faster than its rate the crowd may be after it was held up."""
KEPT_S: Final = 90.0
"""How long acknowledged events are kept, to be sent again when a broker has lost them."""
LOOK_S: Final = 8.0
MOST_WAITING: Final = 4_000
"""Sends without an answer at which the crowd waits."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event as it is sent, each time alike."""

    number: int
    event: str
    source: str
    lane: str
    topic: str
    value: bytes
    headers: list[tuple[str, bytes]]


class Driver:
    """Publishes at a rate until told to stop. `acknowledged(event, lane, at)` hears of each answer (s)."""

    def __init__(
        self,
        options: Mapping[str, Any],
        catalogue: Catalogue,
        crowd: Crowd,
        journal: Journal,
        acknowledged: Callable[[str, str, float], None],
    ) -> None:
        self._options, self._crowd, self._journal, self._acknowledged = options, crowd, journal, acknowledged
        self._encode = encoder(catalogue)
        self._again: deque[Message] = deque()
        self._waiting: set[str] = set()
        self._stopping = self._renew = False
        self._kept: deque[tuple[float, Message]] = deque()
        self._lost: dict[str, Message] = {}
        self._look_at = 0.0
        self.decided: Callable[[str], bool] = lambda event: True
        self.sent = 0
        self.resent = 0

    async def run(self, rate: float) -> None:
        """Send `rate` events per second until `finish`; then what is left until all is acknowledged."""
        producer = await reachable(self._options)
        due, last = 0.0, time.monotonic()
        while not self._stopping or self._again or self._waiting or self._lost:
            now = time.monotonic()
            due, last = min(due + (now - last) * rate, rate * TICK_S * CATCH_UP), now
            fresh = 0 if self._stopping or len(self._waiting) > MOST_WAITING else int(due)
            due -= fresh
            self._look()
            try:
                if self._renew:
                    self._renew = False
                    raise KafkaError
                await self._send(producer, [*self._left(), *map(self._message, self._crowd.events(fresh))])
            except KafkaError:
                await _close(producer)
                producer = await reachable(self._options)
            await pause(TICK_S)
        await _close(producer)

    def finish(self) -> None:
        """No new events from now on."""
        self._stopping = True

    def again(self, since: float) -> None:
        """A broker has lost what was acknowledged since (s): send it again, in its first order, by a new producer."""
        lost = [one for at, one in self._kept if at >= since]
        self._lost.update((one.event, one) for one in lost)
        self._again = deque(sorted({one.event: one for one in (*lost, *self._again)}.values(), key=lambda m: m.number))
        self._renew, self._look_at = True, time.monotonic() + LOOK_S

    def _look(self) -> None:
        """Send what was lost once more, unless it was decided."""
        if self._lost and time.monotonic() > self._look_at:
            self._lost = {event: one for event, one in self._lost.items() if not self.decided(event)}
            held = {one.event for one in self._again} | self._waiting
            self._again.extend(one for event, one in self._lost.items() if event not in held)
            self._look_at = time.monotonic() + LOOK_S

    @property
    def unanswered(self) -> set[str]:
        """Events that left and are not acknowledged."""
        return {*self._waiting, *(one.event for one in self._again)}

    def _left(self) -> Sequence[Message]:
        left = list(self._again)
        self._again.clear()
        self.resent += len(left)
        return left

    def _message(self, event: Any) -> Message:
        self.sent += 1
        headers = inbox_headers(event.id, event.source, event.type, event.time, event.subject)
        topic = topics.inbox(event.lane, event.source)
        value = self._encode(event.type, event.record)
        return Message(self.sent, event.id, event.source, event.lane.value, topic, value, headers)

    async def _send(self, producer: AIOKafkaProducer, messages: Sequence[Message]) -> None:
        """Intents first, then the sends; a message that does not get away is sent again."""
        if not messages:
            return
        self._journal.intents((one.event, one.source, one.lane) for one in messages)
        self._waiting.update(one.event for one in messages)
        for at, one in enumerate(messages):
            try:
                future = await producer.send(one.topic, one.value, headers=one.headers)
            except KafkaError:
                for rest in messages[at:]:
                    self._told(rest, Outcome.UNKNOWN)
                raise
            future.add_done_callback(partial(self._answered, one))

    def _answered(self, message: Message, future: asyncio.Future[Any]) -> None:
        fault = asyncio.CancelledError() if future.cancelled() else future.exception()
        if fault is None:
            self._told(message, Outcome.OK)
        else:
            self._told(message, Outcome.FAIL if isinstance(fault, MessageSizeTooLargeError) else Outcome.UNKNOWN)

    def _told(self, message: Message, outcome: Outcome) -> None:
        self._journal.outcome(message.event, outcome)
        self._waiting.discard(message.event)
        if outcome is Outcome.OK:
            self._keep(message)
            self._acknowledged(message.event, message.lane, time.time())
        elif outcome is Outcome.UNKNOWN:
            self._again.append(message)

    def _keep(self, message: Message) -> None:
        """As long as a broker may lose it."""
        now = time.time()
        self._kept.append((now, message))
        while self._kept[0][0] < now - KEPT_S:
            self._kept.popleft()


async def reachable(options: Mapping[str, Any], **more: Any) -> AIOKafkaProducer:
    """A fresh idempotent producer, as soon as there is a broker."""
    while True:
        producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True, linger_ms=5, **more)
        try:
            await producer.start()
        except KafkaError:
            await _close(producer)
            await pause(TICK_S)
        else:
            return producer


async def _close(producer: AIOKafkaProducer) -> None:
    with suppress(KafkaError, TimeoutError):
        await asyncio.wait_for(producer.stop(), 5)


def encoder(catalogue: Catalogue) -> Callable[[str, Mapping[str, Any]], bytes]:
    """Event type and record -> framed bytes, under the version that fits."""
    ids = (schema_id for name in catalogue.types for schema_id in catalogue.versions(name))
    schemas = {schema_id: fastavro.parse_schema(plain(catalogue.schemas[schema_id])) for schema_id in ids}

    def encode(event_type: str, record: Mapping[str, Any]) -> bytes:
        out, schema_id = io.BytesIO(), catalogue.version_of(event_type, record)
        fastavro.schemaless_writer(out, schemas[schema_id], dict(record), strict=True)
        return frame(schema_id, out.getvalue())

    return encode
