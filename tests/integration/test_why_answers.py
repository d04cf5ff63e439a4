"""`punte why` on a real Kafka: each audience hears its part, and who may not know hears of nothing, byte for byte."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, replace
from typing import Any

import pytest

from consent.messages import Language
from consent.terms import Lane, Role
from hub.assemble import now_ms
from hub.contracts import topics
from hub.contracts.audit import Verdict
from hub.contracts.envelope import format_time, uuid_text
from hub.contracts.keys import b64
from hub.contracts.registers import relation_handle
from hub.demo.crowd import Published
from tests.support.history import relation
from tests.support.hub import Hub, hub

__all__ = ["hub"]

PLACE = 54975


@dataclass(frozen=True, slots=True)
class Case:
    """An incident that tasked one patrol and not the other, and the release the first one got."""

    event: Published
    tasked: str
    other: str
    release_id: str


@pytest.fixture(scope="module")
async def case(hub: Hub) -> Case:
    """The incident, decided."""
    tasked, other = hub.unit(Role.POL_R, 0), hub.unit(Role.POL_R, 2)
    event = hub.event("incident.reported", tasked, other)
    event.record.update(siruta=PLACE, taskedUnits=[tasked])
    await hub.publish(event)
    entry = await hub.released(event, tasked)
    assert entry is not None
    return Case(event, tasked, other, uuid_text(entry["releaseId"]))


def answers(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The answers of the only event, by unit."""
    (event,) = found["events"]
    return {answer["unit"]: answer for answer in event["answers"]}


async def test_the_auditor_hears_of_every_unit(hub: Hub, case: Case) -> None:
    """Given and withheld, with rows, laws, the guard that was false, position, moments and policy digest."""
    status, found = await hub.why(case.event.id, "auditor")
    event, heard = found["events"][0], answers(found)
    assert (status, event["record"]["source"], event["policy"]) == (0, case.event.source, hub.policy.digest.hex())
    assert event["record"]["admitted_at"] <= event["decided_at"]
    assert heard[case.tasked]["release"]["id"] == case.release_id
    assert {field["outcome"] for field in heard[case.tasked]["fields"]} >= {"given", "generalised", "withheld"}
    assert all(field["row"] and field["law_status"] for field in heard[case.tasked]["fields"] if field["transform"])
    refused = heard[case.other]
    assert (refused["verdict"], refused["reason"], refused["guard"]) == ("does-not-learn", "guard_false", "area")


async def test_a_data_protection_officer_hears_of_one_unit(hub: Hub, case: Case) -> None:
    """The unit withheld from is named with its reason; no other unit, no source, no event id."""
    status, found = await hub.why(case.event.id, f"dpo:{case.other}")
    assert (status, list(answers(found))) == (0, [case.other])
    assert answers(found)[case.other]["reason"] == "guard_false"
    text = json.dumps(found)
    assert [code for code in hub.codes if code in text] == [case.other]
    assert case.event.id not in text


async def test_a_data_protection_officer_hears_of_every_unit_of_the_organisation(hub: Hub, case: Case) -> None:
    """By the register: each unit of the police by name, none of another organisation; who asks for none hears none."""
    police = hub.organisation(case.tasked)
    (_, whole), (status, found) = await hub.why(case.event.id, "auditor"), await hub.why(case.event.id, f"dpo:{police}")
    own = {code for code in answers(whole) if hub.organisation(code) == police}
    assert (status, set(answers(found))) == (0, own)
    assert {case.tasked, case.other} <= own < answers(whole).keys()
    told = {code for code in hub.codes if code in json.dumps(found)}
    assert {hub.organisation(code) for code in told} == {police}
    nobody = await hub.why(case.event.id, "dpo:o00000")
    assert nobody == await hub.why(str(uuid.uuid4()), "dpo:o00000") == await hub.why(str(uuid.uuid4()), f"dpo:{police}")


async def test_a_relation_that_ended_is_told_with_since_when(hub: Hub) -> None:
    """The victims' centre whose relation people ended: guard, moment and offset in the decision; the other has none."""
    centre, other = hub.unit(Role.SW_L), hub.unit(Role.SHEL)
    event = replace(hub.event("child.involved", centre), subject="CJ-ended")
    handle = hub.parts.keys.case_handle(event.source, event.subject)
    case = b64(handle).decode()
    ended = {
        **relation(centre, case, "victim", of_case=True),
        "handle": relation_handle(centre, handle, "victim"),
        "state": "ended",
        "at": now_ms() - 1_000,
        "by": ["p-1", "p-2"],
    }
    _, offset = await hub.put({**ended, "state": "live", "at": now_ms() - 9_000}, ended)
    await hub.publish(event)
    await hub.decided(event)
    status, found = await hub.why(event.id, f"dpo:{centre}")
    heard = answers(found)[centre]
    assert (status, heard["reason"], heard["guard"]) == (0, "guard_false", "relation(victim)")
    said = {"guard": "relation(victim)", "how": "ended", "moment": ended["at"], "offset": offset}
    assert (heard["lapse"], heard["facts"][0]["offset"]) == (said, offset)
    line = f"`relation(victim)` is false since {format_time(ended['at'])}; register offset {offset}."
    assert line in found["sentences"]
    assert case not in json.dumps(found)
    withheld, unknown = await hub.why(event.id, f"unit:{centre}"), await hub.why(str(uuid.uuid4()), f"unit:{other}")
    assert withheld == unknown


