"""People who change their minds while faults strike: consents given and withdrawn, holds put on and lifted.

Rule kept: each command goes through the register's one door, is journalled before and after, and is typed again until
it is acknowledged; so what a decision had to know of is known from outside, by revision and by moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from aiokafka.errors import KafkaError

from consent.terms import Purpose
from hub import assemble
from hub.contracts.envelope import DAY_MS
from hub.contracts.keys import KeyRing, b64
from hub.contracts.registers import common
from tests.faults.journal import Journal
from tests.faults.pace import pause
from tests.faults.units import RECEIVER, SHELTER

EVERY_S: Final = 2.0
TIMEOUT_S: Final = 10.0
BY: Final = ("w-1", "w-2")
PERSONS: Final = 60
"""So few that their minds change often."""


@dataclass(frozen=True, slots=True)
class Command:
    """One register record; the offset and the moment (s) of its acknowledgement."""

    record: Mapping[str, Any]
    offset: int = -1
    at: float = 0.0


@dataclass(slots=True)
class People:
    """Whoever may give a consent or be held: their handles, drawn by a seed. Pure."""

    handles: Sequence[str]
    rng: Random
    states: dict[str, str] = field(default_factory=dict)

    def command(self, now: int) -> dict[str, Any]:
        """The next change of mind."""
        person = self.rng.choice(self.handles)
        made = self._consent(person, now) if self.rng.random() < 0.6 else self._hold(person, now)
        self.states[made["handle"]] = made["state"]
        return made

    def _consent(self, person: str, now: int) -> dict[str, Any]:
        handle = f"c-{person}"
        state = "withdrawn" if self.states.get(handle) == "given" else "given"
        return common("consent", handle, state, now, BY) | {
            "giver": person,
            "person": person,
            "recipient": SHELTER,
            "purpose": Purpose.P9.value,
            "package": "sh3",
            "groups": [],
            "witness": BY[1],
            "aloneConfirmed": True,
            "textVersion": "1",
            "language": "ro",
            "channel": "paper",
            "validUntil": now + 100 * DAY_MS,
        }

    def _hold(self, person: str, now: int) -> dict[str, Any]:
        unit = self.rng.choice((None, SHELTER, RECEIVER))
        handle = f"h-{person}-{unit or 'all'}"
        state = "off" if self.states.get(handle) == "on" else "on"
        return common("hold", handle, state, now, BY) | {
            "caseHandle": None,
            "personHandle": person,
            "unit": unit,
            "until": None,
        }


def people(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], keys: KeyRing, rng: Random) -> People:
    """The victims of a crowd who have a personal number."""
    numbers = [victim["cnp"] for victim, _ in pairs if victim["cnp"] is not None][:PERSONS]
    return People([b64(keys.party_handle(number)).decode() for number in numbers], rng)


class Changes:
    """Types a command every few seconds until told to stop."""

    def __init__(self, writer: Callable[[], Any], made: People, journal: Journal) -> None:
        """`writer`: opens a writer of the register."""
        self._writer, self._people, self._journal = writer, made, journal
        self._again: list[Command] = []
        self._stopping = False
        self.done: list[Command] = []

    async def run(self) -> None:
        """One command at a time, in order, each until it is acknowledged."""
        while not self._stopping or self._again:
            fresh = not self._again
            command = Command(self._people.command(assemble.now_ms())) if fresh else self._again.pop(0)
            await self._typed(command)
            if fresh:
                await pause(EVERY_S)

    def finish(self) -> None:
        """No new commands from now on."""
        self._stopping = True

    def again(self, since: float) -> None:
        """A broker has lost what was acknowledged since (s): type it again."""
        lost = [one for one in self.done if one.at >= since]
        self.done = [one for one in self.done if one.at < since]
        self._again += lost

    @property
    def left(self) -> int:
        """Commands still to be typed again."""
        return len(self._again)

    async def _typed(self, command: Command) -> None:
        record = command.record
        while True:
            self._journal.command(record["kind"], record["handle"], record["state"])
            try:
                async with asyncio.timeout(TIMEOUT_S), self._writer() as writer:
                    (offset,) = await writer.write([record])
            except (KafkaError, OSError, TimeoutError):
                await pause(0.5)
                continue
            at = time.time()
            self._journal.command(record["kind"], record["handle"], record["state"], offset)
            self.done.append(replace(command, offset=offset, at=at))
            return
