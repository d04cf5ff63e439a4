"""A further attempt of an event: once, with today's facts, to those who lacked it, and nobody gets it twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent.terms import Lane, Purpose
from hub.contracts.audit import Verdict
from hub.contracts.envelope import Again, Receivers, inbox_headers, parse_admitted, uuid_text
from hub.contracts.keys import attempt_name, event_digest
from hub.demo.crowd import Published
from tests.support.history import KEYS, Kept, Past, scene
from tests.support.plans import OFFSET, Desk, Wrote, admitted, asked, changed, desk, digest_of, inbox, spoiled
from tests.support.plans import scene as planned

BOTH_LANES = pytest.mark.parametrize(("lane", "number"), [(Lane.CASE, 3), (Lane.ALERT, 7)])
NOBODY: Receivers = frozenset()


def again(event: Published, done: Receivers | None, attempt: int = 2, offset: int = OFFSET + 1) -> Kept:
    """An event as it is appended for a further attempt."""
    record = admitted(event, offset)
    admission = parse_admitted(record.headers)._replace(again=Again(attempt, done))
    return replace(record, headers=admission.headers())


def got(wrote: Wrote) -> Receivers:
    """Who got a release."""
    places = [record.topic.split(".") for record in wrote.records if record.topic.startswith("release.")]
    return frozenset((unit, Purpose(purpose.upper())) for _, _, unit, purpose in places)


def taken(number: int) -> tuple[Published, Desk, Receivers]:
    """An event of the story, decided, and who got it."""
    event = planned(number)
    at = desk(event.lane)
    return event, at, got(at.decide(admitted(event)))


@BOTH_LANES
def test_only_those_who_lacked_it_get_a_further_attempt(lane: Lane, number: int) -> None:
    """All but one had it: that one gets it, under the id of attempt 2, and the decision record says so."""
    event, at, had = taken(number)
    lacking = min(had)
    wrote = at.decide(again(event, had - {lacking}))
    assert got(wrote) == {lacking}
    ((entry,),) = [decision["releases"] for decision in wrote.read("decision")]
    made = KEYS.unit(lacking[0]).release_id(digest_of(event), lacking[1], 2)
    (released,) = wrote.releases.values()
    assert (entry["attempt"], entry["releaseId"]) == (2, made)
    assert dict(released.headers)["ce_id"] == uuid_text(made).encode()
    assert wrote.said("receipt") == [("admitted", "admitted")]


@BOTH_LANES
def test_whoever_had_it_is_neither_given_nor_refused_again(lane: Lane, number: int) -> None:
    """Everybody had it: a decision without any release, and nothing of the attempt names them."""
    event, at, had = taken(number)
    before = at.decide(again(event, NOBODY, 2)).read("decision")[0]
    after = at.decide(again(event, had, 3)).read("decision")[0]
    assert after["releases"] == []
    assert after["refusals"] == before["refusals"]


@BOTH_LANES
def test_two_people_at_once_have_one_effect(lane: Lane, number: int) -> None:
    """The same attempt twice, in one transaction and in the next: one decision, the others are duplicates."""
    event, at, _ = taken(number)
    first = at.decide(again(event, NOBODY), again(event, NOBODY, offset=OFFSET + 2))
    second = at.decide(again(event, NOBODY, offset=OFFSET + 3))
    assert len(first.read("decision")) == 1
    assert first.said("attempt") == second.said("attempt") == [(Verdict.DUPLICATE, "duplicate")]
    assert got(second) == NOBODY


@BOTH_LANES
def test_an_attempt_is_kept_by_a_digest_of_its_own(lane: Lane, number: int) -> None:
    """Seen ids, decision record and, where it fails again, the entry of quarantine are under the attempt's digest."""
    event, at, _ = taken(number)
    wrote = at.decide(again(event, NOBODY))
    digest = event_digest(event.source, attempt_name(event.id, 2))
    assert {record.key for record in wrote.of("decision")} == {digest}
    assert digest in {record.key for record in wrote.records if record.topic.startswith("seen.")}
    assert at.decide(again(event, NOBODY, 3)).releases


@BOTH_LANES
def test_what_its_publisher_sent_again_meanwhile_is_not_decided_twice(lane: Lane, number: int) -> None:
    """Nothing was decided when a person asked, and the publisher was faster: the further attempt is a duplicate."""
    event, at, _ = taken(number)
    wrote = at.decide(again(event, None))
    assert (got(wrote), wrote.said("attempt")) == (NOBODY, [(Verdict.DUPLICATE, "duplicate")])


@BOTH_LANES
def test_what_its_publisher_sends_again_afterwards_is_a_repeat(lane: Lane, number: int) -> None:
    """An event that a further attempt decided first is known under its own id too."""
    event = planned(number)
    at = desk(lane)
    assert got(at.decide(again(event, None)))
    assert at.decide(admitted(event, OFFSET + 2)).said("attempt") == [(Verdict.DUPLICATE, "duplicate")]


