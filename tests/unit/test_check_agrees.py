"""The plain reading of the check and the compiled decision say the same about random facts: neither knows the other.

Rule kept: a difference is a defect of one of the two; contract.md says of which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.terms import Transform
from hub.check.rows import floor
from hub.demo.crowd import Published
from tests.support.history import (
    CENTRE,
    COUNTY,
    DAY_MS,
    DISPATCH,
    MOBILE,
    NOW,
    ORDERS,
    PATROL,
    PROSECUTOR,
    SHELTER,
    Past,
    case_of,
    catalogue,
    consent,
    federation,
    hold,
    link,
    parties_of,
    pool,
    relation,
    scene,
)

SCENES = [scene(number) for number in range(1, 9)]
CODES = [unit.code for unit in federation().units]
HANDLES = sorted({handle for event in SCENES for handle in (case_of(event), *parties_of(event).values())} | {"A" * 22})
RECIPIENTS = {SHELTER: ("P9", "sh"), "uplho1": ("P7", "ng"), "uqm63b": ("P10", "ho")}
ENDS = [None, None, NOW - 1, NOW, NOW + 1]
Step = Callable[[Past], None]


def putting(make: Callable[..., Mapping[str, Any]], **drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """A step that writes one register record."""
    return st.fixed_dictionaries(drawn).map(lambda leaves: lambda past: past.put(make(**leaves)))


def changing(kind: str, **drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """A step that changes a unit or an agreement."""
    return st.tuples(st.sampled_from(CODES), st.fixed_dictionaries(drawn)).map(
        lambda pair: lambda past: _change(past, kind, *pair)
    )


def _change(past: Past, kind: str, code: str, leaves: Mapping[str, Any]) -> None:
    if any((k, h) == (kind, code) for _, k, h, _ in past.entries):
        past.change(kind, code, **leaves)


def _consent(recipient: str, step: int | None, giver: str | None, **leaves: Any) -> dict[str, Any]:
    """A consent; without another `giver` the person's own word."""
    purpose, prefix = RECIPIENTS[recipient]
    leaves |= {} if giver is None else {"giver": giver}
    return consent(recipient, package=None if step is None else f"{prefix}{step}", purpose=purpose, **leaves)


def _hold(state: str, **leaves: Any) -> dict[str, Any]:
    return {**hold(**leaves), "state": state}


def _relation(state: str, **leaves: Any) -> dict[str, Any]:
    return {**relation(**leaves), "state": state}


handles = st.sampled_from(HANDLES)
units = st.sampled_from(CODES)
facts = st.one_of(
    putting(
        _hold,
        target=handles,
        unit=st.none() | units,
        of_case=st.booleans(),
        until=st.sampled_from(ENDS),
        state=st.sampled_from(["on", "on", "off"]),
    ),
    putting(
        _relation,
        state=st.sampled_from(["live", "live", "ended"]),
        unit=st.sampled_from([SHELTER, MOBILE, CENTRE, COUNTY, "uplho1", "uqm63b", "uyqpex"]),
        target=handles,
        role=st.sampled_from(["victim", "suspect", "child"]),
        of_case=st.booleans(),
        until=st.sampled_from(ENDS),
    ),
    putting(
        _consent,
        recipient=st.sampled_from(sorted(RECIPIENTS)),
        person=handles,
        step=st.sampled_from([None, 1, 2]),
        groups=st.sampled_from([[], [1, 9, 13, 16, 26], [1, 2, 6, 9, 10, 11, 12, 13, 14, 15, 16, 26], [1, 16, 26]]),
        giver=st.none() | handles,
        state=st.sampled_from(["given", "given", "given", "withdrawn", "refused", "expired"]),
        aloneConfirmed=st.sampled_from([True, True, False]),
        by=st.sampled_from([["w-1", "w-2"], [SHELTER], [f"{SHELTER}-1", "w-1"], []]),
        validUntil=st.sampled_from([NOW - 1, NOW, NOW + 1]),
    ),
    putting(link, a=handles, b=handles),
    changing("unit", state=st.sampled_from(["active", "suspended", "suspended", "closed"])),
    changing("unit", fallback=st.none() | units),
    changing("unit", lanes=st.sampled_from([["case"], ["alert"], ["alert", "case"]])),
    changing("agreement", state=st.sampled_from(["suspended", "ended", "active"])),
    changing("agreement", until=st.sampled_from([NOW - 1, NOW, NOW + 1])),
    changing("agreement", **{"from": st.sampled_from([NOW - 1, NOW, NOW + 1])}),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(facts, max_size=9), events=st.lists(st.sampled_from([*SCENES, *pool()[:40]]), max_size=8))
def test_the_check_and_the_decision_agree_on_random_facts(steps: list[Step], events: list[Published]) -> None:
    """Holds, links, relations, consents, suspended units, fallbacks and agreements, in any order: no anomaly."""
    past = Past()
    for step in steps:
        step(past)
    for event in {event.id: event for event in [*SCENES, *events]}.values():
        past.happen(event)
    assert past.found() == []


VICTIM = parties_of(scene(2))["victim"]
SUSPECT = parties_of(scene(2))["suspect"]


