"""Reads from Kafka what the doctor and `punte status` tell of: topics, groups, offsets, the register's copy.

Rules kept: it only reads, joins no group and commits nothing; of a record it reads the timestamp alone, of the
register's audit copy also the offset it copies, of the attempts which entry of quarantine somebody acted on, of an
entry of parking whose it is and whether it still waits; every
question has its own deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, Self, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
)

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.codec import RecordCodec
from hub.doctor.checks import NOT_CHECKED, Grade, Register, Unknown
from hub.doctor.lanes import Held, Moment, Place, Reading, Stage, followed, group, reading
from hub.doctor.quarantine.kafka import Entries, EntryCodecs
from hub.errors import PunteError

T = TypeVar("T")
Clock = Callable[[], int]
CONNECT_S: Final = 1.5
ANSWER_S: Final = 2.0
AGE_S: Final = 1.0
LOOK_S: Final = ANSWER_S + 2 * AGE_S
INTERVAL_S: Final = 0.5
AGAIN_S: Final = 0.1
REGISTER: Final = TopicPartition(topics.REGISTER, 0)
COPY: Final = TopicPartition(topics.AUDIT_REGISTER, 0)
MEMBERS: Final = 5
"""Where the members stand in a group of a DescribeGroups answer."""


class Probe:
    """Two clients that ask and never follow. Use as an async context manager."""

    def __init__(self, options: Mapping[str, Any], clock: Clock, entries: EntryCodecs) -> None:
        """`options`: bootstrap and security as every client gets them; `clock`: ms since the epoch."""
        self._options, self._clock, self._stack = {**options, "request_timeout_ms": 2_000}, clock, AsyncExitStack()
        self._admin = AIOKafkaAdminClient(**self._options)
        self._asker = AIOKafkaConsumer(**self._options, enable_auto_commit=False)
        self._entries = Entries(self._options, entries)

    async def __aenter__(self) -> Self:
        """Start the clients; what was started is stopped when one fails."""
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._admin.close)
            await self._admin.start()
            undo.push_async_callback(self._asker.stop)
            await self._asker.start()
            self._stack = undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop them."""
        await self._stack.aclose()

    async def topics(self) -> dict[str, int]:
        """Partitions of every topic but Kafka's own, by name."""
        found = await self._admin.describe_topics()
        names = {t["topic"]: len(t["partitions"]) for t in found if not t["topic"].startswith("__")}
        await self._asker._client.set_topics(set(names))  # noqa: SLF001 - else it learns of each topic by a failed question
        return names

    async def moment(self, names: Mapping[str, int], *, aged: bool) -> Moment:
        """All stages of the lanes these topics serve; `aged`: also the age of what waits, and quarantine entries."""
        stages = [(stage, lane) for lane in Lane if topics.admitted(lane) in names for stage in Stage]
        members = await self._members([group(*each) for each in stages])
        places = [await self._places(*each, names) for each in stages]
        oldest = await self._oldest([waiting(found) for found in places]) if aged else [None] * len(places)
        entries = await self.entries(names) if aged else {}
        readings = list[Reading]()
        for (stage, lane), found, old in zip(stages, places, oldest, strict=True):
            readings.append(reading(stage, lane, members[group(stage, lane)], found.values(), old))
        return Moment(self._clock(), tuple(readings), entries, self._entries.held())

    async def _members(self, groups: list[str]) -> dict[str, int]:
        """Members by group, one question a group: aiokafka 0.14 misreads an answer about several (v3 read as v2)."""
        describe = self._admin.describe_consumer_groups
        answers = await asyncio.gather(*(_of_groups(partial(describe, [name])) for name in groups))
        return {each[1]: len(each[MEMBERS]) for (answer,) in answers for each in answer.groups}

    async def _places(self, stage: Stage, lane: Lane, names: Mapping[str, int]) -> dict[TopicPartition, Place]:
        parts = [TopicPartition(name, n) for name in followed(stage, lane, names) for n in range(names[name])]
        if not parts:
            return {}
        committed = await _of_groups(partial(self._admin.list_consumer_group_offsets, group(stage, lane)))
        begins = await self._asker.beginning_offsets(parts)
        ends = await self._asker.end_offsets(parts)
        return {tp: Place(begins[tp], committed[tp].offset if tp in committed else None, ends[tp]) for tp in parts}

    async def _oldest(self, stages: list[dict[TopicPartition, Place]]) -> list[int | None]:
        """The oldest timestamp that waits in each stage, as far as it can be read within AGE_S."""
        wanted = {tp: place for places in stages for tp, place in places.items()}
        found = await self._timestamps(wanted) if wanted else {}
        return [min((found[tp] for tp in places if tp in found), default=None) for places in stages]

    async def _timestamps(self, wanted: Mapping[TopicPartition, Place]) -> dict[TopicPartition, int]:
        found = dict[TopicPartition, int]()
        async with AIOKafkaConsumer(**self._options, **READING, max_partition_fetch_bytes=65_536) as consumer:
            consumer.assign(list(wanted))
            for tp, place in wanted.items():
                consumer.seek(tp, place.next)
            try:
                async with asyncio.timeout(AGE_S):
                    while left := [
                        tp for tp in wanted if tp not in found and await _before(consumer, tp, wanted[tp].end)
                    ]:
                        got = await consumer.getmany(*left, timeout_ms=100)
                        found |= {tp: records[0].timestamp for tp, records in got.items() if records}
            except (TimeoutError, UnicodeDecodeError):
                return found  # a header name that is not UTF-8: admission refuses it, its age is not told
        return found

    async def entries(self, names: Mapping[str, int]) -> dict[Lane, int]:
        """Entries of each quarantine that wait for a person."""
        return await self._entries.open(self._stack, names)

    async def parked(self, names: Mapping[str, int]) -> dict[Lane, Held]:
        """What is parked in each lane."""
        await self._entries.open(self._stack, names)
        return self._entries.held()

    async def uncopied(self, copies: RecordCodec, names: Mapping[str, int]) -> int:
        """Register offsets behind the last one that was copied to the audit."""
        for name in (topics.REGISTER, topics.AUDIT_REGISTER):
            _there(name, names)
        ends = await self._asker.end_offsets([REGISTER, COPY])
        begins = await self._asker.beginning_offsets([COPY])
        if ends[COPY] == begins[COPY]:
            return int(ends[REGISTER])
        async with AIOKafkaConsumer(**self._options, **READING) as consumer:
            consumer.assign([COPY])
            consumer.seek(COPY, ends[COPY] - 1)
            record = await consumer.getone(COPY)
        return int(max(0, ends[REGISTER] - 1 - copies.decode(record.value or b"")["offset"]))


