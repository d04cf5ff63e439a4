"""When a standing fact counts: a relation, a consent, a hold, judged at one instant.

Rule kept: permissions apply only to the exact case or person they name; denials apply through every link, and the
strictest wins (contract.md sections 0 and 7). A consent is void unless the person it is about gave it, asked alone;
void from a suspect, void if the recipient alone recorded it.
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

    Bits, the facts that made them true, the two denials that keep them false, and the records that are there and do
    not make them true: bits and fact, of each guard the record that ended last.
    """

    bits: int
    facts: tuple[Fact, ...]
    withdrawn: Fact | None
    suspect_side: Fact | None
    lapsed: tuple[tuple[int, Fact], ...] = ()


NO_STANDING = Standing(0, (), None, None)
NO_ONE: frozenset[bytes] = frozenset()
NEVER = -1
"""Before any moment."""
NOBODY = b""
"""No handle is empty: a party the event does not have matches no relation."""


def relation_live(record: RelationRecord, at_ms: int) -> bool:
    """Whether a relation permits now: live, begun, not over."""
    return record.live and record.since <= at_ms and (record.until is None or at_ms < record.until)


def relation_ended(record: RelationRecord) -> int:
    """Since when a relation that does not permit no longer does (ms); NEVER where it never did, or has yet to begin.

    The first end counts, whether people set it or the record ran out.
    """
    ends = [end for end in (record.until, None if record.live else record.at) if end is not None]
    end = min(ends, default=NEVER)
    return end if record.since < end else NEVER


def relation_denies(record: RelationRecord, at_ms: int) -> bool:
    """Whether a relation still counts against a unit: a start in the future is no excuse."""
    return record.live and (record.until is None or at_ms < record.until)


def hold_on(record: HoldRecord, unit: str, at_ms: int) -> bool:
    """Whether a hold keeps this unit out now."""
    return record.on and record.unit in (None, unit) and (record.until is None or at_ms < record.until)


def latest(records: tuple[ConsentRecord, ...]) -> ConsentRecord | None:
    """The record that counts for one person, recipient and purpose: the last in the register."""
    if len(records) < 2:
        return records[0] if records else None
    return max(records, key=lambda record: record.offset)


def consent_live(record: ConsentRecord, suspects: frozenset[bytes], at_ms: int) -> bool:
    """Whether a consent permits now. `suspects` = the suspect of the event and every person linked to that handle.

    Void where the giver is the suspect in any linked case (contract.md section 7), and an event need not name its
    suspect. Until the register knows the parties of a case and who has parental authority (kinds `party`, `parental`),
    the narrower reading: nobody consents for another.

    Someone who recorded it under the recipient's own code, or a person id that begins with it, is the recipient.
    """
    asked_safely = record.alone and record.giver == record.person and record.giver not in suspects
    if record.state != GIVEN or not asked_safely or at_ms >= record.valid_until:
        return False
    return any(not person.startswith(record.recipient) for person in record.by)


