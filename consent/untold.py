"""Whom a duty line wants told of an event and who was not told, though no denial says why (INV-24). Pure.

Rule kept: what a line asks is compiled once per policy; an event costs a comparison of bits for each line of its type.
One recipient never hides that another was missed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from consent.compile import Policy
from consent.decide import Decision, may_be_due
from consent.dutylines import DutyLine
from consent.facts import Event, Facts
from consent.guards import ADDRESSEE
from consent.terms import Purpose, Role

NEVER = -1
"""Bits no decision has: a line that a step of the policy does not serve."""


class _Watched(NamedTuple):
    """A line, ready: whom it wants told, the bits that make it due, and the role that may stand in unasked, if any."""

    line: DutyLine
    role: Role
    purpose: Purpose
    due: int
    stand_in: Role | None


@dataclass(frozen=True, slots=True)
class Watch:
    """What every step of one policy wants told, by event type. `steps`: until when (ms, None = for ever), and what."""

    steps: tuple[tuple[int | None, Mapping[str, tuple[_Watched, ...]]], ...]

    @classmethod
    def of(cls, policy: Policy) -> Watch:
        """The lines that the policy serves today, as each of its steps serves them: bits are those of the step."""
        lines = [duty.line for duties in policy.duties.values() for duty in duties]
        return cls(tuple((step.until, _by_type(lines, step)) for step in policy.steps()))

    def untold(
        self, event: Event, got: Sequence[Decision], unserved: Collection[str], facts: Facts, at_ms: int
    ) -> tuple[str, ...]:
        """The lines of an event's type that may be due and that nobody got it for, whose cause is no denial.

        No unit covers the place, or none has an agreement. `got`: the decisions that released, made at `at_ms`; those
        of `unserved` are told already.
        """
        missed = []
        for watched in self._at(at_ms).get(event.type, ()):
            line, role, purpose, due, stand_in = watched
            if line.asks and not may_be_due(line, event):
                continue
            for subscription, bits, _, _, _, _, _ in got:
                unit = subscription.unit
                if unit.role is stand_in or (
                    bits & due == due and unit.role is role and subscription.purpose is purpose
                ):
                    break
            else:
                missed.append(line)
        if not missed:
            return ()
        return tuple(line.id for line in missed if line.id not in unserved and _to_others(line, event, facts))

    def _at(self, at_ms: int) -> Mapping[str, tuple[_Watched, ...]]:
        return next(lines for until, lines in self.steps if until is None or at_ms < until)


def _by_type(lines: Sequence[DutyLine], step: Policy) -> dict[str, tuple[_Watched, ...]]:
    """The lines by event type, with the bits that mean "due" in this step."""
    due = {duty.line.id: duty.due for duties in step.duties.values() for duty in duties}
    found: dict[str, tuple[_Watched, ...]] = {}
    for line in lines:
        stand_in = None if line.following else line.fallback
        watched = _Watched(line, line.role, line.purpose, due.get(line.id, NEVER), stand_in)
        found[line.event] = (*found.get(line.event, ()), watched)
    return found


def _to_others(line: DutyLine, event: Event, facts: Facts) -> bool:
    """Whether a line speaks of a unit beside the source: a named one of its role, or one of the place.

    A source of that role in that place is whom the line wants told.
    """
    if ADDRESSEE in line.when:
        named = (facts.unit(code) for code in event.named)
        return any(unit is not None and unit.role is line.role and unit.code != event.source for unit in named)
    source = facts.unit(event.source)
    return source is None or source.role is not line.role or event.siruta not in source.area
