"""Relations begin from an admitted event and its decision, in whichever order they come, once."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from itertools import permutations
from random import Random
from typing import Any

import fastavro
import pytest

from consent.terms import Purpose
from hub.contracts.audit import BatchStamp, DecisionHead, Input, ReleaseEntry, encode_decision
from hub.contracts.codec import codec, plain
from hub.contracts.envelope import Admission
from hub.contracts.files import load_catalogue
from hub.contracts.keys import event_digest, key_ring
from hub.contracts.registers import RegisterCodecs, key
from hub.contracts.wire import frame
from hub.demo.records import random_record
from hub.registry.relations import Relations, StandingRelations
from hub.release.slicer import Slicer

CATALOGUE = load_catalogue()
KEYS = key_ring(1, bytes(range(32)))
TYPE, SOURCE, NAMED, EVENT = "incident.reported", "upubli", "unamed", "0c2a5f3e-0000-4000-8000-00000000abcd"
TYPE_ID, DECISION_ID = CATALOGUE.versions(TYPE)[-1], CATALOGUE.ids["audit.decision/v1"]
DIGEST = event_digest(SOURCE, EVENT)
CASE = b"c" * 16


@dataclass
class Record:
    """A record as Kafka hands it over."""

    topic: str
    value: bytes | None
    partition: int = 3
    offset: int = 7
    timestamp: int = 1_790_000_000_000
    key: bytes | None = SOURCE.encode()
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def admitted(units: list[str]) -> Record:
    """An admitted incident that names units."""
    out = io.BytesIO()
    event = random_record(CATALOGUE, TYPE, Random(1)) | {"taskedUnits": units}
    fastavro.schemaless_writer(out, fastavro.parse_schema(plain(CATALOGUE.event_schema(TYPE))), event)
    headers: list[tuple[str, bytes | None]] = [*Admission(EVENT, 1, CASE, {}).headers()]
    return Record("admitted.case", frame(TYPE_ID, out.getvalue()), headers=headers)


def decided(receiver: str, others: int = 0) -> list[Record]:
    """The decision, in parts when many others got a release too; the receiver's release is the first."""
    ids = [KEYS.unit(unit).release_id(DIGEST, "P1", 1) for unit in (receiver, *(f"uo{n:04}" for n in range(others)))]
    made = [ReleaseEntry(n, Purpose.P1, one, 1, 0, [], bytes(32), 1, False).encode() for n, one in enumerate(ids)]
    stamp = BatchStamp(1, 1, bytes(32), 1, "b", [1]).shared()
    head = DecisionHead(SOURCE, EVENT, TYPE, TYPE_ID, Input("admitted.case", 3, 7), 1, b"")
    return [
        Record("audit.decision.case", one) for one in encode_decision(frame(DECISION_ID, b""), stamp, head, made, [])
    ]


def begun(records: list[Record]) -> list[dict[str, Any]]:
    """The relations that begin when these records are taken in this order."""
    slicer = Slicer(CATALOGUE.event_schema(TYPE), (), {}, CATALOGUE.siruta)
    decisions = codec("audit.decision", DECISION_ID, CATALOGUE.schemas[DECISION_ID])
    relations = Relations(KEYS, {TYPE_ID: slicer}, decisions)
    take = {"admitted.case": relations.admitted, "audit.decision.case": relations.decided}
    found = [relation for record in records for relation in take[record.topic](record)]
    assert relations.held_admitted(3) is None
    assert relations.held_decision(3) is None
    return found


@pytest.mark.parametrize("others", [0, 60])
def test_in_any_order_one_relation_begins(others: int) -> None:
    """The event before, behind or between the parts of its decision: the named unit that got it is related."""
    parts = decided(NAMED, others)
    for at in range(len(parts) + 1):
        [relation] = begun([*parts[:at], admitted([NAMED]), *parts[at:]])
        assert (relation["unit"], relation["relationKind"]) == (NAMED, "addressed")


def test_naming_without_a_release_begins_nothing() -> None:
    """Nor does a release to a unit that was not named (contract.md section 7)."""
    for order in permutations([admitted([NAMED]), *decided("uother")]):
        assert begun(list(order)) == []
    for order in permutations([admitted([]), *decided(NAMED)]):
        records = list(order)
        if records[0].topic == "admitted.case":
            assert begun(records) == []


def relations() -> Relations:
    """A join that has seen nothing."""
    slicer = Slicer(CATALOGUE.event_schema(TYPE), (), {}, CATALOGUE.siruta)
    return Relations(KEYS, {TYPE_ID: slicer}, codec("audit.decision", DECISION_ID, CATALOGUE.schemas[DECISION_ID]))


def test_a_restart_reads_again_what_waited_for_its_other_half() -> None:
    """An admitted event without its decision is held back; so is a decision without its event."""
    join = relations()
    assert list(join.admitted(admitted([NAMED]))) == []
    assert join.held_admitted(3) == 7
    join = relations()
    [told] = decided(NAMED)
    told.offset = 21
    assert list(join.decided(told)) == []
    assert join.held_decision(3) == 21


def test_an_input_that_ended_without_a_decision_is_forgotten() -> None:
    """A duplicate never gets a decision: the next decision of its partition settles it; nothing is held back."""
    join = relations()
    duplicate, event = admitted([NAMED]), admitted([NAMED])
    duplicate.offset = 5
    assert list(join.admitted(duplicate)) == []
    assert list(join.admitted(event)) == []
    [told] = decided(NAMED)
    assert len(list(join.decided(told))) == 1
    assert join.held_admitted(3) is None


