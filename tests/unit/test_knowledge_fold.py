"""The fold of the register: what a later record takes away, what it leaves, and when time ends an agreement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from consent.terms import Lane, Purpose, Role
from hub.contracts.codec import CodecFault, versioned
from hub.contracts.files import load_catalogue
from hub.contracts.keys import b64
from hub.contracts.registers import KINDS, RegisterCodecs, common, key
from hub.gateway.knowledge import Knowledge

CATALOGUE = load_catalogue()
CODECS = RegisterCodecs({kind: versioned(f"register.{kind}", CATALOGUE.ids, CATALOGUE.schemas) for kind in KINDS})
A, B, C = (bytes([n]) * 16 for n in (1, 2, 3))
UNIT = "uaaaaa"
DUTY, FREE = "incident.reported", "risk.assessed"


class Fold:
    """A knowledge fed record by record."""

    def __init__(self) -> None:
        self.knows = Knowledge(CODECS, CATALOGUE.siruta, {(DUTY, Role.POL_R)}, Lane.CASE)
        self._next = 0

    def put(self, record: dict[str, Any]) -> None:
        """The next register record."""
        self.knows.apply(*CODECS.encode(record), self._next)
        self._next += 1

    def erase(self, kind: str, handle: str) -> None:
        """A tombstone."""
        self.knows.apply(key(kind, handle), None, self._next)
        self._next += 1


def unit(state: str = "active", lanes: tuple[str, ...] = ("case",)) -> dict[str, Any]:
    """A patrol of the county."""
    own = {"role": "POL_R", "purposes": ["P1"], "area": [127], "lanes": list(lanes), "keyEpoch": 1}
    own |= {"fallback": None, "organisation": None}
    return common("unit", UNIT, state, 1, ["p"]) | own


def agreement(until: int = 1_000, state: str = "active") -> dict[str, Any]:
    """The patrol receives a type that a duty line names and one that none names."""
    own = {"publishes": [], "subscribes": [f"{DUTY}:P1", f"{FREE}:P1"], "obligations": [], "from": 10, "until": until}
    return common("agreement", UNIT, state, 1, ["p"]) | own


def consent(state: str, handle: str = "c-1") -> dict[str, Any]:
    """A person's word about the unit."""
    own: dict[str, Any] = {
        "giver": b64(A).decode(),
        "person": b64(A).decode(),
        "recipient": UNIT,
        "purpose": "P9",
        "package": "sh1",
    }
    own |= {"groups": [], "aloneConfirmed": True, "validUntil": 9_000, "witness": "w-1"}
    return common("consent", handle, state, 1, ["p"]) | {**_shape("consent"), **own}


def relation(state: str, target: bytes = A, handle: str = "r-1") -> dict[str, Any]:
    """A tie of the unit to a person."""
    own = {"unit": UNIT, "personHandle": b64(target).decode(), "role": "victim", "from": 1}
    return common("relation", handle, state, 1, ["p"]) | {**_shape("relation"), **own}


def hold(state: str, target: bytes = A, handle: str = "h-1") -> dict[str, Any]:
    """A hold on a person, for everybody."""
    return common("hold", handle, state, 1, ["p"]) | {**_shape("hold"), "personHandle": b64(target).decode()}


def link(state: str, a: bytes, b: bytes, handle: str) -> dict[str, Any]:
    """Two handles of one person."""
    return common("link", handle, state, 1, ["p"]) | {**_shape("link"), "a": b64(a).decode(), "b": b64(b).decode()}


def _shape(kind: str) -> dict[str, Any]:
    """The leaves of a kind beside the common ones, null or empty."""
    fields = CODECS.by_kind[kind].schema["fields"]
    known = common(kind, "", "", 0, [])
    return {f["name"]: _blank(f["type"]) for f in fields if f["name"] not in known}


def _blank(kind: Any) -> Any:
    """Some value of a leaf no test here looks at."""
    if isinstance(kind, list):
        return None
    if isinstance(kind, dict):
        return kind["symbols"][0] if kind["type"] == "enum" else []
    return "x" if kind == "string" else 0


def purposes(fold: Fold, event: str, now: int) -> list[Purpose]:
    """What the unit receives of a type at a moment."""
    return [one.purpose for one in fold.knows.at(now).subscriptions(event)]


def test_an_agreement_ends_by_time_but_never_a_duty_line() -> None:
    """Before its start nothing; within it all; after its end only what a duty line names."""
    fold, free = Fold(), Fold()
    for one in (fold, free):
        one.put(unit())
        one.put(agreement())
    assert [purposes(fold, DUTY, now) for now in (5, 10, 999, 1_000)] == [[], [Purpose.P1], [Purpose.P1], [Purpose.P1]]
    assert [purposes(free, FREE, now) for now in (5, 10, 999, 1_000)] == [[], [Purpose.P1], [Purpose.P1], []]


