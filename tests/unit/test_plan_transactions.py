"""What one transaction writes for a new event: its releases, each with the closed list of headers, and its proofs."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest

from consent.terms import Lane, Purpose
from hub.contracts.envelope import parse_time
from hub.demo.crowd import Published
from tests.cases.pack import policy
from tests.support.history import (
    CASE,
    DAY_MS,
    DISPATCH,
    EMIS,
    KEYS,
    NOW,
    ORDERS,
    PATROL,
    PATROL_2,
    PROSECUTOR,
    Kept,
    catalogue,
    consent,
    decoded,
    parties_of,
)
from tests.support.plans import BUILD, OFFSET, PARTITION, Desk, Wrote, admitted, desk, digest_of, known, scene

CHILD, CENTRE = "uxa5ex", "uj9kpj"
RECIPIENTS = {
    1: {f"{PATROL}.p1", f"{PATROL_2}.p1", f"{CENTRE}.p6"},
    3: {
        *(f"{PROSECUTOR}.p2", f"{ORDERS}.p3", f"{EMIS}.p3", f"{DISPATCH}.p1"),
        *(f"{PATROL_2}.p1", f"{CENTRE}.p6", f"{CHILD}.p8"),
    },
    7: {f"{DISPATCH}.p1", f"{PATROL}.p1", f"{PATROL_2}.p1"},
}
"""Events of the story (contract.md section 10) and who learns of them when nobody consented and no relation began."""

HEADERS = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "traceparent"]
CONSTANT = {"ce_specversion", "ce_source", "ce_type", "ce_time"}
CANARY = b"Strada-Canarului-77"


def taken(number: int) -> tuple[Published, Desk, Wrote]:
    """An event of the story, the desk of its lane, and what it wrote there."""
    event = scene(number)
    at = desk(event.lane)
    return event, at, at.decide(admitted(event))


def headers_of(record: Kept) -> dict[str, bytes]:
    """The headers of a release by name."""
    found = {name: value for name, value in record.headers if value is not None}
    assert len(found) == len(record.headers)
    return found


@pytest.mark.parametrize("number", RECIPIENTS)
def test_a_new_event_writes_its_releases_and_one_of_each_proof(number: int) -> None:
    """One release for each unit that learns, one decision, one receipt, one seen id: no more, each at its place."""
    event, _, wrote = taken(number)
    lane = event.lane.value
    assert wrote.places == sorted(
        [
            *((f"release.{lane}.{place}", 0) for place in RECIPIENTS[number]),
            (f"audit.decision.{lane}", PARTITION),
            (f"receipt.{lane}.{event.source}", 0),
            (f"seen.{lane}", PARTITION),
        ]
    )
    assert wrote.said("receipt") == [("admitted", "admitted")]
    assert wrote.out.counts == {"decided": 1, "releases": len(RECIPIENTS[number])}


@pytest.mark.parametrize("number", RECIPIENTS)
def test_every_record_has_the_key_of_its_topic(number: int) -> None:
    """A release its pairwise case, a receipt the event id, decision and seen id the digest (contract.md section 2)."""
    event, _, wrote = taken(number)
    subject = KEYS.unit(event.source).open_case(event.subject) if number > 1 else CASE
    assert {unit: record.key for unit, record in wrote.releases.items()} == {
        unit: KEYS.unit(unit).seal_case(subject) for unit in wrote.releases
    }
    [receipt], [decision] = wrote.of("receipt"), wrote.of("decision")
    [seen] = [record for record in wrote.records if record.topic.startswith("seen.")]
    assert receipt.key == event.id.encode()
    assert decision.key == seen.key == digest_of(event)
    assert seen.value == hashlib.sha256(admitted(event).value or b"").digest()[:8]


@pytest.mark.parametrize("number", RECIPIENTS)
def test_a_release_has_the_closed_list_of_headers(number: int) -> None:
    """The seven of contract.md section 1, each once, and on no other record any."""
    event, _, wrote = taken(number)
    for record in wrote.releases.values():
        assert [name for name, _ in record.headers] == HEADERS
        found = headers_of(record)
        assert (found["ce_specversion"], found["ce_source"]) == (b"1.0", b"urn:punte:hub")
        assert (found["ce_type"], found["ce_subject"]) == (event.type.encode(), record.key)
    assert {tuple(r.headers) for r in wrote.records if not r.topic.startswith("release.")} == {()}


@pytest.mark.parametrize(("unit", "step"), [(PATROL, 1), (PATROL_2, 1), (CENTRE, 3_600_000)])
def test_the_time_is_as_fine_as_group_26_of_the_release(unit: str, step: int) -> None:
    """A patrol gets the moment of the report, the victims' centre its hour (rows I1, I4)."""
    event, _, wrote = taken(1)
    told = parse_time(headers_of(wrote.releases[unit])["ce_time"].decode())
    assert told == event.time - event.time % step


