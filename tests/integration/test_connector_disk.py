"""A disk that fails under the outbox, injected at each call: nothing acknowledged is lost, and the process says so.

`strace` makes the n-th fsync or write of a real process fail once, as a dying disk does (reliability-security.md F21,
F22). Over one short script.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from connectors.sdk.sql import Outbox

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="`strace` is not installed")
SCRIPT: Final = """
import sys
from pathlib import Path
from connectors.sdk.life.process import live
from connectors.sdk.port import Row, Witness
from connectors.sdk.sql import Outbox

async def work():
    outbox = Outbox(Path(sys.argv[1]))
    print("begun", flush=True)
    for number in range(3):
        outbox.put(Row(f"row-{number}", "sesizare", 1, "c-1", {"name": "Canaria Popescu" * 400}))
        print(f"row-{number} pending", flush=True)
    outbox.sent([Witness("inbox.case.ux3joc", 0, number, f"row-{number}") for number in range(3)], 1)
    print("all sent", flush=True)
    outbox.close()
    print("closed", flush=True)

live(work())
"""
CALLS: Final = {
    "a-failed-fsync": ("fsync,fdatasync", "EIO", range(1, 15)),
    "a-full-disk": ("pwrite64", "ENOSPC", range(1, 120, 10)),
}
"""Attack -> calls, error, which of them fail: every sync of the script, every tenth of its writes."""


def ran(path: Path, calls: str, error: str, nth: int) -> subprocess.CompletedProcess[str]:
    """The script on a disk whose n-th call of these fails."""
    words = [
        "strace",
        "-f",
        "-o",
        "/dev/null",
        "-e",
        f"trace={calls}",
        "-e",
        f"inject={calls}:error={error}:when={nth}",
    ]
    return subprocess.run(
        [*words, sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True, timeout=60, check=False
    )


def acknowledged(said: list[str]) -> dict[str, str]:
    """Each row that the process called written, and the state it called it."""
    found = dict(line.split() for line in said if line.startswith("row-"))
    return dict.fromkeys(found, "sent") if "all sent" in said else found


@pytest.mark.parametrize("attack", CALLS)
def test_whatever_call_fails_nothing_acknowledged_is_lost(tmp_path: Path, attack: str) -> None:
    """It goes on unharmed, or ends with one sentence that holds no value; the file then opens and holds everything."""
    calls, error, numbers = CALLS[attack]
    ended = 0
    for nth in numbers:
        path = tmp_path / f"{nth}.sqlite"
        run = ran(path, calls, error, nth)
        said = run.stdout.splitlines()
        if run.returncode:
            ended += 1
            assert run.stderr.splitlines()[-1].startswith("store_f"), run.stderr
        else:
            assert said[-1] == "closed"
        assert "Canaria" not in run.stdout + run.stderr
        again = Outbox(path)
        states = dict(again._file.ask("SELECT id, state FROM outbox"))
        again.close()
        assert acknowledged(said).items() <= states.items()
    assert ended >= 4
