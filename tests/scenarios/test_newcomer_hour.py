"""A newcomer types what the README says, line by line, and sees an event cross and why.

Rule kept: the lines are read from README.md when the test runs; only PORT and EVENT_ID, which the README leaves to the
reader, are filled in from what the commands before them said.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.scenarios.conftest import PATIENCE_S, ROOT

pytestmark = pytest.mark.kafka
PARTS: Final = 5
READY: Final = re.compile(r'"code": "ready"')


def typed(section: str) -> list[str]:
    """The lines a reader types in one section of the README, comments taken off."""
    text = (ROOT / "README.md").read_text("utf-8").partition(f"### {section}\n")[2].partition("\n### ")[0]
    blocks = re.findall(r"```console\n(.*?)```", text.partition("\n## ")[0], re.DOTALL)
    return [re.sub(r"\s{2,}#.*", "", line[2:]) for block in blocks for line in block.splitlines() if line[:2] == "$ "]


@dataclass
class Terminal:
    """A shell in a folder with the checkout's `.venv` and `deploy`; exported variables stay."""

    folder: Path
    variables: dict[str, str]
    hub: subprocess.Popen[str] | None = None
    ready: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def type(self, line: str) -> str:
        """Run one line to its end; what it printed. Fails with what it complained of."""
        script = f"set -e\n{line}\nenv -0 > variables"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        kept = (self.folder / "variables").read_text().split("\0")
        self.variables = dict(one.partition("=")[::2] for one in kept if one)
        return done.stdout

    def leave_running(self, line: str) -> None:
        """Run a line that does not end, until all parts of the hub said that they are ready."""
        self.hub = subprocess.Popen(
            ["bash", "-c", f"exec {line}"], cwd=self.folder, env=self.variables, stderr=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._listen, daemon=True).start()
        for _ in range(PARTS):
            assert self.ready.acquire(timeout=PATIENCE_S), "a part of the hub did not get ready"

    def _listen(self) -> None:
        assert self.hub is not None
        assert self.hub.stderr is not None
        with self.hub.stderr as lines:
            for line in lines:
                for _ in READY.findall(line):
                    self.ready.release()

    def interrupt(self) -> None:
        """Ctrl-C."""
        if self.hub is not None and self.hub.poll() is None:
            self.hub.send_signal(signal.SIGINT)
            self.hub.wait(PATIENCE_S)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal that leaves nothing running behind it."""
    for name in (".venv", "deploy"):
        (tmp_path / name).symlink_to(ROOT / name)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUNTE_KAFKA")}
    made = Terminal(tmp_path, kept | {"PUNTE_STATE": str(tmp_path / "state")})
    yield made
    made.interrupt()
    subprocess.run([".venv/bin/punte", "broker", "down"], cwd=tmp_path, env=made.variables, check=False)


@pytest.mark.slow
def test_the_readme_by_hand(terminal: Terminal) -> None:
    """Broker, topics, register, hub; an event crosses; why and the way are told, in Romanian too; all ends."""
    port = event = ""
    said: dict[str, str] = {}
    for written in [*typed("Run the hub by hand"), *typed("Ask why")]:
        line = written.replace("PORT", port).replace("EVENT_ID", event)
        if " run all " in line:
            terminal.leave_running(line)
            continue
        if "broker down" in line:
            terminal.interrupt()
        said[line] = told = terminal.type(line)
        port = (re.findall(r"bootstrap\s+\S+:(\d+)", told) or [port])[0]
        event = (re.findall(r"^event (\S+)", told) or [event])[0]
    crossing = next(told for line, told in said.items() if "event submit" in line)
    patrol = next(told for line, told in said.items() if "release tail" in line)
    assert "admitted" in crossing
    assert "incident.reported" in patrol
    assert any("--lang ro" in line and told for line, told in said.items())
    assert terminal.hub is not None
    assert terminal.hub.returncode in (0, 130)
