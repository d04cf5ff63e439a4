"""A subscription that cannot be written is parked, others go on, and it resumes in order: on a real Kafka."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from consent.terms import Lane
from hub import assemble
from hub.contracts import topics
from hub.contracts.envelope import uuid_text
from hub.contracts.keys import b64
from hub.doctor.kafka import Probe
from hub.doctor.lanes import Held
from hub.doctor.quarantine.kafka import EntryCodecs
from tests.support.history import hold
from tests.support.loop import DISPATCH, PATROL, Fetched, Hub, gateway, ids, until_dead, until_decided
from tests.support.proxy import Proxy

pytest_plugins = ["tests.support.loop_fixture"]
LANE: Final = Lane.CASE
CELL: Final = (PATROL, "P1")
TOPIC: Final = topics.release(LANE, *CELL)
PARKED: Final = TopicPartition(topics.parked(LANE), 0)
RECEIPTS: Final = topics.receipt(LANE, DISPATCH)
OUT: Final = TopicPartition(TOPIC, 0)
AUDIT: Final = (topics.audit_decision(LANE), topics.audit_attempt(LANE))
OTHER: Final = "release.case.uj9kpj.p6"
SMALL: Final = "100"
WHOLE: Final = "1048588"
BLOCKED_S: Final = 20
"""Half of what a send to an unknown topic blocks where nobody asks before (kafka.md section 00)."""
RESUMING: Final = ("probed", "read_again", "planned_again", "resumed")
Since = Mapping[TopicPartition, int]


@pytest.fixture(scope="session")
def hub(loop_hub: Hub) -> Hub:
    """The hub of the tests of the loop."""
    return loop_hub


@pytest.fixture
async def since(hub: Hub) -> AsyncIterator[Since]:
    """Where the topics ended before the test; after it the patrol's topic is as it was."""
    yield await hub.ends([*AUDIT, PARKED.topic, TOPIC, OTHER, topics.quarantine(LANE)])
    await there(hub)
    await takes(hub, WHOLE)


@asynccontextmanager
async def _admin(hub: Hub) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=hub.bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def gone(hub: Hub, topic: str = TOPIC) -> None:
    """A topic, the patrol's by default, is deleted, and the broker says so."""
    async with _admin(hub) as client:
        await client.delete_topics([topic])
        async with asyncio.timeout(10):
            while topic in await client.list_topics():
                pass


async def there(hub: Hub, topic: str = TOPIC) -> None:
    """It is there, made anew if it was deleted."""
    async with _admin(hub) as client:
        if topic not in await client.list_topics():
            await client.create_topics([NewTopic(topic, 1, 1)])


async def takes(hub: Hub, size: str) -> None:
    """The patrol's topic takes so many bytes at once, from now on."""
    async with _admin(hub) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC, {"max.message.bytes": size})])


async def until(hub: Hub, place: TopicPartition, start: int, enough: Callable[[list[Fetched]], bool]) -> list[Fetched]:
    """What committed readers find at a place from `start` on, once it is enough."""
    async with asyncio.timeout(25):
        while not enough(found := await hub.read([place.topic], {place: start})):
            pass
    return [record for record in found if record.partition == place.partition]


async def entries(hub: Hub, since: Since, count: int, state: str = "parked") -> list[Mapping[str, Any]]:
    """The entries of the parked topic, once so many of this state are there."""
    codec = hub.parts.record("audit.quarantine")

    def states(found: Sequence[Fetched]) -> Counter[str]:
        return Counter(codec.decode(record.value or b"")["state"] for record in found)

    found = await until(hub, PARKED, since[PARKED], lambda found: states(found)[state] >= count)
    return [codec.decode(record.value or b"") for record in found]


