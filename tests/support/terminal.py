"""A newcomer at a terminal: types what README and CONTRIBUTING say, in a copy of the checkout that is theirs alone.

Rule kept: lines are read from the documents when a test runs; only PORT and EVENT_ID, which they leave to the reader,
are filled in from what the commands before them said.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 60
INTERRUPT: Final = "^C"
PROGRAM: Final = ".venv/bin/python consumer.py"
"""A reader's own program: runs beside the hub until it has printed something, and Ctrl-C ends it, not the hub."""


def typed(document: str, section: str) -> list[str]:
    """What a reader types in one `###` section: a line behind `$ ` with all lines below it, or `^C`; comments off."""
    text = (ROOT / document).read_text("utf-8").partition(f"### {section}\n")[2].partition("\n### ")[0]
    found: list[str] = []
    for block in re.findall(r"```console\n(.*?)```", text.partition("\n## ")[0], re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(re.sub(r"\s{2,}#.*", "", line[2:]))
            elif line == INTERRUPT:
                found.append(line)
            else:
                found[-1] += f"\n{line}"
    return found


def checkout(folder: Path) -> None:
    """A copy of the files git does not ignore, as they stand, with the checkout's `.venv`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")


@dataclass
class Terminal:
    """Two terminals in one folder: one is typed in, its variables and its folder stay; in the other something runs.

    `said`: what was typed and what it printed, in order. `port`, `event`: what PORT and EVENT_ID stand for.
    """

    folder: Path
    variables: dict[str, str]
    port: str = ""
    event: str = ""
    said: list[tuple[str, str]] = field(default_factory=list)
    took: dict[str, float] = field(default_factory=dict)
    running: subprocess.Popen[str] | None = None
    ready: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    ended: list[int] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def section(self, document: str, section: str) -> str:
        """Type a section; all it printed, each line behind what printed it."""
        began, before = time.monotonic(), len(self.said)
        lines = typed(document, section)
        assert lines, f"{document} has no lines to type in `{section}`"
        for line, after in zip(lines, [*lines[1:], ""], strict=True):
            if line.startswith(PROGRAM) and after == INTERRUPT:
                self.said.append((line, self._first_line(line)))
            elif line != INTERRUPT or not self.said[-1][0].startswith(PROGRAM):
                self._line(line)
        self.took[section] = time.monotonic() - began
        return "\n".join(f"$ {line}\n{told}" for line, told in self.said[before:])

    def _line(self, written: str) -> None:
        line = written.replace("PORT", self.port).replace("EVENT_ID", self.event) if written else written
        if line == INTERRUPT:
            self.interrupt()
        elif " run all " in line:
            self._leave(line)
            for _ in range(2 * line.count("--lane") + 1):  # admission and gateway of each lane, and the registry
                assert self.ready.acquire(timeout=PATIENCE_S), "a part of the hub did not get ready"
        else:
            self.said.append((line, self._whole(line)))
            self._learn(self.said[-1][1])

    def _learn(self, told: str) -> None:
        self.port = (re.findall(r"bootstrap\s+\S+:(\d+)", told) or [self.port])[0]
        self.event = (re.findall(r"^event (\S+)", told) or [self.event])[0]

    def _whole(self, line: str) -> str:
        """Run one line to its end; what it printed. Fails with what it complained of."""
        kept = self.folder / ".variables"
        done = subprocess.run(
            ["bash", "-c", f"set -eo pipefail\n{line}\nenv -0 > {kept}"],
            cwd=self.variables.get("PWD", self.folder),
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, "\n".join([line, done.stdout, done.stderr, *self.log[-3:]])
        self.variables = dict(one.partition("=")[::2] for one in kept.read_text().split("\0") if one)
        return done.stdout

    def _first_line(self, line: str) -> str:
        """Run a line that does not end beside whatever runs, until it has printed something; then Ctrl-C."""
        command = ["bash", "-c", f"exec {line}"]
        with subprocess.Popen(command, cwd=self.folder, env=self.variables, stdout=subprocess.PIPE, text=True) as made:
            watchdog = threading.Timer(PATIENCE_S, made.kill)
            watchdog.start()
            assert made.stdout is not None
            told = made.stdout.readline()
            watchdog.cancel()
            made.kill()
        assert told, f"{line} printed nothing"
        return told

    def _leave(self, line: str) -> None:
        self.running = subprocess.Popen(
            ["bash", "-c", f"exec {line}"], cwd=self.folder, env=self.variables, stderr=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._listen, args=(self.running,), daemon=True).start()

    def _listen(self, running: subprocess.Popen[str]) -> None:
        assert running.stderr is not None
        with running.stderr as lines:
            for line in lines:
                self.log.append(line)
                for _ in re.findall(r'"code": "ready"', line):
                    self.ready.release()

    def interrupt(self) -> None:
        """Ctrl-C in the other terminal."""
        if self.running is not None and self.running.poll() is None:
            self.running.send_signal(signal.SIGINT)
            self.ended.append(self.running.wait(PATIENCE_S))

    def times(self) -> str:
        """How long each section took, as a table."""
        rows = [f"{seconds:6.1f} s  {section}" for section, seconds in self.took.items()]
        return "\n".join([*rows, f"{sum(self.took.values()):6.1f} s  in all"])


def at_home(folder: Path) -> Iterator[Terminal]:
    """A terminal in a fresh copy of the checkout, which leaves nothing running behind it."""
    checkout(folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PUNTE_", "PYTEST_"))}
    own = {"PUNTE_STATE": str(folder / ".punte/state"), "PYTHONPATH": str(folder), "PWD": str(folder)}
    made = Terminal(folder, kept | own)
    yield made
    made.interrupt()
    subprocess.run([".venv/bin/punte", "broker", "down"], cwd=folder, env=made.variables, check=False)
