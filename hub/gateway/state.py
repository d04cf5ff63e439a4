"""What a gateway holds of one partition between transactions: the ids it took and what is parked. Pure.

Rule kept: a transaction stages here; a commit keeps, everything else drops.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.gateway.parking import Parking
from hub.gateway.seen import SeenIds


@dataclass(slots=True)
class Standing:
    """Both, kept and dropped together."""

    seen: SeenIds = field(default_factory=SeenIds)
    parking: Parking = field(default_factory=Parking)

    def keep(self, now: int) -> None:
        """The transaction of `now` (ms) was committed."""
        self.seen.keep(now)
        self.parking.keep()

    def drop(self) -> None:
        """The transaction was given up."""
        self.seen.drop()
        self.parking.drop()
