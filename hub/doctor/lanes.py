"""How far each lane is: offsets at two moments in, one row per lane and stage out. Pure.

Rule kept: a unit's topics are summed before anything is told (architecture.md law 6): how many messages a shelter
writes or receives is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.parked import Parked


class Stage(StrEnum):
    """Who takes records off a lane: admission from its inboxes, the gateway from what was admitted."""

    INGRESS = "ingress"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Place:
    """One partition as a group sees it: first offset, committed offset (None = never), end offset."""

    begin: int
    committed: int | None
    end: int

    @property
    def next(self) -> int:
        """The offset the group reads next."""
        return max(self.begin, self.committed or 0)

    @property
    def waiting(self) -> int:
        """Offsets that lie before the group."""
        return max(0, self.end - self.next)


@dataclass(frozen=True, slots=True)
class Reading:
    """One stage of a lane at a moment, summed over its partitions.

    `come`: end offsets, `taken`: offsets read, `waiting`: their difference, `oldest`: ms timestamp of the oldest record
    that waits (None: nothing waits, or it could not be read).
    """

    stage: Stage
    lane: Lane
    members: int
    come: int
    taken: int
    waiting: int
    oldest: int | None = None


Held = Mapping[str, str]
"""The topics that releases of a lane wait for, parked, and the code of what keeps the oldest; not how many wait."""


def held(lane: Lane, parked: Parked) -> Held:
    """What the entries of a lane's parked topic say."""
    causes = {topics.release(lane, *cell): next(iter(found.values())).code for cell, found in parked.waiting.items()}
    return dict(sorted(causes.items()))


@dataclass(frozen=True, slots=True)
class Moment:
    """All stages at one moment (ms since the epoch), the quarantine entries of each lane, and what is parked there."""

    at: int
    readings: tuple[Reading, ...]
    quarantined: Mapping[Lane, int]
    parked: Mapping[Lane, Held] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `punte status`. Rates are events a second over the interval; None before there was an interval."""

    lane: Lane
    stage: Stage
    running: bool
    waiting: int
    come_per_s: float | None
    taken_per_s: float | None
    oldest_s: float | None
    quarantined: int
    parked: int


def followed(stage: Stage, lane: Lane, names: Iterable[str]) -> list[str]:
    """The topics a stage of a lane takes records from, among those that exist."""
    wanted = topics.admitted(lane) if stage is Stage.GATEWAY else topics.inbox(lane, "")
    return [name for name in names if (name == wanted if stage is Stage.GATEWAY else name.startswith(wanted))]


def group(stage: Stage, lane: Lane) -> str:
    """The consumer group of a stage."""
    return f"{stage}.{lane}"


def reading(stage: Stage, lane: Lane, members: int, places: Iterable[Place], oldest: int | None = None) -> Reading:
    """A stage summed over its partitions."""
    found = list(places)
    come, taken = sum(place.end for place in found), sum(place.next for place in found)
    return Reading(stage, lane, members, come, taken, sum(place.waiting for place in found), oldest)


def rows(before: Moment | None, now: Moment) -> tuple[Row, ...]:
    """One row per stage and lane of `now`; rates over the time since `before`, never below 0 (a topic made anew)."""
    old = {(each.stage, each.lane): each for each in before.readings} if before else {}
    seconds = (now.at - before.at) / 1000 if before else 0.0
    found = []
    for each in sorted(now.readings, key=lambda r: (list(Lane).index(r.lane), list(Stage).index(r.stage))):
        was = old.get((each.stage, each.lane))
        come, taken = (_rate(was.come, each.come, seconds), _rate(was.taken, each.taken, seconds)) if was else NO_RATES
        age = None if each.oldest is None else max(0.0, (now.at - each.oldest) / 1000)
        entries = now.quarantined.get(each.lane, 0), len(now.parked.get(each.lane, ()))
        found.append(Row(each.lane, each.stage, each.members > 0, each.waiting, come, taken, age, *entries))
    return tuple(found)


NO_RATES: Final = (None, None)


def _rate(before: int, now: int, seconds: float) -> float | None:
    return max(0, now - before) / seconds if seconds > 0 else None


def as_json(found: Iterable[Row]) -> dict[str, Any]:
    """The object of `punte status --json` (schemas/cli/status.v1.json)."""
    lanes = dict[Lane, dict[str, Any]]()
    for row in found:
        entries = {"quarantined": row.quarantined, "parked": row.parked}
        lane = lanes.setdefault(row.lane, {"lane": row.lane.value, **entries, "stages": []})
        lane["stages"].append(
            {
                "stage": row.stage.value,
                "running": row.running,
                "waiting": row.waiting,
                "comePerSecond": row.come_per_s,
                "takenPerSecond": row.taken_per_s,
                "oldestSeconds": row.oldest_s,
            }
        )
    return {"lanes": list(lanes.values())}


HEADS: Final = ("lane", "stage", "at work", "waiting", "come/s", "taken/s", "oldest s", "quarantined", "parked")


def cells(found: Iterable[Row]) -> list[tuple[str, ...]]:
    """The cells of `punte status` under HEADS; what a lane has in quarantine and parked stands in its first line."""
    lines, told = list[tuple[str, ...]](), set[Lane]()
    for row in found:
        entries = ("", "") if row.lane in told else (str(row.quarantined), str(row.parked))
        told.add(row.lane)
        rates = (_shown(row.come_per_s), _shown(row.taken_per_s), _shown(row.oldest_s))
        lines.append((row.lane, row.stage, "yes" if row.running else "no", str(row.waiting), *rates, *entries))
    return lines


def _shown(number: float | None) -> str:
    return "-" if number is None else f"{number:.1f}"
