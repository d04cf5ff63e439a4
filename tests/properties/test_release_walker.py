"""The second check accepts every honest release and refuses every planted fault."""

from __future__ import annotations

from functools import cache
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.compile import Release
from consent.terms import Transform
from hub.contracts.shape import plain
from hub.contracts.wire import frame
from hub.release.schema import release_schema
from hub.release.walker import Check, CheckFailed, walker
from tests.properties.releases import EVENTS, RELEASES, bench, catalogue, encode

SEEDS = st.integers(0, 2**40)
INDEX = st.integers(0, RELEASES - 1)
HOUR_MS = 3_600_000
MOMENT = 1_790_000_000_000 // HOUR_MS * HOUR_MS


@cache
def check(name: str, index: int) -> Check:
    """The second check of one release of a pool."""
    pool = bench(name, True)
    return walker(pool.schemas[index], pool.schema_id(index))


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS, index=INDEX)
@settings(max_examples=50, deadline=None)
def test_honest_releases_pass(name: str, seed: int, index: int) -> None:
    """Whatever the slicer cuts from a valid record passes."""
    pool = bench(name, True)
    index %= len(pool.releases)
    check(name, index)(pool.cut(index, pool.encode(pool.record(seed))))


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS, index=INDEX, extra=st.binary(min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_extra_bytes_are_refused(name: str, seed: int, index: int, extra: bytes) -> None:
    """Bytes behind the last leaf are refused."""
    pool = bench(name, True)
    index %= len(pool.releases)
    value = pool.cut(index, pool.encode(pool.record(seed)))
    with pytest.raises(CheckFailed):
        check(name, index)(value + extra)


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS, index=INDEX)
@settings(max_examples=20, deadline=None)
def test_cut_short_is_refused(name: str, seed: int, index: int) -> None:
    """A record that lacks its last byte is refused."""
    pool = bench(name, True)
    index %= len(pool.releases)
    with pytest.raises(CheckFailed):
        check(name, index)(pool.cut(index, pool.encode(pool.record(seed)))[:-1])


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS, index=INDEX)
@settings(max_examples=20, deadline=None)
def test_whole_event_under_a_release_id_is_refused(name: str, seed: int, index: int) -> None:
    """The admitted record itself, framed with the release's id, is refused: it holds raw references."""
    pool = bench(name, True)
    index %= len(pool.releases)
    with pytest.raises(CheckFailed):
        check(name, index)(frame(pool.schema_id(index), pool.encode(pool.record(seed))))


def test_other_schema_id_is_refused() -> None:
    """The right bytes under another release's id are refused."""
    pool = bench("risk.assessed", True)
    value = pool.cut(0, pool.encode(pool.record(1)))
    with pytest.raises(CheckFailed, match="frame"):
        check("risk.assessed", 0)(frame(pool.schema_id(1), value[5:]))


ALERT = Release(
    "emis.alert.raised",
    (
        ("alertRef", Transform.PAIRWISE),
        ("raisedAt", Transform.HOUR),
        ("siruta", Transform.COUNTY),
        ("unitToSend", Transform.AS_IS),
        ("kind", Transform.AS_IS),
        ("singleUseRef", Transform.AS_IS),
    ),
    Transform.HOUR,
)
HONEST: dict[str, Any] = {
    "alertRef": "r" * 118,
    "raisedAt": MOMENT,
    "siruta": 127,
    "unitToSend": "uab12c",
    "kind": "panic",
    "singleUseRef": "Ng O'Brien Müller-Ücker نور",
}
FAULTS: dict[str, dict[str, Any]] = {
    "raw_reference": {"alertRef": "INC-2026.1"},
    "raw_reference_of_the_right_length": {"alertRef": "." * 118},
    "minute_precision_in_an_hour": {"raisedAt": MOMENT + 60_000},
    "place_instead_of_county": {"siruta": 54975},
    "time_before_2000": {"raisedAt": 0},
    "overlong_string": {"singleUseRef": "x" * 33},
    "control_byte": {"singleUseRef": "a\x00b"},
    "line_break": {"singleUseRef": "a\nb"},
    "bidi_override": {"singleUseRef": "a\u202eb"},
    "no_unit_code": {"unitToSend": "poli12"},
}


