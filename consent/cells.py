"""A cell compiled: every combination of its guard bits, and for each the one release it selects, or none.

Rule kept: the release set is finite (law 2). At run time facts only choose a row of the table; nothing is computed
from them. Groups are united over true rows, given beats generalised, and each group cites one row, a row by law
before one by consent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress

from consent.generalise import RULES, TIME_OF, transform
from consent.guards import ALERT_CONTENT, Guard, GuardKind, guard_order
from consent.matrix import CellKey, Exists, Grant, Package, Row
from consent.terms import BasisKind, EventType, Lane, PartyRole, Purpose, Role, Transform

MAX_BITS = 5
"""Guard bits of one cell: 32 releases are still few enough to read (contract.md section 0, rule 2)."""


@dataclass(frozen=True, slots=True)
class Release:
    """One shape that may go out.

    Leaves in schema order with their transforms (never empty), and what `ce_time` becomes.
    """

    event: str
    leaves: tuple[tuple[str, Transform], ...]
    time: Transform
    name: str = field(init=False, compare=False)
    """A short name made of the content: the same leaves and transforms have the same name for ever."""

    def __post_init__(self) -> None:
        """Name the content once: every release of an event looks its cutter up by this."""
        text = "\n".join([self.event, self.time, *(f"{path} {how}" for path, how in self.leaves)])
        object.__setattr__(self, "name", f"{self.event}-{hashlib.sha256(text.encode()).hexdigest()[:8]}")

    def __hash__(self) -> int:
        """The hash of the name, which says the content."""
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Selected:
    """A release, and for each of its leaves the row that gave it (same order as `release.leaves`)."""

    release: Release
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reads:
    """The bits of a cell sorted by what they read, so that a decision asks only for what the cell needs.

    A mask of 0 = not asked.

    `packages`: name, groups, and the bits it makes true, its smaller packages' included. `of_suspect`: the bits of
    `relation(suspect)`.
    """

    area: int
    addressee: int
    content: tuple[tuple[int, str, str], ...]
    relations: tuple[tuple[int, PartyRole], ...]
    packages: tuple[tuple[str, frozenset[int], int], ...]
    of_suspect: int
    consent: int
    personal: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """One (event, role, purpose).

    Bit i of a valuation is `guards[i]`; `table[bits]` is what it selects, `why[bits]` the guard it lacks.

    `possible` lists the valuations facts can give; another (a large package without the small one, two symbols of one
    leaf) selects nothing.
    """

    event: str
    role: Role
    purpose: Purpose
    guards: tuple[Guard, ...]
    table: tuple[Selected | None, ...]
    why: tuple[Guard | None, ...]
    possible: tuple[int, ...]
    reads: Reads

    @property
    def key(self) -> CellKey:
        """(event, role, purpose)."""
        return self.event, self.role, self.purpose

    def mask(self, guards: Iterable[Guard]) -> int:
        """The bits of those guards that this cell has."""
        return sum(1 << self.guards.index(guard) for guard in set(guards) if guard in self.guards)

    def true(self, bits: int) -> tuple[Guard, ...]:
        """The guards a valuation makes true."""
        return tuple(guard for i, guard in enumerate(self.guards) if bits >> i & 1)


@dataclass(frozen=True)
class Ground:
    """What one cell is built from.

    Its existence (None only for a proposal), all rows that bring guards, its event type, its packages.
    """

    exists: Exists | None
    rows: tuple[Row, ...]
    event: EventType
    ladder: tuple[Package, ...]

    @property
    def alternatives(self) -> tuple[tuple[Guard, ...], ...]:
        """The conjunctions of existence; a proposal without an existence row brings its own guards."""
        return self.exists.when if self.exists else tuple(grant.guards for grant in self.grants(self.rows))

    def grants(self, rows: Iterable[Row]) -> tuple[Grant, ...]:
        """The grants of these rows, those by law first, else in the order of the file."""
        found = [grant for row in rows for grant in row.grants]
        return tuple(sorted(found, key=lambda grant: grant.basis.kind is BasisKind.CONSENT))

    @cached_property
    def guards(self) -> tuple[Guard, ...]:
        """Every guard of the cell, in bit order."""
        found = {guard for alternative in self.alternatives for guard in alternative}
        found |= {guard for grant in self.grants(self.rows) for guard in grant.guards}
        return guard_order(frozenset(found), tuple(package.name for package in self.ladder))


def build_cell(key: CellKey, ground: Ground, active: Sequence[Row]) -> Cell:
    """The cell over `active` rows.

    The bits come from all rows of the ground, so they mean the same in every profile.
    """
    guards, grants, alternatives = ground.guards, ground.grants(active), ground.alternatives
    ladder = tuple(package.name for package in ground.ladder)
    true = [frozenset(g for i, g in enumerate(guards) if bits >> i & 1) for bits in range(1 << len(guards))]
    possible = tuple(bits for bits, held in enumerate(true) if consistent(held, guards, ladder))
    table: list[Selected | None] = [None] * len(true)
    known: dict[tuple[bool, ...], Selected | None] = {}
    for bits in possible:
        if any(true[bits].issuperset(alternative) for alternative in alternatives):
            opened = tuple(true[bits].issuperset(grant.guards) for grant in grants)
            if opened not in known:
                known[opened] = select(ground.event, list(compress(grants, opened)))
            table[bits] = known[opened]
    why = _why(guards, alternatives, grants, table)
    return Cell(*key, guards, tuple(table), why, possible, reads_of(guards, ground.ladder, ground.event.lane))


def hollow(cell: Cell, ground: Ground) -> Iterator[int]:
    """The valuations in which the event exists for the unit and nothing would go out."""
    for bits in cell.possible:
        true = frozenset(cell.true(bits))
        if cell.table[bits] is None and any(true.issuperset(alternative) for alternative in ground.alternatives):
            yield bits


def consistent(true: frozenset[Guard], guards: Sequence[Guard], ladder: Sequence[str]) -> bool:
    """Whether facts can make exactly these guards true: packages contain the smaller ones, a leaf has one symbol."""
    consents = [guard for guard in guards if guard.kind is GuardKind.CONSENT]
    levels = [guard in true for guard in sorted(consents, key=lambda guard: ladder.index(guard.arg))]
    leaves = [guard.leaf for guard in true if guard.kind is GuardKind.CONTENT]
    return levels == sorted(levels, reverse=True) and len(set(leaves)) == len(leaves)


def select(event: EventType, grants: Sequence[Grant]) -> Selected | None:
    """The union of the grants as a release; None when they let nothing out."""
    chosen = {group: _citing(group, grants) for group in event.groups}
    leaves: list[tuple[str, Transform]] = []
    rules: list[str] = []
    for leaf in event.fields:
        found = chosen[leaf.group]
        how = transform(leaf, found[1]) if found else None
        if found and how:
            leaves.append((leaf.path, how))
            rules.append(found[0])
    time = chosen.get(26)
    ce_time = Transform.DAY if time is None else TIME_OF.get(time[1] or "", Transform.AS_IS)
    return Selected(Release(event.name, tuple(leaves), ce_time), tuple(rules)) if leaves else None


def _citing(group: int, grants: Sequence[Grant]) -> tuple[str, str | None] | None:
    """Row and rule for one group: the first that gives it, else the one with the finest generalisation, else None."""
    for grant in grants:
        if group in grant.give:
            return grant.row, None
    marks = [(grant.row, grant.generalise[group]) for grant in grants if group in grant.generalise]
    return min(marks, key=lambda mark: tuple(RULES).index(mark[1]), default=None)


def _why(
    guards: tuple[Guard, ...],
    alternatives: Sequence[Sequence[Guard]],
    grants: Sequence[Grant],
    table: Sequence[Selected | None],
) -> tuple[Guard | None, ...]:
    """For each valuation that selects nothing, the first false guard on the shortest way to a release."""
    ways = [frozenset(a) | frozenset(grant.guards) for a in alternatives for grant in grants]

    def lacking(bits: int) -> Guard | None:
        true = frozenset(guard for i, guard in enumerate(guards) if bits >> i & 1)
        missing = min((way - true for way in ways), key=len, default=frozenset())
        return next((guard for guard in guards if guard in missing), None)

    return tuple(None if table[bits] else lacking(bits) for bits in range(len(table)))


def reads_of(guards: tuple[Guard, ...], ladder: Sequence[Package], lane: Lane) -> Reads:
    """Sort the bits of a cell by what they read.

    A smaller package that adds nothing here has no bit: its mask is what it implies.
    """
    bit = {guard: 1 << i for i, guard in enumerate(guards)}
    of = {kind: [guard for guard in guards if guard.kind is kind] for kind in GuardKind}
    content = [(bit[guard], guard.leaf, guard.symbol) for guard in of[GuardKind.CONTENT]]
    if lane is Lane.ALERT:
        content += [(bit[guard], *ALERT_CONTENT) for guard in of[GuardKind.EMERGENCY]]
    relations = tuple((bit[guard], PartyRole(guard.arg)) for guard in of[GuardKind.RELATION])
    opened, packages = 0, []
    for package in ladder:
        opened |= bit.get(Guard(GuardKind.CONSENT, package.name), 0)
        packages.append((package.name, package.groups, opened))
    suspect = sum(mask for mask, role in relations if role is PartyRole.SUSPECT)
    area, addressee = (sum(bit[guard] for guard in of[kind]) for kind in (GuardKind.AREA, GuardKind.ADDRESSEE))
    personal = bool(relations or opened)
    return Reads(area, addressee, tuple(content), relations, tuple(packages), suspect, opened, personal)


def selections(cell: Cell) -> Iterator[tuple[int, Selected]]:
    """The distinct selections of a cell, each with the smallest valuation that gives it."""
    seen: set[Selected] = set()
    for bits, selected in enumerate(cell.table):
        if selected is not None and selected not in seen:
            seen.add(selected)
            yield bits, selected
