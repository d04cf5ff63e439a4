"""How much memory does a gateway need for a backlog? `python -m tests.benchmarks.memory [EVENTS]`.

One gateway process of the case lane starts beside a backlog of so many events (a million by default) and works it off.
Told: the most memory it ever held, what it held at each tenth, and how many files and sockets it had open.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from consent.terms import Lane
from hub.embedded import embedded_broker
from tests.benchmarks.load.backlog import fill, left
from tests.benchmarks.load.lanes import handles, held_mb, lane_at_work, peak_mb
from tests.support.hub import Hub, prepared

EVENTS: Final = 1_000_000
WANTED_MB: Final = 300
QUESTION: Final = "How much memory does a gateway process need at most under a backlog?"


async def worked_off(hub: Hub, pid: int, count: int) -> dict[str, object]:
    """Wait until nothing is left; memory (MB) and handles at each tenth of the way."""
    began, steps, tenth = time.monotonic(), [], 1
    while (rest := await left(hub, Lane.CASE)) > 0:
        if count - rest >= tenth * count / 10:
            steps.append((round(held_mb(pid)), handles(pid)))
            tenth = (count - rest) * 10 // count + 1
            print(f"{count - rest} of {count} events, {steps[-1][0]} MB", file=sys.stderr, flush=True)
        await asyncio.sleep(1)
    seconds = time.monotonic() - began
    steps.append((round(held_mb(pid)), handles(pid)))
    return {"mb_by_tenth": [mb for mb, _ in steps], "handles_by_tenth": [n for _, n in steps], "seconds": seconds}


async def measure(count: int) -> dict[str, object]:
    """A backlog, then the gateway."""
    with tempfile.TemporaryDirectory() as folder:
        async with embedded_broker() as broker, prepared(broker.bootstrap, Path(folder)) as hub:
            await fill(hub, Lane.CASE, count)
            async with lane_at_work(hub, Lane.CASE, ("gateway",)) as (pid,):
                found = await worked_off(hub, pid, count)
                return {"peak_mb": round(peak_mb(pid), 1), "events": count, **found}


def main() -> None:
    """Measure and print a sentence and one JSON object."""
    logging.disable(logging.CRITICAL)
    found = asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS))
    peak, count = found["peak_mb"], found["events"]
    print(f"A gateway that works off {count} events holds at most {peak} MB ({WANTED_MB} wanted).")
    print(json.dumps({"question": QUESTION, "figures": found, **found}))


if __name__ == "__main__":
    main()
