"""A newcomer's hour: everything README and CONTRIBUTING tell to type, typed, on one hub, in a copy of the checkout.

`python -m pytest tests/scenarios/test_newcomer_hour.py -s` prints how long each part took.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.terminal import Terminal, at_home

pytestmark = pytest.mark.kafka


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A newcomer's own terminal."""
    yield from at_home(tmp_path)


def told(terminal: Terminal, part: str) -> list[str]:
    """What every line typed so far with a part in it printed."""
    return [said for line, said in terminal.said if part in line]


def of(path: str, why: str) -> str:
    """The word an answer of `punte why` has for one field."""
    return why.partition(f"`{path}`: ")[2].partition(",")[0]


@pytest.mark.slow
def test_the_hour_as_it_is_written(terminal: Terminal) -> None:
    """An event crosses, is read and asked about in Romanian; a row changes; a unit, a field, a type come and show."""
    rules(terminal)
    readme(terminal)
    contributing(terminal)
    terminal.interrupt()
    terminal.section("README.md", "End it")
    assert set(terminal.ended) <= {0, 130}
    print("\n" + terminal.times())


def rules(terminal: Terminal) -> None:
    """What a data-protection officer types, without a hub: a copy that is not edited yet gains and breaks nothing."""
    terminal.section("README.md", "Look at the rules")
    assert "crossed 0, unserved 0" in told(terminal, "policy prove")[-1]
    terminal.section("README.md", "Change a rule without a programmer")
    assert "the same" in told(terminal, "policy compare")[-1]
    assert ", 0 failed, " in told(terminal, "policy test")[-1]
    assert "0 faults" in told(terminal, "policy lint")[-1]


def readme(terminal: Terminal) -> None:
    """The README from a broker to a program of one's own."""
    terminal.section("README.md", "Run the hub by hand")
    assert "admitted" in told(terminal, "event submit")[-1]
    assert "incident.reported" in told(terminal, "release tail")[-1]
    terminal.section("README.md", "Ask why")
    assert of("incidentRef", told(terminal, "--lang ro")[-1]) == "dat"
    terminal.section("README.md", "Look after what was stopped")
    assert "refused (unit_unknown)" in told(terminal, "event submit")[-1]
    assert "case/0" in told(terminal, "list --open")[-1]
    assert "would be stopped again: unit_unknown" in told(terminal, "quarantine show")[-1]
    assert "resubmitted" in told(terminal, "quarantine resubmit")[-1]
    terminal.section("README.md", "Read releases in twenty lines")
    program, printed = terminal.said[-2][0], terminal.said[-1][1]
    assert len(program.splitlines()) - 2 <= 20
    assert printed.startswith("incident.reported {")


def contributing(terminal: Terminal) -> None:
    """The four changes of CONTRIBUTING, each to what its last lines show."""
    terminal.section("CONTRIBUTING.md", "Change a matrix row")
    answers = [of("childrenPresent", why) for why in told(terminal, "--as unit:uj9kpj")]
    assert answers == ["generalised", "given"]
    terminal.section("CONTRIBUTING.md", "Add a unit")
    assert "siruta = 55259" in told(terminal, "release tail --unit uk7p2d")[-1]
    terminal.section("CONTRIBUTING.md", "Add a field")
    terminal.section("CONTRIBUTING.md", "Add an event type")
    terminal.section("CONTRIBUTING.md", "See both cross")
    assert of("interpreterNeeded", told(terminal, "--as unit:ux3joc")[-1]) == "given"
    assert "admitted" in told(terminal, "event submit deploy/federation/incident.json")[-1]
    assert "mobileTeam.visited" in told(terminal, "release tail --unit u0xzkb")[-1]
