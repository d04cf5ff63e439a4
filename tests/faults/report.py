"""What a run says at its end: one JSON object, and an exit status. Pure.

Rule kept: 0 is said only of a run in which every `must` fault struck, every plant was found and nothing else was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from tests.faults import effects
from tests.faults.history import PLANTS, Found, Kind
from tests.faults.run import Judged

CLEAN: Final = 0
ANOMALIES: Final = 1
BROKEN: Final = 2
LISTED: Final = 20
STALLS: Final = 5
PLANTED: Final = len(PLANTS) + len(effects.PLANTS)
"""Anomalies each run plants: four in the history of the hub, three in the rows of the sink."""


def report(judged: Judged, lacking: Mapping[str, str], steps: int, seed: int) -> dict[str, Any]:
    """The object of the last line."""
    kinds = Counter(one.kind for one in judged.found)
    worst = max(judged.recoveries, key=lambda one: one.total_s, default=None)
    return {
        "events": judged.counts["events"],
        "schedules": steps,
        "injected": dict(sorted(judged.struck.injected.items(), key=lambda pair: int(pair[0][1:]))),
        "not_run": [*(f"{name}: {lack}" for name, lack in lacking.items()), *judged.struck.failed],
        **{kind.value: kinds[kind] for kind in Kind},
        "longest_stall_s": round(judged.longest_s, 2),
        "stalls": sorted(judged.struck.stalls, reverse=True)[:STALLS],
        "recovery_s": worst and worst.total_s,
        "recovery": worst and worst.parts(),
        "recoveries_s": sorted(one.total_s for one in judged.recoveries),
        "level_s": round(max(judged.struck.levels, default=0.0), 2),
        "seed": seed,
        "planted_found": PLANTED - len(judged.unseen),
        **{name: judged.counts[name] for name in ("releases", "effects", "commands", "quarantined")},
        "elapsed_s": round(judged.elapsed_s, 1),
        "first": [told(one) for one in judged.found[:LISTED]],
        "notes": list(judged.notes),
    }


def status(judged: Judged, must: frozenset[str], lacking: Mapping[str, str]) -> int:
    """The exit status. `must`: the faults of this run that have to strike."""
    struck = judged.struck.injected
    if judged.unseen or any(name in lacking or not struck[name] for name in must):
        return BROKEN
    return ANOMALIES if judged.found else CLEAN


def told(one: Found) -> str:
    """An anomaly in a line, opaque ids alone."""
    return " ".join(word for word in (one.kind.value, one.what, one.event, one.where) if word)
