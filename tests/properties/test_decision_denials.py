"""Denials only subtract and reach through links; permissions never do.

Whoever works with the suspect gets nothing about the victim.
"""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from consent.facts import Event
from consent.guards import GuardKind
from consent.terms import BasisKind, PartyRole, Purpose, RefusalReason, Role
from tests.cases.pack import NOW, PLACE, handle, policy
from tests.properties.decision_facts import (
    PERSONAL,
    UNITS,
    Records,
    consents,
    decided,
    events,
    fields,
    holds,
    joined,
    links,
    of,
    present,
    records,
    relations,
)

EVERY = records(relations, consents, holds, links)
ABOUT_VICTIM = (GuardKind.CONSENT, GuardKind.RELATION)
CONSENT_ROWS = {row.id for row in policy().matrix.rows if row.basis.kind is BasisKind.CONSENT}
PERSONAL_ROWS = {
    row.id
    for row in policy().matrix.rows
    if any(guard.kind in ABOUT_VICTIM for grant in row.grants for guard in grant.guards)
}


VICTIM_ALONE = Event(
    type="risk.assessed",
    source="author",
    case=handle("case"),
    parties={PartyRole.VICTIM: handle("victim")},
    siruta=PLACE,
    named=frozenset(),
    content={"instrument": "RO_SOC_25"},
)
"""An event that does not name its suspect: the block is optional."""
SUSPECTS_CONSENT = {"kind": "consent", "unit": "shelter", "purpose": "P9", "package": "sh3", "offset": 1} | {
    "person": "victim",
    "giver": "suspect",
    "state": "given",
    "alone": True,
}


def works_with_suspect(found: Records, event: Event, code: str) -> bool:
    """Whether a live relation of the unit reaches the suspect of the event, by plain search over links."""
    handles = joined(found, present(event))
    suspects = joined(found, {"suspect"}) if "suspect" in present(event) else set()
    live = [r for r in found if r["kind"] == "relation" and r["unit"] == code and (r.get("until") or NOW + 1) > NOW]
    return any(r["to"] in suspects or (r["role"] == "suspect" and r["to"] in handles) for r in live)


@given(event=events, found=EVERY, code=st.sampled_from(PERSONAL))
@settings(max_examples=150, deadline=None)
def test_the_suspects_side_gets_nothing_about_the_victim(event: Event, found: Records, code: str) -> None:
    """INV-25: no release by consent or by relation, and no such guard true."""
    found = [*found, {"kind": "relation", "unit": code, "of": "x", "role": "suspect", "to": "case", "offset": 99}]
    decision = of(decided(event, found), code)
    assert works_with_suspect(found, event, code)
    if decision is not None:
        true = policy().cells[event.type, *key_of(code)].true(decision.bits)
        assert not [guard for guard in true if guard.kind in ABOUT_VICTIM]
        assert decision.selected is None or not PERSONAL_ROWS & set(decision.selected.rules)


@given(event=events, found=EVERY)
@settings(max_examples=150, deadline=None)
def test_any_relation_to_the_suspect_counts(event: Event, found: Records) -> None:
    """INV-25 over random facts: in whatever part and through whatever link the unit works with the suspect."""
    result = decided(event, found)
    for code in PERSONAL:
        decision = of(result, code)
        if decision is not None and decision.selected is not None and works_with_suspect(found, event, code):
            assert not PERSONAL_ROWS & set(decision.selected.rules)


@given(event=events, found=EVERY, hold=holds)
@settings(max_examples=150, deadline=None)
def test_a_hold_never_adds_a_field(event: Event, found: Records, hold: dict[str, object]) -> None:
    """One more hold: nobody gains a field, except the unit that now stands in for a duty."""
    before, after = decided(event, found), decided(event, [*found, hold])
    for code in UNITS:
        later = of(after, code)
        if later is not None and later.fallback_for is None:
            assert fields(later) <= fields(of(before, code))


