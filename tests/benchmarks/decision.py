"""What does one decision cost? `python -m tests.benchmarks.decision`.

Every call is timed alone, the eight units in turns over an event for everyone, the same event for nobody, and a held
case; the cost of reading the clock is taken off. There is no reference to compare with, so the ratio is null.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from time import perf_counter_ns
from typing import Final

from consent.decide import decide_one
from consent.facts import Event, FixedFacts, HoldRecord, Subscription
from tests.benchmarks.pack import AT_MS, CASE, NAME, UNITS, Pack, load_pack

ROUNDS: Final = 4_000
QUESTION: Final = "What does one decision (event, subscription, facts) cost?"
Situation = tuple[Event, Subscription, FixedFacts]


def situations(pack: Pack) -> Sequence[Situation]:
    """Eight units that get a release, eight that get none, and one that is held."""
    subscriptions = pack.facts.subscriptions(NAME)
    elsewhere = replace(pack.event, siruta=1, parties={}, content={})
    hold = HoldRecord(b"hold-of-the-pack", 10, CASE, UNITS[0][0], None, on=True)
    held = replace(pack.facts, marked=frozenset({CASE}), held={CASE: (hold,)})
    return [
        *((pack.event, subscription, pack.facts) for subscription in subscriptions),
        *((elsewhere, subscription, pack.facts) for subscription in subscriptions),
        (pack.event, subscriptions[0], held),
    ]


def measure(pack: Pack, rounds: int = ROUNDS) -> list[float]:
    """The sorted microseconds of each decision."""
    clock = median(-(perf_counter_ns() - perf_counter_ns()) for _ in range(10_000))
    policy, found, taken = pack.policy, situations(pack), []
    for _ in range(rounds):
        for event, subscription, facts in found:
            start = perf_counter_ns()
            decide_one(policy, event, subscription, facts, AT_MS)
            taken.append(max(0.0, perf_counter_ns() - start - clock) / 1_000)
    return sorted(taken)


def report(taken: Sequence[float]) -> dict[str, object]:
    """The figures as one object."""
    p50, p99 = (taken[int(len(taken) * part)] for part in (0.5, 0.99))
    figures = {"p50_us": round(p50, 3), "p99_us": round(p99, 3), "decisions": len(taken)}
    return {"question": QUESTION, "ratio": None, "figures": figures}


def main() -> None:
    """Measure and print."""
    taken = measure(load_pack())
    made = report(taken)
    p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    print(
        f"Half of {len(taken)} decisions took at most {p50:.2f} us (1.5 us is wanted), "
        f"99 of 100 at most {p99:.2f} us (10 us is wanted)."
    )
    print(json.dumps(made))


if __name__ == "__main__":
    main()
