"""The allow-list of a log line: which keys may be said, and the shape each value must have.

Rule kept: law 6. A key that is not here, or a value that has not its key's shape, is dropped and only the key's name is
said, under `dropped`. There is no free text: a name in its own spelling, an address, a personal number or a telephone
number of a person fits none of the texts; a number is bounded by what it counts.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Final

CODE = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
PATH = re.compile(r"[a-z][A-Za-z0-9_.\[\]]{0,127}")
TOPIC = re.compile(
    r"(inbox|admitted|seen|release|audit|quarantine|parked|receipt|register|t[0-9a-f]{10})[a-z0-9._-]{0,120}"
)
DIGEST = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UNIT = re.compile(r"u[a-z0-9]{5}")
LANE = re.compile(r"alert|case|bulk")
PURPOSE = re.compile(r"p1?[0-9]")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")
KIND = re.compile(r"[A-Z][A-Za-z0-9]{1,63}")
"""The name of a class of exceptions."""
PLACE = re.compile(r"unknown|[A-Za-z0-9_.-]{1,64}/[A-Za-z0-9_]{1,64}\.pyx?:[0-9]{1,6}")
"""A place in code: folder, file, line."""
FAULT = re.compile(rf"{KIND.pattern}@(?:{PLACE.pattern})(?: < {KIND.pattern}@(?:{PLACE.pattern})){{0,4}}")

TEXTS: Mapping[str, re.Pattern[str]] = {
    "event": CODE,
    "level": re.compile(r"debug|info|warning|error|critical"),
    "logger": re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,80}"),
    "timestamp": TIME,
    "fault": FAULT,
    "place": PLACE,
    "code": CODE,
    "state": CODE,
    "step": CODE,
    "verdict": CODE,
    "stage": CODE,
    "rule": CODE,
    "transform": CODE,
    "guard": CODE,
    "role": CODE,
    "event_type": CODE,
    "group": TOPIC,
    "transactional_id": re.compile(r"[a-z][a-z0-9._-]{0,120}"),
    "topic": TOPIC,
    "field": PATH,
    "policy": DIGEST,
    "register_digest": DIGEST,
    "digest": DIGEST,
    "case": DIGEST,
    "event_id": UUID,
    "release_id": UUID,
    "unit": UNIT,
    "lane": LANE,
    "purpose": PURPOSE,
}
"""Keys whose value is a word of a closed or opaque kind."""

OFFSET: Final = 10**12 - 1
"""Positions in a topic: a million a second for eleven days, and one digit less than a personal number has."""
COUNT: Final = 10**6
"""How many of something one line may speak of: less than any date, telephone or personal number."""
LEAST: Final = -64
"""A child that ended by a signal has that signal's number, negative, as its status."""

NUMBERS: Mapping[str, int] = {
    **dict.fromkeys(("offset", "position", "end", "revision", "lag"), OFFSET),
    **dict.fromkeys(("count", "attempt", "lost", "doubled", "leaked", "admitted", "quarantined", "releases"), COUNT),
    "bytes": 2**28,
    "key_epoch": 10**4,
    "ms": 86_400_000,
    "partition": 10**5,
    "pid": 2**22,
    "schema_id": COUNT,
    "seconds": 10**6,
    "status": 255,
}
"""Keys whose value is a number, and the most it can be: positions, counts, sizes, durations up to a day or so."""


def allowed(key: str, value: object) -> bool:
    """Whether this key may be said with this value."""
    if key in NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool) and LEAST <= value <= NUMBERS[key]
    shape = TEXTS.get(key)
    return shape is not None and isinstance(value, str) and shape.fullmatch(value) is not None


def keep_allowed(said: Mapping[str, object]) -> MutableMapping[str, object]:
    """The part of `said` that may be said, and the names of the rest; a name is itself cut to the shape of a key."""
    kept: dict[str, object] = {key: value for key, value in said.items() if allowed(key, value)}
    kept.setdefault("event", "unnamed")
    dropped = sorted(
        key if CODE.fullmatch(key) else "odd_key" for key in said if key not in kept or kept[key] != said[key]
    )
    return {**kept, "dropped": dropped} if dropped else kept
