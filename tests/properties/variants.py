"""Random variants of the reference matrix, as text: other marks, rows that overlap, other states of the law.

The reference matrix has few cells in which rows compete for a group; here many do. No variant is proven: nobody may
activate it, but what it selects is defined all the same.
"""

from __future__ import annotations

import json
import tomllib
from random import Random
from typing import Any, TypeAlias

from tests.model.policy import POLICIES, Type, types
from tests.model.rules import becomes, rules_of

Raw: TypeAlias = dict[str, Any]
STATES = ("ok", "ok", "unconfirmed", "unconfirmed", "proposal")


def random_matrix(rng: Random) -> str:
    """The text of a variant of the reference matrix."""
    raw = tomllib.loads((POLICIES / "matrix.toml").read_text("utf-8"))
    for basis in raw["basis"]:
        basis["status"] = rng.choice(STATES) if basis["kind"] == "law" else rng.choice(("ok", "unconfirmed"))
    of_cell: dict[tuple[str, str, str], list[Raw]] = {}
    for row in raw["row"]:
        of_cell.setdefault((row["event"], row["role"], row["purpose"]), []).append(row)
    inside = _inside(raw["package"])
    made = [_marked(row, inside, rng) for row in raw["row"]]
    for rows in of_cell.values():
        if rng.random() < 0.6:
            like = rng.choice(rows)
            when = _when([row for row in rows if ("packages" in row) == ("packages" in like)], rng)
            made.append(_marked({**like, "id": f"{rows[0]['id']}X", "when": when}, inside, rng))
        if any("packages" in row for row in rows) and rng.random() < 0.6:
            made.append(_marked(_by_law(rows, rng), inside, rng))
    rng.shuffle(made)
    raw["row"] = [row for row in made if row.get("give") or row.get("generalise") or row.get("packages")]
    named = {(row["event"], row["role"], row["purpose"]) for row in raw["row"]}
    raw["exists"] = [each for each in raw["exists"] if (each["event"], each["role"], each["purpose"]) in named]
    return "\n".join(_table(name, each) for name in ("basis", "package", "exists", "row") for each in raw[name])


def _inside(packages: list[Raw]) -> dict[str, set[int]]:
    """The groups of each package, those of the smaller ones of its recipient included."""
    found: dict[tuple[str, str], set[int]] = {}
    made = {}
    for raw in packages:
        key = raw["role"], raw["purpose"]
        found[key] = found.get(key, set()) | set(raw["adds"])
        made[raw["name"]] = found[key]
    return made


def _by_law(rows: list[Raw], rng: Random) -> Raw:
    """A row by law beside one by consent: it asks the same but for the consent, and grants what some package grants."""
    like = rng.choice([row for row in rows if "packages" in row])
    kept = {key: value for key, value in like.items() if key != "packages"}
    when = [guard for guard in like["when"] if guard != "consent"] or ["area"]
    granted = rng.choice([*like["packages"].values(), {}])
    return {**kept, **granted, "id": f"{like['id']}L", "when": when, "basis": "B1"}


def _when(rows: list[Raw], rng: Random) -> list[str]:
    """The guards of one of the rows, now and then fewer or those of two."""
    found = list(rng.choice(rows)["when"])
    if rng.random() < 0.3:
        found = list(dict.fromkeys([*found, *rng.choice(rows)["when"]]))
    free = [guard for guard in found if guard != "consent"]
    if len(found) > 1 and free and rng.random() < 0.3:
        found.remove(rng.choice(free))
    return found


def _marked(row: Raw, inside: dict[str, set[int]], rng: Random) -> Raw:
    """The row with other marks for some groups, within its packages."""
    event = types()[row["event"]]
    every = {leaf.group for leaf in event.leaves} - {21, 24}
    kept = {key: value for key, value in row.items() if key not in ("give", "generalise", "packages")}
    if "packages" not in row:
        return kept | _grants(event, row, every, rng)
    found = {name: _grants(event, each, every & inside[name], rng) for name, each in row["packages"].items()}
    return kept | {"packages": {name: each for name, each in found.items() if each}}


def _grants(event: Type, raw: Raw, groups: set[int], rng: Random) -> Raw:
    """What a row or a package grants, with other marks for some of these groups."""
    marks: dict[int, str | None] = dict.fromkeys(raw.get("give", ()))
    marks |= {int(group): rule for group, rule in raw.get("generalise", {}).items()}
    for group in sorted(groups):
        draw = rng.random()
        if draw < 0.15:
            marks[group] = rng.choice([None, *_fitting(event, group)])
        elif draw < 0.2:
            marks.pop(group, None)
    give = [group for group, rule in marks.items() if rule is None]
    generalise = {str(group): rule for group, rule in marks.items() if rule is not None}
    return ({"give": give} if give else {}) | ({"generalise": generalise} if generalise else {})


def _fitting(event: Type, group: int) -> list[str]:
    """The rules that leave something of a group."""
    leaves = [leaf for leaf in event.leaves if leaf.group == group]
    return [rule for rule in rules_of(group) if any(becomes(leaf, rule) for leaf in leaves)]


def _table(name: str, raw: Raw) -> str:
    return "\n".join((f"[[{name}]]", *(f"{key} = {_value(value)}" for key, value in raw.items()), ""))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
