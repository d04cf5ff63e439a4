"""What entries of `parked.<lane>` say of each event: for whom a release had to wait, when it was tried again. Pure.

Rule kept: an entry is a claim like any other record; whoever waited must have been one that had to get a release.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Cell = tuple[str, str]
Position = tuple[str, int, int]


def position(record: Mapping[str, Any]) -> Position:
    """Where the input of a decision or an entry lies."""
    where = record["input"]
    return where["topic"], where["partition"], where["offset"]


@dataclass(frozen=True, slots=True)
class Waits:
    """By input: the subscriptions that waited when it was first decided; by input and moment (ms): further attempts."""

    first: Mapping[Position, frozenset[Cell]]
    again: dict[tuple[Position, int], list[tuple[Cell, int]]]

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, Any]]) -> Waits:
        """Read from the decoded entries of every partition."""
        first: defaultdict[Position, set[Cell]] = defaultdict(set)
        again: defaultdict[tuple[Position, int], list[tuple[Cell, int]]] = defaultdict(list)
        for entry in entries:
            cell = entry["unit"], entry["purpose"]
            if entry["state"] == "parked":
                first[position(entry)].add(cell)
            elif entry["state"] == "resumed":
                again[position(entry), entry["at"]].append((cell, entry["attempt"]))
        return cls({where: frozenset(cells) for where, cells in first.items()}, dict(again))

    def is_first(self, decision: Mapping[str, Any]) -> bool:
        """Whether a decision is the first of its event, not a further attempt of a release that waited."""
        return (position(decision), decision["batchAt"]) not in self.again


NOTHING_WAITS: Final = Waits({}, {})