async def told(hub: Hub, since: Since) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Decisions and attempts since then."""
    records = await hub.read(AUDIT, since)
    codecs = {name: hub.parts.record(".".join(name.split(".")[:2])) for name in AUDIT}
    found: list[list[Mapping[str, Any]]] = [
        [codecs[name].decode(record.value or b"") for record in records if record.topic == name] for name in AUDIT
    ]
    return found[0], found[1]


async def admit(hub: Hub, count: int) -> list[str]:
    """New events on the first partition of the input."""
    made = ids(count)
    await hub.admit({0: made})
    return made


def tried(decisions: Sequence[Mapping[str, Any]], attempt: int) -> list[str]:
    """The ids of the releases of an attempt, in the order of their decisions."""
    found = (entry for one in decisions for entry in one["releases"] if entry["attempt"] == attempt)
    return [uuid_text(entry["releaseId"]) for entry in found]


def quick(hub: Hub, step: str = "", nth: int = 1) -> Any:
    """A gateway that proves and probes often."""
    return gateway(hub, LANE, step, nth, proof=0.05, probe=0.1)


async def consistent(hub: Hub, since: Since, events: Sequence[str], start: int) -> None:
    """All of these events were parked for the patrol and went out to it once, in order; to the others once, at once."""
    out = await until(hub, OUT, start, lambda found: len(found) >= len(events))
    waited = await entries(hub, since, len(events), "resumed")
    decisions, attempts = await told(hub, since)
    assert [record.headers["ce_id"].decode() for record in out] == tried(decisions, 2)
    assert [one["eventId"] for one in decisions if tried([one], 2)] == events
    assert Counter(one["eventId"] for one in decisions) == Counter(dict.fromkeys(events, 2))
    assert [one["eventId"] for one in attempts if one["verdict"] == "parked"] == events
    assert [one["state"] for one in waited] == ["parked"] * len(events) + ["resumed"] * len(events)
    others = [record.headers["ce_id"].decode() for record in await hub.read([OTHER], since)]
    assert others == tried(decisions, 1)
    assert len(others) == len(events)


@pytest.mark.kafka
async def test_a_topic_deleted_while_it_is_written_parks_its_subscription_alone(hub: Hub, since: Since) -> None:
    """Others go on at once; once it is there again everything for it goes out, in order, as second attempts."""
    async with quick(hub) as life:
        await until_decided(hub, await admit(hub, 1), since)
        await gone(hub)
        since = await hub.ends(place.topic for place in since if place != OUT)
        began = time.monotonic()
        events = await admit(hub, 3)
        await until_decided(hub, events, since)
        took = time.monotonic() - began
        events += await admit(hub, 2)
        [*_, last] = await entries(hub, since, 5)
        assert (last["code"], last["unit"], last["purpose"]) == ("unknown_topic", *CELL)
        assert life.gateway[0].parked() == 1
        assert (await doctor(hub))[LANE][TOPIC] == "unknown_topic"
        await there(hub)
        await consistent(hub, since, events, 0)
        assert TOPIC not in (await doctor(hub))[LANE]
        await life.end()
    assert took < BLOCKED_S


@pytest.mark.kafka
async def test_a_topic_of_receipts_that_is_gone_costs_its_receipts_alone(hub: Hub, since: Since) -> None:
    """The events of its unit are decided and released; once it is there again receipts are written again."""
    async with quick(hub) as life:
        await until_decided(hub, await admit(hub, 1), since)
        await gone(hub, RECEIPTS)
        since = await hub.ends(place.topic for place in since if place.topic != RECEIPTS)
        events = await admit(hub, 3)
        await until_decided(hub, events, since)
        released = await until(hub, OUT, since[OUT], lambda found: len(found) >= len(events))
        assert life.gateway[0].parked() == 0
        await there(hub, RECEIPTS)
        receipts = TopicPartition(RECEIPTS, 0)
        async with asyncio.timeout(25):
            while not await hub.read([RECEIPTS], {receipts: 0}):
                await until_decided(hub, await admit(hub, 1), since)
        await life.end()
    assert len(released) == len(events)


async def doctor(hub: Hub) -> Mapping[Lane, Held]:
    """What `punte doctor` reads of parked releases."""
    codecs = EntryCodecs(hub.parts.record("audit.quarantine"), hub.parts.record("audit.attempt"))
    async with Probe(hub.parts.options, assemble.now_ms, codecs) as probe:
        return await probe.parked(await probe.topics())


@pytest.mark.kafka
async def test_a_release_larger_than_its_topic_takes_parks_its_subscription_alone(hub: Hub, since: Since) -> None:
    """The broker refuses it inside the transaction: the next one tells all the rest, and once it fits it goes out."""
    async with quick(hub) as life:
        await life.opened()
        await takes(hub, SMALL)
        began = time.monotonic()
        events = await admit(hub, 3)
        await until_decided(hub, events, since)
        took = time.monotonic() - began
        assert {one["code"] for one in await entries(hub, since, 3)} == {"too_large"}
        await takes(hub, WHOLE)
        await consistent(hub, since, events, since[OUT])
        more = await admit(hub, 1)
        await until_decided(hub, more, since)
        await life.end()
    decisions, _ = await told(hub, since)
    assert [one["eventId"] for one in decisions if one["eventId"] in more] == more
    assert took < BLOCKED_S


@pytest.mark.kafka
async def test_a_topic_without_rights_parks_its_subscription_alone(hub: Hub, since: Since) -> None:
    """Metadata know the topic, the transaction may not have it: parked, tried with one release, resumed with rights."""
    port = int(hub.bootstrap.rpartition(":")[2])
    async with Proxy(port, refuse=TOPIC) as proxy, quick(hub) as life:
        life.machine.routes[port] = proxy.port
        events = await admit(hub, 3)
        assert {one["code"] for one in await entries(hub, since, 3)} == {"no_rights"}
        async with asyncio.timeout(10):
            while proxy.refused < 2:
                await hub.ends([TOPIC])
        proxy.refuse = ""
        await consistent(hub, since, events, since[OUT])
        await life.end()


@pytest.mark.kafka
@pytest.mark.fire
@pytest.mark.parametrize("step", ["topics_refused", "send_refused", "fenced_again", "held"])
async def test_a_death_while_a_refusal_is_met_loses_and_doubles_nothing(hub: Hub, since: Since, step: str) -> None:
    """Refused before the transaction or inside it, the gateway dies; its successor meets the same and parks."""
    missing = step == "topics_refused"
    await (gone(hub) if missing else takes(hub, SMALL))
    events = await admit(hub, 2)
    async with quick(hub, step) as first:
        await until_dead(first)
    async with quick(hub) as second:
        await entries(hub, since, 2)
        await (there(hub) if missing else takes(hub, WHOLE))
        await consistent(hub, since, events, 0 if missing else since[OUT])
        await second.end()


@pytest.mark.kafka
@pytest.mark.fire
@pytest.mark.parametrize("step", RESUMING)
async def test_a_death_while_it_resumes_loses_and_doubles_nothing(hub: Hub, since: Since, step: str) -> None:
    """Parked by one gateway whose topic was missing from the start; the second dies at the step, the third finishes."""
    await gone(hub)
    events = await admit(hub, 3)
    async with quick(hub) as first:
        await entries(hub, since, 3)
        await first.end()
    await there(hub)
    async with quick(hub, step) as second:
        await until_dead(second)
    async with quick(hub) as third:
        await consistent(hub, since, events, 0)
        await third.end()


@pytest.mark.kafka
async def test_a_hold_set_while_a_release_waits_withholds_it(hub: Hub, since: Since) -> None:
    """It is decided again by today's facts: the patrol never gets the event, and the decision says why."""
    await gone(hub)
    [held], [free] = await admit_case(hub, "c-held"), await admit_case(hub, "c-free")
    async with quick(hub) as life:
        await entries(hub, since, 2)
        async with hub.parts.writer() as writer:
            case = b64(hub.parts.keys.case_handle(DISPATCH, "c-held")).decode()
            await writer.write([hold(case, PATROL, of_case=True)])
        await there(hub)
        await entries(hub, since, 2, "resumed")
        [out] = await until(hub, OUT, 0, bool)
        await life.end()
    decisions, _ = await told(hub, since)
    assert [one["eventId"] for one in decisions if tried([one], 2)] == [free]
    assert [out.headers["ce_id"].decode()] == tried(decisions, 2)
    [_, again] = [one for one in decisions if one["eventId"] == held]
    assert [refusal["reason"] for refusal in again["refusals"]] == ["held"]


async def admit_case(hub: Hub, case: str) -> list[str]:
    """A new event of a case."""
    [made] = ids(1)
    value = hub.value("incident.reported")
    await hub.send(topics.admitted(LANE), 0, [(DISPATCH.encode(), value, hub.admission(made, case))])
    return [made]
