"""What one decision sees, nobody can change under the next: every dataclass it is made of is frozen and has slots."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cached_property

import pytest

MODULES = ("basis", "cells", "compile", "dutylines", "facts", "guards", "matrix", "redlines", "terms", "waivers")


def classes() -> Iterator[type]:
    """The dataclasses that the modules of the decision define."""
    for name in MODULES:
        module = importlib.import_module(f"consent.{name}")
        found = [each for each in vars(module).values() if isinstance(each, type) and is_dataclass(each)]
        yield from (each for each in found if each.__module__ == module.__name__)


@pytest.mark.parametrize("kind", list(classes()), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_facts_and_policies_cannot_be_changed(kind: type) -> None:
    """Frozen: no decision colours another. Slots, unless it remembers a property: a misspelt field is an error."""
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    remembers = any(isinstance(each, cached_property) for each in vars(kind).values())
    assert remembers or "__slots__" in vars(kind)
