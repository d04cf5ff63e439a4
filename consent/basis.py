"""Legal bases: the act, article and state of the text a row rests on, named once and cited by rows.

Rule kept: one row rests on one basis (contract.md section 5), and how sure the law is belongs to the basis, so that a
lawyer who confirms it confirms every row that cites it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consent.border import Border
from consent.terms import BasisKind, BasisStatus


@dataclass(frozen=True, slots=True)
class Citation:
    """One act. `consolidated`: the date of the consolidated text that was read, or empty; `eli`: its European id."""

    act: str
    article: str
    consolidated: str
    eli: str

    def __str__(self) -> str:
        """`L217 art. 28-31`; the articles of the GDPR stand bare: `GDPR 6(1)(a), 9(2)(a)`."""
        between = " " if self.article[:1].isdigit() and "(" in self.article and self.act in BARE else " art. "
        return f"{self.act}{between}{self.article}" if self.article else self.act


BARE = ("GDPR", "LED")
"""Acts whose articles are cited without the word."""


@dataclass(frozen=True, slots=True)
class Basis:
    """The law or the consent a row rests on, and how sure it is."""

    id: str
    kind: BasisKind
    status: BasisStatus
    cites: tuple[Citation, ...]

    @property
    def ref(self) -> str:
        """All of its citations in one line."""
        return "; ".join(map(str, self.cites))


def bases(border: Border, value: object) -> Mapping[str, Basis | None]:
    """Every [[basis]] of a matrix by its id, None where it has a fault: faults go to the border, each once."""
    found: dict[str, Basis | None] = {}
    for table in border.tables("basis", value):
        name = border.text("basis", "id", table.get("id"))
        if name in found:
            border.fault(name, f"the basis `{name}` occurs twice", "give each its own id")
        found[name] = _basis(border, name, table)
    return found


def _basis(border: Border, where: str, table: Mapping[str, object]) -> Basis | None:
    border.keys(where, table, ("id", "kind", "status", "cites", "seal"))
    kind = border.word(where, "kind of basis", table.get("kind"), BasisKind)
    status = border.word(where, "status of basis", table.get("status"), BasisStatus)
    cites = tuple(_citation(border, where, cite) for cite in border.tables(where, table.get("cites")))
    if not cites:
        border.fault(where, "names no law", "cite an act in `cites`")
    return Basis(where, BasisKind(kind), BasisStatus(status), cites) if where and kind and status else None


def _citation(border: Border, where: str, table: Mapping[str, object]) -> Citation:
    border.keys(where, table, ("act", "article", "consolidated", "eli"))
    act = border.text(where, "act", table.get("act"))
    rest = (border.text(where, key, table[key]) if key in table else "" for key in ("article", "consolidated", "eli"))
    return Citation(act, *rest)
