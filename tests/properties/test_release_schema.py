"""Release schemas and their ids: what may not be released is refused when it is compiled, and an id is for ever."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.compile import Release
from consent.terms import Transform
from hub.release.schema import ReleaseRefused, TransformRefused, lock_releases, release_schema
from tests.properties.releases import EVENTS, bench, catalogue

AS_IS = Transform.AS_IS


def _schema(event: str, *leaves: tuple[str, Transform]) -> object:
    return release_schema(catalogue().event_schema(event), Release(event, leaves, AS_IS))


def test_array_given_partly_is_refused() -> None:
    """Some leaves of an array's records are no release."""
    with pytest.raises(ReleaseRefused, match="whole or not at all"):
        _schema("risk.assessed", ("answers[].item", AS_IS), ("answers[].value", AS_IS))


def test_unknown_leaf_is_refused() -> None:
    """A leaf the event does not have is refused by name."""
    with pytest.raises(ReleaseRefused, match="no such leaf"):
        _schema("risk.assessed", ("result", AS_IS), ("shelterAddress", AS_IS))


@pytest.mark.parametrize(
    ("event", "leaf", "transform"),
    [
        ("risk.assessed", "assessmentRef", AS_IS),
        ("risk.assessed", "victim.ref", AS_IS),
        ("risk.assessed", "victim.ref", Transform.PAIRWISE),
        ("risk.assessed", "result", Transform.FLAG_CARE),
        ("risk.assessed", "result", Transform.HOUR),
        ("risk.assessed", "nYes1_7", Transform.COUNTY),
        ("incident.reported", "injuries", Transform.FLAG_CAUTION),
        ("incident.reported", "address", Transform.FLAG_PRESENT),
    ],
)
def test_transform_over_the_wrong_leaf_is_refused(event: str, leaf: str, transform: Transform) -> None:
    """A transform works on the leaves it was made for; a reference never leaves as it is."""
    with pytest.raises(TransformRefused, match="cannot be released"):
        _schema(event, (leaf, transform))


@given(order=st.permutations(range(12)), first=st.integers(0, 11))
@settings(max_examples=30, deadline=None)
def test_ids_are_never_reused_or_changed(order: list[int], first: int) -> None:
    """Compiled in any order, in two rounds, some gone in between: an id once given stays, none is given twice."""
    pool = bench("referral.made", True).releases
    schemas = {name: catalogue().event_schema(name) for name in EVENTS}
    before, _ = lock_releases({"releases": {}}, [pool[i] for i in order[:first]], schemas)
    after, files = lock_releases(before, [pool[i] for i in order[first // 2 :]], schemas)
    ids = after["releases"]
    assert before["releases"].items() <= ids.items()
    assert sorted(ids.values()) == list(range(10_001, 10_001 + len(ids)))
    assert len(files) == len({pool[i].name for i in order[first // 2 :]})


def test_files_read_back_as_the_schema() -> None:
    """The text written for a release is its schema, with every transform named."""
    release = bench("ppo.issued", True).releases[0]
    event = catalogue().event_schema("ppo.issued")
    _, files = lock_releases({}, [release], {"ppo.issued": event})
    assert json.loads(files[f"releases/{release.name}.avsc"]) == release_schema(event, release)
