"""What a decision record says of an event and of those who got nothing. Pure.

Rule kept: positions, codes, ordinals and facts; never a value (contract.md section 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from consent import guards
from consent.decide import Decided, Decision
from consent.terms import RefusalReason
from hub.contracts.audit import DecisionHead, GuardKind, Input, RefusalEntry, group_refusals
from hub.contracts.parked import Cell
from hub.gateway.releases import fact_ref
from hub.gateway.rules import ReadEvent

_KINDS: Final = {kind: GuardKind(kind.value) for kind in guards.GuardKind}
"""A guard of the policy, as audit names it."""
_made = tuple.__new__
"""Makes a named tuple without the Python frame of its constructor, which is half of its cost."""


def head(event: ReadEvent) -> DecisionHead:
    """What the decision record says of the event."""
    (record, _, _, source, event_id), _, runtime, schema_id, body, offsets, _, _ = event
    where = _made(Input, (record.topic, record.partition, record.offset))
    presence = runtime.slicer.presence(body, offsets)
    return _made(DecisionHead, (source, event_id, runtime.name, schema_id, where, record.timestamp, presence))


def grouped(refused: Sequence[tuple[Decision, RefusalReason | None]]) -> list[RefusalEntry]:
    """The refusals as the decision record groups them; of 300 units nearly all are refused, so no call for each."""
    return group_refusals(
        [
            (
                reason or RefusalReason.GUARD_FALSE,
                GuardKind.NONE if guard is None else _KINDS[guard.kind],
                fact_ref(facts[0]) if facts else None,
                to.unit.ordinal,
            )
            for (to, _, _, _, guard, facts, _), reason in refused
        ]
    )


def due_elsewhere(cell: Cell, found: Sequence[Decision], decided: Decided) -> bool:
    """Whether a unit that is held out by now was due what another would have to be told in its place.

    That other may have been told when the event came, or not: a person sees to it.
    """
    if not any(decision.refusal is RefusalReason.HELD for decision in found):
        return False
    return bool(decided.unserved) or any(decision.fallback_for == cell[0] for decision in decided.decisions)
