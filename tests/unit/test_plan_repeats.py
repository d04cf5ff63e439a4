"""An event that was here before: a repeat has no second effect, a conflict stands beside the first; an assignment."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from consent.terms import Lane
from hub.demo.crowd import Published
from tests.support.history import NOW, PATROL, Kept, catalogue, encoded, registers
from tests.support.plans import OFFSET, PARTITION, Desk, Wrote, admitted, changed, desk, digest_of, scene

BOTH_LANES = pytest.mark.parametrize(("lane", "number"), [(Lane.CASE, 3), (Lane.ALERT, 7)])


def taken(number: int) -> tuple[Published, Desk, Wrote]:
    """An event of the story, the desk of its lane, and what it wrote there."""
    event = scene(number)
    at = desk(event.lane)
    return event, at, at.decide(admitted(event))


def other_bytes(event: Published, **leaves: Any) -> Kept:
    """The same (source, id) with another record, one place on."""
    value = encoded(catalogue().versions(event.type)[-1], event.record | leaves)
    return replace(admitted(event, OFFSET + 1), value=value)


def ids_of(wrote: Wrote) -> set[bytes | None]:
    """The ids of the releases."""
    return {dict(record.headers)["ce_id"] for record in wrote.releases.values()}


@BOTH_LANES
def test_a_repeat_has_no_second_effect(lane: Lane, number: int) -> None:
    """The same bytes again: an attempt and a receipt that say duplicate, and nothing else."""
    event, at, _ = taken(number)
    wrote = at.decide(admitted(event, OFFSET + 1))
    assert wrote.places == [(f"audit.attempt.{lane}", PARTITION), (f"receipt.{lane}.{event.source}", 0)]
    assert wrote.said("attempt") == wrote.said("receipt") == [("duplicate", "duplicate")]
    assert [record.key for record in wrote.of("attempt")] == [digest_of(event)]
    assert (wrote.out.counts, len(at.seen)) == ({"duplicate": 1}, 1)


@BOTH_LANES
def test_a_repeat_in_the_same_transaction_adds_two_records(lane: Lane, number: int) -> None:
    """What one event writes and an attempt and a receipt: the ids of a batch count while it is planned."""
    event, _, alone = taken(number)
    wrote = desk(lane).decide(admitted(event), admitted(event, OFFSET + 1))
    more = [(f"audit.attempt.{lane}", PARTITION), (f"receipt.{lane}.{event.source}", 0)]
    assert wrote.places == sorted([*alone.places, *more])
    assert wrote.said("receipt") == [("admitted", "admitted"), ("duplicate", "duplicate")]
    assert ids_of(wrote) == ids_of(alone)


def test_the_same_id_from_another_unit_is_another_event() -> None:
    """An event is its source and its id: no unit can take away another's event by using its id."""
    event, at, first = taken(3)
    second = at.decide(admitted(replace(event, source="u4n6ms")))
    assert second.said("receipt") == [("admitted", "admitted")]
    assert ids_of(first).isdisjoint(ids_of(second))


def test_a_conflict_on_the_case_lane_keeps_the_first() -> None:
    """Other bytes under the same id: refused, put aside by position, and the first goes on being the one known."""
    event, at, _ = taken(3)
    second = other_bytes(event, distanceM=77)
    wrote = at.decide(second)
    assert wrote.places == [
        ("audit.attempt.case", PARTITION),
        ("quarantine.case", 0),
        (f"receipt.case.{event.source}", 0),
    ]
    assert (wrote.said("attempt"), wrote.said("receipt")) == ([("conflict", "conflict")], [("refused", "conflict")])
    [entry] = wrote.read("quarantine")
    assert (entry["stage"], entry["code"], entry["sealed"]) == ("decision", "conflict", None)
    assert entry["input"]["offset"] == second.offset
    assert entry["sha256"] == hashlib.sha256(second.value or b"").digest()
    assert wrote.out.counts == {"conflict": 1, "quarantined": 1}
    assert at.decide(admitted(event, 90)).said("attempt") == [("duplicate", "duplicate")]


def test_a_conflict_on_the_alert_lane_is_a_new_event() -> None:
    """A lost alert can cost a life: it goes to everyone again, flagged, under a digest and release ids of its own."""
    event, at, first = taken(7)
    second = at.decide(other_bytes(event, kind="panic"))
    assert second.said("attempt") == [("conflict", "conflict")]
    assert second.said("receipt") == [("admitted", "admitted")]
    assert second.releases.keys() == first.releases.keys()
    assert ids_of(first).isdisjoint(ids_of(second))
    digests = [wrote.of("decision")[0].key for wrote in (first, second)]
    assert (digests[0], len(set(digests)), len(at.seen)) == (digest_of(event), 2, 2)
    assert second.out.counts == {"conflict": 1, "decided": 1, "hollow": 1, "releases": len(first.releases)}


def test_a_repeat_of_an_alerts_conflict_is_a_duplicate() -> None:
    """Each of the two is known; neither is released again, a third one is."""
    event, at, first = taken(7)
    second, third = (other_bytes(event, kind=kind) for kind in ("panic", "tamper"))
    at.decide(second)
    for record in (admitted(event), second):
        wrote = at.decide(record)
        assert wrote.said("receipt") == [("duplicate", "duplicate")]
        assert (wrote.releases, wrote.of("decision"), wrote.of("quarantine")) == ({}, [], [])
    assert at.decide(third).releases.keys() == first.releases.keys()


def test_an_assignment_is_recorded_first() -> None:
    """Partition, first offset and the revision of the decision before: what readers of uncommitted records may know."""
    at = desk(Lane.ALERT)
    [last] = at.decide(admitted(scene(7))).of("decision")
    before = at.known.revision
    at.known.apply(*registers().encode(changed("unit", PATROL, state="suspended")), before)
    assert at.known.revision > before
    wrote = at.assigned(2, 17, last.value)
    [told] = wrote.read("attempt")
    assert wrote.places == [("audit.attempt.alert", 2)]
    assert (told["verdict"], told["partition"], told["firstOffset"]) == ("assigned", 2, 17)
    assert (told["previousRevision"], told["at"]) == (before, NOW)
    assert told["input"] == {"topic": "admitted.alert", "partition": 2, "offset": 17}


def test_an_assignment_before_any_decision_names_no_revision() -> None:
    """A partition that never decided anything has shown nothing."""
    [told] = desk(Lane.ALERT).assigned(2, 0).read("attempt")
    assert told["previousRevision"] is None
