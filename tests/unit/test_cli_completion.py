"""Completion: words, event types and purposes without a hub; no hub means no units, and no word of complaint."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

NOWHERE = {"PUNTE_KAFKA_BOOTSTRAP": "127.0.0.1:9", "PUNTE_SECRET_FILE": "/nonexistent"}


def completed(line: str) -> tuple[list[str], str]:
    """What bash is offered for the last word of a line, and what was said beside it."""
    asked = {"_PUNTE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    command = [sys.executable, "-c", "import sys; sys.argv = ['punte']; from hub.__main__ import main; main()"]
    done = subprocess.run(command, env={**os.environ, **NOWHERE, **asked}, capture_output=True, text=True, check=False)
    return done.stdout.split(), done.stderr


PROGRAMME = ["programme.attended"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("punte ev", ["event"]),
        ("punte event s", ["submit"]),
        ("punte event submit --type p", ["ppo.confirmed", "ppo.extended", "ppo.issued", "ppo.notIssued", *PROGRAMME]),
        ("punte release tail --purpose p1", ["P1", "P10", "P11", "P12", "P13", "P14", "P15"]),
        ("punte release tail --unit u", []),
    ],
)
def test_a_shell_is_offered_what_fits(line: str, offered: list[str]) -> None:
    """Nouns, verbs, event types, purposes; units only where a register answers; nothing on stderr."""
    assert completed(line) == (offered, "")
