"""What a resubmission would release with today's facts and policy, in field paths, never in values. Pure.

Rule kept: of the record itself nothing is told, not even which of its fields are filled; why somebody would get nothing
is told as `punte why` tells the hub's auditor (`consent.explain`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from consent.compile import Policy
from consent.decide import Decided
from consent.explain import Explanation, explain
from consent.terms import EventType, Outcome, Purpose
from hub.contracts.envelope import Receivers

ALL_FILLED = b"\xff"


class Refused(NamedTuple):
    """The record would be stopped again: the code and the path."""

    code: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """One unit and purpose. `release`: its name, None where the unit would get nothing; `already`: it has the event."""

    unit: str
    purpose: Purpose
    release: str | None
    explanation: Explanation
    already: bool

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields the release has."""
        heard = (Outcome.GIVEN, Outcome.GENERALISED)
        return tuple(each.path for each in self.explanation.fields if each.outcome in heard)


Preview = Refused | tuple[Given, ...]


def preview(policy: Policy, kind: EventType, decided: Decided, done: Receivers) -> tuple[Given, ...]:
    """What a decision of now means for each receiver. `policy`: the step of it that counts now."""
    return tuple(sorted(_given(policy, kind, decided, done), key=lambda each: (each.unit, each.purpose)))


def _given(policy: Policy, kind: EventType, decided: Decided, done: Receivers) -> Iterator[Given]:
    filled = ALL_FILLED * len(kind.fields)
    for decision in decided.decisions:
        unit, purpose = decision.subscription.unit.code, decision.subscription.purpose
        release = decision.selected.release.name if decision.selected else None
        told = explain(policy, kind, decision, filled)
        yield Given(unit, purpose, release, told, (unit, purpose) in done)
