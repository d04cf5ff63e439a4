"""A small hub on a real Kafka of its own for the tests of the loop: topics, register, events, what came out of them.

Rule kept: events of different tests never meet: each test makes its own ids and looks at those alone, so that topics
need not be deleted and every test after the first starts, as a real hub does, on topics with a past.
"""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final

import fastavro
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest

from consent.compile import Policy
from consent.terms import Lane, Profile
from hub import assemble
from hub.contracts import topics
from hub.contracts.codec import plain
from hub.contracts.envelope import Admission
from hub.contracts.federation import Federation, parse_federation
from hub.contracts.wire import frame
from hub.demo.records import random_record
from hub.gateway.pace import PACES
from hub.registry.federation import Signed, federation_records, parties, start_records
from hub.registry.topics.kafka import create
from hub.settings import Settings
from tests.support.network import Machine, crash_at, network

CLUJ: Final = Path(__file__).parents[2] / "deploy/federation/cluj.toml"
DISPATCH, DISPATCH_2, PATROL, EMIS = "upggvz", "u75cgt", "ux3joc", "ur04xc"
UNITS: Final = frozenset({DISPATCH, DISPATCH_2, PATROL, EMIS, "uhenom", "u2kbdw", "uj9kpj", "u0xzkb"})
PARTITIONS: Final = 2
NODE: Final = 1
PLACE: Final = 54975
SIGNED: Final = Signed(1_790_000_000_000, ("p-1", "p-2"))
RNG: Final = Random(20261122)


