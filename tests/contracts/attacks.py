"""Valid records the attacks start from, and what it means that an attack is refused."""

from __future__ import annotations

import io
import time
import tracemalloc
from typing import Any

import fastavro
import pytest

from hub.contracts.files import load_catalogue
from hub.contracts.shape import plain
from hub.contracts.wire import WireError, frame, strict_decode, strict_readers

CATALOGUE = load_catalogue()
READERS = strict_readers(CATALOGUE)
IDS = CATALOGUE.ids
SECRET = "Strada-Canarului-77"
ALLOCATED = 256 * 1024
SECONDS = 0.5
MOMENT = 1_790_000_000_000

PERSON: dict[str, Any] = {
    "ref": "p-1",
    "role": "victim",
    "name": SECRET,
    "cnp": "2900101600016",
    "birthDate": 7305,
    "sex": "female",
    "citizenship": "RO",
}
ALERT: dict[str, Any] = {
    "alertRef": "A-1",
    "orderRef": None,
    "raisedAt": MOMENT,
    "severity": "critical",
    "siruta": 54975,
    "unitToSend": "uab12c",
    "kind": "panic",
    "distanceBand": "unknown",
    "approaching": "yes",
    "singleUseRef": SECRET,
    "deviceRef": "D-9",
}
RISK: dict[str, Any] = {
    "assessmentRef": "R-1",
    "instrument": "RO_POL_21",
    "instrumentVersion": "2018",
    "assessedAt": MOMENT,
    "siruta": 54975,
    "previousAssessmentRef": None,
    "relationFits": True,
    "factFlag": "assessment",
    "relationship": "marital",
    "result": "imminent",
    "answers": [{"item": 1, "value": "yes", "src": "victim"}],
    "nYes1_7": 3,
    "nYes8_21": None,
    "selfCompleted": False,
    "childInHousehold": "yes",
    "weaponAccess": "no",
    "victim": PERSON,
    "suspect": None,
}
REFERRAL: dict[str, Any] = {
    "referralRef": "F-1",
    "chainRef": "F-1",
    "madeAt": MOMENT,
    "dueBy": MOMENT,
    "urgency": "urgent",
    "siruta": 54975,
    "fromKind": "police",
    "toUnit": "umobil",
    "toKind": "mobile_team",
    "beneficiary": "victim_adult",
    "needs": ["medical"],
    "basis": {"kind": "law", "ref": "O2525"},
    "riskLevel": "high",
    "safeContact": None,
    "interventionAddress": SECRET,
    "childrenAlong": 1,
    "weaponAccess": "no",
    "victim": PERSON,
    "child": None,
    "suspect": None,
}
RECORDS = {"emis.alert.raised": ALERT, "risk.assessed": RISK, "referral.made": REFERRAL}


def encoded(name: str, change: dict[str, Any] | None = None) -> bytes:
    """The Avro body of a valid record with some leaves changed."""
    out = io.BytesIO()
    parsed = fastavro.parse_schema(plain(CATALOGUE.event_schema(name)))
    fastavro.schemaless_writer(out, parsed, RECORDS[name] | (change or {}))
    return out.getvalue()


def value(name: str, body: bytes) -> bytes:
    """A body framed with its schema's id."""
    return frame(CATALOGUE.versions(name)[-1], body)


def alert_with(old: bytes, new: bytes) -> bytes:
    """The valid alert with some of its bytes exchanged; the bytes must be there exactly once."""
    body = encoded("emis.alert.raised")
    assert body.count(old) == 1
    return value("emis.alert.raised", body.replace(old, new))


def refused(attack: bytes | None, code: str, path: str | None = None) -> None:
    """The attack is refused with this code (at this leaf): quickly, cheaply, silently."""
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(WireError) as caught:
        strict_decode(attack, READERS)
    took, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    error = caught.value
    assert error.code == code
    assert path is None or error.path == path
    assert SECRET not in repr(error)
    assert "2900101600016" not in repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert took < SECONDS
    assert peak < ALLOCATED
