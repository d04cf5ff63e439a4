"""A person works on quarantine: looks at what was stopped, tries it again once mended, or closes it; never twice."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from consent.terms import Lane, Role
from hub import assemble
from hub.contracts import topics
from hub.contracts.registers import common
from hub.demo.crowd import Published
from hub.quarantine.files import make_keys
from hub.registry.federation import Signed, federation_records
from tests.support.canary import Canary, singing
from tests.support.hub import PEOPLE, Hub, in_process, prepared
from tests.support.published import faults

PLACE = 54975
NAMES = {
    "list": "quarantine-list.v1",
    "show": "quarantine-show.v1",
    "resubmit": "quarantine.v1",
    "discard": "quarantine.v1",
}


@dataclass(slots=True)
class Bench:
    """A hub that seals what it quarantines, and the private key of the person who looks after it."""

    hub: Hub
    private: Path
    said: list[bytes] = field(default_factory=list)

    async def ask(self, verb: str, *words: str, **environment: str) -> CompletedProcess[bytes]:
        """`punte quarantine` with these words; everything it says is kept, to be searched."""
        hub = replace(self.hub, environment={**self.hub.environment, **environment})
        done = await hub.ask("quarantine", verb, *words)
        self.said += [done.stdout, done.stderr]
        return done

    async def told(self, verb: str, *words: str) -> tuple[int, dict[str, Any]]:
        """Exit status and object, which is of its published schema, or of that of errors."""
        done = await self.ask(verb, *words, "--json")
        found: dict[str, Any] = json.loads(done.stdout)
        assert faults("error.v1" if "error" in found else NAMES[verb], found) == []
        return done.returncode, found

    async def resubmit(self, place: str, *words: str) -> tuple[int, dict[str, Any]]:
        """Try an entry again, as one who has read the preview."""
        return await self.told("resubmit", place, "--by", "p-1", "--reason", "register_mended", "--yes", *words)

    async def discard(self, place: str) -> tuple[int, dict[str, Any]]:
        """Close an entry."""
        return await self.told("discard", place, "--by", "p-2", "--reason", "no_event")

    async def previewed(self, place: str) -> dict[str, dict[str, Any]]:
        """What a resubmission would give, by unit."""
        _, found = await self.told("show", place)
        return {each["unit"]: each for each in found["preview"]["receivers"]}

    async def listed(self, place: str) -> dict[str, Any]:
        """What the list says of an entry."""
        _, found = await self.told("list")
        return next(each for each in found["entries"] if f"{each['lane']}/{each['number']}" == place)

    async def decisions(self, event: Published, count: int) -> list[dict[str, Any]]:
        """So many decision records of an event; fails where they do not come."""
        codec = self.hub.parts.record("audit.decision")
        name = topics.audit_decision(event.lane)
        found = await self.hub.read([name], count, lambda record: event.id.encode() in record.value)
        return [codec.decode(record.value) for record in found]

    async def settled(self, event: Published) -> None:
        """Wait until a later event of the same source is decided: whatever was appended before it is decided, too."""
        later = next(each for each in iter(lambda: self.hub.event(event.type), None) if each.source == event.source)
        await self.hub.publish(later)
        await self.decisions(later, 1)

    async def got(self, event: Published) -> Counter[str]:
        """How many releases of an event each unit has, by the ids its decisions name."""
        names = [name for name in await self.hub.topics() if name.startswith("release.")]
        own = [name for name in names if name.split(".")[2] in self.hub.codes]
        records = await self.hub.read_all(own)
        codec = self.hub.parts.record("audit.decision")
        audit = await self.hub.read_all([topics.audit_decision(event.lane)])
        said = [codec.decode(record.value) for record in audit if event.id.encode() in record.value]
        ids = {entry["releaseId"].hex() for each in said for entry in each["releases"]}
        mine = [r for r in records if dict(r.headers)["ce_id"].decode().replace("-", "") in ids]
        return Counter(record.topic.split(".")[2] for record in mine)


@pytest.fixture(scope="module")
async def bench(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """The hub at work while the tests of this file run."""
    async with prepared(kafka, tmp_path_factory.mktemp("quarantine")) as hub:
        private, public = make_keys(tmp_path_factory.mktemp("keys"))
        hub.parts = assemble.parts(hub.parts.settings.model_copy(update={"seal_public_file": public}))
        hub.environment["PUNTE_SEAL_PUBLIC_FILE"] = str(public)
        async with in_process(hub):
            yield Bench(hub, private)


def stranger() -> str:
    """A code of no unit."""
    return f"u{uuid.uuid4().hex[:5]}"


def patrol(code: str) -> dict[str, Any]:
    """A unit that a register was missing."""
    return common("unit", code, "active", assemble.now_ms(), PEOPLE) | {
        "role": "POL_R",
        "purposes": ["P1"],
        "area": [PLACE],
        "lanes": ["case"],
        "keyEpoch": 1,
        "fallback": None,
        "organisation": None,
    }


async def refused(bench: Bench, unknown: str) -> tuple[Published, str]:
    """An incident that names a unit nobody knows, refused at admission; its entry."""
    hub = bench.hub
    event = hub.event("incident.reported")
    event.record.update(siruta=PLACE, taskedUnits=[unknown])
    before = len(await hub.read_all([topics.quarantine(Lane.CASE)]))
    await hub.publish(event)
    found = await hub.read([topics.quarantine(Lane.CASE)], before + 1, lambda record: True)
    return event, f"case/{found[-1].offset}"


@asynccontextmanager
async def starved(bench: Bench) -> AsyncIterator[tuple[Published, str]]:
    """An alert that no dispatch had an agreement for, decided, and its entry; then they have one again."""
    hub = bench.hub
    records = federation_records(hub.federation, hub.parts.catalogue.ids, Signed(assemble.now_ms(), PEOPLE))
    desks = {unit.code for unit in hub.federation.units if unit.role is Role.POL_D}
    agreements = [each for each in records if each["kind"] == "agreement" and each["handle"] in desks]
    await hub.put(*({**each, "state": "ended"} for each in agreements))
    event = hub.event("emis.alert.raised")
    event.record.update(siruta=PLACE, severity="critical")
    await hub.publish(event)
    decision = await hub.decided(event)
    await hub.put(*({**each, "at": assemble.now_ms()} for each in agreements))
    _, found = await bench.told("list", "--lane", "alert", "--open")
    own = [each for each in found["entries"] if each["input"] == decision["input"] and each["code"] == "nobody"]
    assert len(own) == 1
    yield event, f"alert/{own[0]['number']}"


async def test_a_refused_record_goes_in_once_the_register_is_mended(bench: Bench) -> None:
    """Refused again while the unit is unknown; then admitted, decided and released once to each of the preview."""
    unknown = stranger()
    event, place = await refused(bench, unknown)
    status, found = await bench.told("show", place)
    assert (status, found["code"], found["sealed"], found["state"]) == (0, "unit_unknown", True, "open")
    assert found["preview"] == {"verdict": "refused", "code": "unit_unknown", "path": "taskedUnits"}
    status, found = await bench.resubmit(place)
    assert (status, found["verdict"], found["code"], found["state"]) == (3, "refused", "unit_unknown", "open")
    assert (await bench.listed(place))["state"] == "open"
    await bench.hub.put(patrol(unknown))
    receivers = {unit for unit, each in (await bench.previewed(place)).items() if each["release"]}
    assert receivers
    status, done = await bench.resubmit(place)
    assert (status, done["verdict"], done["attempt"]) == (0, "resubmitted", 1)
    (decision,) = await bench.decisions(event, 1)
    assert {entry["attempt"] for entry in decision["releases"]} == {1}
    assert await bench.got(event) == dict.fromkeys(receivers, 1)
    assert (await bench.listed(place))["arrived"] is True
    status, done = await bench.resubmit(place)
    assert (status, done["verdict"]) == (0, "already")
    assert await bench.got(event) == dict.fromkeys(receivers, 1)


async def test_a_resubmitted_record_is_appended_as_admission_appends_it(bench: Bench) -> None:
    """Same key, value, partition and headers as the same event had it been admitted at once."""
    unknown = stranger()
    event, place = await refused(bench, unknown)
    await bench.hub.put(patrol(unknown))
    await bench.resubmit(place)
    await bench.hub.publish(event)
    records = await bench.hub.read(
        [topics.admitted(Lane.CASE)], 2, lambda r: dict(r.headers)["id"] == event.id.encode()
    )
    first, second = ((r.key, r.partition, r.value, r.headers) for r in records)
    assert first == second


async def test_those_who_lacked_an_alert_get_it_once_though_two_people_resubmit_it(bench: Bench) -> None:
    """The dispatch gets attempt 2, with the fields of the preview; whoever had the alert gets nothing again."""
    async with starved(bench) as (event, place):
        desks = {unit.code for unit in bench.hub.federation.units if unit.role is Role.POL_D}
        had, preview = await bench.got(event), await bench.previewed(place)
        lacking = {unit for unit, each in preview.items() if each["release"] and not each["already"]}
        assert lacking & desks
        assert {unit for unit, each in preview.items() if each["already"]} == set(had)
        assert "severity" in preview[min(lacking & desks)]["fields"]
        answers = await asyncio.gather(bench.resubmit(place), bench.resubmit(place))
        assert {status for status, _ in answers} == {0}
        assert {found["verdict"] for _, found in answers} <= {"resubmitted", "already"}
        _, second = await bench.decisions(event, 2)
        await bench.settled(event)
        assert {entry["attempt"] for entry in second["releases"]} == {2}
        assert await bench.got(event) == dict.fromkeys({*had, *lacking}, 1)


async def test_a_command_that_dies_between_act_and_append_loses_and_repeats_nothing(bench: Bench) -> None:
    """Told as resubmitted and not arrived; the same command again appends it, once more changes nothing."""
    async with starved(bench) as (event, place):
        had = await bench.got(event)
        words = ("--by", "p-1", "--reason", "register_mended", "--yes")
        assert (await bench.ask("resubmit", place, *words, PUNTE_CRASH_AT="acted")).returncode == 9
        found = await bench.listed(place)
        assert (found["state"], found["arrived"]) == ("resubmitted", False)
        await bench.settled(event)
        assert await bench.got(event) == had
        status, done = await bench.resubmit(place)
        assert (status, done["verdict"], done["attempt"]) == (0, "resubmitted", 2)
        await bench.decisions(event, 2)
        status, done = await bench.resubmit(place)
        assert (status, done["verdict"]) == (0, "already")
        await bench.settled(event)
        got = await bench.got(event)
        assert set(got) > set(had)
        assert set(got.values()) == {1}


@pytest.mark.fire
async def test_the_sealed_copy_is_used_once_the_record_is_gone(bench: Bench, tmp_path: Path) -> None:
    """Without a key it is gone, another key opens nothing, one that others may read is refused; the right one does."""
    unknown = stranger()
    event, place = await refused(bench, unknown)
    await bench.hub.put(patrol(unknown))
    await emptied(bench.hub, topics.inbox(Lane.CASE, event.source))
    _, found = await bench.told("show", place)
    assert found["preview"] is None
    assert (await bench.resubmit(place))[1]["error"] == "quarantine_gone"
    other, _ = make_keys(tmp_path / "other")
    assert (await bench.resubmit(place, "--key", str(other)))[1]["error"] == "quarantine_key_faulty"
    other.chmod(0o644)
    assert (await bench.told("show", place, "--key", str(other)))[1]["error"] == "quarantine_key_open"
    assert (await bench.listed(place))["state"] == "open"
    status, done = await bench.resubmit(place, "--key", str(bench.private))
    assert (status, done["verdict"]) == (0, "resubmitted")
    await bench.decisions(event, 1)


@pytest.mark.fire
async def test_a_closed_entry_stays_as_it_was_closed(bench: Bench) -> None:
    """Discarded is not resubmitted, and again changes nothing; resubmitted is not discarded. Both states are named."""
    unknown = stranger()
    _, place = await refused(bench, unknown)
    _, second = await refused(bench, unknown)
    await bench.hub.put(patrol(unknown))
    assert (await bench.discard(place))[1]["verdict"] == "discarded"
    assert (await bench.discard(place))[1]["verdict"] == "already"
    status, found = await bench.resubmit(place)
    assert (status, found["error"]) == (3, "quarantine_closed")
    assert {"discarded", "resubmitted"} <= set(found["detail"].replace(";", "").split())
    await bench.resubmit(second)
    status, found = await bench.discard(second)
    assert (status, found["error"]) == (3, "quarantine_closed")
    _, shown = await bench.told("show", place)
    assert [(act["act"], act["by"], act["reason"]) for act in shown["acts"]] == [("discarded", "p-2", "no_event")]


@pytest.mark.fire
async def test_of_two_people_who_act_against_each_other_at_once_one_is_told_that_the_other_was_first(
    bench: Bench,
) -> None:
    """Resubmitted and discarded in one moment: one act counts, the other ends with status 3, and what is said is so."""
    unknown = stranger()
    event, place = await refused(bench, unknown)
    await bench.hub.put(patrol(unknown))
    answers = await asyncio.gather(bench.resubmit(place), bench.discard(place))
    assert sorted(status for status, _ in answers) == [0, 3]
    state = (await bench.listed(place))["state"]
    assert state == ("resubmitted" if answers[0][0] == 0 else "discarded")
    await bench.settled(event)
    assert bool(await bench.got(event)) is (state == "resubmitted")


@pytest.mark.fire
async def test_every_look_and_every_act_is_a_record(bench: Bench) -> None:
    """In `audit.attempt`, by the position of the entry: who looked, who tried and why it was refused, who closed."""
    _, place = await refused(bench, stranger())
    await bench.told("show", place)
    await bench.resubmit(place)
    await bench.discard(place)
    codec = bench.hub.parts.record("audit.attempt")
    said = [codec.decode(r.value) for r in await bench.hub.read_all([topics.audit_attempt(Lane.CASE)])]
    where = {"topic": topics.quarantine(Lane.CASE), "partition": 0, "offset": int(place.partition("/")[2])}
    assert [
        (each["verdict"], each["code"], each["asker"], each["reason"]) for each in said if each["input"] == where
    ] == [
        ("consult", None, "auditor", None),
        ("refused", "unit_unknown", "p-1", "register_mended"),
        ("quarantined", "discarded", "p-2", "no_event"),
    ]


async def test_trace_and_why_tell_the_acts(bench: Bench) -> None:
    """Who did what with the entry and why, in the passage of the record that was stopped."""
    event, place = await refused(bench, stranger())
    await bench.discard(place)
    traced = json.loads((await bench.hub.ask("trace", event.id, "--json")).stdout)
    assert faults("trace.v1", traced) == []
    (passage,) = traced["passages"]
    assert passage["verdict"] == "refused"
    assert [(act["act"], act["by"], act["reason"]) for act in passage["acts"]] == [("discarded", "p-2", "no_event")]
    _, found = await bench.hub.why(event.id, "auditor")
    assert faults("why.v1", found) == []
    assert [each["code"] for each in found["attempts"]] == ["unit_unknown", "discarded"]
    assert any("p-2" in line and "no_event" in line for line in found["sentences"])


@pytest.mark.fire
async def test_status_counts_what_still_waits(bench: Bench) -> None:
    """One more entry is one more; once it is closed it is one less."""

    async def waiting() -> int:
        lanes = json.loads((await bench.hub.ask("status", "--json")).stdout)["lanes"]
        return int(next(lane["quarantined"] for lane in lanes if lane["lane"] == "case"))

    before = await waiting()
    _, place = await refused(bench, stranger())
    assert await waiting() == before + 1
    await bench.discard(place)
    assert await waiting() == before


@pytest.mark.fire
async def test_nothing_of_a_poisoned_record_is_said_or_kept_in_the_clear(bench: Bench, tmp_path: Path) -> None:
    """A canary in every text and header of refused records: in no output, and in no topic but the inbox."""
    canary, hub = Canary(), bench.hub
    event = singing(hub, canary, "incident.reported")
    event.record["taskedUnits"] = [stranger()]
    before = len(await hub.read_all([topics.quarantine(Lane.CASE)]))
    await hub.publish(event, extra=canary.headers(), key=canary.tag("key").encode())
    await hub.publish(replace(event, id=str(uuid.uuid4())), b"\0" + canary.tag("no event").encode())
    records = await hub.read([topics.quarantine(Lane.CASE)], before + 2, lambda record: True)
    places = [f"case/{record.offset}" for record in records[-2:]]
    bench.said.clear()
    other, _ = make_keys(tmp_path / "other")
    for each in places:
        await asyncio.gather(
            bench.ask("show", each), bench.told("show", each, "--key", str(bench.private)), bench.resubmit(each)
        )
    await emptied(hub, topics.inbox(Lane.CASE, event.source))
    for each in places:
        await asyncio.gather(
            bench.ask("show", each, "--key", str(bench.private), "--lang", "ro"),
            bench.resubmit(each, "--key", str(bench.private)),
            bench.resubmit(each, "--key", str(other)),
        )
    words = ("--by", canary.tag("by"), "--reason", canary.tag("reason"), "--yes")
    await asyncio.gather(
        bench.ask("resubmit", places[0], *words),
        bench.ask("show", canary.tag("place"), "--key", canary.tag("key file")),
        bench.ask("list"),
        bench.told("list"),
    )
    assert len(bench.said) > 20
    assert canary.found(b"".join(bench.said)) == []
    names = [name for name in await hub.topics() if not name.startswith(("inbox.", "admitted.", "__"))]
    kept = [b"".join([r.key or b"", r.value or b"", repr(r.headers).encode()]) for r in await hub.read_all(names)]
    assert [one for one in kept if canary.found(one)] == []


async def emptied(hub: Hub, topic: str) -> None:
    """Delete every record of a topic, as its retention does."""
    admin = AIOKafkaAdminClient(**hub.parts.options)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=-1)})
    finally:
        await admin.close()
