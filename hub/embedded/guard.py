"""The guard: a small process between a broker and its owner. Run as a file, it needs the standard library alone.

Rule kept: Kafka ends with its owner. The owner holds the guard's standard input; its end, also by kill -9 of the owner,
is the order to stop: SIGTERM, and SIGKILL if Kafka has not gone after GRACE. Orders on standard input, a word a line:
`ready` (make the class archive in the background, if one is wanted), `keep` (from now on the end of the input means
nothing; SIGTERM stops). Reports on standard output, a JSON object a line: `{"pid": ...}`, then `{"exit": ...}`.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

GRACE = 20.0
"""Seconds Kafka gets to close its logs; a clean stop takes half a second."""


class Guard:
    """Holds the one Java process and what has to be tidied after it."""

    def __init__(self, order: dict[str, Any]) -> None:
        """Starts Kafka as `order` says.

        Its keys: `command`; `folder` to run in; `log`; `last_log`, where the log is saved if Kafka ends by itself;
        `remove`, a folder to throw away; `state`, a file to remove; `archive`, a command, and `archive_to`. All but
        the first three and the last may be null.
        """
        self.order = order
        self.kept = False
        self.stopped = False
        self.maker: subprocess.Popen[bytes] | None = None
        self.archiving = threading.Thread(target=self.make_archive, daemon=True)
        with Path(order["log"]).open("ab") as log:
            self.kafka = subprocess.Popen(
                order["command"],
                cwd=order["folder"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread runs yet
            )

    def stop(self, *_: object) -> None:
        """Ends Kafka; a signal and the end of the input both come here."""
        self.stopped = True
        for process in (self.maker, self.kafka):
            if process:
                process.terminate()
        last = threading.Timer(GRACE, self.kafka.kill)
        last.daemon = True
        last.start()

    def listen(self) -> None:
        """Obeys the owner until the input ends."""
        for line in sys.stdin:
            word = line.strip()
            self.kept = self.kept or word == "keep"
            if word == "ready" and self.order["archive"]:
                self.archiving.start()
        if not self.kept:
            self.stop()

    def make_archive(self) -> None:
        """Runs the archive's command with the lowest priority and puts a whole result in place, or nothing."""
        folder = Path(self.order["folder"])
        whole, _, _ = (folder / "classes.list").read_bytes().rpartition(b"\n")
        (folder / "classes.list").write_bytes(whole + b"\n")
        nowhere = subprocess.DEVNULL
        self.maker = subprocess.Popen(self.order["archive"], stdin=nowhere, stdout=nowhere, stderr=nowhere)
        os.setpriority(os.PRIO_PROCESS, self.maker.pid, 19)
        if self.stopped:
            self.maker.terminate()
        if self.maker.wait() == 0:
            fresh = Path(self.order["archive_to"]).with_suffix(f".{os.getpid()}")
            shutil.move(folder / "classes.jsa", fresh)
            fresh.rename(self.order["archive_to"])

    def tidy(self) -> None:
        """Saves the log of a Kafka that ended by itself, removes the state file and the thrown-away data."""
        if self.archiving.ident:
            self.archiving.join()
        if self.order["last_log"] and not self.stopped:
            shutil.copyfile(self.order["log"], self.order["last_log"])
        if self.order["state"]:
            Path(self.order["state"]).unlink(missing_ok=True)
        if self.order["remove"]:
            shutil.rmtree(self.order["remove"], ignore_errors=True)


def _die_with_parent() -> None:
    """On Linux the kernel ends Kafka if the guard itself is killed (prctl PR_SET_PDEATHSIG = 1)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def report(**what: int) -> None:
    """Tells the owner, if it still listens."""
    try:
        print(json.dumps(what), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Starts Kafka, waits for its end, tidies, reports."""
    guard = Guard(json.loads(sys.argv[1]))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, guard.stop)
    report(pid=guard.kafka.pid)
    threading.Thread(target=guard.listen, daemon=True).start()
    status = guard.kafka.wait()
    guard.tidy()
    report(exit=status)


if __name__ == "__main__":
    main()
