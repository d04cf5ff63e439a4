"""`punte status` as a function: offsets at two moments in, one row per lane and stage out."""

from __future__ import annotations

from dataclasses import replace

from consent.terms import Lane
from hub.doctor.lanes import HEADS, Moment, Place, Reading, Row, Stage, as_json, cells, followed, reading, rows
from tests.support.published import faults

BEFORE = Moment(1_000, (reading(Stage.GATEWAY, Lane.CASE, 1, [Place(0, 10, 10), Place(0, None, 0)]),), {})
NOW = Moment(
    3_000,
    (reading(Stage.GATEWAY, Lane.CASE, 1, [Place(0, 14, 30), Place(5, None, 6)], oldest=2_500),),
    {Lane.CASE: 7},
    {Lane.CASE: dict.fromkeys("abc", "too_large")},
)


def test_partitions_are_summed() -> None:
    """Nothing of one partition is left; a group without an offset starts at the first record there is."""
    assert NOW.readings == (Reading(Stage.GATEWAY, Lane.CASE, 1, come=36, taken=19, waiting=17, oldest=2_500),)


def test_rates_are_those_of_the_interval() -> None:
    """26 offsets came and 9 were taken in two seconds; the oldest has waited half a second."""
    (row,) = rows(BEFORE, NOW)
    assert row == Row(Lane.CASE, Stage.GATEWAY, True, 17, 13.0, 4.5, 0.5, 7, 3)


def test_there_is_no_rate_without_an_interval() -> None:
    """At the first look, at a second look in the same millisecond, and of a stage that was not there."""
    for before in (None, NOW, Moment(1_000, (), {})):
        (row,) = rows(before, NOW)
        assert (row.come_per_s, row.taken_per_s) == (None, None)


def test_a_topic_made_anew_has_no_negative_rate() -> None:
    """Ends and offsets that went back count as nothing, and a clock that went back makes nobody younger than now."""
    (row,) = rows(replace(NOW, at=1_000), replace(BEFORE, at=2_000))
    assert (row.come_per_s, row.taken_per_s) == (0.0, 0.0)
    (row,) = rows(None, replace(NOW, at=0))
    assert row.oldest_s == 0.0


def test_rows_stand_in_the_order_of_an_event() -> None:
    """Alerts first, and admission before the gateway, whatever the order of the readings."""
    stages = [reading(stage, lane, 0, []) for lane in reversed(Lane) for stage in reversed(Stage)]
    found = rows(None, Moment(0, tuple(stages), {}))
    assert [(row.lane, row.stage) for row in found] == [(lane, stage) for lane in Lane for stage in Stage]
    assert not any(row.running for row in found)


def test_what_is_printed_keeps_its_schema() -> None:
    """With and without rates; a cell under every head, and what a lane has in quarantine and parked once."""
    both = replace(NOW, readings=(*NOW.readings, replace(NOW.readings[0], stage=Stage.INGRESS, oldest=None)))
    for before in (None, BEFORE):
        found = rows(before, both)
        assert faults("status.v1", as_json(found)) == []
        assert {len(line) for line in cells(found)} == {len(HEADS)}
        assert [line[-2:] for line in cells(found)] == [("7", "3"), ("", "")]
    assert faults("status.v1", {"lanes": [{"lane": "u00abc"}]}) != []


def test_a_stage_follows_its_own_lane_alone() -> None:
    """Inboxes of one lane, or its admitted topic: never a longer name, never a release."""
    names = ["inbox.case.u00abc", "inbox.alert.u00abc", "admitted.case", "admitted.case2", "release.case.u00abc.p1"]
    assert followed(Stage.INGRESS, Lane.CASE, names) == ["inbox.case.u00abc"]
    assert followed(Stage.GATEWAY, Lane.CASE, names) == ["admitted.case"]
