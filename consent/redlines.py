"""Red lines.

"never" statements over roles, groups, types and what a leaf *reveals*, owned by another role than the matrix.

Rule kept: contract.md section 9. A line is proven by looking at everything it speaks of: every selection of every
cell, proposals included, and each cell once more with all guards assumed true. A line that found nothing to look at
has proven nothing and fails.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from consent.border import Border, read_toml
from consent.cells import Selected
from consent.errors import Finding, FindingKind
from consent.guards import EMERGENCY
from consent.matrix import CellKey, Grant, Row, canonical
from consent.terms import POLICE, BasisKind, EventType, Field, Lane, LeafKind, Purpose, Reveals, Role, Transform


@dataclass(frozen=True, slots=True)
class RedLine:
    """One statement.

    `check` names the function below that judges it; the sets are its data; `elsewhere` names the test of a line of
    code.
    """

    id: str
    check: str
    says: str
    roles: frozenset[str]
    purposes: frozenset[str]
    lanes: frozenset[str]
    reveals: frozenset[str]
    groups: frozenset[int]
    types: tuple[str, ...]
    packages: frozenset[str]
    elsewhere: str


@dataclass(frozen=True, slots=True)
class RedLines:
    """All statements and the sha256 of their canonical form."""

    lines: tuple[RedLine, ...]
    digest: bytes


class Leaf(NamedTuple):
    """One leaf of one selection: who gets which field, how, by which row."""

    key: CellKey
    field: Field
    how: Transform
    row: str
    grant: Grant | None
    guards: tuple[str, ...]
    lane: Lane


@dataclass(frozen=True, slots=True)
class Scope:
    """All that red lines look at.

    `leaves` of every selection; `rows` of the matrix; `types` of the catalogue; `selections` counted.
    """

    leaves: tuple[Leaf, ...]
    rows: tuple[Row, ...]
    types: Mapping[str, EventType]
    selections: int


def parse_redlines(text: str, name: str = "redlines.toml") -> RedLines:
    """Read the red lines.

    Raises PolicyRefused on an unknown word: a misspelt red line must never pass as an empty one.
    """
    border = Border(name)
    raw = read_toml(name, text)
    border.keys("top level", raw, ("line",))
    lines = tuple(_line(border, table) for table in border.tables("line", raw.get("line", [])))
    border.close()
    return RedLines(lines, hashlib.sha256(canonical(raw)).digest())


def _line(border: Border, table: Mapping[str, object]) -> RedLine:
    where = border.text("line", "id", table.get("id"))
    check = border.word(where, "check", table.get("check"), (*CHECKS, ELSEWHERE))
    border.keys(where, table, ("id", "check", "says", *NEEDS.get(check, ()), *MAY.get(check, ())))
    for need in NEEDS.get(check, ()):
        if not table.get(need):
            border.fault(where, f"check `{check}` needs `{need}`", f"name the {need}")

    def words(what: str, known: Iterable[str]) -> frozenset[str]:
        return frozenset(border.words(where, what, table.get(what, []), known))

    return RedLine(
        where,
        check,
        border.text(where, "says", table.get("says")),
        words("roles", Role),
        words("purposes", Purpose),
        words("lanes", Lane),
        words("reveals", Reveals),
        frozenset(border.numbers(where, "groups", table.get("groups", []), range(1, 34))),
        tuple(str(item) for item in border.items(where, "types", table.get("types", []))),
        frozenset(str(item) for item in border.items(where, "packages", table.get("packages", []))),
        str(table.get(ELSEWHERE, "")),
    )


def leaves_of(
    key: CellKey, looked: Iterable[tuple[tuple[str, ...], Selected]], rows: Mapping[str, Row], event: EventType
) -> Iterator[Leaf]:
    """The leaves of these selections of a cell, each with its field and the grant that let it out."""
    fields = {field.path: field for field in event.fields}
    for guards, selected in looked:
        for (path, how), row in zip(selected.release.leaves, selected.rules, strict=True):
            grant = next((g for g in rows[row].grants if fields[path].group in g.groups), None)
            yield Leaf(key, fields[path], how, row, grant, guards, event.lane)


LeafCheck = Callable[[RedLine, Leaf], bool]


def never_reveals(line: RedLine, leaf: Leaf) -> bool:
    """These roles get no leaf that reveals any of these, however transformed."""
    return leaf.key[1] in line.roles and not line.reveals.isdisjoint(leaf.field.reveals)


def never_groups(line: RedLine, leaf: Leaf) -> bool:
    """These roles get no leaf of these groups."""
    return leaf.key[1] in line.roles and leaf.field.group in line.groups


def never_types(line: RedLine, leaf: Leaf) -> bool:
    """These roles get no release of these event types (`*` stands for the rest of a name)."""
    return leaf.key[1] in line.roles and any(fnmatch.fnmatchcase(leaf.key[0], pattern) for pattern in line.types)


def reveals_only_to(line: RedLine, leaf: Leaf) -> bool:
    """What reveals this goes only to these roles, and where named only for these purposes and on these lanes."""
    if line.reveals.isdisjoint(leaf.field.reveals):
        return False
    allowed = leaf.key[1] in line.roles and (not line.purposes or leaf.key[2] in line.purposes)
    return not allowed or bool(line.lanes and leaf.lane not in line.lanes)


def groups_only_to(line: RedLine, leaf: Leaf) -> bool:
    """These groups go only to these roles; no role named = to nobody."""
    return leaf.field.group in line.groups and leaf.key[1] not in line.roles


def only_in_package(line: RedLine, leaf: Leaf) -> bool:
    """These roles get these groups only inside these consent packages."""
    if leaf.key[1] not in line.roles or leaf.field.group not in line.groups:
        return False
    names = {guard.arg for guard in leaf.grant.guards} if leaf.grant else set()
    return names.isdisjoint(line.packages)


def only_by_consent(line: RedLine, leaf: Leaf) -> bool:
    """To these roles, what reveals this or lies in these groups goes only by consent."""
    spoken = not line.reveals.isdisjoint(leaf.field.reveals) or leaf.field.group in line.groups
    consent = leaf.grant is not None and leaf.grant.basis.kind is BasisKind.CONSENT
    return leaf.key[1] in line.roles and spoken and not consent


def transformed(_line: RedLine, leaf: Leaf) -> bool:
    """No reference and no person reference leaves as it came."""
    wanted = {LeafKind.REF: Transform.PAIRWISE, LeafKind.PERSON: Transform.PERSON_REF}.get(leaf.field.kind)
    return wanted is not None and leaf.how is not wanted


def cites_one_basis(_line: RedLine, leaf: Leaf) -> bool:
    """Every leaf cites one row that gives its group and names its basis."""
    return leaf.grant is None or not leaf.grant.basis.ref


LEAF_CHECKS: Mapping[str, LeafCheck] = {
    "never_reveals": never_reveals,
    "never_groups": never_groups,
    "never_types": never_types,
    "reveals_only_to": reveals_only_to,
    "groups_only_to": groups_only_to,
    "only_in_package": only_in_package,
    "only_by_consent": only_by_consent,
    "transformed": transformed,
    "cites_one_basis": cites_one_basis,
}

RowCheck = Callable[[RedLine, Row, EventType], bool]


def no_row(line: RedLine, row: Row, _event: EventType) -> bool:
    """These roles have no row."""
    return row.role in line.roles


def break_glass(line: RedLine, row: Row, event: EventType) -> bool:
    """A row opened by an emergency outside the alert lane gives only these groups, for these purposes."""
    opened = [grant for grant in row.grants if EMERGENCY in grant.guards and event.lane is not Lane.ALERT]
    return any(not grant.groups <= line.groups or row.purpose not in line.purposes for grant in opened)


def names_its_law(_line: RedLine, row: Row, event: EventType) -> bool:
    """A row from a police source to a role outside the police names a law or a consent."""
    crosses = not POLICE.isdisjoint(event.publishers) and row.role not in POLICE
    return crosses and not row.basis.ref.strip()


ROW_CHECKS: Mapping[str, RowCheck] = {"no_row": no_row, "break_glass": break_glass, "names_its_law": names_its_law}

FieldCheck = Callable[[RedLine, Field], bool]


def no_field(line: RedLine, field: Field) -> bool:
    """No schema has a leaf that reveals this or lies in these groups."""
    return field.group in line.groups or not line.reveals.isdisjoint(field.reveals)


def classified(_line: RedLine, field: Field) -> bool:
    """Every leaf has a group between 1 and 33 and says what it reveals."""
    return not (1 <= field.group <= 33 and field.reveals)


FIELD_CHECKS: Mapping[str, FieldCheck] = {"no_field": no_field, "classified": classified}

ELSEWHERE = "elsewhere"
CHECKS = (*LEAF_CHECKS, *ROW_CHECKS, *FIELD_CHECKS)
NEEDS: Mapping[str, tuple[str, ...]] = {
    "never_reveals": ("roles", "reveals"),
    "never_groups": ("roles", "groups"),
    "never_types": ("roles", "types"),
    "reveals_only_to": ("reveals", "roles"),
    "groups_only_to": ("groups",),
    "only_in_package": ("roles", "groups", "packages"),
    "only_by_consent": ("roles", "reveals"),
    "no_row": ("roles",),
    "break_glass": ("groups", "purposes"),
    ELSEWHERE: (ELSEWHERE,),
}
"""The data each check cannot do without: over an empty set it would prove everything."""
MAY: Mapping[str, tuple[str, ...]] = {
    "reveals_only_to": ("purposes", "lanes"),
    "groups_only_to": ("roles",),
    "only_by_consent": ("groups",),
    "no_field": ("groups", "reveals"),
}
"""The data each check can also use."""


class Proof(NamedTuple):
    """How one line was proven: what was looked at, how many, and how long it took in ms (0 without a clock)."""

    line: str
    says: str
    how: str
    looked: int
    ms: float
    crossed: int


def prove_redlines(lines: RedLines, scope: Scope, tick: Callable[[], float]) -> tuple[list[Proof], list[Finding]]:
    """Judge every line.

    `tick` gives seconds. Findings name line, row, role, field and guards; the same fault is told once.
    """
    proofs, findings = [], []
    for line in lines.lines:
        start = tick()
        how, looked, crossed = _judge(line, scope)
        if not looked:
            says = f"{line.id}: the proof looked at nothing"
            crossed = [Finding(FindingKind.VACUOUS, says, "give it a matrix and a catalogue to look at", line.id)]
        findings += crossed
        proofs.append(Proof(line.id, line.says, how, looked, (tick() - start) * 1000, len(crossed)))
    if not lines.lines:
        says = "there is no red line: the proof looked at nothing"
        findings.append(Finding(FindingKind.VACUOUS, says, "restore redlines.toml"))
    return proofs, findings


def _judge(line: RedLine, scope: Scope) -> tuple[str, int, list[Finding]]:
    """How the line is judged, how many things were looked at, and what crosses it."""
    if line.check in LEAF_CHECKS:
        crossed = {_place(leaf): leaf for leaf in reversed(scope.leaves) if LEAF_CHECKS[line.check](line, leaf)}
        return "releases", scope.selections, [_leaf_finding(line, leaf) for leaf in crossed.values()]
    if line.check in ROW_CHECKS:
        wrong = [row for row in scope.rows if ROW_CHECKS[line.check](line, row, scope.types[row.event])]
        return "rows", len(scope.rows), [_row_finding(line, row) for row in wrong]
    if line.check in FIELD_CHECKS:
        fields = [(event.name, field) for event in scope.types.values() for field in event.fields]
        faults = [(name, field) for name, field in fields if FIELD_CHECKS[line.check](line, field)]
        return "fields", len(fields), [_field_finding(line, name, field) for name, field in faults]
    return line.elsewhere, 1, []


def _place(leaf: Leaf) -> tuple[str, ...]:
    return leaf.row, leaf.field.path, *leaf.key


def _leaf_finding(line: RedLine, leaf: Leaf) -> Finding:
    event, role, purpose = leaf.key
    reveals = "+".join(sorted(leaf.field.reveals))
    what = f"`{leaf.field.path}` of {event} (group {leaf.field.group}, reveals {reveals})"
    says = (
        f"{line.id}: {role} {purpose} would learn {what}"
        f" by row {leaf.row}, when {' and '.join(leaf.guards) or 'asked'}; the line says: {line.says}"
    )
    remedy = f"take group {leaf.field.group} out of row {leaf.row}"
    return Finding(FindingKind.RED_LINE, says, remedy, line.id, leaf.row, event, role, leaf.field.path, leaf.guards)


def _row_finding(line: RedLine, row: Row) -> Finding:
    says = f"{line.id}: row {row.id} ({row.event}, {row.role} {row.purpose}) crosses the line: {line.says}"
    return Finding(FindingKind.RED_LINE, says, f"remove or narrow row {row.id}", line.id, row.id, row.event, row.role)


def _field_finding(line: RedLine, event: str, field: Field) -> Finding:
    says = f"{line.id}: `{field.path}` of {event} crosses the line: {line.says}"
    return Finding(FindingKind.RED_LINE, says, "remove the field from the schema", line.id, "", event, "", field.path)
