"""Faults of what the machine gives a process: file handles, memory, processor time."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

from tests.faults.child import Child
from tests.faults.faults import LabFault
from tests.faults.injectors.injector import GATEWAYS, WORKERS, Always
from tests.faults.lab import Lab
from tests.faults.machine import CGROUPS, Machine
from tests.faults.pace import pause
from tests.faults.schedule import Aim

DIES_S: Final = 20.0


class Handles(Always):
    """F33."""

    name, sentence, must = "F33", "no file handle is left, and every connection is cut", True
    aim = Aim(WORKERS, 3.0, 8.0)

    def __init__(self) -> None:
        self._limited: Child | None = None

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """New sockets are refused; whether it dies or waits is its own affair."""
        self._limited = lab.child(target)
        if not self._limited.limit_handles(rng.randint(0, 1)):
            raise LabFault(f"`{target}` did not run")
        lab.wire(target).cut()

    async def heal(self, lab: Lab) -> None:
        """As many as before."""
        if self._limited is not None:
            self._limited.limit_handles(None)
        self._limited = None


class Group:
    """A cgroup v1 of our own, holding one process for a while."""

    def __init__(self, controller: str) -> None:
        self._root = CGROUPS / controller
        self._path = self._root / f"punte-faults-{os.getpid()}"
        self._home = self._root

    def hold(self, pid: int, **settings: int) -> None:
        """Put a process under these settings; file names with `.` written as `_`."""
        self._home = self._root / _home(pid, self._root.name)
        self._path.mkdir(exist_ok=True)
        for name, value in settings.items():
            (self._path / f"{self._root.name}.{name}").write_text(str(value))
        (self._path / "cgroup.procs").write_text(str(pid))

    def free(self) -> None:
        """Put back who is in it, remove it."""
        with suppress(FileNotFoundError):
            for pid in (self._path / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError, OSError):
                    (self._home / "cgroup.procs").write_text(pid)
            self._path.rmdir()


def _home(pid: int, controller: str) -> str:
    """Where a process is now, below the controller's root."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return path.lstrip("/")
    return ""


class Memory(Always):
    """F31."""

    name, sentence = "F31", "the kernel kills a gateway for want of memory"
    aim = Aim(GATEWAYS, 0.0, 0.5)

    def __init__(self) -> None:
        self._group = Group("memory")

    def lacks(self, machine: Machine) -> str | None:
        """A memory controller of our own."""
        return machine.lacks_cgroup("memory")

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """A limit it crosses with its next page."""
        child = lab.child(target)
        pid = child.pid
        if pid is None:
            raise LabFault(f"`{target}` did not run")
        self._group.hold(pid, limit_in_bytes=4096)
        with suppress(TimeoutError):
            async with asyncio.timeout(DIES_S):
                while child.pid == pid:
                    await pause(0.05)
        if child.pid == pid:
            raise LabFault(f"`{target}` lived on without memory")

    async def heal(self, lab: Lab) -> None:
        """No limit any more."""
        self._group.free()


class Starved(Always):
    """F32."""

    name, sentence = "F32", "a part gets a tenth of a processor"
    aim = Aim(WORKERS, 6.0, 12.0)

    def __init__(self) -> None:
        self._group = Group("cpu")

    def lacks(self, machine: Machine) -> str | None:
        """A cpu controller of our own."""
        return machine.lacks_cgroup("cpu")

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """10 ms of every 100."""
        pid = lab.child(target).pid
        if pid is None:
            raise LabFault(f"`{target}` did not run")
        self._group.hold(pid, cfs_period_us=100_000, cfs_quota_us=10_000)

    async def heal(self, lab: Lab) -> None:
        """All of it again."""
        self._group.free()
