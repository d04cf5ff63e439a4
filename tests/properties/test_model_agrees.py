"""A share of `python -m tests.properties.million` in every run: model and product agree, and cases say something."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.model.policy import types
from tests.properties import judged, projected
from tests.properties.million import Task, compare, run, vacuous

SEED = 1
MODEL = Path(__file__).parents[1] / "model"
JUDGED = ("consent", "hub", "connectors", "schemas", "tests.cases", "tests.properties", "tests.support")
"""What the model may not import: the product, and tests that do."""


def counted(decisions: int, records: int) -> Counter[str]:
    """What a comparison came to; fails at a difference."""
    count: Counter[str] = Counter()
    for answer in compare(decisions, records, SEED):
        assert answer.difference is None, f"{answer.task.kind} {answer.difference}"
        count += answer.counts
    return count


def test_a_share_of_the_million_agrees() -> None:
    """Decisions and releases of product and model are equal, and every reason and every transform has occurred."""
    count = counted(20_000, 3_000)
    assert vacuous(count) == []
    assert count["decisions"] >= 20_000


def test_every_event_type_is_judged() -> None:
    """No type that anybody may learn of is left out of the random cases; they are those of the product."""
    met = {judged.case_of(SEED, number)[1].event.type for number in range(1_000)}
    assert met == {event for event, _, _ in judged.demo().product.cells}
    assert met <= set(types())


def test_a_case_is_its_seed_and_number() -> None:
    """The same seed and number make the same case, so that a difference can be shown again."""
    assert judged.case_of(SEED, 7)[1] == judged.case_of(SEED, 7)[1]


def imports(path: Path) -> set[str]:
    """The modules a file imports."""
    tree = ast.parse(path.read_text("utf-8"))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return named | {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", sorted(MODEL.glob("*.py")), ids=lambda path: path.name)
def test_the_model_imports_nothing_it_judges(path: Path) -> None:
    """A model that used the product's code would agree with its faults."""
    assert [
        name for name in imports(path) if name in JUDGED or name.startswith(tuple(f"{one}." for one in JUDGED))
    ] == []


def test_a_difference_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that always holds units apart differs in words of the policy, and so does one that changes a byte."""
    monkeypatch.setattr("tests.model.decision.held", lambda *_: True)
    answer = run(Task("case", SEED, 0, 50))
    assert answer.difference is not None
    assert "the model says" in answer.difference[1]
    monkeypatch.setattr(projected, "FIRST_ID", projected.FIRST_ID + 1)
    told = run(Task("record", SEED, 0, 1)).difference
    assert told is not None
    assert "has other bytes" in told[1]
