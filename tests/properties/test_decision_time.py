"""What time does to a decision: facts end by themselves, orders do not, and an event's own date decides nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from consent.decide import Decided, decide
from consent.facts import Event, FixedFacts
from consent.guards import STALE_KINDS
from consent.terms import PartyRole, Purpose, Role
from tests.cases.pack import NOW, PLACE, facts, handle, policy, types, unit

YEAR = 365 * 86_400_000
CELLS = sorted(policy().cells, key=str)
UNITS = {f"u{i:05}": (unit(f"u{i:05}", role, i), Purpose(purpose)) for i, (_, role, purpose) in enumerate(CELLS)}
CONSENT = {"kind": "consent", "unit": "shelter", "purpose": "P9", "package": "sh3", "offset": 1, "until": NOW + YEAR}
WITHDRAWN = {**CONSENT, "state": "withdrawn", "offset": 2}


def event(name: str, content: dict[str, str]) -> Event:
    """An event of this type that names everyone, with these symbols."""
    parties = {role: handle(role.value) for role in PartyRole}
    return Event(name, "source", handle("case"), parties, PLACE, frozenset(UNITS), content)


def contents(name: str) -> list[dict[str, str]]:
    """Every combination of the symbols guards read of a type."""
    leaves = {
        field.path: (*field.symbols[:2], "yes")
        for field in types()[name].fields
        if any(
            guard.leaf == field.path for key, cell in policy().cells.items() if key[0] == name for guard in cell.guards
        )
    }
    wanted = {
        path: {*symbols} & {*next(f for f in types()[name].fields if f.path == path).symbols}
        for path, symbols in leaves.items()
    }
    return [dict(zip(wanted, chosen, strict=True)) for chosen in product(*(sorted(each) for each in wanted.values()))]


def told(decided: Decided) -> dict[tuple[str, Purpose], object]:
    """What everyone gets, by the name of the release."""
    return {
        (each.subscription.unit.code, each.subscription.purpose): each.selected and each.selected.release.name
        for each in decided.decisions
    }


@pytest.mark.parametrize("name", sorted(types()))
def test_time_alone_changes_no_decision_by_law(name: str) -> None:
    """With nothing in the registers an event is decided alike now, in a year and long after its order would have ended.

    So a late message disarms nobody (INV-16): that an order ended is an event of its own, never the clock's word.
    """
    known, reached = facts(UNITS, []), False
    for content in contents(name):
        first, *later = (told(decide(policy(), event(name, content), known, at)) for at in (NOW, NOW + YEAR, 10 * YEAR))
        assert all(each == first for each in later)
        reached = reached or any(first.values())
    assert reached or all(STALE_KINDS & {g.kind for g in c.guards} for k, c in policy().cells.items() if k[0] == name)


def test_an_old_event_is_decided_by_the_facts_of_now() -> None:
    """An event from before a withdrawal, decided after it, reaches nobody by that consent (INV-15)."""
    shelter = {"shelter": (unit("shelter", Role.SHEL), Purpose.P9)}
    old = replace(event("risk.assessed", {"instrument": "RO_POL_21"}), named=frozenset())

    def reached(known: FixedFacts) -> bool:
        return any(each.selected for each in decide(policy(), old, known, NOW).decisions)

    assert reached(facts(shelter, [CONSENT]))
    assert not reached(facts(shelter, [CONSENT, WITHDRAWN]))
