"""The signed table as a page model: for each event type, roles across, field groups down, and in each cell its law.

Rules kept: pure; the page shows the rows the policy was compiled from and adds none. What no row lets out is withheld,
a role without a cell does not learn, and what a person must see before signing (law not confirmed, proposals, waivers,
conflicts) is data of the page, not of its colours. Source: contract.md sections 0, 4, 5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from consent.basis import Basis
from consent.cells import Ground
from consent.compile import RELEASING, Policy, grounds_of
from consent.generalise import transform
from consent.guards import Guard, GuardKind
from consent.matrix import Conflict, Grant, Package, Row
from consent.names import Name, act_name, guard_name
from consent.terms import BasisStatus, EventType, Field, Obligation, Outcome, Profile, Purpose, Role, Transform
from consent.waivers import Waiver


@dataclass(frozen=True, slots=True)
class Law:
    """What a row rests on: `ref` as the matrix cites it, `name` in full.

    `consolidated`: date of the text that was read (ISO), by act, empty where nobody recorded one.
    """

    id: str
    ref: str
    name: Name
    status: BasisStatus
    consolidated: Mapping[str, str]
    eli: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One field of a group: what it is in both languages and its class."""

    path: str
    doc: Name
    sensitivity: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What one part of a row does to one group in one cell.

    `outcome` is given or generalised; `rule` names the generalisation; `transforms`: leaf -> what it becomes, those
    left out are missing; `package` = the consent package it waits for, or empty; `guards` are the others, in words.
    `releases` = in the profile of the page, or by a waiver; `waivers` = ids of the waivers that cover the row.
    """

    outcome: Outcome
    rule: str | None
    transforms: Mapping[str, Transform]
    package: str
    row: str
    law: Law
    guards: tuple[Name, ...]
    obligations: tuple[Obligation, ...]
    retain_days: int | None
    releases: bool
    waivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One role with its purpose. `exists` = the alternatives under which a unit learns of the event at all.

    Empty = never: the column holds proposals alone.
    """

    role: Role
    purpose: Purpose
    exists: tuple[tuple[Name, ...], ...]


