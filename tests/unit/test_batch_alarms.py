"""What a batch sends to quarantine is an alarm, not only a count."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from consent.terms import Lane
from hub.assemble import CODES
from hub.contracts.keys import event_digest
from hub.telemetry.told import Sinks, Told, open_told
from tests.support.collector import Turn


def reported(step: str, lane: Lane, counts: Counter[str]) -> None:
    """A batch of admission or a turn of the gateway, told."""
    with open_told("gateway", lane.value, Sinks(), CODES, event_digest) as told:
        _report(told, step, counts)


def _report(told: Told, step: str, counts: Counter[str]) -> None:
    if step == "admit":
        told.counted(counts)
    else:
        told.turn(Turn(counts=counts))


@pytest.mark.parametrize(
    ("lane", "step", "alarms"),
    [(Lane.ALERT, "admit", 1), (Lane.ALERT, "decide", 1), (Lane.CASE, "decide", 1), (Lane.CASE, "admit", 0)],
)
def test_what_waits_for_a_person_is_an_alarm(
    lane: Lane, step: str, alarms: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refused alert and anything a decision could not serve; a refused record of the case lane is its sender's."""
    reported(step, lane, Counter(quarantined=2))
    errors = [line for line in map(json.loads, capsys.readouterr().err.splitlines()) if line["level"] == "error"]
    assert [(line["event"], line["code"], line["lane"]) for line in errors] == [("alarm", "quarantined", lane)] * alarms


def test_a_good_batch_raises_no_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    """Its counts are said at most, and nothing as an error."""
    reported("admit", Lane.ALERT, Counter(admitted=3))
    assert all(json.loads(line)["level"] == "info" for line in capsys.readouterr().err.splitlines())
