"""When a standing fact counts: a relation, a consent, a hold, judged at one instant.

Rule kept: permissions apply only to the exact case or person they name; denials apply through every link, and the
strictest wins (contract.md sections 0 and 7). A consent is void unless it was asked alone, void from the suspect,
void if the recipient alone recorded it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from consent.cells import Reads
from consent.facts import ConsentRecord, Event, Fact, Facts, HoldRecord, RelationRecord, Subscription
from consent.terms import PartyRole

GIVEN = "given"
WITHDRAWN = "withdrawn"


class Standing(NamedTuple):
    """What the personal guards of a cell come to.

    Bits, the facts that made them true, and the two denials that keep them false.
    """

    bits: int
    facts: tuple[Fact, ...]
    withdrawn: Fact | None
    suspect_side: Fact | None


NO_STANDING = Standing(0, (), None, None)


def relation_live(record: RelationRecord, at_ms: int) -> bool:
    """Whether a relation permits now: live, begun, not over."""
    return record.live and record.since <= at_ms and (record.until is None or at_ms < record.until)


def relation_denies(record: RelationRecord, at_ms: int) -> bool:
    """Whether a relation still counts against a unit: a start in the future is no excuse."""
    return record.live and (record.until is None or at_ms < record.until)


def hold_on(record: HoldRecord, unit: str, at_ms: int) -> bool:
    """Whether a hold keeps this unit out now."""
    return record.on and record.unit in (None, unit) and (record.until is None or at_ms < record.until)


def latest(records: tuple[ConsentRecord, ...]) -> ConsentRecord | None:
    """The record that counts for one person, recipient and purpose: the last in the register."""
    return max(records, key=lambda record: record.offset, default=None)


def consent_live(record: ConsentRecord, suspects: frozenset[bytes], at_ms: int) -> bool:
    """Whether a consent permits now. `suspects` = the suspect of the event and every person linked to that handle."""
    recorded_by_another = bool(record.by - {record.recipient})
    asked_safely = record.alone and record.giver not in suspects
    return record.state == GIVEN and asked_safely and recorded_by_another and at_ms < record.valid_until


def package_mask(record: ConsentRecord, reads: Reads) -> int:
    """The bits of the package a consent opens.

    The one it names, else the largest wholly inside its groups, else none.
    """
    if record.package is not None:
        return next((mask for name, _, mask in reads.packages if name == record.package), 0)
    return max((mask for _, groups, mask in reads.packages if groups <= record.groups), default=0)


def linked(facts: Facts, handles: frozenset[bytes]) -> frozenset[bytes]:
    """The handles and everything joined to any of them."""
    if facts.marked.isdisjoint(handles):
        return handles
    return frozenset(joined for handle in handles for joined in facts.linked(handle))


def hold(event: Event, unit: str, facts: Facts, at_ms: int) -> Fact | None:
    """The first hold that keeps the unit from this event, over all linked cases and persons."""
    records = (record for handle in sorted(linked(facts, event.handles)) for record in facts.holds(handle))
    return next((Fact(r.key, r.offset) for r in records if hold_on(r, unit, at_ms)), None)


def suspect_side(
    event: Event, relations: Mapping[bytes, tuple[RelationRecord, ...]], facts: Facts, at_ms: int
) -> Fact | None:
    """A relation that puts the unit on the suspect's side (INV-25).

    To the suspect in any part, or as suspect to anyone of the case.
    """
    if not relations:
        return None
    suspect = event.parties.get(PartyRole.SUSPECT)
    suspects = linked(facts, frozenset((suspect,))) if suspect else frozenset()
    for handle in sorted(linked(facts, event.handles) & relations.keys()):
        for record in relations[handle]:
            if relation_denies(record, at_ms) and (record.role is PartyRole.SUSPECT or handle in suspects):
                return Fact(record.key, record.offset)
    return None


def standing(reads: Reads, event: Event, subscription: Subscription, facts: Facts, at_ms: int) -> Standing:
    """Judge the relation and consent guards of a cell for one subscription."""
    relations = facts.relations(subscription.unit.code)
    side = suspect_side(event, relations, facts, at_ms)
    bits, used = _related(reads, event, relations, at_ms)
    agreed, consent, withdrawn = _agreed(reads, event, subscription, facts, at_ms) if reads.consent else (0, None, None)
    if facts.stale:
        return Standing(0, (), withdrawn, side)
    if side is not None:
        return Standing(bits & reads.of_suspect, used if bits & reads.of_suspect else (), withdrawn, side)
    return Standing(bits | agreed, (*used, consent) if consent else used, withdrawn, None)


def _related(
    reads: Reads, event: Event, relations: Mapping[bytes, tuple[RelationRecord, ...]], at_ms: int
) -> tuple[int, tuple[Fact, ...]]:
    """The relation bits: exactly this case, or exactly the person in that part, never through a link."""
    bits, used = 0, []
    for bit, role in reads.relations if relations else ():
        person = event.parties.get(role)
        records = relations.get(event.case, ()) + (relations.get(person, ()) if person else ())
        for record in records:
            if record.role is role and relation_live(record, at_ms):
                bits |= bit
                used.append(Fact(record.key, record.offset))
                break
    return bits, tuple(used)


def _agreed(
    reads: Reads, event: Event, subscription: Subscription, facts: Facts, at_ms: int
) -> tuple[int, Fact | None, Fact | None]:
    """The consent bits and the record behind them, or the withdrawal that keeps them false."""
    victim = event.parties.get(PartyRole.VICTIM)
    if victim is None:
        return 0, None, None
    persons = linked(facts, frozenset((victim,)))
    last = {p: latest(facts.consents(subscription.unit.code, subscription.purpose, p)) for p in sorted(persons)}
    for record in last.values():
        if record is not None and record.state == WITHDRAWN:
            return 0, None, Fact(record.key, record.offset)
    suspect = event.parties.get(PartyRole.SUSPECT)
    suspects = linked(facts, frozenset((suspect,))) if suspect else frozenset()
    own = last[victim]
    if own is None or not consent_live(own, suspects, at_ms):
        return 0, None, None
    mask = package_mask(own, reads)
    return mask, Fact(own.key, own.offset) if mask else None, None
