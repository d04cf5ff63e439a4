"""The schedule: every fault often enough, the same for the same seed, and only at what it can hit."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.injectors import MENU
from tests.faults.schedule import AT_LEAST, PAIRS, pairs, schedule, single

AIMS = {name: one.aim for name, one in MENU.items()}
NEED_NOTHING = {"F3", "F7", "F8", "F15", "F16", "F33", "F39"}


@pytest.mark.parametrize("minutes", [20, 30, 60])
def test_every_fault_comes_at_least_three_times(minutes: float) -> None:
    """From twenty minutes on, in order of time and within it."""
    steps = schedule(1, minutes, AIMS)
    assert min(Counter(step.fault for step in steps).values()) >= AT_LEAST
    assert {step.fault for step in steps} == set(MENU)
    assert [step.at_s for step in steps] == sorted(step.at_s for step in steps)
    assert steps[-1].at_s < minutes * 60


def test_a_short_run_has_each_fault_once() -> None:
    """Two minutes do not hold three of each."""
    assert set(Counter(step.fault for step in schedule(1, 2, AIMS)).values()) == {1}


def test_a_seed_is_a_schedule() -> None:
    """The same seed strikes the same, another one something else."""
    assert schedule(7, 20, AIMS) == schedule(7, 20, AIMS)
    assert schedule(7, 20, AIMS) != schedule(8, 20, AIMS)


def test_a_step_hits_what_its_fault_can_hit() -> None:
    """Target and length are the fault's own."""
    for step in schedule(3, 20, AIMS):
        aim = AIMS[step.fault]
        assert step.target in aim.targets
        assert aim.shortest_s <= step.for_s <= aim.longest_s


def test_one_fault_goes_over_its_targets_in_turn() -> None:
    """As many strikes as targets hit each of them: so every crash point is met."""
    for name in ("F2", "F3"):
        steps = single(5, name, AIMS[name], len(AIMS[name].targets))
        assert {step.target for step in steps} == set(AIMS[name].targets)


def test_pairs_name_faults_of_the_menu_under_a_seed_each() -> None:
    """Fixed seeds, no seed twice, no fault with itself."""
    assert len({seed for seed, _, _ in PAIRS}) == len(PAIRS)
    assert {name for _, *both in PAIRS for name in both} <= set(MENU)
    assert all(first != second for _, first, second in PAIRS)


def test_pairs_strike_together_and_only_where_both_can_run() -> None:
    """A pair one of whose faults the machine lacks is left out."""
    steps = pairs(AIMS)
    assert [(step.fault, step.beside[0]) for step in steps] == [(first, second) for _, first, second in PAIRS]
    assert all(step.beside[1] in AIMS[step.beside[0]].targets for step in steps)
    assert not [step for step in pairs({name: AIMS[name] for name in ("F1", "F7")}) if "F3" in str(step)]


def test_the_menu_is_that_of_the_issue() -> None:
    """Every fault of M4 has its entry, and those that need nothing must run."""
    numbers = [*range(1, 12), *range(14, 17), 18, *range(20, 24), 26, *range(31, 34), 39]
    assert set(MENU) == {f"F{number}" for number in numbers}
    assert {name for name, one in MENU.items() if one.must} == NEED_NOTHING
