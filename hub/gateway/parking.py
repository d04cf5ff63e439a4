"""The parked subscriptions of one partition: what waits, and what the transaction being planned adds and closes. Pure.

Rules kept: while anything waits for a subscription, everything for it waits, in order; what a transaction stages counts
from its commit on, and an aborted one has staged nothing. The state is in the data: it is folded from `parked.<lane>`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from hub.contracts.parked import Cell, Entry, Parked


class Parking:
    """Implements, for the plan, what is held; for the loop, what to hold and what to resume."""

    __slots__ = ("_added", "_closed", "_kept", "held")

    def __init__(self) -> None:
        """`held`: subscriptions whose releases wait, and the code of what keeps them."""
        self._kept = Parked()
        self._added: list[tuple[Cell, Entry]] = []
        self._closed: list[tuple[Cell, Entry]] = []
        self.held: dict[Cell, str] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def staged(self) -> set[Cell]:
        """The subscriptions that the transaction being planned parks releases of."""
        return {cell for cell, _ in self._added}

    def take(self, record: Mapping[str, Any]) -> None:
        """Fold one decoded entry of `parked.<lane>`."""
        self._kept.take(record)
        self._settle()

    def hold(self, cell: Cell, code: str) -> None:
        """Its topic was refused: from the next plan on its releases wait."""
        self.held.setdefault(cell, code)

    def stage(self, cell: Cell, entry: Entry) -> None:
        """A release that the transaction being planned parks."""
        self._added.append((cell, entry))

    def close(self, cell: Cell, entry: Entry) -> None:
        """One that it makes, refuses or gives to a person."""
        self._closed.append((cell, entry))

    def keep(self) -> None:
        """The transaction was committed."""
        if not self.held:
            return
        for cell, entry in self._closed:
            self._kept.close(cell, (entry.partition, entry.offset))
        for cell, entry in self._added:
            self._kept.add(cell, entry)
        self.drop()
        self._settle()

    def drop(self) -> None:
        """The transaction was given up."""
        self._added.clear()
        self._closed.clear()

    def oldest(self, cell: Cell, most: int, span: int) -> Sequence[Entry]:
        """The first entries that wait for a subscription, at most so many and so many positions apart."""
        entries = list(islice(self._kept.waiting.get(cell, {}).values(), most))
        return [entry for entry in entries if entry.offset < entries[0].offset + span]

    def _settle(self) -> None:
        """A subscription is held while something waits for it, by the code of the first."""
        self.held = {
            cell: self.held.get(cell) or next(iter(found.values())).code for cell, found in self._kept.waiting.items()
        }
