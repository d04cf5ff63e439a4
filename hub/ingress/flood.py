"""A flood of alerts: what one device says again and again is told by its first and its last. Pure.

Rule kept: only above the quota of a sender, only among alerts of one case that say the very same but for their own
references and moment, and only among what one fetch brought, so that nothing waits and nothing is remembered. None is
dropped: each of those between has its receipt, its record among the attempts with the count, its place in the inbox.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from hub.ingress.admit import Admitted, Refused

QUOTA: Final = 100
"""Alerts of one sender in one fetch (at most 500 records) that all go on."""
COALESCED: Final = "coalesced"


def coalesced(outcomes: Sequence[Admitted | Refused]) -> Mapping[int, int]:
    """Which of the outcomes of one fetch stand behind another: place -> how many alerts their device told in one."""
    senders = Counter(outcome.source for outcome in outcomes)
    alike: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, Admitted) and outcome.device and senders[outcome.source] > QUOTA:
            alike[outcome.source, *outcome.device].append(place)
    return {place: len(places) for places in alike.values() for place in places[1:-1]}
