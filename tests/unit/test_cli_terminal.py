"""At a terminal: progress goes to stderr and nowhere else, and NO_COLOR takes every colour away."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hub.contracts.files import schema_root

COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3|4|9|10)[0-8][0-9;]*m")
PAINTED = (
    "from contextlib import AsyncExitStack\n"
    "from consent.terms import Lane\n"
    "from hub.cli.status import _drawing\n"
    "from hub.doctor.lanes import Row, Stage\n"
    "_drawing(AsyncExitStack(), live=False)([Row(Lane.CASE, Stage.GATEWAY, False, 3, None, None, None, 0, 0)])\n"
)


def at_a_terminal(*command: str, data: Path | None = None, **other: str) -> tuple[str, str]:
    """What a command shows on a terminal; with `data`, only stderr is the terminal, and what went to the file."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **other}
    out = data.open("w") if data else slave
    made = subprocess.Popen(command, stdin=slave, stdout=out, stderr=slave, env=environment)
    os.close(slave)
    if data:
        out.close()  # type: ignore[union-attr]
    shown = b""
    while chunk := _read(master):
        shown += chunk
    made.wait(30)
    os.close(master)
    return shown.decode(), data.read_text() if data else ""


def _read(master: int) -> bytes:
    """The next bytes of a terminal; none once its last writer has gone, which Linux tells as a fault."""
    try:
        return os.read(master, 65_536)
    except OSError:
        return b""


def test_progress_is_for_the_terminal_alone(tmp_path: Path) -> None:
    """With stdout in a file the terminal says what goes on and the file holds the JSON; without a terminal: silence."""
    schemas = shutil.copytree(str(schema_root()), tmp_path / "schemas")
    command = [sys.executable, "-m", "hub", "policy", "compile", "--json", "--schemas", str(schemas)]
    shown, data = at_a_terminal(*command, data=tmp_path / "out")
    assert "punte: proving the pack" in shown
    assert json.loads(data)["written"] == []
    quiet = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert (json.loads(quiet.stdout), quiet.stderr) == (json.loads(data), "")


@pytest.mark.parametrize(
    "words",
    [("event", "submit", "--help"), ("policy", "prove"), ("event", "nothing")],
    ids=" ".join,
)
def test_no_color_is_kept_by_every_kind_of_output(words: tuple[str, ...]) -> None:
    """Help, data, tables and errors hold no colour on a terminal that could show it."""
    shown, _ = at_a_terminal(sys.executable, "-m", "hub", *words, NO_COLOR="1")
    assert len(shown) > 40
    assert not COLOUR.search(shown)


def test_the_live_table_has_colour_and_none_under_no_color() -> None:
    """The one place that paints does so on a terminal, and not when asked not to."""
    painted, _ = at_a_terminal(sys.executable, "-c", PAINTED, NO_COLOR="")
    plain, _ = at_a_terminal(sys.executable, "-c", PAINTED, NO_COLOR="1")
    assert COLOUR.search(painted)
    assert "gateway" in plain
    assert not COLOUR.search(plain)
