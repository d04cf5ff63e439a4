"""A real browser for a whole run; `make browser` fetches one where the machine has none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import NoBrowser
from tests.support.devtools import Tab, browser

SHOWN = Path(__file__).parents[2] / ".punte/browser"
"""Where screenshots and prints of the last run lie, for people to look at."""


@pytest.fixture(scope="session")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A tab of a browser with a fresh profile."""
    try:
        with browser(tmp_path_factory.mktemp("browser") / "profile") as running:
            yield running
    except NoBrowser as none:
        pytest.fail(str(none))


@pytest.fixture(scope="session")
def shown() -> Path:
    """The folder for screenshots."""
    SHOWN.mkdir(parents=True, exist_ok=True)
    return SHOWN
