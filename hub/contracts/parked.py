"""What waits in `parked.<lane>`: releases of subscriptions that cannot be written, in the order of their events. Pure.

Rule kept: an entry in state `parked` waits until one in state `resumed` or `discarded` closes it; nothing else forgets
it (architecture.md section 3, step 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

Cell = tuple[str, str]
"""A unit and a purpose: a subscription."""
PARKED: Final = "parked"
RESUMED: Final = "resumed"


class Entry(NamedTuple):
    """A release that waits: where its event lies in `admitted.<lane>`, why (code), its attempt, since when (ms).

    `sha256`: of the event's bytes, compared when they are read again.
    """

    partition: int
    offset: int
    code: str
    attempt: int
    at: int
    source: str
    sha256: bytes


@dataclass(slots=True)
class Parked:
    """The fold of one or more partitions: by subscription, then by position, oldest first."""

    waiting: dict[Cell, dict[tuple[int, int], Entry]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.waiting.values()))

    def take(self, record: Mapping[str, Any]) -> None:
        """Fold one decoded entry."""
        cell, where = (record["unit"] or "", record["purpose"] or ""), record["input"]
        if record["state"] != PARKED:
            self.close(cell, (where["partition"], where["offset"]))
            return
        said = record["code"], record["attempt"] or 1, record["at"], record["source"] or "", record["sha256"]
        self.add(cell, Entry(where["partition"], where["offset"], *said))

    def add(self, cell: Cell, entry: Entry) -> None:
        """One more that waits, behind the others."""
        self.waiting.setdefault(cell, {})[entry.partition, entry.offset] = entry

    def close(self, cell: Cell, place: tuple[int, int]) -> None:
        """One that waits no more; a subscription of which nothing waits is gone."""
        entries = self.waiting.get(cell, {})
        entries.pop(place, None)
        if not entries:
            self.waiting.pop(cell, None)