@dataclass(frozen=True, slots=True)
class Fetched:
    """One read_committed record."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


@dataclass(slots=True)
class Hub:
    """A hub's settings, policy and broker; `secret_file` for processes of their own."""

    parts: assemble.Parts
    policy: Policy
    federation: Federation
    secret_file: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def bootstrap(self) -> str:
        """Address of the broker."""
        return self.parts.settings.kafka_bootstrap

    def value(self, event_type: str, change: Mapping[str, Any] | None = None) -> bytes:
        """Framed bytes of a random valid record at a place of the federation, naming only units it has."""
        record = random_record(self.parts.catalogue, event_type, RNG) | {"siruta": PLACE}
        record |= {name: [PATROL] if isinstance(record[name], list) else PATROL for name in _named(record)}
        out = io.BytesIO()
        schema = fastavro.parse_schema(plain(self.parts.catalogue.event_schema(event_type)))
        fastavro.schemaless_writer(out, schema, record | dict(change or {}), strict=True)
        return frame(self.parts.catalogue.versions(event_type)[-1], out.getvalue())

    def admission(self, event_id: str, case: str = "c-1") -> list[tuple[str, bytes]]:
        """The headers admission gives an event of the dispatch."""
        return Admission(event_id, assemble.now_ms(), self.parts.keys.case_handle(DISPATCH, case), {}).headers()

    async def send(
        self, topic: str, partition: int | None, records: Iterable[tuple[bytes | None, bytes | None, Any]]
    ) -> None:
        """Write (key, value, headers) records and wait for all."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all") as producer:
            sent = [
                await producer.send(topic, value, key=key, partition=partition, headers=headers)
                for key, value, headers in records
            ]
            await asyncio.gather(*sent)

    async def admit(self, events: Mapping[int, Sequence[str]], lane: Lane = Lane.CASE) -> None:
        """Put events (ids by partition) on `admitted.<lane>` as admission would."""
        for partition, ids in events.items():
            records = [(DISPATCH.encode(), self.value("incident.reported"), self.admission(one)) for one in ids]
            await self.send(topics.admitted(lane), partition, records)

    async def read(self, names: Iterable[str], since: Mapping[TopicPartition, int] | None = None) -> list[Fetched]:
        """Everything a read_committed reader sees in these topics from `since` to their present end."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            fetch_max_wait_ms=20,
        ) as consumer:
            await consumer._client.force_metadata_update()
            places = [
                TopicPartition(n, p) for n in names for p in consumer._client.cluster.partitions_for_topic(n) or ()
            ]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            found: list[Fetched] = []
            for place in places:
                start = (since or {}).get(place, 0)
                consumer.seek(place, start)
            while [p for p in places if await consumer.position(p) < ends[p]]:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += [_fetched(record) for record in records]
            return found

    async def ends(self, names: Iterable[str]) -> dict[TopicPartition, int]:
        """The end of every partition of these topics now, as a read_uncommitted reader sees it."""
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False) as consumer:
            await consumer._client.force_metadata_update()
            cluster = consumer._client.cluster
            return dict(
                await consumer.end_offsets(
                    [TopicPartition(n, p) for n in names for p in cluster.partitions_for_topic(n) or ()]
                )
            )

    async def committed(self, group: str, place: TopicPartition) -> int | None:
        """The committed offset of a group."""
        async with AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False
        ) as consumer:
            found: int | None = await consumer.committed(place)
            return found

    async def forget(self, group: str) -> None:
        """Take the dead members out of a group at once, as the broker does by itself after 10 s of silence."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            for answer in await admin.describe_consumer_groups([group], NODE):
                for member in answer.groups[0][5]:
                    await admin._send_request(LeaveGroupRequest(group, member[0]), NODE)
        finally:
            await admin.close()


def _named(record: Mapping[str, Any]) -> list[str]:
    return [name for name in ("taskedUnits", "unitToSend", "toUnit") if name in record]


def _fetched(record: Any) -> Fetched:
    return Fetched(record.topic, record.partition, record.offset, record.key, record.value, dict(record.headers))


def ids(count: int) -> list[str]:
    """New event ids."""
    return [str(uuid.UUID(int=RNG.getrandbits(128), version=4)) for _ in range(count)]


def _federation() -> Federation:
    whole = parse_federation(CLUJ.read_text("utf-8"))
    return replace(
        whole,
        units=tuple(unit for unit in whole.units if unit.code in UNITS),
        agreements=tuple(agreement for agreement in whole.agreements if agreement.unit in UNITS),
    )


async def prepared(bootstrap: str, secret: Path) -> Hub:
    """Topics and register on a broker that has neither."""
    settings = Settings(kafka_bootstrap=bootstrap, secret_file=secret, profile=Profile.DEMO)
    parts = assemble.parts(settings)
    policy = assemble.proven_policy(settings, parts.catalogue)
    federation = _federation()
    specs = topics.plan(parties(federation), [Lane.ALERT, Lane.CASE])
    await create(parts.options, [replace(spec, partitions=min(spec.partitions, PARTITIONS)) for spec in specs], 1)
    records = federation_records(federation, parts.catalogue.ids, SIGNED) + start_records(policy, parts.keys, SIGNED)
    async with parts.writer() as writer:
        await writer.write(records)
    environment = {
        "PUNTE_KAFKA_BOOTSTRAP": bootstrap,
        "PUNTE_SECRET_FILE": str(secret),
        "PUNTE_PROFILE": "demo",
    }
    return Hub(parts, policy, federation, secret, environment)


@dataclass(slots=True)
class Life:
    """One life of a gateway in a process that can die; `gateway` once it is open."""

    machine: Machine
    task: asyncio.Task[None]
    gateway: list[Any]
    made: asyncio.Event

    async def opened(self) -> None:
        """Wait until it holds its partitions."""
        await self.made.wait()
        await self.gateway[0].ready.wait()

    async def end(self) -> None:
        """Drain it, as SIGTERM does."""
        self.gateway[0].drain()
        await self.task


@asynccontextmanager
async def gateway(
    hub: Hub, lane: Lane = Lane.CASE, step: str = "", nth: int = 1, batch: int | None = None, **paces: float
) -> AsyncIterator[Life]:
    """A gateway that dies at the n-th pass of `step` (never, when it is empty); nothing of it is left at the end.

    `paces`: other numbers of its `Pace`, e.g. `proof`: seconds after which an idle partition proves to be its own.
    """
    machine = Machine()
    opened: list[Any] = []
    pace = replace(PACES[lane], batch=batch or PACES[lane].batch, **paces)  # type: ignore[arg-type]

    async def live() -> None:
        crash = crash_at(machine, step, nth)
        async with assemble.OpenGateway(hub.parts, lane, hub.policy, crash, pace=pace) as made:
            opened.append(made)
            life.made.set()
            await made.run()

    with network():
        life = Life(machine, machine.start(live()), opened, asyncio.Event())
        try:
            yield life
        finally:
            await machine.bury()
            await hub.forget(f"gateway.{lane}")


async def until_dead(life: Life, seconds: float = 20) -> None:
    """Wait until the crash point was met."""
    met = asyncio.ensure_future(life.machine.died.wait())
    await asyncio.wait({met, life.task}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    met.cancel()
    if not life.machine.dead:
        life.task.cancel()
        await life.task
        raise AssertionError("the gateway never came to this step")


async def until_decided(
    hub: Hub, wanted: Iterable[str], since: Mapping[TopicPartition, int], lane: Lane = Lane.CASE
) -> None:
    """Wait until a read_committed reader sees a decision on every wanted event."""
    codec, missing = hub.parts.record("audit.decision"), set(wanted)
    places = [place for place in since if place.topic == topics.audit_decision(lane)]
    async with (
        asyncio.timeout(25),
        AIOKafkaConsumer(
            bootstrap_servers=hub.bootstrap, isolation_level="read_committed", enable_auto_commit=False
        ) as consumer,
    ):
        consumer.assign(places)
        for place in places:
            consumer.seek(place, since[place])
        while missing:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                missing -= {codec.decode(record.value)["eventId"] for record in records}
