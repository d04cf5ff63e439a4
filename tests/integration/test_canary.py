"""The canary: a token in every personal text and in publishers' headers is found nowhere but where it was released to.

The hub runs as processes of its own at log level DEBUG. What holds whole events by its nature (inboxes, `admitted`) is
not searched; everything else of the broker, the logs, the spans and what the command line says is. Then each part runs
alone and takes as much again, so that what it says over HTTP and sends by OTLP is searched, too.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from consent.terms import Lane, Role, Transform
from hub.contracts import topics
from hub.contracts.envelope import inbox_headers, uuid_text
from hub.contracts.hollow import TYPE as HOLLOW
from hub.contracts.keys import event_digest
from hub.demo.crowd import Published
from hub.quarantine.files import make_keys
from tests.support.canary import Canary, singing
from tests.support.collector import collecting
from tests.support.hub import LANES, Hub, in_processes, prepared
from tests.support.parts import running

TYPES = ("incident.reported", "risk.assessed", "ppo.issued", "referral.made", "child.involved", "emis.alert.raised")
WHOLE = ("inbox.", "admitted.", "__")


@dataclass(frozen=True, slots=True)
class Sung:
    """A hub after the canary has sung: the events that were admitted, every searched record, all that was said."""

    hub: Hub
    canary: Canary
    events: dict[str, Published]
    records: list[Any]
    said: dict[str, bytes]

    @property
    def releases(self) -> list[Any]:
        """The releases of this hub's units."""
        return [r for r in self.records if r.topic.startswith("release.") and r.topic.split(".")[2] in self.hub.codes]


@pytest.fixture(scope="module")
async def sung(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sung]:
    """Events admitted, repeated, in conflict and refused, all with the token; then everything there is to search."""
    canary, events = Canary(), {}
    spans = tmp_path_factory.mktemp("spans")
    async with prepared(kafka, tmp_path_factory.mktemp("canary")) as hub:
        _, public = make_keys(tmp_path_factory.mktemp("keys"))
        hub.environment |= {"PUNTE_TRACE_DIR": str(spans), "PUNTE_SEAL_PUBLIC_FILE": str(public)}
        sent = 0
        for event_type in TYPES:
            event = events[event_type] = singing(hub, canary, event_type)
            sent += await _publish(hub, canary, event)
        sent += await _publish_faulty(hub, canary, events["incident.reported"])
        async with in_processes(hub):
            receipts = [t for t in await hub.topics() if t.startswith("receipt.") and t.split(".")[2] in hub.codes]
            await hub.read(receipts, sent, lambda record: True)
            said = await _said(hub, canary, events["incident.reported"])
        for event_type in TYPES:
            event = events[f"{event_type} again"] = singing(hub, canary, event_type)
            sent += await _publish(hub, canary, event)
        sent += await _publish_faulty(hub, canary, events["incident.reported again"])
        with collecting() as collector:
            hub.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
            said["metrics"] = await _measured(hub, receipts, sent)
        said |= {f"otlp {kind}": b"".join(collector.bodies(f"/v1/{kind}")) for kind in ("traces", "metrics")}
        names = [name for name in await hub.topics() if not name.startswith(WHOLE)]
        said["spans"] = b"".join(file.read_bytes() for file in sorted(spans.iterdir()))
        said |= {"logs": hub.log.read_bytes(), "topics and groups": " ".join([*names, *await _groups(hub)]).encode()}
        yield Sung(hub, canary, events, await hub.read_all(names), said)


async def _measured(hub: Hub, receipts: list[str], sent: int) -> bytes:
    """What every part answers under `/metrics` once so many events have their receipt."""
    with ExitStack() as stack:
        parts = [
            stack.enter_context(running(hub, verb, "--lane", lane)) for lane in LANES for verb in ("admit", "gateway")
        ]
        await hub.read(receipts, sent, lambda record: True)
        return "".join(part.text() for part in parts).encode()


