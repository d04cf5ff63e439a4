"""`why` as the officer of an organisation: all its units and what it published, nothing of anybody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consent.messages import Language
from hub.cli.why import status
from hub.contracts.audit import Verdict
from hub.contracts.keys import register_digest
from hub.errors import Exit
from hub.registry.latest import Copies
from hub.views.project import Trail
from hub.views.questions import Audience, AudienceKind, audience
from hub.views.tell import as_json, lines
from tests.unit.test_why_questions import (
    CENTRE,
    CHILDREN,
    COUNTY,
    EVENT_ID,
    NOTHING,
    SHELTER,
    SOURCE,
    TOWN,
    Written,
    asked_as,
    attempt_record,
    codecs,
    decision_record,
    trail,
    unit_record,
)

NOBODY = "ozzzzz"
REVISION = 20
"""The register revision of the decision."""


def heard(who: str, found: Trail) -> list[str]:
    """The units an audience hears of."""
    return [answer.unit for event in asked_as(who, found).events for answer in event.answers]


def moved(code: str, organisation: str | None, offset: int, at: int = 1) -> Trail:
    """The trail of the decision, with a later record of one unit."""
    found = trail(EVENT_ID, decision_record())
    key, value = unit_record(code, organisation, at)
    found.take(Written("register", value, key, offset=offset))
    return found


def test_an_officer_hears_of_every_unit_of_the_organisation() -> None:
    """The centre that received and the shelter that did not, each by name; no other unit, no source, no event id."""
    told = asked_as(f"dpo:{TOWN}", trail(EVENT_ID, decision_record()))
    assert [answer.unit for event in told.events for answer in event.answers] == [CENTRE, SHELTER]
    assert [event.head for event in told.events] == [None]
    shown = json.dumps(as_json(told, Language.EN)) + "".join(lines(told, Language.EN))
    assert not [word for word in (CHILDREN, SOURCE, COUNTY, EVENT_ID, "punte-test") if word in shown]
    assert (CENTRE in shown, SHELTER in shown, status(told)) == (True, True, Exit.DONE)


def test_an_officer_hears_of_what_the_organisation_published() -> None:
    """Source, moments and refusals of admission of its own events, and its own unit that did not learn."""
    attempts = [attempt_record(Verdict.DUPLICATE, source=SOURCE, code="duplicate")]
    told = asked_as(f"dpo:{COUNTY}", trail(EVENT_ID, decision_record(), attempts=attempts))
    assert [answer.unit for answer in told.events[0].answers] == [CHILDREN]
    assert (told.events[0].head is not None, len(told.attempts)) == (True, 1)
    assert not asked_as(f"dpo:{TOWN}", trail(EVENT_ID, decision_record(), attempts=attempts)).attempts


def test_the_officer_of_one_unit_hears_of_that_unit_alone() -> None:
    """`dpo:UNIT` is narrower than the organisation of the unit."""
    assert heard(f"dpo:{SHELTER}", trail(EVENT_ID, decision_record())) == [SHELTER]


@pytest.mark.parametrize("language", list(Language))
def test_an_unknown_organisation_is_an_unknown_event(language: Language) -> None:
    """The same text, object and status, whether the event exists or not: nobody learns which organisations exist."""
    here = asked_as(f"dpo:{NOBODY}", trail(EVENT_ID, decision_record()))
    for who in (NOBODY, TOWN):
        nothing = asked_as(f"dpo:{who}", trail(NOTHING, decision_record()))
        assert list(lines(here, language)) == list(lines(nothing, language))
        assert json.dumps(as_json(here, language)) == json.dumps(as_json(nothing, language))
        assert status(here) is status(nothing) is Exit.FAILED


def test_a_unit_counts_where_it_belonged_when_it_was_decided() -> None:
    """A unit that moves later takes no old decision with it; one that moved before is its new organisation's."""
    later, before = moved(SHELTER, COUNTY, REVISION), moved(SHELTER, COUNTY, REVISION - 1)
    assert (heard(f"dpo:{TOWN}", later), heard(f"dpo:{COUNTY}", later)) == ([CENTRE, SHELTER], [CHILDREN])
    assert (heard(f"dpo:{TOWN}", before), heard(f"dpo:{COUNTY}", before)) == ([CENTRE], [CHILDREN, SHELTER])


def forgotten(code: str, offset: int, **copy: Any) -> Trail:
    """The trail once compaction kept of a unit only a later record, of the county; with an audit copy of offset 2."""
    found = trail(EVENT_ID, decision_record())
    own = register_digest("unit", code)
    del found.register.owners[own], found.register.records["unit", code]
    if copy:
        change = {"key": own, "offset": 2, "oldState": None, "newState": "active", "by": [], "at": 1, **copy}
        found.take(Written("audit.register", found.codecs.change.encode(change)))
    key, value = unit_record(code, COUNTY, 999)
    found.take(Written("register", value, key, offset=offset))
    return found


