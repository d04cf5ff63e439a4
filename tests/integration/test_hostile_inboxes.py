"""Hostile records in inboxes of a running hub: each refused by code and position, none stops what stands behind it.

The attacks are those of reliability-security.md section 4 (B1-B7, B11-B13, B27, B28, B33, B34), on the real way.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from consent.terms import Lane
from hub import assemble
from hub.contracts import topics
from hub.contracts.audit import Stage, Verdict
from hub.contracts.envelope import inbox_headers
from hub.contracts.keys import bytes_digest
from hub.contracts.wire import MAX_VALUE, frame
from tests.contracts.attacks import IDS, SECRET, alert_with, encoded, value
from tests.support.history import decoded
from tests.support.loop import DISPATCH, DISPATCH_2, EMIS, PATROL, Fetched, Hub, ids, until_decided

pytest_plugins = ["tests.support.loop_fixture"]
pytestmark = pytest.mark.kafka

LANES = (Lane.ALERT, Lane.CASE)
PUBLISHERS = {Lane.ALERT: (EMIS, "emis.alert.raised"), Lane.CASE: (PATROL, "incident.reported")}
CNP = b"2900101600016"
ALERT_BODY = encoded("emis.alert.raised")
RISK_BODY = encoded("risk.assessed")
Headers = list[tuple[str, bytes | None]]


@pytest.fixture(scope="module")
async def running(loop_hub: Hub) -> AsyncIterator[Hub]:
    """Admission and gateway of both lanes at work, in this process."""
    hub = loop_hub
    ready = [asyncio.Event() for _ in LANES]
    pairs = zip(LANES, ready, strict=True)
    work = [asyncio.create_task(assemble.run_admission(hub.parts, lane, on.set)) for lane, on in pairs]
    gateways = [assemble.OpenGateway(hub.parts, lane, hub.policy, lambda step: None) for lane in LANES]
    opened = [await one.__aenter__() for one in gateways]
    work += [asyncio.create_task(made.run()) for made in opened]
    await asyncio.gather(*(on.wait() for on in ready), *(made.ready.wait() for made in opened))
    yield hub
    for made in opened:
        made.drain()
    for task in work[: len(LANES)]:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    for one in gateways:
        await one.__aexit__(None, None, None)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


@dataclass(slots=True)
class Case:
    """One record written to an inbox, where it lay, and what the hub said of it by kind, decoded."""

    lane: Lane
    value: bytes | None
    envelope: Headers
    offset: int = -1
    raw: list[Fetched] = field(default_factory=list)
    by_kind: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"receipt": [], "quarantine": [], "audit": []}
    )

    @property
    def where(self) -> dict[str, Any]:
        """Its position in its inbox."""
        return {"topic": topics.inbox(self.lane, PUBLISHERS[self.lane][0]), "partition": 0, "offset": self.offset}

    def hear(self, hub: Hub, records: list[Fetched]) -> None:
        """Keep what is said of this record: known by its digest, and by its id where that could be read."""
        own = {"", None, *(v.decode("ascii", "replace") for name, v in self.envelope if name == "ce_id" and v)}
        for record in records:
            kind = record.topic.split(".")[0]
            name = "audit.attempt" if kind == "audit" else f"audit.{kind}"
            found = hub.parts.record(name).decode(record.value or b"")
            place = found.get("input") or self.where
            here = place == self.where or place["topic"].startswith("admitted.")
            if found["sha256"] == bytes_digest(self.value or b"") and found.get("eventId") in own and here:
                self.by_kind[kind].append(found)
                self.raw.append(record)

    def one(self, kind: str) -> dict[str, Any]:
        """The only record of a kind."""
        assert len(self.by_kind[kind]) == 1
        return self.by_kind[kind][0]


def headers(lane: Lane, event_id: str) -> Headers:
    """The envelope of a good event of the lane's publisher."""
    source, event_type = PUBLISHERS[lane]
    return list(inbox_headers(event_id, source, event_type, assemble.now_ms(), "c-1"))


