"""What a command that takes a while says meanwhile: a line on stderr, and only to a person at a terminal.

Rule kept: stdout carries data alone, so what reads it never meets progress; a pipe or a log file gets none.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def say(what: str, stream: TextIO | None = None) -> None:
    """Tell a person what is going on; counts and names of things, never a value."""
    out = stream or sys.stderr
    if out.isatty():
        print(f"punte: {what}", file=out, flush=True)


@contextmanager
def quiet_client() -> Iterator[None]:
    """Keep the Kafka client from telling of each failed attempt: the command tells once, with what to do."""
    client = logging.getLogger("aiokafka")
    before = client.level
    client.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        client.setLevel(before)
