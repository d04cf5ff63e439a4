"""The state file of `punte broker`: which broker runs here, as the command that started it wrote it down.

Rule kept: a process is only ever ended if its id *and* its start time are the recorded ones, so that an id given anew
to a stranger's process is never touched.
"""

import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.embedded import errors
from hub.embedded.broker import Broker
from hub.embedded.settings import Places

STOP_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of fact about a running broker; `started` is the guard's start time as the system tells it."""

    bootstrap: str
    pid: int
    guard: int
    started: str
    data: str
    log: str


def state_file(places: Places) -> Path:
    """Where this folder's broker is written down."""
    return places.state / "broker.json"


def record(file: Path, broker: Broker) -> Recorded:
    """Writes the file, whole or not at all."""
    started = start_time(broker.guard) or ""
    found = Recorded(broker.bootstrap, broker.pid, broker.guard, started, str(broker.data), str(broker.log))
    fresh = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(asdict(found)) + "\n", "utf-8")
        fresh.replace(file)
    except OSError as fault:
        raise errors.from_os(fault, file.parent) from fault
    return found


def running(file: Path) -> Recorded | None:
    """The broker written down, if its guard still runs; a file left by a crash is removed."""
    try:
        found = Recorded(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    if start_time(found.guard) == found.started:
        return found
    file.unlink(missing_ok=True)
    return None


def stop(found: Recorded) -> None:
    """Asks the recorded guard to end its Kafka and waits for it; raises `broker_slow` if it does not go."""
    os.kill(found.guard, signal.SIGTERM)
    until = time.monotonic() + STOP_WITHIN
    while start_time(found.guard) == found.started:
        if time.monotonic() > until:
            raise errors.slow(STOP_WITHIN, Path(found.log))
        time.sleep(0.05)


def start_time(pid: int) -> str | None:
    """When the process began, as an opaque text that no two processes of one id share; None if it has ended."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _ask_ps(pid)
    try:
        state, *rest = stat.read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else rest[18]


def _ask_ps(pid: int) -> str | None:
    """The same on systems without /proc."""
    asked = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or None
