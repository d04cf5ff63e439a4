"""A flood costs the desks two alerts for each device and kind, and nobody an alert that says something new."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from consent.terms import Lane
from hub.ingress.admit import Admitted, Refused
from hub.ingress.flood import QUOTA, coalesced
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


def test_a_device_is_known_by_case_device_kind_and_severity() -> None:
    """What admission reads of an alert; an event of a case has no device."""
    alert, case = asked(inbox(scene(7)), Lane.ALERT), asked(inbox(scene(3)), Lane.CASE)
    assert isinstance(alert, Admitted)
    assert isinstance(case, Admitted)
    record = scene(7).record
    assert alert.device[1:] == (record["deviceRef"], record["kind"], record["severity"])
    assert case.device == ()
