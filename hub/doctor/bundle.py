"""What leaves this machine in a doctor's bundle, by allow-list. Pure.

Rule kept: a name that is not in the list goes without its value; no path, no login, no key, nothing of any record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

SHOWN: Final = frozenset(
    {"kafka_bootstrap", "kafka_security_protocol", "kafka_sasl_mechanism", "profile", "log_level", "health_port"}
)
"""Settings told with their value; of all others only whether they are set."""


def settings_told(values: Mapping[str, Any]) -> dict[str, str]:
    """Every setting by name: its value where SHOWN says so, else `set` or `unset`."""
    return {
        name: str(value) if name in SHOWN else "unset" if value is None else "set" for name, value in values.items()
    }


def bundle(
    found: Mapping[str, Any], versions: Mapping[str, str], settings: Mapping[str, Any], topics: Mapping[str, int] | None
) -> dict[str, bytes]:
    """The files of a bundle by name; `found`: the object of `punte doctor --json`; `topics`: partitions by name."""
    members = {
        "findings.json": found,
        "versions.json": versions,
        "settings.json": settings_told(settings),
        "topics.json": topics,
    }
    return {name: json.dumps(told, indent=1, sort_keys=True).encode() for name, told in members.items()}
