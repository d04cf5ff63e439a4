"""A flood costs the desks two alerts for each device and kind, and nobody an alert that says something new."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.terms import Lane
from hub.ingress.admit import OWN, Admitted, Refused
from hub.ingress.flood import QUOTA, coalesced
from tests.support.history import NOW
from tests.support.plans import asked, inbox, scene

DEVICES = st.tuples(st.sampled_from(("a", "b")), st.sampled_from(("panic", "tamper")))
CROWD = st.lists(st.tuples(st.sampled_from(("u00001", "u00002")), st.none() | DEVICES), max_size=3 * QUOTA)


def outcome(source: str, device: tuple[str, ...] | None) -> Admitted | Refused:
    """An alert of a device, or a record that was refused."""
    return Refused(source, "", "frame", "") if device is None else Admitted(source, "id", b"", [], device)


@given(CROWD)
def test_every_device_and_kind_keeps_its_first_and_its_last(crowd: list[tuple[str, tuple[str, str] | None]]) -> None:
    """In the order they came; whoever is below the quota keeps all, and the count is that of the whole group."""
    outcomes = [outcome(*one) for one in crowd]
    behind, sizes = coalesced(outcomes), Counter(crowd)
    senders = Counter(source for source, _ in crowd)
    for who in sizes:
        places = [place for place, one in enumerate(crowd) if one == who]
        flooded = who[1] is not None and senders[who[0]] > QUOTA
        assert [place for place in places if place in behind] == (places[1:-1] if flooded else [])
        assert {behind[place] for place in places if place in behind} <= {len(places)}


@pytest.mark.parametrize("leaf", sorted(scene(7).record.keys()))
def test_an_alert_that_says_anything_else_is_another_alert(leaf: str) -> None:
    """Another place, crew, distance or device: it goes on. Its own references and moment say nothing new."""
    event = scene(7)
    values = {"siruta": 55259, "unitToSend": "u4n6ms", "raisedAt": NOW - 5, "orderRef": "O-9", "approaching": "unknown"}
    values |= {"severity": "technical", "kind": "tamper", "distanceBand": "gt_1km"}
    other = replace(event, record={**event.record, leaf: values.get(leaf, "X-9")})
    found = [asked(inbox(one), Lane.ALERT) for one in (event, other)]
    devices = [one.device for one in found if isinstance(one, Admitted)]
    assert len(devices) == 2
    assert (devices[0] == devices[1]) is (leaf in OWN)


def test_an_event_of_a_case_has_no_device() -> None:
    """Only alerts are coalesced."""
    case = asked(inbox(scene(3)), Lane.CASE)
    assert isinstance(case, Admitted)
    assert case.device == ()
