"""The record of processing: who may publish what, and what the catalogue answers."""

from __future__ import annotations

import pytest

from consent.terms import Lane, Reveals, Role
from hub.contracts.files import load_catalogue
from hub.contracts.wire import WireError, check_publisher

CATALOGUE = load_catalogue()


def test_only_alerts_run_on_the_alert_lane() -> None:
    """The alert and what stands in for it have the alert lane; the second is published by no unit."""
    alerts = {name: kind for name, kind in CATALOGUE.types.items() if kind.lane is Lane.ALERT}
    assert alerts.keys() == {"emis.alert.raised", "hollow.alert"}
    assert alerts["hollow.alert"].publishers == frozenset()


def test_every_type_names_owner_law_and_retention() -> None:
    """A record of processing without owner, legal basis, title or retention would be none."""
    for entry in CATALOGUE.entries.values():
        assert entry.owner
        assert entry.legal_basis
        assert set(entry.title) == {"en", "ro"}
        assert set(entry.retention) == {"admitted", "release", "seen"}


@pytest.mark.parametrize(
    ("role", "instrument", "may"),
    [
        (Role.POL_R, "RO_POL_21", True),
        (Role.POL_R, "RO_SOC_25", False),
        (Role.SW_L, "RO_SOC_25", True),
        (Role.SW_L, "RO_POL_21", False),
        (Role.SHEL, "RO_SOC_25", False),
    ],
)
def test_a_publisher_is_held_to_its_own_forms(role: Role, instrument: str, may: bool) -> None:
    """The police publish police forms, social services theirs; a role not listed publishes nothing."""
    entry = CATALOGUE.entries["risk.assessed"]
    if may:
        check_publisher(entry, role, {"instrument": instrument})
        return
    with pytest.raises(WireError, match="schema_not_allowed") as refused:
        check_publisher(entry, role, {"instrument": instrument})
    assert instrument not in str(refused.value)


def test_required_leaves_are_those_every_record_has() -> None:
    """Neither nullable, nor under a nullable record, nor below an array of records."""
    fields = {field.path: field for field in CATALOGUE.types["risk.assessed"].fields}
    required = {path for path, field in fields.items() if field.required}
    assert {"result", "victim.name"} <= required
    assert not required & {"victim.cnp", "suspect.name", "answers[].item", "nYes1_7"}


def test_blocks_and_kinds_are_read_from_the_schema() -> None:
    """A leaf knows its person block and its kind."""
    fields = {field.path: field for field in CATALOGUE.types["referral.made"].fields}
    assert (fields["child.ref"].block, fields["child.ref"].kind) == ("child", "person")
    assert (fields["toUnit"].block, fields["toUnit"].kind) == (None, "unit")
    assert fields["needs"].array
    assert not fields["needs"].nullable


def test_no_leaf_reveals_a_shelter() -> None:
    """INV-01 over everything that loads."""
    assert not any(Reveals.SHELTER in field.reveals for kind in CATALOGUE.types.values() for field in kind.fields)


def test_names_and_ids_find_each_other() -> None:
    """The name behind an id and the schema behind a name."""
    assert CATALOGUE.name_of(CATALOGUE.ids["ppo.issued/v1"]) == "ppo.issued/v1"
    assert CATALOGUE.name_of(7) is None
    assert CATALOGUE.event_schema("ppo.issued")["name"] == "PpoIssued"