@pytest.mark.parametrize("change", [unit("closed"), unit(lanes=("alert",)), agreement(state="suspended")])
def test_a_closed_unit_another_lane_or_a_suspended_agreement_receives_nothing(change: dict[str, Any]) -> None:
    """What a person ended is ended for duty lines too."""
    fold = Fold()
    fold.put(unit())
    fold.put(agreement())
    fold.put(change)
    assert purposes(fold, DUTY, 50) == []


def test_a_withdrawal_replaces_the_consent() -> None:
    """One register key is one word: the later state stands alone; a tombstone leaves none."""
    fold = Fold()
    fold.put(consent("given"))
    fold.put(consent("withdrawn"))
    [found] = fold.knows.consents(UNIT, Purpose.P9, A)
    assert (found.state, found.offset) == ("withdrawn", 1)
    fold.put(consent("given", "c-2"))
    assert len(fold.knows.consents(UNIT, Purpose.P9, A)) == 2
    fold.erase("consent", "c-1")
    assert [one.state for one in fold.knows.consents(UNIT, Purpose.P9, A)] == ["given"]


def test_an_ended_relation_no_longer_releases() -> None:
    """One register key is one tie: its later state stands alone, at the target it names; a tombstone leaves none."""
    fold = Fold()
    fold.put(relation("live"))
    assert [one.live for one in fold.knows.relations(UNIT)[A]] == [True]
    fold.put(relation("ended"))
    assert [(one.live, one.offset, one.at) for one in fold.knows.relations(UNIT)[A]] == [(False, 1, 1)]
    fold.put(relation("live", B))
    assert {target: len(ties) for target, ties in fold.knows.relations(UNIT).items()} == {A: 0, B: 1}
    fold.erase("relation", "r-1")
    assert not any(fold.knows.relations(UNIT).values())


def test_a_hold_switched_off_no_longer_holds() -> None:
    """The later state stands alone; another hold on the same handle goes on; a moved hold leaves its old handle."""
    fold = Fold()
    fold.put(hold("on"))
    fold.put(hold("on", handle="h-2"))
    fold.put(hold("off"))
    assert [(one.on, one.offset) for one in fold.knows.holds(A)] == [(True, 1), (False, 2)]
    fold.put(hold("on", B, handle="h-2"))
    assert [one.on for one in fold.knows.holds(A)] == [False]
    assert [one.on for one in fold.knows.holds(B)] == [True]
    fold.erase("hold", "h-1")
    assert fold.knows.holds(A) == ()


BOTH = {"caseHandle": b64(A).decode(), "personHandle": b64(B).decode()}
SEEN = "A" * 43
"""As long as the reference that a unit sees."""


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(lambda: hold("on") | {"personHandle": None}, id="a-hold-on-nobody"),
        pytest.param(lambda: hold("on") | BOTH, id="a-hold-on-two"),
        pytest.param(lambda: hold("on") | {"personHandle": SEEN}, id="a-hold-on-a-reference"),
        pytest.param(lambda: relation("live") | {"personHandle": None}, id="a-relation-to-nobody"),
        pytest.param(lambda: relation("live") | BOTH, id="a-relation-to-two"),
        pytest.param(lambda: consent("given") | {"giver": "Ana"}, id="a-consent-of-a-name"),
        pytest.param(lambda: link("joined", A, B, "l-1") | {"a": "Ana"}, id="a-link-of-a-name"),
        pytest.param(lambda: agreement() | {"subscribes": [f"{DUTY}:P99"]}, id="an-unknown-purpose"),
    ],
)
def test_a_record_that_would_do_nothing_stops_the_fold(bad: Callable[[], dict[str, Any]]) -> None:
    """At once, so that the door finds it before it is written; what is behind the door cannot hold one."""
    with pytest.raises(ValueError, match=r"."):
        Fold().put(bad())


def test_links_join_and_separate() -> None:
    """Joined handles stand for each other, through a third too; a separation takes its own link only."""
    fold = Fold()
    fold.put(link("joined", A, B, "l-1"))
    fold.put(link("joined", B, C, "l-2"))
    assert {fold.knows.linked(one) for one in (A, B, C)} == {frozenset((A, B, C))}
    fold.put(link("separated", A, B, "l-1"))
    assert fold.knows.linked(A) == frozenset((A,))
    assert fold.knows.linked(C) == frozenset((B, C))


def test_the_revision_is_the_offset_behind_the_last_record() -> None:
    """A decision names what it knew; ordinals are places in the sorted codes, closed units included."""
    fold = Fold()
    fold.put(unit("closed"))
    assert fold.knows.revision == 1
    assert fold.knows.unit_codes() == (UNIT,)


@pytest.mark.parametrize("bad", [None, b"", b"nonsense", b"consent/", b"other/x"])
def test_a_record_that_cannot_be_read_stops_the_fold(bad: bytes | None) -> None:
    """Skipping it could skip a withdrawal."""
    with pytest.raises(CodecFault):
        Fold().knows.apply(bad, b"x", 0)


def test_a_key_that_names_another_handle_stops_the_fold() -> None:
    """Key and record must say the same."""
    _, value = CODECS.encode(unit())
    with pytest.raises(CodecFault):
        Fold().knows.apply(key("unit", "ubbbbb"), value, 0)
