"""A Kafka that was emptied, or restored from an older copy, is filled again, or the start is refused."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import TopicAuthorizationFailedError

from connectors.police.mapping import to_event
from connectors.sdk.faults import ConnectorFault
from connectors.sdk.kafka import CHECK_MS, PRUNE_MS, OutboxPublisher
from connectors.sdk.port import Row
from connectors.sdk.settings import World
from connectors.sdk.sql import KEPT_MS, Outbox
from connectors.sdk.witness.kafka import WitnessReader
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import versioned
from hub.contracts.files import load_catalogue
from hub.contracts.keys import bytes_digest
from hub.contracts.topics import TopicSpec
from hub.demo.records import random_record
from hub.embedded import embedded_broker
from hub.registry.topics.kafka import create

pytestmark = pytest.mark.kafka
NOW = 1_790_000_000_000


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The catalogue of the project."""
    return load_catalogue()


class Station:
    """A station with its outbox, and a hub that answers every record of its inbox, on one Kafka at a time."""

    def __init__(self, catalogue: Catalogue, path: Path) -> None:
        """`path`: of the outbox."""
        self.outbox, self.catalogue, self.path = Outbox(path), catalogue, path
        self.now, self.bootstrap, self.rows = NOW, "", 0
        self.accepts_loss = False
        self.unit = f"u{uuid.uuid4().hex[:5]}"
        self.inbox_topic, self.receipt_topic = f"inbox.case.{self.unit}", f"receipt.case.{self.unit}"

    def write(self, count: int) -> None:
        """Rows of the agency's own system."""
        for _ in range(count):
            self.rows += 1
            record = random_record(self.catalogue, "incident.reported", Random(self.rows))
            self.outbox.put(Row(row_id(self.rows), "sesizare", NOW, "c-1", record))

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[OutboxPublisher]:
        """Its connector, started."""
        options = {"bootstrap_servers": self.bootstrap}
        made = OutboxPublisher(options, self.catalogue, self.unit, self.outbox, to_event, World(now=lambda: self.now))
        made.refill_what_is_left = self.accepts_loss
        async with made:
            yield made

    async def published(self, made: OutboxPublisher, receipts: bool = True) -> None:
        """Send everything and take the receipts of it."""
        while self.outbox.fresh(1) or self.outbox.ready(1):
            await made.turn()
        if receipts:
            await self.answer()
            while set(self.states()) != {"done"}:
                await made.turn()

    async def answer(self, records: Sequence[Any] | None = None) -> None:
        """What the hub does: a receipt for every record of the inbox, or for these."""
        codec = versioned("audit.receipt", self.catalogue.ids, self.catalogue.schemas)
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap) as producer:
            for record in await self.inbox() if records is None else records:
                told = {"eventId": named(record), "verdict": "admitted", "code": "admitted", "at": NOW}
                await producer.send_and_wait(
                    self.receipt_topic, codec.encode({**told, "sha256": bytes_digest(record.value)})
                )

    async def inbox(self) -> list[Any]:
        """Every record of the inbox."""
        found: list[Any] = []
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap) as reader:
            place = TopicPartition(self.inbox_topic, 0)
            reader.assign([place])
            reader.seek(place, 0)
            end = (await reader.end_offsets([place]))[place]
            while len(found) < end:
                found += (await reader.getmany(place, timeout_ms=100)).get(place, [])
        return found

    async def ids(self) -> list[str]:
        """The ids in the inbox, in order."""
        return [named(record) for record in await self.inbox()]

    def states(self) -> list[str]:
        """The state of every row, in order."""
        return [state for (state,) in self.outbox._file.ask("SELECT state FROM outbox ORDER BY seq")]

    async def emptied(self) -> None:
        """A Kafka set up anew: the topics are there, the records are not."""
        await self.deleted(self.inbox_topic, self.receipt_topic)
        await self.topics()

    async def deleted(self, *names: str) -> None:
        """Topics that are there no more."""
        async with self.admin() as admin:
            await admin.delete_topics(list(names))
            while set(names) & set(await admin.list_topics()):
                pass

    async def topics(self) -> None:
        """The topics of the station, there for every client."""
        names = [self.inbox_topic, self.receipt_topic]
        await create({"bootstrap_servers": self.bootstrap}, [TopicSpec(name, 1, -1) for name in names], 1)
        async with self.admin() as admin:
            while not set(names) <= set(await admin.list_topics()):
                pass

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """Kafka's operator."""
        made = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await made.start()
        try:
            yield made
        finally:
            await made.close()


