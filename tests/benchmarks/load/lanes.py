"""Lanes at work as processes of their own, and what each of them holds of the machine."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from consent.terms import Lane
from tests.support.hub import PATIENCE_S, Hub

PARTS: Final = ("admit", "gateway")


@asynccontextmanager
async def lane_at_work(hub: Hub, lane: Lane, verbs: Sequence[str] = PARTS) -> AsyncIterator[list[int]]:
    """Admission and gateway of a lane, from ready to drained; their process ids."""
    started = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hub", "run", verb, "--lane", lane.value),
            env={**hub.environment, "PUNTE_LOG_LEVEL": "ERROR"},
            stdout=asyncio.subprocess.PIPE,
        )
        for verb in verbs
    ]
    try:
        async with asyncio.timeout(PATIENCE_S):
            for process in started:
                assert process.stdout is not None
                assert (await process.stdout.readline()).strip() == b"ready"
        yield [process.pid for process in started]
    finally:
        for process in started:
            if process.returncode is None:
                process.terminate()
        await asyncio.gather(*(process.wait() for process in started))


def peak_mb(pid: int) -> float:
    """The most memory a process ever held (VmHWM of Linux), in MB of 1,000,000 bytes."""
    return _status(pid, "VmHWM") * 1024 / 1e6


def held_mb(pid: int) -> float:
    """The memory a process holds now (VmRSS), in MB of 1,000,000 bytes."""
    return _status(pid, "VmRSS") * 1024 / 1e6


def handles(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def _status(pid: int, name: str) -> int:
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return next(int(words[1]) for words in lines if words[0] == f"{name}:")
