"""The release matrix: TOML rows a data-protection officer can sign, read into one frozen model with a digest.

Rule kept: what is not listed is denied, and a word nobody knows is refused, never skipped (contract.md sections 0, 4,
5).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from consent.basis import Basis, bases
from consent.border import Border, read_toml
from consent.generalise import GROUP_OF, fits, transform
from consent.guards import Guard, GuardKind, known_guards
from consent.terms import BasisKind, EventType, Obligation, Purpose, Role

__all__ = ["Basis", "CellKey", "Conflict", "Exists", "Grant", "Guard", "Matrix", "Package", "Row", "parse_matrix"]

CellKey = tuple[str, Role, Purpose]
"""(event type, role, purpose): one cell of the matrix."""


@dataclass(frozen=True, slots=True)
class Exists:
    """When a unit of this cell may learn that the event exists: any of the conjunctions in `when`."""

    event: str
    role: Role
    purpose: Purpose
    when: tuple[tuple[Guard, ...], ...]

    @property
    def cell(self) -> CellKey:
        """The cell this belongs to."""
        return self.event, self.role, self.purpose


@dataclass(frozen=True, slots=True)
class Grant:
    """One part of a row: when all guards are true, these groups are given, those generalised by the named rule."""

    row: str
    guards: tuple[Guard, ...]
    give: frozenset[int]
    generalise: Mapping[int, str]
    basis: Basis

    @property
    def groups(self) -> frozenset[int]:
        """Every group this part lets out in any form."""
        return self.give | frozenset(self.generalise)


@dataclass(frozen=True, slots=True)
class Row:
    """One legal basis inside a cell.

    A row by law is one grant; a row by consent has one grant for each package that adds to it. What is given by it is
    given under `obligations`; `retain_days` = how long the recipient may keep it, None = as its own law says.
    """

    id: str
    event: str
    role: Role
    purpose: Purpose
    grants: tuple[Grant, ...]
    basis: Basis
    obligations: tuple[Obligation, ...] = ()
    retain_days: int | None = None

    @property
    def cell(self) -> CellKey:
        """The cell this belongs to."""
        return self.event, self.role, self.purpose


@dataclass(frozen=True, slots=True)
class Package:
    """A consent package: what a person can agree to, for one role and purpose.

    `groups` contains those of the smaller packages.
    """

    name: str
    role: Role
    purpose: Purpose
    groups: frozenset[int]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Where two sources differ about a cell: the narrower reading holds, and the wider one is kept on record here."""

    event: str
    role: Role
    purpose: Purpose
    groups: frozenset[int]
    says: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """The whole matrix.

    `digest` is the sha256 (32 bytes) of its canonical form: the same rows in the same order, however typed.
    """

    packages: tuple[Package, ...]
    exists: tuple[Exists, ...]
    rows: tuple[Row, ...]
    digest: bytes
    bases: Mapping[str, Basis]
    conflicts: tuple[Conflict, ...] = ()

    def ladder(self, role: Role, purpose: Purpose) -> tuple[Package, ...]:
        """The packages of one role and purpose, from small to large."""
        return tuple(p for p in self.packages if (p.role, p.purpose) == (role, purpose))


def parse_matrix(text: str, types: Mapping[str, EventType], name: str = "matrix.toml") -> Matrix:
    """Read the matrix. Raises PolicyRefused with every unknown word and misshapen row."""
    border = Border(name)
    raw = read_toml(name, text)
    border.file(raw, ("basis", "package", "exists", "row", "conflict"))
    packages = tuple(_packages(border, raw.get("package", [])))
    known = bases(border, raw.get("basis", []))
    reader = _Reader(border, types, packages, known)
    exists = tuple(reader.exists(t) for t in border.tables("exists", raw.get("exists", [])))
    rows = tuple(reader.row(t) for t in border.tables("row", raw.get("row", [])))
    conflicts = tuple(reader.conflict(t) for t in border.tables("conflict", raw.get("conflict", [])))
    _once(border, "row id", [row.id for row in rows if row])
    _once(border, "existence", [" ".join(found.cell) for found in exists if found])
    border.close()
    digest = digest_of(raw)
    found = tuple(e for e in exists if e), tuple(r for r in rows if r)
    sound = {name: basis for name, basis in known.items() if basis}
    return Matrix(packages, *found, digest, sound, tuple(c for c in conflicts if c))


