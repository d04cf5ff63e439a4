"""Decision records put together: the parts of one, and which attempt of its event it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hub.check.waits import position
from hub.contracts.keys import attempt_name, event_digest

MOST_ATTEMPTS: Final = 100
"""Further attempts are looked for up to this number."""


def whole_decisions(decisions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Decisions with the releases of all their parts in one list; `times`: how many first parts."""
    whole: dict[tuple[Any, ...], dict[str, Any]] = {}
    for decision in decisions:
        key = (decision["source"], decision["eventId"], position(decision), decision["batchAt"])
        one = whole.setdefault(key, {**decision, **_NONE})
        one["times"] += decision["part"] == 1
        one["releases"] = [*one["releases"], *decision["releases"]]
    return [{**one, "attempt": attempt(one)} for one in whole.values()]


_NONE: Final[Mapping[str, Any]] = {"releases": (), "times": 0}


def attempt(decision: Mapping[str, Any]) -> int:
    """Which attempt of its event a decision is: its releases say so; of one without any, the key of its record.

    `key`: the digest of the event, or that of a further attempt (`hub.contracts.keys.attempt_name`); 1 where no key is.
    """
    source, event_id, key = decision["source"], decision["eventId"], decision.get("key")
    if decision["releases"] or key in (None, event_digest(source, event_id)):
        return max((entry["attempt"] for entry in decision["releases"]), default=1)
    numbers = range(2, MOST_ATTEMPTS)
    return next((n for n in numbers if event_digest(source, attempt_name(event_id, n)) == key), 1)
