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
    """One fault: `at_s` seconds after the start at the earliest, at `target`, held for `for_s` seconds."""

    at_s: float
    fault: str
    target: str
    for_s: float


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


def _step(rng: Random, at_s: float, name: str, aim: Aim) -> Step:
    return Step(at_s, name, rng.choice(list(aim.targets)), rng.uniform(aim.shortest_s, aim.longest_s))


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
