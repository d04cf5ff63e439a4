"""What a decision had to know: every command that was acknowledged well before it was made. Pure.

Rule kept: the moments of commands come from whoever typed them, the revision a decision stood on from its own record;
a decision that says it stood on less than was acknowledged `LATE_S` before it is called a leak, whatever it released.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from tests.faults.history import Found, Kind

LATE_S: Final = 2.0
"""A batch asks for the end of the register before it takes its moment; on a busy machine so much may lie between."""


@dataclass(frozen=True, slots=True)
class Told:
    """A command: key of its record, state, offset and moment (s) of its acknowledgement."""

    kind: str
    handle: str
    state: str
    offset: int
    at: float


def unaware(decisions: Iterable[tuple[str, int, float]], commands: Sequence[Told]) -> Iterator[Found]:
    """Decisions, as event, revision (the first offset not known) and moment (s), that knew too little."""
    ordered = sorted(commands, key=lambda one: one.at)
    moments = [one.at for one in ordered]
    furthest = list(accumulate((one.offset for one in ordered), max))
    for event, revision, at in decisions:
        last = bisect_right(moments, at - LATE_S) - 1
        if last >= 0 and furthest[last] >= revision:
            yield Found(Kind.LEAKED, "decided without a command acknowledged before", event)


def vanished(
    commands: Sequence[Told], register: Mapping[int, tuple[str, str, Mapping[str, Any] | None]]
) -> list[Found]:
    """Acknowledged commands that the register does not hold at their offset."""
    lost = []
    for one in commands:
        kind, handle, record = register.get(one.offset, ("", "", None))
        if (kind, handle) != (one.kind, one.handle) or record is None or record["state"] != one.state:
            lost.append(Found(Kind.LOST, "an acknowledged command is not in the register", where=one.kind))
    return lost
