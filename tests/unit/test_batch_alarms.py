"""What a batch sends to quarantine is an alarm, not only a count."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from consent.terms import Lane
from hub.assemble import _report


@pytest.mark.parametrize(
    ("lane", "step", "alarms"),
    [(Lane.ALERT, "admit", 1), (Lane.ALERT, "decide", 1), (Lane.CASE, "decide", 1), (Lane.CASE, "admit", 0)],
)
def test_what_waits_for_a_person_is_an_alarm(
    lane: Lane, step: str, alarms: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refused alert and anything a decision could not serve; a refused record of the case lane is its sender's."""
    _report(lane, step, Counter(quarantined=2))
    errors = [line for line in map(json.loads, capsys.readouterr().err.splitlines()) if line["level"] == "error"]
    assert [(line["event"], line["code"], line["lane"]) for line in errors] == [("alarm", "quarantined", lane)] * alarms


def test_a_good_batch_raises_no_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    """Its counts are said at most, and nothing as an error."""
    _report(Lane.ALERT, "admit", Counter(admitted=3))
    assert all(json.loads(line)["level"] == "info" for line in capsys.readouterr().err.splitlines())
