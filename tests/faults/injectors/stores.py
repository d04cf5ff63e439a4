"""Faults of the disk under an outbox or a sink: power cut, full, one call that fails, read-only."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import suppress
from random import Random
from typing import Final

from tests.faults.child import Child
from tests.faults.faults import LabFault
from tests.faults.injectors.injector import STORES, Always
from tests.faults.lab import Lab
from tests.faults.machine import Machine
from tests.faults.pace import pause
from tests.faults.schedule import Aim

HIT_S: Final = 20.0
"""Within this a connector at work makes the call that is to fail."""
INJECTED: Final = "(INJECTED)"


class OnDisk(Always):
    """A fault that needs the disk to be one of ours."""

    def lacks(self, machine: Machine) -> str | None:
        """An image that can be mounted."""
        return machine.disk


class PowerCut(OnDisk):
    """F18."""

    name, sentence = "F18", "power cut under an outbox or a sink: the disk as it was, nothing synced"
    aim = Aim(STORES, 0.0, 1.0)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Freeze it, copy the image as it is, kill it, and go on with the copy.

        The station's own program is between two transactions meanwhile: a row it wrote after the copy is not lost.
        """
        child, disk = lab.child(target), lab.disks[target]
        await pause(rng.uniform(0.0, 1.0))
        async with lab.station.lock:
            child.freeze()
            copy = await disk.copied()
            await child.down()
            await disk.replaced(copy)

    async def heal(self, lab: Lab) -> None:
        """Power is back."""
        for target in STORES:
            lab.child(target).may_start.set()


class Full(OnDisk):
    """F20."""

    name, sentence = "F20", "the disk under an outbox or a sink is full"
    aim = Aim(STORES, 3.0, 8.0)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """To the last block."""
        await lab.disks[target].fill()

    async def heal(self, lab: Lab) -> None:
        """Space again."""
        for target in STORES:
            lab.disks[target].free()


class FailingCall(Always):
    """One system call of a running connector fails, by `strace`."""

    calls: str
    errors: tuple[str, ...] = ("EIO",)

    def __init__(self) -> None:
        self._tracer: asyncio.subprocess.Process | None = None

    def lacks(self, machine: Machine) -> str | None:
        """Root, to trace a process that runs."""
        return machine.lacks_command("strace") or (None if machine.root else "root")

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """The next one, or one of the next; waits until it has failed."""
        child, said = lab.child(target), lab.folder / f"{self.calls[:5]}.trace"
        said.unlink(missing_ok=True)
        await _at_work(child)
        error, nth = rng.choice(self.errors), rng.randint(1, 4)
        inject = f"inject={self.calls}:error={error}:when={nth}"
        words = ("strace", "-f", "-qq", "-o", str(said), "-e", f"trace={self.calls}", "-e", inject)
        self._tracer = await asyncio.create_subprocess_exec(
            *words, "-p", str(child.pid), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(HIT_S):
                while INJECTED not in (said.read_text("utf-8") if said.exists() else ""):
                    await pause(0.05)
                return
        raise LabFault(f"`{target}` made no such call")

    async def heal(self, lab: Lab) -> None:
        """All further calls succeed; nobody traces."""
        if self._tracer is not None and self._tracer.returncode is None:
            with suppress(ProcessLookupError):
                self._tracer.terminate()
            await self._tracer.wait()
        self._tracer = None


async def _at_work(child: Child) -> None:
    if not await child.ready(HIT_S) or child.pid is None:
        raise LabFault(f"`{child.name}` did not run")


class FailingSync(FailingCall):
    """F21."""

    name, sentence = "F21", "one fsync of an outbox or a sink fails"
    aim = Aim(STORES, 0.0, 1.0)
    calls = "fsync,fdatasync"


class FailingWrite(FailingCall):
    """F22."""

    name, sentence = "F22", "one write of an outbox or a sink fails"
    aim = Aim(STORES, 0.0, 1.0)
    calls, errors = "pwrite64", ("EIO", "ENOSPC")


class ReadOnly(OnDisk):
    """F23."""

    name, sentence = "F23", "the disk under an outbox or a sink turns read-only"
    aim = Aim(STORES, 3.0, 6.0)

    def __init__(self) -> None:
        self._broken = ""

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """As a file system does that lost its journal."""
        self._broken = target
        await lab.disks[target].abort()

    async def heal(self, lab: Lab) -> None:
        """Checked and mounted again, as a person would."""
        target, self._broken = self._broken, ""
        if target:
            await lab.child(target).down()
            async with lab.station.lock:
                await lab.disks[target].repair()
            lab.child(target).may_start.set()
