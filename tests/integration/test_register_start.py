"""A start folds the register as compaction would leave it: a mended record stops nothing, an unmended one does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consent.terms import Lane
from hub.contracts.keys import b64
from hub.contracts.topics import REGISTER
from hub.embedded import embedded_broker
from hub.errors import PunteError
from hub.follow.register.kafka import RegisterFollower
from hub.gateway.knowledge import Knowledge
from tests.support.history import PATROL, catalogue, hold, registers

pytestmark = pytest.mark.kafka
ONE, TWO = (bytes([n]) * 16 for n in (1, 2))
FAULTY = {**hold("CJ-2026.0001", PATROL, of_case=True), "handle": "h-1"}
MENDED = {**hold(b64(ONE).decode(), PATROL, of_case=True), "handle": "h-1"}
OTHER = {**hold(b64(TWO).decode(), None, of_case=True), "handle": "h-2"}


@pytest.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A broker of its own with an empty register: a faulty record in a shared one would stop other tests."""
    log: Path = tmp_path_factory.mktemp("kafka") / "kafka.log"
    async with embedded_broker(log=log) as running:
        admin = AIOKafkaAdminClient(bootstrap_servers=running.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(REGISTER, 1, 1)])
        await admin.close()
        yield running.bootstrap


async def written(bootstrap: str, *records: Mapping[str, Any]) -> None:
    """Put records past the door."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for record in records:
            key, value = registers().encode(record)
            await producer.send_and_wait(REGISTER, value, key=key, partition=0)


async def started(bootstrap: str) -> Knowledge:
    """What a gateway knows once it has started."""
    knows = Knowledge(registers(), catalogue().siruta, frozenset(), Lane.CASE)
    options = {"bootstrap_servers": bootstrap}
    async with RegisterFollower(options, lambda r: knows.apply(r.key, r.value, r.offset), lambda code: None, 5.0):
        return knows


async def test_a_start_goes_by_the_latest_record_of_each_key(broker: str) -> None:
    """A hold that no fold can read ends the start; the same key said rightly mends it; the revision is the end."""
    await written(broker, FAULTY, OTHER)
    with pytest.raises(PunteError, match="offset 0 cannot be read") as stopped:
        await started(broker)
    assert stopped.value.code == "register_unreadable"
    await written(broker, MENDED)
    knows = await started(broker)
    assert [one.offset for one in knows.holds(ONE)] == [2]
    assert [one.offset for one in knows.holds(TWO)] == [1]
    assert knows.revision == 3
    await written(broker, {**MENDED, "state": "off"}, OTHER)
    knows = await started(broker)
    assert [(one.on, one.offset) for one in (*knows.holds(ONE), *knows.holds(TWO))] == [(False, 3), (True, 4)]
