"""Faults of the menu that have no injector yet: each says what it waits for, and is listed as not run."""

from __future__ import annotations

from random import Random
from typing import Final

from tests.faults.faults import LabFault
from tests.faults.lab import LEVEL_S, Lab
from tests.faults.machine import Machine
from tests.faults.schedule import Aim


class Unbuilt:
    """A fault by name and sentence, and what is missing before it can run."""

    must = False
    aim = Aim(("nothing",), 0.0, 0.0)
    level_s = LEVEL_S

    def __init__(self, name: str, sentence: str, missing: str, command: str = "") -> None:
        self.name, self.sentence, self._missing, self._command = name, sentence, missing, command

    def lacks(self, machine: Machine) -> str | None:
        """What it waits for; the machine's own lack first."""
        return (machine.lacks_command(self._command) if self._command else None) or self._missing

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Never."""
        raise LabFault(f"{self.name} has no injector yet")

    async def heal(self, lab: Lab) -> None:
        """Nothing was broken."""


UNBUILT: Final = (Unbuilt("F26", "the clock jumps", "an injector", "faketime"),)