@dataclass(frozen=True, slots=True)
class Square:
    """Where a group and a column meet: the one word for it, and the parts of rows that speak of it, by law first."""

    outcome: Outcome
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One field group over all columns, in their order."""

    group: int
    leaves: tuple[Leaf, ...]
    squares: tuple[Square, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One event type. `strangers` = the roles that never learn that it exists. Any of the sequences may be empty."""

    event: str
    title: Name
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    strangers: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that is printed. `digest` of the policy, `matrix_digest` of the matrix alone, both in hex.

    `outcomes` counts squares by outcome, strangers' included, `rows` the ids of the matrix by how sure their law is.
    """

    digest: str
    matrix_digest: str
    profile: Profile
    releases: int
    cells: int
    outcomes: Mapping[Outcome, int]
    rows: Mapping[BasisStatus, tuple[str, ...]]
    tables: tuple[Table, ...]
    packages: tuple[Package, ...]
    waivers: tuple[Waiver, ...]
    conflicts: tuple[Conflict, ...]


def page(
    policy: Policy, types: Mapping[str, EventType], titles: Mapping[str, Name], waivers: Sequence[Waiver] = ()
) -> Page:
    """The page of a proven policy.

    `titles`: event type -> its name; a type without one is called by its bare name. `waivers`: those that count,
    printed in every profile.
    """
    grounds = grounds_of(policy.matrix, types)
    maker = _Maker(policy.profile, tuple(waivers))
    tables = []
    for name, event in types.items():
        cells = [ground for key, ground in grounds.items() if key[0] == name]
        tables.append(maker.table(event, titles.get(name, Name(name, name)), cells))
    return Page(
        digest=policy.digest.hex(),
        matrix_digest=policy.matrix.digest.hex(),
        profile=policy.profile,
        releases=len(policy.releases),
        cells=len(policy.cells),
        outcomes=_outcomes(tables),
        rows={status: tuple(_with(policy.matrix.rows, status)) for status in BasisStatus},
        tables=tuple(tables),
        packages=policy.matrix.packages,
        waivers=tuple(waivers),
        conflicts=policy.matrix.conflicts,
    )


def law_of(basis: Basis) -> Law:
    """A basis as printed."""
    dates = {cite.act: cite.consolidated for cite in basis.cites}
    named = [[str(replace(cite, act=act)) for act in act_name(cite.act)] for cite in basis.cites]
    name = Name(*("; ".join(cites) for cites in zip(*named, strict=True)))
    return Law(basis.id, basis.ref, name, basis.status, dates, tuple(cite.eli for cite in basis.cites if cite.eli))


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes tables in one profile under some waivers."""

    profile: Profile
    waivers: tuple[Waiver, ...]

    def table(self, event: EventType, title: Name, grounds: Sequence[Ground]) -> Table:
        columns = tuple(map(_column, grounds))
        heads = tuple(zip(columns, grounds, strict=True))
        lines = tuple(
            Line(
                group,
                tuple(Leaf(leaf.path, Name(leaf.doc, leaf.doc_ro), leaf.sensitivity) for leaf in event.of_group(group)),
                tuple(_square(column, tuple(self.entries(ground, group))) for column, ground in heads),
            )
            for group in sorted(event.groups)
        )
        known = {column.role for column in columns}
        return Table(event.name, title, columns, lines, tuple(role for role in Role if role not in known))

    def entries(self, ground: Ground, group: int) -> Iterator[Entry]:
        """What the rows of a cell do to a group, those by law first."""
        rows = {row.id: row for row in ground.rows}
        for grant in ground.grants(ground.rows):
            if group in grant.groups:
                yield self.entry(rows[grant.row], grant, ground.event.of_group(group), grant.generalise.get(group))

    def entry(self, row: Row, grant: Grant, leaves: Sequence[Field], rule: str | None) -> Entry:
        waivers = tuple(waiver.id for waiver in self.waivers if row.id in waiver.rows)
        status = row.basis.status
        may = status in RELEASING[self.profile] or (status is BasisStatus.UNCONFIRMED and bool(waivers))
        made = ((leaf.path, transform(leaf, rule)) for leaf in leaves)
        return Entry(
            outcome=Outcome.GIVEN if rule is None else Outcome.GENERALISED,
            rule=rule,
            transforms={path: how for path, how in made if how},
            package=next((guard.arg for guard in grant.guards if guard.kind is GuardKind.CONSENT), ""),
            row=row.id,
            law=law_of(row.basis),
            guards=_words(guard for guard in grant.guards if guard.kind is not GuardKind.CONSENT),
            obligations=row.obligations,
            retain_days=row.retain_days,
            releases=may,
            waivers=waivers,
        )


def _column(ground: Ground) -> Column:
    """The head of a cell; Ground has an existence, or rows (proposals) that say its role and purpose."""
    alternatives = ground.exists.when if ground.exists else ()
    first = ground.exists or ground.rows[0]
    return Column(first.role, first.purpose, tuple(_words(guards) for guards in alternatives))


def _square(column: Column, entries: tuple[Entry, ...]) -> Square:
    """The most that any entry but a proposal lets out; nothing where nobody learns."""
    if not column.exists:
        return Square(Outcome.DOES_NOT_LEARN, entries)
    found = {entry.outcome for entry in entries if entry.law.status is not BasisStatus.PROPOSAL}
    word = next((each for each in (Outcome.GIVEN, Outcome.GENERALISED) if each in found), Outcome.WITHHELD)
    return Square(word, entries)


def _words(guards: Iterable[Guard]) -> tuple[Name, ...]:
    return tuple(guard_name(guard) for guard in guards)


def _with(rows: Iterable[Row], status: BasisStatus) -> Iterator[str]:
    return (row.id for row in rows if row.basis.status is status)


def _outcomes(tables: Iterable[Table]) -> Mapping[Outcome, int]:
    """How many squares have each outcome; a stranger's count, group by group, as not learning."""
    found: Counter[Outcome] = Counter()
    for table in tables:
        found[Outcome.DOES_NOT_LEARN] += len(table.strangers) * len(table.lines)
        for line in table.lines:
            found.update(square.outcome for square in line.squares)
    return {each: found[each] for each in Outcome}
