"""`why` from handmade records: who hears what, by which policy, with which facts; the words in both languages."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from consent.decide import decide
from consent.facts import Event, Fact
from consent.messages import Language
from consent.terms import Lane, Outcome, PartyRole, Purpose, Role
from hub.assemble import record_codec
from hub.cli.why import status
from hub.contracts.audit import BLANK_ATTEMPT, Verdict
from hub.contracts.files import load_catalogue
from hub.contracts.keys import event_digest, register_digest
from hub.contracts.registers import KINDS, RegisterCodecs, common, key
from hub.errors import Exit
from hub.views.project import Codecs, Trail
from hub.views.questions import Why, audience, why
from hub.views.tell import as_json, lines
from hub.views.words import EN, RO
from tests.cases.pack import NOW, PLACE, facts, handle, policy, types, unit
from tests.support.published import faults

EVENT_ID, RELEASE_ID = "11111111-2222-4333-8444-555555555555", "aaaaaaaa-bbbb-8ccc-8ddd-eeeeeeeeeeee"
NOTHING = "99999999-2222-4333-8444-555555555555"
CENTRE, CHILDREN, SHELTER, SOURCE = "uaaaa1", "uaaaa2", "uaaaa3", "uaaaa4"
CODES = (CENTRE, CHILDREN, SHELTER, SOURCE)
ROLES = {CENTRE: "SW-L", CHILDREN: "CHILD", SHELTER: "SHEL", SOURCE: "POL-R"}
TOWN, COUNTY = "obbbb1", "obbbb2"
ORGANISATIONS = {CENTRE: TOWN, SHELTER: TOWN, CHILDREN: COUNTY, SOURCE: COUNTY}
PURPOSES = {CENTRE: Purpose.P6, CHILDREN: Purpose.P8, SHELTER: Purpose.P9}
CONSENT, CONSENT_AT = Fact(register_digest("consent", "c1"), 7), 1_700_000_000_000
CATALOGUE = load_catalogue()
LEAVES = len(types()["risk.assessed"].fields)


@dataclass(frozen=True)
class Written:
    """A record as Kafka hands it over."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes | None]] = ()


def codecs() -> Codecs:
    """The codecs of the catalogue."""
    names = ("decision", "attempt", "policy", "register")
    decision, attempt, announced, change = (record_codec(CATALOGUE, f"audit.{name}") for name in names)
    registers = RegisterCodecs({kind: record_codec(CATALOGUE, f"register.{kind}") for kind in KINDS})
    return Codecs(decision, attempt, announced, change, registers)