def test_what_compaction_forgot_is_no_officers() -> None:
    """Nothing from before the decision says whose the shelter was: not its later owner's, and the auditor hears all."""
    found = forgotten(SHELTER, REVISION + 50)
    assert (heard(f"dpo:{TOWN}", found), heard(f"dpo:{COUNTY}", found)) == ([CENTRE], [CHILDREN])
    assert SHELTER in heard("auditor", found)


def test_the_audit_copy_keeps_whose_a_unit_was() -> None:
    """`audit.register` is never compacted: the officer of the time still hears of it, the next one does not."""
    found = forgotten(SHELTER, REVISION + 50, organisation=TOWN)
    assert (heard(f"dpo:{TOWN}", found), heard(f"dpo:{COUNTY}", found)) == ([CENTRE, SHELTER], [CHILDREN])
    old = forgotten(SHELTER, REVISION + 50, organisation=None)
    assert (heard(f"dpo:{TOWN}", old), heard(f"dpo:{COUNTY}", old)) == ([CENTRE], [CHILDREN])


def test_the_copy_of_a_unit_names_its_organisation() -> None:
    """What the registry writes into `audit.register`; of any other record nothing."""
    made = codecs()
    for record, organisation in (
        (Written("register", unit_record(SHELTER, TOWN)[1], unit_record(SHELTER, TOWN)[0]), TOWN),
        (Written("register", b"torn", b"unit/uzzzzz"), None),
    ):
        _, value, _ = Copies(made.registers, made.change).copy(record)
        assert made.change.decode(value)["organisation"] == organisation


def test_a_record_that_cannot_be_read_is_no_officers() -> None:
    """It may have moved the unit: doubt withholds, from the officer before, too."""
    found = trail(EVENT_ID, decision_record())
    found.take(Written("register", b"torn", f"unit/{SHELTER}".encode(), offset=REVISION - 1))
    assert (heard(f"dpo:{TOWN}", found), heard(f"dpo:{SHELTER}", found)) == ([CENTRE], [SHELTER])


def test_the_next_officer_does_not_hear_where_an_event_came_from() -> None:
    """A source that moved at the very revision of the decision, or later, takes the event's id to nobody."""
    for offset in (REVISION, REVISION + 1):
        found = moved(SOURCE, TOWN, offset)
        assert [event.head for event in asked_as(f"dpo:{TOWN}", found).events] == [None]
        assert [event.head is None for event in asked_as(f"dpo:{COUNTY}", found).events] == [False]
    before = moved(SOURCE, TOWN, REVISION - 1)
    assert [event.head is None for event in asked_as(f"dpo:{TOWN}", before).events] == [False]
    assert [event.head for event in asked_as(f"dpo:{COUNTY}", before).events] == [None]


def test_a_unit_without_an_organisation_is_no_officers_but_its_own() -> None:
    """Null is nobody: no spelling of `--as` reaches it but the unit's code."""
    alone = moved(SHELTER, None, REVISION - 1)
    assert (heard(f"dpo:{TOWN}", alone), heard(f"dpo:{SHELTER}", alone)) == ([CENTRE], [SHELTER])
    assert not Audience(AudienceKind.DPO).owns(SHELTER, None)
    assert not Audience(AudienceKind.UNIT, TOWN).owns(SHELTER, TOWN)


def test_what_was_refused_belongs_where_the_source_was_at_that_moment() -> None:
    """An attempt knows no revision: the record of the unit at its moment says whose it was."""
    found = trail(EVENT_ID, attempts=[attempt_record(Verdict.REFUSED, source=SOURCE, code="bound", at=500)])
    key, value = unit_record(SOURCE, TOWN, at=501)
    found.take(Written("register", value, key, offset=30))
    assert [asked_as(f"dpo:{code}", found).known for code in (COUNTY, TOWN)] == [True, False]
    key, value = unit_record(SOURCE, TOWN, at=500)
    found.take(Written("register", value, key, offset=29))
    assert [asked_as(f"dpo:{code}", found).known for code in (COUNTY, TOWN)] == [False, True]


def test_a_move_counts_from_when_it_was_written() -> None:
    """A moment people typed a day back takes nothing of the day with it to the new organisation."""
    found = trail(EVENT_ID, attempts=[attempt_record(Verdict.REFUSED, source=SOURCE, code="bound", at=500)])
    key, value = unit_record(SOURCE, TOWN, at=400)
    found.take(Written("register", value, key, offset=30, timestamp=501))
    assert [asked_as(f"dpo:{code}", found).known for code in (COUNTY, TOWN)] == [True, False]


def test_a_deleted_unit_is_no_officers() -> None:
    """Before any copy of it is written: doubt withholds."""
    found = trail(EVENT_ID, decision_record())
    found.take(Written("register", None, f"unit/{SHELTER}".encode(), offset=REVISION - 1))
    assert (heard(f"dpo:{TOWN}", found), heard(f"dpo:{COUNTY}", found)) == ([CENTRE], [CHILDREN])


def test_who_asked_is_written_as_it_was_asked() -> None:
    """The spelling of `--as` comes back from the audience: so it stands in the record of the question."""
    for text in ("auditor", f"dpo:{TOWN}", f"dpo:{SHELTER}", f"unit:{SHELTER}"):
        assert str(audience(text)) == text
