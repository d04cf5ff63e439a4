"""Default deny, type by type and role by role.

Without a row nobody gets anything, and nobody is even recorded as refused.
"""

from __future__ import annotations

import pytest

from consent.decide import decide, decide_one
from consent.facts import Event, FixedFacts, Subscription
from consent.terms import PartyRole, Purpose, Role
from tests.cases.pack import NOW, PLACE, facts, handle, policy, record, types, unit

EVERYTHING = {
    "instrument": "RO_POL_21",
    "result": "imminent",
    "childInHousehold": "yes",
    "childCovered": "yes",
    "emisConsent": "accepted",
    "basis.kind": "law",
    "severity": "critical",
}
CELLS = frozenset(policy().cells)
EMPTY = [
    pytest.param(name, role, id=f"{name} {role}")
    for name in types()
    for role in Role
    if not any(key[:2] == (name, role) for key in CELLS)
]


def favoured(code: str, role: Role) -> FixedFacts:
    """Facts most favourable to a unit: consents of every package, relations in every part, to case and persons."""
    relations = [
        {"kind": "relation", "unit": code, "of": "client", "role": part, "to": to, "offset": i}
        for i, (part, to) in enumerate((p, t) for p in PartyRole for t in ("case", p))
        if part != "suspect"
    ]
    consents = [{"kind": "consent", "unit": code, "purpose": p, "groups": range(34), "offset": 90} for p in Purpose]
    known = facts({code: (unit(code, role), Purpose.P1)}, [*relations, *consents])
    assert record(consents[0]).offset == 90
    return known


def event(name: str, code: str) -> Event:
    """An event that makes every content guard true and names the unit."""
    parties = {part: handle(part) for part in PartyRole}
    return Event(name, "source", handle("case"), parties, PLACE, frozenset({code}), EVERYTHING)


@pytest.mark.parametrize(("name", "role"), EMPTY)
def test_a_role_without_a_row_gets_nothing(name: str, role: Role) -> None:
    """For every purpose, with every guard as true as facts can make it: no decision at all."""
    known = favoured("u00001", role)
    receiver = unit("u00001", role)
    for purpose in Purpose:
        assert decide_one(policy(), event(name, "u00001"), Subscription(receiver, purpose), known, NOW) is None


def test_the_enumeration_is_not_empty() -> None:
    """132 pairs of type and role, 35 of them with a cell."""
    assert len(EMPTY) == len(types()) * len(Role) - len({key[:2] for key in CELLS}) >= 97


@pytest.mark.parametrize("key", sorted(CELLS), ids=" ".join)
def test_a_cell_serves_only_its_purpose(key: tuple[str, Role, Purpose]) -> None:
    """The same unit subscribed for another purpose gets nothing."""
    name, role, purpose = key
    known = favoured("u00001", role)
    found = {
        other
        for other in Purpose
        if decide_one(policy(), event(name, "u00001"), Subscription(unit("u00001", role), other), known, NOW)
    }
    assert found == {purpose}


def test_an_unknown_event_type_is_decided_for_nobody() -> None:
    """A type nobody declared has no cell, whoever subscribes."""
    receiver = unit("u00001", "POL-R")
    known = FixedFacts.of([receiver], {"shelter.admitted": [Subscription(receiver, Purpose.P1)]})
    assert decide(policy(), event("shelter.admitted", "u00001"), known, NOW) == ((), ())
