"""Alerts that could not be passed on, and the hollow alerts that had to ring the desks in their place (law 5). Pure.

Rule kept: each entry in the quarantine of the alert lane that stands for an alert of a sender has its hollow alert, of
the same sender and the same stretch of time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from hub.check.waits import Position, position

STRETCH_MS: Final = 10_000
NO_ALERT: Final = frozenset({"lane", "conflict"})
"""Codes of what is plainly no alert, or of one that went out nevertheless."""
Sender = str
Rung = Collection[tuple[Sender, int]]
"""Sender and stretch of time of the hollow alerts there are, unreadable and unserved alike."""


def rung(own: Iterable[tuple[Sender, Mapping[str, Any]]]) -> Rung:
    """The hollow alerts there are: sender and record of each."""
    return {(source, int(str(record["callbackRef"]).split(".")[1])) for source, record in own}


def silent(
    entries: Iterable[Mapping[str, Any]],
    heard: Rung,
    may_send: Callable[[Sender], bool],
    hollow: Collection[Position],
) -> Iterator[tuple[Sender, str]]:
    """Sender and code of every entry nobody rang for. `hollow`: where hollow alerts lie, of which none is made."""
    for entry in entries:
        source = entry["source"]
        if source is None or entry["code"] in NO_ALERT or not may_send(source) or position(entry) in hollow:
            continue
        if (source, entry["at"] // STRETCH_MS) not in heard:
            yield source, entry["code"]