def canonical(raw: object) -> bytes:
    """One spelling for one meaning: JSON, keys sorted, no spaces. Comments and layout of the file do not count."""
    return json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def meaning(raw: Mapping[str, object]) -> Mapping[str, object]:
    """All a policy file says, without its seals: they say that it was read, not what it says."""
    return {
        kind: [{key: item for key, item in each.items() if key != "seal"} for each in tables]
        if isinstance(tables, list) and all(isinstance(each, dict) for each in tables)
        else tables
        for kind, tables in raw.items()
        if kind != "seal"
    }


def digest_of(raw: Mapping[str, object]) -> bytes:
    """The sha256 (32 bytes) of what a policy file says: the same however typed, laid out or sealed."""
    return hashlib.sha256(canonical(meaning(raw))).digest()


def _once(border: Border, what: str, names: list[str]) -> None:
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        border.fault(name, f"the {what} `{name}` occurs twice", "give each its own")


def _packages(border: Border, value: object) -> Iterator[Package]:
    """Packages in order; each takes over the groups of the one before it in its ladder."""
    ladders: dict[tuple[str, str], frozenset[int]] = {}
    for table in border.tables("package", value):
        where = f"package {table.get('name', '?')}"
        border.keys(where, table, ("name", "role", "purpose", "adds", "seal"))
        role = border.word(where, "role", table.get("role"), Role)
        purpose = border.word(where, "purpose", table.get("purpose"), Purpose)
        adds = border.numbers(where, "adds", table.get("adds"), range(1, 34))
        groups = ladders.get((role, purpose), frozenset()) | frozenset(adds)
        ladders[role, purpose] = groups
        if role and purpose:
            yield Package(border.text(where, "name", table.get("name")), Role(role), Purpose(purpose), groups)