def _told(*steps: Step, number: int = 2) -> tuple[set[str], list[Any]]:
    """The units that learn of a scene after these facts, and what the check says."""
    past = Past()
    for step in steps:
        step(past)
    past.happen(scene(number))
    return {record.topic.split(".")[2] for record in past.releases}, past.found()


@pytest.mark.parametrize(
    ("steps", "number", "learns", "not_"),
    [
        pytest.param([hold(VICTIM, PROSECUTOR)], 2, "uo6tub", PROSECUTOR, id="a-hold-passes-the-duty-to-the-next"),
        pytest.param([hold(VICTIM, CENTRE)], 2, COUNTY, CENTRE, id="a-hold-passes-the-duty-to-another-role"),
        pytest.param(
            [hold("A" * 22, ORDERS), link("A" * 22, SUSPECT)], 2, "u2kbdw", ORDERS, id="a-hold-reaches-over-a-link"
        ),
        pytest.param(
            [hold(VICTIM, PROSECUTOR), {**hold(VICTIM, PROSECUTOR), "state": "off"}],
            2,
            PROSECUTOR,
            "uo6tub",
            id="a-hold-switched-off-holds-no-longer",
        ),
        pytest.param(
            [relation(MOBILE, VICTIM, "victim"), {**relation(MOBILE, VICTIM, "victim"), "state": "ended"}],
            2,
            CENTRE,
            MOBILE,
            id="an-ended-relation-opens-no-longer",
        ),
        pytest.param([consent(SHELTER, VICTIM)], 2, SHELTER, "u1mtah", id="a-consent-opens-for-its-recipient-alone"),
        pytest.param([consent(SHELTER, VICTIM, state="withdrawn")], 2, CENTRE, SHELTER, id="a-withdrawal-closes"),
        pytest.param([consent(SHELTER, VICTIM, giver="A" * 22)], 2, CENTRE, SHELTER, id="nobody-consents-for-another"),
        pytest.param(
            [consent(SHELTER, VICTIM), link(VICTIM, "A" * 22), consent(SHELTER, "A" * 22, state="withdrawn")],
            2,
            CENTRE,
            SHELTER,
            id="a-withdrawal-reaches-over-a-link",
        ),
        pytest.param(
            [consent(SHELTER, VICTIM), relation(SHELTER, SUSPECT, "suspect")],
            2,
            CENTRE,
            SHELTER,
            id="the-suspects-side",
        ),
        pytest.param([relation(MOBILE, VICTIM, "victim")], 2, MOBILE, SHELTER, id="a-relation-opens"),
        pytest.param(
            [relation(MOBILE, "A" * 22, "victim"), link("A" * 22, VICTIM)], 2, CENTRE, MOBILE, id="a-link-opens-nothing"
        ),
    ],
)
def test_the_law_holds_in_both(steps: list[dict[str, Any]], number: int, learns: str, not_: str) -> None:
    """One fact of each kind, named: who learns and who does not, and the check says the same."""
    told, found = _told(lambda past: past.put(*steps), number=number)
    assert found == []
    assert learns in told
    assert not_ not in told


def test_a_suspended_unit_gets_nothing_and_its_duty_passes_on() -> None:
    """Suspension is a denial: the next prosecutor serves."""
    told, found = _told(lambda past: past.change("unit", PROSECUTOR, state="suspended"))
    assert found == []
    assert PROSECUTOR not in told
    assert "uo6tub" in told


def test_a_technical_alert_passes_on_though_its_floor_is_coarse() -> None:
    """Of the state of the alert the floor asks only the kind: the next order monitoring serves with that."""
    past = Past()
    past.change("unit", ORDERS, state="suspended")
    past.happen(next(event for event in pool() if event.record.get("severity") == "technical"))
    assert past.found() == []
    assert [record.topic for record in past.releases] == ["release.alert.u2kbdw.p3"]


def test_an_exact_floor_is_asked_for_as_it_was_given() -> None:
    """Of each required leaf of its groups the very transform; of a group that may be coarse what its rule leaves."""
    alert = catalogue().types["emis.alert.raised"]
    assert floor({"floor": [26], "floor_generalised": [29]}, alert) == [
        ("alertRef", Transform.PAIRWISE),
        *((name, Transform.AS_IS) for name in ("raisedAt", "severity", "siruta")),
        ("kind", None),
    ]


def test_an_agreement_that_ran_out_ends_permissions_but_no_duty() -> None:
    """The shelter's has ended; the prosecutor's too, but a duty line goes on until a person ends it."""
    over = {"until": NOW - DAY_MS}

    def facts_of(past: Past) -> None:
        past.put(consent(SHELTER, VICTIM))
        past.change("agreement", SHELTER, **over)
        past.change("agreement", PROSECUTOR, **over)

    told, found = _told(facts_of)
    assert found == []
    assert SHELTER not in told
    assert PROSECUTOR in told


def test_a_fallback_that_is_the_source_gets_nothing() -> None:
    """The dispatch reported it; a patrol under a hold has no one else, and nobody is told their own event."""
    told, found = _told(lambda past: past.put(hold(parties_of(scene(1))["victim"], PATROL)), number=1)
    assert found == []
    assert DISPATCH not in told
    assert PATROL not in told
