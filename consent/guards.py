"""Guards: the only conditions a row may name, each one bit that facts switch on.

Rule kept: the list is closed (contract.md section 0); a guard spelt otherwise is denied at the border, never read as
false.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from consent.terms import EventType, LeafKind, PartyRole


class GuardKind(StrEnum):
    """The seven kinds of guard, in the order of their bits in a cell."""

    AREA = "area"
    ADDRESSEE = "addressee"
    EMERGENCY = "emergency"
    CONTENT = "content"
    RELATION = "relation"
    CONSENT = "consent"
    JUDICIAL = "judicial"


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard atom.

    `arg` is the party role, the package, or `leaf=symbol`; empty for the others. `str()` spells it as in matrix.toml.
    """

    kind: GuardKind
    arg: str = ""

    def __str__(self) -> str:
        """The spelling of matrix.toml: `area`, `relation(victim)`, `consent:sh1`, `content:instrument=RO_POL_21`."""
        if self.kind is GuardKind.RELATION:
            return f"relation({self.arg})"
        return f"{self.kind}:{self.arg}" if self.arg else str(self.kind)

    @property
    def leaf(self) -> str:
        """The leaf a content guard reads."""
        return self.arg.partition("=")[0]

    @property
    def symbol(self) -> str:
        """The symbol a content guard waits for."""
        return self.arg.partition("=")[2]


AREA = Guard(GuardKind.AREA)
ADDRESSEE = Guard(GuardKind.ADDRESSEE)
EMERGENCY = Guard(GuardKind.EMERGENCY)
JUDICIAL = Guard(GuardKind.JUDICIAL)
PLACE = frozenset({AREA, ADDRESSEE})
"""The guards a fallback unit borrows from the unit it stands in for."""

STALE_KINDS = frozenset({GuardKind.RELATION, GuardKind.CONSENT, GuardKind.JUDICIAL})
"""False while the registers are stale (contract.md section 0, rule 5)."""

CONTENT = (
    "result=imminent",
    "instrument=RO_POL_21",
    "instrument=RO_POL_2024",
    "instrument=RO_SOC_25",
    "childInHousehold=yes",
    "childCovered=yes",
    "emisConsent=accepted",
    "basis.kind=law",
    "severity=technical",
    "riskLevel=imminent",
    "riskLevel=high",
    "childPresent=yes",
    "childInvolved=yes",
    "schoolClause=yes",
)
"""Everything of the content of an event that a row may ask about."""

ALERT_CONTENT = ("severity", "critical")
"""Leaf and symbol that make an alert an emergency."""


def known_guards(event: EventType, packages: tuple[str, ...]) -> Mapping[str, Guard]:
    """Every guard a row of this event type may name, by spelling.

    `packages` are those of the row's role and purpose.
    """
    guards = [AREA, ADDRESSEE, EMERGENCY, JUDICIAL]
    guards += [Guard(GuardKind.RELATION, role) for role in PartyRole]
    guards += [Guard(GuardKind.CONSENT, name) for name in packages]
    guards += [Guard(GuardKind.CONTENT, arg) for arg in CONTENT]
    return {str(guard): guard for guard in guards if readable(guard, event)}


def readable(guard: Guard, event: EventType) -> bool:
    """Whether the event type has the leaf this guard reads: a guard that can never be true is a fault, not a denial."""
    if guard.kind is GuardKind.AREA:
        return any(field.path == "siruta" for field in event.fields)
    if guard.kind is GuardKind.ADDRESSEE:
        return any(field.kind is LeafKind.UNIT for field in event.fields)
    if guard.kind is GuardKind.CONTENT:
        return any(field.path == guard.leaf and guard.symbol in field.symbols for field in event.fields)
    return True


def guard_order(guards: frozenset[Guard], ladder: tuple[str, ...]) -> tuple[Guard, ...]:
    """Guards in the order of their bits: by kind, packages from small to large, the rest by spelling."""
    kinds = tuple(GuardKind)
    return tuple(
        sorted(guards, key=lambda g: (kinds.index(g.kind), ladder.index(g.arg) if g.arg in ladder else 0, g.arg))
    )
