"""Release schemas and their ids: what may not be released is refused when it is compiled, and an id is for ever."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.compile import Release
from consent.terms import Transform
from hub.release.schema import ReleaseRefused, TransformRefused, lock_releases, release_schema
from hub.release.slicer import Slicer
from tests.properties.releases import EVENTS, bench, catalogue

AS_IS = Transform.AS_IS


def _schema(event: str, *leaves: tuple[str, Transform]) -> dict[str, Any]:
    return release_schema(catalogue().event_schema(event), Release(event, leaves, AS_IS))


def test_a_leaf_left_out_of_an_array_is_left_out_of_every_element() -> None:
    """Some leaves of an array's records make a release whose elements have just these."""
    schema = _schema("risk.assessed", ("answers[].item", AS_IS), ("answers[].value", AS_IS))
    (answers,) = schema["fields"]
    assert [field["name"] for field in answers["type"]["items"]["fields"]] == ["item", "value"]


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
        ("incident.reported", "childrenPresent", Transform.COUNT),
        ("incident.reported", "childrenPresent", Transform.AGE_BAND),
        ("incident.reported", "reportedAt", Transform.AGE_BAND),
        ("incident.reported", "violenceTypes", Transform.FLAG_CARE),
        ("incident.reported", "violenceTypes", Transform.DISTANCE_BAND),
        ("incident.reported", "injuries", Transform.FLAG_DROPPED),
        ("incident.reported", "victim.birthDate", Transform.DISTANCE_BAND),
        ("incident.reported", "victim.birthDate", Transform.DAY),
        ("risk.assessed", "answers[].value", Transform.COUNT),
    ],
)
def test_transform_over_the_wrong_leaf_is_refused(event: str, leaf: str, transform: Transform) -> None:
    """A transform works on the leaves it was made for; a reference never leaves as it is."""
    with pytest.raises(TransformRefused, match="cannot be released"):
        _schema(event, (leaf, transform))


def _event(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "Planned", "fields": list(fields)}


BORN = {"name": "born", "type": {"type": "int", "logicalType": "date"}, "punte.group": 12}
MOMENT = {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "punte.group": 26}
BANDED = Release("planned", (("born", Transform.AGE_BAND),), AS_IS)


@pytest.mark.parametrize(
    "moment",
    [
        None,
        MOMENT | {"punte.group": 14},
        MOMENT | {"type": ["null", MOMENT["type"]], "default": None},
        MOMENT | {"type": {"type": "array", "items": MOMENT["type"]}, "punte.max": 3},
    ],
    ids=["none", "of_another_group", "may_be_absent", "several"],
)
def test_an_age_without_the_events_own_moment_is_refused(moment: dict[str, Any] | None) -> None:
    """An age band needs a time that is in every record, of the event itself: the schema and the slicer both refuse."""
    event = _event(BORN, *([] if moment is None else [moment]))
    with pytest.raises(TransformRefused, match="cannot be released"):
        release_schema(event, BANDED)
    with pytest.raises(TransformRefused, match="cannot be released"):
        Slicer(event, [BANDED], {BANDED.name: 1}, {})


def test_a_derived_leaf_says_what_it_is_made_of() -> None:
    """An age names the birth date and the event's moment; the bounds, the null and the old type are gone."""
    schema = release_schema(_event(MOMENT, BORN | {"type": ["null", BORN["type"]], "default": None}), BANDED)
    (born,) = schema["fields"]
    bands = ["lt_1", "y1_2", "y3_6", "y7_9", "y10_13", "y14_17", "adult", "unknown"]
    assert born == {
        "name": "born",
        "type": {"type": "enum", "name": "AgeBand", "symbols": bands},
        "punte.group": 12,
        "punte.transform": "age_band",
        "punte.inputs": ["born", "at"],
    }


def test_a_band_whose_name_the_event_uses_for_something_else_gets_another() -> None:
    """An Avro name is defined once: with the same symbols it is referred to, with others it would be misread."""
    same = {"name": "DistanceBand", "type": "enum", "symbols": ["lt_250m", "lt_500m", "lt_1km", "gt_1km", "unknown"]}
    how = Release("planned", (("band", AS_IS), ("metres", Transform.DISTANCE_BAND)), AS_IS)

    def kind(band: dict[str, Any]) -> Any:
        metres = {"name": "metres", "type": "int", "punte.min": 0, "punte.max": 5000}
        return release_schema(_event({"name": "band", "type": band}, metres), how)["fields"][1]["type"]

    assert kind(same) == "DistanceBand"
    assert kind(same | {"symbols": ["near", "far"]}) == same | {"name": "DerivedDistanceBand"}


def test_one_record_type_released_in_two_forms_is_refused() -> None:
    """A record type used twice, other leaves of it each time: the second would be read by the first's form."""
    person = {
        "type": "record",
        "name": "Person",
        "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}],
    }
    event = _event({"name": "one", "type": person}, {"name": "two", "type": "Person"})
    both = Release("planned", (("one.a", AS_IS), ("two.b", AS_IS)), AS_IS)
    with pytest.raises(ReleaseRefused, match="two forms"):
        release_schema(event, both)


def test_a_reference_in_an_array_that_is_copied_whole_is_refused() -> None:
    """INV-11 inside an array too: by the schema and, should it come there without one, by the slicer."""
    item = {"type": "record", "name": "Item", "fields": [{"name": "ref", "type": "string", "punte.leaf": "ref"}]}
    event = _event({"name": "items", "type": {"type": "array", "items": item}, "punte.max": 3})
    copied = Release("planned", (("items[].ref", AS_IS),), AS_IS)
    with pytest.raises(TransformRefused, match="items"):
        release_schema(event, copied)
    with pytest.raises(TransformRefused, match="items"):
        Slicer(event, [copied], {copied.name: 1}, {})


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