def test_nothing_else_of_the_admitted_headers_goes_on() -> None:
    """An entry that admission does not know, a trace too, is in no record of the transaction."""
    record = admitted(scene(3)).header("traceparent", CANARY).header("x-" + CANARY.decode(), CANARY)
    wrote = desk().decide(record)
    assert len(wrote.releases) == len(RECIPIENTS[3])
    assert CANARY not in wrote.bytes


@pytest.mark.parametrize("number", RECIPIENTS)
def test_two_units_share_no_header_value_but_the_constants(number: int) -> None:
    """Ids, subjects and both halves of the trace differ for every pair, so that no two releases can be joined."""
    _, _, wrote = taken(number)
    own = [
        {part for name, value in headers_of(record).items() if name not in CONSTANT for part in _parts(name, value)}
        for record in wrote.releases.values()
    ]
    assert all(one.isdisjoint(other) for one, other in combinations(own, 2))
    assert {len(one) for one in own} == {4}


def _parts(name: str, value: bytes) -> list[bytes]:
    return value.split(b"-")[1:3] if name == "traceparent" else [value]


def test_two_units_share_no_reference_and_no_person() -> None:
    """Where two units get the same leaves of an order, its reference and its persons differ."""
    _, _, wrote = taken(3)
    one, other = (decoded(wrote.releases[unit].value)[1] for unit in (PATROL_2, DISPATCH))
    assert one.keys() == other.keys()
    assert one["orderRef"] != other["orderRef"]
    assert one["victim"]["ref"] != other["victim"]["ref"]
    assert one["validUntil"] == other["validUntil"]


def test_a_trace_is_fresh_and_not_sampled() -> None:
    """The same event twice under two ids: no trace comes again; the flags say unsampled."""
    event, at, first = taken(3)
    second = at.decide(admitted(replace(event, id="00000000-0000-4000-8000-0000000000ff"), OFFSET + 1))
    traces = [headers_of(r)["traceparent"] for wrote in (first, second) for r in wrote.releases.values()]
    assert len({part for trace in traces for part in trace.split(b"-")[1:3]}) == 2 * len(traces)
    assert {(len(t), t[:3], t[-3:]) for t in traces} == {(55, b"00-", b"-00")}


def test_the_decision_record_tells_what_went() -> None:
    """Read by its schema: unit, purpose, id, attempt, length and digest of exactly the bytes that were released."""
    _, at, wrote = taken(3)
    [decision] = wrote.read("decision")
    codes = at.known.unit_codes()
    told = {codes[entry["unitOrdinal"]]: entry for entry in decision["releases"]}
    assert told.keys() == wrote.releases.keys()
    for unit, record in wrote.releases.items():
        value, entry = record.value or b"", told[unit]
        assert entry["sha256"] == hashlib.sha256(value).digest()
        assert entry["length"] == len(value)
        assert entry["releaseId"].hex() == headers_of(record)["ce_id"].decode().replace("-", "")
        assert (entry["attempt"], Purpose(entry["purpose"]).lower()) == (1, record.topic.split(".")[3])


def test_the_decision_record_tells_by_what_it_was_decided() -> None:
    """Its input, moments, policy, revision, build and key epoch."""
    event, at, wrote = taken(3)
    [told] = wrote.read("decision")
    assert (told["source"], told["eventId"], told["type"]) == (event.source, event.id, event.type)
    assert told["schemaId"] == catalogue().ids["ppo.issued/v1"]
    assert told["input"] == {"topic": "admitted.case", "partition": PARTITION, "offset": OFFSET}
    assert (told["admittedAt"], told["decidedAt"], told["batchAt"]) == (NOW - 7, NOW, NOW)
    assert (told["policyDigest"], told["registerRevision"]) == (policy().digest, at.known.revision)
    assert (told["build"], told["keyEpochs"], told["part"], told["parts"]) == (BUILD, [1], 1, 1)


def test_a_release_by_consent_names_the_fact_behind_it() -> None:
    """The record that opened the shelter's cell is the last of the register; nobody else's release rests on it."""
    shelter, event = "umbwtf", scene(2)
    at = desk(Lane.CASE, consent(shelter, parties_of(event)["victim"]))
    [told] = at.decide(admitted(event)).read("decision")
    facts = {at.known.unit_codes()[entry["unitOrdinal"]]: entry["facts"] for entry in told["releases"]}
    assert {unit: [fact["offset"] for fact in found] for unit, found in facts.items() if found} == {
        shelter: [at.known.revision - 1]
    }


