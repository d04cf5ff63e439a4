"""References inside an array, through the plan: sealed for each unit, found out once, those the hub gave opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from consent.terms import Lane, PartyRole
from hub.contracts.envelope import Admission
from hub.contracts.keys import REF_SEALED, KeyFault, UnitKeys, reference_plain
from hub.demo.crowd import Published
from hub.demo.records import random_record
from hub.gateway.pseudonyms import Origin
from hub.ingress.admit import Admitted, Refused
from hub.release.slicer import Slicer
from tests.properties.naive import odd_bytes
from tests.support.history import DISPATCH, KEYS, PATROL, PROSECUTOR, Kept, Past, catalogue, decoded
from tests.support.plans import Wrote, asked, changed, desk, inbox, scene, standing

TYPE = "order.breached"
OTHER = "uo6tub"
SOURCE = KEYS.unit(PATROL)
THEIRS = reference_plain(DISPATCH, b"EV-OF-DISPATCH")
"""What a reference stands for that the hub gave the patrol."""
STOLEN = KEYS.unit(DISPATCH).seal_ref(THEIRS).decode()
"""A reference the hub gave the dispatch."""


def agreements() -> list[dict[str, Any]]:
    """The patrol may publish the type; two prosecutors' offices of one area receive it."""
    publishes = [*standing()["agreement", PATROL]["publishes"], f"{TYPE}:{catalogue().ids[f'{TYPE}/v1']}"]
    area = standing()["unit", PROSECUTOR]["area"]
    return [
        dict(changed("agreement", PATROL, publishes=publishes)),
        *(dict(changed("agreement", unit, subscribes=[f"{TYPE}:P2"])) for unit in (PROSECUTOR, OTHER)),
        dict(changed("unit", OTHER, area=area)),
    ]


def breach(*references: str) -> Published:
    """A breach in the place of the story, with evidence of these references."""
    record = random_record(catalogue(), TYPE, Random(1))
    evidence = [{**_evidence(at), "ref": reference} for at, reference in enumerate(references)]
    record |= {"siruta": scene(3).record["siruta"], "evidence": evidence}
    return replace(scene(3), id="00000000-0000-4000-8000-0000000000e1", type=TYPE, record=record)


def _evidence(at: int) -> dict[str, Any]:
    found = (random_record(catalogue(), TYPE, Random(seed))["evidence"] for seed in range(100))
    return dict(next(each for each in found if len(each) > 0)[0])


def admitted(event: Published) -> Kept:
    """The event as admission passes it on."""
    passed = asked(inbox(event), Lane.CASE, *agreements())
    assert isinstance(passed, Admitted), passed
    return Kept("admitted.case", passed.value, passed.headers, passed.source.encode(), 0, 41, 5)


def decide(record: Kept) -> Wrote:
    """The transaction of one admitted event."""
    return desk(Lane.CASE, *agreements()).decide(record)


def given(wrote: Wrote, unit: str) -> list[str]:
    """The references of the evidence, as a unit reads them."""
    return [each["ref"] for each in decoded(wrote.releases[unit].value)[1]["evidence"]]


def test_references_in_an_array_are_sealed_for_each_unit_and_stand_for_what_they_stood_for() -> None:
    """Own ones and one the hub gave, in their order; no two units share one, each opens hers alone."""
    wrote = decide(admitted(breach("EV-1", SOURCE.seal_ref(THEIRS).decode(), "EV-2")))
    stand_for = [reference_plain(PATROL, b"EV-1"), THEIRS, reference_plain(PATROL, b"EV-2")]
    for unit in (PROSECUTOR, OTHER):
        assert [KEYS.unit(unit).open_ref(ref) for ref in given(wrote, unit)] == stand_for
    assert not set(given(wrote, PROSECUTOR)) & set(given(wrote, OTHER))
    assert b"EV-1" not in wrote.bytes


def test_no_evidence_is_released_as_none() -> None:
    """An empty array stays empty."""
    wrote = decide(admitted(breach()))
    assert (given(wrote, PROSECUTOR), given(wrote, OTHER)) == ([], [])


