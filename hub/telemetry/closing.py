"""Ends what sends telemetry, and never lets it hold up the end of a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

CLOSE_S: Final = 2.5
"""How long the end of a process may wait for a collector that does not answer."""


def close_all(closes: Sequence[Callable[[], object]], within_s: float = CLOSE_S) -> bool:
    """Run all at once, at most so many seconds together; False when one was left behind in its thread."""
    threads = [threading.Thread(target=close, daemon=True) for close in closes]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + within_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
