"""Which attempt comes next, and who got the event by an earlier one, from the records alone. Pure.

Rule kept: doubt about who got it stops the attempt: nobody gets an event twice, and nobody is passed over for a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from consent.terms import Purpose
from hub.contracts.envelope import Again, Receivers
from hub.contracts.keys import attempt_name, event_digest

UNKNOWN_UNIT = ""


class Decided(NamedTuple):
    """One recorded decision of the event: the digest it is kept under, whom it went to, the attempts it names.

    A unit whose code nothing says any more is `UNKNOWN_UNIT`.
    """

    digest: bytes
    got: frozenset[tuple[str, Purpose]]
    attempts: frozenset[int]


class Numbered(NamedTuple):
    """An attempt that a record names, and the SHA-256 of the bytes it was about, where the record says it."""

    attempt: int
    sha256: bytes | None


@dataclass(frozen=True, slots=True)
class Past:
    """What the records say of one event. `sha256`: of the bytes in quarantine.

    `waits`: whose release of it was parked; the hub itself tries it again for them.
    """

    source: str
    event_id: str
    sha256: bytes
    decisions: Sequence[Decided] = ()
    numbers: Sequence[Numbered] = ()
    waits: Receivers = frozenset()

    @property
    def decided(self) -> bool:
        """Whether the event was decided at all, whatever its bytes."""
        return bool(self.decisions)

    @property
    def knows_all(self) -> bool:
        """Whether every unit that got it is known by its code."""
        return all(unit != UNKNOWN_UNIT for each in self._own() for unit, _ in each.got)

    @property
    def next(self) -> int:
        """The attempt after the highest known: the first was 1."""
        known = [each.attempt for each in self.numbers] + [n for each in self.decisions for n in each.attempts]
        return max([1, *known]) + 1

    @property
    def done(self) -> Receivers | None:
        """Who got it, or waits for it; None where it was never decided."""
        own = self._own()
        return self.waits.union(pair for each in own for pair in each.got) if own else None

    def again(self, attempt: int | None = None) -> Again:
        """What the further attempt bears; `attempt`: the number it was given before."""
        return Again(attempt or self.next, self.done)

    def _own(self) -> list[Decided]:
        """The decisions about these bytes: on the alert lane other bytes under one id are another event."""
        known = {each.digest: each for each in self.decisions}
        names = [self.event_id]
        names += [attempt_name(self.event_id, n) for n in sorted(self._own_numbers())]
        found = []
        for name in names:
            first = event_digest(self.source, name)
            other = event_digest(self.source, f"{name}\0{self.sha256.hex()}")
            found += [known[other if other in known else first]] if {first, other} & known.keys() else []
        return found

    def _own_numbers(self) -> set[int]:
        """The further attempts, but those of other bytes alone."""
        every = {n for each in self.decisions for n in each.attempts} | {each.attempt for each in self.numbers}
        others = {each.attempt for each in self.numbers if each.sha256 not in (None, self.sha256)}
        own = {each.attempt for each in self.numbers if each.sha256 == self.sha256}
        return {n for n in every if n > 1} - (others - own)
