"""Reads quarantine and the records it points to; writes acts, and appends what is resubmitted.

Rules kept: the record of an act is acknowledged by all replicas before anything is appended. A crash between the two
leaves an entry that was resubmitted and has not arrived: the same command again appends it under the same attempt, and
the gateway takes each attempt once. No transaction: one that a dead command left open would stop the lane's readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.acts import PARTITION, Act
from hub.contracts.audit import BLANK_ATTEMPT, Verdict
from hub.contracts.codec import RecordCodec
from hub.contracts.keys import event_digest
from hub.contracts.record import KafkaRecord
from hub.follow.reading.kafka import Options, existing, read_one, read_to_end
from hub.quarantine.entries import Entry, Shelf
from hub.quarantine.original import Found, kept


async def read_shelf(options: Options, shelf: Shelf, lanes: Sequence[Lane]) -> None:
    """Entries, then acts and other attempts, then the decisions made since the first entry was resubmitted."""
    partitions = await existing(options, [name(lane) for lane in lanes for name in _KINDS])
    for name in _KINDS[:2]:
        await read_to_end(options, _of(partitions, [name(lane) for lane in lanes]), shelf.take)
    since = shelf.resubmitted_since
    if since is not None:
        decisions = _of(partitions, [topics.audit_decision(lane) for lane in lanes])
        await read_to_end(options, decisions, shelf.take, dict.fromkeys(decisions, since))


_KINDS = (topics.quarantine, topics.audit_attempt, topics.audit_decision)


def _of(partitions: Sequence[TopicPartition], names: Sequence[str]) -> list[TopicPartition]:
    return [tp for tp in partitions if tp.topic in names]


async def read_original(options: Options, entry: Entry) -> Found | None:
    """The record an entry is about, where its topic still keeps it."""
    where, found = entry.where, list[KafkaRecord]()
    if TopicPartition(where.topic, where.partition) not in await existing(options, [where.topic]):
        return None
    try:
        await read_one(options, where, found.append)
    except UnicodeDecodeError:  # a header name that is not UTF-8: this client cannot read such a record
        return None
    return kept(entry, found[0]) if found else None


class Clerk:
    """Writes what a person asks for."""

    def __init__(self, options: Options, attempts: RecordCodec) -> None:
        self._options, self._attempts = options, attempts

    async def act(self, entry: Entry, act: Act, by: str, reason: str, **known: Any) -> None:
        """The record of an act; `known`: `at` and what is known of `source`, `eventId`, `attempt`."""
        said = {"verdict": Verdict.QUARANTINED.value, "code": act.value, "asker": by, "reason": reason}
        await self._write(entry, {**said, "sha256": entry.said["sha256"], **known})

    async def refused(self, entry: Entry, code: str, by: str, reason: str, **known: Any) -> None:
        """The record of a resubmission that was refused again: the entry stays open."""
        said = {"verdict": Verdict.REFUSED.value, "code": code, "asker": by, "reason": reason}
        await self._write(entry, {**said, **known})

    async def asked(self, entry: Entry, asker: str, **known: Any) -> None:
        """The record of a question."""
        await self._write(entry, {"verdict": Verdict.CONSULT.value, "asker": asker, **known})

    async def append(self, lane: Lane, source: str, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        """An admitted record, as admission appends one."""
        await self._send(topics.admitted(lane), value, source.encode(), list(headers))

    async def _write(self, entry: Entry, said: dict[str, Any]) -> None:
        """An attempt record about an entry; all lie in one partition."""
        where = {"topic": topics.quarantine(entry.lane), "partition": 0, "offset": entry.number}
        value = self._attempts.encode({**BLANK_ATTEMPT, "input": where, **said})
        source, event_id = said.get("source"), said.get("eventId")
        key = event_digest(source, event_id) if source and event_id else None
        await self._send(topics.audit_attempt(entry.lane), value, key, [], PARTITION)

    async def _send(
        self,
        topic: str,
        value: bytes,
        key: bytes | None,
        headers: list[tuple[str, bytes]],
        partition: int | None = None,
    ) -> None:
        producer = AIOKafkaProducer(**self._options, acks="all", enable_idempotence=True)
        await producer.start()
        try:
            await producer.send_and_wait(topic, value, key=key, headers=headers, partition=partition)
        finally:
            await producer.stop()
