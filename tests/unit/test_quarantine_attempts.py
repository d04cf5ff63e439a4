"""Which attempt is next and who has the event already, from records alone; a preview names fields and no values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.decide import decide
from consent.messages import Language
from consent.terms import Lane, Purpose
from hub.contracts.acts import Act
from hub.contracts.envelope import Admission, Again, parse_admitted
from hub.contracts.keys import attempt_name, event_digest
from hub.quarantine.attempts import UNKNOWN_UNIT, Decided, Numbered, Past
from hub.quarantine.entries import Entry
from hub.quarantine.preview import Given, Refused, preview
from hub.quarantine.tell import Shown, done_json, show_json, shown
from tests.cases.pack import policy
from tests.support.history import NOW, catalogue
from tests.support.plans import admitted, desk, scene
from tests.support.published import faults
from tests.unit.test_quarantine_entries import EVENT as EVENT_ID
from tests.unit.test_quarantine_entries import INPUT, SHA, acted, decided, found

SOURCE, EVENT, OTHER = "uaaaaa", "e-1", bytes(32)
A, B = ("ubbbbb", Purpose.P1), ("uccccc", Purpose.P6)
units = st.frozensets(st.tuples(st.sampled_from(["ubbbbb", "uccccc", "uddddd"]), st.sampled_from(Purpose)), max_size=4)


def made(name: str, got: frozenset[tuple[str, Purpose]], attempt: int = 1) -> Decided:
    """A recorded decision under the digest of a name."""
    return Decided(event_digest(SOURCE, name), got, frozenset({attempt} if got else ()))


def past(decisions: list[Decided], *numbers: tuple[int, bytes | None]) -> Past:
    """What the records say of the event."""
    return Past(SOURCE, EVENT, SHA, decisions, [Numbered(*each) for each in numbers])


@given(st.lists(units, max_size=4))
def test_everybody_of_every_attempt_has_it(attempts: list[frozenset[tuple[str, Purpose]]]) -> None:
    """The union of all attempts; never decided: nobody knows, told as None; the next attempt is higher than all."""
    names = [EVENT, *(attempt_name(EVENT, n) for n in range(2, 6))]
    decisions = [made(name, got, n) for n, (name, got) in enumerate(zip(names, attempts, strict=False), 1)]
    told = past(decisions, *((n, SHA) for n in range(2, len(attempts) + 1)))
    assert told.done == (frozenset().union(*attempts) if attempts else None)
    assert told.next == max(len(attempts), 1) + 1


def test_whoever_waits_for_a_parked_release_is_left_to_the_hub() -> None:
    """It goes out by itself as a further attempt: a person's attempt beside it would give it twice."""
    waiting = Past(SOURCE, EVENT, SHA, [made(EVENT, frozenset({A}))], [Numbered(1, SHA)], frozenset({B}))
    assert waiting.again() == Again(2, frozenset({A, B}))


@given(st.lists(st.integers(1, 90), max_size=6))
def test_the_next_attempt_is_after_every_one_that_a_record_names(numbers: list[int]) -> None:
    """Also one that was asked for and of which nothing came."""
    assert past([], *((n, None) for n in numbers)).next == max([1, *numbers]) + 1


def test_other_bytes_under_one_id_are_another_event() -> None:
    """On the alert lane: who got the first alert has not got the second, and the other way round."""
    second = f"{EVENT}\0{SHA.hex()}"
    decisions = [made(EVENT, frozenset({A})), made(second, frozenset({B}))]
    assert past(decisions).done == frozenset({B})
    assert Past(SOURCE, EVENT, OTHER, decisions).done == frozenset({A})


def test_a_further_attempt_of_other_bytes_gave_these_to_nobody() -> None:
    """Attempt 2 was of the other bytes: its receivers lack these."""
    decisions = [made(f"{EVENT}\0{SHA.hex()}", frozenset()), made(attempt_name(EVENT, 2), frozenset({A}), 2)]
    assert past(decisions, (2, OTHER)).done == frozenset()
    assert past(decisions, (2, SHA)).done == frozenset({A})
    assert past(decisions, (2, OTHER)).next == 3


def test_a_unit_without_a_code_stops_the_attempt() -> None:
    """Doubt about who has it is told, not guessed."""
    assert not past([made(EVENT, frozenset({(UNKNOWN_UNIT, Purpose.P1)}))]).knows_all
    assert past([made(EVENT, frozenset({A}))]).knows_all