async def write(hub: Hub, *cases: Case) -> None:
    """Write each record and a good event behind it; hear what is told once every good one is decided."""
    lanes = {case.lane for case in cases}
    names = [name(lane) for lane in lanes for name in (_receipts, topics.quarantine, topics.audit_attempt)]
    since = await hub.ends([*names, *(topics.audit_decision(lane) for lane in lanes)])
    behind: dict[Lane, list[str]] = {lane: [] for lane in lanes}
    async with AIOKafkaProducer(bootstrap_servers=hub.bootstrap) as producer:
        for case in cases:
            good = ids(1)[0]
            at = await producer.send_and_wait(case.where["topic"], case.value, key=b"k", headers=case.envelope)
            event = hub.value(PUBLISHERS[case.lane][1])
            await producer.send_and_wait(case.where["topic"], event, headers=headers(case.lane, good))
            behind[case.lane].append(good)
            case.offset = at.offset
    for lane in lanes:
        await until_decided(hub, behind[lane], since, lane)
    records = await hub.read(names, since)
    for case in cases:
        case.hear(hub, records)


def _receipts(lane: Lane) -> str:
    return topics.receipt(lane, PUBLISHERS[lane][0])


def refused(case: Case, code: str | None, path: str | None) -> None:
    """Receipt, quarantine entry without bytes and audit attempt, all with code and position; no value is repeated."""
    receipt, entry, attempt = case.one("receipt"), case.one("quarantine"), case.one("audit")
    assert receipt["verdict"] == Verdict.REFUSED
    assert receipt["code"] == entry["code"] == attempt["code"]
    assert entry["stage"] == Stage.ADMISSION
    assert entry["input"] == attempt["input"] == case.where
    assert entry["sealed"] is None
    assert code is None or (receipt["code"], entry["path"]) == (code, path)
    for record in case.raw:
        said = b"|".join((record.key or b"", record.value or b"", *record.headers.values()))
        assert SECRET.encode() not in said
        assert CNP not in said


RISK_ARRAY = b"\x02\x02\x00\x00\x00"
ATTACKS: dict[str, tuple[Lane, bytes | None, str | None, str | None]] = {
    "b1_empty": (Lane.CASE, b"", "frame", None),
    "b1_magic_only": (Lane.CASE, b"\0", "frame", None),
    "b1_frame_without_body": (Lane.CASE, b"\0\0\0\x03\xed", "frame", None),
    "b2_wrong_magic": (Lane.ALERT, b"\x01\0\0\x03\xed" + ALERT_BODY, "frame", None),
    "b2_single_object": (Lane.ALERT, b"\xc3\x01" + bytes(8) + ALERT_BODY, "frame", None),
    "b3_unknown_schema": (Lane.ALERT, frame(999_999, ALERT_BODY), "schema_unknown", None),
    "b3_schema_of_another_inbox": (Lane.ALERT, value("risk.assessed", RISK_BODY), "schema_not_allowed", None),
    "b3_record_of_the_hub": (Lane.ALERT, frame(IDS["audit.decision/v1"], ALERT_BODY), "schema_unknown", None),
    "b4_like_shape": (Lane.CASE, frame(IDS["child.involved/v1"], encoded("referral.made")), "bound", "notifiedAt"),
    "b5_other_shape": (Lane.CASE, frame(IDS["risk.assessed/v1"], ALERT_BODY), None, None),
    "b6_trailing": (Lane.ALERT, value("emis.alert.raised", ALERT_BODY + SECRET.encode()), "not_canonical", None),
    "b7_length_that_lies": (
        Lane.ALERT,
        alert_with(b"\x06A-1", b"\x80\x80\x80\x80\x80\x80\x02A-1"),
        "bound",
        "alertRef",
    ),
    "b7_negative_length": (Lane.ALERT, alert_with(b"\x06A-1", b"\x09A-1"), "not_canonical", "alertRef"),
    "b7_beyond_the_cap": (Lane.CASE, bytes(MAX_VALUE + 1), "size", None),
    "b11_overlong": (Lane.ALERT, alert_with(b"\x06A-1", b"\x86\x00A-1"), "not_canonical", "alertRef"),
    "b12_int_beyond_32_bits": (
        Lane.ALERT,
        alert_with(b"\xfe\xda\x06", b"\x80\x80\x80\x80\x20"),
        "not_canonical",
        "siruta",
    ),
    "b13_branch": (Lane.ALERT, alert_with(b"\x06A-1\x00", b"\x06A-1\x01"), "not_canonical", "orderRef"),
    "b13_odd_blocks": (
        Lane.CASE,
        value("risk.assessed", RISK_BODY.replace(RISK_ARRAY, b"\x01\x06\x02\x00\x00\x00")),
        "not_canonical",
        "answers",
    ),
    "b34_tombstone": (Lane.CASE, None, "frame", None),
}


