"""A developer who has the files in `schemas/` and any Kafka client can publish and receive; SIGTERM loses nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.conftest import Operator, working
from tests.support.stranger import Client, Read, example, lock, schema

pytestmark = pytest.mark.kafka

DISPATCH, PATROL, CENTRE = "upggvz", "ux3joc", "uj9kpj"
PLACE = 54975
RELEASE_HEADERS = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "traceparent"]


def incident() -> dict[str, Any]:
    """The example of the contract at a place of the pilot, asking for a unit that exists."""
    return example("incident.reported") | {"siruta": PLACE, "taskedUnits": [PATROL]}


def receipts_of(client: Client, *ids: str) -> dict[str, Read]:
    """The receipts of these events, by event id."""

    def mine(found: list[Read]) -> dict[str, Read]:
        return {read.value["eventId"]: read for read in found if read.value["eventId"] in ids}

    return mine(client.read(f"receipt.case.{client.unit}", lambda found: len(mine(found)) == len(ids)))


def test_a_plain_producer_is_admitted_and_told_so(hub: Operator) -> None:
    """A framed record with `ce_` headers on the unit's own inbox gets a receipt that says nothing of recipients."""
    client = Client(hub.bootstrap, DISPATCH)
    event_id = client.send("incident.reported", incident(), "s-1")
    receipt = receipts_of(client, event_id)[event_id].value
    assert (receipt["verdict"], receipt["code"]) == ("admitted", "admitted")
    assert set(receipt) == {"eventId", "verdict", "code", "sha256", "at"}


def test_a_plain_producer_of_another_units_event_is_refused(hub: Operator) -> None:
    """An event type its agreement does not hold: a receipt with a code, and no release."""
    client = Client(hub.bootstrap, DISPATCH)
    event_id = client.send("child.involved", example("child.involved"), "s-1")
    receipt = receipts_of(client, event_id)[event_id].value
    assert (receipt["verdict"], receipt["code"]) == ("refused", "schema_not_allowed")


def test_a_plain_consumer_reads_a_release_with_the_schema_files(hub: Operator) -> None:
    """The victims' centre decodes what it got: its own fields, the closed list of headers, nothing of the publisher."""
    record = incident()
    sender, reader = Client(hub.bootstrap, DISPATCH), Client(hub.bootstrap, CENTRE)
    sender.send("incident.reported", record, "the-dispatch-s-own-case")
    got = reader.read(f"release.case.{CENTRE}.p6", bool)[0]
    assert list(got.headers) == RELEASE_HEADERS
    assert got.headers["ce_type"] == b"incident.reported"
    assert got.headers["ce_source"] == b"urn:punte:hub"
    assert got.key == got.headers["ce_subject"]
    assert got.value["siruta"] == PLACE
    assert got.value["injuries"] in ("yes", "no", "unknown")
    assert not {"victim", "suspect", "address", "callerRole", "taskedUnits"} & set(got.value)
    assert record["incidentRef"] not in str(got.value)


def test_every_schema_of_the_lock_file_has_its_file() -> None:
    """Whatever id a stranger meets, there is a file to read it with."""
    assert all(schema(number) for number in lock().values())


def test_sigterm_drains_the_gateway_and_nothing_is_lost(hub: Operator) -> None:
    """Terminated with events under way it ends with status 0 within ten seconds; after a restart each has a receipt."""
    client = Client(hub.bootstrap, DISPATCH)
    ids = [client.send("incident.reported", incident(), f"drain-{number}") for number in range(10)]
    gateway = next(part for part in hub.parts if part.name == "gateway" and part.process.poll() is None)
    assert gateway.end() == 0
    ids += [client.send("incident.reported", incident(), f"drain-{number}") for number in range(10, 20)]
    working(hub.run("gateway", "--lane", "case"))
    told = receipts_of(client, *ids)
    assert set(told) == set(ids)
    assert {read.value["verdict"] for read in told.values()} == {"admitted"}
    every = client.read(f"receipt.case.{DISPATCH}", lambda found: False, seconds=2)
    assert sorted(read.value["eventId"] for read in every if read.value["eventId"] in ids) == sorted(ids)
