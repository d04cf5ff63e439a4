"""The parts of a recovery, and what a run's report and status make of its findings."""

from __future__ import annotations

from collections import Counter

from tests.faults.history import Found, Kind
from tests.faults.machine import Machine
from tests.faults.recovery import Recovery, recovered
from tests.faults.report import ANOMALIES, BROKEN, CLEAN, report, status
from tests.faults.run import Judged, Struck, runnable
from tests.faults.wire import INIT_PRODUCER, LIST_OFFSETS
from tests.support.proxy import ADD_PARTITIONS

NOTHING = Machine(linux=True, root=False, commands=frozenset(), cgroups=frozenset())


def judged(*found: Found, unseen: tuple[Kind, ...] = ()) -> Judged:
    """A run that struck F3 once and found these."""
    counts = {"events": 7, "releases": 20, "quarantined": 0, "effects": 3, "commands": 2}
    struck = Struck(Counter({"F3": 1}), [0.5], [], [])
    return Judged(struck, found, unseen, counts, 1.25, [Recovery("case", 9.5, 9.0, 0.1, 0.2)], [], 60.0)


def test_the_parts_come_from_the_requests_after_the_kill() -> None:
    """What passed before the kill and what passes out of turn tells nothing."""
    trail = [(9.0, INIT_PRODUCER), (14.0, LIST_OFFSETS), (16.0, INIT_PRODUCER), (16.5, LIST_OFFSETS)]
    found = recovered("case", 10.0, 8.0, [*trail, (17.25, ADD_PARTITIONS), (18.0, ADD_PARTITIONS)])
    assert (found.session_s, found.fence_s, found.seen_s, found.batch_s) == (6.0, 0.5, 0.75, 0.75)


def test_what_no_request_tells_is_left_open() -> None:
    """A recovery that passed no wire has its whole time alone."""
    assert recovered("case", 10.0, 8.0, []).parts() == dict.fromkeys(
        ("session_s", "fence_s", "seen_s", "first_batch_s")
    )


def test_a_clean_run_says_so() -> None:
    """Every count is there, and the status is 0 only with all that had to strike."""
    told = report(judged(), {"F26": "the command `faketime`"}, 3, 1)
    assert [told[kind] for kind in ("lost", "doubled", "torn", "reordered", "leaked")] == [0] * 5
    assert (told["not_run"], told["planted_found"], told["recovery_s"]) == (["F26: the command `faketime`"], 7, 9.5)
    assert status(judged(), frozenset({"F3"}), {}) == CLEAN


def test_an_anomaly_is_counted_by_kind() -> None:
    """One loss: exit 1, and its opaque ids in the report."""
    run = judged(Found(Kind.LOST, "had to be released, is not there", "e1", "release.case.u.p1"))
    assert report(run, {}, 1, 1)["lost"] == 1
    assert status(run, frozenset({"F3"}), {}) == ANOMALIES


def test_a_run_that_could_not_strike_or_see_is_broken() -> None:
    """A must that is missing or a plant that was not found outweighs everything else."""
    assert status(judged(), frozenset({"F3", "F7"}), {}) == BROKEN
    assert status(judged(), frozenset({"F3"}), {"F3": "Linux"}) == BROKEN
    assert status(judged(unseen=(Kind.TORN,)), frozenset({"F3"}), {}) == BROKEN


def test_what_the_machine_lacks_is_named() -> None:
    """An injector without its requirement is not run, with the missing thing; the others are."""
    able, lacking = runnable(["F3", "F26", "F31"], NOTHING)
    assert able == ["F3"]
    assert lacking == {"F26": "the command `faketime`", "F31": "a writable cgroup v1 `memory`"}
