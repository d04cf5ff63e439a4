"""Decide: one event and one set of facts in; for each subscription the release it gets or the reason it gets none.

Rule kept: laws 1, 2 and 5. Facts only select a compiled release, denials subtract afterwards, a decision has no early
return so that its reasons are complete. When a denial hits a duty recipient its fallback is decided in its place and
must get the floor.
"""

from __future__ import annotations

from typing import NamedTuple

from consent.cells import Cell, Selected
from consent.compile import Policy
from consent.dutylines import Duty, DutyLine, missing
from consent.facts import Event, Fact, Facts, Subscription, Unit
from consent.guards import STALE_KINDS, Guard
from consent.matrix import CellKey
from consent.terms import Purpose, RefusalReason
from consent.validity import NO_STANDING, Standing, hold, standing

NO_GUARDS: frozenset[Guard] = frozenset()
HELD = RefusalReason.HELD
GUARD_FALSE = RefusalReason.GUARD_FALSE
_made = tuple.__new__
"""Makes a Decision without the Python frame of its constructor: a fifth of a decision's cost."""


class Decision(NamedTuple):
    """What one subscription gets of one event.

    A tuple, not a dataclass: it is made for every event and unit, and costs a third.

    `bits` = the guards that were true; `selected` = the release, or None with `refusal` and, for a false guard,
    `guard`. `facts` = register records it rests on. `fallback_for` = the denied unit this one stands in for.
    """

    subscription: Subscription
    bits: int
    selected: Selected | None
    refusal: RefusalReason | None
    guard: Guard | None
    facts: tuple[Fact, ...]
    fallback_for: str | None


class Decided(NamedTuple):
    """All decisions about one event, and the duty lines that neither the recipient nor its fallback could serve."""

    decisions: tuple[Decision, ...]
    unserved: tuple[str, ...]


def decide(policy: Policy, event: Event, facts: Facts, at_ms: int) -> Decided:
    """Decide an event for everyone who receives its type, its source excepted. `at_ms` = the instant, ms since 1970.

    The policy is the step of it that counts then: what a waiver opened ends with the waiver.
    """
    policy, source, denied = policy.at(at_ms), event.source, False
    found: dict[tuple[str, Purpose], Decision] = {}
    for subscription in facts.subscriptions(event.type):
        code = subscription.unit.code
        if code != source:
            decision = decide_one(policy, event, subscription, facts, at_ms)
            if decision is not None:
                found[code, subscription.purpose] = decision
                denied = denied or decision.refusal is HELD
    asked = denied or event.type in policy.unserved  # seldom: a third of the cost is saved
    unserved = _unserved(_Case(policy, event, facts, at_ms), found) if asked else ()
    return _made(Decided, (tuple(found.values()), unserved))


def may_be_due(line: DutyLine, event: Event) -> bool:
    """Whether a duty may be due by the content of an event; whose area or name it is is not asked."""
    return all(event.content.get(leaf) == symbol for leaf, symbol in line.asks)


def decide_one(
    policy: Policy,
    event: Event,
    subscription: Subscription,
    facts: Facts,
    at_ms: int,
    forced: frozenset[Guard] = NO_GUARDS,
) -> Decision | None:
    """Decide for one subscription.

    None when its cell is empty, so that nobody is recorded as refused what nobody may ask.

    `forced` guards count as true: the place of the unit this one stands in for.
    """
    unit = subscription.unit
    cell = policy.cells.get((event.type, unit.role, subscription.purpose))
    if cell is None:
        return None
    reads = cell.reads
    bits = reads.area if event.siruta in unit.area else 0
    if unit.code in event.named:
        bits |= reads.addressee
    for bit, leaf, symbol in reads.content:
        if event.content.get(leaf) == symbol:
            bits |= bit
    if forced:
        bits |= cell.mask(forced)
    stands = NO_STANDING
    if reads.personal:
        stands = standing(reads, event, subscription, facts, at_ms)
        bits |= stands.bits
    held = None if facts.marked.isdisjoint(event.handles) else hold(event, unit.code, facts, at_ms)
    selected = cell.table[bits]
    if selected is None or held is not None or unit.suspended:
        if stands is NO_STANDING and held is None and not (unit.suspended or facts.stale):
            # `_refused` in short, half of its cost: what most units of a large federation get of most events
            return _made(Decision, (subscription, bits, None, GUARD_FALSE, cell.why[bits], (), None))
        return _refused(cell, subscription, bits, stands, held, facts.stale)
    return _made(Decision, (subscription, bits, selected, None, None, stands.facts, None))


