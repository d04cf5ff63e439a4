"""One part of the hub, or a connector, as a process, under a supervisor that starts it again whenever it ends.

Rule kept: signals go to a process id this object started and has not yet seen end, and to nothing else; a child dies
with the laboratory (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.pace import pause

FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 2.0
DRAIN_S: Final = 10.0
"""What a supervisor gives a part to end after SIGTERM (`hub.supervise`)."""


@dataclass(slots=True)
class Life:
    """One life of a process: when it started, was ready and ended (s since the epoch), and its status."""

    pid: int
    started: float
    ready: float = 0.0
    ended: float = 0.0
    status: int | None = None


@dataclass(eq=False, slots=True)
class Child:
    """A part by name: its words after `python -m`, its environment, its log. `crash_at` is for the next life alone.

    `may_start`: while it is not set, no new life begins.
    """

    name: str
    words: Sequence[str]
    environment: dict[str, str]
    log: Path
    crash_at: str = ""
    lives: list[Life] = field(default_factory=list)
    stopping: bool = False
    _process: asyncio.subprocess.Process | None = None
    _keeping: asyncio.Task[None] | None = None
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    may_start: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """It may start."""
        self.may_start.set()

    @property
    def pid(self) -> int | None:
        """The process id of the life it lives now; None between two."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process else None

    def start(self) -> None:
        """Keep it running from now on."""
        self.stopping = False
        self._keeping = asyncio.create_task(self._keep())

    async def ready(self, seconds: float) -> bool:
        """Wait until the life it lives now has said that it works; False when it does not within so many seconds."""
        try:
            await asyncio.wait_for(self._ready.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def signal(self, number: int) -> bool:
        """Send a signal to the life it lives now; False when there is none."""
        pid = self.pid
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        return True

    def kill(self) -> bool:
        """SIGKILL, also to a frozen one."""
        return self.signal(signal.SIGKILL)

    async def down(self) -> None:
        """SIGKILL, and no new life until `may_start` is set; returns when the old one is gone."""
        self.may_start.clear()
        self.kill()
        while self.pid is not None:
            await pause(0.02)

    def freeze(self) -> bool:
        """SIGSTOP."""
        return self.signal(signal.SIGSTOP)

    def thaw(self) -> bool:
        """SIGCONT."""
        return self.signal(signal.SIGCONT)

    def limit_handles(self, spare: int | None) -> bool:
        """Let it hold only `spare` file handles more than now; None = its hard limit again."""
        pid = self.pid
        if pid is None:
            return False
        with suppress(ProcessLookupError, FileNotFoundError):
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            held = len(os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard if spare is None else held + spare, hard))
        return True

    async def stop(self) -> None:
        """Drain it as a supervisor does: SIGTERM, ten seconds, SIGKILL."""
        self.stopping = True
        self.may_start.set()
        self.thaw()
        self.signal(signal.SIGTERM)
        if self._keeping is not None:
            await asyncio.wait({self._keeping}, timeout=DRAIN_S)
            self.kill()
            await self._keeping

    async def _keep(self) -> None:
        wait = FIRST_WAIT_S
        while not self.stopping:
            await self.may_start.wait()
            if self.stopping:
                return
            life = await self._live()
            wait = FIRST_WAIT_S if life.ready else min(wait * 2, LONGEST_WAIT_S)
            if not self.stopping:
                await pause(wait)

    async def _live(self) -> Life:
        """One life, from start to end."""
        crash = {"PUNTE_CRASH_AT": self.crash_at} if self.crash_at else {}
        self.crash_at = ""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *self.words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self.environment, **crash},
                preexec_fn=_die_with_parent,
            )
        life = Life(self._process.pid, time.time())
        self.lives.append(life)
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.strip() == b"ready":
                life.ready = time.time()
                self._ready.set()
        life.status = await self._process.wait()
        life.ended = time.time()
        self._ready.clear()
        return life


def _die_with_parent() -> None:
    """The kernel ends the child when the laboratory ends, however it ends (prctl PR_SET_PDEATHSIG = 1)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
