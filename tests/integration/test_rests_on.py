"""`punte policy rests-on --consent` on a real Kafka: the releases that used one consent, and no others."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from consent.terms import Role
from hub.contracts.envelope import uuid_text
from tests.integration.test_register_commands import consent, with_victim
from tests.support.hub import Hub, hub
from tests.support.published import faults

__all__ = ["hub"]
pytestmark = pytest.mark.kafka


@dataclass(frozen=True, slots=True)
class Case:
    """An event given to the shelter by a consent: the consent's handle, event and release ids, the shelter."""

    handle: str
    event: str
    release: str
    shelter: str


@pytest.fixture(scope="module")
async def case(hub: Hub) -> Case:
    """Two victims with a consent each, an event about each."""
    shelter, made = hub.unit(Role.SHEL), []
    for _ in range(2):
        event = with_victim(hub)
        record = consent(hub, event)
        await hub.put(record)
        await hub.publish(event)
        entry = await hub.released(event, shelter)
        assert entry is not None
        made.append(Case(record["handle"], event.id, uuid_text(entry["releaseId"]), shelter))
    return made[0]


async def test_the_release_that_used_the_consent_is_found(hub: Hub, case: Case) -> None:
    """By its handle: release, event, unit, purpose, as JSON of the published shape and as a sentence."""
    done = await hub.ask("policy", "rests-on", "--consent", case.handle, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr, faults("policy-rests-on.v1", told)) == (0, b"", [])
    assert [(one["id"], one["event"], one["unit"], one["purpose"]) for one in told["releases"]] == [
        (case.release, case.event, case.shelter, "P9")
    ]
    spoken = await hub.ask("policy", "rests-on", "--consent", case.handle, "--lang", "ro")
    assert f"divulgarea {case.release} a evenimentului {case.event}: ".encode() in spoken.stdout


async def test_after_its_withdrawal_it_is_still_found(hub: Hub, case: Case) -> None:
    """What went out rests on it for ever: these are the releases a recall names."""
    done = await hub.ask("register", "withdraw", case.handle, "--by", "w-1", "--by", "w-2")
    assert done.returncode == 0
    told = json.loads((await hub.ask("policy", "rests-on", "--consent", case.handle, "--json")).stdout)
    assert [one["id"] for one in told["releases"]] == [case.release]


async def test_a_consent_nobody_used_supports_nothing(hub: Hub) -> None:
    """An empty list, and a sentence that says so; not an error."""
    done = await hub.ask("policy", "rests-on", "--consent", "nothing")
    assert (done.returncode, done.stdout) == (0, b"Nothing rests on it.\n")