def decision_record(**change: Any) -> dict[str, Any]:
    """A risk assessment: given to the centre, withheld from the children's unit and (consent withdrawn) the shelter."""
    content = {"instrument": "RO_POL_21", "result": "imminent", "childInHousehold": "no"}
    parties = {PartyRole.VICTIM: handle("victim")}
    event = Event("risk.assessed", SOURCE, handle("case"), parties, PLACE, frozenset(), content)
    units = {CENTRE: (unit(CENTRE, "SW-L", 0), Purpose.P6)}
    (centre,) = decide(policy(), event, facts(units), NOW).decisions
    assert centre.selected is not None
    return {
        "source": SOURCE,
        "eventId": EVENT_ID,
        "type": "risk.assessed",
        "schemaId": CATALOGUE.ids["risk.assessed/v1"],
        "input": {"topic": "admitted.case", "partition": 3, "offset": 12},
        "admittedAt": 1_700_000_000_100,
        "decidedAt": 1_700_000_000_200,
        "batchAt": 1_700_000_000_200,
        "policyDigest": policy().digest,
        "registerRevision": 20,
        "build": "punte-test",
        "keyEpochs": [1],
        "presence": b"\xff" * (LEAVES // 8) + b"\0" * (1 if LEAVES % 8 else 0),
        "part": 1,
        "parts": 1,
        "releases": [
            {
                "unitOrdinal": 0,
                "purpose": "P6",
                "releaseId": bytes.fromhex(RELEASE_ID.replace("-", "")),
                "attempt": 1,
                "guardBits": centre.bits,
                "facts": [],
                "sha256": bytes(32),
                "length": 99,
                "secondCheck": "full",
            }
        ],
        "refusals": [
            {"reason": "guard_false", "guard": "content", "fact": None, "unitOrdinals": [1]},
            {"reason": "withdrawn", "guard": "none", "fact": CONSENT._asdict(), "unitOrdinals": [2]},
        ],
    } | change


def policy_record(revision: int, units: Sequence[str] = CODES) -> dict[str, Any]:
    """An announcement of the reference policy."""
    found = policy()
    return {
        "digest": found.digest,
        "redlines": found.redlines.digest,
        "dutylines": found.dutylines.digest,
        "approvers": [],
        "fromOffsets": [],
        "profile": "demo",
        "registerRevision": revision,
        "units": list(units),
    }


def attempt_record(verdict: Verdict, **change: Any) -> dict[str, Any]:
    """An attempt on the event."""
    where = {"topic": f"inbox.case.{SOURCE}", "partition": 0, "offset": 5}
    return {**BLANK_ATTEMPT, "eventId": EVENT_ID, "input": where, "verdict": verdict, "at": NOW} | change


def unit_record(code: str, organisation: str | None, at: int = 1) -> tuple[bytes, bytes]:
    """Key and value of a unit in the register, written at a moment (ms)."""
    role = ROLES[code].replace("-", "_")
    more = {"role": role, "purposes": [], "area": [], "lanes": ["case"], "keyEpoch": 1, "fallback": None}
    more["organisation"] = organisation
    return codecs().registers.encode(common("unit", code, "active", at, ["a"]) | more)


def trail(
    asked: str, *decisions: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]] = (), withdrawn: bool = True
) -> Trail:
    """The fold of these records, two announcements and a register."""
    made = codecs()
    folded = Trail(asked, made)
    for offset, code in enumerate(CODES):
        at, value = unit_record(code, ORGANISATIONS[code])
        folded.take(Written("register", value, at, offset=offset))
    if withdrawn:
        change = {
            "key": CONSENT.key,
            "offset": 7,
            "oldState": "given",
            "newState": "withdrawn",
            "by": [],
            "organisation": None,
        }
        folded.take(Written("audit.register", made.change.encode(change | {"at": CONSENT_AT})))
    for revision, units in ((10, CODES), (19, CODES), (21, CODES[::-1])):
        folded.take(Written("audit.policy", made.policy.encode(policy_record(revision, units))))
    for decision in decisions:
        folded.take(Written("audit.decision.case", made.decision.encode(decision), event_digest(SOURCE, EVENT_ID)))
    for attempt in attempts:
        folded.take(Written("audit.attempt.case", made.attempt.encode(attempt)))
    return folded


def asked_as(who: str, found: Trail) -> Why:
    """The answer to an audience."""
    spelt = audience(who)
    assert spelt is not None
    return why(found, spelt, {"demo": policy()}, types())


def test_the_auditor_hears_all_by_the_announcement_of_the_revision() -> None:
    """Ordinals mean the latest list at or before the revision of the decision, not a later one; reasons are told."""
    told = asked_as("auditor", trail(EVENT_ID, decision_record()))
    (event,) = told.events
    heard = {answer.unit: (answer.verdict, answer.reason) for answer in event.answers}
    assert heard == {
        CENTRE: (Outcome.GIVEN, None),
        CHILDREN: (Outcome.DOES_NOT_LEARN, "guard_false"),
        SHELTER: (Outcome.DOES_NOT_LEARN, "withdrawn"),
    }
    assert status(told) is Exit.DONE


def test_the_fact_used_is_told_with_its_offset_and_since_when() -> None:
    """A withdrawal is named by offset, state and moment, though the register itself has forgotten it."""
    told = asked_as("auditor", trail(EVENT_ID, decision_record()))
    (fact,) = told.events[0].answers[2].facts
    assert (fact.fact, fact.state, fact.since) == (CONSENT, "withdrawn", CONSENT_AT)
    assert any(
        "offset 7" in line and "withdrawn since 2023-11-14T22:13:20.000Z" in line for line in lines(told, Language.EN)
    )


def test_a_fact_nobody_remembers_keeps_its_offset() -> None:
    """Where neither topic holds the record any more, its offset is told and no moment is made up."""
    told = asked_as("auditor", trail(EVENT_ID, decision_record(), withdrawn=False))
    (fact,) = told.events[0].answers[2].facts
    assert (fact.fact, fact.state, fact.since) == (CONSENT, None, None)


def test_a_refused_unit_is_told_by_the_purpose_its_role_has() -> None:
    """The record names unit and kind of guard; the cell of the unit's role gives purpose and guard."""
    told = asked_as(f"dpo:{CHILDREN}", trail(EVENT_ID, decision_record()))
    ((answer,),) = [event.answers for event in told.events]
    assert answer.explanation is not None
    assert (answer.explanation.purpose, answer.explanation.guard and answer.explanation.guard.kind) == ("P8", "content")
    assert all(field.guard is None for field in answer.explanation.fields)