def test_every_transaction_is_decided_by_what_is_known_then() -> None:
    """A record folded between two transactions counts in the second and is named by its revision."""
    event, at, first = taken(2)
    before = at.known.revision
    at.known.apply(*known_record(parties_of(event)["victim"]), before)
    second = at.decide(admitted(replace(event, id="00000000-0000-4000-8000-0000000000ff"), OFFSET + 1))
    assert [wrote.read("decision")[0]["registerRevision"] for wrote in (first, second)] == [before, before + 1]
    assert second.releases.keys() - first.releases.keys() == {"umbwtf"}


def known_record(victim: str) -> tuple[bytes, bytes]:
    """A consent for the shelter as the register holds it."""
    return known(Lane.CASE).codecs.encode(consent("umbwtf", victim))


@pytest.mark.parametrize(("lane", "number"), [(Lane.CASE, 3), (Lane.ALERT, 7)])
def test_one_event_in_64_and_every_alert_is_checked_in_full(lane: Lane, number: int) -> None:
    """The sample is drawn by the digest of the event; the record says which check it was."""
    many = (replace(scene(number), id=f"00000000-0000-4000-8000-{n:012x}") for n in range(2048))
    events = [event for event in many if digest_of(event)[0] in (0, 1, 32, 64, 127, 128, 192, 255)]
    full = {event.id for event in events if lane is Lane.ALERT or digest_of(event)[0] % 64 == 0}
    told = desk(lane).decide(*(admitted(event, n) for n, event in enumerate(events))).read("decision")
    assert {d["eventId"]: {entry["secondCheck"] for entry in d["releases"]} for d in told} == {
        event.id: {"full" if event.id in full else "structural"} for event in events
    }
    assert {digest_of(event)[0] for event in events if event.id in full} >= {0, 64, 128, 192}


def test_a_late_event_is_admitted_with_a_mark() -> None:
    """Its publisher is told `late`; nobody gets less for it."""
    event = replace(scene(3), time=NOW - DAY_MS - 1)
    wrote = desk().decide(admitted(event))
    assert wrote.said("receipt") == [("admitted", "late")]
    assert len(wrote.releases) == len(RECIPIENTS[3])


@pytest.mark.parametrize(
    ("lane", "numbers", "leaf"), [(Lane.CASE, (3, 1, 3, 2), "address"), (Lane.ALERT, (7, 7, 7, 7), "alertRef")]
)
def test_events_of_one_transaction_write_what_each_writes_alone(lane: Lane, numbers: list[int], leaf: str) -> None:
    """On every topic what several records lead to stands in their order, the same but for the fresh traces.

    New events of several types, a repeat, a conflict, a record nobody can read: a transaction is planned step by step.
    """
    events = [replace(scene(number), id=f"00000000-0000-4000-8000-{at:012}") for at, number in enumerate(numbers)]
    first, second, third, fourth = (admitted(event, OFFSET + at) for at, event in enumerate(events))
    other = admitted(replace(events[1], record=events[1].record | {leaf: "other"}), OFFSET + 5)
    repeat, unread = replace(first, offset=OFFSET + 6), replace(first, value=b"", offset=OFFSET + 7)
    records = [first, second, repeat, unread, third, other, fourth]
    together, one_by_one = desk(lane), desk(lane)
    alone = [record for each in records for record in one_by_one.decide(each).records]
    wrote = together.decide(*records)
    assert by_topic(wrote.records) == by_topic(alone)
    assert [verdict for verdict, _ in wrote.said("attempt")] == ["duplicate", "quarantined", "conflict"]


def test_a_transaction_leaves_nothing_to_pythons_collector() -> None:
    """No circle holds its events once it is planned: the collector would stop the lane to find them."""
    first, second = desk(), desk()
    records = [admitted(scene(number), OFFSET + number) for number in (3, 1, 2)]
    records.append(replace(records[0], value=b"", offset=OFFSET + 9))
    first.decide(*records)
    gc.collect()
    gc.disable()
    try:
        second.decide(*records)
        second.decide(*records)
        assert gc.collect() == 0
    finally:
        gc.enable()


def by_topic(records: Sequence[Kept]) -> dict[str, list[Kept]]:
    """The records of each topic in their order, without their traces."""
    found: dict[str, list[Kept]] = {}
    for record in records:
        kept = [(name, value) for name, value in record.headers if name != "traceparent"]
        found.setdefault(record.topic, []).append(replace(record, headers=kept, offset=0))
    return found
