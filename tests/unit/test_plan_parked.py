"""A parked subscription: its releases wait sealed and in order, others get theirs, and it resumes by today's facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.terms import Lane
from hub.contracts.parked import Cell
from tests.support.history import NOW, PATROL, PROSECUTOR, Kept, case_of, hold, registers
from tests.support.plans import PARTITION, Desk, Wrote, admitted, changed, desk, scene

CELL: Cell = (PATROL, "P1")
PLACE = "release.case.ux3joc.p1", 0


def events(count: int, lane: Lane = Lane.CASE) -> list[Kept]:
    """So many events of one kind, each with an id of its own, in the order of their input."""
    event = scene(7 if lane is Lane.ALERT else 1)
    return [
        admitted(event, offset).header("id", f"{offset:08d}-0000-4000-8000-000000000000".encode())
        for offset in range(count)
    ]


def parked(*records: Kept, code: str = "too_large") -> tuple[Desk, Wrote]:
    """The desk after these events, with the patrol's topic refused."""
    at = desk()
    at.parking.hold(CELL, code)
    return at, at.decide(*records)


def ids_at(wrote: Wrote, place: tuple[str, int] = PLACE) -> list[str]:
    """The release ids written to one place, in order."""
    return [dict(headers)["ce_id"].decode() for _, _, headers in wrote.out.records.get(place, ())]


def test_a_parked_release_is_nowhere_but_in_the_sealed_entry_and_the_audit_says_so() -> None:
    """No release, none in the decision; an entry under the source's key and an attempt with unit, purpose and cause."""
    event = scene(1)
    at, wrote = parked(admitted(event))
    [decision], [attempt], [entry] = wrote.read("decision"), wrote.read("attempt"), wrote.read("parked")
    assert PATROL not in wrote.releases
    assert len(decision["releases"]) == len(wrote.releases) > 0
    assert wrote.said("attempt") == [("parked", "too_large")]
    said = {"unit": PATROL, "purpose": "P1", "attempt": 1, "code": "too_large"}
    assert said.items() <= attempt.items()
    assert said.items() <= entry.items()
    assert (entry["state"], entry["stage"], entry["source"]) == ("parked", "release", event.source)
    [written] = wrote.of("parked")
    assert (written.topic, written.partition, written.key) == ("parked.case", PARTITION, event.source.encode())
    assert (wrote.out.counts["parked"], len(at.parking)) == (1, 1)


def test_what_is_counted_is_the_subscription_not_its_releases() -> None:
    """Logs and metrics must not say how many messages one unit waits for (law 6)."""
    some = events(40)
    at, wrote = parked(*some)
    again = at.resume(CELL, *some, most=40)
    assert (wrote.out.counts["parked"], again.out.counts) == (1, {"resumed": 1})
    assert (len(ids_at(wrote)), len(ids_at(again))) == (0, 40)


def test_everything_waits_behind_what_waits() -> None:
    """The topic may be there again: until the first has gone out nothing overtakes it."""
    first, second = events(2)
    at, _ = parked(first)
    assert PATROL not in at.decide(second).releases
    assert [entry.offset for entry in at.parking.oldest(CELL, 9, 99)] == [0, 1]


def test_a_resumed_release_is_a_second_attempt_with_its_own_decision() -> None:
    """One release under attempt 2, one decision that names it alone, one entry that closes; then nothing is held."""
    [record] = events(1)
    at, _ = parked(record)
    wrote = at.resume(CELL, record, now=NOW + 1000)
    [decision], [entry] = wrote.read("decision"), wrote.read("parked")
    assert list(wrote.releases) == [PATROL]
    assert [one["attempt"] for one in decision["releases"]] == [2]
    assert (entry["state"], entry["attempt"], entry["record"]) == ("resumed", 2, None)
    assert (wrote.of("receipt"), wrote.of("quarantine")) == ([], [])
    assert (len(at.parking), at.parking.held) == (0, {})
    assert PATROL in at.decide(events(2)[1]).releases


def test_a_hold_set_while_it_waited_withholds() -> None:
    """Decided again by today's facts: refused, recorded, closed, and nothing goes out."""
    event = scene(1)
    record = admitted(event)
    at, _ = parked(record)
    at.known.apply(*registers().encode(hold(case_of(event), PATROL, of_case=True)), at.known.revision)
    wrote = at.resume(CELL, record)
    [decision] = wrote.read("decision")
    assert (wrote.releases, decision["releases"]) == ({}, [])
    assert wrote.refused("held", at.known) == {PATROL}
    assert decision["registerRevision"] == at.known.revision
    assert at.parking.held == {}


