"""What nobody classified or named is withheld or refused: a field, an enum symbol, a role, a purpose (INV-05)."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest

from consent.decide import decide
from consent.errors import FindingKind, PolicyRefused
from consent.facts import Event, FixedFacts, Subscription, Unit
from consent.matrix import parse_matrix
from consent.terms import PartyRole, Purpose, Role
from hub.contracts.catalogue import UnclassifiedField, event_type
from hub.contracts.files import load_catalogue
from hub.contracts.wire import WireError, strict_decode, strict_readers
from hub.demo.records import random_record
from tests.cases.pack import NOW, PLACE, facts, handle, policy, texts, types, unit
from tests.support.history import encoded

CATALOGUE = load_catalogue()
NAME = "child.involved"
SCHEMA = CATALOGUE.event_schema(NAME)


def risk(symbol: str) -> Event:
    """A police form whose result is this symbol."""
    content = {"instrument": "RO_POL_21", "result": symbol, "childInHousehold": "no"}
    return Event(
        "risk.assessed", "source", handle("case"), {PartyRole.VICTIM: handle("victim")}, PLACE, frozenset(), content
    )


@pytest.mark.parametrize("word", ["punte.group", "punte.class", "punte.reveals"])
def test_an_unclassified_field_does_not_load(word: str) -> None:
    """A leaf without group, class or reveals, or with a word nobody knows, stops the catalogue, naming the leaf."""
    for value in (None, 99, "S99", ["nothing"], []):
        spoilt: dict[str, Any] = copy.deepcopy(SCHEMA)
        leaf = next(field for field in spoilt["fields"] if field["name"] == "ageBand")
        leaf.pop(word)
        if value is not None:
            leaf[word] = value
        with pytest.raises(UnclassifiedField) as refused:
            event_type(spoilt, CATALOGUE.entries[NAME])
        assert refused.value.field == "ageBand"
        assert refused.value.remedy


def test_a_new_field_is_in_no_release_until_a_row_gives_its_group() -> None:
    """A leaf of a group that no row of its type names leaves to nobody."""
    given = {
        (cell.event, path) for cell in policy().cells.values() for s in cell.table if s for path, _ in s.release.leaves
    }
    unnamed = {
        (event.name, field.path) for event in types().values() for field in event.fields if field.group in (21, 24)
    }
    assert unnamed
    assert not given & unnamed


def test_an_unknown_enum_symbol_is_refused_at_admission() -> None:
    """A byte past the last symbol of the first enum is refused; no default turns it into a known one."""
    record = {**random_record(CATALOGUE, "emis.alert.raised", Random(1)), "orderRef": None, "severity": "technical"}
    alerts, readers = CATALOGUE.versions("emis.alert.raised")[-1], strict_readers(CATALOGUE)
    value, twin = (encoded(alerts, {**record, "severity": symbol}) for symbol in ("technical", "critical"))
    (at,) = (i for i, (one, other) in enumerate(zip(value, twin, strict=True)) if one != other)
    assert strict_decode(value, readers).record["severity"] == "technical"
    with pytest.raises(WireError) as refused:
        strict_decode(value[:at] + b"\x04" + value[at + 1 :], readers)
    assert refused.value.code in ("bound", "not_canonical")


def test_an_unknown_enum_symbol_opens_no_guard() -> None:
    """A result nobody listed is not imminent: the prosecutor does not learn of it."""
    known = facts({"prosecutor": (unit("prosecutor", "PROS"), Purpose.P2)})
    assert [d.selected is not None for d in decide(policy(), risk("imminent"), known, NOW).decisions] == [True]
    assert [d.selected for d in decide(policy(), risk("immminent"), known, NOW).decisions] == [None]


def test_an_unknown_role_is_refused_in_matrix_and_register_and_gets_nothing() -> None:
    """POL-X is no role: not in a row, not of a unit; a role without cells is not even asked."""
    with pytest.raises(PolicyRefused) as refused:
        parse_matrix(texts().matrix.replace('role = "POL-R"', 'role = "POL-X"', 1), types())
    assert any(each.kind is FindingKind.WORD and "`POL-X`" in each.sentence for each in refused.value.findings)
    with pytest.raises(ValueError, match="POL-X"):
        Role("POL-X")
    forensic = {"forensic": (unit("forensic", Role.IML), Purpose.P10)}
    assert decide(policy(), risk("imminent"), facts(forensic), NOW).decisions == ()


def test_an_unknown_purpose_is_refused_in_matrix_and_gets_nothing() -> None:
    """P99 is no purpose; a known purpose that no cell of the role has gives nothing."""
    with pytest.raises(PolicyRefused) as refused:
        parse_matrix(texts().matrix.replace('purpose = "P1"', 'purpose = "P99"', 1), types())
    assert any("unknown purpose `P99`" in each.sentence for each in refused.value.findings)
    one: Unit = unit("prosecutor", "PROS")
    known = FixedFacts.of([one], {"risk.assessed": [Subscription(one, Purpose.P13)]})
    assert decide(policy(), risk("imminent"), known, NOW).decisions == ()