@pytest.mark.parametrize("who", [f"unit:{CHILDREN}", f"unit:{SHELTER}", f"unit:{SOURCE}", "unit:uzzzzz"])
@pytest.mark.parametrize("language", list(Language))
def test_a_unit_that_got_nothing_hears_of_nothing(who: str, language: Language) -> None:
    """Withheld, unknown, its own event, no such unit: the same text, object and status."""
    here = asked_as(
        who, trail(EVENT_ID, decision_record(), attempts=[attempt_record(Verdict.DUPLICATE, source=SOURCE)])
    )
    nothing = asked_as(who, trail(NOTHING, decision_record()))
    assert list(lines(here, language)) == list(lines(nothing, language))
    assert json.dumps(as_json(here, language)) == json.dumps(as_json(nothing, language))
    assert status(here) is status(nothing) is Exit.WITHHELD


def test_a_unit_hears_only_what_it_has() -> None:
    """Its release, the fields in it and their law; no guard, no fact, no other unit, no revision, no event id."""
    told = as_json(asked_as(f"unit:{CENTRE}", trail(EVENT_ID, decision_record())), Language.EN)
    text = json.dumps(told)
    assert RELEASE_ID in text
    assert not [w for w in (*CODES[1:], EVENT_ID, "punte-test", "second_check", "withheld", "admitted") if w in text]


def test_an_officer_does_not_hear_what_the_source_left_empty() -> None:
    """Empty and filled look alike for fields the unit has not as they are; the auditor hears the difference."""
    empty = decision_record(presence=bytes((LEAVES + 7) // 8))
    officer, auditor = asked_as(f"dpo:{CENTRE}", trail(EVENT_ID, empty)), asked_as("auditor", trail(EVENT_ID, empty))
    heard = officer.events[0].answers[0].explanation
    whole = auditor.events[0].answers[0].explanation
    assert heard is not None
    assert whole is not None
    assert {field.outcome for field in heard.fields if field.empty} == {Outcome.GIVEN}
    assert all(field.empty for field in whole.fields)


def test_the_officer_of_the_source_hears_of_the_event_and_not_of_its_recipients() -> None:
    """Its own event with moments and refusals of admission; nobody else's decision."""
    attempts = [attempt_record(Verdict.DUPLICATE, source=SOURCE, code="duplicate")]
    told = asked_as(f"dpo:{SOURCE}", trail(EVENT_ID, decision_record(), attempts=attempts))
    assert (told.events[0].answers, len(told.attempts), status(told)) == ((), 1, Exit.DONE)
    assert EVENT_ID in next(lines(told, Language.EN))


def test_a_release_is_told_alone() -> None:
    """By its own id the release is told, and nobody who was refused."""
    told = asked_as("auditor", trail(RELEASE_ID, decision_record()))
    assert [answer.unit for answer in told.events[0].answers] == [CENTRE]
    assert not asked_as(f"unit:{SHELTER}", trail(RELEASE_ID, decision_record())).known


def test_parts_of_one_decision_are_joined() -> None:
    """A decision in two parts is one event."""
    first, last = decision_record(parts=2, refusals=[]), decision_record(part=2, parts=2, releases=[])
    told = asked_as("auditor", trail(EVENT_ID, first, last))
    assert [answer.unit for answer in told.events[0].answers] == [CENTRE, CHILDREN, SHELTER]


def waited(*, resumed: bool) -> Trail:
    """The centre's release was parked; `resumed`: a minute later it went out as a second attempt."""
    where = decision_record()["input"]
    parked = {"source": SOURCE, "code": "too_large", "unit": CENTRE, "purpose": "P6", "attempt": 1, "input": where}
    [release] = decision_record()["releases"]
    first = decision_record(releases=[])
    again = decision_record(batchAt=first["batchAt"] + 60_000, releases=[release | {"attempt": 2}], refusals=[])
    decisions = (first, again) if resumed else (first,)
    return trail(EVENT_ID, *decisions, attempts=[attempt_record(Verdict.PARKED, **parked)])


@pytest.mark.parametrize("language", list(Language))
def test_a_release_that_waits_is_told_to_the_auditor_alone(language: Language) -> None:
    """Unit, purpose and cause; the officer of the source hears nothing of recipients, the unit what nobody knows."""
    auditor, source = (asked_as(who, waited(resumed=False)) for who in ("auditor", f"dpo:{SOURCE}"))
    assert any(CENTRE in line and "too_large" in line for line in lines(auditor, language))
    assert (source.attempts, len(source.events)) == ((), 1)
    assert CENTRE not in json.dumps(as_json(source, language))
    unit, nothing = (asked_as(f"unit:{CENTRE}", one) for one in (waited(resumed=False), trail(NOTHING)))
    assert json.dumps(as_json(unit, language)) == json.dumps(as_json(nothing, language))
    assert faults("why.v1", json.loads(json.dumps(as_json(auditor, language)))) == []


def test_a_release_that_waited_is_told_with_its_own_decision() -> None:
    """The auditor hears both decisions, the unit its release as a second attempt, the source's officer the first."""
    told = {who: asked_as(who, waited(resumed=True)) for who in ("auditor", f"unit:{CENTRE}", f"dpo:{SOURCE}")}
    assert [len(one.events) for one in told.values()] == [2, 1, 1]
    [answer] = told[f"unit:{CENTRE}"].events[0].answers
    assert answer.release is not None
    assert answer.release.attempt == 2
    assert told[f"dpo:{SOURCE}"].events[0].decided_at == decision_record()["batchAt"]


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.CONFLICT, Verdict.QUARANTINED])
def test_an_event_that_was_not_decided_is_told_as_that(verdict: Verdict) -> None:
    """The auditor hears the verdict, the code and where the record lies."""
    told = asked_as("auditor", trail(EVENT_ID, attempts=[attempt_record(verdict, source=SOURCE, code="bound")]))
    assert f"inbox.case.{SOURCE}/0, offset 5: {verdict} (bound)" in next(lines(told, Language.EN))
    assert status(told) is Exit.DONE


