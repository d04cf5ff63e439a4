"""The releases the reference matrix compiles to: committed, cut right, and passed by their own second check."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from random import Random

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.compile import Release
from consent.pack import all_releases, parse_pack
from hub.contracts.files import read_lock
from hub.contracts.shape import plain
from hub.demo.records import random_record
from hub.release.schema import lock_releases, release_schema, render_lock
from hub.release.slicer import Slicer
from hub.release.walker import Check, walker
from tests.cases.pack import texts
from tests.properties.releases import EVENTS, SEALS, PlainRaw, bench, catalogue, expected


@cache
def compiled() -> tuple[Release, ...]:
    """Every release of the reference matrix, in either profile."""
    types = catalogue().types
    return tuple(all_releases(parse_pack(texts(), types), types))


@cache
def slicer(name: str) -> Slicer:
    """The slicer of one event type with its compiled releases."""
    found = catalogue()
    return Slicer(found.event_schema(name), of_type(name), found.ids, found.siruta)


@cache
def of_type(name: str) -> tuple[Release, ...]:
    """The compiled releases of one event type."""
    return tuple(release for release in compiled() if release.event == name)


@cache
def check(release: Release) -> tuple[object, Check]:
    """The parsed schema and the second check of one release."""
    schema = release_schema(catalogue().event_schema(release.event), release)
    return fastavro.parse_schema(plain(schema)), walker(schema, catalogue().ids[release.name])


def test_committed_schemas_and_ids_are_what_compiling_gives() -> None:
    """`schemas/releases` and `lock.json` are not stale: compiling changes nothing."""
    events = {name: catalogue().event_schema(name) for name in EVENTS}
    lock, texts = lock_releases(read_lock(), compiled(), events)
    root = files("schemas")
    assert len(texts) > 20
    assert render_lock(lock) == root.joinpath("lock.json").read_text("utf-8")
    assert all(root.joinpath(path).read_text("utf-8") == text for path, text in texts.items())


@pytest.mark.parametrize("name", EVENTS)
@given(seed=st.integers(0, 2**40))
@settings(max_examples=15, deadline=None)
def test_every_compiled_release_is_cut_right_and_passes(name: str, seed: int) -> None:
    """Each compiled release of a random record is the slow way's bytes, and its second check accepts them."""
    record = random_record(catalogue(), name, Random(seed))
    pool = bench(name, False)
    body = pool.encode(record)
    offsets = slicer(name).walk(body)
    for release in of_type(name):
        parsed, passes = check(release)
        value = slicer(name).bind(release)(body, offsets, PlainRaw(slicer(name), body), SEALS)
        assert value == expected(record, release, catalogue().ids[release.name], parsed, pool.type)
        passes(value)
