"""Which fault strikes when, at whom and for how long: a function of a seed. Pure.

Rule kept: every fault that can run comes at least three times in a run, in an order the seed alone decides, so that the
same seed breaks the same things in the same order again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

AT_LEAST: Final = 3
SHARE_MINUTES: Final = 20.0
"""The length of a run from which on every fault comes `AT_LEAST` times."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: `at_s` seconds after the start at the earliest, at `target`, held for `for_s` seconds.

    `beside`: a fault that strikes together with it, and its target; two empty strings for none.
    """

    at_s: float
    fault: str
    target: str
    for_s: float
    beside: tuple[str, str] = ("", "")

    def strikes(self) -> list[tuple[str, str]]:
        """Fault and target of everything that strikes."""
        return [(self.fault, self.target), *([self.beside] if self.beside[0] else [])]


@dataclass(frozen=True, slots=True)
class Aim:
    """What a fault can hit, and the shortest and longest time it is held (s)."""

    targets: Sequence[str]
    shortest_s: float
    longest_s: float


def schedule(seed: int, minutes: float, aims: Mapping[str, Aim]) -> tuple[Step, ...]:
    """The steps of a run over these faults, evenly over its time; below 20 minutes each fault comes once at least."""
    rng = Random(seed)
    rounds = max(AT_LEAST, round(minutes * AT_LEAST / SHARE_MINUTES)) if minutes >= SHARE_MINUTES else 1
    order: list[str] = []
    for _ in range(rounds):
        order += rng.sample(sorted(aims), len(aims))
    gap = minutes * 60 / max(1, len(order))
    return tuple(_step(rng, at * gap, name, aims[name]) for at, name in enumerate(order))


def single(seed: int, name: str, aim: Aim, times: int = AT_LEAST) -> tuple[Step, ...]:
    """One fault, so many times, at each of its targets in turn."""
    rng = Random(seed)
    steps = [_step(rng, 0.0, name, aim) for _ in range(times)]
    first = rng.randrange(len(aim.targets))
    return tuple(
        Step(step.at_s, name, aim.targets[(first + at) % len(aim.targets)], step.for_s) for at, step in enumerate(steps)
    )


def pairs(aims: Mapping[str, Aim]) -> tuple[Step, ...]:
    """Every pair of `PAIRS` whose faults are both among these, one after the other."""
    return tuple(_pair(*one, aims) for one in PAIRS if {*one[1:]} <= aims.keys())


def _pair(seed: int, first: str, second: str, aims: Mapping[str, Aim]) -> Step:
    """Held as long as the one that must be held longer."""
    rng = Random(seed)
    longest = max((aims[name] for name in (first, second)), key=lambda aim: aim.shortest_s)
    one, other = (rng.choice(list(aims[name].targets)) for name in (first, second))
    return Step(0.0, first, one, rng.uniform(longest.shortest_s, longest.longest_s), (second, other))


def _step(rng: Random, at_s: float, name: str, aim: Aim) -> Step:
    return Step(at_s, name, rng.choice(list(aim.targets)), rng.uniform(aim.shortest_s, aim.longest_s))


SHARE: Final = (
    Step(2.0, "F15", "gateway-alert", 0.5),
    Step(0.0, "F39", "inbox.alert", 0.2),
    Step(0.0, "F16", "gateway-case", 1.0),
    Step(0.0, "F33", "admit-case", 2.0),
    Step(0.0, "F8", "broker", 3.0),
    Step(0.0, "F3", "gateway-case", 8.0),
    Step(0.0, "F7", "broker", 0.2),
)
"""The faults that need nothing, once each and as short as they can be: what the ordinary tests run."""

PAIRS: Final[tuple[tuple[int, str, str], ...]] = (
    (101, "F1", "F7"),
    (102, "F1", "F15"),
    (103, "F3", "F7"),
    (104, "F3", "F15"),
    (105, "F7", "F15"),
    (106, "F3", "F8"),
    (107, "F1", "F8"),
    (108, "F8", "F16"),
    (109, "F7", "F39"),
    (110, "F3", "F39"),
    (111, "F15", "F33"),
    (112, "F6", "F7"),
)
"""Pairs that strike together, the second while the first is held: seed, first, second."""
