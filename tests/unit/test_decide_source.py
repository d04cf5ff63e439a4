"""A stand-in that is found by its role and is the source of the event already knows: the duty counts as met."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent.decide import decide
from consent.facts import Event
from consent.terms import PartyRole, Purpose
from tests.cases.pack import NOW, PLACE, facts, handle, policy, unit

PATROLS = unit("author", "POL-R", 1), unit("second", "POL-R", 2)
ORDERS = unit("orders", "POL-M")
ORDER = Event(
    "ppo.issued",
    "author",
    handle("case"),
    {PartyRole.VICTIM: handle("victim"), PartyRole.SUSPECT: handle("suspect")},
    PLACE,
    frozenset(),
    {"emisConsent": "accepted", "childCovered": "no"},
)


@pytest.mark.parametrize("receives", [True, False])
def test_the_source_is_found_by_its_role(receives: bool) -> None:
    """The first patrol of the area wrote the order: it knows, whether it receives orders itself or not."""
    known = facts(
        {"orders": (ORDERS, Purpose.P3)} | {each.code: (each, Purpose.P1) for each in PATROLS[:1] if receives},
        [{"kind": "hold", "unit": "orders", "on": "case", "offset": 1}],
    )
    known = replace(known, units={each.code: each for each in (ORDERS, *PATROLS[:1])})
    result = decide(policy(), ORDER, known, NOW)
    assert result.unserved == ()
    assert [each.selected for each in result.decisions] == [None]


def test_a_suspended_unit_of_the_area_is_passed_over() -> None:
    """The first patrol of the area is suspended, too, so the second one serves."""
    known = facts(
        {each.code: (each, Purpose.P3 if each is ORDERS else Purpose.P1) for each in (ORDERS, *PATROLS)},
        [{"kind": "hold", "unit": "orders", "on": "case", "offset": 1}],
    )
    first, second = replace(PATROLS[0], suspended=True), PATROLS[1]
    known = replace(known, units={each.code: each for each in (ORDERS, first, second)})
    result = decide(policy(), replace(ORDER, source="court"), known, NOW)
    assert result.unserved == ()
    assert "second" in {each.subscription.unit.code for each in result.decisions if each.selected}
