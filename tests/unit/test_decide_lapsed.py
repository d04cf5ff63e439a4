"""The record a refusal rests on belongs to the very guard that is told, wherever that guard stands among the bits."""

from __future__ import annotations

from typing import Any

import pytest

from consent.cells import reads_of
from consent.decide import Decision, decide
from consent.facts import Event
from consent.guards import EMERGENCY
from consent.terms import Lane, PartyRole, Purpose
from tests.cases.pack import NOW, facts, handle, policy, unit

Record = dict[str, Any]
OVER: Record = {"kind": "relation", "of": "client", "role": "victim", "to": "victim", "until": NOW - 1}


def refused(role: str, purpose: str, content: dict[str, str], *records: Record) -> Decision:
    """The refusal of one unit whose victim's records these are."""
    event = Event(
        "risk.assessed", "author", handle("case"), {PartyRole.VICTIM: handle("victim")}, 1, frozenset(), content
    )
    known = facts({"u-one": (unit("u-one", role), Purpose(purpose))}, [{"unit": "u-one", **each} for each in records])
    (decision,) = decide(policy(), event, known, NOW).decisions
    return decision


def test_an_ended_relation_is_named_at_the_last_bit() -> None:
    """Case management asks for a place, two forms, a relation: the relation that is over is the record of its bit."""
    decision = refused("SW-C", "P7", {"instrument": "RO_SOC_25"}, {**OVER, "offset": 7})
    assert str(decision.guard) == "relation(victim)"
    assert [fact.offset for fact in decision.facts] == [7]


def test_a_lapsed_consent_is_named_at_the_second_bit() -> None:
    """The hospital's relation stands, its consent is over: the consent is named, not the relation."""
    live = {**OVER, "until": None, "offset": 3}
    lapsed = {"kind": "consent", "purpose": "P10", "package": "ho2", "until": NOW - 1, "offset": 9}
    decision = refused("HOSP", "P10", {}, live, lapsed)
    assert str(decision.guard) == "consent:ho2"
    assert [fact.offset for fact in decision.facts] == [9]


@pytest.mark.parametrize("lane", Lane)
def test_only_an_alert_can_be_an_emergency(lane: Lane) -> None:
    """The guard `emergency` reads the severity of an alert; a type of another lane has none, whatever its leaves."""
    reads = reads_of((EMERGENCY,), (), lane)
    assert reads.content == (((1, "severity", "critical"),) if lane is Lane.ALERT else ())
