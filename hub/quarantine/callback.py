"""What the call-back reference of a hollow alert stands for: a sender and its entries of quarantine. Pure.

Rule kept: a reference opens under the key of the unit it was given to alone, and says a sender, a cause and a place,
never what the alert said (architecture.md law 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consent.terms import Lane
from hub.contracts.hollow import TOGETHER_MS, Cause
from hub.contracts.keys import KeyFault, UnitKeys
from hub.quarantine.entries import Entry


@dataclass(frozen=True, slots=True)
class Callback:
    """A reference, opened.

    `begin`, `end`: in which ten seconds (ms, from and before) it came.
    """

    source: str
    cause: Cause
    begin: int
    end: int

    def about(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries it may stand for: those of its sender and its moment, on the alert lane."""
        mine = (entry for entry in entries if entry.lane is Lane.ALERT and entry.said["source"] == self.source)
        return [entry for entry in mine if self.begin <= entry.said["at"] < self.end]


def opened(keys: UnitKeys, reference: str) -> Callback:
    """What a unit's reference says; KeyFault where it was not given to this unit as one of a hollow alert."""
    source, _, said = keys.open_ref(reference).rstrip(b"\0").decode("ascii", "replace").partition("\0")
    cause, stretch, *_ = *said.split("."), "", ""
    if cause not in set(Cause) or not stretch.isdigit():
        raise KeyFault("not the reference of a hollow alert")
    begin = int(stretch) * TOGETHER_MS
    return Callback(source, Cause(cause), begin, begin + TOGETHER_MS)
