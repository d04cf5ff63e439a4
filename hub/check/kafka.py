"""Reads what the check compares: inboxes, decisions, receipts, releases and the register, as any client could.

Rule kept: read_committed, from the first record to the end; the journal of the publishers comes from outside the
system.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from hub.check.compare import Finding, History, Reference, compare
from hub.check.expect import HOLLOW
from hub.check.facts import Entry, Register
from hub.check.rows import read_rows
from hub.check.waits import position
from hub.contracts.codec import CodecFault, RecordCodec, versioned
from hub.contracts.envelope import EnvelopeFault, parse_inbox
from hub.contracts.files import load_catalogue
from hub.contracts.record import KafkaRecord
from hub.contracts.registers import KINDS, RegisterCodecs
from hub.contracts.topics import REGISTER
from hub.settings import Settings

LISTED = 20
COALESCED = "coalesced"
"""The code of an alert that the first and the last of its device speak for."""
READ = ("inbox.", "admitted.alert", "audit.decision.", "receipt.", "release.", "quarantine.", "parked.", REGISTER)


@dataclass(frozen=True, slots=True)
class Found:
    """What the check says: anomalies by kind, the first of them with opaque ids, and counts."""

    lost: int
    doubled: int
    leaked: int
    first: tuple[Finding, ...]
    counts: Mapping[str, int]


async def check(settings: Settings, journal: Path) -> Found:
    """Read everything and compare."""
    catalogue = load_catalogue()

    def record_codec(name: str) -> RecordCodec:
        return versioned(name, catalogue.ids, catalogue.schemas)

    topics = await _read(settings, READ)
    registers = RegisterCodecs({kind: record_codec(f"register.{kind}") for kind in KINDS})
    entries = [_entry(registers, record) for record in _of(topics, REGISTER)]
    codecs = {name: record_codec(f"audit.{name}") for name in ("decision", "receipt", "quarantine")}
    history = _history(topics, journal, codecs, frozenset(catalogue.versions(HOLLOW)))
    root = settings.policies or files("consent").joinpath("policies")
    texts = [root.joinpath(name).read_text("utf-8") for name in ("matrix.toml", "dutylines.toml")]
    rows = read_rows(texts[0], texts[1], settings.profile.value)
    findings = compare(history, Reference(rows, catalogue, settings.keys(), Register(entries, catalogue.siruta)))
    counts = _counts(history, len(_of(topics, "quarantine.")))
    lost, doubled, leaked = (findings.count(kind) for kind in ("lost", "doubled", "leaked"))
    return Found(lost, doubled, leaked, tuple(findings.found[:LISTED]), counts)


def _of(topics: Mapping[str, list[KafkaRecord]], prefix: str) -> list[KafkaRecord]:
    return [record for topic, records in topics.items() if topic.startswith(prefix) for record in records]


def _entry(codecs: RegisterCodecs, record: KafkaRecord) -> Entry:
    change = codecs.decode(record.key, record.value)
    return record.offset, change.kind, change.handle, change.record


def _history(
    topics: Mapping[str, list[KafkaRecord]], journal: Path, codecs: Mapping[str, RecordCodec], hollow: frozenset[int]
) -> History:
    """`hollow`: the schema ids of hollow alerts."""
    inbox: dict[tuple[str, str], KafkaRecord] = {}
    for record in _of(topics, "inbox."):
        try:
            envelope = parse_inbox(record.headers)
        except EnvelopeFault:
            continue
        inbox.setdefault((envelope.source, envelope.id), record)
    told = [codecs["receipt"].decode(record.value or b"") for record in _of(topics, "receipt.")]
    own = {_own(record): record for record in _of(topics, "admitted.alert") if _schema_of(record) in hollow}
    return History(
        [json.loads(line) for line in journal.read_text().splitlines()],
        inbox,
        list(_decoded(codecs["decision"], _of(topics, "audit.decision."))),
        frozenset(one["eventId"] for one in told if one["verdict"] == "refused" or one["code"] == COALESCED),
        _of(topics, "release."),
        own,
        list(_decoded(codecs["quarantine"], _of(topics, "parked."))),
        frozenset(map(position, _decoded(codecs["quarantine"], _of(topics, "quarantine.")))),
        list(_decoded(codecs["quarantine"], _of(topics, "quarantine.alert"))),
    )


def _schema_of(record: KafkaRecord) -> int:
    return int.from_bytes((record.value or b"")[1:5], "big")


def _own(record: KafkaRecord) -> tuple[str, str]:
    """Source and id of an admitted record."""
    return (record.key or b"").decode(), (dict(record.headers).get("id") or b"").decode()


def _decoded(codec: RecordCodec, records: Iterable[KafkaRecord]) -> Iterable[dict[str, Any]]:
    for record in records:
        try:
            yield codec.decode(record.value or b"") | {"key": record.key}
        except CodecFault:
            continue


def _counts(history: History, quarantined: int) -> dict[str, int]:
    """Counts for people: releases and refusals count (event, subscription) pairs."""
    refusals = (len(r["unitOrdinals"]) for d in history.decisions for r in d["refusals"])
    return {
        "admitted": len({(d["source"], d["eventId"]) for d in history.decisions}),
        "quarantined": quarantined,
        "releases": len(history.releases),
        "refusals": sum(refusals),
    }


async def _read(settings: Settings, prefixes: tuple[str, ...]) -> dict[str, list[KafkaRecord]]:
    """Every record of every topic whose name begins with one of these, by topic."""
    consumer = AIOKafkaConsumer(
        **settings.kafka(),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    try:
        wanted = await _partitions(settings, prefixes)
        consumer.assign(wanted)
        ends = await consumer.end_offsets(wanted)
        await consumer.seek_to_beginning(*wanted)
        return await _drain(consumer, {tp: end for tp, end in ends.items() if end > 0})
    finally:
        await consumer.stop()


async def _partitions(settings: Settings, prefixes: tuple[str, ...]) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(**settings.kafka())
    await admin.start()
    try:
        found = [topic for topic in await admin.describe_topics() if topic["topic"].startswith(prefixes)]
    finally:
        await admin.close()
    return [TopicPartition(topic["topic"], each["partition"]) for topic in found for each in topic["partitions"]]


async def _drain(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> dict[str, list[KafkaRecord]]:
    found: dict[str, list[KafkaRecord]] = {}
    while ends:
        for tp, records in (await consumer.getmany(*ends, timeout_ms=500)).items():
            found.setdefault(tp.topic, []).extend(records)
        done = [tp for tp, end in ends.items() if await consumer.position(tp) >= end]
        for tp in done:
            del ends[tp]
    return found
