"""The words for people: complete in both languages, and written as Romanian is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from consent import names
from consent.generalise import RULES
from consent.guards import CONTENT, Guard, GuardKind
from consent.names import Name, act_name, days, guard_name
from consent.terms import BasisStatus, Obligation, Outcome, PartyRole, Profile, Purpose, Role, SensitivityClass
from tests.cases.pack import policy

VOCABULARIES: Mapping[str, tuple[Iterable[object], Mapping[Any, Name]]] = {
    "roles": (Role, names.ROLES),
    "purposes": (Purpose, names.PURPOSES),
    "groups": (range(1, 34), names.GROUPS),
    "classes": (SensitivityClass, names.CLASSES),
    "obligations": (Obligation, names.OBLIGATIONS),
    "guards": (GuardKind, names.GUARDS),
    "contents": (CONTENT, names.CONTENTS),
    "parties": (PartyRole, names.PARTIES),
    "rules": (RULES, names.RULES),
    "statuses": (BasisStatus, names.STATUSES),
    "outcomes": (Outcome, names.OUTCOMES),
    "profiles": (Profile, names.PROFILES),
}
SAME = {"public"}
"""Words that both languages share."""
CEDILLAS = set(map(chr, (0x15E, 0x15F, 0x162, 0x163)))


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_word_has_both_languages(name: str) -> None:
    """Every member of a closed vocabulary, and nothing else, has an English and a Romanian name that differ."""
    members, table = VOCABULARIES[name]
    assert list(table) == list(members)
    for word in table.values():
        assert word.en.strip() == word.en != ""
        assert word.ro.strip() == word.ro != ""
        assert word.en != word.ro or word.en in SAME


@pytest.mark.parametrize("name", VOCABULARIES)
def test_no_letter_has_a_cedilla(name: str) -> None:
    """Romanian s and t have the comma below; no two members of a vocabulary have one name."""
    _, table = VOCABULARIES[name]
    spelt = [text for word in table.values() for text in word]
    assert not CEDILLAS & set("".join(spelt))
    assert name == "contents" or len({word.ro for word in table.values()}) == len(table)


def test_slots_agree() -> None:
    """A name with a slot has it in both languages."""
    for table in (table for _, table in VOCABULARIES.values()):
        assert all(("{arg}" in word.en) is ("{arg}" in word.ro) for word in table.values())


def test_every_guard_of_the_pack_is_said_in_words() -> None:
    """No guard shows a slot, a code of a party or `leaf=symbol`."""
    guards = {guard for row in policy().matrix.rows for grant in row.grants for guard in grant.guards}
    for guard in guards | {Guard(GuardKind.JUDICIAL), Guard(GuardKind.RELATION, "suspect")}:
        said = guard_name(guard)
        assert not {"{", "=", "("} & set("".join(said))
    assert guard_name(Guard(GuardKind.RELATION, "victim")) == (
        "the unit works with the victim",
        "unitatea lucrează cu victima",
    )


def test_a_guard_on_unknown_content_is_still_said() -> None:
    """With the spelling of the matrix: a new symbol makes no page fail."""
    assert guard_name(Guard(GuardKind.CONTENT, "a=b")) == ("the event says a=b", "evenimentul spune a=b")


@pytest.mark.parametrize(
    ("act", "english", "romanian"),
    [
        ("L217", "Law 217/2003", "Legea 217/2003"),
        ("L292/2011", "Law 292/2011", "Legea 292/2011"),
        ("Law 363/2018", "Law 363/2018", "Legea 363/2018"),
        ("Order 20.840/2022", "Order 20.840/2022", "Ordinul 20.840/2022"),
        ("HG 1025/2022", "Government Decision (HG) 1025/2022", "HG 1025/2022"),
        ("GDPR", "GDPR", "RGPD"),
        ("Some Treaty", "Some Treaty", "Some Treaty"),
    ],
)
def test_acts_are_called_by_their_full_name(act: str, english: str, romanian: str) -> None:
    """A Romanian reads `Legea` and `Ordinul`; an act that nobody named stands as the matrix cites it."""
    assert act_name(act) == (english, romanian)


@pytest.mark.parametrize(
    ("n", "said"), [(1, ("1 day", "1 zi")), (14, ("14 days", "14 zile")), (30, ("30 days", "30 de zile"))]
)
def test_days_have_three_forms(n: int, said: tuple[str, str]) -> None:
    """Romanian counts one, a few, and many with `de`."""
    assert days(n) == said