def named(record: Any) -> str:
    """The id of an inbox record."""
    return str(dict(record.headers)["ce_id"].decode())


def row_id(number: int) -> str:
    """The id of the n-th row."""
    return f"00000000-0000-4000-8000-{number:012d}"


def numbered(numbers: Sequence[int]) -> list[str]:
    """The ids of these rows."""
    return [row_id(number) for number in numbers]


@pytest.fixture
async def station(catalogue: Catalogue, tmp_path: Path) -> AsyncIterator[Station]:
    """A station whose Kafka is made by the test."""
    made = Station(catalogue, tmp_path / "outbox.sqlite")
    yield made
    made.outbox.close()


@pytest.fixture
async def running(kafka: str, station: Station) -> Station:
    """A station on the run's Kafka, its topics new."""
    station.bootstrap = kafka
    await station.topics()
    return station


async def test_a_kafka_restored_from_an_older_copy_is_filled_again(station: Station, tmp_path: Path) -> None:
    """What lies behind the copy is sent again, in order, once; what the copy has is not."""
    data, copy = tmp_path / "kafka", tmp_path / "copy"
    station.write(3)
    async with embedded_broker(data=data) as broker:
        station.bootstrap = broker.bootstrap
        await station.topics()
        async with station.publisher() as made:
            await station.published(made)
    shutil.copytree(data, copy)
    station.write(4)
    async with embedded_broker(data=data) as broker:
        station.bootstrap = broker.bootstrap
        async with station.publisher() as made:
            await station.published(made)
        assert await station.ids() == numbered(range(1, 8))
    shutil.rmtree(data)
    shutil.copytree(copy, data)
    async with embedded_broker(data=data) as broker:
        station.bootstrap = broker.bootstrap
        assert await station.ids() == numbered(range(1, 4))
        async with station.publisher() as made:
            assert station.states() == ["done"] * 3 + ["pending"] * 4
            await station.published(made)
        assert await station.ids() == numbered(range(1, 8))


async def test_a_connector_outlives_a_restart_of_kafka(station: Station, tmp_path: Path) -> None:
    """What is written while Kafka is away is sent, once, when it is back; nothing is taken for lost."""
    station.write(2)
    async with AsyncExitStack() as life:
        async with embedded_broker(data=tmp_path / "kafka") as broker:
            station.bootstrap, port = broker.bootstrap, int(broker.bootstrap.rsplit(":", 1)[1])
            await station.topics()
            made = await life.enter_async_context(station.publisher())
            await station.published(made)
        station.write(2)
        station.now += CHECK_MS
        turn = asyncio.create_task(made.turn())
        async with embedded_broker(data=tmp_path / "kafka", port=port):
            await turn
            await station.published(made)
            assert await station.ids() == numbered([1, 2, 3, 4])
            await life.aclose()


async def test_an_emptied_kafka_is_filled_again_at_the_start(running: Station) -> None:
    """From the first row on, in order."""
    running.write(3)
    async with running.publisher() as made:
        await running.published(made)
    await running.emptied()
    async with running.publisher() as made:
        await running.published(made, receipts=False)
        assert running.states() == ["sent"] * 3
        await running.published(made)
    assert await running.ids() == numbered([1, 2, 3])