def _refused(
    cell: Cell, subscription: Subscription, bits: int, stands: Standing, held: Fact | None, stale: bool
) -> Decision:
    """A refusal with its reason: a denial is told before a false guard.

    A suspended unit counts as held, without a fact. A false guard brings the record that does not make it true, if
    there is one; on registers that are behind no record says anything.
    """
    guard = cell.why[bits]
    if held is not None or subscription.unit.suspended:
        reason, fact, guard = RefusalReason.HELD, held, None
    elif stands.withdrawn is not None:
        reason, fact = RefusalReason.WITHDRAWN, stands.withdrawn
    elif stands.suspect_side is not None:
        reason, fact = RefusalReason.SUSPECT_SIDE, stands.suspect_side
    else:
        behind = stale and guard is not None and guard.kind in STALE_KINDS
        reason = RefusalReason.STALE if behind else RefusalReason.GUARD_FALSE
        fact = _lapsed(cell, guard, stands) if stands.lapsed and guard is not None else None
    return _made(Decision, (subscription, bits, None, reason, guard, (fact,) if fact else (), None))


def _lapsed(cell: Cell, guard: Guard, stands: Standing) -> Fact | None:
    """The record that is there and does not make this very guard true."""
    bit = 1 << cell.guards.index(guard)
    return next((fact for bits, fact in stands.lapsed if bits & bit), None)


class _Case(NamedTuple):
    """What stays the same while one event is decided."""

    policy: Policy
    event: Event
    facts: Facts
    at_ms: int


def _unserved(case: _Case, found: dict[tuple[str, Purpose], Decision]) -> tuple[str, ...]:
    """The duty lines nobody serves, each once: of those denied here the stand-in is served, and joins `found`."""
    policy, event, _, _ = case
    unserved = [
        duty.line.id
        for decision in tuple(found.values())
        for duty in _due(policy, event, decision)
        if not _stand_in(case, decision, duty, found)
    ]
    unserved += [line.id for line in policy.unserved.get(event.type, ()) if may_be_due(line, event)]
    return tuple(dict.fromkeys(unserved))


def _due(policy: Policy, event: Event, decision: Decision) -> tuple[Duty, ...]:
    """The duty lines that are due to a unit which a denial has hit."""
    if decision.refusal is not HELD:
        return ()
    return _due_to(policy, event, decision)


def _due_to(policy: Policy, event: Event, decision: Decision) -> tuple[Duty, ...]:
    """The duty lines that are due to this unit."""
    key: CellKey = (event.type, decision.subscription.unit.role, decision.subscription.purpose)
    return tuple(duty for duty in policy.duties.get(key, ()) if duty.due & decision.bits == duty.due)


def _stand_in(case: _Case, denied: Decision, duty: Duty, found: dict[tuple[str, Purpose], Decision]) -> bool:
    """Serve a duty through its fallback; the result joins `found`.

    True when the floor is met, or the fallback is the source itself.
    """
    unit = fallback(denied.subscription.unit, duty, case.event, case.facts)
    if unit is None:
        return False
    if unit.code == case.event.source:
        return True
    subscription = next(
        (
            each
            for each in case.facts.subscriptions(case.event.type)
            if each.unit.code == unit.code and each.purpose is duty.fallback_purpose
        ),
        None,
    )
    if subscription is None:
        return False
    key = unit.code, subscription.purpose
    if key in found and not _lacks(duty, found[key]):
        return True
    decision = decide_one(case.policy, case.event, subscription, case.facts, case.at_ms, duty.borrowed)
    if decision is None or _lacks(duty, decision):
        return False
    found[key] = decision._replace(fallback_for=denied.subscription.unit.code)
    return True


def _lacks(duty: Duty, decision: Decision) -> bool:
    """Whether a decision falls short of the floor."""
    return bool(missing(duty.floor, decision.selected.release if decision.selected else None))


def fallback(unit: Unit, duty: Duty, event: Event, facts: Facts) -> Unit | None:
    """The unit that serves in place of a denied one.

    Its own next if it has the role the line names, else the first of that role in the area that receives the type, or
    is its source: one that has no topic for it could serve nobody.
    """
    following = facts.unit(unit.fallback) if unit.fallback else None
    if following is not None and following.role is duty.line.fallback:
        return following
    if duty.line.following:
        return None
    receiving = {each.unit.code for each in facts.subscriptions(event.type)} | {event.source}
    near = (u for u in facts.units_of(duty.line.fallback) if event.siruta in u.area and not u.suspended)
    return next((u for u in near if u.code in receiving), None)