def test_a_question_does_not_make_an_event() -> None:
    """The record of an earlier question is no trace of an event."""
    told = asked_as("auditor", trail(EVENT_ID, attempts=[attempt_record(Verdict.CONSULT, asker="auditor")]))
    assert (told.known, status(told)) == (False, Exit.FAILED)


def test_another_policy_is_asked_for_by_its_digest() -> None:
    """Without the policy of the decision no field is told, verdict and reason are, and the digest needed is named."""
    other = bytes(range(32))
    told = asked_as("auditor", trail(EVENT_ID, decision_record(policyDigest=other)))
    assert (told.events[0].needs, status(told)) == (other.hex(), Exit.UNDECIDED)
    assert any(other.hex() in line for line in lines(told, Language.RO))
    assert all(answer.explanation is None for answer in told.events[0].answers)


def test_the_question_is_filed_under_the_event() -> None:
    """Lane and digest of the event where it is known, by either id; case and no key where it is not."""
    known = (Lane.CASE, event_digest(SOURCE, EVENT_ID))
    assert trail(EVENT_ID, decision_record()).event == known
    assert trail(RELEASE_ID, decision_record()).event == known
    assert trail(EVENT_ID, attempts=[attempt_record(Verdict.REFUSED, source=SOURCE)]).event == known
    assert trail(NOTHING, decision_record()).event == (Lane.CASE, None)


@pytest.mark.parametrize(
    "text",
    ["", "auditor:uaaaa1", "unit:", "unit:uaaaa1 ", "dpo:police", "unit:UAAAA1", "court:uaaaa1", "unit:oaaaa1", "dpo:"],
)
def test_nobody_else_may_ask(text: str) -> None:
    """Only the three audiences, spelt as they are."""
    assert audience(text) is None


def test_both_languages_say_the_same() -> None:
    """Same keys, same slots, and the letters of Romanian with a comma below."""
    slots = [
        {k: {f for _, f, _, _ in string.Formatter().parse(v) if f} for k, v in words.items()} for words in (EN, RO)
    ]
    assert slots[0] == slots[1]
    assert set("șț") <= set("".join(RO.values()))
    assert not set("".join(RO.values())) & set("\u015f\u0163\u015e\u0162")


def test_the_roles_of_this_file_are_those_of_the_pack() -> None:
    """The handmade units have cells for this type, so the tests look at something."""
    assert all(("risk.assessed", Role(ROLES[code]), purpose) in policy().cells for code, purpose in PURPOSES.items())


def test_the_key_of_a_fact_is_the_digest_of_its_register_key() -> None:
    """What decisions name and what the register says meet in one digest."""
    assert key("consent", "c1") == b"consent/c1"
    assert CONSENT.key == register_digest("consent", "c1")
