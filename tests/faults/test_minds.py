"""Consents and holds that change while faults strike: a decision that did not know of one in time is named."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hub.registry.faults import CONSENT_MOST_MS
from tests.faults.changes import People
from tests.faults.history import Kind
from tests.faults.minds import LATE_S, Told, unaware, vanished

WITHDRAWN = Told("consent", "c-1", "withdrawn", 7, 100.0)
LATER = Told("hold", "h-1", "on", 9, 200.0)


def test_a_decision_after_a_withdrawal_must_stand_on_it() -> None:
    """Revision 7 is all before offset 7: made well after the acknowledgement it is a leak, with 8 it is none."""
    after = 100.0 + LATE_S + 0.1
    assert [one.kind for one in unaware([("e", 7, after)], [WITHDRAWN])] == [Kind.LEAKED]
    assert not [*unaware([("e", 8, after), ("f", 7, 100.0 + LATE_S - 0.1)], [LATER, WITHDRAWN])]


def test_the_furthest_command_before_a_decision_counts() -> None:
    """Not the last one typed: commands typed again have later moments."""
    again = Told("consent", "c-2", "given", 5, 150.0)
    assert [one.event for one in unaware([("e", 7, 160.0)], [WITHDRAWN, again])] == ["e"]


def test_an_acknowledged_command_that_is_gone_is_lost() -> None:
    """At its offset lies nothing, another key, or another state."""
    there = {7: ("consent", "c-1", {"state": "withdrawn"}), 9: ("hold", "h-1", {"state": "off"})}
    assert vanished([WITHDRAWN], there) == []
    assert [one.kind for one in vanished([WITHDRAWN, LATER], there)] == [Kind.LOST]
    assert [one.kind for one in vanished([WITHDRAWN], {})] == [Kind.LOST]


def test_people_change_their_minds_and_back() -> None:
    """Each handle goes from given to withdrawn, from on to off, and again; a consent never lasts too long."""
    made = People(["person"], Random(1))
    states: dict[str, list[str]] = {}
    for number in range(60):
        command = made.command(number)
        states.setdefault(command["handle"], []).append(command["state"])
        assert command["kind"] != "consent" or command["validUntil"] - command["at"] <= CONSENT_MOST_MS
    assert len(states) == 4
    for some in states.values():
        assert some[:2] in (["given", "withdrawn"], ["on", "off"])
        assert all(before != after for before, after in pairwise(some))
