"""The checker: silent on a history in which all went right, and naming every anomaly planted in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.history import PLANTS, Act, Allowed, Kind, Op, check, plant, unseen_plants

TOPICS = ("release.case.ux3joc.p1", "release.case.uj9kpj.p6")
COUNT = 40


def good() -> tuple[list[Op], Allowed]:
    """Events of two sources, each released to two units, as a run without a fault would leave them."""
    ops, releases = [], {}
    for number in range(COUNT):
        event, source = f"e{number}", f"u{number % 2}"
        ops += [
            Op(Act.PUBLISH, event, source, outcome="unknown" if number % 9 == 0 else "ok"),
            Op(Act.TAKEN, event, f"inbox.case.{source}", number=number // 2),
            Op(Act.DECIDE, event, source),
            Op(Act.WAIT, event, number=12),
        ]
        releases[event] = {(topic, f"{event}@{topic}"): f"{event}{topic}" for topic in TOPICS}
        for (topic, release), digest in releases[event].items():
            ops.append(Op(Act.AUDIT, event, topic, release, digest=digest))
            ops.append(Op(Act.RELEASE, "", topic, release, number, digest=digest))
    return ops, Allowed(releases)


def kinds(ops: list[Op], allowed: Allowed) -> set[Kind]:
    """What the checker names."""
    return {found.kind for found in check(ops, allowed)}


def test_a_good_history_is_silent() -> None:
    """Nothing is found where nothing went wrong, repeats of a send and unknown outcomes among it."""
    ops, allowed = good()
    assert check([*ops, ops[0], ops[1]], allowed) == []


@pytest.mark.parametrize("kind", Kind)
def test_every_planted_anomaly_is_named(kind: Kind) -> None:
    """One anomaly in a copy of a good history: the checker says its kind."""
    ops, allowed = good()
    assert kind in kinds(plant(kind, ops), allowed)
    assert check(ops, allowed) == []


@pytest.mark.parametrize("kind", [Kind.LOST, Kind.TORN, Kind.LEAKED, Kind.PHANTOM, Kind.WEDGED])
def test_a_plant_is_named_as_nothing_else(kind: Kind) -> None:
    """A tear is not called a loss, a leak not a tear."""
    ops, allowed = good()
    assert kinds(plant(kind, ops), allowed) == {kind}


def test_every_plant_of_a_run_is_found() -> None:
    """The self-test of each run holds on a good history, and on one that holds anomalies already."""
    ops, allowed = good()
    assert unseen_plants(ops, allowed) == []
    assert unseen_plants(plant(Kind.DOUBLED, ops), allowed) == []


def test_a_plant_that_cannot_be_seen_is_said() -> None:
    """Where the reference allows nothing to be missed, a planted loss is not found, and the run says so."""
    ops, allowed = good()
    blind = replace(allowed, releases={event: {} for event in allowed.releases})
    assert Kind.LOST in unseen_plants(ops, blind)
    assert set(PLANTS) >= set(unseen_plants(ops, blind))


def test_an_empty_history_cannot_be_spoilt() -> None:
    """A run in which nothing happened proves nothing: it fails, and does not pass."""
    with pytest.raises(ValueError, match="no release"):
        unseen_plants([], Allowed({}))


def test_an_acknowledged_event_nobody_decided_is_lost() -> None:
    """Of an unknown outcome it may be missing, of an acknowledged one it may not."""
    ops = [Op(Act.PUBLISH, "a", "u", outcome="ok"), Op(Act.PUBLISH, "b", "u", outcome="unknown")]
    assert [(found.kind, found.event) for found in check(ops, Allowed({}))] == [(Kind.LOST, "a")]


def test_a_refused_event_that_is_decided_is_a_phantom() -> None:
    """Poison that gets through is found, whoever published it."""
    ops = [Op(Act.PUBLISH, "a", "u", outcome="ok"), Op(Act.DECIDE, "a", "u")]
    assert [found.kind for found in check(ops, Allowed({"a": {}}, frozenset({"a"})))] == [Kind.PHANTOM]


def test_a_release_of_other_bytes_than_audited_is_torn() -> None:
    """Audit and release must speak of the same bytes."""
    ops, allowed = good()
    at = next(place for place, op in enumerate(ops) if op.act is Act.AUDIT)
    ops[at] = replace(ops[at], digest="other")
    assert kinds(ops, allowed) == {Kind.TORN}
