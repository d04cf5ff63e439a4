"""The hub writes to units alone (INV-20): no part of the product can send a letter, a message or a call to a person."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("hub", "consent", "connectors", "schemas")
WAYS = frozenset(
    {
        "smtplib",
        "email",
        "imaplib",
        "poplib",
        "nntplib",
        "xmpp",
        "slixmpp",
        "twilio",
        "vonage",
        "pywebpush",
        "aiosmtplib",
    }
)
"""Modules that write to people."""


def imported(path: Path) -> set[str]:
    """The top-level modules a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).split(".")[0])
    return found


def test_nothing_of_the_product_can_write_to_a_person() -> None:
    """No file imports a library of mail, text messages or push; what leaves is a record on a unit's topic."""
    files = [path for part in PARTS for path in (ROOT / part).rglob("*.py")]
    assert len(files) > 100
    assert {str(path): imported(path) & WAYS for path in files if imported(path) & WAYS} == {}