async def _of_groups(question: Callable[[], Awaitable[T]]) -> T:
    """The answer, asked again while Kafka makes its topic of groups: a new one does at the first such question."""
    while True:
        try:
            return await question()
        except GroupCoordinatorNotAvailableError:
            await asyncio.sleep(AGAIN_S)


READING: Final[Mapping[str, Any]] = {
    "enable_auto_commit": False,
    "isolation_level": "read_committed",
    "fetch_max_wait_ms": 100,
}


async def _before(consumer: AIOKafkaConsumer, tp: TopicPartition, end: int) -> bool:
    return bool(await consumer.position(tp) < end)


def waiting(places: Mapping[TopicPartition, Place]) -> dict[TopicPartition, Place]:
    """The partitions where something waits."""
    return {tp: place for tp, place in places.items() if place.waiting}


async def moments(
    options: Mapping[str, Any], entries: EntryCodecs, clock: Clock, interval_s: float
) -> AsyncGenerator[Moment, None]:
    """The lanes at one moment after another, with ages and what waits for a person or is parked.

    `PunteError` when Kafka is not there.
    """
    async with AsyncExitStack() as stack:
        probe = Probe(options, clock, entries)
        names = await _asked(_open(stack, probe), CONNECT_S)
        while not isinstance(names, Unknown):
            moment = await _asked(probe.moment(names, aged=True), LOOK_S)
            if isinstance(moment, Unknown):
                raise PunteError(moment.code, moment.sentence, moment.remedy)
            yield moment
            await asyncio.sleep(interval_s)
            names = await _asked(probe.topics(), ANSWER_S)
        raise PunteError(names.code, names.sentence, names.remedy)


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """The part of `checks.Facts` that Kafka knows."""

    topics: Mapping[str, int] | Unknown
    register: Register | Unknown
    moments: tuple[Moment, Moment] | Unknown
    uncopied: int | Unknown
    parked: Mapping[Lane, Held] | Unknown
    quarantined: Mapping[Lane, int] | Unknown


