"""The decision cases of the policy pack: event, facts, and exactly who learns what.

The expectation is expanded here, by hand-written rules.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from consent.cases import Case, decide_case, parse_cases, run_case, shadow_policy
from consent.compile import Policy
from consent.pack import parse_pack
from consent.terms import Field
from hub.release.files import read_cases
from tests.cases.pack import POLICIES, policy, texts, types

GIVEN = {"ref": "pairwise", "person": "person_ref"}
FLAGS = {"13": "flag_present", "14": "flag_present", "14d": "flag_present", "15": "flag_caution"}
ONLY = {"1": "name", "6": "name", "7": "siruta", "29": "kind"}
SOME = {"11": "flag_care", "12": "age_band", "13c": "count", "25": "flag_dropped"}
MEANT = {
    "11": {"injuries", "injury", "severity"},
    "12": {"child.birthDate"},
    "13c": {"childAges"},
    "25": {"status"},
}
"""The leaves each of these rules is meant for, by name: `injuries` of a medical episode is a list, and left out."""


CASES = [
    pytest.param(case, id=f"{case.file} {case.number}: {case.says}")
    for name, text in read_cases(None).items()
    for case in parse_cases(name, text, types())
]


def leaf(field: Field, rule: str | None) -> str | None:
    """What one leaf must become, written independently of consent.generalise."""
    name = field.path.rsplit(".", 1)[-1]
    if rule in ONLY:
        return "as_is" if name == ONLY[rule] else None
    if rule in ("14", "14d") and not field.array:
        return {"validUntil": "day", "distanceM": "distance_band" if rule == "14d" else None}.get(name)
    if rule in SOME:
        return SOME[rule] if field.path in MEANT[rule] and field.array is (rule == "13c") else None
    if rule in FLAGS:
        return FLAGS[rule]
    return _fact(field, name, rule)


def _fact(field: Field, name: str, rule: str | None) -> str | None:
    """An event fact under the rules of group 26, or a leaf that is given."""
    if rule and field.base.value == "timestamp-millis":
        return "day" if rule == "26d" else "hour"
    if rule in ("26c", "26d") and name == "siruta":
        return "county"
    if rule in ("26c", "26d") and field.kind.value == "unit":
        return None
    return GIVEN.get(field.kind.value, "as_is")


def expected(event: str, entry: Mapping[str, Any]) -> dict[str, str]:
    """The leaves a listed unit gets, with their transforms."""
    rules = dict.fromkeys(entry.get("give", ())) | {int(g): r for g, r in entry.get("generalise", {}).items()}
    found = {f.path: leaf(f, rules[f.group]) for f in types()[event].fields if f.group in rules}
    return {path: how for path, how in found.items() if how}


@cache
def awake() -> Policy:
    """The policy in which proposals release, for the cases that ask what they would give."""
    return shadow_policy(parse_pack(texts(), types()), types())


@pytest.mark.parametrize("case", CASES)
def test_case(case: Case) -> None:
    """Listed units get exactly the listed fields by the listed row; refusals have their reason, and their record.

    Nobody else learns anything.
    """
    body = case.body
    decided = decide_case(case, awake() if body.get("shadow") else policy(), types())
    found = {each.subscription.unit.code: each for each in decided.decisions}
    assert decided.unserved == tuple(body.get("unserved", ()))
    for code, entry in body.get("released", {}).items():
        selected = found[code].selected
        assert selected is not None, (code, found[code])
        assert {path: how.value for path, how in selected.release.leaves} == expected(body["event"], entry), code
        assert {*entry.get("rows", [entry.get("row")])} <= {*selected.rules}
        assert found[code].fallback_for == entry.get("fallback_for")
    for code, entry in body.get("refused", {}).items():
        assert (found[code].selected, str(found[code].refusal)) == (None, entry["reason"])
        if "guard" in entry:
            assert str(found[code].guard) == entry["guard"]
            assert [fact.offset for fact in found[code].facts] == ([entry["fact"]] if "fact" in entry else [])
    assert not set(body.get("none", ())) & set(found)
    if not body.get("others"):
        assert {code for code, each in found.items() if each.selected} == set(body.get("released", {}))
    assert body["source"] not in found
    assert run_case(case, awake() if body.get("shadow") else policy(), types()).wrong == ()


def test_story_is_whole() -> None:
    """The story has its eight events in order."""
    story = tomllib.loads((POLICIES / "cases" / "story.toml").read_text("utf-8"))
    assert [case["says"][0] for case in story["case"]] == list("12345678")