def test_bytes_that_nobody_can_read_do_not_stop_the_registry() -> None:
    """The gateway isolates such a record; the registry passes it by."""
    broken = admitted([NAMED])
    broken.value = frame(TYPE_ID, b"\x02")
    assert list(relations().admitted(broken)) == []


RELATION_ID = CATALOGUE.ids["register.relation/v1"]
REGISTERS = RegisterCodecs({"relation": codec("register.relation", RELATION_ID, CATALOGUE.schemas[RELATION_ID])})
DAY_MS = 86_400_000


def of_person(begun_by_event: dict[str, Any], **leaves: Any) -> dict[str, Any]:
    """What two people wrote under the same handle before the event."""
    own = {"by": ["p-1", "p-2"], "relationKind": "lodged", "until": None, "at": begun_by_event["at"] - DAY_MS}
    return {**begun_by_event, "basisEvent": None, **own, **leaves}


def kept(*standing: dict[str, Any]) -> bool:
    """Whether the last of these stands against the relation of the event."""
    stands = StandingRelations(REGISTERS)
    for record in standing:
        stands.apply(*REGISTERS.encode(record))
    return stands.fresh(begun([admitted([NAMED]), *decided(NAMED)])) == []


def test_an_event_never_takes_back_what_a_person_wrote() -> None:
    """Lodged without an end or as long, a later end, ended after the event: it stands; nothing is written."""
    [relation] = begun([admitted([NAMED]), *decided(NAMED)])
    at, until = relation["at"], relation["until"]
    assert kept(of_person(relation))
    assert kept(of_person(relation, until=until))
    assert kept(of_person(relation, until=until + 1, **{"from": at + 1}))
    assert kept(of_person(relation, relationKind="addressed", until=until + 1))
    assert kept(of_person(relation, relationKind="addressed", until=None))
    assert kept(relation)
    assert kept(relation, of_person(relation, state="ended", at=at + 1))
    assert kept(relation, of_person(relation, relationKind="addressed", until=at + 5, at=at + 1))


def test_an_event_begins_what_does_not_stand() -> None:
    """Nothing there, ended before, over before, a shorter one, erased: the relation is written."""
    [relation] = begun([admitted([NAMED]), *decided(NAMED)])
    at, until = relation["at"], relation["until"]
    assert not kept()
    assert not kept(of_person(relation), of_person(relation, state="ended"))
    assert not kept(of_person(relation, until=at))
    assert not kept(of_person(relation, relationKind="addressed", until=until - 1))
    stands = StandingRelations(REGISTERS)
    stands.apply(*REGISTERS.encode(of_person(relation)))
    stands.apply(key("relation", relation["handle"]), None)
    assert stands.fresh([relation]) == [relation]


@pytest.mark.parametrize("kind", ["lodged", "addressed", "client"])
def test_what_ends_sooner_goes_on_in_its_kind(kind: str) -> None:
    """Lodged for one more hour: her unit keeps the kind, the earlier start and the later end; a repeat adds nothing."""
    [relation] = begun([admitted([NAMED]), *decided(NAMED)])
    at, until = relation["at"], relation["until"]
    for since, first in ((at - DAY_MS, at - DAY_MS), (at + DAY_MS, at)):
        stands = StandingRelations(REGISTERS)
        hour = of_person(relation, relationKind=kind, until=at + 3_600_000) | {"from": since}
        stands.apply(*REGISTERS.encode(hour))
        [written] = stands.fresh([relation])
        assert written == relation | {"relationKind": kind, "from": first}
        assert (written["until"], written["by"]) == (until, ["registry"])
        stands.apply(*REGISTERS.encode(written))
        assert stands.fresh([relation]) == []


def test_two_events_of_a_batch_begin_one_relation() -> None:
    """The one that lasts longer, in whichever order they come."""
    [first] = begun([admitted([NAMED]), *decided(NAMED)])
    second = {**first, "at": first["at"] + 1, "until": first["until"] + 1}
    for order in permutations([first, second]):
        assert StandingRelations(REGISTERS).fresh(order) == [second]


def told(*attempts: int) -> Record:
    """A decision that released to the named unit under these attempts."""
    ids = [(attempt, KEYS.unit(NAMED).release_id(DIGEST, "P1", attempt)) for attempt in attempts]
    made = [ReleaseEntry(0, Purpose.P1, one, attempt, 0, [], bytes(32), 1, False).encode() for attempt, one in ids]
    stamp = BatchStamp(1, 1, bytes(32), 1, "b", [1]).shared()
    head = DecisionHead(SOURCE, EVENT, TYPE, TYPE_ID, Input("admitted.case", 3, 7), 1, b"")
    [value] = encode_decision(frame(DECISION_ID, b""), stamp, head, made, [])
    return Record("audit.decision.case", value)


def test_a_release_that_was_parked_begins_its_relation_when_it_goes_out() -> None:
    """Its decision comes long after its event was settled: the event is read again, and the relation begins."""
    event, later = admitted([NAMED]), admitted([])
    later.offset = 14
    for order in ([event, told(), later, told(2)], [told(), told(2), later]):
        join = relations()
        take = {"admitted.case": join.admitted, "audit.decision.case": join.decided}
        assert [relation for record in order for relation in take[record.topic](record)] == []
        assert (join.held_admitted(3), join.held_decision(3)) == (None, None)
        [decision] = join.late
        assert list(join.again(event, decision)) == begun([event, *decided(NAMED)])