@cache
def alert() -> tuple[Any, Any, Check]:
    """Schema, fastavro's form and check of the alert release the faults are planted in."""
    schema = release_schema(catalogue().event_schema("emis.alert.raised"), ALERT)
    return schema, fastavro.parse_schema(plain(schema)), walker(schema)


def test_honest_alert_passes() -> None:
    """The record the faults are planted in is itself accepted."""
    _, parsed, walk = alert()
    walk(encode(parsed, HONEST))


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_refused(fault: str) -> None:
    """Each planted fault is refused, and the error names the leaf and no value."""
    _, parsed, walk = alert()
    with pytest.raises(CheckFailed) as refused:
        walk(encode(parsed, HONEST | FAULTS[fault]))
    (leaf,) = FAULTS[fault]
    assert refused.value.path == leaf
    assert str(FAULTS[fault][leaf]) not in str(refused.value)


def test_unsealed_reference_in_a_release_schema_does_not_load() -> None:
    """A release schema with a publisher's reference as it is has no check at all: it is refused (INV-11)."""
    schema, _, _ = alert()
    fields = [{**field, "punte.transform": "as_is"} for field in schema["fields"]]
    with pytest.raises(CheckFailed, match="ref_unsealed"):
        walker({**schema, "fields": fields})


FORMS: dict[str, dict[str, Any]] = {
    "no_transform": {"type": "int"},
    "an_unknown_transform": {"type": "int", "punte.transform": "rounded"},
    "a_birth_date_called_a_band": {"type": {"type": "int", "logicalType": "date"}, "punte.transform": "age_band"},
    "a_band_with_a_finer_symbol": {
        "type": {
            "type": "enum",
            "name": "DistanceBand",
            "symbols": ["lt_100m", "lt_250m", "lt_500m", "lt_1km", "gt_1km"],
        },
        "punte.transform": "distance_band",
    },
    "a_flag_that_may_be_null": {
        "type": ["null", {"type": "enum", "name": "Flag", "symbols": ["yes", "no", "unknown"]}],
        "punte.transform": "flag_dropped",
    },
    "an_enum_called_a_flag": {
        "type": {"type": "enum", "name": "Status", "symbols": ["enrolled", "dropped_out"]},
        "punte.transform": "flag_dropped",
    },
    "a_count_without_bounds": {"type": "int", "punte.transform": "count"},
    "a_count_of_any_size": {"type": "int", "punte.transform": "count", "punte.min": 0},
    "an_array_called_a_count": {
        "type": {"type": "array", "items": "int"},
        "punte.transform": "count",
        "punte.min": 0,
        "punte.max": 9,
    },
    "an_hour_that_is_a_text": {"type": "string", "punte.max": 9, "punte.transform": "hour"},
}


@pytest.mark.parametrize("fault", FORMS)
@pytest.mark.parametrize("nested", [False, True])
def test_a_leaf_that_has_not_the_form_of_its_transform_does_not_load(fault: str, nested: bool) -> None:
    """What a transform makes has one form: a release schema with another has no check, so nothing can leave by it."""
    leaf = {"name": "leaf", **FORMS[fault]}
    schema: Any = {"type": "record", "name": "R", "fields": [leaf]}
    if nested:
        field = {"name": "items", "type": {"type": "array", "items": schema}, "punte.max": 3}
        schema = {"type": "record", "name": "Whole", "fields": [field]}
    with pytest.raises(CheckFailed, match="transform_form") as refused:
        walker(schema)
    assert refused.value.path == ("items[].leaf" if nested else "leaf")
