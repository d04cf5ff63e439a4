"""How fast each lane works and how long it waits: the numbers of the transaction loop. Pure.

Rule kept: an alert waits for nothing that a case can wait for, and everything that waits for Kafka gives up before the
broker ends the transaction for it (kafka.md section 00).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consent.terms import Lane


@dataclass(frozen=True, slots=True)
class Pace:
    """The numbers of one lane.

    `batch`: records per transaction at most. `linger`: seconds a batch that is not full waits for more. `transaction`,
    `request`: ms after which the broker ends a transaction, and after which an unanswered request is given up.
    `backoff`: ms before AddPartitions is asked again while markers are written. `fetch_wait`: ms of a long poll.
    `proof`: seconds after which an idle partition proves that it is still ours: with a request's time, it learns within
    ten seconds that it is not. `probe`: seconds after which a topic that refused is asked again.
    """

    batch: int
    linger: float
    transaction: int
    request: int
    backoff: float
    fetch_wait: int
    proof: float = 4.0
    probe: float = 30.0


PACES: Final[Mapping[Lane, Pace]] = {
    Lane.ALERT: Pace(200, 0.0, 5_000, 4_000, 1.0, 100),
    Lane.CASE: Pace(500, 0.0, 10_000, 8_000, 2.0, 250),
    Lane.BULK: Pace(500, 0.2, 10_000, 8_000, 5.0, 500),
}
AHEAD: Final = 2
"""Batches of a partition that may wait beside the one at work."""
AHEAD_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a partition that may wait: large records must not fill the memory by their number."""
