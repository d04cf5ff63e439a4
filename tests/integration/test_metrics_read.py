"""`GET /metrics` of parts at work on a real Kafka: the figures are those of what was sent; lag counts what waits."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from consent.terms import Lane
from hub.assemble import CODES, OpenGateway, now_ms
from hub.contracts import topics
from hub.contracts.alarms import ALARMS
from hub.contracts.audit import Verdict
from hub.contracts.envelope import Admission
from hub.contracts.keys import HANDLE
from hub.follow.kafka import Follower, Source
from tests.support.hub import PATIENCE_S, Hub, prepared
from tests.support.parts import running, taken

IN, OUT = ("case", "admission"), ("case", "gateway")


@pytest.fixture(scope="module")
async def hub(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub with topics and register; nothing of it runs."""
    async with prepared(kafka, tmp_path_factory.mktemp("metrics")) as made:
        yield made


def more(before: Mapping[tuple[str, ...], float], now: Mapping[tuple[str, ...], float], *name: str) -> float:
    """By how much a figure grew."""
    return now.get(name, 0) - before.get(name, 0)


async def test_the_figures_are_those_of_what_was_sent(hub: Hub) -> None:
    """Three events, a repeat and a faulty one: counted by code in each part, timed by step, and no unit is named."""
    events = [hub.event("risk.assessed") for _ in range(3)]
    with ExitStack() as stack:
        admission, gateway = (
            stack.enter_context(running(hub, each, "--lane", "case")) for each in ("admit", "gateway")
        )
        before = admission.until(0), gateway.until(0)
        for event in (*events, events[0]):
            await hub.publish(event)
        await hub.publish(hub.event("risk.assessed"), b"no event")
        after = admission.until(taken(before[0]) + 5), gateway.until(taken(before[1]) + 4)
        text = admission.text() + gateway.text()
    admitted, decided = (partial(more, *each) for each in zip(before, after, strict=True))
    codes = {code: admitted("punte_outcomes_total", code, *IN) for code in ("admitted", "frame", "quarantined")}
    assert codes == {"admitted": 4, "frame": 1, "quarantined": 1}
    assert [decided("punte_outcomes_total", code, *OUT) for code in ("decided", "duplicate")] == [3, 1]
    released = sum([len((await hub.decided(event))["releases"]) for event in events])
    assert decided("punte_outcomes_total", "releases", *OUT) == released
    assert (admitted("punte_batch_size_sum", *IN), decided("punte_batch_size_sum", *OUT)) == (5, 4)
    turns = decided("punte_batch_size_count", *OUT)
    steps = ("fence", "plan", "send", "commit")
    assert [decided("punte_step_duration_seconds_count", *OUT, step) for step in steps] == [turns] * 4
    assert decided("punte_batch_age_seconds_count", *OUT) == turns
    assert [word for word in (*hub.codes, "inbox", "release.", "topic", "partition") if word in text] == []


def test_every_part_counts_its_alarms(hub: Hub) -> None:
    """The registry, too: none yet, and each of the table is there."""
    with running(hub, "registry", "--lane", "case") as registry:
        found = registry.figures()
    assert {code: found["punte_alarms_total", code, "case", "registry"] for code in ALARMS} == dict.fromkeys(ALARMS, 0)


async def test_the_lag_of_a_gateway_counts_what_is_not_committed(hub: Hub) -> None:
    """While a turn is at work its records still wait; after the commit nothing does."""
    event = hub.event("risk.assessed")
    ids = [str(uuid.uuid4()) for _ in range(3)]
    for one in ids:
        headers = Admission(one, now_ms(), bytes(HANDLE), {}, late=False).headers()
        await hub.send(topics.admitted(Lane.CASE), hub.value(event), headers, event.source.encode())
    seen: dict[str, list[int]] = {"planned": [], "committed": []}
    found: list[Any] = []

    def watch(step: str) -> None:
        if step in seen and found:
            seen[step].append(found[0].lag())

    async with OpenGateway(hub.parts, Lane.CASE, hub.policy, watch) as gateway:
        found.append(gateway)
        working = asyncio.create_task(gateway.run())
        codec = hub.parts.record("audit.decision")
        ended = await hub.read([topics.audit_decision(Lane.CASE)], 3, lambda r: codec.decode(r.value)["eventId"] in ids)
        gateway.drain()
        await asyncio.wait_for(working, PATIENCE_S)
    assert len(ended) == 3
    assert max(seen["planned"]) >= 3
    assert seen["committed"][-1] == 0


async def test_the_lag_of_a_follower_counts_the_batch_at_work(kafka: str, prefix: str) -> None:
    """Five records, two at a time: five wait until the first batch is committed, then three, then one."""
    name, group, done, lags = f"{prefix}.inbox", f"{prefix}.group", asyncio.Event(), list[int]()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()

    async def handle(records: Sequence[Any]) -> None:
        lags.append(follower.lag())
        if records[-1].offset == 4:
            done.set()

    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for number in range(5):
            await producer.send_and_wait(name, str(number).encode())
    follower = Follower({"bootstrap_servers": kafka}, Source(group, (name,), max_records=2), handle)
    working = asyncio.create_task(follower.run())
    async with asyncio.timeout(PATIENCE_S):
        await done.wait()
    follower.stop()
    await working
    assert lags == [5, 3, 1]


def test_no_verdict_is_missing_from_the_list() -> None:
    """Whatever the gateway counts by is on the list of codes, else it would be counted nowhere."""
    assert {verdict.value for verdict in Verdict} <= CODES
