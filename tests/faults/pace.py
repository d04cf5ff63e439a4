"""Time in the laboratory: a fault lasts as long as its step says, and load keeps its rate."""

from __future__ import annotations

import asyncio


async def pause(seconds: float) -> None:
    """Let so much time pass. Where something can be awaited instead, await that."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    timer = loop.call_later(max(0.0, seconds), over.set_result, None)
    try:
        await over
    finally:
        timer.cancel()
