"""The words of decision cases, checked: every key, kind of value and name, so that a misspelt case is refused.

Rule kept: a case that says something nobody reads would assert less than it seems to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from consent.border import Border
from consent.generalise import GROUP_OF
from consent.guards import known_guards
from consent.terms import EventType, PartyRole, Purpose, RefusalReason, Role

TEXT, NUMBER, TRUTH, TEXTS, NUMBERS, TABLE = "text", "number", "truth", "texts", "numbers", "table"
"""The kinds of value a case is written in."""

Shape = Mapping[str, str]

UNIT: Shape = {"role": TEXT, "purpose": TEXT, "area": NUMBERS, "fallback": TEXT, "suspended": TRUTH}
FACTS: Mapping[str, Shape] = {
    "consent": {
        "kind": TEXT,
        "unit": TEXT,
        "purpose": TEXT,
        "package": TEXT,
        "groups": NUMBERS,
        "giver": TEXT,
        "person": TEXT,
        "state": TEXT,
        "alone": TRUTH,
        "until": NUMBER,
        "by": TEXTS,
        "offset": NUMBER,
    },
    "relation": {
        "kind": TEXT,
        "unit": TEXT,
        "of": TEXT,
        "role": TEXT,
        "to": TEXT,
        "since": NUMBER,
        "until": NUMBER,
        "state": TEXT,
        "at": NUMBER,
        "offset": NUMBER,
    },
    "hold": {"kind": TEXT, "unit": TEXT, "on": TEXT, "until": NUMBER, "state": TEXT, "offset": NUMBER},
    "link": {"kind": TEXT, "a": TEXT, "b": TEXT},
}
STATES: Mapping[str, tuple[str, ...]] = {
    "consent": ("given", "refused", "withdrawn", "expired"),
    "relation": ("live", "ended"),
    "hold": ("on", "off"),
}
CASE: Shape = {
    "says": TEXT,
    "event": TEXT,
    "source": TEXT,
    "facts": TEXTS,
    "named": TEXTS,
    "parties": TEXTS,
    "content": TABLE,
    "place": NUMBER,
    "stale": TRUTH,
    "shadow": TRUTH,
    "assumed": TEXTS,
    "unserved": TEXTS,
    "others": TRUTH,
    "released": TABLE,
    "refused": TABLE,
    "none": TEXTS,
}
RELEASED: Shape = {
    "row": TEXT,
    "rows": TEXTS,
    "give": NUMBERS,
    "generalise": TABLE,
    "fallback_for": TEXT,
}
REFUSED: Shape = {"reason": TEXT, "guard": TEXT, "fact": NUMBER}
NEEDS: Mapping[str, tuple[str, ...]] = {
    "unit": ("role", "purpose"),
    "consent": ("unit", "purpose", "offset"),
    "relation": ("unit", "of", "role", "offset"),
    "hold": ("on", "offset"),
    "link": ("a", "b"),
    "case": ("says", "event", "source", "facts"),
    "refused": ("reason",),
}
"""What nobody can leave out."""


def shaped(border: Border, where: str, table: Mapping[str, Any], shape: Shape, needs: Collection[str] = ()) -> bool:
    """Check the keys of a table and the kind of each value; whether it can be read at all."""
    before = len(border.findings)
    border.keys(where, table, shape)
    for key in needs:
        if key not in table:
            border.fault(where, f"`{key}` is missing", f"give `{key}`")
    for key, value in table.items():
        if key in shape and not _is(value, shape[key]):
            border.fault(where, f"`{key}` is not of kind {shape[key]}", "see the cases that are there for its form")
    return len(border.findings) == before


def _is(value: object, kind: str) -> bool:
    if kind in (TEXTS, NUMBERS):
        return isinstance(value, list) and all(_is(item, TEXT if kind == TEXTS else NUMBER) for item in value)
    if kind == NUMBER:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, {TEXT: str, TRUTH: bool, TABLE: dict}[kind])


def check_cast(border: Border, units: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """The units and facts of a file."""
    for code, raw in units.items():
        where = f"unit {code}"
        if shaped(border, where, border.table(where, code, raw), UNIT, NEEDS["unit"]) and isinstance(raw, dict):
            border.word(where, "role", raw["role"], Role)
            border.word(where, "purpose", raw["purpose"], Purpose)
            if "fallback" in raw:
                border.word(where, "unit", raw["fallback"], units)
    for name, raw in facts.items():
        _fact(border, f"fact {name}", border.table(f"fact {name}", name, raw), units)


def _fact(border: Border, where: str, raw: Mapping[str, Any], units: Mapping[str, Any]) -> None:
    kind = border.word(where, "kind of fact", raw.get("kind"), FACTS)
    if not kind or not shaped(border, where, raw, FACTS[kind], NEEDS[kind]):
        return
    if "unit" in raw:
        border.word(where, "unit", raw["unit"], units)
    if "purpose" in raw:
        border.word(where, "purpose", raw["purpose"], Purpose)
    if "role" in raw:
        border.word(where, "party", raw["role"], PartyRole)
    if "state" in raw:
        border.word(where, "state", raw["state"], STATES[kind])


AUTHOR = "author"
"""A source that is no unit of the file."""
ASKED = (RefusalReason.GUARD_FALSE, RefusalReason.STALE)
"""Refusals that say which guard was false."""
Cast = tuple[Mapping[str, Any], Mapping[str, Any]]
"""The units and the facts of a file."""


def check_case(border: Border, where: str, body: Mapping[str, Any], cast: Cast, event: EventType) -> None:
    """One case whose shape is sound."""
    units, facts = cast
    border.word(where, "unit, or `author` for one that receives nothing,", body["source"], (*units, AUTHOR))
    border.words(where, "fact", body["facts"], facts)
    border.words(where, "party", body.get("parties", []), PartyRole)
    border.words(where, "unit", [*body.get("none", [])], units)
    border.words(where, "unit", [*body.get("named", [])], units)
    border.words(where, "guard", body.get("assumed", []), known_guards(event, ()))
    symbols = {field.path: (*field.symbols, "yes", "no") for field in event.fields}
    for leaf, symbol in body.get("content", {}).items():
        if border.word(where, f"field of {event.name}", leaf, symbols):
            border.word(where, f"symbol of {leaf}", symbol, symbols[leaf])
    for key, shape in (("released", RELEASED), ("refused", REFUSED)):
        for code, entry in body.get(key, {}).items():
            border.word(where, "unit", code, units)
            _outcome(border, f"{where} {code}", (key, border.table(where, code, entry)), shape, event)


def _outcome(border: Border, where: str, told: tuple[str, Mapping[str, Any]], shape: Shape, event: EventType) -> None:
    key, entry = told
    if not shaped(border, where, entry, shape, NEEDS.get(key, ())):
        return
    border.numbers(where, f"group of {event.name}", entry.get("give", []), event.groups)
    for group, rule in entry.get("generalise", {}).items():
        known = [name for name, of in GROUP_OF.items() if str(of) == group and of in event.groups]
        border.word(where, f"generalisation of group {group}", rule, known)
    if "reason" in entry:
        border.word(where, "reason", entry["reason"], RefusalReason)
    if key == "released" and ("row" in entry) is ("rows" in entry):
        border.fault(where, "names neither `row` nor `rows`, or both", "name one row in `row`, or every row in `rows`")
    if entry.get("reason") in ASKED and "guard" not in entry:
        border.fault(where, "names no `guard`", "name the `guard` that is false, as `punte policy show` spells it")
    if "fact" in entry and "guard" not in entry:
        border.fault(where, "names a `fact` without a `guard`", "name the `guard` that this record decides")
