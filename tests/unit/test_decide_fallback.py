"""When a denial hits a duty recipient: who stands in, what it borrows, and when the line is reported unserved."""

from __future__ import annotations

from dataclasses import replace

from consent.decide import Decided, decide, decide_one
from consent.facts import Event, FixedFacts, Subscription, Unit
from consent.guards import AREA
from consent.terms import PartyRole, Purpose, RefusalReason
from tests.cases.pack import NOW, PLACE, facts, handle, policy, unit

ORDER = Event(
    "ppo.issued",
    "author",
    handle("case"),
    {PartyRole.VICTIM: handle("victim"), PartyRole.SUSPECT: handle("suspect")},
    PLACE,
    frozenset(),
    {"emisConsent": "accepted", "childCovered": "no"},
)
HOLD = {"kind": "hold", "unit": "orders", "on": "case", "offset": 1}


def decided(*units: Unit, event: Event = ORDER, held: tuple[str, ...] = ("orders",)) -> Decided:
    """Decide with these units, those named `held` under a hold."""
    purposes = {"POL-M": "P3", "POL-R": "P1", "EMIS": "P3", "PROS": "P2"}
    known = facts(
        {each.code: (each, Purpose(purposes[each.role])) for each in units},
        [{**HOLD, "unit": code, "offset": i} for i, code in enumerate(held)],
    )
    return decide(policy(), event, known, NOW)


def stand_ins(result: Decided) -> dict[str, str | None]:
    """Who got something, and for whom it stands in."""
    return {d.subscription.unit.code: d.fallback_for for d in result.decisions if d.selected}


def test_the_named_role_is_found_in_the_area() -> None:
    """POL-M falls back on a patrol.

    Its own fallback has another role, so the first patrol of the area serves as it is.
    """
    result = decided(
        unit("orders", "POL-M", fallback="other"), unit("patrol", "POL-R", 2), unit("far", "POL-R", 1, (2,))
    )
    assert stand_ins(result) == {"patrol": None}
    assert result.unserved == ()


def test_the_units_own_fallback_comes_first() -> None:
    """A unit outside the area serves with the borrowed place, because the register names it."""
    result = decided(unit("orders", "POL-M", fallback="far"), unit("far", "POL-R", 1, (2,)))
    assert stand_ins(result) == {"far": "orders"}
    leaves = {path for d in result.decisions if d.selected for path, _ in d.selected.release.leaves}
    assert {"validUntil", "placesKnown[].address", "victim.name"} <= leaves


def test_nobody_to_stand_in_is_told() -> None:
    """No patrol at all: the line is reported."""
    assert decided(unit("orders", "POL-M")).unserved == ("D-09",)


def test_a_fallback_that_does_not_receive_the_type_is_told() -> None:
    """A stand-in without a subscription has no topic to write to."""
    orders, far = unit("orders", "POL-M", fallback="far"), unit("far", "POL-R", 1, (2,))
    known = facts({"orders": (orders, Purpose.P3)}, [HOLD])
    known = replace(known, units={"orders": orders, "far": far})
    assert decide(policy(), ORDER, known, NOW).unserved == ("D-09",)


def test_a_unit_of_the_area_that_does_not_receive_the_type_is_passed_over() -> None:
    """The first patrol of the area has no topic for orders; the second one serves."""
    orders, deaf, patrol = unit("orders", "POL-M"), unit("deaf", "POL-R", 1), unit("patrol", "POL-R", 2)
    known = facts({"orders": (orders, Purpose.P3), "patrol": (patrol, Purpose.P1)}, [HOLD])
    known = replace(known, units={"orders": orders, "deaf": deaf, "patrol": patrol})
    result = decide(policy(), ORDER, known, NOW)
    assert result.unserved == ()
    assert stand_ins(result) == {"patrol": None}


def test_the_source_as_fallback_already_knows() -> None:
    """The patrol that issued the order is the fallback of order monitoring.

    The line counts as met, and it gets no release.
    """
    event = replace(ORDER, source="patrol")
    result = decided(unit("orders", "POL-M", fallback="patrol"), unit("patrol", "POL-R"), event=event)
    assert result.unserved == ()
    assert stand_ins(result) == {}


def test_a_suspended_unit_is_denied_and_replaced() -> None:
    """A suspended recipient is held without a fact, and its duty passes on."""
    result = decided(
        replace(unit("orders", "POL-M", fallback="patrol"), suspended=True), unit("patrol", "POL-R"), held=()
    )
    decision = next(d for d in result.decisions if d.subscription.unit.code == "orders")
    assert (decision.selected, decision.refusal, decision.facts) == (None, RefusalReason.HELD, ())
    assert stand_ins(result) == {"patrol": None}


def test_a_suspended_unit_of_the_area_is_passed_over() -> None:
    """The first patrol is suspended, the second serves; where it is the only one the line is reported."""
    first, second = replace(unit("first", "POL-R", 1), suspended=True), unit("second", "POL-R", 2)
    result = decided(unit("orders", "POL-M"), first, second)
    assert stand_ins(result) == {"second": None}
    assert result.unserved == ()
    assert decided(unit("orders", "POL-M"), first).unserved == ("D-09",)


def test_a_suspended_fallback_of_its_own_serves_nobody() -> None:
    """The register names it, so nobody else is guessed: the line is reported."""
    far = replace(unit("far", "POL-R", 1, (2,)), suspended=True)
    result = decided(unit("orders", "POL-M", fallback="far"), far)
    assert stand_ins(result) == {}
    assert result.unserved == ("D-09",)


def test_a_held_fallback_is_told() -> None:
    """Denied too: the line is unserved, nobody is guessed."""
    result = decided(unit("orders", "POL-M", fallback="far"), unit("far", "POL-R"), held=("orders", "far"))
    assert result.unserved == ("D-09",)


def test_a_duty_that_is_not_due_passes_to_nobody() -> None:
    """A held unit outside whose area the event lies owes nothing: the stand-in must not learn of it."""
    result = decided(unit("orders", "POL-M", area=(2,), fallback="far"), unit("far", "POL-R", 1, (3,)))
    assert stand_ins(result) == {}
    assert result.unserved == ()


def test_a_borrowed_place_opens_only_the_place() -> None:
    """Forced guards count as true, all others are judged as ever."""
    receiver = unit("emis", "EMIS", area=(2,))
    known = FixedFacts.of([receiver], {})
    subscription = Subscription(receiver, Purpose.P3)
    forced = frozenset({AREA})
    refused = replace(ORDER, content={"emisConsent": "refused"})
    given = decide_one(policy(), ORDER, subscription, known, NOW, forced)
    withheld = decide_one(policy(), refused, subscription, known, NOW, forced)
    assert given is not None
    assert given.selected is not None
    assert withheld is not None
    assert (withheld.selected, str(withheld.guard)) == (None, "content:emisConsent=accepted")


def test_the_denied_units_reasons_are_complete() -> None:
    """A held unit keeps the bits that were true, so that the audit shows what it would have had."""
    result = decided(unit("orders", "POL-M"))
    assert [(d.refusal, d.bits, d.facts[0].offset) for d in result.decisions] == [(RefusalReason.HELD, 1, 0)]
