"""Duty lines: "always" statements. The floor each duty recipient gets whatever else is true, or its fallback does.

Rule kept: contract.md section 6. Given `when`, the floor is in the release under every combination of the other
guards: so also without consent, with stale registers, with every optional leaf null. A line that found no combination
to look at has proven nothing and fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from consent.border import Border, read_toml
from consent.cells import Cell, Release
from consent.errors import Finding, FindingKind
from consent.generalise import COARSEST, transform
from consent.guards import ALERT_CONTENT, PLACE, STALE_KINDS, Guard, GuardKind, known_guards
from consent.matrix import CellKey, digest_of
from consent.redlines import Proof
from consent.terms import EventType, Purpose, Role, Transform

NEXT = "next"
CONDITIONS = (str(GuardKind.CONSENT), str(GuardKind.RELATION))
"""What a must may hang on."""
FULL = frozenset({Transform.AS_IS, Transform.PAIRWISE, Transform.PERSON_REF})
"""The transforms of a given leaf."""


@dataclass(frozen=True, slots=True)
class DutyLine:
    """One duty.

    `floor` groups come given, `floor_generalised` at least generalised; `following` = the fallback is the unit's own
    next.
    """

    id: str
    event: str
    role: Role
    purpose: Purpose
    when: tuple[Guard, ...]
    floor: tuple[int, ...]
    floor_generalised: tuple[int, ...]
    fallback: Role
    following: bool
    asks: tuple[tuple[str, str], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Derive what a line asks of the content, leaf and symbol: it is asked for every event."""
        content = [(guard.leaf, guard.symbol) for guard in self.when if guard.kind is GuardKind.CONTENT]
        content += [ALERT_CONTENT for guard in self.when if guard.kind is GuardKind.EMERGENCY]
        object.__setattr__(self, "asks", tuple(content))

    @property
    def key(self) -> CellKey:
        """The cell that must serve it."""
        return self.event, self.role, self.purpose


@dataclass(frozen=True, slots=True)
class Must:
    """A recipient that the sources say must receive a type.

    `waits` says why nobody serves it yet, else it is empty; `on`: the sources ask for it only on a `consent` or a
    `relation`, else it is empty and holds for everyone.
    """

    event: str
    role: Role
    waits: str
    on: str = ""


