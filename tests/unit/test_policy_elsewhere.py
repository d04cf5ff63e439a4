"""Every invariant that the code keeps names tests that exist; every invariant of domain.md 4.1 is named at all."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from consent.pack import parse_pack
from tests.cases.pack import texts, types

ROOT = Path(__file__).parents[2]
LINES = parse_pack(texts(), types()).redlines.lines
NAMED = [(line.id, test) for line in LINES for test in line.elsewhere]


@pytest.mark.parametrize(("line", "test"), NAMED)
def test_a_named_test_exists(line: str, test: str) -> None:
    """The file is there and defines a test of that name, with a sentence."""
    path, name = test.split("::")
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    (found,) = [node for node in ast.walk(tree) if isinstance(node, kinds) and node.name == name]
    assert ast.get_docstring(found), line


def test_every_invariant_is_named() -> None:
    """INV-01 to INV-31 of domain.md and contract.md, and those of the further types: none is forgotten."""
    assert {line.id for line in LINES} >= {f"INV-{number:02}" for number in range(1, 35)}
    assert len(NAMED) > 12