async def test_receipts_of_before_do_not_speak_of_the_records_sent_again(running: Station) -> None:
    """A copy in which the receipts are newer than the inbox: each row waits for a receipt of its new record."""
    running.write(2)
    async with running.publisher() as made:
        await running.published(made)
        await running.answer()
        while sum(running.outbox.receipts_read().values()) < 4:
            await made.turn()
    records = await running.inbox()
    await running.emptied()
    await running.answer(records)
    async with running.publisher() as made:
        await running.published(made, receipts=False)
        await made.turn()
        await made.turn()
        assert running.states() == ["sent"] * 2
        await running.published(made)
    assert await running.ids() == numbered([1, 2])


async def test_an_emptied_kafka_is_noticed_by_an_idle_connector(running: Station) -> None:
    """Within ten seconds, without a restart."""
    running.write(2)
    async with running.publisher() as made:
        await running.published(made)
        await running.emptied()
        running.now += CHECK_MS
        await made.turn()
        await running.published(made, receipts=False)
    assert await running.ids() == numbered([1, 2])


async def test_an_emptied_kafka_is_noticed_by_the_first_record_sent_to_it(running: Station) -> None:
    """Its offset is not beyond all before it: new rows cannot hide that the old ones are gone."""
    running.write(2)
    async with running.publisher() as made:
        await running.published(made)
        await running.emptied()
        running.write(5)
        await running.published(made, receipts=False)
    assert await running.ids() == numbered([3, 4, 5, 6, 7, 1, 2])
    assert running.states() == ["sent"] * 7


async def test_rows_that_were_pruned_cannot_be_filled_in(running: Station) -> None:
    """The start is refused and says what to do; sending what is left is a person's word."""
    running.write(2)
    async with running.publisher() as made:
        await running.published(made)
    running.outbox.prune(running.now + KEPT_MS)
    running.write(1)
    async with running.publisher() as made:
        await running.published(made)
    await running.emptied()
    with pytest.raises(ConnectorFault) as fault:
        async with running.publisher():
            pass
    assert fault.value.code == "broker_restored"
    assert "--refill-what-is-left" in fault.value.told()
    assert await running.ids() == []
    running.accepts_loss = True
    async with running.publisher() as made:
        await running.published(made)
    running.accepts_loss = False
    async with running.publisher() as made:
        await made.turn()
    assert await running.ids() == [row_id(3)]


async def test_a_missing_topic_is_no_loss(running: Station) -> None:
    """It may be a right that is missing: the start is refused, nothing is marked."""
    running.write(2)
    async with running.publisher() as made:
        await running.published(made)
    await running.deleted(running.inbox_topic)
    with pytest.raises(ConnectorFault) as fault:
        async with running.publisher():
            pass
    assert fault.value.code == "topic_missing"
    assert running.states() == ["done", "done"]


async def test_a_login_that_may_not_read_its_inbox_goes_by_offsets(
    running: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts, and still knows a Kafka that has lost records by where the inbox ends."""

    async def forbidden(*_: object) -> None:
        raise TopicAuthorizationFailedError

    monkeypatch.setattr(WitnessReader, "first", forbidden)
    running.write(2)
    async with running.publisher() as made:
        await running.published(made)
    async with running.publisher():
        assert running.states() == ["done", "done"]
    await running.emptied()
    async with running.publisher():
        assert running.states() == ["pending", "pending"]


async def test_what_retention_deleted_is_no_loss(running: Station) -> None:
    """The inbox begins behind the witness, and ends behind it."""
    running.write(2)
    async with running.publisher() as made:
        await running.published(made)
    async with running.admin() as admin:
        await admin.delete_records({TopicPartition(running.inbox_topic, 0): RecordsToDelete(before_offset=2)})
    async with running.publisher() as made:
        await made.turn()
    assert running.states() == ["done", "done"]


async def test_a_connector_prunes_while_it_runs(running: Station) -> None:
    """Every hour, what has been done for seven days."""
    running.write(2)
    async with running.publisher() as made:
        await running.published(made)
        running.now += KEPT_MS - 1
        await made.turn()
        assert running.states() == ["done", "done"]
        running.now += PRUNE_MS
        await made.turn()
        assert running.states() == []
