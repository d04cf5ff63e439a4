"""Whether a record counts: where its person, part, side or moment is one step beside the one that would open it."""

from __future__ import annotations

import dataclasses

import pytest

from consent.cells import Reads
from consent.facts import ConsentRecord, Event, FixedFacts, RelationRecord, Subscription
from consent.terms import PartyRole, Purpose
from consent.validity import standing
from tests.cases.pack import PLACE, unit

AT = 1_000
UNIT = unit("uaaaa1", "SHEL")
TO = Subscription(UNIT, Purpose.P9)
CASE, VICTIM, SUSPECT = b"c" * 16, b"m" * 16, b"s" * 16
EVENT = Event(
    "case.opened",
    "uaaaa9",
    CASE,
    {PartyRole.VICTIM: VICTIM, PartyRole.SUSPECT: SUSPECT},
    PLACE,
    frozenset(),
    {},
)
OF_VICTIM, OF_SUSPECT, BY_CONSENT = 1, 2, 4
READS = Reads(
    0,
    0,
    (),
    ((OF_VICTIM, PartyRole.VICTIM), (OF_SUSPECT, PartyRole.SUSPECT)),
    (("sh1", frozenset({1}), BY_CONSENT),),
    OF_SUSPECT,
    BY_CONSENT,
    True,
)
RELATION = RelationRecord(b"r" * 16, 3, UNIT.code, VICTIM, PartyRole.VICTIM, "client", 0, None, True)
CONSENT = ConsentRecord(
    b"k" * 16,
    5,
    VICTIM,
    VICTIM,
    UNIT.code,
    Purpose.P9,
    "sh1",
    frozenset(),
    "given",
    True,
    AT + 1,
    frozenset({"p-1"}),
    "w-1",
)


def stands(*records: RelationRecord | ConsentRecord) -> tuple[int, list[int], list[tuple[int, int]]]:
    """The bits that are true, the offsets they rest on, and bits with the offset that does not make them true."""
    found = standing(READS, EVENT, TO, FixedFacts.of([UNIT], {EVENT.type: [TO]}, records), AT)
    return found.bits, [fact.offset for fact in found.facts], [(bits, fact.offset) for bits, fact in found.lapsed]


def test_a_relation_and_a_consent_open_what_both_open() -> None:
    """Neither takes anything from the other."""
    assert stands(RELATION, CONSENT) == (OF_VICTIM | BY_CONSENT, [3, 5], [])


def test_the_suspects_side_keeps_its_own_relation_alone() -> None:
    """A unit that works with both, INV-25: the relation to the victim opens nothing, nor does her consent."""
    suspects = dataclasses.replace(RELATION, key=b"q" * 16, offset=4, target=SUSPECT, role=PartyRole.SUSPECT)
    assert stands(RELATION, suspects, CONSENT)[:2] == (OF_SUSPECT, [4])


@pytest.mark.parametrize("giver", [b"a" * 16, b"z" * 16], ids=["before", "after"])
def test_nobody_consents_for_another(giver: bytes) -> None:
    """Wherever the other's handle sorts."""
    assert stands(dataclasses.replace(CONSENT, giver=giver))[:2] == (0, [])


@pytest.mark.parametrize("state", ["given", "refused", "expired"])
def test_a_state_is_compared_by_its_word(state: str) -> None:
    """As it comes off the wire, a text of its own; only a consent that was given can be over."""
    fresh = "".join(list(state))
    live = dataclasses.replace(CONSENT, state=fresh)
    over = dataclasses.replace(CONSENT, state=fresh, package="sh0", valid_until=AT)
    assert stands(live)[0] == (BY_CONSENT if state == "given" else 0)
    assert stands(over)[2] == ([] if state == "given" else [(BY_CONSENT, 5)])


def test_a_relation_in_another_part_explains_nothing() -> None:
    """A unit that works with the suspect on the case is not one whose work with the victim is over, nor the reverse."""
    for role, bit in ((PartyRole.VICTIM, OF_VICTIM), (PartyRole.SUSPECT, OF_SUSPECT)):
        ended = dataclasses.replace(RELATION, target=CASE, role=role, live=False, at=AT - 1)
        assert stands(ended) == (0, [], [(bit, 3)])


def test_a_relation_that_counts_is_not_also_one_that_does_not() -> None:
    """The first record that permits is the fact; a second adds nothing, and nothing is lapsed."""
    again = dataclasses.replace(RELATION, key=b"t" * 16, offset=9, target=CASE)
    bits, facts, lapsed = stands(RELATION, again)
    assert (bits, len(facts), lapsed) == (OF_VICTIM, 1, [])


def test_a_relation_that_ended_as_it_began_never_permitted() -> None:
    """One that did permit for a moment, though earlier, is named instead."""
    never = dataclasses.replace(RELATION, key=b"n" * 16, offset=9, since=AT - 1, until=AT - 1)
    once = dataclasses.replace(RELATION, since=1, until=2)
    assert stands(once, never)[2] == [(OF_VICTIM, 3)]