GOOD = headers(Lane.CASE, "00000000-0000-4000-8000-000000000000")
HEADERS: dict[str, Headers] = {
    "null": [GOOD[0], ("ce_id", None), *GOOD[2:]],
    "not_utf8": [GOOD[0], ("ce_id", b"\xff\xfe"), *GOOD[2:]],
    "repeated": [*GOOD, GOOD[1]],
    "ten_thousand": [*GOOD, *(("x", b"") for _ in range(10_000))],
    "nine_kilobytes": [*GOOD, ("x", b"y" * 9_000)],
    "missing": GOOD[:-1],
    "none": [],
    "another_source": [*GOOD[:2], ("ce_source", b"urn:punte:unit:upggvz"), *GOOD[3:]],
}


HEADER_NAMES = {"none": "ce_specversion", "missing": "ce_subject", "ten_thousand": "*", "nine_kilobytes": "*"}


@pytest.fixture(scope="module")
async def told(running: Hub) -> dict[str, Case]:
    """Every attack, written among good events; what the hub said of each."""
    cases = {name: Case(lane, attack, headers(lane, ids(1)[0])) for name, (lane, attack, *_) in ATTACKS.items()}
    cases |= {name: Case(Lane.CASE, running.value("incident.reported"), made) for name, made in HEADERS.items()}
    await write(running, *cases.values())
    return cases


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_record_is_refused_and_passed_by(told: dict[str, Case], name: str) -> None:
    """Told to its publisher, isolated and audited by code, path and position; the event behind it is decided."""
    refused(told[name], *ATTACKS[name][2:])


@pytest.mark.parametrize("name", HEADERS)
def test_b33_hostile_headers_are_refused_and_passed_by(told: dict[str, Case], name: str) -> None:
    """B33: null, not UTF-8, repeated, far too many, too large, missing, or the name of another unit."""
    if name == "another_source":
        refused(told[name], "owner", None)
    else:
        refused(told[name], "header", HEADER_NAMES.get(name, "ce_id"))


async def test_b28_the_same_event_again_has_one_effect(running: Hub) -> None:
    """B28: same id, same bytes: one decision; the publisher is told `duplicate`."""
    event_id, event = ids(1)[0], running.value("incident.reported")
    first, second = (Case(Lane.CASE, event, headers(Lane.CASE, event_id)) for _ in range(2))
    await write(running, first)
    await write(running, second)
    assert first.one("receipt")["verdict"] == "admitted"
    assert second.one("receipt")["verdict"] == "duplicate"
    assert second.one("audit")["verdict"] == Verdict.DUPLICATE
    assert second.by_kind["quarantine"] == []
    assert await decisions(running, Lane.CASE, event_id) == 1


def pair(hub: Hub, lane: Lane) -> tuple[str, Case, Case]:
    """Two events with one id and other bodies."""
    event_id, event_type = ids(1)[0], PUBLISHERS[lane][1]
    first, second = (Case(lane, hub.value(event_type), headers(lane, event_id)) for _ in range(2))
    return event_id, first, second


