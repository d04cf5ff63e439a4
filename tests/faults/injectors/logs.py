"""Faults of what the broker has on its disk: an older copy of everything, or an inbox that is damaged."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from random import Random
from typing import Final

from consent.terms import Lane
from hub.contracts import topics
from tests.faults.disk import ordered
from tests.faults.effects import store
from tests.faults.faults import LabFault
from tests.faults.injectors.brokers import Broken
from tests.faults.lab import Lab, part_words
from tests.faults.machine import Machine
from tests.faults.pace import pause
from tests.faults.schedule import Aim
from tests.faults.units import STATION

TAIL: Final = 0.3
"""The part of the newest segment in which the damage lies."""


class Alone(Broken):
    """With one broker only: of several, a broker that lost something copies it from the others."""

    def lacks(self, machine: Machine) -> str | None:
        """One broker."""
        return None if machine.brokers == 1 else "a broker that is alone (`--brokers 1`)"


class Older(Alone):
    """F10."""

    name, sentence = "F10", "the hub's machine loses power: its parts die, the broker comes back with an older log"
    aim = Aim(("broker",), 0.0, 1.0)

    def __init__(self) -> None:
        self._since: float | None = None

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """A copy as a power cut would leave it; some seconds later all dies, and the broker gets the copy back.

        Connectors are on machines of their own and live on. What the sink holds by then may be taken back.
        """
        (broker,) = lab.brokers.all
        copy = lab.folder / "older"
        await lab.watch.remember()
        at = time.time()
        broker.freeze()
        await ordered("cp", "-a", "--sparse=always", str(broker.node.data), str(copy))
        broker.thaw()
        await pause(rng.uniform(3.0, 8.0))
        await asyncio.gather(*(lab.child(name).down() for name in part_words()))
        await broker.kill()
        self._since = at
        delivered, _ = lab.stored() or ([], [])
        lab.taken_back.update(one.key for one in store(delivered, []).effects)
        await asyncio.to_thread(_swapped, broker.node.data, copy)

    async def heal(self, lab: Lab) -> None:
        """Up again; what was acknowledged since the copy is sent again, as from an outbox, and typed again."""
        await super().heal(lab)
        if self._since is not None:
            since, self._since = self._since, None
            lab.watch.forget()
            lab.driver.again(since)
            lab.changes.again(since)
        for name in part_words():
            lab.child(name).may_start.set()


def _swapped(data: Path, copy: Path) -> None:
    shutil.rmtree(data)
    copy.rename(data)


class Damaged(Alone):
    """F11."""

    name, sentence = "F11", "a bit flipped, or an end cut off, in the newest segment of an inbox"
    aim = Aim(("inbox",), 0.0, 1.0)
    level_s = 90.0
    """Admission may stand behind the end that was cut off, and pass over what is written up to there: the outbox sends
    what has no receipt again, a case after 60 s."""

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """The inbox that is filled from the outbox; Kafka cuts it off there when it starts."""
        (broker,) = lab.brokers.all
        await broker.kill()
        lab.damaged.append(time.time())
        segments = sorted((broker.node.data / f"{topics.inbox(Lane.CASE, STATION)}-0").glob("*.log"))
        if not segments or not (size := segments[-1].stat().st_size):
            raise LabFault("the inbox is empty")
        at = rng.randrange(int(size * (1 - TAIL)), size)
        with segments[-1].open("r+b") as segment:
            if rng.random() < 0.3:
                segment.truncate(at)
                return
            segment.seek(at)
            (byte,) = segment.read(1)
            segment.seek(at)
            segment.write(bytes([byte ^ 1 << rng.randrange(8)]))