@dataclass(frozen=True, slots=True)
class DutyLines:
    """All duties, the recipients the law names, and the sha256 of their canonical form."""

    lines: tuple[DutyLine, ...]
    digest: bytes
    musts: tuple[Must, ...] = ()


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty made ready for decisions.

    Bits that mean "due", what the stand-in may borrow, its purpose, and the floor leaf by leaf.
    """

    line: DutyLine
    due: int
    borrowed: frozenset[Guard]
    fallback_purpose: Purpose | None
    floor: tuple[tuple[str, bool], ...]


def parse_dutylines(text: str, types: Mapping[str, EventType], name: str = "dutylines.toml") -> DutyLines:
    """Read the duty lines. Raises PolicyRefused on an unknown word, group or guard."""
    border = Border(name)
    raw = read_toml(name, text)
    border.file(raw, ("line", "must"))
    lines = [_line(border, table, types) for table in border.tables("line", raw.get("line", []))]
    musts = [_must(border, table, types) for table in border.tables("must", raw.get("must", []))]
    border.close()
    digest = digest_of(raw)
    return DutyLines(tuple(line for line in lines if line), digest, tuple(must for must in musts if must))


def _must(border: Border, table: Mapping[str, object], types: Mapping[str, EventType]) -> Must | None:
    where = f"must {table.get('event')} {table.get('role')}"
    border.keys(where, table, ("event", "role", "waits", "on", "seal"))
    event = border.word(where, "event type", table.get("event"), types)
    role = border.word(where, "role", table.get("role"), Role)
    waits = border.text(where, "waits", table["waits"]) if "waits" in table else ""
    on = border.word(where, "condition of a must", table["on"], CONDITIONS) if "on" in table else ""
    return Must(event, Role(role), waits, on) if event and role else None


def _line(border: Border, table: Mapping[str, object], types: Mapping[str, EventType]) -> DutyLine | None:
    where = border.text("line", "id", table.get("id"))
    known = ("id", "event", "role", "purpose", "when", "floor", "floor_generalised", "fallback", "seal")
    border.keys(where, table, known)
    event = border.word(where, "event type", table.get("event"), types)
    role = border.word(where, "role", table.get("role"), Role)
    purpose = border.word(where, "purpose", table.get("purpose"), Purpose)
    fallback = border.word(where, "fallback", table.get("fallback"), (NEXT, *Role))
    if not (event and role and purpose and fallback):
        return None
    guards = {word: g for word, g in known_guards(types[event], ()).items() if g.kind not in STALE_KINDS}
    when = tuple(guards[word] for word in border.words(where, "guard", table.get("when"), guards))
    floor = border.numbers(where, f"group of {event}", table.get("floor"), types[event].groups)
    general = types[event].groups & frozenset(COARSEST)
    coarse = border.numbers(where, f"group of {event} with a rule", table.get("floor_generalised", []), general)
    if not when or not (floor or coarse):
        border.fault(where, "has no guard or no floor", "name `when` and `floor`")
    serves = Role(role if fallback == NEXT else fallback)
    return DutyLine(where, event, Role(role), Purpose(purpose), when, floor, coarse, serves, fallback == NEXT)


def floor_leaves(line: DutyLine, event: EventType) -> tuple[tuple[str, bool], ...]:
    """The leaves of the floor; True = as given, False = some generalisation is enough."""
    exact = [(field.path, True) for field in event.fields if field.group in line.floor]
    coarse = [
        (field.path, False)
        for field in event.fields
        if field.group in line.floor_generalised and transform(field, COARSEST[field.group]) is not None
    ]
    return (*exact, *coarse)


def missing(floor: Sequence[tuple[str, bool]], release: Release | None) -> tuple[str, ...]:
    """The floor leaves a release lacks, or gives too coarsely."""
    leaves = dict(release.leaves) if release else {}
    return tuple(path for path, exact in floor if path not in leaves or (exact and leaves[path] not in FULL))


def ready(line: DutyLine, cell: Cell, cells: Mapping[CellKey, Cell], event: EventType) -> Duty:
    """The duty in the form decisions use.

    What the fallback borrows is the denied unit's own place guard, or the one its cell has.
    """
    floor = floor_leaves(line, event)
    serving = [each for each in fallback_cells(line, cells) if not _unserved(each, _due(line, each), floor)]
    borrows = borrowed(line, serving[0]) if serving else frozenset()
    return Duty(line, cell.mask(line.when), borrows, serving[0].purpose if serving else None, floor)


def fallback_cells(line: DutyLine, cells: Mapping[CellKey, Cell]) -> tuple[Cell, ...]:
    """The cells in which the fallback could serve: its own for a next unit, else all of that role for this event."""
    if line.following:
        return (cells[line.key],) if line.key in cells else ()
    return tuple(cell for key, cell in sorted(cells.items()) if key[:2] == (line.event, line.fallback))


def borrowed(line: DutyLine, cell: Cell) -> frozenset[Guard]:
    """The place guards that count as true for the stand-in."""
    own = PLACE & frozenset(line.when)
    return own if own & frozenset(cell.guards) else PLACE & frozenset(cell.guards)


def _due(line: DutyLine, cell: Cell) -> frozenset[Guard]:
    """What is true for the stand-in when the line is due: the content of the event, and the borrowed place."""
    return (frozenset(line.when) - PLACE) | borrowed(line, cell)


def _unserved(
    cell: Cell, due: frozenset[Guard], floor: Sequence[tuple[str, bool]]
) -> list[tuple[int, tuple[str, ...]]]:
    """Every valuation in which the line is due and leaves of the floor are missing."""
    need = cell.mask(due)
    return [
        (bits, gone)
        for bits in possible(cell, need)
        if (gone := missing(floor, found.release if (found := cell.table[bits]) else None))
    ]


def possible(cell: Cell, need: int) -> Iterator[int]:
    """The valuations that contain `need` and that facts can give."""
    return (bits for bits in cell.possible if bits & need == need)


def prove_dutylines(
    lines: DutyLines, cells: Mapping[CellKey, Cell], types: Mapping[str, EventType], tick: Callable[[], float]
) -> tuple[list[Proof], list[Finding]]:
    """Judge every line and its fallback over these cells.

    Findings name line, role, field and the guards under which it is missed.
    """
    proofs, findings = [], []
    for line in lines.lines:
        start = tick()
        floor = floor_leaves(line, types[line.event])
        looked, missed = _judge(line, floor, cells)
        findings += missed
        says = f"{line.role} {line.purpose} always learns the floor of {line.event}"
        proofs.append(Proof(line.id, says, "valuations", looked, (tick() - start) * 1000, len(missed), duty=True))
    if not lines.lines:
        says = "there is no duty line: the proof looked at nothing"
        findings.append(Finding(FindingKind.VACUOUS, says, "restore dutylines.toml"))
    return proofs, findings


def _judge(
    line: DutyLine, floor: tuple[tuple[str, bool], ...], cells: Mapping[CellKey, Cell]
) -> tuple[int, list[Finding]]:
    """How many valuations were looked at, and what the recipient or its fallback would miss."""
    cell = cells.get(line.key)
    if cell is None:
        return 0, [_no_cell(line, line.role, "there is no cell that could serve it")]
    if cell.mask(line.when).bit_count() != len(line.when):
        return 0, [_no_cell(line, line.role, "its cell does not ask what the line asks")]
    looked = len(tuple(possible(cell, cell.mask(line.when))))
    missed = _misses(line, line.role, cell, frozenset(line.when), floor)
    serving = fallback_cells(line, cells)
    attempts = [_misses(line, line.fallback, c, _due(line, c), floor) for c in serving]
    if not serving:
        missed.append(_no_cell(line, line.fallback, "its fallback has no cell"))
    elif all(attempts) and not line.following:
        missed += attempts[0]
    if not looked:
        says = f"{line.id}: the proof looked at nothing"
        missed.append(Finding(FindingKind.VACUOUS, says, "its guards can never be true together", line.id))
    return looked, missed


def _misses(
    line: DutyLine, role: Role, cell: Cell, due: frozenset[Guard], floor: tuple[tuple[str, bool], ...]
) -> list[Finding]:
    """One finding for each floor leaf missing in some valuation, with the first such; one only if all is missing."""
    first: dict[str, int] = {}
    for bits, gone in _unserved(cell, due, floor):
        if cell.table[bits] is None:
            return [_no_cell(line, role, f"nothing goes out when {' and '.join(map(str, cell.true(bits)))}")]
        for path in gone:
            first.setdefault(path, bits)
    return [_finding(line, role, path, cell, bits) for path, bits in first.items()]


def _finding(line: DutyLine, role: Role, path: str, cell: Cell, bits: int) -> Finding:
    """Who would miss what, under which guards, and which row then speaks without giving it."""
    found = cell.table[bits]
    rows = " and ".join(dict.fromkeys(found.rules)) if found else ""
    guards = tuple(str(guard) for guard in cell.true(bits))
    what = f"would miss `{path}` of {line.event}"
    says = f"{line.id}: {_who(line, role)} {what} by row {rows}, when {' and '.join(guards)}"
    remedy = f"give its group in a row for {role} that asks no more than the line does"
    return Finding(FindingKind.DUTY_LINE, says, remedy, line.id, rows, line.event, role, path, guards)


def _no_cell(line: DutyLine, role: Role, why: str) -> Finding:
    says = f"{line.id}: {_who(line, role)} would miss all of {line.event}: {why}"
    remedy = f"add an existence and a row for {role} when {' and '.join(map(str, line.when))}"
    return Finding(FindingKind.DUTY_LINE, says, remedy, line.id, "", line.event, role)


def _who(line: DutyLine, role: Role) -> str:
    return str(role) if role is line.role else f"{role}, standing in for {line.role}"