async def _publish(hub: Hub, canary: Canary, event: Published) -> int:
    """An event, its repeat, and another under the same id."""
    other = replace(singing(hub, canary, event.type), id=event.id, source=event.source)
    for each in (event, event, other):
        await hub.publish(each, extra=canary.headers(), key=canary.tag("key").encode())
    return 3


async def _publish_faulty(hub: Hub, canary: Canary, event: Published) -> int:
    """Bytes and headers that admission refuses, the token in each."""
    value, inbox = hub.value(event), topics.inbox(Lane.CASE, event.source)
    hostile = {**event.record, "address": f"\u202e{canary.tag('hostile address')}"}
    unit = {**event.record, "taskedUnits": ["u00000"]}
    values = [value + b"\0", value[:-1], b"\1" + value[1:], value[:1] + b"\0\0\xff\xff" + value[5:]]
    values += [hub.value(replace(event, record=record)) for record in (hostile, unit)]
    values.append(b"\0" + canary.tag("no event at all").encode())
    for each in values:
        await hub.publish(replace(event, id=str(uuid.uuid4())), each, canary.headers())
    faults = [(name, canary.tag(f"header {name}").encode()) for name in ("ce_id", "ce_source", "ce_type", "ce_time")]
    for name, bad in faults:
        headers = inbox_headers(str(uuid.uuid4()), event.source, event.type, event.time, event.subject)
        await hub.send(inbox, value, [(n, bad if n == name else v) for n, v in headers])
        await hub.send(inbox, value, [*headers, (name, bad)])
    return len(values) + 2 * len(faults)


async def _said(hub: Hub, canary: Canary, event: Published) -> dict[str, bytes]:
    """What the command line says of a canary's event, of faulty input, of the register."""
    record = json.dumps({"kind": "consent", "handle": canary.tag("handle"), "giver": canary.tag("giver")})
    commands = {
        "why": ("why", event.id, "--as", "auditor", "--json"),
        "trace": ("trace", event.id, "--as", "auditor"),
        "trace of a word": ("trace", canary.tag("traced"), "--as", "auditor"),
        "why of a word": ("why", canary.tag("asked"), "--as", "auditor"),
        "why as a word": ("why", event.id, "--as", canary.tag("asker")),
        "faulty register record": ("register", "put", record),
        "no register record": ("register", "put", canary.tag("no record")),
        "quarantine": ("quarantine", "list"),
        "a quarantined record": ("quarantine", "show", await _sealed(hub), "--json"),
    }
    done = {name: await hub.ask(*words) for name, words in commands.items()}
    assert [each.returncode for each in done.values()] == [0, 0, 2, 2, 2, 2, 2, 0, 0]
    return {name: each.stdout + each.stderr for name, each in done.items()}


async def _sealed(hub: Hub) -> str:
    """The last entry that holds a record of this hub."""
    codec, found = hub.parts.record("audit.quarantine"), ""
    for record in await hub.read_all([topics.quarantine(Lane.CASE)]):
        said = codec.decode(record.value)
        if said["source"] in hub.codes and said["record"] is not None:
            found = f"case/{record.offset}"
    assert found
    return found


async def _groups(hub: Hub) -> list[str]:
    admin = AIOKafkaAdminClient(**hub.parts.options)
    await admin.start()
    try:
        return [name for name, *_ in await admin.list_consumer_groups()]
    finally:
        await admin.close()


def test_the_canary_sang(sung: Sung) -> None:
    """Every type was released to somebody, and the token is in what a patrol may read: the search can find it."""
    patrol = sung.hub.unit(Role.POL_R)
    read = b"".join(r.value for r in sung.releases if r.topic == topics.release(Lane.CASE, patrol, "P1"))
    assert {dict(r.headers)["ce_type"].decode() for r in sung.releases} == {*TYPES, HOLLOW}
    assert {"address", "victim.name", "victim.cnp", "suspect.name"} <= sung.canary.found_paths(read)
    assert len(sung.canary.paths) > 100
    assert sung.said["logs"].count(b"\n") > 50
    spans = [json.loads(line) for line in sung.said["spans"].splitlines()]
    assert {span["name"] for span in spans} == {"gateway.turn", "admission.batch", "event"}
    assert b"event" in sung.said["otlp traces"]
    assert b"punte.outcomes" in sung.said["otlp metrics"]
    assert all(f'code="{code}"' in sung.said["metrics"].decode() for code in ("frame", "decided", "conflict"))
    alert = sung.events["emis.alert.raised"]
    digest = event_digest(alert.source, alert.id).hex()
    assert digest in {span["attributes"].get("digest") for span in spans}
    assert [span for span in spans if span["dropped"]] == []


