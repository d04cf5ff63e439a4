"""`punte register put|withdraw|list`: what a command has acknowledged, the next decision sees."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consent.terms import Role
from hub.assemble import now_ms
from hub.contracts.keys import b64
from hub.contracts.registers import common, relation_handle
from hub.demo.crowd import Published
from tests.support.hub import Hub, hub

__all__ = ["hub"]
pytestmark = pytest.mark.kafka
DAY_MS = 86_400_000
CLUJ_NAPOCA = 54975


def consent(to: Hub, event: Published) -> dict[str, Any]:
    """A consent of the victim of an event to the first shelter."""
    person = b64(to.parts.keys.party_handle(event.record["victim"]["cnp"])).decode()
    return common("consent", str(uuid.uuid4()), "given", now_ms(), ("w-1", "w-2")) | {
        "giver": person,
        "person": person,
        "recipient": to.unit(Role.SHEL),
        "purpose": "P9",
        "package": "sh3",
        "groups": [],
        "witness": "w-2",
        "aloneConfirmed": True,
        "textVersion": "1",
        "language": "ro",
        "channel": "paper",
        "validUntil": now_ms() + DAY_MS,
    }


def with_victim(to: Hub) -> Published:
    """A risk assessment of a victim with a personal number; nobody else is known."""
    while True:
        event = to.event("risk.assessed")
        if event.record["victim"]["cnp"] is not None:
            return replace(event, record={**event.record, "suspect": None})


async def standing(to: Hub, handle: str) -> Mapping[str, Any]:
    """What `punte register list consent` prints of one consent."""
    done = await to.ask("register", "list", "consent")
    assert done.returncode == 0
    return next(record for record in map(json.loads, done.stdout.splitlines()) if record["handle"] == handle)


async def test_a_withdrawal_that_was_acknowledged_is_seen_by_the_next_decision(hub: Hub) -> None:
    """Put, and the shelter gets the event; withdrawn, and the same event under another id does not reach it."""
    event, shelter = with_victim(hub), hub.unit(Role.SHEL)
    record = consent(hub, event)
    assert (await hub.ask("register", "put", json.dumps(record), "--json")).returncode == 0
    await hub.publish(event)
    assert await hub.released(event, shelter) is not None
    done = await hub.ask("register", "withdraw", record["handle"], "--by", "w-9", "--reason", "asked", "--json")
    assert done.returncode == 0
    offset = json.loads(done.stdout)["offsets"][0]
    again = replace(event, id=str(uuid.uuid4()))
    await hub.publish(again)
    decision = await hub.decided(again)
    assert decision["registerRevision"] > offset
    assert await hub.released(again, shelter) is None
    facts = [r["fact"]["offset"] for r in decision["refusals"] if r["reason"] == "withdrawn" and r["fact"]]
    assert facts == [offset]
    found = await standing(hub, record["handle"])
    assert (found["state"], found["by"], found["reason"]) == ("withdrawn", ["w-9"], "asked")


async def test_withdrawing_what_is_not_there_is_an_error(hub: Hub) -> None:
    """Status 1: nobody may believe that a withdrawal acted."""
    done = await hub.ask("register", "withdraw", "no-such-consent", "--by", "w-1")
    assert done.returncode == 1
    assert b"hint: see `punte register list`" in done.stderr


FAULTY: Mapping[str, str] = {
    "not-json": "{",
    "a-list": "[1]",
    "a-number": "7",
    "no-kind": "{}",
    "an-unknown-kind": '{"kind": "shelterAddress", "handle": "x", "state": "on"}',
    "a-field-too-many": '{"kind": "hold", "handle": "x", "state": "on", "victimName": "Ana"}',
    "an-unknown-state": '{"kind": "unit", "handle": "x", "state": "perhaps"}',
}


@pytest.mark.parametrize("attack", FAULTY)
async def test_a_faulty_record_is_refused_and_not_echoed(hub: Hub, attack: str) -> None:
    """Status 2 with a remedy; no value of it is repeated."""
    done = await hub.ask("register", "put", FAULTY[attack])
    assert done.returncode == 2, done.stderr
    assert b"hint: " in done.stderr
    assert b"Ana" not in done.stderr
    assert b"Traceback" not in done.stderr


async def test_a_record_is_read_from_stdin_or_a_file_of_lines(hub: Hub, tmp_path: Path) -> None:
    """`put -` for one, `load FILE` for many: each is one record and one offset."""
    records = [consent(hub, with_victim(hub)) for _ in range(3)]
    command = [sys.executable, "-m", "hub", "register", "put", "-", "--json"]
    text = json.dumps(records[0]).encode()
    put = subprocess.run(command, env=hub.environment, input=text, capture_output=True, check=True)  # noqa: ASYNC221
    assert len(json.loads(put.stdout)["offsets"]) == 1
    file = tmp_path / "records.jsonl"
    file.write_text("\n".join(map(json.dumps, records[1:])))
    load = await hub.ask("register", "load", str(file), "--json")
    assert len(json.loads(load.stdout)["offsets"]) == 2
    for record in records:
        assert (await standing(hub, record["handle"]))["state"] == "given"


async def test_of_a_file_with_one_faulty_line_nothing_is_written(hub: Hub, tmp_path: Path) -> None:
    """Status 2; line, kind and field are named, no value; people named on the command line are not ignored."""
    good = consent(hub, with_victim(hub))
    file = tmp_path / "records.jsonl"
    file.write_text("\n".join(map(json.dumps, [good, {**good, "handle": "c-2", "giver": "Ana.Pop"}])))
    refused = await hub.ask("register", "load", str(file))
    assert refused.returncode == 2
    assert refused.stderr.startswith(b"error: record 2 (`consent`): `giver` is not a handle; nothing was written\n")
    assert b"Ana" not in refused.stderr
    assert (await hub.ask("register", "load", str(file), "--by", "w-1")).returncode == 2
    listed = await hub.ask("register", "list", "consent")
    assert good["handle"].encode() not in listed.stdout


def naming(to: Hub, patrol: str) -> Published:
    """An incident in the patrol's area that names the patrol."""
    event = to.event("incident.reported", patrol)
    return replace(event, record={**event.record, "siruta": CLUJ_NAPOCA, "taskedUnits": [patrol]})


