"""The federation of the pilot fits matrix, catalogue and duty lines.

A faulty federation is refused with every fault.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from consent.dutylines import DutyLine
from consent.pack import parse_pack
from consent.terms import Lane, Role
from hub.contracts.federation import CODE, ORGANISATION, FederationRefused, FederationUnit, parse_federation
from hub.contracts.files import load_catalogue
from hub.registry.federation import undeclared
from tests.cases.pack import policy, texts, types

TEXT = (Path(__file__).parents[2] / "deploy" / "federation" / "cluj.toml").read_text("utf-8")
FEDERATION = parse_federation(TEXT)
DUTYLINES = parse_pack(texts(), types()).dutylines.lines
CARRIED = {event for agreement in FEDERATION.agreements for event, _ in agreement.subscribes}
"""The types the pilot begins with: the six of the first build; the others are agreed on one by one."""
TABLES = (Path(__file__).parents[2] / "schemas" / "tables" / "contract.md").read_text("utf-8")
COUNTIES = load_catalogue().siruta


def serves(unit: FederationUnit) -> set[int]:
    """The administrative units of a unit's area, county codes expanded."""
    return {place for place, county in COUNTIES.items() if place in unit.area or county in unit.area}


def test_the_story_finds_its_units() -> None:
    """Every role of the story is there, two patrols share an area, the perpetrator's side has no agreement."""
    roles = [unit.role for unit in FEDERATION.units]
    wanted = {"POL-D": 1, "POL-R": 3, "POL-M": 2, "EMIS": 1, "PROS": 2, "SW-L": 1, "SW-C": 1, "CHILD": 2, "SHEL": 2}
    wanted |= {"NGO-V": 1, "HOSP": 1, "MOBILE": 1, "LODGE": 1, "PROB": 1}
    assert not {role: n for role, n in wanted.items() if roles.count(Role(role)) < n}
    patrols = [unit.area for unit in FEDERATION.units if unit.role is Role.POL_R]
    assert len(set(patrols)) < len(patrols)
    perp = [unit for unit in FEDERATION.units if unit.role in (Role.LODGE, Role.PROB)]
    assert all(FEDERATION.agreement(unit.code) is None for unit in perp)


def test_codes_say_nothing() -> None:
    """A code is a letter and five characters, and holds no abbreviation of a role or place."""
    assert all(CODE.fullmatch(unit.code) for unit in FEDERATION.units)
    assert all(ORGANISATION.fullmatch(organisation.code) for organisation in FEDERATION.organisations)
    for code in (each.code for group in (FEDERATION.units, FEDERATION.organisations) for each in group):
        telling = ("pol", "pros", "sw", "shel", "ngo", "hosp", "prob", "chil", "emis", "clu", "tur", "dej", "127")
        assert not [word for word in telling if word in code]


def test_every_organisation_has_a_unit() -> None:
    """Each unit names one that is declared, none is left over, and the town runs both the centre and the lodging."""
    assert {unit.organisation for unit in FEDERATION.units} == {each.code for each in FEDERATION.organisations}
    both = [unit.organisation for unit in FEDERATION.units if unit.role in (Role.SW_L, Role.LODGE)]
    assert len(both) >= 2
    assert len(set(both)) == 1


def test_nobody_receives_what_it_has_not_agreed_to_handle_so() -> None:
    """Every obligation of a row stands in the agreement of who receives by it; one left out is told."""
    assert undeclared(FEDERATION, policy()) == []
    spoilt = parse_federation(TEXT.replace('"honour_recall", ', ""))
    told = undeclared(spoilt, policy())
    shelters = {unit.code for unit in FEDERATION.units if unit.role is Role.SHEL}
    assert {sentence.split(":")[0] for sentence in told} >= shelters
    assert all("obliges to honour_recall; add it to its obligations" in sentence for sentence in told)


def test_the_pilot_carries_the_first_six_types() -> None:
    """A type is carried whole, publishers and recipients, or not at all; and the hub's own that no unit publishes."""
    first = set(re.findall(r"^\*\*([a-zA-Z.]+)\*\* · publisher", TABLES, re.MULTILINE))
    assert first | {"hollow.alert"} == CARRIED
    assert {name for agreement in FEDERATION.agreements for name in agreement.publishes} == first


def test_every_place_is_on_the_list() -> None:
    """Areas hold administrative units of the list, or its county."""
    places = set(COUNTIES) | set(COUNTIES.values())
    assert not {place for unit in FEDERATION.units for place in unit.area} - places


def test_agreements_fit_catalogue_and_matrix() -> None:
    """A unit publishes what its role may, receives exactly the cells of its role, and has their lanes."""
    units = {unit.code: unit for unit in FEDERATION.units}
    for agreement in FEDERATION.agreements:
        unit = units[agreement.unit]
        assert all(unit.role in types()[name].publishers for name in agreement.publishes)
        wanted = {(event, purpose) for event, role, purpose in policy().cells if role is unit.role and event in CARRIED}
        assert set(agreement.subscribes) == wanted
        carried = {types()[name].lane for name in (*agreement.publishes, *(event for event, _ in agreement.subscribes))}
        assert unit.lanes == carried