@given(st.none() | units, st.integers(2, 10_000))
def test_a_further_attempt_reads_back(done: frozenset[tuple[str, Purpose]] | None, attempt: int) -> None:
    """The gateway reads who is done and the number as written; nobody done is not never decided."""
    told = Admission("id", 1, b"c" * 16, {}, again=Again(attempt, done))
    assert parse_admitted(told.headers()) == told


def told_now(done: frozenset[tuple[str, Purpose]] = frozenset()) -> tuple[Given, ...]:
    """What the pilot's facts give of the third event of the story."""
    event, at = scene(3), desk(Lane.CASE)
    (read,) = at.planner._reader.all([admitted(event)])
    assert not isinstance(read, str)
    kind, decided = catalogue().types[event.type], decide(policy(), read.view, at.known.at(NOW), NOW)
    return preview(policy(), kind, decided, done)


def entry() -> Entry:
    """Entry case/7."""
    return found()


def test_a_preview_is_what_the_gateway_then_does() -> None:
    """The units that would get it are those that get it, under the release the gateway picks."""
    wrote = desk(Lane.CASE).decide(admitted(scene(3)))
    given_now = {each.unit: each for each in told_now() if each.release}
    assert set(given_now) == set(wrote.releases)
    for unit, record in wrote.releases.items():
        schema_id = int.from_bytes((record.value or b"")[1:5], "big")
        assert catalogue().ids[given_now[unit].release or ""] == schema_id


def test_a_preview_names_fields_and_says_who_has_it() -> None:
    """Paths of the release, the reason of whoever gets nothing, and nobody who has it gets it again."""
    lucky = next(each for each in told_now() if each.release)
    receivers = told_now(frozenset({(lucky.unit, lucky.purpose)}))
    said = show_json(Shown(entry(), receivers, 2), Language.EN)
    assert faults("quarantine-show.v1", json.loads(json.dumps(said))) == []
    told = {each["unit"]: each for each in said["preview"]["receivers"]}
    assert told[lucky.unit]["already"] is True
    assert {path for each in receivers for path in each.paths} >= set(lucky.paths) > {"siruta"}
    assert all(bool(each["release"]) is (each["reason"] is None) for each in told.values())


def test_a_preview_holds_no_value_of_the_record() -> None:
    """No text of the event is in anything that is said about it, in either language."""
    values = {text for text in _texts(scene(3).record) if len(text) > 4}
    assert values
    for language in Language:
        said = show_json(Shown(entry(), told_now(), 2), language)
        assert [value for value in values if value in json.dumps(said, ensure_ascii=False)] == []


def _texts(found: Any) -> set[str]:
    if isinstance(found, dict | list):
        inner = found.values() if isinstance(found, dict) else found
        return {text for each in inner for text in _texts(each)}
    return {found} if isinstance(found, str) and not found.startswith("u") and " " in found else set()


@pytest.mark.parametrize("language", Language)
def test_a_record_that_would_be_stopped_again_is_told_with_its_remedy(language: Language) -> None:
    """Code, path, what it means; the object of the act says the same."""
    lines = list(shown(Shown(entry(), Refused("unit_unknown", "taskedUnits"), None), language))
    assert any("unit_unknown" in line and "taskedUnits" in line for line in lines)
    told = done_json(entry(), "refused", Refused("unit_unknown", "taskedUnits"), language)
    assert faults("quarantine.v1", told) == []
    assert (told["state"], told["code"], told["path"]) == ("open", "unit_unknown", "taskedUnits")


def test_a_closed_entry_has_no_preview() -> None:
    """Discarded, or arrived: nothing can be resubmitted, so nothing is said of what it would release."""
    arrived = decided(event_digest("uaaaaa", attempt_name(EVENT_ID, 2)))
    for one in (found(acted(Act.DISCARDED)), found(acted(Act.RESUBMITTED), arrived)):
        said = show_json(Shown(one, told_now(), 2), Language.EN)
        assert (said["preview"], one.waits) == (None, False)
        assert len(said["acts"]) == 1
    assert show_json(Shown(found(acted(Act.RESUBMITTED)), told_now(), 2), Language.EN)["preview"]


def test_without_the_record_there_is_no_preview() -> None:
    """Neither kept nor sealed: the sender must send it anew; and no guess about what would be released."""
    said = show_json(Shown(entry(), None, None), Language.EN)
    assert said["preview"] is None
    assert any("send it anew" in line for line in said["sentences"])
    assert entry().where.topic == INPUT["topic"]
