"""`punte trace` on a real Kafka: a crossed alert shows every step in order; what ended early, how far it came."""

from __future__ import annotations

import json
import uuid
from functools import partial
from typing import Any

from consent.terms import Lane, Role
from hub.contracts import topics
from hub.contracts.audit import Verdict
from hub.contracts.envelope import Admission
from hub.contracts.keys import HANDLE
from hub.registry.federation import parties
from hub.registry.topics.kafka import create
from hub.views.project import raw_id
from tests.support.hub import Hub, hub
from tests.support.published import faults

__all__ = ["hub"]

PLACE = 54975


async def trace(hub: Hub, event_id: str) -> tuple[int, dict[str, Any]]:
    """Exit status and object of `punte trace`, which is of its published schema."""
    done = await hub.ask("trace", event_id, "--as", "auditor", "--json")
    assert done.stderr == b""
    found: dict[str, Any] = json.loads(done.stdout)
    assert faults("trace.v1", found) == []
    return done.returncode, found


def _is_about(event_id: str, record: Any) -> bool:
    return bool(record.key == event_id.encode())


async def test_an_alert_shows_every_step_in_order(hub: Hub) -> None:
    """Admitted, fenced, decided, cut, checked in full and committed, each no earlier than the one before."""
    event = hub.event("emis.alert.raised")
    event.record.update(siruta=PLACE, severity="critical")
    await hub.publish(event)
    decision, desk = await hub.decided(event), hub.unit(Role.POL_D)
    status, found = await trace(hub, event.id)
    (passage,) = found["passages"]
    release = next(each for each in passage["releases"] if each["unit"] == desk)
    assert (status, passage["verdict"], passage["lane"], passage["source"]) == (0, "decided", "alert", event.source)
    assert passage["admission"] == {"at": decision["admittedAt"], "late": passage["receipt"]["code"] == "late"}
    assert passage["fence"]["register_revision"] == decision["registerRevision"]
    times = [passage["admission"]["at"], passage["decision"]["at"], release["commit"]["at"]]
    assert times == sorted(times)
    assert passage["receipt"]["at"] == passage["decision"]["at"]
    assert (release["second_check"], release["commit"]["as_decided"]) == ("full", True)
    assert release["commit"]["topic"] == topics.release(Lane.ALERT, desk, "P1")
    assert release["delivery"] == []
    assert all(each["commit"]["as_decided"] for each in passage["releases"])


async def test_a_delivery_is_told_once_its_receipts_are_written(hub: Hub) -> None:
    """Receipts under the unit's key, in a topic of `punte topic apply`: handed over, then acknowledged."""
    event = hub.event("emis.alert.raised")
    event.record.update(siruta=PLACE, severity="critical")
    await hub.publish(event)
    await hub.decided(event)
    desk, codec = hub.unit(Role.POL_D), hub.parts.record("audit.delivery")
    releases = (await trace(hub, event.id))[1]["passages"][0]["releases"]
    release = next(each for each in releases if each["unit"] == desk)
    times = [release["commit"]["at"] + after for after in (5, 40)]
    for state, at in zip(("handed", "acked"), times, strict=True):
        said = {"releaseId": raw_id(release["id"]), "unit": desk, "state": state, "at": at}
        await hub.producer.send_and_wait(topics.AUDIT_DELIVERY, codec.encode(said), key=desk.encode())
    found = (await trace(hub, event.id))[1]["passages"][0]["releases"]
    told = {each["id"]: each["delivery"] for each in found}
    assert told.pop(release["id"]) == [{"state": "handed", "at": times[0]}, {"state": "acked", "at": times[1]}]
    assert not any(told.values())


async def test_a_repeat_and_a_refusal_show_how_far_they_came(hub: Hub) -> None:
    """The repeat is a second passage that ended at the gateway; the refused one ended in the inbox, with its remedy."""
    event, refused = hub.event("risk.assessed"), hub.event("risk.assessed")
    await hub.publish(event)
    await hub.publish(event)
    await hub.publish(refused, hub.value(refused) + b"\0")
    for each, count in ((event, 2), (refused, 1)):
        await hub.read([topics.receipt(Lane.CASE, each.source)], count, partial(_is_about, each.id))
    status, found = await trace(hub, event.id)
    assert (status, [each["verdict"] for each in found["passages"]]) == (0, ["decided", "duplicate"])
    status, found = await trace(hub, refused.id)
    (passage,) = found["passages"]
    assert (status, passage["verdict"], passage["admission"]) == (0, "refused", None)
    assert passage["input"]["topic"] == topics.inbox(Lane.CASE, refused.source)
    assert passage["endings"][0]["remedy"]


async def test_an_event_that_waits_for_its_gateway_is_undecided(hub: Hub) -> None:
    """On a lane that no gateway serves: found by its admitted record alone, with exit status 6."""
    event, topic = hub.event("incident.reported"), topics.admitted(Lane.BULK)
    plan = topics.plan(parties(hub.federation), (Lane.BULK,))
    await create(hub.parts.options, [spec for spec in plan if spec.name == topic], 1)
    headers = Admission(event.id, event.time, bytes(HANDLE), {}, late=True).headers()
    await hub.send(topic, hub.value(event), headers, event.source.encode())
    status, found = await trace(hub, event.id)
    (passage,) = found["passages"]
    assert (status, passage["verdict"], passage["source"]) == (6, "undecided", event.source)
    assert (passage["input"]["topic"], passage["admission"]["late"]) == (topic, True)


async def test_asking_is_recorded_and_only_the_auditor_asks(hub: Hub) -> None:
    """An unknown event ends with status 1 and a `consult` record; another audience is refused at once."""
    nothing, codec = str(uuid.uuid4()), hub.parts.record("audit.attempt")
    assert (await trace(hub, nothing))[0] == 1
    records = await hub.read_all([topics.audit_attempt(Lane.CASE)])
    (record,) = [record for record in records if nothing.encode() in record.value]
    said = codec.decode(record.value)
    assert (said["verdict"], said["asker"], said["eventId"]) == (Verdict.CONSULT, "auditor", nothing)
    assert (await trace(hub, nothing))[0] == 1
    done = await hub.ask("trace", nothing, "--as", f"unit:{hub.unit(Role.POL_D)}")
    assert (done.returncode, done.stdout) == (2, b"")
