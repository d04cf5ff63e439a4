"""How a process of the hub ends at a signal, and how seldom its memory is searched.

Rule kept: the first fault of any task ends all of them, and a signal ends them in order.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine
from typing import Any


def spare_collector() -> None:
    """Look for cycles seldom: what start made stays, and what a batch makes is freed by its reference counts.

    The collector would otherwise walk the compiled policy and every batch again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def until_signal(work: list[Coroutine[Any, Any, None]], ready: Callable[[], None]) -> None:
    """Run several endless tasks; the first fault ends all, so does a signal."""
    tasks = [asyncio.create_task(each) for each in work]
    on_signal(lambda: [task.cancel() for task in tasks])
    ready()
    try:
        await asyncio.gather(*tasks)
    except asyncio.CancelledError:
        return
    finally:
        for task in tasks:
            if not task.cancelling():  # a second cancel would cut short what the first one closes
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def on_signal(stop: Callable[[], Any]) -> None:
    """Call `stop` once on SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
