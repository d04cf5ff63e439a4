"""What a derived leaf reveals: all that its inputs do, unless an owner of the red lines signed less."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consent import compile as compiling
from consent.compile import compile_policy
from consent.errors import FindingKind, PolicyRefused
from consent.pack import parse_pack
from consent.redlines import RedLines, parse_redlines
from consent.terms import Profile, Reveals, Transform
from tests.cases.pack import texts, types

SIGNED = """
[[reduction]]
transform = "flag_care"
drops = ["health"]
signed = "p-9"
why = "whether care is needed says nothing of the injury"
"""
EVENT = types()["mobileTeam.requested"]
FIELDS = {field.path: field for field in EVENT.fields}


def lines(more: str = "") -> RedLines:
    """The red lines of the pack, and more."""
    return parse_redlines(texts().redlines + more, types())


def test_a_flag_reveals_what_its_leaf_does() -> None:
    """Without a signature a reduction is nobody's word."""
    injuries = FIELDS["injuries"]
    assert lines().reveals(injuries, Transform.FLAG_CARE, EVENT) == {Reveals.HEALTH}


def test_a_signed_reduction_takes_away_what_it_names_for_its_transform_alone() -> None:
    """The flag then reveals nothing; the leaf itself still does."""
    injuries = FIELDS["injuries"]
    assert lines(SIGNED).reveals(injuries, Transform.FLAG_CARE, EVENT) == {Reveals.NONE}
    assert lines(SIGNED).reveals(injuries, Transform.AS_IS, EVENT) == {Reveals.HEALTH}


def test_a_derived_leaf_reveals_what_all_of_its_inputs_do() -> None:
    """An age band is made of the birth date and the moment of the event, and reveals what both do."""
    born = FIELDS["child.birthDate"]
    moment = replace(FIELDS["requestedAt"], reveals=frozenset({Reveals.STAFF}))
    event = replace(EVENT, fields=tuple(moment if f.path == moment.path else f for f in EVENT.fields))
    assert lines().reveals(born, Transform.AGE_BAND, event) == {Reveals.IDENTITY, Reveals.CHILD, Reveals.STAFF}
    assert lines().reveals(born, Transform.AS_IS, event) == {Reveals.IDENTITY, Reveals.CHILD}


def test_a_reduction_changes_the_digest() -> None:
    """It is a decision of the red lines' owners: a policy with it is another policy."""
    assert lines(SIGNED).digest != lines().digest


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('transform = "flag_care"', 'transform = "flagcare"', "unknown transform of a reduction `flagcare`"),
        ('"flag_care"', '"as_is"', "unknown transform of a reduction `as_is`"),
        ('"flag_care"', '"pairwise"', "unknown transform of a reduction `pairwise`"),
        ('drops = ["health"]', 'drops = ["heallth"]', "unknown reveals `heallth`"),
        ('signed = "p-9"', 'signed = " "', "`signed` is missing"),
        ('signed = "p-9"\n', "", "`signed` is missing"),
        ("why =", "because =", "unknown key `because`"),
    ],
)
def test_a_faulty_reduction_is_refused(before: str, after: str, says: str) -> None:
    """Nobody's signature, a word nobody knows: refused with a remedy."""
    with pytest.raises(PolicyRefused) as caught:
        lines(SIGNED.replace(before, after))
    assert any(says in finding.sentence and finding.remedy for finding in caught.value.findings)


def test_more_releases_than_anybody_reads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number is printed by `prove` and bounded."""
    pack = parse_pack(texts(), types())
    count = len(compile_policy(pack, types(), Profile.DEMO).releases)
    assert 0 < count <= compiling.MAX_RELEASES
    monkeypatch.setattr(compiling, "MAX_RELEASES", count - 1)
    with pytest.raises(PolicyRefused) as caught:
        compile_policy(pack, types(), Profile.DEMO)
    assert [finding.kind for finding in caught.value.findings] == [FindingKind.CELL]
    assert f"{count} distinct releases" in caught.value.findings[0].sentence
