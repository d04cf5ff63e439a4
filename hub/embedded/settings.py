"""Where the embedded broker keeps its things: three settings from the environment, nothing else.

Rule kept: no other file of `hub.embedded` reads the environment.
"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of the broker: `cache` (jars, shared by all checkouts), `state` (what runs here), and a named Java."""

    cache: Path
    state: Path
    java: Path | None
    java_home: Path | None


def read_places() -> Places:
    """PUNTE_CACHE (default: punte in the user's cache folder), PUNTE_STATE (default: .punte), PUNTE_JAVA, JAVA_HOME."""
    home_cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Places(
        cache=Path(os.environ.get("PUNTE_CACHE") or Path(home_cache) / "punte").absolute(),
        state=Path(os.environ.get("PUNTE_STATE") or ".punte").absolute(),
        java=_path("PUNTE_JAVA"),
        java_home=_path("JAVA_HOME"),
    )


def _path(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value) if value else None
