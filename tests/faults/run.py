"""One run: a laboratory, a schedule struck step by step, everything healed, everything read, everything judged.

Rule kept: a fault of the laboratory is never counted as a finding nor the other way round; a run whose planted
anomalies are not found has failed, whatever else it says.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from aiokafka.errors import KafkaError

from tests.faults import effects
from tests.faults.archive import Archive, archived, released
from tests.faults.effects import Store, store
from tests.faults.faults import LabFault
from tests.faults.history import Found, Kind
from tests.faults.injectors import MENU
from tests.faults.journal import read_journal
from tests.faults.lab import LEVEL_S, Lab, laboratory
from tests.faults.machine import Machine
from tests.faults.minds import Told, vanished
from tests.faults.pace import pause
from tests.faults.reading import Judgement, Past, by_source, digests, judge
from tests.faults.recovery import Recovery
from tests.faults.schedule import Step
from tests.faults.units import RECEIVER

Say = Callable[[str], None]
LONGEST_MS = 60_000
SLACK_MS = 15_000
"""No event waits longer than the first, nor than its fault may take to be level and this."""
DRAINED_S = 120.0
"""Within this the publishers have every acknowledgement after the last fault."""


@dataclass(slots=True)
class Struck:
    """What came of a run's steps."""

    injected: Counter[str] = field(default_factory=Counter)
    levels: list[float] = field(default_factory=list)
    late: list[Step] = field(default_factory=list)
    stalls: list[tuple[float, str]] = field(default_factory=list)
    """Of each step the longest wait that ended in it (s), and what struck."""
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Judged:
    """A run's outcome: what was struck, what was found, what was planted and not seen, and figures."""

    struck: Struck
    found: Sequence[Found]
    unseen: Sequence[Kind]
    counts: Mapping[str, int]
    longest_s: float
    recoveries: Sequence[Recovery]
    notes: Sequence[str]
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Order:
    """What a run is: its seed, its shortest length (minutes), events per second, number of brokers."""

    seed: int
    minutes: float
    rate: float
    brokers: int = 1


