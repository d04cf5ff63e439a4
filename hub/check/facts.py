"""The register at a revision, as plain records. Pure.

Rule kept: `at(revision)` holds what lay before that offset and nothing later; it only ever moves forward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NOBODY = ""
Entry = tuple[int, str, str, Mapping[str, Any] | None]
"""Offset, kind, handle, record (None = erased)."""


def _shelf(kind: str, record: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a record is looked for: relations by unit and target, consents by recipient, purpose and person."""
    if kind == "relation":
        return kind, record["unit"], _target(record)
    if kind == "consent":
        return kind, record["recipient"], record["purpose"], record["person"]
    if kind == "hold":
        return kind, _target(record)
    return (kind,)


def _target(record: Mapping[str, Any]) -> str:
    """The one case or person a record is about; nobody where it names none or two: no gateway folds that."""
    named = [record[leaf] for leaf in ("caseHandle", "personHandle") if record[leaf] is not None]
    return str(named[0]) if len(named) == 1 else NOBODY


class Register:
    """Standing facts, folded up to a revision."""

    def __init__(self, entries: Sequence[Entry], counties: Mapping[int, int]) -> None:
        self._entries, self._counties, self._next = entries, counties, 0
        self._state: dict[tuple[str, str], tuple[int, Mapping[str, Any]]] = {}
        self._shelves: dict[tuple[str, ...], dict[str, tuple[int, Mapping[str, Any]]]] = {}

    def at(self, revision: int) -> Register:
        """Fold forward to a revision; revisions must not go back."""
        while self._next < len(self._entries) and self._entries[self._next][0] < revision:
            self._fold(*self._entries[self._next])
            self._next += 1
        return self

    def _fold(self, offset: int, kind: str, handle: str, record: Mapping[str, Any] | None) -> None:
        old = self._state.pop((kind, handle), None)
        if old is not None:
            self._shelves[_shelf(kind, old[1])].pop(handle)
        if record is not None:
            self._state[kind, handle] = (offset, record)
            self._shelves.setdefault(_shelf(kind, record), {})[handle] = (offset, record)

    def on(self, *shelf: str) -> list[tuple[int, Mapping[str, Any]]]:
        """Offset and record of every standing fact on a shelf."""
        return list(self._shelves.get(shelf, {}).values())

    def get(self, kind: str, handle: str) -> Mapping[str, Any] | None:
        """One standing fact."""
        found = self._state.get((kind, handle))
        return None if found is None else found[1]

    def covers(self, unit: Mapping[str, Any], siruta: int | None) -> bool:
        """Whether a place lies in a unit's area, a county code standing for its units."""
        return siruta is not None and (siruta in unit["area"] or self._counties.get(siruta) in unit["area"])

    def places(self, unit: Mapping[str, Any]) -> frozenset[int]:
        """The places of a unit's area, a county code standing for its units."""
        area = set(unit["area"])
        return frozenset(place for place, county in self._counties.items() if place in area or county in area)

    def joined(self, handles: frozenset[str]) -> frozenset[str]:
        """The handles and everything linked to them."""
        found = set(handles)
        links = [(r["a"], r["b"]) for _, r in self.on("link") if r["state"] == "joined"]
        while True:
            more = {end for a, b in links if found & {a, b} for end in (a, b)} - found
            if not more:
                return frozenset(found)
            found |= more

    def unit_codes(self) -> list[str]:
        """Every unit code, sorted."""
        return sorted(handle for kind, handle in self._state if kind == "unit")