@pytest.mark.parametrize("duty", [line for line in DUTYLINES if line.event in CARRIED], ids=lambda duty: duty.id)
def test_every_duty_finds_its_stand_in(duty: DutyLine) -> None:
    """For each unit a duty line names and each place it serves, the fallback has the role and receives the type."""
    assert [unit for unit in FEDERATION.units if unit.role is duty.role]
    for unit in (unit for unit in FEDERATION.units if unit.role is duty.role):
        own = FEDERATION.unit(unit.fallback or "")
        if own is not None and own.role is duty.fallback:
            stand_ins = {place: [own] for place in serves(unit)}
        else:
            assert not duty.following
            others = [each for each in FEDERATION.units if each.role is duty.fallback]
            stand_ins = {place: [each for each in others if place in serves(each)] for place in serves(unit)}
        assert any(stand_ins.values())
        for each in (each for found in stand_ins.values() for each in found):
            agreement = FEDERATION.agreement(each.code)
            assert agreement is not None
            assert duty.event in {event for event, _ in agreement.subscribes}


def test_centre_and_lodging_share_nothing() -> None:
    """INV-19: no unit is both, so they have no topic and no key in common, and neither stands in for the other."""
    centres = {unit.code for unit in FEDERATION.units if unit.role is Role.SW_L}
    lodgings = {unit.code for unit in FEDERATION.units if unit.role is Role.LODGE}
    assert centres
    assert lodgings
    assert centres.isdisjoint(lodgings)
    fallbacks = {unit.fallback for unit in FEDERATION.units if unit.role in (Role.SW_L, Role.LODGE)}
    assert fallbacks.isdisjoint(lodgings)
    assert {unit.fallback for unit in FEDERATION.units if unit.role is Role.LODGE} == {None}


def test_the_alert_lane_is_for_those_who_act() -> None:
    """Only units with an alert to send or receive are connected to the alert lane."""
    alert = {unit.role for unit in FEDERATION.units if Lane.ALERT in unit.lanes}
    assert alert == {Role.POL_D, Role.POL_R, Role.POL_M, Role.EMIS, Role.SHEL}


@pytest.mark.parametrize(
    ("pattern", "instead", "says"),
    [
        (r'code = "upggvz"', 'code = "dispatch"', "`dispatch` is not a unit code"),
        (r'role = "POL-D"', 'role = "POLD"', "unknown word `POLD` in `role`"),
        (r'purposes = \["P1"\]', 'purposes = ["P2"]', "receives incident.reported for P1"),
        (r"area = \[127\]", "area = []", "`area` is not a list"),
        (r'fallback = "u75cgt"', 'fallback = "u00000"', "falls back to `u00000`"),
        (r'label = "[^"]+"', 'lable = "x"', "unknown key `lable`"),
        (r'lanes = \["alert", "case"\]', 'lanes = ["fast"]', "unknown word `fast`"),
        (r'subscribes = \["incident.reported:P1"', 'subscribes = ["incident.reported:P77"', "unknown word `P77`"),
        (r'"read_committed"', '"read_all"', "unknown word `read_all`"),
        (r"until = 2031", "until = 2021", "`until` is not after `from`"),
        (r"from = 2026-01-01T00:00:00Z", "from = 2026-01-01", "`from` is not a time"),
        (r'unit = "upggvz"', 'unit = "u75cgt"', "occurs twice"),
        (r'code = "o7a1vw"', 'code = "o00000"', "upggvz: belongs to `o7a1vw`, which is not declared"),
        (r'code = "o7a1vw"', 'code = "police"', "`police` is not the code of an organisation"),
        (r'code = "on2w0v"', 'code = "o7a1vw"', "o7a1vw: the organisation code occurs twice"),
        (r'organisation = "o7a1vw"\n', "", "upggvz: `organisation` is missing; use `o` and five of [a-z0-9]"),
        (r'organisation = "o7a1vw"', 'organisation = ["o7a1vw"]', "upggvz: `['o7a1vw']` is not the code"),
        (r'code = "o7a1vw"\nlabel = "[^"]+"', 'code = "o7a1vw"', "o7a1vw: `label` is missing"),
        (r"\[\[organisation\]\]", "[[organization]]", "unknown key `organization`"),
        (r"\[\[unit\]\]", "[[units]]", "unknown key `units`"),
        (r"\[\[unit\]\]", "[[unit]", "is not TOML"),
    ],
)
def test_a_faulty_federation_is_refused(pattern: str, instead: str, says: str) -> None:
    """Each fault is told with its unit and a remedy."""
    mutant = re.sub(pattern, instead, TEXT, count=1)
    assert mutant != TEXT
    with pytest.raises(FederationRefused) as caught:
        parse_federation(mutant)
    assert any(says in fault for fault in caught.value.faults), caught.value.faults