async def run(steps: Sequence[Step], order: Order, say: Say) -> Judged:
    """Strike every step on a fresh hub under a crowd of events, end it, then judge."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="punte-faults-") as folder:
        async with laboratory(Path(folder), order.seed, order.rate, order.brokers) as lab:
            struck = await _strike_all(lab, steps, Random(f"faults {order.seed}"), say)
            await pause(order.minutes * 60 - (time.monotonic() - began))
            await _drain(lab, struck)
            longest = lab.watch.longest_s()
            await _delivered(lab)
            notes = _notes(lab)
            await lab.end_parts()
            say(f"{time.monotonic() - began:6.1f} s  reading everything")
            archive, rows = await archived(lab.parts_made, lab.folder / "archive"), lab.stored() or ([], [])
        say(f"{time.monotonic() - began:6.1f} s  recomputing {archive.count} releases")
        longest_ms = max([LONGEST_MS, *(int(bound_s(step) * 1e3) + SLACK_MS for step in steps)])
        made, counts = _judged(lab, archive, store(*rows), longest_ms)
        found, elapsed = [*made.found, *_unlevel(struck)], time.monotonic() - began
        return Judged(struck, found, made.unseen, counts, longest, lab.recoveries, notes, elapsed)


def _judged(lab: Lab, archive: Archive, kept: Store, longest_ms: int) -> tuple[Judgement, dict[str, int]]:
    """Everything that could be seen against everything that had to be: hub, register, sink."""
    sent = read_journal(lab.journal)
    commands = [Told(c.record["kind"], c.record["handle"], c.record["state"], c.offset, c.at) for c in lab.changes.done]
    waits, refused = dict(lab.watch.waits), frozenset(lab.poisoned)
    made = judge(Past(lab.parts_made, archive, by_source(sent), waits, refused, commands, longest_ms, lab.unordered()))
    register = {offset: (kind, handle, record) for offset, kind, handle, record in archive.register}
    made.found += vanished(commands, register)
    released = digests(archive, RECEIVER)
    made.found += effects.judged(kept, released, lab.taken_back)
    made.unseen += effects.unseen(kept, released)
    counts = {"events": len(sent), "decided": made.decided, "releases": archive.count, "commands": len(commands)}
    return made, counts | {"quarantined": archive.quarantined, "effects": len(kept.effects)}


async def _delivered(lab: Lab) -> None:
    """Wait until the sink has taken as many as there are; what it has not, the judgement tells."""
    wanted = await released(lab.parts_made, RECEIVER)
    until = time.monotonic() + LEVEL_S
    while time.monotonic() < until and lab.effects() < wanted:
        await pause(0.2)


async def _strike_all(lab: Lab, steps: Sequence[Step], rng: Random, say: Say) -> Struck:
    struck, began = Struck(), time.monotonic()
    for step in steps:
        await pause(step.at_s - (time.monotonic() - began))
        what = " and ".join(" ".join(one) for one in step.strikes())
        say(f"{time.monotonic() - began:6.1f} s  {what} for {step.for_s:.1f} s")
        await _strike(lab, step, rng, struck)
        told = (
            f"level after {struck.levels[-1]:.1f} s"
            if step not in struck.late
            else f"not level in {bound_s(step):.0f} s"
        )
        say(f"{time.monotonic() - began:6.1f} s  {told}")
    return struck


async def _strike(lab: Lab, step: Step, rng: Random, struck: Struck) -> None:
    """One step, healed whatever happens, then the time until all is level."""
    lab.watch.peak = 0.0
    strikes = [asyncio.create_task(_inject(lab, *one, rng)) for one in step.strikes()]
    try:
        if len(strikes) == 1:
            await asyncio.wait(strikes)
        await pause(step.for_s)
    finally:
        await _heal(lab, step)
        told = await asyncio.gather(*strikes)
        await _heal(lab, step)
    struck.injected.update(name for (name, _), fault in zip(step.strikes(), told, strict=True) if not fault)
    struck.failed += [fault for fault in told if fault]
    bound = bound_s(step)
    level = await lab.level(bound)
    struck.levels.append(bound if level is None else level)
    struck.stalls.append((round(lab.watch.peak, 1), " and ".join(" ".join(one) for one in step.strikes())))
    if level is None:
        struck.late.append(step)


async def _inject(lab: Lab, name: str, target: str, rng: Random) -> str:
    """Strike; why it could not, "" when it did."""
    try:
        await MENU[name].inject(lab, target, rng)
    except (LabFault, KafkaError, OSError) as fault:
        return f"{name} {target}: {str(fault) or type(fault).__name__}"
    return ""


async def _heal(lab: Lab, step: Step) -> None:
    """The second first; a strike that waits for a hub at work, beside one that stopped it, ends after this."""
    for name, _ in reversed(step.strikes()):
        await MENU[name].heal(lab)


async def _drain(lab: Lab, struck: Struck) -> None:
    """No new events; wait until every event is acknowledged and decided."""
    for one in (lab.driver, lab.station, lab.changes):
        one.finish()
    until = time.monotonic() + DRAINED_S
    while lab.driver.unanswered or lab.station.unwritten or lab.changes.left or await lab.station.left():
        if time.monotonic() > until:
            raise LabFault(f"{len(lab.driver.unanswered)} events were not acknowledged within {DRAINED_S:.0f} s")
        await pause(0.2)
    level = await lab.watch.level(2 * LEVEL_S)
    struck.levels.append(2 * LEVEL_S if level is None else level)


def _unlevel(struck: Struck) -> list[Found]:
    return [
        Found(Kind.WEDGED, f"not level within {bound_s(s):.0f} s", where=f"{s.fault} {s.target}") for s in struck.late
    ]


def bound_s(step: Step) -> float:
    """Within this after its healing all is level (s)."""
    return max(MENU[name].level_s for name, _ in step.strikes())


def _notes(lab: Lab) -> list[str]:
    """What processes ended with, beside what injectors told."""
    ends = Counter((name, life.status) for name, child in lab.parts.items() for life in child.lives if life.ended)
    told = [f"{name} ended {times} times with {status}" for (name, status), times in sorted(ends.items(), key=str)]
    starts = ", ".join(str(one.starts) for one in lab.brokers.all)
    return [*lab.notes, *told, f"starts of each broker: {starts}"]


def runnable(names: Sequence[str], machine: Machine) -> tuple[list[str], dict[str, str]]:
    """The faults that can run here, and what the others lack."""
    lacking = {name: lack for name in names if (lack := MENU[name].lacks(machine)) is not None}
    return [name for name in names if name not in lacking], lacking