@given(event=events, found=EVERY)
@settings(max_examples=150, deadline=None)
def test_a_link_never_adds_a_field(event: Event, found: Records) -> None:
    """Permissions never pass through a link: without any link, nobody who does not stand in would have got less."""
    linked = decided(event, found)
    apart = decided(event, [raw for raw in found if raw["kind"] != "link"])
    for code in UNITS:
        decision = of(linked, code)
        if decision is not None and decision.fallback_for is None:
            other = of(apart, code)
            assert other is not None
            assert fields(decision) <= fields(other) or other.fallback_for is not None


@given(event=events, found=EVERY)
@settings(max_examples=150, deadline=None)
def test_a_withdrawn_consent_opens_nothing(event: Event, found: Records) -> None:
    """Where the latest word of the victim or of a linked person is a withdrawal, no row by consent gives anything.

    A cell that asks for consent tells of the withdrawal; one that never asks has no withdrawal to tell of.
    """
    if "victim" not in present(event):
        return
    persons = joined(found, {"victim"})
    result = decided(event, found)
    for code in ("shelter", "association", "hospital"):
        last = {
            person: max(
                (r for r in found if r["kind"] == "consent" and r["unit"] == code and r["person"] == person),
                key=lambda r: int(r["offset"]),
                default=None,
            )
            for person in persons
        }
        ties = [r["offset"] for r in found if r["kind"] == "consent" and r["unit"] == code]
        withdrawn = any(r is not None and r["state"] == "withdrawn" for r in last.values())
        decision = of(result, code)
        if withdrawn and len(set(ties)) == len(ties) and decision is not None:
            assert decision.selected is None or not CONSENT_ROWS & set(decision.selected.rules)
            asked = policy().cells[event.type, *key_of(code)].reads.consent
            assert not asked or decision.selected or decision.refusal in (RefusalReason.WITHDRAWN, RefusalReason.HELD)


@given(event=events, found=EVERY)
@example(event=VICTIM_ALONE, found=[SUSPECTS_CONSENT])
@settings(max_examples=100, deadline=None)
def test_a_consent_needs_its_own_person(event: Event, found: Records) -> None:
    """A row by consent gives only if a record about exactly the victim, given by the victim, asked alone, says so."""
    result = decided(event, found)
    for code in ("shelter", "association", "hospital"):
        decision = of(result, code)
        if decision and decision.selected and CONSENT_ROWS & set(decision.selected.rules):
            own = [r for r in found if r["kind"] == "consent" and r["unit"] == code and r["person"] == "victim"]
            assert any(r["state"] == "given" and r["alone"] and r["giver"] == "victim" for r in own)


@given(event=events, found=EVERY)
@settings(max_examples=100, deadline=None)
def test_a_held_unit_gets_nothing(event: Event, found: Records) -> None:
    """A live hold on any handle joined to the event keeps its unit out, and it is told as `held`."""
    result = decided(event, found)
    reach = joined(found, present(event))
    live = [r for r in found if r["kind"] == "hold" and (r.get("until") or NOW + 1) > NOW and r["on"] in reach]
    for decision in result.decisions:
        if any(r["unit"] in (None, decision.subscription.unit.code) for r in live):
            assert (decision.selected, decision.refusal) == (None, RefusalReason.HELD)
        else:
            assert decision.refusal is not RefusalReason.HELD


@given(event=events, found=EVERY)
@settings(max_examples=80, deadline=None)
def test_stale_registers_close_what_rests_on_persons(event: Event, found: Records) -> None:
    """With stale registers no row by consent or relation gives, holds stay, and nobody gains a field but a stand-in."""
    fresh, stale = decided(event, found), decided(event, found, stale=True)
    for decision in stale.decisions:
        assert decision.selected is None or not PERSONAL_ROWS & set(decision.selected.rules)
        if decision.fallback_for is None:
            assert fields(decision) <= fields(of(fresh, decision.subscription.unit.code))


@given(event=events, found=EVERY)
@settings(max_examples=80, deadline=None)
def test_the_source_never_receives(event: Event, found: Records) -> None:
    """Nobody gets a release of its own event, not even as a stand-in."""
    assert of(decided(event, found), event.source) is None


def key_of(code: str) -> tuple[Role, Purpose]:
    """Role and purpose of a unit of the small world."""
    receiver, purpose = UNITS[code]
    return receiver.role, purpose