def test_no_record_beside_releases_holds_the_token(sung: Sung) -> None:
    """Receipts, quarantine, audit, register and seen ids: neither key nor header nor value."""
    searched = [record for record in sung.records if not record.topic.startswith("release.")]
    kinds = {record.topic.split(".")[0] for record in searched}
    assert kinds >= {"receipt", "quarantine", "audit", "register", "seen"}
    assert [(r.topic, r.offset) for r in searched if sung.canary.found(_around(r) + (r.value or b""))] == []


def test_no_key_or_header_of_a_release_holds_the_token(sung: Sung) -> None:
    """Nothing a publisher wrote in a key or a header leaves."""
    assert [(r.topic, r.offset) for r in sung.releases if sung.canary.found(_around(r))] == []


def test_a_release_holds_the_token_only_where_the_field_is_given(sung: Sung) -> None:
    """Every tag in a release value is of a field that its decision gave unchanged; pseudonyms show nothing."""
    given = _given(sung)
    hollow = [record for record in sung.releases if dict(record.headers)["ce_type"] == HOLLOW.encode()]
    assert len(given) + len(hollow) == len(sung.releases)
    for record in sung.releases:
        may = frozenset() if record in hollow else given[dict(record.headers)["ce_id"].decode()]
        assert sung.canary.found_paths(record.value) - may == set(), record.topic


@pytest.mark.parametrize(
    "where",
    [
        "logs",
        "spans",
        "metrics",
        "otlp traces",
        "otlp metrics",
        "topics and groups",
        "why",
        "trace",
        "trace of a word",
        "why of a word",
        "why as a word",
        "faulty register record",
        "no register record",
        "quarantine",
        "a quarantined record",
    ],
)
def test_nothing_that_is_said_holds_the_token(sung: Sung, where: str) -> None:
    """Logs at level DEBUG, spans, metrics, names of topics and groups, answers and error texts."""
    assert sung.canary.found(sung.said[where]) == []


def _around(record: Any) -> bytes:
    """Key and headers of a record."""
    return b" ".join([record.key or b"", *(part for n, v in record.headers for part in (n.encode(), v or b""))])


def _given(sung: Sung) -> dict[str, set[str]]:
    """Release id -> the paths its decision gave unchanged, by the compiled cell and the guards that were true."""
    hub, found = sung.hub, {}
    ids = {event.id for event in sung.events.values()}
    decisions = [r for r in sung.records if r.topic.startswith("audit.decision.")]
    told = [hub.parts.record("audit.decision").decode(r.value) for r in decisions]
    announced = [
        hub.parts.record("audit.policy").decode(r.value) for r in sung.records if r.topic == topics.AUDIT_POLICY
    ]
    roles = {unit.code: unit.role for unit in hub.federation.units}
    for decision in (one for one in told if one["eventId"] in ids):
        known = [p for p in announced if p["registerRevision"] <= decision["registerRevision"]]
        units = max(known, key=lambda policy: policy["registerRevision"])["units"]
        for entry in decision["releases"]:
            cell = hub.policy.cells[decision["type"], roles[units[entry["unitOrdinal"]]], entry["purpose"]]
            selected = cell.table[entry["guardBits"]]
            assert selected is not None
            paths = {path for path, how in selected.release.leaves if how is Transform.AS_IS}
            found[uuid_text(entry["releaseId"])] = paths
    return found
