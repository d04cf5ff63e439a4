"""Waivers: a named controller lets rows release in production although their law is not confirmed, until a date.

Rule kept: a waiver is data of its own file, owned by the controllers, never of the matrix; it names rows one by one,
it ends by itself, and it can wake no proposal (domain.md section 4, last paragraph under the matrix).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from consent.border import Border, read_toml
from consent.matrix import Matrix, digest_of
from consent.terms import BasisStatus


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver. `until`: the first day (UTC) on which it no longer counts; `by`: opaque ids of those who signed."""

    id: str
    rows: tuple[str, ...]
    controller: str
    by: tuple[str, ...]
    until: date
    why: str

    @property
    def until_ms(self) -> int:
        """The first moment at which it no longer counts, ms since 1970."""
        return int(datetime(self.until.year, self.until.month, self.until.day, tzinfo=UTC).timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class Waivers:
    """All waivers and the sha256 of their canonical form; empty where there are none."""

    waivers: tuple[Waiver, ...] = ()
    digest: bytes = b""

    def counting(self, at_ms: int) -> tuple[Waiver, ...]:
        """Those that count at a moment (ms since 1970)."""
        return tuple(waiver for waiver in self.waivers if at_ms < waiver.until_ms)

    def ends(self, at_ms: int) -> tuple[int, ...]:
        """The moments after this one at which a waiver ends, in order."""
        return tuple(sorted({waiver.until_ms for waiver in self.counting(at_ms)}))


NO_WAIVERS = Waivers()


def waived(waivers: Collection[Waiver]) -> frozenset[str]:
    """The rows these waivers name."""
    return frozenset(row for waiver in waivers for row in waiver.rows)


def parse_waivers(text: str, matrix: Matrix | None, name: str = "waivers.toml") -> Waivers:
    """Read the waivers. Raises PolicyRefused with every unknown word; `matrix` None = one that could not be read."""
    border = Border(name)
    raw = read_toml(name, text)
    border.file(raw, ("waiver",))
    tables = border.tables("waiver", raw.get("waiver", []))
    found = [_waiver(border, table, matrix) for table in tables]
    ids = [waiver.id for waiver in found if waiver]
    for twice in sorted({each for each in ids if ids.count(each) > 1}):
        border.fault(twice, f"the waiver `{twice}` occurs twice", "give each its own id")
    border.close()
    digest = digest_of(raw) if tables else b""
    return Waivers(tuple(waiver for waiver in found if waiver), digest)


def _waiver(border: Border, table: Mapping[str, object], matrix: Matrix | None) -> Waiver | None:
    where = border.text("waiver", "id", table.get("id"))
    border.keys(where, table, ("id", "rows", "controller", "by", "until", "why", "seal"))
    rows = _rows(border, where, table, matrix)
    by = _signed(border, where, table.get("by"))
    controller, why = (border.text(where, key, table.get(key)) for key in ("controller", "why"))
    until = table.get("until")
    if not by or (matrix and not rows):
        border.fault(where, "names no row or nobody who signed", "name `rows` and `by`")
    if not isinstance(until, date) or isinstance(until, datetime):
        border.fault(where, "`until` is not a date", "give the first day on which it no longer counts, 2027-03-31")
        return None
    return Waiver(where, rows, controller, by, until, why)


def _signed(border: Border, where: str, value: object) -> tuple[str, ...]:
    """Those who signed. One named controller is enough (domain.md section 4); one who signs twice is still one."""
    by = tuple(border.text(where, "by", each).strip() for each in border.items(where, "by", value))
    if len(set(by)) < len(by) and all(by):
        border.fault(where, "is signed twice by the same person", "name each who signed once in `by`")
    return by


def _rows(border: Border, where: str, table: Mapping[str, object], matrix: Matrix | None) -> tuple[str, ...]:
    """The rows it names: known ones, whose law is not confirmed."""
    if matrix is None:
        return ()
    status = {row.id: row.basis.status for row in matrix.rows}
    rows = border.words(where, "row", table.get("rows"), status, "rows")
    for row in rows:
        if status[row] is not BasisStatus.UNCONFIRMED:
            border.fault(where, f"row `{row}` has a basis of status {status[row]}", "waive only unconfirmed law")
    return rows
