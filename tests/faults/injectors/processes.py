"""Faults of the hub's own processes: killed, killed at a step, frozen into zombies, hung, doubled, shuffled."""

from __future__ import annotations

import asyncio
import signal
import time
from random import Random
from typing import Final

from tests.faults.child import DRAIN_S, Child
from tests.faults.faults import LabFault
from tests.faults.injectors.injector import GATEWAYS, WORKERS, Always
from tests.faults.lab import READY_S, Lab
from tests.faults.pace import pause
from tests.faults.recovery import recovered
from tests.faults.schedule import Aim
from tests.support.proxy import ADD_OFFSETS

OPENING: Final = ("fenced", "offset_read", "rebuilt", "open_fenced", "assigned_begun", "assigned_sent", "opened")
TURN: Final = ("register_fenced", "announced", "planned", "begun", "sending", "sent", "offsets_sent", "committed")
POINTS: Final = tuple(f"{step}:{nth}" for step in (*OPENING, *TURN) for nth in (1, 2))
SOON_S: Final = 30.0


class Kill(Always):
    """F1."""

    name, sentence = "F1", "kill -9 of a part at a random moment"
    aim = Aim((*WORKERS, *GATEWAYS), 0.0, 0.5)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Of a gateway the time to its successor's first release is taken."""
        await pause(rng.uniform(0.0, 1.0))
        at = time.time()
        if not lab.child(target).kill():
            raise LabFault(f"`{target}` did not run")
        if target in GATEWAYS:
            await recovery(lab, target, at)

    async def heal(self, lab: Lab) -> None:
        """The supervisor heals it."""


async def recovery(lab: Lab, target: str, at: float) -> None:
    """Take down how long a lane released nothing after the kill of its gateway at `at` (s)."""
    lane = target.partition("-")[2]
    total = await lab.watch.released_after(lane, at, 2 * SOON_S)
    lab.recoveries.append(recovered(lane, at, 2 * SOON_S if total is None else total, list(lab.wire(target).trail)))


class Crash(Always):
    """F2. Its targets name the crash point: `gateway-case@sent:1`."""

    name, sentence = "F2", "kill -9 of a gateway at a named step of its loop"
    aim = Aim(tuple(f"{target}@{point}" for target in GATEWAYS for point in POINTS), 0.0, 0.5)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Its next life ends at the step."""
        part, _, point = target.partition("@")
        child = lab.child(part)
        child.crash_at, lives = point, len(child.lives)
        child.kill()
        async with asyncio.timeout(2 * SOON_S):
            while not any(life.status == 9 for life in child.lives[lives:]):
                await pause(0.05)

    async def heal(self, lab: Lab) -> None:
        """The supervisor heals it; a point not met in time is forgotten."""
        for child in lab.parts.values():
            child.crash_at = ""


class Zombie(Always):
    """F3."""

    name, sentence, must = (
        "F3",
        "freeze a gateway inside a transaction beyond its session, thaw it beside its heir",
        True,
    )
    aim = Aim(GATEWAYS, 14.0, 18.0)

    def __init__(self) -> None:
        self._frozen: Child | None = None
        self._heir: Child | None = None

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Freeze it when the offsets of a transaction have just left and its end has not."""
        self._heir = await started(lab, target)
        self._frozen = lab.child(target)
        await lab.wire(target).meets(ADD_OFFSETS, 5.0)
        if not self._frozen.freeze():
            raise LabFault(f"`{target}` did not run")

    async def heal(self, lab: Lab) -> None:
        """Thaw; the heir leaves as one that is drained."""
        if self._frozen is not None:
            self._frozen.thaw()
            await pause(2.0)
        if self._heir is not None:
            await lab.drop(self._heir)
        self._frozen = self._heir = None


async def started(lab: Lab, target: str) -> Child:
    """A second process of a part, at work beside the first."""
    made = lab.twin(target)
    made.start()
    if not await made.ready(READY_S):
        await lab.drop(made)
        raise LabFault(f"a second `{target}` was not ready in time")
    return made


class Hung(Always):
    """F4."""

    name, sentence = "F4", "SIGTERM while the broker does not answer, SIGKILL when the grace is over"
    aim = Aim(GATEWAYS, 0.0, 0.5)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """What a supervisor does to a part that cannot drain."""
        child = lab.child(target)
        lives = len(child.lives)
        await lab.wire(target).meets(ADD_OFFSETS, 5.0)
        for one in lab.brokers.all:
            one.freeze()
        child.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(DRAIN_S):
                while child.pid is not None and len(child.lives) == lives:
                    await pause(0.1)
        except TimeoutError:
            child.kill()

    async def heal(self, lab: Lab) -> None:
        """The broker answers again."""
        await lab.brokers.heal()


class Twin(Always):
    """F5."""

    name, sentence = "F5", "two gateways of one lane at once, then one is killed"
    aim = Aim(GATEWAYS, 2.0, 6.0)

    def __init__(self) -> None:
        self._twin: Child | None = None

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Both share the lane's partitions."""
        self._twin = await started(lab, target)

    async def heal(self, lab: Lab) -> None:
        """It does not leave: it is gone."""
        if self._twin is not None:
            self._twin.stopping = True
            self._twin.kill()
            await lab.drop(self._twin)
        self._twin = None


class Storm(Always):
    """F6."""

    name, sentence = "F6", "a member joins and is killed every three seconds: rebalance upon rebalance"
    aim = Aim(GATEWAYS, 10.0, 12.0)

    def __init__(self) -> None:
        self._blowing: asyncio.Task[None] | None = None

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Until healed."""
        self._blowing = asyncio.create_task(self._blow(lab, target))

    async def _blow(self, lab: Lab, target: str) -> None:
        while True:
            made = lab.twin(target)
            made.start()
            try:
                await pause(3.0)
            finally:
                made.stopping = True
                made.kill()
                await lab.drop(made)

    async def heal(self, lab: Lab) -> None:
        """The last member is killed too."""
        if self._blowing is not None:
            self._blowing.cancel()
            await asyncio.gather(self._blowing, return_exceptions=True)
        self._blowing = None
