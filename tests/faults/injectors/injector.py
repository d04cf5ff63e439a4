"""What every injector is: a name of the menu, one sentence, what it needs, how it breaks and how it heals."""

from __future__ import annotations

from random import Random
from typing import Final, Protocol

from tests.faults.lab import LEVEL_S, Lab
from tests.faults.machine import Machine
from tests.faults.schedule import Aim

GATEWAYS: Final = ("gateway-case", "gateway-alert")
STORES: Final = ("outbox", "sink")
WORKERS: Final = (*GATEWAYS, "admit-case", "admit-alert")


class Injector(Protocol):
    """`must`: needs nothing, so a run without it has failed. `aim`: its targets and how long it holds.

    `level_s`: within this after healing everything sent before is decided.
    """

    name: str
    sentence: str
    must: bool
    aim: Aim
    level_s: float

    def lacks(self, machine: Machine) -> str | None:
        """The missing thing, None when it can run here."""

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Break it; returns while it is broken. Raises `LabFault` when the fault could not be made to happen."""

    async def heal(self, lab: Lab) -> None:
        """Undo what is undone from outside. Idempotent; also called after a fault of `inject`."""


class Always:
    """An injector that needs nothing but Linux."""

    must = False
    level_s = LEVEL_S

    def lacks(self, machine: Machine) -> str | None:
        """Signals to own processes and /proc are all it takes."""
        return None if machine.linux else "Linux"
