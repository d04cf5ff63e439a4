"""Red lines.

"never" statements over roles, groups, types and what a leaf *reveals*, owned by another role than the matrix.

Rule kept: contract.md section 9. A line is proven by looking at everything it speaks of: every selection of every
cell, proposals included, and each cell once more with all guards assumed true. A line that found nothing to look at
has proven nothing and fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from consent.border import Border, read_toml
from consent.cells import Selected
from consent.errors import Finding, FindingKind
from consent.generalise import inputs
from consent.judges import (
    CHECKS,
    DUTIES,
    ELSEWHERE,
    FIELD_CHECKS,
    LEAF_CHECKS,
    MAY,
    NEEDS,
    ROW_CHECKS,
    TOGETHER,
    Leaf,
    RedLine,
)
from consent.matrix import CellKey, Row, digest_of
from consent.terms import EventType, Field, Lane, Purpose, Reveals, Role, Transform


@dataclass(frozen=True, slots=True)
class Reduction:
    """What a transform takes away of what its inputs reveal; without one, a derived leaf reveals all they do.

    `signed`: who of the owners of the red lines answers for it.
    """

    transform: Transform
    drops: frozenset[Reveals]
    signed: str
    why: str


@dataclass(frozen=True, slots=True)
class RedLines:
    """All statements, the reductions their owners signed, and the sha256 of their canonical form."""

    lines: tuple[RedLine, ...]
    digest: bytes
    reductions: tuple[Reduction, ...] = ()

    def reveals(self, field: Field, how: Transform, event: EventType) -> frozenset[Reveals]:
        """What a leaf tells its reader once it is transformed: the union of its inputs, less what was signed away."""
        if how is not Transform.AGE_BAND and not self.reductions:
            return field.reveals
        whole = frozenset[Reveals]().union(*(each.reveals for each in inputs(field, how, event)))
        dropped = frozenset[Reveals]().union(*(each.drops for each in self.reductions if each.transform is how))
        return (whole - dropped) or NOTHING


NOTHING = frozenset({Reveals.NONE})
GIVEN = (Transform.AS_IS, Transform.PAIRWISE, Transform.PERSON_REF)
"""What takes nothing away: no reduction can be signed for it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """All that red lines look at.

    `leaves` of every selection, each way to get one once; `rows` of the matrix; `types` of the catalogue; `selections`
    and `duties` counted.
    """

    leaves: tuple[Leaf, ...]
    rows: tuple[Row, ...]
    types: Mapping[str, EventType]
    selections: int
    duties: int


PLANNED = ("consent.*", "helpline.*")
"""Event types of domain.md section 3.2 that no schema carries yet, and that a red line speaks of already."""


def parse_redlines(text: str, types: Mapping[str, EventType], name: str = "redlines.toml") -> RedLines:
    """Read the red lines.

    Raises PolicyRefused on an unknown word: a misspelt red line must never pass as an empty one.
    """
    known = (*types, *dict.fromkeys(f"{each.partition('.')[0]}.*" for each in types), *PLANNED)
    border = Border(name)
    raw = read_toml(name, text)
    border.file(raw, ("line", "reduction"))
    lines = tuple(_line(border, table, known) for table in border.tables("line", raw.get("line", [])))
    reductions = tuple(_reduction(border, table) for table in border.tables("reduction", raw.get("reduction", [])))
    border.close()
    return RedLines(lines, digest_of(raw), tuple(each for each in reductions if each))


def _reduction(border: Border, table: Mapping[str, object]) -> Reduction | None:
    where = f"reduction {table.get('transform')}"
    border.keys(where, table, ("transform", "drops", "signed", "why", "seal"))
    known = [each for each in Transform if each not in GIVEN]
    how = border.word(where, "transform of a reduction", table.get("transform"), known)
    drops = border.words(where, "reveals", table.get("drops"), Reveals)
    signed, why = (border.text(where, key, table.get(key)) for key in ("signed", "why"))
    return Reduction(Transform(how), frozenset(map(Reveals, drops)), signed, why) if how else None