ROW_KEYS = (
    *("id", "event", "role", "purpose", "when", "give", "generalise", "packages"),
    *("basis", "obligations", "retain_days", "seal"),
)
"""What a [[row]] may say."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads rows against the known words. `border` collects the faults; a row with faults may come back as None."""

    border: Border
    types: Mapping[str, EventType]
    packages: tuple[Package, ...]
    bases: Mapping[str, Basis | None]

    def exists(self, table: Mapping[str, object]) -> Exists | None:
        """One [[exists]] table."""
        where = f"exists {table.get('event')} {table.get('role')} {table.get('purpose')}"
        self.border.keys(where, table, ("event", "role", "purpose", "when", "seal"))
        cell = self._cell(where, table)
        if cell is None:
            return None
        known = self._guards(cell)
        when = [
            self.border.words(where, "guard", a, known) for a in self.border.items(where, "when", table.get("when"))
        ]
        if not when or any(not alternative for alternative in when):
            self.border.fault(where, "an alternative without a guard", "existence without a condition is not allowed")
        return Exists(*cell, tuple(tuple(known[word] for word in alternative) for alternative in when))

    def row(self, table: Mapping[str, object]) -> Row | None:
        """One [[row]] table."""
        where = self.border.text("row", "id", table.get("id"))
        self.border.keys(where, table, ROW_KEYS)
        cell, named = self._cell(where, table), self.border.word(where, "basis", table.get("basis"), self.bases)
        basis = self.bases.get(named)
        if cell is None or basis is None:
            return None
        grants = tuple(self._grants(where, table, cell, basis))
        if not any(grant.groups for grant in grants):
            self.border.fault(where, "gives nothing", "name groups in `give` or `generalise`")
        return Row(where, *cell, grants, basis, *self._duties(where, table))

    def _cell(self, where: str, table: Mapping[str, object]) -> CellKey | None:
        event = self.border.word(where, "event type", table.get("event"), self.types)
        role = self.border.word(where, "role", table.get("role"), Role)
        purpose = self.border.word(where, "purpose", table.get("purpose"), Purpose)
        return (event, Role(role), Purpose(purpose)) if event and role and purpose else None

    def _ladder(self, cell: CellKey) -> tuple[Package, ...]:
        return tuple(p for p in self.packages if (p.role, p.purpose) == cell[1:])

    def _guards(self, cell: CellKey) -> Mapping[str, Guard]:
        return known_guards(self.types[cell[0]], tuple(p.name for p in self._ladder(cell)))

    def conflict(self, table: Mapping[str, object]) -> Conflict | None:
        """One [[conflict]] table."""
        where = f"conflict {table.get('event')} {table.get('role')} {table.get('purpose')}"
        self.border.keys(where, table, ("event", "role", "purpose", "groups", "says", "seal"))
        cell, says = self._cell(where, table), self.border.text(where, "says", table.get("says"))
        if cell is None:
            return None
        known = self.types[cell[0]].groups
        groups = self.border.numbers(where, f"group of {cell[0]}", table.get("groups", []), known)
        return Conflict(*cell, frozenset(groups), says)

    def _duties(self, where: str, table: Mapping[str, object]) -> tuple[tuple[Obligation, ...], int | None]:
        """What the recipient owes for what it is given, and for how many days it may keep it."""
        words = self.border.words(where, "obligation", table.get("obligations", []), Obligation)
        days = table.get("retain_days")
        if days is not None and (not isinstance(days, int) or isinstance(days, bool) or days < 1):
            self.border.fault(where, "`retain_days` is not a number of days", "give whole days, 1 or more")
            days = None
        if days is not None and Obligation.RETENTION_LIMIT not in words:
            self.border.fault(where, "limits how long it may be kept", "name the obligation `retention_limit` too")
        return tuple(map(Obligation, words)), days

    def _grants(self, where: str, table: Mapping[str, object], cell: CellKey, basis: Basis) -> Iterator[Grant]:
        """The one grant of a row by law, or one for each package of a row by consent."""
        known = self._guards(cell)
        law = {word: guard for word, guard in known.items() if guard.kind is not GuardKind.CONSENT}
        words = self.border.words(where, "guard", table.get("when"), (*law, "consent"))
        guards = tuple(law[word] for word in words if word != "consent")
        self._basis_fits(where, "consent" in words, basis, table)
        if "consent" not in words:
            yield self._grant(where, table, cell, guards, basis)
            return
        packages = self.border.table(where, "packages", table.get("packages"))
        names = {package.name: package for package in self._ladder(cell)}
        for name in self.border.words(where, "package", list(packages), names):
            part = self.border.table(where, name, packages[name])
            self.border.keys(f"{where} {name}", part, ("give", "generalise"))
            consent = (*guards, Guard(GuardKind.CONSENT, name))
            grant = self._grant(where, part, cell, consent, basis)
            for group in sorted(grant.groups - names[name].groups):
                self.border.fault(where, f"package `{name}` does not contain group {group}", "use a larger package")
            yield grant

    def _basis_fits(self, where: str, consent: bool, basis: Basis, table: Mapping[str, object]) -> None:
        if consent is not (basis.kind is BasisKind.CONSENT) or consent is not ("packages" in table):
            self.border.fault(
                where, "guard `consent`, a basis of kind consent and `packages` go together", "have all three or none"
            )
        if consent and ("give" in table or "generalise" in table):
            self.border.fault(where, "gives groups outside its packages", "move them into a package")
        if not consent and not table.get("when"):
            self.border.fault(where, "has no guard", "name at least one guard in `when`")

    def _grant(
        self, where: str, table: Mapping[str, object], cell: CellKey, guards: tuple[Guard, ...], basis: Basis
    ) -> Grant:
        event = self.types[cell[0]]
        give = frozenset(self.border.numbers(where, f"group of {event.name}", table.get("give", []), event.groups))
        rules = self.border.table(where, "generalise", table.get("generalise", {}))
        groups = self.border.numbers(where, f"group of {event.name}", list(rules), event.groups)
        generalise = {group: self._rule(where, event, group, rules[str(group)]) for group in groups}
        for group in sorted(give & frozenset(generalise)):
            self.border.fault(where, f"group {group} is both given and generalised", "keep one of the two")
        return Grant(where, guards, give, generalise, basis)

    def _rule(self, where: str, event: EventType, group: int, value: object) -> str:
        """The named rule of a group, checked against the types of its leaves."""
        known = [name for name, of in GROUP_OF.items() if of == group]
        rule = self.border.word(where, f"generalisation of group {group}", value, known)
        for field in event.of_group(group) if rule else ():
            if not fits(field, rule, event):
                self.border.fault(where, f"rule `{rule}` cannot work on `{field.path}` of {event.name}", "withhold it")
        if rule and all(transform(field, rule) is None for field in event.of_group(group)):
            self.border.fault(where, f"rule `{rule}` leaves nothing of group {group} of {event.name}", "withhold it")
        return rule
