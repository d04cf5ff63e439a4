"""What the transaction loop asks of the pure side and of the composition root, and what it tells them.

Rule kept: the loop knows no policy, no record and no telemetry; all of them come in here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from hub.contracts.parked import Cell, Entry
from hub.contracts.record import KafkaRecord
from hub.gateway.outputs import Outputs
from hub.gateway.parking import Parking
from hub.gateway.seen import SeenIds

Crash = Callable[[str], None]


class Plan(Protocol):
    """What the pure side offers the loop."""

    def decide(self, records: Sequence[KafkaRecord], seen: SeenIds, now: int, out: Outputs, parking: Parking) -> None:
        """Write everything one transaction holds for these records of one partition to `out`."""

    def resume(
        self,
        cell: Cell,
        waited: Sequence[tuple[Entry, KafkaRecord | None]],
        seen: SeenIds,
        now: int,
        out: Outputs,
        parking: Parking,
    ) -> None:
        """Write what becomes of releases that waited, with their events read again (None: gone), to `out`."""

    def waits(self, entry: bytes, parking: Parking) -> None:
        """Fold a record of `parked.<lane>`."""

    def assigned(self, partition: int, first_offset: int, last: bytes | None, now: int, out: Outputs) -> None:
        """Write the `assigned` record of a partition just opened to `out`. `last`: its last decision record."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One committed transaction, as logs, metrics and traces tell of it.

    `oldest`: the timestamp (ms) of its first record. `counts` by code. `seconds` by step: fence, plan, send, commit.
    """

    partition: int
    records: int
    oldest: int
    counts: Counter[str]
    seconds: Mapping[str, float]


STEPS: Final = ("fence", "plan", "send", "commit")
OPENING: Final = ("fenced", "offset_read", "rebuilt")


@dataclass(frozen=True, slots=True)
class Opened:
    """A partition just opened: how long each step took, how many ids were read, how many subscriptions are parked.

    Keys of `seconds` as in `OPENING`.
    """

    partition: int
    seen: int
    parked: int
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ports:
    """What the loop gets from the composition root.

    Clock (ms), timer (s), fence, the policy announcement, crash points, and who is told of each turn once committed and
    of each partition once opened.
    """

    clock: Callable[[], int]
    timer: Callable[[], float]
    fence: Callable[[], Awaitable[int]]
    announce: Callable[[], Awaitable[None]]
    crash: Crash
    report: Callable[[Turn], None]
    opened: Callable[[Opened], None] = lambda _: None
