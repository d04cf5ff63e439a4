"""The entries of quarantine and what people did with them, from the records alone. Pure.

Rules kept: the first act on an entry counts, whoever acted at the same moment; an entry that was resubmitted and of
which no record says what became of it has not arrived, and is told so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from consent.terms import Lane
from hub.contracts.acts import Act, act_of
from hub.contracts.audit import Input, Stage, Verdict, lane_of
from hub.contracts.codec import RecordCodec
from hub.contracts.keys import attempt_name, event_digest
from hub.contracts.record import KafkaRecord

Record = Mapping[str, Any]
SIZES: Final = (("small", 1024), ("medium", 16 * 1024))
LARGE: Final = "large"


class State(StrEnum):
    """Whether an entry still waits for a person."""

    OPEN = "open"
    RESUBMITTED = "resubmitted"
    DISCARDED = "discarded"


class ActTold(NamedTuple):
    """An act as it is recorded. `attempt`: the one it asked for."""

    act: Act
    by: str
    reason: str
    attempt: int | None
    at: int
    source: str | None
    event_id: str | None
    sha256: bytes | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry by lane and number (its offset), with all acts on it, the first one first.

    `named`: source and id of the event, where an audit record says them.
    """

    lane: Lane
    number: int
    said: Record
    acts: tuple[ActTold, ...] = ()
    arrived: bool | None = None
    named: tuple[str, str] | None = None

    @property
    def where(self) -> Input:
        """The record it is about."""
        return Input(**self.said["input"])

    @property
    def stage(self) -> Stage:
        """Where the record stopped."""
        return Stage(self.said["stage"])

    @property
    def state(self) -> State:
        """By the first act."""
        return State(self.acts[0].act.value) if self.acts else State.OPEN

    @property
    def waits(self) -> bool:
        """Whether a person has something to do: it is open, or what was resubmitted has not arrived."""
        return self.state is State.OPEN or self.arrived is False

    @property
    def sealed(self) -> bool:
        """Whether it holds the record, sealed; else its position alone."""
        return self.said["record"] is not None

    @property
    def size(self) -> str | None:
        """A class of size of the record; None where only its position is kept."""
        if not self.sealed:
            return None
        return next((name for name, most in SIZES if len(self.said["record"]) <= most), LARGE)


@dataclass(slots=True)
class Shelf:
    """Folds quarantine, attempts and decisions, in this order: feed it each topic whole before the next kind."""

    entries: RecordCodec
    attempts: RecordCodec
    _said: dict[tuple[Lane, int], Record] = field(default_factory=dict)
    _acts: dict[tuple[Lane, int], list[ActTold]] = field(default_factory=dict)
    _named: dict[Input, tuple[str, str]] = field(default_factory=dict)
    _ended: dict[bytes, int] = field(default_factory=dict)

    def take(self, record: KafkaRecord) -> None:
        """Fold one record of `quarantine.<lane>`, `audit.attempt.<lane>` or `audit.decision.<lane>`."""
        if record.topic.startswith("quarantine."):
            self._said[lane_of(record.topic), record.offset] = self.entries.decode(record.value or b"")
        elif record.topic.startswith("audit.attempt."):
            self._attempt(record)
        else:
            self._end(record.key, record.timestamp)

    def _attempt(self, record: KafkaRecord) -> None:
        said = self.attempts.decode(record.value or b"")
        found = act_of(said)
        if found is not None:
            lane, number, act = found
            told = ActTold(act, said["asker"] or "", said["reason"] or "", said["attempt"], said["at"], *_event(said))
            self._acts.setdefault((lane, number), []).append(told)
        elif said["verdict"] != Verdict.CONSULT and said["input"] is not None:
            self._end(record.key, said["at"])
            if said["source"] and said["eventId"]:
                self._named[Input(**said["input"])] = said["source"], said["eventId"]

    def _end(self, key: bytes | None, at: int) -> None:
        """A record that says what became of an event or of an attempt of it."""
        if key is not None:
            self._ended[key] = max(at, self._ended.get(key, 0))

    @property
    def resubmitted_since(self) -> int | None:
        """When the first entry that was resubmitted had stopped (ms): all that became of any of them is later."""
        resubmitted = (entry for entry in self.all() if entry.state is State.RESUBMITTED)
        return min((entry.said["at"] for entry in resubmitted), default=None)

    def all(self) -> list[Entry]:
        """Every entry, by lane and number."""
        return [self._entry(*place) for place in sorted(self._said, key=lambda each: (list(Lane).index(each[0]), each))]

    def find(self, lane: Lane, number: int) -> Entry | None:
        """One entry."""
        return self._entry(lane, number) if (lane, number) in self._said else None

    def on_its_way(self, source: str, event_id: str, but: Entry) -> Entry | None:
        """Another entry of the same event whose further attempt no record has answered yet."""
        others = (e for e in self.all() if (e.lane, e.number) != (but.lane, but.number))
        waiting = (entry for entry in others if entry.arrived is False)
        return next((e for e in waiting if (e.acts[0].source, e.acts[0].event_id) == (source, event_id)), None)

    def _entry(self, lane: Lane, number: int) -> Entry:
        """An act on other bytes at the same place is none: the topic was made anew, and numbers come again."""
        said = self._said[lane, number]
        acts = tuple(act for act in self._acts.get((lane, number), ()) if act.sha256 == said["sha256"])
        arrived = self._arrived(acts[0], said["at"]) if acts and acts[0].act is Act.RESUBMITTED else None
        return Entry(lane, number, said, acts, arrived, self._named.get(Input(**said["input"])))

    def _arrived(self, act: ActTold, stopped: int) -> bool:
        """Whether a record of this attempt, decision or ending, was written since the record had stopped.

        Not since the act: its moment is by the clock of the person's machine.
        """
        return any(self._ended.get(digest, -1) > stopped for digest in digests(act))


def digests(act: ActTold) -> Iterable[bytes]:
    """What a further attempt may be kept under: on the alert lane other bytes under one id are another event."""
    if act.source is None or act.event_id is None:
        return
    name = act.event_id if act.attempt in (None, 1) else attempt_name(act.event_id, act.attempt)
    yield event_digest(act.source, name)
    if act.sha256 is not None:
        yield event_digest(act.source, f"{name}\0{act.sha256.hex()}")


def _event(said: Record) -> tuple[str | None, str | None, bytes | None]:
    return said["source"], said["eventId"], said["sha256"]