async def test_b27_the_same_id_with_another_body_keeps_the_first(running: Hub) -> None:
    """B27: the second is a conflict: quarantined, audited, its publisher told; one decision stands."""
    event_id, first, second = pair(running, Lane.CASE)
    await write(running, first, second)
    assert first.one("receipt")["verdict"] == "admitted"
    assert (second.one("receipt")["verdict"], second.one("receipt")["code"]) == ("refused", "conflict")
    entry = second.one("quarantine")
    assert (entry["stage"], entry["code"], entry["sealed"]) == (Stage.DECISION, "conflict", None)
    assert second.one("audit")["verdict"] == Verdict.CONFLICT
    assert await decisions(running, Lane.CASE, event_id) == 1


async def test_b27_a_conflicting_alert_is_never_lost(running: Hub) -> None:
    """B27 on the alert lane: another body under a known id is marked a conflict and released as an alert of its own."""
    event_id, first, second = pair(running, Lane.ALERT)
    await write(running, first, second)
    assert second.one("receipt")["verdict"] == "admitted"
    assert second.one("audit")["verdict"] == Verdict.CONFLICT
    assert await decisions(running, Lane.ALERT, event_id) == 2


async def decisions(hub: Hub, lane: Lane, event_id: str) -> int:
    """How many decisions stand on an event id."""
    codec = hub.parts.record("audit.decision")
    records = await hub.read([topics.audit_decision(lane)])
    return sum(codec.decode(record.value or b"")["eventId"] == event_id for record in records)


async def test_unreadable_and_conflicting_alerts_ring_the_duty_desks(running: Hub, told: dict[str, Case]) -> None:
    """Law 5: unreadable, every dispatch of the county gets a hollow alert; in conflict, that of its place; no value."""
    assert told["b6_trailing"].where["topic"] == topics.inbox(Lane.ALERT, EMIS)
    await write(running, *pair(running, Lane.ALERT)[1:])
    await write(running, *pair(running, Lane.ALERT)[1:])  # waited for: behind the first one's hollow alert
    for desk, causes in ((DISPATCH, {"unreadable", "conflict"}), (DISPATCH_2, {"unreadable"})):
        records = await running.read([topics.release(Lane.ALERT, desk, "P1")])
        hollow = [one for one in records if one.headers["ce_type"] == b"hollow.alert"]
        assert {decoded(one.value)[1]["cause"] for one in hollow} == causes
        assert all(SECRET.encode() not in (one.value or b"") for one in hollow)


async def test_a_flood_of_one_device_reaches_the_desks_as_its_first_and_last(running: Hub) -> None:
    """Three hundred alerts in one batch: two are decided, and each of the others has its receipt and its attempt."""
    device = {"severity": "critical"}
    names, value = ids(300), running.value("emis.alert.raised", device)
    told = [topics.receipt(Lane.ALERT, EMIS), topics.audit_attempt(Lane.ALERT), topics.audit_decision(Lane.ALERT)]
    since = await running.ends(told)
    async with AIOKafkaProducer(bootstrap_servers=running.bootstrap, max_batch_size=256 * 1024) as producer:
        batch = producer.create_batch()
        for name in names:
            assert batch.append(key=None, value=value, timestamp=None, headers=headers(Lane.ALERT, name)) is not None
        await producer.send_batch(batch, topics.inbox(Lane.ALERT, EMIS), partition=0)
    await until_decided(running, [names[0], names[-1]], since, Lane.ALERT)
    records = [decoded(one.value)[1] for one in await running.read(told, since)]
    ours = [one for one in records if one["eventId"] in set(names)]
    assert [one["eventId"] for one in ours if "decidedAt" in one] == [names[0], names[-1]]
    coalesced = [one for one in ours if one.get("code") == "coalesced"]
    for noted in (True, False):  # the attempts, the receipts
        assert sorted(one["eventId"] for one in coalesced if ("input" in one) is noted) == sorted(names[1:-1])
    assert {one["count"] for one in coalesced if "input" in one} == {300}
