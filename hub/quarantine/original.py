"""The record an entry is about: as it lies in its topic, or as it was sealed. Pure.

Rule kept: what is resubmitted is the very bytes that were stopped, compared by SHA-256, wherever they come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.contracts.audit import Stage
from hub.contracts.envelope import EnvelopeFault, admitted_source, parse_admitted, parse_inbox
from hub.contracts.keys import bytes_digest
from hub.contracts.record import KafkaRecord
from hub.contracts.sealing import SealFault, key_id, public_of
from hub.contracts.topics import inbox_unit
from hub.contracts.waiting import Waiting
from hub.quarantine.entries import Entry


@dataclass(frozen=True, slots=True)
class Found:
    """A record that was found again: a `KafkaRecord` at the position it had."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


def kept(entry: Entry, record: KafkaRecord) -> Found | None:
    """The record at the entry's position; None where other bytes lie there: the topic was made anew."""
    if bytes_digest(record.value or b"") != entry.said["sha256"]:
        return None
    return Found(*entry.where, record.timestamp, record.key, record.value, list(record.headers))


def opened(entry: Entry, waiting: Waiting, private: bytes) -> Found:
    """The sealed record of an entry; SealFault where it holds none, or this key does not open it."""
    if entry.sealed and entry.said["keyId"] != key_id(public_of(private)):
        raise SealFault("the entry is sealed to another key")
    found = waiting.opened(entry.said, private)
    if bytes_digest(found.value or b"") != entry.said["sha256"]:
        raise SealFault("the sealed record is not the one that was stopped")
    return Found(*entry.where, entry.said["at"], found.key, found.value, found.headers)


def named(entry: Entry, found: Found | None) -> tuple[str, str] | None:
    """Source and id of the event: as the record says them, else as an audit record does; None where neither can."""
    if found is None:
        return entry.named
    try:
        if entry.stage is Stage.ADMISSION:
            return inbox_unit(found.topic), parse_inbox(found.headers).id
        return admitted_source(found.key), parse_admitted(found.headers).id
    except EnvelopeFault:
        return entry.named
