"""A supervisor for `punte run all`: one child process per part.

Rules kept: a part that ends by a fault is started again, later each time until one start lasts. A part that refuses to
start (status 2 or 3) ends all before every part was once ready: nothing works yet, and no restart mends a refused
policy. Afterwards it is an alarm and is tried again like a fault, while the others run on with what they have proven
(law 2). On SIGTERM every child gets it and ten seconds to drain; only own children are ever signalled.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from consent.terms import Lane
from hub.errors import Exit, PunteError

DRAIN_S: Final = 10.0
LAST_PORT: Final = 65_535
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 5.0
SOUND_S: Final = 60.0
"""A part that ran this long was sound: its next start waits no longer for the falls before."""
REFUSALS: Final = (Exit.USAGE, Exit.FINDINGS)
PART_REFUSED: Final = "part_refused"
"""What is said of a part that refuses while the hub runs: an alarm."""


def wait_after(last: float, lasted: float) -> float:
    """Seconds before the next start of a part: longer each time up to a bound, anew after one that lasted (seconds)."""
    return FIRST_WAIT_S if lasted > SOUND_S else min(last * 2, LONGEST_WAIT_S)


@dataclass(frozen=True, slots=True)
class Part:
    """One child: its name for people, its words after `punte`, and its PUNTE_HEALTH_PORT (0 = none)."""

    name: str
    words: tuple[str, ...]
    health_port: int = 0


def parts_of(lanes: Sequence[Lane], first_port: int = 0) -> list[Part]:
    """The parts of a hub that serves these lanes; their health ports follow one another from `first_port` on, if any.

    Raises `PunteError` (`settings_faulty`) where there are not enough ports above the first.
    """
    works = [
        Part(f"{verb}-{lane}", ("run", verb, "--lane", lane.value)) for lane in lanes for verb in ("admit", "gateway")
    ]
    only = tuple(word for lane in lanes for word in ("--lane", lane.value))
    parts = [*works, Part("registry", ("run", "registry", *only))]
    if first_port + len(parts) - 1 > LAST_PORT:
        raise PunteError("settings_faulty", f"`PUNTE_HEALTH_PORT` leaves no room for {len(parts)} parts", "lower it")
    return [replace(part, health_port=first_port and first_port + nth) for nth, part in enumerate(parts)]


class Supervisor:
    """Keeps parts running until `stop()`, or until one refuses before all were once ready."""

    def __init__(self, parts: Sequence[Part], environment: Mapping[str, str], say: Callable[[str, str], None]) -> None:
        """`say(code, part)` is told what happens: started, ready, ended, restarting, refused, part_refused."""
        self._parts, self._environment, self._say = parts, dict(environment), say
        self._stopping = asyncio.Event()
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._ready: dict[str, asyncio.Event] = {part.name: asyncio.Event() for part in parts}
        self._refused: Exit | None = None

    async def run(self) -> int:
        """Keep all parts running; the exit status to end with."""
        await asyncio.gather(*(self._keep(part) for part in self._parts))
        return int(self._refused or Exit.DONE)

    async def ready(self) -> bool:
        """Wait until every part has said that it works; False when the supervisor ends before."""
        everyone = asyncio.create_task(self._everyone())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([everyone, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in (everyone, stopping):
            task.cancel()
        return all(event.is_set() for event in self._ready.values())

    async def _everyone(self) -> bool:
        for event in self._ready.values():
            await event.wait()
        return True

    def stop(self) -> None:
        """Ask every child to drain and end."""
        self._stopping.set()
        for child in self._children.values():
            if child.returncode is None:
                child.send_signal(signal.SIGTERM)

    def pids(self) -> dict[str, int]:
        """The process id of each part that runs."""
        return {name: child.pid for name, child in self._children.items() if child.returncode is None}

    async def _keep(self, part: Part) -> None:
        wait, clock = FIRST_WAIT_S / 2, asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = clock()
            status = await self._once(part)
            wait = wait_after(wait, clock() - began)
            if self._stopping.is_set():
                return
            if status not in REFUSALS:
                self._say("restarting", part.name)
            elif all(event.is_set() for event in self._ready.values()):
                self._say(PART_REFUSED, part.name)
            else:
                self._refused = Exit(status)
                self._say("refused", part.name)
                self.stop()
            await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _once(self, part: Part) -> int:
        own = self._environment | {"PUNTE_HEALTH_PORT": str(part.health_port)}
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub", *part.words, stdout=asyncio.subprocess.PIPE, env=own
        )
        self._children[part.name] = child
        self._say("started", part.name)
        if self._stopping.is_set():
            child.send_signal(signal.SIGTERM)
        listening = asyncio.create_task(self._listen(part, child))
        ended = asyncio.create_task(child.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        status = await self._end(child, ended)
        await listening
        self._say("ended", part.name)
        return status

    async def _end(self, child: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> int:
        """The status of a child, killed if it does not drain in time."""
        try:
            return await asyncio.wait_for(asyncio.shield(ended), None if ended.done() else DRAIN_S)
        except TimeoutError:
            child.kill()
            return await ended

    async def _listen(self, part: Part, child: asyncio.subprocess.Process) -> None:
        """A child says `ready` on its standard output once it works."""
        assert child.stdout is not None
        async for line in child.stdout:
            if line.strip() == b"ready":
                self._say("ready", part.name)
                self._ready[part.name].set()
