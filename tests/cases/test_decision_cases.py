"""The decision cases of the policy pack: event, facts, and exactly who learns what.

The expectation is expanded here, by hand-written rules.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from consent.decide import Decision, decide
from consent.facts import Event
from consent.terms import Field, PartyRole, Purpose
from tests.cases.pack import NOW, PLACE, POLICIES, facts, handle, policy, types, unit

GIVEN = {"ref": "pairwise", "person": "person_ref"}
FLAGS = {"11": "flag_care", "13": "flag_present", "15": "flag_caution"}


def cases() -> Iterator[Any]:
    """Every case of every file, with the units and facts of its file."""
    for path in sorted((POLICIES / "cases").glob("*.toml")):
        file = tomllib.loads(path.read_text("utf-8"))
        for case in file["case"]:
            yield pytest.param(file, case, id=f"{path.stem}: {case['says']}")


def leaf(field: Field, rule: str | None) -> str | None:
    """What one leaf must become, written independently of consent.generalise."""
    name = field.path.rsplit(".", 1)[-1]
    if rule in FLAGS:
        return FLAGS[rule]
    if rule in ("6", "29"):
        return "as_is" if name == {"6": "name", "29": "kind"}[rule] else None
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


def decisions(file: Mapping[str, Any], case: Mapping[str, Any]) -> tuple[dict[str, Decision], tuple[str, ...]]:
    """Decide the event of a case for all units of its file."""
    units = {
        code: (unit(code, raw["role"], i, raw.get("area", (PLACE,)), raw.get("fallback")), Purpose(raw["purpose"]))
        for i, (code, raw) in enumerate(file["units"].items())
    }
    known = facts(units, [file["facts"][name] for name in case["facts"]], stale=case.get("stale", False))
    parties = {PartyRole(name): handle(name) for name in case.get("parties", ())}
    named, content = frozenset(case.get("named", ())), case.get("content", {})
    event = Event(case["event"], case["source"], handle("case"), parties, PLACE, named, content)
    decided = decide(policy(), event, known, NOW)
    return {each.subscription.unit.code: each for each in decided.decisions}, decided.unserved


@pytest.mark.parametrize(("file", "case"), list(cases()))
def test_case(file: Mapping[str, Any], case: Mapping[str, Any]) -> None:
    """Listed units get exactly the listed fields by the listed row; refusals have their reason, and their record.

    Nobody else learns anything.
    """
    found, unserved = decisions(file, case)
    assert unserved == tuple(case.get("unserved", ()))
    for code, entry in case.get("released", {}).items():
        selected = found[code].selected
        assert selected is not None, (code, found[code])
        assert {path: how.value for path, how in selected.release.leaves} == expected(case["event"], entry), code
        assert entry["row"] in selected.rules
        assert found[code].fallback_for == entry.get("fallback_for")
    for code, entry in case.get("refused", {}).items():
        assert (found[code].selected, str(found[code].refusal)) == (None, entry["reason"])
        if "guard" in entry:
            assert str(found[code].guard) == entry["guard"]
            assert [fact.offset for fact in found[code].facts] == ([entry["fact"]] if "fact" in entry else [])
    assert not set(case.get("none", ())) & set(found)
    if not case.get("others"):
        assert {code for code, each in found.items() if each.selected} == set(case.get("released", {}))
    assert case["source"] not in found


def test_story_is_whole() -> None:
    """The story has its eight events in order."""
    story = tomllib.loads((POLICIES / "cases" / "story.toml").read_text("utf-8"))
    assert [case["says"][0] for case in story["case"]] == list("12345678")
