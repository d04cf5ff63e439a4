"""Since when a relation or consent guard was false: from the decision record and what the register still says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consent.facts import Fact
from consent.messages import Language
from consent.terms import Outcome, RefusalReason
from hub.assemble import build_name
from hub.contracts.audit import NAMES_LAPSED
from hub.contracts.keys import register_digest
from hub.contracts.registers import UNREADABLE, common
from hub.views.lapse import How, Lapse, lapse
from hub.views.project import FactTold
from hub.views.questions import Answer
from hub.views.tell import as_json, lines
from tests.support.history import SHELTER, consent, relation
from tests.unit.test_why_questions import EVENT_ID, Written, asked_as, codecs, decision_record, trail
from tests.unit.test_why_questions import SHELTER as SHELTER_TOLD

AT = 10_000
FACT = Fact(bytes(16), 12)
RELATION, CONSENT = "relation(victim)", "consent:sh1"
FALSE = RefusalReason.GUARD_FALSE


def told(state: str | None, since: int | None, begins: int | None = None, ends: int | None = None) -> FactTold:
    """A fact that the register still holds."""
    return FactTold(FACT, "relation", state, since, begins, ends, whole=True)


@pytest.mark.parametrize(
    ("guard", "fact", "how", "moment"),
    [
        pytest.param(RELATION, told("ended", 500, 1, None), How.ENDED, 500, id="people-ended-it"),
        pytest.param(RELATION, told("live", 1, 1, 900), How.ENDED, 900, id="it-ran-out"),
        pytest.param(RELATION, told("live", 1, 1, AT), How.ENDED, AT, id="it-ran-out-this-very-moment"),
        pytest.param(RELATION, told("ended", 700, 1, 600), How.ENDED, 600, id="ended-after-it-ran-out"),
        pytest.param(RELATION, told("ended", 500, 1, AT + 1), How.ENDED, 500, id="ended-before-it-would-run-out"),
        pytest.param(RELATION, told("live", 1, AT + 7, None), How.NOT_BEGUN, AT + 7, id="not-begun"),
        pytest.param(CONSENT, told("refused", 300, None, AT * 9), How.ENDED, 300, id="refused"),
        pytest.param(CONSENT, told("given", 300, None, 800), How.ENDED, 800, id="expired-by-time"),
        pytest.param(CONSENT, told("given", 300, None, AT * 9), How.SHORT, 300, id="given-and-opens-less"),
        pytest.param(RELATION, told("ended", 500, 600, None), How.UNDATED, None, id="ended-before-it-began"),
        pytest.param(RELATION, told("ended", AT + 1, 1, None), How.UNDATED, None, id="ended-after-the-decision"),
        pytest.param(RELATION, FactTold(FACT, None, UNREADABLE, 5), How.UNDATED, None, id="unreadable"),
        pytest.param(RELATION, FactTold(FACT, "relation", "live", 1), How.UNDATED, None, id="replaced-since"),
        pytest.param(RELATION, FactTold(FACT), How.UNDATED, None, id="forgotten"),
        pytest.param(RELATION, FactTold(FACT, "relation", "ended", 5), How.UNDATED, None, id="audit-copy-says-ended"),
    ],
)
def test_since_when(guard: str, fact: FactTold, how: How, moment: int | None) -> None:
    """The first end counts, a start to come is told as such, and no moment is made up."""
    assert lapse(FALSE, guard, (fact,), AT) == Lapse(guard, how, moment, FACT.offset)


@pytest.mark.parametrize("guard", [RELATION, CONSENT, "relation"])
def test_that_there_never_was_a_record_is_said(guard: str) -> None:
    """No fact of a personal guard is an answer of its own, with the policy at hand or without."""
    assert lapse(FALSE, guard, (), AT) == Lapse(guard, How.NONE)


@pytest.mark.parametrize("guard", ["area", "addressee", "content:instrument=RO_POL_21", "emergency", "none"])
def test_what_no_register_record_makes_true_has_no_lapse(guard: str) -> None:
    """The place or content of an event is false since for ever; nothing is told of it."""
    assert lapse(FALSE, guard, (), AT) is None


@pytest.mark.parametrize("reason", [reason for reason in RefusalReason if reason is not FALSE])
def test_another_reason_has_no_lapse(reason: RefusalReason) -> None:
    """A denial names its own fact; of registers that were behind nothing is known."""
    assert lapse(reason, RELATION, (), AT) is None


def test_the_register_gives_begin_and_end_of_its_records() -> None:
    """Of a relation `from` and `until`, of a consent `validUntil`, while the record stands; of what is gone neither."""
    found, made = trail(EVENT_ID), codecs().registers
    lodged, agreed = relation(SHELTER, "A" * 22, "victim", until=77), consent(SHELTER, "A" * 22)
    for offset, record in ((40, lodged), (41, agreed)):
        at, value = made.encode(record)
        found.take(Written("register", value, at, offset=offset))
    keys = [register_digest(record["kind"], record["handle"]) for record in (lodged, agreed)]
    first, second = (found.register.told(Fact(key, offset)) for key, offset in zip(keys, (40, 41), strict=True))
    assert (first.begins, first.ends, first.whole) == (lodged["from"], 77, True)
    assert (second.begins, second.ends, second.whole) == (None, agreed["validUntil"], True)
    assert found.register.told(FACT) == FactTold(FACT)


def lapsed(ended: bool = True, build: str = f"punte-test{NAMES_LAPSED}") -> dict[str, Any]:
    """The decision record, the shelter refused for its consent: with the record that does not count, or without any."""
    fact = {"key": register_digest("consent", "c9"), "offset": 30} if ended else None
    refused = {"reason": "guard_false", "guard": "consent", "fact": fact, "unitOrdinals": [2]}
    return decision_record(refusals=[refused], build=build)


def shelters(who: str, record: dict[str, Any]) -> tuple[Answer | None, str, dict[str, Any]]:
    """The answer about the shelter, the text and the object; the register holds a consent that expired by people."""
    found, made = trail(EVENT_ID, record), codecs().registers
    said = {**consent(SHELTER, "A" * 22), **common("consent", "c9", "expired", 1_700_000_000_000, ("p-1",))}
    at, value = made.encode(said)
    found.take(Written("register", value, at, offset=30))
    heard = asked_as(who, found)
    answers = [a for event in heard.events for a in event.answers if a.unit == SHELTER_TOLD]
    text = "\n".join(lines(heard, Language.EN))
    return next(iter(answers), None), text, json.loads(json.dumps(as_json(heard, Language.RO)))


@pytest.mark.parametrize("who", ["auditor", f"dpo:{SHELTER_TOLD}"])
def test_auditor_and_officer_hear_since_when(who: str) -> None:
    """In words of both languages and in the object: the guard, the moment, the offset; never a value."""
    answer, text, told = shelters(who, lapsed())
    assert answer is not None
    assert answer.verdict is Outcome.DOES_NOT_LEARN
    assert "`consent:sh1` is false since 2023-11-14T22:13:20.000Z; register offset 30." in text
    assert "The register record at offset 30 is there and does not make it so." in text
    assert "`consent:sh1` este fals din 2023-11-14T22:13:20.000Z; poziția 30 din registru." in told["sentences"]
    said = next(each for each in told["events"][0]["answers"] if each["unit"] == SHELTER_TOLD)
    assert said["lapse"] == {"guard": "consent:sh1", "how": "ended", "moment": 1_700_000_000_000, "offset": 30}
    assert "A" * 22 not in text


def test_the_auditor_hears_that_there_is_none() -> None:
    """A refusal without a record is no silence."""
    answer, text, _ = shelters("auditor", lapsed(ended=False))
    assert answer is not None
    assert answer.lapse == Lapse("consent:sh1", How.NONE)
    assert "`consent:sh1` is false: the register held no record that could make it true." in text


def test_what_a_decision_of_before_did_not_record_is_not_made_up() -> None:
    """Its hub named no record that does not count: that there was none is not known, and the consent there expired."""
    answer, text, told = shelters("auditor", lapsed(ended=False, build="punte-0.1.0"))
    assert answer is not None
    assert answer.lapse == Lapse("consent:sh1", How.NOT_RECORDED)
    assert "`consent:sh1` is false; whether the register held a record of it was not recorded." in text
    assert "held no record" not in text
    assert any("nu s-a consemnat" in line for line in told["sentences"])


def test_a_decision_of_before_that_named_a_withdrawal_still_does() -> None:
    """Only of what names no record the build matters."""
    answer, _, _ = shelters("auditor", lapsed(build="punte-0.1.0"))
    assert answer is not None
    assert answer.lapse == Lapse("consent:sh1", How.ENDED, 1_700_000_000_000, 30)


def test_a_record_that_cannot_be_read_any_more_is_told_as_such() -> None:
    """No kind, no moment: that it is there and cannot be read."""
    found = trail(EVENT_ID, lapsed())
    found.take(Written("register", b"torn", b"consent/c9", offset=30))
    heard = asked_as("auditor", found)
    text = "\n".join(lines(heard, Language.EN))
    assert "The register record at offset 30 cannot be read." in text
    assert "`consent:sh1` is false; since when, the register no longer says; register offset 30." in text


def test_this_hub_names_the_records_that_do_not_count() -> None:
    """Its build says so in every decision record."""
    assert build_name().endswith(NAMES_LAPSED)


@pytest.mark.parametrize("ended", [True, False])
def test_the_unit_hears_nothing_of_it(ended: bool) -> None:
    """With a lapsed record or without: to the unit the event does not exist."""
    here = shelters(f"unit:{SHELTER_TOLD}", lapsed(ended))
    assert here == shelters(f"unit:{SHELTER_TOLD}", lapsed(not ended))
    assert here[0] is None
    assert here[2]["verdict"] == "unknown"
