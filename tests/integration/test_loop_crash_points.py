"""The gateway dies between any two awaits of its loop, on a real Kafka; its successor loses and doubles nothing."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from aiokafka import TopicPartition

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.envelope import uuid_text
from hub.contracts.keys import event_digest
from hub.gateway.seen import Seen
from tests.support.loop import DISPATCH, UNITS, Fetched, Hub, gateway, ids, until_dead, until_decided

pytest_plugins = ["tests.support.loop_fixture"]

LANE = Lane.CASE
GROUP = f"gateway.{LANE}"
OPENING = ("fenced", "offset_read", "rebuilt", "open_fenced", "assigned_begun", "sending", "assigned_sent", "opened")
TURN = ("register_fenced", "announced", "planned", "begun", "sending", "sent", "offsets_sent", "committed")
POINTS = [
    *((step, 1) for step in OPENING),
    *((step, nth) for step in TURN for nth in (1, 2) if (step, nth) != ("sending", 1)),
]
EVENTS = {0: 3, 1: 2}


def names(hub: Hub) -> list[str]:
    """Every topic the gateway of the lane writes, but `audit.policy`."""
    units = [record.name for record in topics.hub_topics([LANE]) if record.name.endswith(f".{LANE}")]
    cells = {cell for agreement in UNITS for cell in _releases(hub, agreement)}
    return [name for name in (*units, *cells, topics.receipt(LANE, DISPATCH)) if not name.startswith("admitted.")]


def _releases(hub: Hub, unit: str) -> list[str]:
    federation = hub.federation.unit(unit)
    assert federation is not None
    return [topics.release(LANE, unit, purpose) for purpose in federation.purposes if LANE in federation.lanes]


class Story:
    """What a read_committed reader found of some events, sorted by kind."""

    def __init__(self, hub: Hub, records: Sequence[Fetched]) -> None:
        codecs = {name: hub.parts.record(f"audit.{name}") for name in ("decision", "receipt", "attempt")}
        self.decided: Counter[str] = Counter()
        self.proven: Counter[str] = Counter()
        self.released: Counter[str] = Counter()
        self.receipts: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()
        self.seen: Counter[bytes | None] = Counter()
        self.quarantined = 0
        for record in records:
            kind = record.topic.split(".")[0]
            if kind == "release":
                self.released[record.headers["ce_id"].decode()] += 1
            elif kind == "seen":
                self.seen[record.key] += 1
            elif kind == "quarantine":
                self.quarantined += 1
            elif record.topic.startswith("audit.decision"):
                found = codecs["decision"].decode(record.value or b"")
                self.decided[found["eventId"]] += 1
                self.proven.update(uuid_text(entry["releaseId"]) for entry in found["releases"])
            elif kind == "receipt":
                found = codecs["receipt"].decode(record.value or b"")
                self.receipts[found["eventId"], found["verdict"]] += 1  # type: ignore[index]
            else:
                self.attempts[codecs["attempt"].decode(record.value or b"")["verdict"]] += 1


async def exactly_once(hub: Hub, events: Mapping[int, Sequence[str]], since: Mapping[TopicPartition, int]) -> Story:
    """Each event: one decision, one receipt, one seen id; each release in the audit once and on its topic once."""
    wanted = [one for some in events.values() for one in some]
    story = Story(hub, await hub.read({place.topic for place in since}, since))
    assert story.decided == Counter(wanted)
    assert story.receipts == Counter((one, "admitted") for one in wanted)
    assert story.seen == Counter(event_digest(DISPATCH, one) for one in wanted)
    assert story.proven == story.released
    assert set(story.released.values()) == {1}
    assert story.quarantined == 0
    assert set(story.attempts) == {"assigned"}
    ends = await hub.ends([topics.admitted(LANE)])
    assert {place: await hub.committed(GROUP, place) or 0 for place in ends} == ends
    return story


@pytest.fixture(scope="session")
def hub(loop_hub: Hub) -> Hub:
    """The hub of the tests of the loop."""
    return loop_hub


@pytest.mark.kafka
@pytest.mark.parametrize(("step", "nth"), POINTS)
async def test_a_death_at_this_step_loses_and_doubles_nothing(hub: Hub, step: str, nth: int) -> None:
    """The first gateway dies at the step, a second one on the same broker finishes its work exactly once."""
    since = await hub.ends(names(hub))
    events = {partition: ids(count) for partition, count in EVENTS.items()}
    await hub.admit(events)
    async with gateway(hub, LANE, step, nth, batch=1) as first:
        await until_dead(first)
    async with gateway(hub, LANE) as second:
        await until_decided(hub, [one for some in events.values() for one in some], since)
        seen = {worker.tp.partition: worker.partition.standing.seen for worker in second.gateway[0].workers()}
        await second.end()
    await exactly_once(hub, events, since)
    for partition, some in events.items():
        assert {seen[partition].look(event_digest(DISPATCH, one), b"") for one in some} == {Seen.CONFLICT}


@pytest.mark.kafka
@pytest.mark.parametrize("step", ["proof_begun", "proof_sent", "proven"])
async def test_a_death_while_an_idle_partition_proves_itself_changes_nothing(hub: Hub, step: str) -> None:
    """The transaction of the proof holds the offset as it stands; the events that come then are decided once."""
    since = await hub.ends(names(hub))
    async with gateway(hub, LANE, step, proof=0.05) as first:
        await until_dead(first)
    events = {partition: ids(count) for partition, count in EVENTS.items()}
    await hub.admit(events)
    async with gateway(hub, LANE, proof=0.05) as second:
        await until_decided(hub, [one for some in events.values() for one in some], since)
        await second.end()
    await exactly_once(hub, events, since)


@pytest.mark.kafka
async def test_a_successor_knows_what_its_predecessor_took(hub: Hub) -> None:
    """The ids a dead gateway had committed are rebuilt: the same events sent again have no second effect."""
    since = await hub.ends(names(hub))
    *some, last = ids(3)
    records = [(DISPATCH.encode(), hub.value("incident.reported"), hub.admission(one)) for one in (*some, last)]
    await hub.send(topics.admitted(LANE), 0, records[:2])
    async with gateway(hub, LANE, "committed", 1) as first:
        await until_dead(first)
    await hub.send(topics.admitted(LANE), 0, records)
    async with gateway(hub, LANE) as second:
        await until_decided(hub, [last], since)
        await second.end()
    story = Story(hub, await hub.read({place.topic for place in since}, since))
    assert story.decided == Counter([*some, last])
    assert story.attempts["duplicate"] == 2
    assert story.proven == story.released


@pytest.mark.kafka
async def test_a_fault_met_while_a_rebalance_takes_the_partition_ends_the_process(hub: Hub) -> None:
    """Kafka's client only logs what a rebalance callback raises: the loop itself must see the fault and end."""
    async with gateway(hub, LANE) as first:
        await first.opened()
        made = first.gateway[0]

        async def broken() -> None:
            raise ConnectionError

        for worker in made.workers():
            worker.task.cancel()
            worker.task = asyncio.create_task(broken())
            await asyncio.wait({worker.task})
        await made.release(made.workers())
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(first.task, 10)
