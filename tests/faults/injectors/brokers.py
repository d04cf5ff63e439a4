"""Faults of the broker, or of one or two of several: killed and frozen."""

from __future__ import annotations

from random import Random

from tests.faults.injectors.injector import Always
from tests.faults.lab import Lab
from tests.faults.machine import Machine
from tests.faults.schedule import Aim


class Broken(Always):
    """Whatever was done to brokers, the same heals it."""

    async def heal(self, lab: Lab) -> None:
        """All of them up, on the same data and ports."""
        await lab.brokers.heal()


class Killed(Broken):
    """F7."""

    name, sentence, must = "F7", "kill -9 of the broker, or of one of several, started again on its data", True
    aim = Aim(("broker",), 0.0, 3.0)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Gone at once."""
        await rng.choice(lab.brokers.all).kill()


class Frozen(Broken):
    """F8."""

    name, sentence, must = "F8", "freeze the broker, or one of several, for 5 to 20 seconds", True
    aim = Aim(("broker",), 5.0, 20.0)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Its connections stay open and nothing answers."""
        rng.choice(lab.brokers.all).freeze()


class TooFew(Broken):
    """F9."""

    name, sentence = "F9", "two of three brokers are frozen: too few in sync, and no quorum"
    aim = Aim(("broker",), 4.0, 10.0)

    def lacks(self, machine: Machine) -> str | None:
        """Three brokers are asked for on the command line."""
        return None if machine.brokers >= 3 else "three brokers (`--brokers 3`)"

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Nothing is acknowledged until one of them is back."""
        for one in rng.sample(lab.brokers.all, 2):
            one.freeze()