def test_a_reference_of_another_unit_in_an_array_is_refused() -> None:
    """A sealed reference that was not the patrol's, behind an honest one: admission names the leaf."""
    found = asked(inbox(breach("EV-1", STOLEN)), Lane.CASE, *agreements())
    assert isinstance(found, Refused)
    assert (found.code, found.path) == ("bound", "evidence[].ref")


def test_should_it_get_past_admission_it_costs_the_releases_that_hold_it() -> None:
    """It cannot be opened: nothing goes out, a person is told."""
    record = admitted(breach("EV-1", SOURCE.seal_ref(THEIRS).decode()))
    value = (record.value or b"").replace(SOURCE.seal_ref(THEIRS), STOLEN.encode())
    wrote = decide(replace(record, value=value))
    assert wrote.releases == {}
    assert ("release", "transform_failed") in wrote.said("quarantine")
    assert STOLEN.encode() not in wrote.bytes


def test_the_check_from_outside_makes_the_same_of_an_array() -> None:
    """What went out is, byte for byte, what the plain reading makes of it."""
    past = Past()
    for leaves in agreements():
        past.put(leaves)
    past.happen(breach("EV-1", SOURCE.seal_ref(THEIRS).decode()))
    assert past.found() == []
    assert {record.topic.split(".")[2] for record in past.releases} >= {PROSECUTOR, OTHER}


class Counting:
    """The keys of a source that count how often they open a reference."""

    def __init__(self, keys: UnitKeys) -> None:
        self.unit, self._keys, self.opened = keys.unit, keys, 0

    def open_ref(self, sealed: bytes) -> bytes:
        """Open it."""
        self.opened += 1
        return self._keys.open_ref(sealed)


ITEM = {
    "type": "record",
    "name": "Witness",
    "fields": [
        {"name": "who", "type": ["null", "string"], "default": None, "punte.max": 64, "punte.leaf": "person"},
        {"name": "refs", "type": {"type": "array", "items": "string"}, "punte.max": 9, "punte.leaf": "ref"},
    ],
}
PEOPLE_OF = {"name": "people", "type": {"type": "array", "items": ITEM}, "punte.max": 64}
BLOCK = {"type": "record", "name": "Victim", "fields": [PEOPLE_OF]}
PLANNED = {"type": "record", "name": "Planned", "fields": [{"name": "victim", "type": BLOCK}]}
PEOPLE = [{"who": "p-1", "refs": ["A", SOURCE.seal_ref(THEIRS).decode()]}, {"who": None, "refs": []}]
PEOPLE += [{"who": "p-2", "refs": ["B"]}]


def origin(body: bytes, keys: Any) -> Origin:
    """What the references of the planned event stand for; its victim has a handle."""
    slicer = Slicer(PLANNED, (), {}, {})
    parties = {PartyRole.VICTIM: bytes(16)}
    return Origin(slicer, body, slicer.walk(body), Admission("", 0, bytes(16), parties, False), keys)


def by_kind(found: Origin, person: bool) -> Any:
    """What the persons, or the references, of the planned event stand for."""
    return next(found[at] for at, each in Slicer(PLANNED, (), {}, {}).pairwise.items() if each.person is person)


@pytest.mark.parametrize("seed", range(5))
def test_what_stands_behind_an_array_is_found_out_once(seed: int) -> None:
    """Twice asked for, once opened; null is passed over; a person in an array is never the party of the case."""
    keys = Counting(SOURCE)
    found = origin(odd_bytes(Random(seed), PLANNED, {"victim": {"people": PEOPLE}}), keys)
    refs = (reference_plain(PATROL, b"A"), THEIRS, reference_plain(PATROL, b"B"))
    local: Callable[[bytes], bytes] = lambda name: b"l" + PATROL.encode() + b"\0" + name  # noqa: E731
    for _ in range(2):
        assert by_kind(found, False) == refs
        assert by_kind(found, True) == (local(b"p-1"), local(b"p-2"))
    assert keys.opened == 1


def test_a_reference_nobody_gave_the_source_is_a_fault() -> None:
    """As for a reference outside an array."""
    body = odd_bytes(Random(1), PLANNED, {"victim": {"people": [{"who": None, "refs": ["x" * REF_SEALED]}]}})
    with pytest.raises(KeyFault):
        by_kind(origin(body, SOURCE), False)
