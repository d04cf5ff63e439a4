"""The independent check follows what was parked: it still counts for somebody, and each planted fault is named."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from hub.contracts.parked import Cell
from tests.support.history import PATROL, Past, case_of, hold, scene

CELL: Cell = (PATROL, "P1")


def waiting() -> Past:
    """An event that reached everyone but the patrol, whose topic was refused."""
    past = Past()
    past.park(CELL)
    past.happen(scene(1))
    return past


def resumed() -> Past:
    """The same, once the topic has answered."""
    past = waiting()
    past.resume(CELL)
    return past


def said(past: Past) -> list[tuple[str, str]]:
    """Kind and words of each anomaly."""
    return [(finding.kind, finding.what) for finding in past.found()]


def test_a_release_that_waits_is_neither_lost_nor_leaked() -> None:
    """While it waits and after it went out as a second attempt: nothing is wrong."""
    assert said(waiting()) == []
    past = resumed()
    assert said(past) == []
    assert sum(PATROL in release.topic for release in past.releases) == 1


def test_a_hold_set_while_it_waited_is_what_the_check_expects() -> None:
    """Recomputed at the revision of the further attempt: the unit must get nothing, and does not."""
    past = waiting()
    past.put(hold(case_of(scene(1)), PATROL, of_case=True))
    past.resume(CELL)
    assert said(past) == []
    assert not any(PATROL in release.topic for release in past.releases)


def test_one_whose_event_is_gone_is_in_quarantine_and_not_lost() -> None:
    """A person has it; without the entry it is lost."""
    past = waiting()
    past.resume(CELL, gone=True)
    assert said(past) == []
    past.isolated.clear()
    assert said(past) == [("lost", "was parked, is neither decided again nor in quarantine")]


def test_a_release_left_out_without_an_entry_is_lost() -> None:
    """What no entry says to wait had to go out."""
    past = waiting()
    past.parked.clear()
    assert {kind for kind, _ in said(past)} == {"lost"}


def test_a_resumed_release_that_is_not_there_is_lost() -> None:
    """The decision names it; the topic lacks it."""
    past = resumed()
    past.releases = [release for release in past.releases if PATROL not in release.topic]
    assert said(past) == [("lost", "had to be released, is not there")]


def test_a_release_that_waited_and_went_out_at_once_as_well_is_a_leak() -> None:
    """Both attempts on the topic: the first is no attempt that any decision names."""
    plain, past = Past(), resumed()
    plain.happen(scene(1))
    past.releases.append(next(release for release in plain.releases if PATROL in release.topic))
    assert said(past) == [("leaked", "released without a decision")]


def test_an_event_decided_again_without_having_waited_is_doubled() -> None:
    """A second decision that no entry accounts for."""
    past = resumed()
    past.decisions.append(copy.deepcopy(past.decisions[-1]) | {"batchAt": past.now + 5})
    assert "doubled" in {kind for kind, _ in said(past)}


@pytest.mark.parametrize("unit", ["u8dc7h"])
def test_waiting_for_a_unit_that_must_not_learn_is_a_leak(unit: str) -> None:
    """An entry is a disclosure of its own to whoever reads it: nothing may wait for a unit that may not learn."""
    past = waiting()
    past.parked.append(past.parked[0] | {"unit": unit})
    assert said(past) == [("leaked", "parked for a unit that must not learn")]


def test_a_resumed_release_with_other_bytes_is_named() -> None:
    """The second attempt is compared byte for byte like the first."""
    past = resumed()
    place = next(place for place, release in enumerate(past.releases) if PATROL in release.topic)
    past.releases[place] = replace(past.releases[place], value=(past.releases[place].value or b"")[:-1] + b"\1")
    assert "leaked" in {kind for kind, _ in said(past)}