async def test_a_unit_hears_of_its_own_release(hub: Hub, case: Case) -> None:
    """What it was given and on which law; no withheld field, no guard, no other unit, nothing to compare."""
    status, found = await hub.why(case.event.id, f"unit:{case.tasked}")
    answer = answers(found)[case.tasked]
    text = json.dumps(found)
    assert (status, answer["release"]["id"], answer["guards"], answer["facts"]) == (0, case.release_id, [], [])
    assert {field["outcome"] for field in answer["fields"]} == {"given", "generalised"}
    assert [code for code in hub.codes if code in text] == [case.tasked]
    assert not [word for word in (case.event.id, "register_revision", "second_check", "offset") if word in text]


async def test_a_release_id_is_an_answer_too(hub: Hub, case: Case) -> None:
    """The unit that received it and the auditor are told of that release alone; to another unit it does not exist."""
    status, found = await hub.why(case.release_id, f"unit:{case.tasked}")
    assert (status, list(answers(found))) == (0, [case.tasked])
    status, found = await hub.why(case.release_id, "auditor")
    assert (status, list(answers(found)), found["events"][0]["record"]["event_id"]) == (0, [case.tasked], case.event.id)
    nothing = await hub.why(str(uuid.uuid4()), f"unit:{case.other}")
    assert await hub.why(case.release_id, f"unit:{case.other}") == nothing


@pytest.mark.parametrize("words", [("--lang", "ro"), ("--json",)], ids=["text", "json"])
async def test_withheld_and_unknown_are_the_same_bytes(hub: Hub, case: Case, words: tuple[str, ...]) -> None:
    """To a unit that got nothing, an event and no event: same stdout, stderr and exit status."""
    asked = (case.event.id, str(uuid.uuid4()))
    withheld, unknown = await asyncio.gather(
        *(hub.ask("why", each, "--as", f"unit:{case.other}", *words) for each in asked)
    )
    assert (withheld.stdout, withheld.stderr, withheld.returncode) == (
        unknown.stdout,
        unknown.stderr,
        unknown.returncode,
    )
    assert (withheld.returncode, withheld.stderr) == (5, b"")
    assert withheld.stdout


async def test_nobody_is_told_of_nothing_twice(hub: Hub) -> None:
    """Asking about an event that does not exist is recorded, and the record does not make it exist."""
    nothing = str(uuid.uuid4())
    first, second = await hub.why(nothing, "auditor"), await hub.why(nothing, "auditor")
    assert first == second
    assert (first[0], first[1]["verdict"]) == (1, "unknown")


async def test_every_question_is_recorded(hub: Hub, case: Case) -> None:
    """Asker and id stand in `audit.attempt`, under the digest of the event where it is known."""
    codec, nothing, officer = hub.parts.record("audit.attempt"), str(uuid.uuid4()), hub.organisation(case.tasked)
    told = (case.event.id, f"dpo:{case.tasked}"), (case.event.id, f"dpo:{officer}"), (nothing, f"unit:{case.other}")
    for asked, who in told:
        before = {(r.partition, r.offset) for r in await hub.read_all([topics.audit_attempt(Lane.CASE)])}
        await hub.why(asked, who)
        records = await hub.read_all([topics.audit_attempt(Lane.CASE)])
        (record,) = [r for r in records if (r.partition, r.offset) not in before]
        said = codec.decode(record.value)
        assert (said["verdict"], said["asker"], said["eventId"]) == (Verdict.CONSULT, who, asked)
        assert (record.key is None) == (asked == nothing)


async def test_a_refused_event_is_told_as_refused(hub: Hub) -> None:
    """The auditor and the publisher's officer hear the code and the position; to a unit it does not exist."""
    event = hub.event("risk.assessed")
    await hub.publish(event, hub.value(event) + b"\0")
    await hub.read([topics.receipt(Lane.CASE, event.source)], 1, lambda record: record.key == event.id.encode())
    for who in ("auditor", f"dpo:{event.source}"):
        status, found = await hub.why(event.id, who)
        (attempt,) = found["attempts"]
        assert (status, attempt["verdict"], attempt["code"], attempt["source"]) == (
            0,
            "refused",
            "not_canonical",
            event.source,
        )
    assert (await hub.why(event.id, f"unit:{event.source}"))[0] == 5


async def test_romanian_is_written_with_commas_below(hub: Hub, case: Case) -> None:
    """`ș` and `ț` of the Romanian answer are the letters with a comma, never with a cedilla."""
    status, found = await hub.why(case.event.id, "auditor", Language.RO)
    text = "".join(found["sentences"])
    assert status == 0
    assert "ț" in text
    assert "lege neconfirmată" in text
    assert not set(text) & set("\u015f\u0163\u015e\u0162")
