"""A register in which bytes lie that nobody can read: the commands and the audit copy go on, and say so."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub.assemble import record_codec
from hub.contracts.keys import b64, secret_text
from hub.contracts.record import KafkaRecord
from hub.contracts.topics import AUDIT_REGISTER, REGISTER
from hub.embedded import embedded_broker
from hub.registry.kafka import COPY, RegisterCopy, read_to_end
from tests.support.history import SHELTER, catalogue, consent, hold, registers
from tests.support.plans import standing

pytestmark = pytest.mark.kafka
PERSON = b64(b"p" * 16).decode()
TORN = b"\x00\x00\x00"


@pytest.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A broker of its own: torn bytes in a shared register would stop other tests."""
    log: Path = tmp_path_factory.mktemp("kafka") / "kafka.log"
    async with embedded_broker(log=log) as running:
        admin = AIOKafkaAdminClient(bootstrap_servers=running.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(REGISTER, 1, 1), NewTopic(AUDIT_REGISTER, 1, 1)])
        await admin.close()
        yield running.bootstrap


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


async def copied(bootstrap: str, count: int) -> list[dict[str, Any]]:
    """The first copies in the audit topic, once there are so many."""
    codec, options = record_codec(catalogue(), "audit.register"), {"bootstrap_servers": bootstrap}
    async with asyncio.timeout(30):
        while True:
            records: list[KafkaRecord] = []
            await read_to_end(options, COPY, records.append)
            if len(records) >= count:
                return [codec.decode(record.value or b"") for record in records]


async def test_torn_bytes_stop_neither_commands_nor_the_copy(broker: str, tmp_path: Path) -> None:
    """One key mended, one not: put, list, withdraw and the copy work; the torn key is told and can be mended."""
    secret = tmp_path / "secret.json"
    secret.touch(0o600)
    secret.write_text(secret_text(1, bytes(range(32))))
    environment = os.environ | {"PUNTE_KAFKA_BOOTSTRAP": broker, "PUNTE_SECRET_FILE": str(secret)}

    async def punte(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hub", "register", *words]
        return await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, check=False
        )

    held = {**hold(PERSON, None), "at": now()}
    given = {**consent(SHELTER, PERSON), "handle": "c-1", "validUntil": now() + 10**9}
    async with AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer:
        for key, value in (
            (b"hold/h-1", TORN),
            registers().encode({**held, "handle": "h-1"}),
            (b"consent/c-2", TORN),
            registers().encode(given),
        ):
            await producer.send_and_wait(REGISTER, value, key=key, partition=0)
    listed = await punte("list")
    assert (listed.returncode, len(listed.stdout.splitlines())) == (3, 2)
    assert listed.stderr.startswith("the record at offset 2 cannot be read")
    assert (await punte("put", json.dumps({**held, "handle": "h-2"}))).returncode == 0
    assert (await punte("withdraw", "c-1", "--by", "w-9")).returncode == 0
    torn = await punte("withdraw", "c-2", "--by", "w-9")
    assert (torn.returncode, "cannot be read" in torn.stderr) == (1, True)
    mended = {**given, "handle": "c-2", "state": "withdrawn", "at": now()}
    unit = {**standing()["unit", SHELTER], "fallback": None, "at": now()}
    assert (await punte("put", json.dumps(unit))).returncode == 0
    assert (await punte("put", json.dumps(mended))).returncode == 0
    assert (await punte("list")).returncode == 0
    copy = asyncio.create_task(
        RegisterCopy({"bootstrap_servers": broker}, registers(), record_codec(catalogue(), "audit.register")).run()
    )
    states = [(one["offset"], one["oldState"], one["newState"]) for one in await copied(broker, 8)]
    copy.cancel()
    await asyncio.gather(copy, return_exceptions=True)
    assert states[:3] == [(0, None, "unreadable"), (1, "unreadable", "on"), (2, None, "unreadable")]
    assert states[5:8:2] == [(5, "given", "withdrawn"), (7, "unreadable", "withdrawn")]