def test_a_conflicting_alert_has_its_own_further_attempt() -> None:
    """Two alerts under one id, resubmitted at once as attempt 2: both are decided; neither hides the other."""
    event, at, _ = taken(7)
    other = replace(event, record={**event.record, "severity": "technical"})
    assert got(at.decide(admitted(other, OFFSET + 5)))
    first, second = at.decide(again(event, NOBODY)), at.decide(again(other, NOBODY, offset=OFFSET + 6))
    assert got(first)
    assert got(second)
    ids = [{dict(record.headers)["ce_id"] for record in wrote.releases.values()} for wrote in (first, second)]
    assert ids[0].isdisjoint(ids[1])


def test_an_attempt_that_fails_again_waits_again_and_says_its_number() -> None:
    """The entry and the attempt record of quarantine bear the number of the attempt."""
    event = planned(3)
    at = desk(event.lane)
    release = at.decide(admitted(event)).releases["upggvz"]
    broken = Desk(event.lane, at.known, spoiled(event.type, release, cut=_fails))
    wrote = broken.decide(again(event, None))
    assert {entry["attempt"] for entry in wrote.read("quarantine")} == {2}


def _fails(*_: object) -> bytes:
    raise ValueError


def test_today_s_facts_decide_a_further_attempt() -> None:
    """A unit whose agreement has ended since gets nothing of it."""
    event, _, had = taken(3)
    unit = min(code for code, _ in had if code != event.source)
    now = desk(event.lane, changed("agreement", unit, state="ended"), changed("unit", unit, state="suspended"))
    assert unit not in {code for code, _ in got(now.decide(again(event, NOBODY)))}


@pytest.mark.parametrize("header", [("attempt", b"2"), ("done", b"ux3joc:P1"), ("attempt", b"-1"), ("attempt", b"x")])
def test_a_publisher_cannot_ask_for_a_further_attempt(header: tuple[str, bytes]) -> None:
    """Headers of that name in an inbox change nothing of what admission writes: no publisher's header is copied."""
    record = inbox(planned(3))
    hostile = replace(record, headers=[*record.headers, header])
    assert asked(hostile) == asked(record)
    assert header[0] not in {name for name, _ in inbox_headers("", "", "", 0, "")}


@pytest.mark.parametrize("headers", [{"attempt": b"1"}, {"attempt": b"2", "done": b"ux3joc:P99"}, {"attempt": b""}])
def test_an_attempt_that_is_none_is_isolated(headers: dict[str, bytes]) -> None:
    """A record on `admitted` with a number or receivers that cannot be is put aside, and nothing is released."""
    record = admitted(planned(3))
    wrote = desk(Lane.CASE).decide(replace(record, headers=[*record.headers, *headers.items()]))
    assert (got(wrote), wrote.said("quarantine")) == (NOBODY, [("decision", "header")])


def mended(had: bool) -> tuple[Past, Receivers]:
    """A dispatch without an agreement lacked an event; then it had one, and attempt 2 went to those who lacked it.

    Where not `had`, the attempt goes to everybody.
    """
    past, event = Past(), scene(3)
    past.change("agreement", "upggvz", state="ended")
    past.happen(event)
    before = received(past)
    past.change("agreement", "upggvz", state="active")
    past.again(event, Again(2, before if had else NOBODY))
    return past, received(past) - before


def received(past: Past) -> Receivers:
    """Who has received what is there."""
    places = [record.topic.split(".") for record in past.releases]
    return frozenset((unit, Purpose(purpose.upper())) for _, _, unit, purpose in places)


def test_the_check_from_outside_follows_a_further_attempt() -> None:
    """The one who lacked it got it by attempt 2: nothing is lost, doubled or leaked, and nobody else got it again."""
    past, new = mended(had=True)
    assert past.found() == []
    assert new == {("upggvz", Purpose.P1)}


def test_the_check_from_outside_finds_a_unit_that_got_two_attempts() -> None:
    """An attempt that goes to everybody again is doubled."""
    past, _ = mended(had=False)
    assert past.kinds() == {"doubled", "leaked"}


def test_the_check_from_outside_finds_an_attempt_that_is_gone() -> None:
    """A release of attempt 2 that is not in its topic is lost."""
    past, _ = mended(had=True)
    past.releases.pop()
    assert past.kinds() == {"lost"}


def test_what_its_sender_has_corrected_since_is_not_tried_again() -> None:
    """Other bytes under the id were decided meanwhile: the older ones are a conflict, whoever asks for them."""
    event, at, _ = taken(3)
    older = replace(event, record=event.record | {"distanceM": 77})
    wrote = at.decide(again(older, NOBODY))
    assert (wrote.releases, wrote.said("receipt")) == ({}, [("refused", "conflict")])