async def test_an_event_does_not_shorten_what_people_wrote(hub: Hub) -> None:
    """A unit that lodges her without an end is named by an event: the relation stands; for a new case one begins."""
    patrol = hub.unit(Role.POL_R)
    event = naming(hub, patrol)
    new = replace(event, id=str(uuid.uuid4()), subject="CJ-new")
    cases = [hub.parts.keys.case_handle(event.source, one.subject) for one in (event, new)]
    stands, begins = (relation_handle(patrol, case, "victim") for case in cases)
    lodged = common("relation", stands, "live", now_ms(), ["p-1", "p-2"]) | {
        "unit": patrol,
        "personHandle": None,
        "caseHandle": b64(cases[0]).decode(),
        "role": "victim",
        "relationKind": "lodged",
        "from": now_ms(),
        "until": None,
        "basisEvent": None,
    }
    assert (await hub.ask("register", "put", json.dumps(lodged))).returncode == 0
    await hub.publish(event)
    await hub.publish(new)
    found: dict[str, Any] = {}
    async with asyncio.timeout(30):
        while begins not in found:
            done = await hub.ask("register", "list", "relation")
            found = {record["handle"]: record for record in map(json.loads, done.stdout.splitlines())}
    assert found[begins]["relationKind"] == "addressed"
    assert found[stands] == lodged


async def test_a_hold_reaches_the_case_behind_a_reference_of_a_unit(hub: Hub) -> None:
    """What the patrol sees as `ce_subject` names the case: the next event of it does not reach the patrol."""
    patrol = hub.unit(Role.POL_R)
    event = naming(hub, patrol)
    await hub.publish(event)
    assert await hub.released(event, patrol) is not None
    case = hub.parts.keys.case_handle(event.source, event.subject)
    seen = hub.parts.keys.unit(patrol).seal_case(case).decode()
    hold = common("hold", str(uuid.uuid4()), "on", now_ms(), ["p-1"])
    hold |= {"caseHandle": None, "personHandle": None, "unit": patrol, "until": None}
    as_it_is = await hub.ask("register", "put", json.dumps({**hold, "caseHandle": seen}))
    of_another = await hub.ask("register", "put", json.dumps(hold), "--case-of", f"{hub.unit(Role.SHEL)}:{seen}")
    of_nobody = await hub.ask(
        "register", "put", json.dumps({**hold, "unit": "u00000"}), "--case-of", f"{patrol}:{seen}"
    )
    assert [done.returncode for done in (as_it_is, of_another, of_nobody)] == [2, 2, 2]
    assert seen.encode() not in as_it_is.stderr + of_another.stderr + of_nobody.stderr
    assert (await hub.ask("register", "put", json.dumps(hold), "--case-of", f"{patrol}:{seen}")).returncode == 0
    again = replace(event, id=str(uuid.uuid4()))
    await hub.publish(again)
    decision = await hub.decided(again)
    assert await hub.released(again, patrol) is None
    assert "held" in {refusal["reason"] for refusal in decision["refusals"]}
