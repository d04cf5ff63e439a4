"""Faults of the way between a part and Kafka, made by its wire: slow, late, torn off in the middle of a frame."""

from __future__ import annotations

import asyncio
import struct
from random import Random
from typing import Final

from tests.faults.faults import LabFault
from tests.faults.injectors.injector import GATEWAYS, WORKERS, Always
from tests.faults.lab import Lab
from tests.faults.pace import pause
from tests.faults.schedule import Aim
from tests.faults.wire import PRODUCE, TRANSACTION_KEYS, Wire
from tests.support.proxy import END_TXN

DRIPS: Final = 200
DRIPS_S: Final = 0.2
PASSES_S: Final = 30.0
"""Within this a request of every kind passes a wire that works."""


async def caught(wire: Wire) -> None:
    """Wait until the wire has held or halved what it was told to."""
    try:
        await asyncio.wait_for(wire.caught.wait(), PASSES_S)
    except TimeoutError:
        raise LabFault("no request of that kind passed the wire") from None
    finally:
        wire.caught.clear()


class Slow(Always):
    """F14."""

    name, sentence = "F14", "a slow link: each frame and each answer waits 50 to 300 ms"
    aim = Aim(WORKERS, 5.0, 10.0)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Both ways."""
        lab.wire(target).delay_s = rng.uniform(0.05, 0.3)

    async def heal(self, lab: Lab) -> None:
        """At full speed again."""
        heal(lab)


def heal(lab: Lab) -> None:
    """All wires pass everything on again."""
    for wire in lab.wires.values():
        wire.heal()


class Late(Always):
    """F15."""

    name, sentence, must = (
        "F15",
        "a transaction request held back, its connection cut, delivered into a later time",
        True,
    )
    aim = Aim(GATEWAYS, 0.0, 6.0)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Mostly EndTxn, sometimes one of the three others."""
        wire = lab.wire(target)
        wire.keep = rng.choice((END_TXN, END_TXN, *TRANSACTION_KEYS))
        await caught(wire)

    async def heal(self, lab: Lab) -> None:
        """Deliver it now, whoever has the partition."""
        heal(lab)
        for name, wire in lab.wires.items():
            lab.notes += [f"{name}: {told}" for told in await wire.deliver()]


class Reset(Always):
    """F16."""

    name, sentence, must = "F16", "connections reset in the middle of a frame, half open, or a byte at a time", True
    aim = Aim(WORKERS, 2.0, 8.0)

    def __init__(self) -> None:
        self._dripping: list[asyncio.Task[None]] = []

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """One of four ways; the last is a publisher's: many connections that never end a request."""
        wire = lab.wire(target)
        way = rng.choice(("half", "half", "cut", "open", "drip"))
        if way == "drip":
            port = int(lab.brokers.all[0].bootstrap.rpartition(":")[2])
            self._dripping = [asyncio.create_task(_drip(port, DRIPS_S)) for _ in range(DRIPS)]
        elif way == "half":
            wire.half = PRODUCE
            await caught(wire)
        elif way == "cut":
            wire.cut()
        else:
            wire.open.clear()

    async def heal(self, lab: Lab) -> None:
        """Whole connections again."""
        dripping, self._dripping = self._dripping, []
        for one in dripping:
            one.cancel()
        await asyncio.gather(*dripping, return_exceptions=True)
        heal(lab)


async def _drip(port: int, seconds: float) -> None:
    """A request of 64 KB of which a byte comes now and then."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(struct.pack(">ih", 65_536, PRODUCE))
        while True:
            writer.write(b"\0")
            await pause(seconds)
    finally:
        writer.transport.abort()
