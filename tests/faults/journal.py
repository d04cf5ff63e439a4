"""The independent journal of what was sent: the intent before each send, the outcome after it, outside the hub.

Rule kept: no event leaves before its intent is on the disk (one fsync per batch), so a loss cannot hide in the journal
of the one that lost it. One JSON object a line; a last line torn by a kill is left out when it is read.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self


class Outcome(StrEnum):
    """What became of a send: acknowledged, refused for certain, or nobody knows."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sent:
    """One event in the journal: its source and lane, and the best outcome of all its sends."""

    event: str
    source: str
    lane: str
    outcome: Outcome


class Journal:
    """Appends to one file. Use as a context manager: it is closed, and synced, at the end."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        """As it is."""
        return self

    def __exit__(self, *_: object) -> None:
        """Sync and close."""
        self._sync()
        self._file.close()

    def intents(self, events: Iterable[tuple[str, str, str]]) -> None:
        """Write down (event, source, lane) of what is about to be sent; returns when the disk has it."""
        for event, source, lane in events:
            self._write({"op": "intent", "id": event, "source": source, "lane": lane})
        self._sync()

    def outcome(self, event: str, outcome: Outcome) -> None:
        """Write down what became of a send; synced with the next intents."""
        self._write({"op": outcome.value, "id": event})
        self._file.flush()

    def command(self, kind: str, handle: str, state: str, offset: int | None = None) -> None:
        """Write down a register command: before it is typed, and its offset once it is acknowledged."""
        self._write({"op": "command", "kind": kind, "handle": handle, "state": state, "offset": offset})
        self._sync()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


def read_journal(path: Path) -> Sequence[Sent]:
    """Every event of a journal in the order of its first intent; without an outcome it is unknown."""
    first: dict[str, tuple[str, str]] = {}
    intents, outcomes = Counter[str](), defaultdict[str, list[str]](list)
    for line in path.read_text("utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry["op"] == "command":
            continue
        if entry["op"] == "intent":
            first.setdefault(entry["id"], (entry["source"], entry["lane"]))
            intents[entry["id"]] += 1
        else:
            outcomes[entry["id"]].append(entry["op"])
    return [Sent(event, *where, _best(outcomes[event], intents[event])) for event, where in first.items()]


def _best(outcomes: Sequence[str], intents: int) -> Outcome:
    """One acknowledged send is enough; a refusal is certain only when every send was refused."""
    if Outcome.OK in outcomes:
        return Outcome.OK
    refused = len(outcomes) == intents and set(outcomes) == {Outcome.FAIL}
    return Outcome.FAIL if refused else Outcome.UNKNOWN
