"""The fence on a real Kafka: no decision is made before the fold has reached what the register had acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition

from consent.terms import Lane
from hub import assemble
from hub.contracts import topics
from hub.contracts.envelope import uuid_text
from hub.contracts.keys import b64
from hub.errors import PunteError
from hub.follow.register.kafka import PARTITION, RegisterFollower
from tests.support.history import hold
from tests.support.loop import DISPATCH, PATROL, Fetched, Hub, gateway, ids, until_decided

pytest_plugins = ["tests.support.loop_fixture"]

LANE = Lane.CASE
DECISIONS = topics.audit_decision(LANE)
INBOX = topics.release(LANE, PATROL, "P1")
PATIENCE_S = 0.2


class HeldFollower(RegisterFollower):
    """A follower whose fold can be held back: what the register got meanwhile stays unread."""

    def __init__(
        self, options: Mapping[str, Any], fold: Callable[[Any], None], alarm: Callable[[str], None], patience: float
    ) -> None:
        super().__init__(options, fold, self._note, min(patience, PATIENCE_S))
        self._say, self._heard = alarm, dict[str, asyncio.Event]()

    def hold_back(self) -> None:
        """From now on the fold gets no record."""
        self._reader.pause(PARTITION)

    def let_go(self) -> None:
        """The fold goes on where it stood."""
        self._reader.resume(PARTITION)

    async def alarmed(self, code: str) -> None:
        """Wait until this alarm was raised."""
        await self._heard.setdefault(code, asyncio.Event()).wait()

    def _note(self, code: str) -> None:
        self._heard.setdefault(code, asyncio.Event()).set()
        self._say(code)


class ShrunkFollower(RegisterFollower):
    """A follower of a register that came back with `lost` records less."""

    lost = 0

    async def _end(self) -> int:
        return await super()._end() - self.lost


@pytest.fixture
def followers(monkeypatch: pytest.MonkeyPatch) -> list[HeldFollower]:
    """The followers of the gateways opened in this test."""
    made: list[HeldFollower] = []

    def follower(*parts: Any) -> HeldFollower:
        made.append(HeldFollower(*parts))
        return made[-1]

    monkeypatch.setattr(assemble, "RegisterFollower", follower)
    return made


@pytest.fixture(scope="session")
def hub(loop_hub: Hub) -> Hub:
    """The hub of the tests of the loop."""
    return loop_hub


async def keep_out_patrol(hub: Hub, case: str) -> int:
    """A hold on a case for the patrol, acknowledged; its offset in the register."""
    target = b64(hub.parts.keys.case_handle(DISPATCH, case)).decode()
    async with hub.parts.writer() as writer:
        return (await writer.write([hold(target, PATROL, of_case=True)]))[0]


async def admit(hub: Hub, events: Mapping[str, str]) -> None:
    """Put events (case by id) on one partition of `admitted.case`."""
    records = [(DISPATCH.encode(), hub.value("incident.reported"), hub.admission(*one)) for one in events.items()]
    await hub.send(topics.admitted(LANE), 0, records)


async def found(hub: Hub, since: Mapping[TopicPartition, int]) -> tuple[dict[str, Mapping[str, Any]], list[Fetched]]:
    """The decisions by event and the releases to the patrol that committed readers see."""
    records = await hub.read([DECISIONS, INBOX], since)
    codec = hub.parts.record("audit.decision")
    decisions = [codec.decode(record.value or b"") for record in records if record.topic == DECISIONS]
    return {one["eventId"]: one for one in decisions}, [record for record in records if record.topic == INBOX]


@pytest.mark.kafka
async def test_no_decision_before_an_acknowledged_hold_is_folded(hub: Hub, followers: list[HeldFollower]) -> None:
    """While the fold lags nothing is decided and the lag is alarmed; then the hold counts and the unit gets nothing."""
    since = await hub.ends([DECISIONS, INBOX])
    held_event, other = ids(2)
    async with gateway(hub, LANE) as life:
        await life.opened()
        followers[-1].hold_back()
        offset = await keep_out_patrol(hub, held_event)
        await admit(hub, {held_event: held_event, other: other})
        decided = asyncio.create_task(until_decided(hub, [held_event, other], since))
        alarmed = asyncio.create_task(followers[-1].alarmed("fence_not_reached"))
        first, _ = await asyncio.wait({decided, alarmed}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        assert first == {alarmed}
        assert await found(hub, since) == ({}, [])
        followers[-1].let_go()
        await decided
        await life.end()
    decisions, releases = await found(hub, since)
    assert decisions[held_event]["registerRevision"] > offset
    assert {"held"} <= {refusal["reason"] for refusal in decisions[held_event]["refusals"]}
    proven = {uuid_text(release["releaseId"]) for release in decisions[other]["releases"]}
    assert [record.headers["ce_id"].decode() in proven for record in releases] == [True]


async def test_a_register_that_came_back_with_less_ends_the_part(loop_hub: Hub) -> None:
    """What was folded is in doubt and what is written now would be passed by: no decision is made on it."""
    async with ShrunkFollower(loop_hub.parts.options, lambda record: None, lambda code: None, PATIENCE_S) as made:
        assert await made.fence() == made.position
        made.lost = 1
        with pytest.raises(PunteError, match=r"ends at [0-9]+, before offset [0-9]+") as refused:
            await made.fence()
    assert refused.value.code == "offsets_went_back"
