"""The rows of the matrix as a person reads them: which of them hold for a unit, and what they give. Pure.

Source: contract.md sections 0 (guards, packages, transforms, denials) and 4 to 6.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consent.terms import EventType, Field, LeafKind, Transform

RELEASING = {"demo": ("ok", "unconfirmed"), "production": ("ok",)}
Truth = Mapping[str, bool]
Wanted = dict[str, Transform]


@dataclass(frozen=True, slots=True)
class Rows:
    """The matrix and the duty lines as they stand in their files."""

    exists: Sequence[Mapping[str, Any]]
    rows: Sequence[Mapping[str, Any]]
    packages: Sequence[Mapping[str, Any]]
    lines: Sequence[Mapping[str, Any]]

    def of(self, part: str, event: str, role: str, purpose: str) -> list[Mapping[str, Any]]:
        """The entries of one cell."""
        entries: Sequence[Mapping[str, Any]] = getattr(self, part)
        return [e for e in entries if (e["event"], e["role"], e["purpose"]) == (event, role, purpose)]

    def ladder(self, role: str, purpose: str) -> list[Mapping[str, Any]]:
        """The consent packages of a recipient, from small to large."""
        return [p for p in self.packages if (p["role"], p["purpose"]) == (role, purpose)]


def read_rows(matrix: str, dutylines: str, profile: str) -> Rows:
    """Read the files; rows whose law is not sure enough for the profile are left out."""
    found = tomllib.loads(matrix)
    sure = {basis["id"] for basis in found["basis"] if basis["status"] in RELEASING[profile]}
    rows = [row for row in found["row"] if row["basis"] in sure]
    return Rows(found["exists"], rows, found["package"], tomllib.loads(dutylines)["line"])


def wanted(rows: Rows, event: EventType, cell: tuple[str, str], truth: Truth, package: str | None) -> Wanted | None:
    """Path -> transform of what the unit gets; None = it does not learn of the event."""
    entries = rows.of("exists", event.name, *cell)
    if not any(all(truth[atom] for atom in conjunction) for entry in entries for conjunction in entry["when"]):
        return None
    groups: dict[int, str | None] = {}
    for row in rows.of("rows", event.name, *cell):
        if all(truth[atom] for atom in row["when"]):
            for give, generalise in _gifts(rows, row, cell, package):
                groups |= {int(group): rule for group, rule in generalise.items() if int(group) not in groups}
                groups |= dict.fromkeys(give)
    return _leaves(event, groups) or None


def floor(line: Mapping[str, Any], event: EventType) -> list[tuple[str, Transform | None]]:
    """The required leaves of a duty line's floor, with their transform where it must be as given.

    Of a group that may be generalised only the leaves that its own rule leaves.
    """
    required = [leaf for leaf in event.fields if leaf.required]
    exact = [(leaf.path, _how(leaf, None)) for leaf in required if leaf.group in line["floor"]]
    coarse = [
        (leaf.path, None)
        for leaf in required
        if leaf.group in line.get("floor_generalised", []) and _how(leaf, str(leaf.group))
    ]
    return [*exact, *coarse]


def _gifts(rows: Rows, row: Mapping[str, Any], cell: tuple[str, str], package: str | None) -> list[tuple[Any, Any]]:
    """What a row gives: itself, or its packages up to the one consented to."""
    if "packages" not in row:
        return [(row.get("give", []), row.get("generalise", {}))]
    found = []
    for step in rows.ladder(*cell):
        gift = row["packages"].get(step["name"])
        if gift is not None:
            found.append((gift.get("give", []), gift.get("generalise", {})))
        if step["name"] == package:
            break
    return found


def _leaves(event: EventType, groups: Mapping[int, str | None]) -> Wanted:
    """Leaf by leaf: as it is, by the rule of its group, or not at all."""
    found: Wanted = {}
    for leaf in event.fields:
        if leaf.group in groups:
            how = _how(leaf, groups[leaf.group])
            if how is not None:
                found[leaf.path] = how
    return found


_ONLY = {"1": "name", "6": "name", "7": "siruta", "29": "kind"}
"""The rules that leave one leaf, by its name."""
_ALL = {"13": Transform.FLAG_PRESENT, "15": Transform.FLAG_CAUTION}
"""The rules that make every leaf of their group one flag."""


def _how(leaf: Field, rule: str | None) -> Transform | None:
    """What the contract's table of transforms says of one leaf; None = it is left out."""
    name = leaf.path.rpartition(".")[2]
    plain = {LeafKind.REF: Transform.PAIRWISE, LeafKind.PERSON: Transform.PERSON_REF}.get(leaf.kind, Transform.AS_IS)
    if rule is None:
        return plain
    if rule in _ONLY:
        return plain if name == _ONLY[rule] else None
    if rule in _ALL:
        return _ALL[rule]
    if rule.startswith("26"):
        return _fact(leaf, name, rule, plain)
    return _derived(leaf, rule)


def _fact(leaf: Field, name: str, rule: str, plain: Transform) -> Transform | None:
    """Event facts: times coarser, from 26c on the county instead of the place and no unit."""
    if leaf.base == "timestamp-millis":
        return Transform.DAY if rule == "26d" else Transform.HOUR
    if rule != "26h" and leaf.kind is LeafKind.UNIT:
        return None
    return Transform.COUNTY if rule != "26h" and name == "siruta" else plain


def _derived(leaf: Field, rule: str) -> Transform | None:
    """The rules that look for a leaf of a certain form and say something else instead of it."""
    symbols = set(leaf.symbols)
    if rule == "11":
        injured = symbols == {"none", "minor", "serious", "unknown"} and not leaf.array
        return Transform.FLAG_CARE if injured else None
    if rule == "12":
        return Transform.AGE_BAND if leaf.base == "date" else None
    if rule == "25":
        return Transform.FLAG_DROPPED if "dropped_out" in symbols else None
    if rule == "13c":
        return Transform.COUNT if leaf.array else Transform.AS_IS if leaf.base == "int" else None
    if leaf.array:
        return Transform.FLAG_PRESENT
    if rule == "14d" and leaf.path == "distanceM":
        return Transform.DISTANCE_BAND
    return Transform.DAY if leaf.path == "validUntil" else None
