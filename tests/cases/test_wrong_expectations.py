"""A case that expects something wrong fails and says what is different: each kind of expectation, case by case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from consent import cases as module
from consent.cases import Case, decide_case, parse_all_cases, parse_cases, run_case, shadow_policy
from consent.compile import Policy
from consent.decide import Decided
from consent.pack import parse_pack
from hub.release.files import read_cases
from tests.cases.pack import policy, texts, types

CASES = parse_all_cases(read_cases(None), types())
Body = dict[str, Any]


@cache
def shadow() -> Policy:
    """The policy in which proposals release."""
    return shadow_policy(parse_pack(texts(), types()), types())


def wrong(case: Case, **changes: object) -> tuple[str, ...]:
    """What a case says when its expectations are changed; a change to None takes them out."""
    body: Body = {key: value for key, value in {**case.body, **changes}.items() if value is not None}
    return run_case(replace(case, body=body), shadow() if case.body.get("shadow") else policy(), types()).wrong


def entries(key: str, has: str = "") -> Iterator[tuple[Case, str, Mapping[str, Any]]]:
    """Every case with a unit under `released` or `refused` that says `has`."""
    for case in CASES:
        for code, entry in case.body.get(key, {}).items():
            if not has or has in entry:
                yield case, code, entry


def changed(case: Case, key: str, code: str, **told: object) -> tuple[str, ...]:
    """What a case says when the entry of one unit is changed; a change to None takes that out."""
    entry = {name: value for name, value in {**case.body[key][code], **told}.items() if value is not None}
    return wrong(case, **{key: {**case.body[key], code: entry}})


def told_once(found: Callable[[], Iterator[tuple[tuple[str, ...], str]]]) -> int:
    """How many changed cases there were; each must say exactly the one sentence."""
    every = list(found())
    assert [(said, sentence) for said, sentence in every if said != (sentence,)] == []
    return len(every)


def cited(case: Case, code: str) -> tuple[str, ...]:
    """The rows by which a unit gets an event."""
    decided = decide_case(case, shadow() if case.body.get("shadow") else policy(), types())
    (selected,) = (each.selected for each in decided.decisions if each.subscription.unit.code == code)
    assert selected is not None
    return tuple(dict.fromkeys(selected.rules))


def test_the_cases_hold_before_anything_is_changed() -> None:
    """Else what they say would not be about the change."""
    assert [case.says for case in CASES if wrong(case)] == []


def test_a_duty_that_is_not_unserved_and_one_that_is() -> None:
    """Both ways: the case says which duties are unserved, and which it expected."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case in CASES:
            there = " ".join(case.body.get("unserved", ())) or "none"
            yield wrong(case, unserved=["D-99"]), f"unserved duties are {there}, not D-99"
            if there != "none":
                yield wrong(case, unserved=None), f"unserved duties are {there}, not none"

    assert told_once(found) > len(CASES)


def test_a_row_that_does_not_give_it() -> None:
    """`row` names one that is cited; another one fails."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case, code, _ in entries("released", "row"):
            rows = " ".join(cited(case, code))
            yield changed(case, "released", code, row="Z0"), f"{code} gets it by row {rows}, not Z0"

    assert told_once(found) > 100


def test_rows_are_all_of_them_and_no_other() -> None:
    """`rows` with one less, and with one more."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case, code, entry in entries("released", "rows"):
            rows = " ".join(cited(case, code))
            for other in (entry["rows"][1:], entry["rows"][:-1], [*entry["rows"], "Z0"]):
                says = f"{code} gets it by row {rows}, not {' '.join(other) or 'none'}"
                yield changed(case, "released", code, rows=other), says

    assert told_once(found) > 3


def test_whom_a_unit_stands_in_for() -> None:
    """Nobody where it is somebody, another one, and somebody where it is nobody."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case, code, entry in entries("released"):
            there = entry.get("fallback_for", "nobody")
            says = f"{code} stands in for {there}, not for "
            yield changed(case, "released", code, fallback_for="x"), f"{says}x"
            if there != "nobody":
                yield changed(case, "released", code, fallback_for=None), f"{says}nobody"

    assert told_once(found) > len(list(entries("released"))) + 2


def test_a_group_that_is_not_given_and_one_that_is() -> None:
    """Each group left out, and each one of the type added, with the fields named."""
    for case, code, entry in entries("released", "give"):
        groups = types()[case.body["event"]].groups
        for group in entry["give"]:
            said = changed(case, "released", code, give=[each for each in entry["give"] if each != group])
            assert said
            assert all(each.startswith(f"{code} gets `") and " as " in each for each in said)
        for group in groups - {*entry["give"]} - {int(each) for each in entry.get("generalise", {})}:
            said = changed(case, "released", code, give=[*entry["give"], group])
            assert said
            assert all(each.startswith(f"{code} does not get `") for each in said)


def test_a_group_given_where_it_is_only_generalised() -> None:
    """The field, what it is, and what it was expected to be."""
    for case, code, entry in entries("released", "generalise"):
        for group in entry["generalise"]:
            said = changed(case, "released", code, generalise=None, give=[*entry.get("give", []), int(group)])
            assert any(each.startswith((f"{code} gets `", f"{code} does not get `")) for each in said)
    case, code, entry = next(each for each in entries("released", "generalise") if "11" in each[2]["generalise"])
    said = changed(case, "released", code, generalise=None, give=[*entry["give"], 11])
    assert any(each.startswith(f"{code} gets `") and each.endswith("as flag_care, not as_is") for each in said), said


def test_why_a_unit_is_refused() -> None:
    """Another reason, and another guard."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case, code, entry in entries("refused"):
            says = f"{code} is refused for {entry['reason']}, not check_failed"
            yield changed(case, "refused", code, reason="check_failed"), says
            if "guard" in entry:
                yield changed(case, "refused", code, guard="x"), f"{code} lacks {entry['guard']}, not x"

    assert told_once(found) > 50