def _line(border: Border, table: Mapping[str, object], types: Sequence[str]) -> RedLine:
    where = border.text("line", "id", table.get("id"))
    check = border.word(where, "check", table.get("check"), (*CHECKS, ELSEWHERE))
    border.keys(where, table, ("id", "check", "says", "seal", *NEEDS.get(check, ()), *MAY.get(check, ())))
    for need in NEEDS.get(check, ()):
        if not table.get(need):
            border.fault(where, f"check `{check}` needs `{need}`", f"name the {need}")

    def words(what: str, known: Iterable[str]) -> frozenset[str]:
        return frozenset(border.words(where, what, table.get(what, []), known))

    def texts(what: str) -> Iterator[str]:
        return (border.text(where, what, each) for each in border.items(where, what, table.get(what, [])))

    return RedLine(
        where,
        check,
        border.text(where, "says", table.get("says")),
        words("roles", Role),
        words("purposes", Purpose),
        words("lanes", Lane),
        words("reveals", Reveals),
        frozenset(border.numbers(where, "groups", table.get("groups", []), range(1, 34))),
        border.words(where, "event type", table.get("types", []), types, "types"),
        frozenset(texts("packages")),
        tuple(texts(ELSEWHERE)),
    )


def leaves_of(
    key: CellKey,
    looked: Iterable[tuple[tuple[str, ...], Selected]],
    rows: Mapping[str, Row],
    event: EventType,
    lines: RedLines,
) -> Iterator[Leaf]:
    """The leaves of these selections of a cell, each with its field and the grant that let it out.

    A leaf that several selections give by the same row in the same way is there once, with the first guards.
    """
    fields = {field.path: field for field in event.fields}
    seen: set[tuple[str, Transform, str]] = set()
    for guards, selected in looked:
        for (path, how), row in zip(selected.release.leaves, selected.rules, strict=True):
            if (path, how, row) in seen:
                continue
            seen.add((path, how, row))
            field = fields[path]
            grants = tuple(g for g in rows[row].grants if field.group in g.groups)
            yield Leaf(key, field, how, row, grants, guards, event.lane, lines.reveals(field, how, event))


class Proof(NamedTuple):
    """How one line was proven: what was looked at, how many, and how long it took in ms (0 without a clock)."""

    line: str
    says: str
    how: str
    looked: int
    ms: float
    crossed: int
    duty: bool = False


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
        judge = LEAF_CHECKS[line.check]
        crossed = {_place(leaf): leaf for leaf in reversed(scope.leaves) if judge(line, leaf)}
        return "releases", scope.selections, [_leaf_finding(line, leaf) for leaf in crossed.values()]
    if line.check in ROW_CHECKS:
        wrong = [row for row in scope.rows if ROW_CHECKS[line.check](line, row, scope.types[row.event])]
        return "rows", len(scope.rows), [_row_finding(line, row) for row in wrong]
    if line.check in FIELD_CHECKS:
        fields = [(event.name, field) for event in scope.types.values() for field in event.fields]
        faults = [(name, field) for name, field in fields if FIELD_CHECKS[line.check](line, field)]
        return "fields", len(fields), [_field_finding(line, name, field) for name, field in faults]
    if line.check == TOGETHER:
        return _together(line, scope)
    if line.check == DUTIES:
        return "duty lines", scope.duties, []
    return ELSEWHERE, len(line.elsewhere), []


def learned(leaves: Iterable[Leaf]) -> Mapping[Reveals, Leaf]:
    """What somebody who gets all of these ever learns, each with the first such leaf."""
    found: dict[Reveals, Leaf] = {}
    for leaf in leaves:
        for word in leaf.reveals:
            found.setdefault(word, leaf)
    return found


def _together(line: RedLine, scope: Scope) -> tuple[str, int, list[Finding]]:
    """No role of these ever learns all of this, over every release it can ever get (INV-02 over time)."""
    crossed = []
    for role in sorted(line.roles):
        found = learned(leaf for leaf in scope.leaves if leaf.key[1] == role)
        if line.reveals <= found.keys():
            crossed.append(_together_finding(line, role, [found[Reveals(word)] for word in sorted(line.reveals)]))
    return "releases", scope.selections, crossed


def _together_finding(line: RedLine, role: str, leaves: Sequence[Leaf]) -> Finding:
    ways = " and ".join(f"`{leaf.field.path}` of {leaf.key[0]} by row {leaf.row}" for leaf in leaves)
    both = " and ".join(sorted(line.reveals))
    says = f"{line.id}: {role} would learn in time {both}: {ways}; the line says: {line.says}"
    rows = " and ".join(dict.fromkeys(leaf.row for leaf in leaves))
    return Finding(FindingKind.RED_LINE, says, f"narrow one of the rows {rows}", line.id, rows, role=role)


def _place(leaf: Leaf) -> tuple[str, ...]:
    return leaf.row, leaf.field.path, *leaf.key


def _leaf_finding(line: RedLine, leaf: Leaf) -> Finding:
    event, role, purpose = leaf.key
    reveals = "+".join(sorted(leaf.reveals))
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
