"""Versions of the hub's own records: what stands since before reads like what is written today, in every part."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from consent.terms import Lane, Role
from hub.assemble import record_codec
from hub.check.facts import Register
from hub.check.kafka import _entry
from hub.contracts.catalogue import SchemaRefused
from hub.contracts.codec import CodecFault
from hub.contracts.files import load_catalogue, read_lock, schema_root
from hub.contracts.keys import event_digest
from hub.gateway.knowledge import Knowledge
from hub.ingress.publishers import Publishers
from hub.registry.federation import changes
from tests.support.history import catalogue, registers
from tests.unit.test_register_latest import Record, latest
from tests.unit.test_why_questions import EVENT_ID, SOURCE, Written, decision_record, trail

UNIT = "uabcde"
KEY = f"unit/{UNIT}".encode()
GOLDEN = bytes.fromhex("00000007d1000c7561626364650080a0abfef9620406702d3106702d3200000202000002feda0600040002000200")
"""A unit as the first version wrote it: POL-R, purpose P1, place 54975, lanes alert and case, no organisation."""
SUSPENDED = GOLDEN[:13] + b"\x02" + GOLDEN[14:]


def test_a_unit_of_the_first_version_is_one_without_an_organisation() -> None:
    """All its leaves are there, the newer one is null; what is written has the latest id."""
    record = registers().decode(KEY, GOLDEN).record
    assert record is not None
    assert (record["role"], record["area"], record["lanes"]) == ("POL_R", [54975], ["alert", "case"])
    assert (record["by"], record["organisation"]) == (["p-1", "p-2"], None)
    ids = catalogue().ids
    assert registers().encode(dict(record))[1][1:5] == ids["register.unit/v2"].to_bytes(4, "big")
    assert registers().decode(*registers().encode(dict(record))).record == record


def test_every_part_reads_a_register_of_before() -> None:
    """Gateway, admission, the check and the register commands fold the golden bytes."""
    knows, publishers = Knowledge(registers(), catalogue().siruta, set(), Lane.CASE), Publishers(registers())
    knows.apply(KEY, GOLDEN, 0)
    publishers.apply(KEY, GOLDEN, 0)
    unit = knows.at(0).unit(UNIT)
    assert unit is not None
    assert (unit.role, unit.suspended, publishers.role_of(UNIT)) == (Role.POL_R, False, Role.POL_R)
    checked = Register([_entry(registers(), Record(KEY, GOLDEN, 0))], catalogue().siruta).at(1).get("unit", UNIT)
    assert checked is not None
    assert checked["organisation"] is None
    assert latest((KEY, GOLDEN)).changes()["unit", UNIT].state == "active"


def test_a_suspended_unit_of_before_stays_suspended_when_it_gets_its_organisation() -> None:
    """A load tells that the organisation is missing; asked to write it, it keeps what people set."""
    stands = latest((KEY, SUSPENDED)).changes()["unit", UNIT].record
    assert stands is not None
    assert stands["state"] == "suspended"
    wanted = {**stands, "state": "active", "organisation": "obbbb1"}
    assert changes([wanted], {("unit", UNIT): stands}).differs == {f"unit/{UNIT}": ("organisation",)}
    (written,) = changes([wanted], {("unit", UNIT): stands}, {f"unit/{UNIT}"}).records
    assert (written["state"], written["organisation"]) == ("suspended", "obbbb1")


def test_an_id_of_another_record_is_no_older_version() -> None:
    """Each codec reads its own ids alone."""
    for name in ("register.hold/v1", "audit.register/v1"):
        with pytest.raises(CodecFault):
            registers().decode(KEY, b"\0" + catalogue().ids[name].to_bytes(4, "big") + GOLDEN[5:])


def test_a_version_of_a_record_only_adds_leaves_that_may_be_null(tmp_path: Path) -> None:
    """As for event types: else an older record would mean something else, or nothing."""
    made = Path(shutil.copytree(str(schema_root()), tmp_path / "schemas"))
    second = json.loads((made / "registers/hold.v1.avsc").read_text("utf-8"))
    second["fields"].insert(0, second["fields"].pop())
    (made / "registers/hold.v2.avsc").write_text(json.dumps(second), "utf-8")
    lock = read_lock(made)
    lock["records"]["register.hold/v2"] = max(lock["records"].values()) + 1
    (made / "lock.json").write_text(json.dumps(lock), "utf-8")
    with pytest.raises(SchemaRefused):
        load_catalogue(made)


def test_a_copy_of_before_is_one_without_an_organisation() -> None:
    """`audit.register` goes on where it ended: its older records read."""
    codec, number = record_codec(catalogue(), "audit.register"), catalogue().ids["audit.register/v1"]
    said = {"key": bytes(16), "offset": 7, "oldState": None, "newState": "on", "by": ["p-1"], "at": 9}
    now = codec.encode({**said, "organisation": None})
    assert codec.decode(b"\0" + number.to_bytes(4, "big") + now[5:-1]) == {**said, "organisation": None}


@pytest.mark.parametrize("value", [GOLDEN, GOLDEN[:9], b""], ids=["of-before", "cut", "empty"])
def test_no_record_of_the_register_ends_a_question(value: bytes) -> None:
    """Old or torn, it is passed by: the event is known all the same."""
    found = trail(EVENT_ID, decision_record())
    found.take(Written("register", value, KEY, offset=3))
    assert found.event[1] == event_digest(SOURCE, EVENT_ID)
