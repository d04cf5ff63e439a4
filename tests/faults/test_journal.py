"""The journal: what was intended is there after a kill, and an outcome counts only as far as it is certain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.journal import Journal, Outcome, read_journal


def test_intent_and_outcome_are_read_back(tmp_path: Path) -> None:
    """Events come in the order of their first intent, with their best outcome."""
    with Journal(tmp_path / "j") as journal:
        journal.intents([("a", "u1", "case"), ("b", "u2", "alert")])
        journal.outcome("b", Outcome.OK)
        journal.outcome("a", Outcome.FAIL)
    found = [(one.event, one.source, one.lane, one.outcome) for one in read_journal(tmp_path / "j")]
    assert found == [("a", "u1", "case", Outcome.FAIL), ("b", "u2", "alert", Outcome.OK)]


@pytest.mark.parametrize(
    ("outcomes", "best"),
    [
        ([], Outcome.UNKNOWN),
        ([Outcome.UNKNOWN, Outcome.OK], Outcome.OK),
        ([Outcome.UNKNOWN, Outcome.FAIL], Outcome.UNKNOWN),
        ([Outcome.FAIL, Outcome.FAIL], Outcome.FAIL),
        ([Outcome.OK, Outcome.UNKNOWN], Outcome.OK),
    ],
)
def test_the_outcome_of_several_sends(tmp_path: Path, outcomes: list[Outcome], best: Outcome) -> None:
    """One answer is enough; a refusal counts only when every send was refused."""
    with Journal(tmp_path / "j") as journal:
        for outcome in outcomes:
            journal.intents([("a", "u", "case")])
            journal.outcome("a", outcome)
        if not outcomes:
            journal.intents([("a", "u", "case")])
    assert [one.outcome for one in read_journal(tmp_path / "j")] == [best]


def test_a_send_without_an_answer_is_unknown(tmp_path: Path) -> None:
    """Refused once and sent again without an answer: nobody knows."""
    with Journal(tmp_path / "j") as journal:
        journal.intents([("a", "u", "case")])
        journal.outcome("a", Outcome.FAIL)
        journal.intents([("a", "u", "case")])
    assert read_journal(tmp_path / "j")[0].outcome is Outcome.UNKNOWN


def test_a_torn_last_line_costs_itself_alone(tmp_path: Path) -> None:
    """A kill in the middle of a write leaves everything before it, at every byte it may cut."""
    with Journal(tmp_path / "j") as journal:
        journal.intents([("a", "u", "case")])
        journal.outcome("a", Outcome.OK)
    whole = (tmp_path / "j").read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        (tmp_path / "j").write_bytes(whole[:cut])
        assert [one.event for one in read_journal(tmp_path / "j")] == ["a"]
