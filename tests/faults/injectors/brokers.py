"""Faults of the broker: killed and frozen."""

from __future__ import annotations

from random import Random

from tests.faults.injectors.injector import Always
from tests.faults.lab import Lab
from tests.faults.schedule import Aim


class Killed(Always):
    """F7."""

    name, sentence, must = "F7", "kill -9 of the broker, started again on its data", True
    aim = Aim(("broker",), 0.0, 3.0)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Gone at once."""
        await lab.broker.kill()

    async def heal(self, lab: Lab) -> None:
        """Up again, on the same data and ports."""
        await lab.broker.heal()


class Frozen(Always):
    """F8."""

    name, sentence, must = "F8", "freeze the broker for 5 to 20 seconds", True
    aim = Aim(("broker",), 5.0, 20.0)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Its connections stay open and nothing answers."""
        lab.broker.freeze()

    async def heal(self, lab: Lab) -> None:
        """It goes on where it was."""
        lab.broker.thaw()
