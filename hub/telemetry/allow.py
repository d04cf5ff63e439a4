"""The allow-list of a log line: which keys may be said, and the shape each value must have.

Rule kept: law 6. A key that is not here, or a value that has not its key's shape, is dropped and only the key's name is
said, under `dropped`. There is no free text: a name, an address or a number of a person fits none of the shapes.
"""

import re
from collections.abc import Mapping, MutableMapping

CODE = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
PATH = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]]{0,127}")
TOPIC = re.compile(
    r"(inbox|admitted|seen|release|audit|quarantine|parked|receipt|register|t[0-9a-f]{10})[a-z0-9._-]{0,120}"
)
DIGEST = re.compile(r"[0-9a-f]{8,64}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UNIT = re.compile(r"u[a-z0-9]{5}")
LANE = re.compile(r"alert|case|bulk")
PURPOSE = re.compile(r"p1?[0-9]")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z")
PLACE = re.compile(r"[A-Za-z0-9_./@:<> -]{1,300}")

TEXTS: Mapping[str, re.Pattern[str]] = {
    "event": CODE,
    "level": re.compile(r"debug|info|warning|error|critical"),
    "logger": re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,80}"),
    "timestamp": TIME,
    "fault": PLACE,
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

NUMBERS = frozenset(
    {"attempt", "bytes", "count", "end", "key_epoch", "ms", "offset", "partition", "pid", "position", "revision"}
    | {"schema_id", "seconds", "status", "lost", "doubled", "leaked", "lag", "admitted", "quarantined", "releases"}
)
"""Keys whose value is a number."""


def allowed(key: str, value: object) -> bool:
    """Whether this key may be said with this value."""
    if key in NUMBERS:
        return isinstance(value, int | float)
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
