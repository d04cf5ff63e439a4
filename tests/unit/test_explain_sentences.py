"""Explanations: per field outcome, row, law and status; sentences in both languages.

To a unit nothing but what it was given.
"""

from __future__ import annotations

import json
import string
from dataclasses import replace

import pytest

from consent.basis import Citation
from consent.decide import decide
from consent.explain import UNKNOWN, Explanation, explain, for_unit, sentences, to_json
from consent.facts import Event
from consent.messages import EN, RO, Language, counted, plural_form
from consent.pack import compile_texts
from consent.rollout import meet
from consent.terms import Outcome, PartyRole, Profile, Purpose
from tests.cases.pack import NOW, PLACE, facts, handle, policy, texts, types, unit

CONTENT = {"instrument": "RO_POL_21", "result": "imminent", "childInHousehold": "yes"}
EVENT = Event(
    "risk.assessed",
    "author",
    handle("case"),
    {PartyRole.VICTIM: handle("victim"), PartyRole.SUSPECT: handle("suspect")},
    PLACE,
    frozenset(),
    CONTENT,
)
UNITS = {
    "centre": (unit("centre", "SW-L"), Purpose.P6),
    "shelter": (unit("shelter", "SHEL"), Purpose.P9),
    "children": (unit("children", "CHILD"), Purpose.P8),
}
CONSENT = {"kind": "consent", "unit": "shelter", "purpose": "P9", "package": "sh3", "offset": 7}
WITHDRAWN = {**CONSENT, "state": "withdrawn", "offset": 8}
LEAVES = len(types()["risk.assessed"].fields)
FULL = b"\xff" * ((LEAVES + 7) // 8)


def explained(code: str, *records: dict[str, object], presence: bytes = FULL) -> Explanation:
    """The explanation of the decision for one unit."""
    result = decide(policy(), EVENT, facts(UNITS, records), NOW)
    decision = next(d for d in result.decisions if d.subscription.unit.code == code)
    return explain(policy(), types()["risk.assessed"], decision, presence)


def test_every_field_has_an_outcome() -> None:
    """Given, generalised and withheld fields of a shelter with package 3, each with its row and law."""
    fields = {answer.path: answer for answer in explained("shelter", CONSENT).fields}
    assert len(fields) == LEAVES
    assert fields["result"].outcome is Outcome.GIVEN
    assert fields["assessedAt"].outcome is Outcome.GENERALISED
    assert fields["relationship"].outcome is Outcome.WITHHELD
    assert (fields["result"].row, fields["result"].law) == ("R10", "GDPR 6(1)(a), 9(2)(a)")
    assert fields["relationship"].row == ""


def test_what_the_release_has_is_what_is_explained() -> None:
    """The given and generalised fields are exactly the leaves of the release."""
    result = decide(policy(), EVENT, facts(UNITS, [CONSENT]), NOW)
    for decision in result.decisions:
        told = explain(policy(), types()["risk.assessed"], decision, FULL)
        heard = [a.path for a in told.fields if a.outcome in (Outcome.GIVEN, Outcome.GENERALISED)]
        assert heard == [path for path, _ in decision.selected.release.leaves] if decision.selected else not heard


def test_a_withheld_field_names_the_row_and_the_guard_it_lacks() -> None:
    """The risk answers for a shelter with package 1 wait for package 3."""
    fields = {a.path: a for a in explained("shelter", {**CONSENT, "package": "sh1"}).fields}
    answer = fields["answers[].value"]
    assert (answer.outcome, answer.row, str(answer.guard)) == (Outcome.WITHHELD, "R10", "consent:sh3")


def test_a_refusal_names_reason_and_fact() -> None:
    """After the withdrawal the shelter does not learn; the auditor sees why and by which register record."""
    told = explained("shelter", CONSENT, WITHDRAWN)
    assert told.verdict is Outcome.DOES_NOT_LEARN
    assert {answer.outcome for answer in told.fields} == {Outcome.DOES_NOT_LEARN}
    words = list(sentences(told, Language.EN))
    assert words[0].endswith("does not learn that this risk.assessed exists: the consent was withdrawn.")
    assert words[1] == "It rests on the register record at offset 8."
    assert next(sentences(told, Language.RO)).endswith("consimțământul a fost retras.")


def test_a_refusal_names_the_record_that_does_not_count() -> None:
    """An expired consent is named as what it is, in both languages; without any record there is no such sentence."""
    told = explained("shelter", {**CONSENT, "state": "expired", "offset": 9})
    assert (str(told.guard), [fact.offset for fact in told.facts]) == ("consent:sh1", [9])
    assert list(sentences(told, Language.EN))[1] == (
        "The register record at offset 9 is there and does not make it so."
    )
    assert "poziția 9 există și nu face să fie așa" in list(sentences(told, Language.RO))[1]
    assert len(list(sentences(explained("shelter"), Language.EN))) == 1


def field_lines(told: Explanation, language: Language) -> list[str]:
    """The sentences about single fields."""
    found = [line for line in sentences(told, language) if line.startswith("`")]
    assert len(found) == LEAVES
    return found


def test_the_rule_is_told_as_it_stood() -> None:
    """Who gets which groups by which row, when, on which law, under which obligations; the consent's receipt."""
    told = explained("shelter", CONSENT)
    (rule,) = told.rules
    assert (rule.row, rule.give, dict(rule.generalise)) == ("R10", (1, 9, 10, 13), {6: "6", 15: "15", 26: "26c"})
    assert rule.receipt == told.facts[-1].key
    english, romanian = (list(sentences(told, language))[3:6] for language in (Language.EN, Language.RO))
    assert english[0].startswith(
        "Row R10 gives to Shelter for victims, for shelter safety, when a live consent opens package sh3:"
    )
    assert "victim's identity; risk level; " in english[0]
    assert "aggressor's identity (the name alone" in english[0]
    assert "on GDPR 6(1)(a), 9(2)(a) (text of 2016-05-04)" in english[0]
    assert english[1].startswith("Row R10 gives it under: ")
    assert english[2] == f"Row R10 rests on the consent with receipt {rule.receipt.hex()}; a recall names it."
    assert romanian[0].startswith("Rândul R10 dă către Adăpost pentru victime, în scopul ")
    assert romanian[2].startswith("Rândul R10 se sprijină pe consimțământul cu recipisa ")


def test_each_act_of_a_basis_has_the_date_of_its_own_text() -> None:
    """Two acts, two dates, each behind its act; an act whose text nobody dated has none."""
    told = explained("shelter", CONSENT)
    cites = (("L217", "28", "2020-01-02"), ("GDPR", "6(1)(a)", ""), ("L272/2004", "89", "2021-03-04"))
    law = replace(told.rules[0].basis, cites=tuple(Citation(*each, "") for each in cites))
    dated = replace(told, rules=(replace(told.rules[0], basis=law),))
    english, romanian = (list(sentences(dated, language))[3] for language in (Language.EN, Language.RO))
    assert english.endswith(
        "; on L217 art. 28 (text of 2020-01-02); GDPR 6(1)(a); L272/2004 art. 89 (text of 2021-03-04)."
    )
    assert romanian.endswith(
        "L217 art. 28 (textul din 2020-01-02); GDPR 6(1)(a); L272/2004 art. 89 (textul din 2021-03-04)."
    )


def test_a_unit_hears_the_rule_without_its_guards() -> None:
    """Row, groups, law, obligations and receipt; not which guards were asked."""
    told = for_unit(explained("shelter", CONSENT))
    (rule,) = told.rules
    assert rule.guards == ()
    assert rule.receipt is not None
    assert any(
        line.startswith("Row R10 gives to Shelter for victims, for shelter safety: ")
        for line in sentences(told, Language.EN)
    )
    assert for_unit(explained("shelter")).rules == ()


def test_in_a_roll_out_the_rule_tells_what_went_out_not_what_the_row_says() -> None:
    """The new version gives child protection one group more: until it is alone nobody hears of that group."""
    wide = texts().matrix.replace("give = [1, 6, 9, 13, 26]", "give = [1, 6, 9, 13, 26, 28]", 1)
    both = meet(policy(), compile_texts(texts()._replace(matrix=wide), types(), Profile.DEMO), types())
    content = {"instrument": "RO_POL_21", "result": "imminent", "childInHousehold": "yes"}
    event = Event("risk.assessed", "source", handle("case"), {}, PLACE, frozenset(), content)
    (decision,) = decide(both, event, facts({"children": (unit("children", "CHILD"), Purpose.P8)}), NOW).decisions
    (rule,) = explain(both, types()["risk.assessed"], decision, FULL).rules
    assert rule.row == "R8"
    assert (rule.give, rule.generalise) == ((1, 6, 9, 13, 26), ((15, "15"),))


def test_the_receipt_is_that_of_the_consent_not_of_the_relation() -> None:
    """Where a row rests on both, what a recall names is the consent."""
    related = {"kind": "relation", "unit": "hospital", "of": "patient", "role": "victim", "to": "victim", "offset": 3}
    agreed = {"kind": "consent", "unit": "hospital", "purpose": "P10", "package": "ho2", "offset": 8}
    content = {"instrument": "RO_POL_21", "result": "imminent", "childInHousehold": "no"}
    parties = {PartyRole.VICTIM: handle("victim")}
    event = Event("risk.assessed", "source", handle("case"), parties, PLACE, frozenset(), content)
    known = facts({"hospital": (unit("hospital", "HOSP"), Purpose.P10)}, [related, agreed])
    (decision,) = decide(policy(), event, known, NOW).decisions
    assert [fact.offset for fact in decision.facts] == [3, 8]
    (rule,) = explain(policy(), types()["risk.assessed"], decision, FULL).rules
    assert rule.receipt == handle("consent 8")


def test_a_row_by_law_has_no_receipt() -> None:
    """The centre's row rests on an order, not on what anybody said."""
    assert [(rule.row, rule.receipt) for rule in explained("centre").rules] == [("R4", None)]
    assert to_json(explained("centre"), Language.EN)["rules"][0]["obligations"] == [  # type: ignore[index]
        "no_onward_disclosure",
        "access_log",
        "application_receipt",
    ]


def test_empty_at_the_source_is_told() -> None:
    """A leaf that the source left null is marked, given or withheld."""
    told = explained("centre", presence=b"\x00" * len(FULL))
    assert all(answer.empty for answer in told.fields)
    assert all("empty at the source" in line for line in field_lines(told, Language.EN))
    assert not any(answer.empty for answer in explained("centre").fields)


def test_presence_is_read_most_significant_bit_first() -> None:
    """The first leaf is the highest bit of the first byte."""
    told = explained("centre", presence=b"\x80" + b"\x00" * (len(FULL) - 1))
    assert [answer.path for answer in told.fields if not answer.empty] == ["assessmentRef"]


@pytest.mark.parametrize("language", list(Language))
def test_unconfirmed_law_is_always_marked(language: Language) -> None:
    """Each field released on unconfirmed law says so; confirmed law does not."""
    mark = {Language.EN: "(law not confirmed)", Language.RO: "(lege neconfirmată)"}[language]
    centre, children = (field_lines(explained(who), language) for who in ("centre", "children"))
    assert all(mark in line for line in centre)
    assert any(
        line.startswith(("Row R4", "Rândul R4")) and mark in line for line in sentences(explained("centre"), language)
    )
    assert not any(mark in line for line in children)


def test_withheld_and_unknown_are_equal_for_a_unit() -> None:
    """A unit that was refused and a unit that asks for an event nobody sent get the same bytes."""
    refused = for_unit(explained("shelter", CONSENT, WITHDRAWN))
    assert refused is UNKNOWN
    for language in Language:
        assert json.dumps(to_json(refused, language)) == json.dumps(to_json(for_unit(None), language))


def test_a_unit_hears_only_what_it_was_given() -> None:
    """No withheld field, no guard, no fact, in object or words."""
    told = for_unit(explained("shelter", {**CONSENT, "package": "sh1"}))
    assert {answer.outcome for answer in told.fields} == {Outcome.GIVEN, Outcome.GENERALISED}
    shown = json.dumps(to_json(told, Language.EN))
    assert not [word for word in ("withheld", "answers", "consent:", "suspect.cnp", '"offset"') if word in shown]


def test_a_stand_in_does_not_hear_for_whom() -> None:
    """That another unit was denied is no news for the one that serves in its place; the auditor hears it."""
    result = decide(policy(), EVENT, facts(UNITS, [CONSENT]), NOW)
    decision = next(d for d in result.decisions if d.subscription.unit.code == "centre")
    told = explain(policy(), types()["risk.assessed"], decision._replace(fallback_for="denied"), FULL)
    heard = for_unit(told)
    assert told.fallback_for == "denied"
    assert "It stands in for unit denied, which was denied." in list(sentences(told, Language.EN))
    assert heard.fallback_for is None
    assert "denied" not in json.dumps([to_json(heard, language) for language in Language])


def test_both_tables_have_the_same_slots() -> None:
    """Every sentence exists in both languages with the same slots."""

    def slots(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert RO.keys() == EN.keys()
    assert {key: slots(text) for key, text in RO.items()} == {key: slots(text) for key, text in EN.items()}
    assert not set("şţŞŢ") & set("".join(RO.values()))


@pytest.mark.parametrize(
    ("n", "form"),
    [
        (0, "few"),
        (1, "one"),
        (2, "few"),
        (19, "few"),
        (20, "many"),
        (21, "many"),
        (100, "many"),
        (101, "few"),
        (119, "few"),
    ],
)
def test_romanian_plurals(n: int, form: str) -> None:
    """1; 0 and 2-19 and numbers ending in 01-19; the rest take `de`."""
    assert plural_form(n) == form
    assert (
        counted(n, "given", RO)
        == {"one": "1 câmp dat", "few": f"{n} câmpuri date", "many": f"{n} de câmpuri date"}[form]
    )


def test_no_value_of_a_record_can_be_in_an_explanation() -> None:
    """An explanation is made of paths, codes, laws and offsets: handles of persons do not occur in it."""
    shown = json.dumps(to_json(explained("shelter", CONSENT), Language.RO))
    assert handle("victim").hex() not in shown
    assert handle("suspect").hex() not in shown