@pytest.mark.parametrize("following", [None, "uo6tub"])
def test_a_duty_recipient_held_out_while_it_waited_is_told_by_a_person(following: str | None) -> None:
    """Whoever would have been told in its place was not told when the event came: quarantine, never silent."""
    record, cell = admitted(scene(3)), (PROSECUTOR, "P2")
    at = desk()
    at.parking.hold(cell, "unknown_topic")
    assert following not in at.decide(record).releases
    change = changed("unit", PROSECUTOR, state="suspended", fallback=following)
    at.known.apply(*registers().encode(change), at.known.revision)
    wrote = at.resume(cell, record)
    assert (wrote.releases, wrote.refused("held", at.known)) == ({}, {PROSECUTOR})
    assert wrote.said("quarantine") == [("decision", "no_fallback")]


def test_a_unit_that_left_while_it_waited_gets_nothing() -> None:
    """No subscription, no release: the decision is recorded all the same."""
    [record] = events(1)
    at, _ = parked(record)
    at.known.apply(*registers().encode(changed("unit", PATROL, state="closed")), at.known.revision)
    wrote = at.resume(CELL, record)
    assert (wrote.releases, len(wrote.read("decision")), at.parking.held) == ({}, 1, {})


@pytest.mark.parametrize("found", [None, b"\0\0\0\0\1other"])
def test_an_event_that_is_gone_or_another_is_for_a_person(found: bytes | None) -> None:
    """Its input is kept no longer, or the topic holds another record there: quarantine, never silent."""
    [record] = events(1)
    at, _ = parked(record)
    kept = [] if found is None else [Kept(record.topic, found, record.headers, record.key, NOW, 0, PARTITION)]
    wrote = at.resume(CELL, *kept)
    [entry] = wrote.read("quarantine")
    assert (wrote.releases, wrote.of("decision")) == ({}, [])
    assert (entry["code"], entry["unit"], entry["purpose"], entry["attempt"]) == ("input_gone", *CELL, 2)
    assert (entry["input"]["offset"], entry["source"]) == (0, scene(1).source)
    assert at.parking.held == {}


def test_a_transaction_given_up_has_parked_nothing() -> None:
    """Planned, then dropped: neither the entry nor the ids stay, and the same records are planned to the same bytes."""
    at = desk()
    at.parking.hold(CELL, "too_large")
    first, again = (planned(at, events(3)) for _ in range(2))
    assert first.out.records.keys() == again.out.records.keys()
    assert [r.value for r in first.of("decision")] == [r.value for r in again.of("decision")]
    assert (len(at.parking), len(at.seen)) == (0, 0)


def planned(at: Desk, records: Sequence[Kept]) -> Wrote:
    """A transaction that is planned and given up."""
    out = type(at.decide().out)()
    at.planner.decide(records, at.seen, NOW, out, at.parking)
    at.seen.drop()
    at.parking.drop()
    return Wrote(out)


def test_what_is_parked_is_folded_from_its_entries() -> None:
    """A successor reads the topic and holds what its predecessor held, in the same order."""
    some = events(3)
    at, wrote = parked(*some)
    wrote_again = at.resume(CELL, *some, most=1)
    successor = desk()
    for record in (*wrote.of("parked"), *wrote_again.of("parked")):
        successor.planner.waits(record.value or b"", successor.parking)
    assert successor.parking.held == {CELL: "too_large"}
    assert successor.parking.oldest(CELL, 9, 99) == at.parking.oldest(CELL, 9, 99)
    assert [entry.offset for entry in successor.parking.oldest(CELL, 9, 99)] == [1, 2]


ACTS = st.lists(st.sampled_from(["event", "refuse", "resume", "die"]), min_size=1, max_size=24)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS, st.integers(1, 4))
def test_in_any_order_of_events_refusals_and_deaths_each_release_goes_out_once_and_in_order(
    acts: list[str], most: int
) -> None:
    """The patrol's releases are in the order of their events, each once; the others' bytes as if it had never been."""
    at, plain, taken, out = desk(), desk(), list[Kept](), list[Wrote]()
    entries: list[Kept] = []

    def did(wrote: Wrote) -> None:
        out.append(wrote)
        entries.extend(wrote.of("parked"))

    for act in [*acts, *["resume"] * len(acts)]:
        if act == "event":
            taken.append(events(len(taken) + 1)[-1])
            did(at.decide(taken[-1]))
        elif act == "refuse":
            at.parking.hold(CELL, "unknown_topic")
        elif act == "resume":
            did(at.resume(CELL, *taken, most=most))
        else:
            at.parking = type(at.parking)()
            for entry in entries:
                at.planner.waits(entry.value or b"", at.parking)
    want = [plain.decide(record) for record in taken]
    went = [record for wrote in out for record in wrote.records if record.topic == PLACE[0]]
    assert [record.value for record in went] == [wrote.releases[PATROL].value for wrote in want]
    assert others(out) == others(want)
    assert at.parking.held == {}


def others(wrote: Sequence[Wrote]) -> list[tuple[str, bytes | None, Any]]:
    """What the units beside the patrol got: topic, value, and the headers that are not drawn by chance."""
    return [
        (record.topic, record.value, [pair for pair in record.headers if pair[0] != "traceparent"])
        for one in wrote
        for record in one.records
        if record.topic.startswith("release.") and record.topic != PLACE[0]
    ]