class Codecs(NamedTuple):
    """Decoders of the records that are read: copies of the register, entries of quarantine with attempts."""

    copies: RecordCodec
    entries: EntryCodecs


async def gather(
    options: Mapping[str, Any], read: Callable[[], Awaitable[Register]], codecs: Codecs, clock: Clock
) -> KafkaFacts:
    """Everything the checks need of Kafka, within CONNECT_S + ANSWER_S; `read`: the register as it is now."""
    async with AsyncExitStack() as stack:
        probe = Probe(options, clock, codecs.entries)
        names = await _asked(_open(stack, probe), CONNECT_S)
        if isinstance(names, Unknown):
            return KafkaFacts(names, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING)
        register, moments, uncopied, parked = await asyncio.gather(
            _asked(_read(read, names), ANSWER_S),
            _asked(_two_moments(probe, names), ANSWER_S),
            _asked(probe.uncopied(codecs.copies, names), ANSWER_S),
            _asked(probe.parked(names), ANSWER_S),
        )
        return KafkaFacts(names, register, moments, uncopied, parked, await _asked(probe.entries(names), ANSWER_S))


_NOTHING: Final = Unknown(NOT_CHECKED[1], NOT_CHECKED[2], grade=Grade.WARN)


async def _open(stack: AsyncExitStack, probe: Probe) -> dict[str, int]:
    await stack.enter_async_context(probe)
    return await probe.topics()


async def _read(read: Callable[[], Awaitable[Register]], names: Mapping[str, int]) -> Register:
    _there(topics.REGISTER, names)
    try:
        return await read()
    except (ValueError, LookupError):
        raise PunteError("register_unreadable", "a record of the register cannot be read") from None


def _there(name: str, names: Mapping[str, int]) -> None:
    if name not in names:
        raise PunteError("topic_missing", f"the topic `{name}` is missing")


async def _two_moments(probe: Probe, names: Mapping[str, int]) -> tuple[Moment, Moment]:
    before = await probe.moment(names, aged=False)
    await asyncio.sleep(INTERVAL_S)
    return before, await probe.moment(names, aged=False)


async def _asked(question: Coroutine[Any, Any, T], deadline_s: float) -> T | Unknown:
    """The answer, or why there was none in time."""
    try:
        async with asyncio.timeout(deadline_s):
            return await question
    except PunteError as error:
        return Unknown(error.code, error.sentence, error.remedy)
    except (AuthenticationFailedError, SaslAuthenticationFailed):
        return Unknown("not_authenticated", "Kafka does not accept these credentials")
    except (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError):
        return Unknown("kafka_refused", "these credentials may not ask this of Kafka")
    except (TimeoutError, KafkaTimeoutError):
        return Unknown("kafka_late", f"Kafka did not answer within {deadline_s:g} s")
    except (KafkaError, OSError):
        return Unknown("kafka_unreachable", "no Kafka answers where PUNTE_KAFKA_BOOTSTRAP points")
