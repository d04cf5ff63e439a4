"""What people type is measured against now and what stands: taking back always passes, loosening by one never."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hub.assemble import door
from hub.contracts.keys import b64
from hub.contracts.registers import handle_bytes, relation_handle
from hub.registry.faults import RegisterRefused, strangers
from hub.registry.typed import Typed
from tests.support.history import DAY_MS, NOW, PATROL, SHELTER, catalogue, consent, hold, registers, relation
from tests.support.plans import standing

Record = Mapping[str, Any]
PERSON, OTHER = (b64(letter * 16).decode() for letter in (b"p", b"o"))
ALL = standing()
UNIT, AGREEMENT = ALL["unit", SHELTER], ALL["agreement", SHELTER]
TWO = ["p-1", "p-2"]
GIVEN = {**consent(SHELTER, PERSON), "handle": "c-1"}
WITHDRAWN = {**GIVEN, "state": "withdrawn", "by": ["w-9"], "reason": "asked"}
HOLD = {**hold(PERSON, PATROL), "handle": "hold-17"}
RELATION = {
    **relation(SHELTER, PERSON, "victim"),
    "by": TWO,
    "handle": relation_handle(SHELTER, handle_bytes(PERSON), "victim"),
}
SECONDS = NOW // 1000
OUTGROWN: Mapping[str, tuple[Record, Record]] = {
    "a-long-language": ({**GIVEN, "language": "rom-x"}, {"state": "withdrawn", "by": ["w-9"]}),
    "a-long-version": ({**GIVEN, "textVersion": "1" * 33}, {"state": "withdrawn", "by": ["w-9"]}),
    "a-long-witness": ({**GIVEN, "witness": "w" * 40}, {"state": "withdrawn", "by": ["w-9"]}),
    "an-end-beyond-time": ({**GIVEN, "validUntil": 2**62}, {"state": "withdrawn", "by": ["w-9"]}),
    "a-handle-with-a-slash": ({**GIVEN, "handle": "c/1"}, {"state": "refused", "by": ["w-9"]}),
    "a-hold-under-an-odd-handle": ({**HOLD, "handle": "the hold"}, {"state": "off", "by": TWO}),
    "a-relation-under-a-free-handle": ({**RELATION, "handle": "r/1"}, {"state": "ended", "by": TWO}),
    "an-agreement-on-a-schema-that-is-gone": (
        {**AGREEMENT, "publishes": ["incident.reported:9"]},
        {"state": "suspended", "by": TWO},
    ),
    "a-unit-in-a-long-area": ({**UNIT, "area": list(range(65))}, {"state": "closed", "by": TWO}),
}


def of(*standing: Record) -> Typed:
    """A command typed now, beside what stands."""
    return Typed(NOW, {(record["kind"], record["handle"]): record for record in standing})


def refused(record: Record, *standing: Record) -> str | None:
    """The field a typed record is refused for; None when it passes."""
    found = list(door(catalogue(), registers()).faults(record, of(*standing)))
    return found[0].field if found else None


@pytest.mark.parametrize("name", OUTGROWN)
def test_what_stands_can_be_taken_back_whatever_it_is(name: str) -> None:
    """Whatever bound the old record crosses: it is not refused, also for a unit that is gone."""
    old, change = OUTGROWN[name]
    new = {**old, "at": NOW + 1, **change}
    assert refused(new, old) is None
    assert list(strangers([new], {(old["kind"], old["handle"]): old})) == []
    assert refused(new) is not None


@pytest.mark.parametrize(
    ("leaves", "field"),
    [
        ({"by": []}, "by"),
        ({"by": ["Ana Pop"]}, "by"),
        ({"by": ["p-1", "p-2", "p-3"]}, "by"),
        ({"reason": "she asked"}, "reason"),
        ({"at": SECONDS}, "at"),
        ({"at": "now"}, "at"),
        ({"state": "off"}, "state"),
        ({"state": ["withdrawn"]}, "state"),
    ],
)
def test_what_takes_back_is_itself_checked(leaves: Record, field: str) -> None:
    """Who, why, when and the state: those are new."""
    old = {**GIVEN, "language": "rom-x"}
    assert refused({**old, "state": "withdrawn", "by": ["w-9"], **leaves}, old) == field


def test_taking_back_takes_as_many_people_as_ever() -> None:
    """A hold is lifted by two, a relation is ended by two who are not of its unit, a unit is closed by two."""
    assert refused({**HOLD, "state": "off"}, HOLD) == "by"
    assert refused({**RELATION, "state": "ended", "by": ["p-1"]}, RELATION) == "by"
    assert refused({**RELATION, "state": "ended", "by": ["p-1", SHELTER]}, RELATION) == "by"
    assert refused({**UNIT, "state": "closed", "by": ["p-1"]}, UNIT) == "by"


def test_taking_back_with_another_change_is_checked_whole() -> None:
    """Another leaf than the four differs: the record is a new one."""
    old = {**GIVEN, "language": "rom-x"}
    assert refused({**old, "state": "withdrawn", "textVersion": "2"}, old) == "language"


def test_what_no_part_can_read_is_mended_not_repeated() -> None:
    """A hold on a name stands: lifted as it is it stops the folds again; said rightly it passes."""
    old = {**HOLD, "personHandle": "Ana"}
    assert refused({**old, "state": "off", "by": TWO}, old) == "kind"
    assert refused(HOLD, old) is None


@pytest.mark.parametrize("handle", ["r/1", "a relation", RELATION["handle"]])
def test_what_nobody_can_read_is_ended_under_the_key_it_has(handle: str) -> None:
    """A relation to a name, or torn bytes: ended under its own key by two people; made live there it is refused."""
    ended, live = ({**RELATION, "handle": handle, "state": state} for state in ("ended", "live"))
    assert refused(ended, {**live, "personHandle": "Ana"}) is None
    torn = Typed(NOW, {}, frozenset({("relation", handle)}))
    known = door(catalogue(), registers())
    assert list(known.faults(ended, torn)) == []
    assert [one.field for one in known.faults({**ended, "by": ["p-1"]}, torn)] == ["by"]
    assert refused({**ended, "state": ["ended"]}, {**live, "personHandle": "Ana"}) is not None
    if handle != RELATION["handle"]:
        assert next(known.faults(live, torn)).field == "handle"
        assert next(known.faults(ended)).field == "handle"


@pytest.mark.parametrize("record", [HOLD, RELATION], ids=["hold", "relation"])
def test_a_moment_in_seconds_is_refused(record: Record) -> None:
    """As `at`, as `until`, as both; and an end that is past."""
    assert refused({**record, "at": SECONDS}) == "at"
    assert refused({**record, "at": SECONDS, "until": SECONDS + 3600}) in ("at", "until")
    assert refused({**record, "at": NOW - 2, "until": NOW - 1}) == "until"
    assert refused({**record, "at": NOW + DAY_MS + 1}) == "at"
    assert refused({**record, "at": NOW - DAY_MS, "until": NOW + 1}) is None


def test_moments_of_a_federation_and_of_events_are_their_own() -> None:
    """What was not typed is not measured by now: a relation of an old event."""
    of_event = {**RELATION, "by": ["registry"], "basisEvent": OTHER, "at": NOW - 99 * DAY_MS, "until": NOW - DAY_MS}
    of_event |= {"from": NOW - 99 * DAY_MS}
    assert len(door(catalogue(), registers()).checked([of_event])) == 1


def test_nobody_types_in_the_name_of_the_registry() -> None:
    """A relation of an event is what the registry itself writes."""
    assert refused({**RELATION, "by": ["registry"], "basisEvent": OTHER}) == "by"


def test_a_hold_is_not_lifted_by_another_over_it() -> None:
    """Another target, another unit, everybody narrowed to one: refused; also within one command."""
    assert refused({**HOLD, "personHandle": OTHER}, HOLD) == "personHandle"
    assert refused({**HOLD, "personHandle": None, "caseHandle": OTHER}, HOLD) == "caseHandle"
    assert refused({**HOLD, "unit": SHELTER}, HOLD) == "unit"
    assert refused(HOLD, {**HOLD, "unit": None}) == "unit"
    with pytest.raises(RegisterRefused) as found:
        door(catalogue(), registers()).checked([HOLD, {**HOLD, "personHandle": OTHER}], of())
    assert (found.value.number, found.value.faulty.field) == (2, "personHandle")


def test_a_hold_is_shortened_by_two() -> None:
    """An earlier end by one person is refused; a later end, or an end after one that is over, is not."""
    until = {**HOLD, "until": NOW + DAY_MS}
    assert refused(until, HOLD) == "by"
    assert refused({**HOLD, "until": NOW + 1}, until) == "by"
    assert refused({**HOLD, "until": NOW + 1, "by": TWO}, until) is None
    assert refused({**HOLD, "until": NOW + 2 * DAY_MS}, until) is None
    assert refused(HOLD, until) is None
    assert refused(until, {**HOLD, "until": NOW - 1}) is None
    assert refused(until, {**HOLD, "state": "off"}) is None


def test_a_new_consent_takes_a_new_handle() -> None:
    """Given over withdrawn, or to another recipient, purpose or person under the same handle: refused."""
    assert refused(GIVEN, WITHDRAWN) == "state"
    assert refused({**GIVEN, "handle": "c-2"}, WITHDRAWN) is None
    assert refused({**GIVEN, "recipient": PATROL}, GIVEN) == "recipient"
    assert refused({**GIVEN, "purpose": "P1"}, GIVEN) == "purpose"
    assert refused({**GIVEN, "person": OTHER, "giver": OTHER}, GIVEN) == "person"
    assert refused(WITHDRAWN, GIVEN) is None


def test_what_takes_back_may_lack_what_stands() -> None:
    """A unit is cut off by a record from before its kind had a newer leaf; who and when are never filled in."""
    saved = {name: value for name, value in UNIT.items() if name not in ("organisation", "area")}
    suspended = {**saved, "state": "suspended", "by": TWO, "at": NOW}
    assert refused(suspended, UNIT) == "area"
    assert of(UNIT).filled(suspended) == {**UNIT, "state": "suspended", "by": TWO, "at": NOW}
    assert refused(of(UNIT).filled(suspended), UNIT) is None
    for name in ("by", "at", "reason"):
        bare = {leaf: value for leaf, value in suspended.items() if leaf != name}
        assert refused(of(UNIT).filled(bare), UNIT) == name
    assert of(UNIT).filled({**saved, "by": TWO}) == {**saved, "by": TWO}
    assert of().filled(suspended) == suspended
