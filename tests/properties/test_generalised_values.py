"""A generalised value is never finer than its rule: two events the rule calls alike leave as the same bytes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.compile import Release
from consent.generalise import occasion
from consent.terms import Transform
from hub.contracts.files import read_lock
from hub.demo.records import random_record
from hub.release.slicer import Slicer
from tests.cases.pack import policy, types
from tests.properties.releases import SEALS, PlainRaw, catalogue
from tests.support.history import decoded, encoded

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
EXACT = {Transform.AS_IS, Transform.PAIRWISE, Transform.PERSON_REF}
COARSE = [
    pytest.param(release, path, how, id=f"{release.name} {path} {how}")
    for release in policy().releases
    for path, how in release.leaves
    if how not in EXACT and "[]" not in path
]
Other = Callable[[Any, Random, int], Any]


@cache
def slicer(name: str) -> Slicer:
    """The slicer of one event type with its compiled releases."""
    found = [release for release in policy().releases if release.event == name]
    return Slicer(catalogue().event_schema(name), found, read_lock()["releases"], catalogue().siruta)


def within(step: int) -> Other:
    """Another moment of the same hour or day."""
    return lambda value, rng, _: None if value is None else value - value % step + rng.randrange(step)


def of_year(value: int | None, rng: Random, _: int) -> int | None:
    """Another birthday of the same year."""
    if value is None:
        return None
    year = date.fromordinal(value + date(1970, 1, 1).toordinal()).year
    return date(year, 1, 1).toordinal() - date(1970, 1, 1).toordinal() + rng.randrange(365)


def metres(value: int | None, rng: Random, _: int) -> int | None:
    """Another distance of the same band."""
    if value is None or value < 0:
        return value
    low = max(edge for edge in (0, 250, 500, 1000) if edge <= value)
    return rng.randrange(low, {0: 250, 250: 500, 500: 1000}.get(low, 9000))


def symbols(*classes: tuple[str, ...]) -> Other:
    """Another symbol of the same class."""
    return lambda value, rng, _: rng.choice(next(each for each in classes if value in each))


def elements(value: list[Any], _rng: Random, _at: int) -> list[Any]:
    """Other elements, as many."""
    return list(reversed(value))


ALIKE: dict[Transform, Other] = {
    Transform.HOUR: within(HOUR_MS),
    Transform.DAY: within(DAY_MS),
    Transform.COUNTY: lambda _value, rng, _: rng.choice(sorted(catalogue().siruta)),
    Transform.AGE_BAND: of_year,
    Transform.DISTANCE_BAND: metres,
    Transform.FLAG_CARE: symbols(("none",), ("minor", "serious"), ("unknown",)),
    Transform.FLAG_DROPPED: symbols(("dropped_out",), ("attending", "missed", "completed")),
    Transform.COUNT: elements,
    Transform.FLAG_PRESENT: lambda value, rng, _: (
        value if not value else value[:1] if isinstance(value, list) else rng.randint(1, 40)
    ),
    Transform.FLAG_CAUTION: lambda value, _rng, _: (
        value[:1] if isinstance(value, list) else {"yes": "unknown", "unknown": "yes"}.get(value, value)
    ),
}
"""For each transform a value it must not tell from the one that was there."""


def holders(record: dict[str, Any], path: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The record a leaf lies in, where it is there."""
    *above, last = path.split(".")
    for name in above:
        record = record[name]
        if record is None:
            return
    yield record, last


def cut(release: Release, record: dict[str, Any]) -> bytes:
    """The release of a record."""
    name = release.event
    body = encoded(catalogue().versions(name)[-1], record)[5:]
    found = slicer(name)
    return found.bind(release)(body, found.walk(body), PlainRaw(found, body), SEALS)


@pytest.mark.parametrize(("release", "path", "how"), COARSE)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=20)
def test_a_generalised_value_is_never_finer_than_its_rule(
    release: Release, path: str, how: Transform, seed: int
) -> None:
    """A value is changed for another one of the same class; the release is byte for byte the same."""
    rng = Random(seed)
    record = random_record(catalogue(), release.event, rng)
    twin = copy.deepcopy(record)
    moment = occasion(types()[release.event])
    for holder, last in holders(twin, path):
        holder[last] = ALIKE[how](holder[last], rng, record[moment.path] if moment else 0)
    assert cut(release, twin) == cut(release, record)


def test_every_transform_that_coarsens_is_tried() -> None:
    """No transform is left out, and each occurs in the reference pack."""
    assert set(ALIKE) == set(Transform) - EXACT
    assert {how for release in policy().releases for _, how in release.leaves} == set(Transform)


def test_the_comparison_sees_a_finer_value() -> None:
    """The test of the test: two values of different classes do differ."""
    release, path = next((p.values[0], p.values[1]) for p in COARSE if p.values[2] is Transform.HOUR)
    assert isinstance(release, Release)
    record = random_record(catalogue(), release.event, Random(1))
    twin = {**record, str(path): record[str(path)] + HOUR_MS}
    assert cut(release, twin) != cut(release, record)
    assert decoded(cut(release, twin))[1][str(path)] % HOUR_MS == 0
