"""The record of processing: every activity of the catalogue, every recipient of the matrix, nothing made up."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from consent.messages import Language
from consent.names import PARTIES
from consent.terms import POLICE, PartyRole, Role
from hub.contracts.files import load_catalogue
from hub.views.processing import Activity, Record, record
from hub.views.processing_told import CONTACT, HEADS, SAFEGUARDS, as_json, lines
from tests.cases.pack import policy, types
from tests.support.published import faults


@cache
def made() -> Record:
    """The record of the catalogue and the reference matrix."""
    return record(load_catalogue(), policy().matrix)


def activity(event: str) -> Activity:
    """One activity."""
    return next(each for each in made().activities if each.event == event)


def test_every_event_type_is_an_activity() -> None:
    """With owner, publishers, law and retention as the catalogue has them."""
    entries = load_catalogue().entries
    assert [each.event for each in made().activities] == list(entries)
    for each in made().activities:
        entry = entries[each.event]
        assert (each.controller, frozenset(each.publishers)) == (entry.owner, entry.publishers)
        assert (each.legal_basis, each.retention) == (entry.legal_basis, entry.retention)


def test_every_field_is_in_one_category() -> None:
    """Under its group, with its class."""
    for each in made().activities:
        fields = types()[each.event].fields
        listed = [(data.group, path) for data in each.data for path in data.paths]
        assert sorted(listed) == sorted((field.group, field.path) for field in fields)
        for data in each.data:
            assert set(data.classes) == {field.sensitivity for field in fields if field.group == data.group}


def test_every_row_has_its_recipient() -> None:
    """Row by row: role, purpose, groups, law, duties; the purposes of an activity are those of its recipients."""
    listed = {
        row.row: (
            each.event,
            recipient.role,
            recipient.purpose,
            row.groups,
            row.law.ref,
            row.obligations,
            row.retain_days,
        )
        for each in made().activities
        for recipient in each.recipients
        for row in recipient.rows
    }
    assert listed == {
        row.id: (
            *row.cell,
            tuple(sorted({group for grant in row.grants for group in grant.groups})),
            row.basis.ref,
            row.obligations,
            row.retain_days,
        )
        for row in policy().matrix.rows
    }
    for each in made().activities:
        assert set(each.purposes) == {recipient.purpose for recipient in each.recipients}


def test_data_subjects_are_read_from_blocks_and_reveals() -> None:
    """A person block, a place of somebody, a professional: each makes a category of its own."""
    assert activity("incident.reported").subjects == (PartyRole.VICTIM, PartyRole.SUSPECT, PartyRole.CHILD)
    assert activity("emis.alert.raised").subjects == (PartyRole.SUSPECT,)
    assert activity("incident.reported").staff
    for each in made().activities:
        assert {field.block for field in types()[each.event].fields if field.block} <= set(each.subjects)


def test_police_activities_name_the_law_of_police() -> None:
    """Law 363/2018 beside the GDPR where a competent authority publishes, and only there."""
    for each in made().activities:
        competent = set(each.publishers) & (POLICE | {Role.EMIS, Role.PROS, Role.PROB, Role.ANP})
        assert each.police is bool(competent)
    told = {each["event"]: each["required_by"] for each in as_json(made(), Language.EN)["activities"]}
    assert told["incident.reported"] == "GDPR art. 30(1); Law 363/2018 art. 33"
    assert told["shelter.capacity"] == "GDPR art. 30(1)"


@pytest.mark.parametrize("lang", Language)
def test_the_json_fits_its_schema(lang: Language) -> None:
    """In both languages."""
    assert faults("policy-record-of-processing.v1", as_json(made(), lang)) == []


def test_languages_differ_in_words_alone() -> None:
    """Codes, paths, numbers and digests are the same; titles and names are not."""

    def codes(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: codes(each) for key, each in value.items() if key in CODES or isinstance(each, dict | list)}
        return [codes(each) for each in value] if isinstance(value, list) else value

    english, romanian = (as_json(made(), lang) for lang in (Language.EN, Language.RO))
    assert codes(english["activities"]) == codes(romanian["activities"])
    assert all(en != ro for en, ro in zip(english["safeguards"], romanian["safeguards"], strict=True))
    assert english["title"] != romanian["title"]


CODES = {"event", "controller", "code", "group", "row", "retain_days", "days"}
"""Keys whose values are of no language."""


@pytest.mark.parametrize("lang", Language)
def test_the_text_tells_all_of_it(lang: Language) -> None:
    """Each head once an activity, each row, each path and each safeguard, and what the catalogue leaves open."""
    text = "\n".join(lines(made(), lang))
    index = 1 if lang is Language.RO else 0
    for name in HEADS.values():
        assert text.count(f"\n  {name[index]}:") == len(made().activities)
    assert text.count(CONTACT[index]) == len(made().activities)
    assert all(each[index] in text for each in SAFEGUARDS)
    assert all(f"      {row.id}: " in text for row in policy().matrix.rows)
    assert all(field.path in text for kind in types().values() for field in kind.fields)
    assert PARTIES[PartyRole.VICTIM][index] in text
    assert policy().matrix.digest.hex() in text


def test_romanian_counts_days_as_romanian_does() -> None:
    """`30 de zile` and `14 zile`."""
    text = "\n".join(lines(made(), Language.RO))
    assert "30 de zile" in text
    assert "o divulgare 14 zile" in text