def package_mask(record: ConsentRecord, reads: Reads) -> int:
    """The bits of the package a consent opens.

    The one it names, else the largest wholly inside its groups, else none.
    """
    opened = 0
    for name, groups, mask in reads.packages:
        if name == record.package or (record.package is None and groups <= record.groups):
            opened = mask
    return opened


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

    To the suspect in any part, or as suspect to anyone of the case, over all links. An event that names no suspect
    carries the case alone: a relation recorded as suspect to the case counts, one to the suspect's own handle is not
    seen until the register knows the parties of a case (kind `party`).
    """
    reached = [handle for handle in linked(facts, event.handles) if handle in relations]
    if not reached:
        return None
    suspects = _suspects(event, facts)
    for handle in sorted(reached):
        for record in relations[handle]:
            if relation_denies(record, at_ms) and (record.role is PartyRole.SUSPECT or handle in suspects):
                return Fact(record.key, record.offset)
    return None


def _suspects(event: Event, facts: Facts) -> frozenset[bytes]:
    """The suspect of the event and every person linked to that handle."""
    suspect = event.parties.get(PartyRole.SUSPECT)
    return NO_ONE if suspect is None else linked(facts, frozenset((suspect,)))


def standing(reads: Reads, event: Event, subscription: Subscription, facts: Facts, at_ms: int) -> Standing:
    """Judge the relation and consent guards of a cell for one subscription."""
    relations = facts.relations(subscription.unit.code)
    related = _related(reads, event, relations, facts, at_ms) if relations else NO_STANDING
    agreed = _agreed(reads, event, subscription, facts, at_ms) if reads.consent else NO_STANDING
    if facts.stale:
        return Standing(0, (), agreed.withdrawn, related.suspect_side)
    if related.suspect_side is not None:
        return related._replace(withdrawn=agreed.withdrawn)
    if not (related.bits or related.lapsed):
        return agreed
    bits, lapsed = related.bits | agreed.bits, related.lapsed + agreed.lapsed
    return Standing(bits, related.facts + agreed.facts, agreed.withdrawn, None, lapsed)


def _related(
    reads: Reads, event: Event, relations: Mapping[bytes, tuple[RelationRecord, ...]], facts: Facts, at_ms: int
) -> Standing:
    """The relation bits: exactly this case, or exactly the person in that part, never through a link.

    On the suspect's side only `relation(suspect)` is left.
    """
    side = suspect_side(event, relations, facts, at_ms)
    bits, used = 0, []
    lapsed: tuple[tuple[int, Fact], ...] = ()
    for bit, role in reads.relations:
        records = relations.get(event.case, ()) + relations.get(event.parties.get(role, NOBODY), ())
        for record in records:
            if record.role is role and relation_live(record, at_ms) and (side is None or bit & reads.of_suspect):
                bits |= bit
                used.append(Fact(record.key, record.offset))
                break
        else:
            if records:
                lapsed += _lapsed(bit, role, records)
    return Standing(bits, tuple(used), None, side, lapsed)


def _lapsed(bit: int, role: PartyRole, records: tuple[RelationRecord, ...]) -> tuple[tuple[int, Fact], ...]:
    """Of the records in that part, of which none permits now, the one that did last; nothing where there is none.

    The guard is false since that one's end. One that never permitted, or has yet to begin, is named only where no other
    did; among equals the later in the register.
    """
    own = (record for record in records if record.role is role)
    last = max(own, key=lambda record: (relation_ended(record), record.offset), default=None)
    return () if last is None else ((bit, Fact(last.key, last.offset)),)


def _agreed(reads: Reads, event: Event, subscription: Subscription, facts: Facts, at_ms: int) -> Standing:
    """The consent bits and the record behind them, or the withdrawal that keeps them false.

    The record is lapsed for the bits it does not open: it is void or over, or names a smaller package. One
    that is over is so only for those it opened: of the others its end does not say since when they are closed.
    """
    victim = event.parties.get(PartyRole.VICTIM)
    if victim is None:
        return NO_STANDING
    own = latest(facts.consents(subscription.unit.code, subscription.purpose, victim))
    withdrawn = own if own is not None and own.state == WITHDRAWN else None
    if withdrawn is None and victim in facts.marked:
        withdrawn = _withdrawn_elsewhere(victim, subscription, facts)
    if withdrawn is not None:
        return Standing(0, (), Fact(withdrawn.key, withdrawn.offset), None)
    if own is None:
        return NO_STANDING
    package = package_mask(own, reads)
    mask = package if consent_live(own, _suspects(event, facts), at_ms) else 0
    fact, closed = Fact(own.key, own.offset), reads.consent & ~mask
    if own.state == GIVEN and at_ms >= own.valid_until:
        closed &= package
    return Standing(mask, (fact,) if mask else (), None, None, ((closed, fact),) if closed else ())


def _withdrawn_elsewhere(victim: bytes, subscription: Subscription, facts: Facts) -> ConsentRecord | None:
    """A withdrawal under another handle joined to the victim's: a denial applies through every link."""
    for person in sorted(facts.linked(victim)):
        last = latest(facts.consents(subscription.unit.code, subscription.purpose, person))
        if last is not None and last.state == WITHDRAWN:
            return last
    return None