def test_by_which_record_a_unit_is_refused() -> None:
    """Another record, none where there is one, and one where there is none."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case, code, entry in entries("refused", "guard"):
            there = entry.get("fact", "none")
            says = f"{code} is refused by the records {there}, not"
            yield changed(case, "refused", code, fact=99), f"{says} 99"
            if there != "none":
                yield changed(case, "refused", code, fact=None), f"{says} none"

    assert told_once(found) > 20


def test_a_unit_that_gets_it_is_not_refused() -> None:
    """Listed under `refused` instead of `released`, where the case allows others."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case, code, _ in entries("released"):
            released = {each: entry for each, entry in case.body["released"].items() if each != code}
            refused = {**case.body.get("refused", {}), code: {"reason": "held"}}
            yield wrong(case, released=released, refused=refused, others=True), f"{code} gets it"

    assert told_once(found) > 100


def test_a_unit_that_is_refused_gets_nothing() -> None:
    """Listed under `released`: the reason is named."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case, code, entry in entries("refused"):
            released = {**case.body.get("released", {}), code: {"row": "Z0"}}
            yield wrong(case, released=released, refused=None), f"{code} gets nothing ({entry['reason']})"

    assert told_once(found) > 50


def test_a_unit_without_a_cell_is_neither_refused_nor_served() -> None:
    """A unit under `none` listed as refused, or as served."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case in CASES:
            for code in case.body.get("none", ()):
                refused = {**case.body.get("refused", {}), code: {"reason": "held"}}
                released = {**case.body.get("released", {}), code: {"row": "Z0"}}
                yield wrong(case, refused=refused), f"{code} has no cell, so nothing to refuse"
                yield wrong(case, released=released), f"{code} gets nothing (its cell is empty)"

    assert told_once(found) > 100


@pytest.mark.parametrize("key", ["released", "refused"])
def test_a_unit_with_a_cell_is_not_one_without(key: str) -> None:
    """Whoever gets it or is refused stands under `none`."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case, code, _ in entries(key):
            says = f"{code} has a cell, and `none` says it has none"
            yield wrong(case, none=[*case.body.get("none", ()), code]), says

    assert told_once(found) > 50


def test_who_is_not_listed_learns_nothing() -> None:
    """A unit left out of `released` is told, unless the case says that others do not matter."""

    def found() -> Iterator[tuple[tuple[str, ...], str]]:
        for case, code, _ in entries("released"):
            if not case.body.get("others"):
                released = {each: entry for each, entry in case.body["released"].items() if each != code}
                assert wrong(case, released=released, others=True) == ()
                yield wrong(case, released=released), f"{code} learns of it and is not listed"

    assert told_once(found) > 100


def test_a_source_gets_nothing_of_its_own() -> None:
    """A unit that gets an event, named as its source, is not served by it."""
    for case, code, _ in entries("released"):
        assert f"{code} gets nothing (its cell is empty)" in wrong(case, source=code)


def test_a_decision_about_the_own_event_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should deciding ever forget that a source is no recipient, every case that names a unit as source says so."""

    def forgetful(case: Case, by: Policy, known: Mapping[str, Any]) -> Decided:
        return decide_case(replace(case, body={**case.body, "source": "nobody"}), by, known)

    monkeypatch.setattr(module, "decide_case", forgetful)
    said = [(case.body["source"], wrong(case)) for case in CASES if case.body["source"] in case.units]
    assert any(f"{source} is decided about its own event" in sentences for source, sentences in said)


def test_a_consent_to_a_package_that_is_not_there_is_told() -> None:
    """It opens nothing, and a case that expects nothing would hold for the wrong reason."""
    text = """
[units]
shelter = { role = "SHEL", purpose = "P9" }

[facts]
agreed = { kind = "consent", unit = "shelter", purpose = "P9", package = "sh9", offset = 1 }

[[case]]
says = "nothing goes out"
event = "risk.assessed"
source = "author"
parties = ["victim"]
facts = ["agreed"]
refused.shelter = { reason = "guard_false", guard = "consent(sh1)" }
"""
    (case,) = parse_cases("c.toml", text, types())
    (sound,) = parse_cases("c.toml", text.replace("sh9", "sh1"), types())
    assert "the fact agreed names no package of the matrix: sh9" in run_case(case, policy(), types()).wrong
    assert not any("no package" in line for line in run_case(sound, policy(), types()).wrong)
