"""How long a lane released nothing after its gateway was killed, and of what that time was made. Pure.

Rule kept: the parts are told from outside, by the requests that passed the wire. The first InitProducerId with a
transactional id ends the dead member's session, the first ListOffsets behind it the fence, the first AddPartitions
behind that the rebuild of the seen ids; what is left is the first batch, until it is visible.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.wire import INIT_PRODUCER, LIST_OFFSETS
from tests.support.proxy import ADD_PARTITIONS


@dataclass(frozen=True, slots=True)
class Recovery:
    """From the kill to the first visible release (s), and its three parts; None where no request told it."""

    lane: str
    total_s: float
    session_s: float | None = None
    fence_s: float | None = None
    seen_s: float | None = None

    @property
    def batch_s(self) -> float | None:
        """What is left of the whole when all three are known."""
        if self.session_s is None or self.fence_s is None or self.seen_s is None:
            return None
        return round(self.total_s - self.session_s - self.fence_s - self.seen_s, 3)

    def parts(self) -> dict[str, float | None]:
        """For a report."""
        parts = {"session_s": self.session_s, "fence_s": self.fence_s, "seen_s": self.seen_s}
        return parts | {"first_batch_s": self.batch_s}


def recovered(lane: str, killed: float, total_s: float, trail: Iterable[tuple[float, int]]) -> Recovery:
    """`killed` and the moments of the trail in s since the epoch; the trail in their order."""
    marks: list[float] = [killed]
    wanted = [INIT_PRODUCER, LIST_OFFSETS, ADD_PARTITIONS]
    for at, key in trail:
        if at >= killed and wanted and key == wanted[0]:
            marks.append(at)
            wanted.pop(0)
    parts = [round(after - before, 3) for before, after in pairwise(marks)]
    return Recovery(lane, round(total_s, 2), *parts)
