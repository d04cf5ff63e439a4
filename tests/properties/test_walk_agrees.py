"""The quick patterns of a walk and its exact code agree on every record, honest or tampered with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts.shape import Avro
from hub.contracts.walk import Walk, compile_walk
from hub.release.walker import CheckFailed
from tests.properties.releases import EVENTS, RELEASES, bench, catalogue

SEEDS = st.integers(0, 2**40)
TEXT = {"name": "word", "type": "string", "punte.max": 20}
BYTES = (0, 1, 2, 4, 0x20, 0x2C, 0x41, 0x7E, 0x7F, 0x80, 0x81, 0xC3, 0xC8, 0x99, 0xFE, 0xFF)


def walks(schema: Avro) -> tuple[Walk, Walk]:
    """The walk as it is generated, and one whose leaves have no pattern."""
    quick = compile_walk(schema, lambda code, path: CheckFailed(path, code))
    with pytest.MonkeyPatch.context() as without:
        without.setattr("hub.contracts.walk.quick_form", lambda *_: None)
        return quick, compile_walk(schema, lambda code, path: CheckFailed(path, code))


@cache
def of_release(name: str, index: int) -> tuple[Walk, Walk]:
    """Both walks of one release of a pool."""
    return walks(bench(name, True).schemas[index])


@cache
def of_event(name: str) -> tuple[Walk, Walk]:
    """Both walks of an event type."""
    return walks(catalogue().event_schema(name))


def verdict(walk: Walk, body: bytes) -> str:
    """What a walk says of some bytes."""
    try:
        walk(body)
    except CheckFailed as fault:
        return f"{fault.code} {fault.path}"
    return "accepted"


def tampered(body: bytes, rng: Random) -> bytes:
    """One to three bytes changed, put in or taken out."""
    raw = bytearray(body)
    for _ in range(rng.randint(1, 3)):
        at, change = rng.randrange(len(raw) + 1), rng.randrange(3)
        raw[at : at + (change != 1)] = bytes([rng.choice(BYTES)]) * (change != 2)
    return bytes(raw)


def agree(pair: tuple[Walk, Walk], body: bytes, rng: Random) -> None:
    """Both walks accept the honest record and say the same of ten tampered ones, fault by fault."""
    quick, exact = pair
    assert verdict(quick, body) == verdict(exact, body) == "accepted"
    for _ in range(10):
        bad = tampered(body, rng)
        assert verdict(quick, bad) == verdict(exact, bad)


def both(name: str, seed: int, make: Callable[[dict[str, object]], bytes], pair: tuple[Walk, Walk]) -> None:
    """Agreement over one random record, made into bytes by `make`."""
    agree(pair, make(bench(name, True).record(seed)), Random(seed))


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_events(name: str, seed: int) -> None:
    """Every event type."""
    both(name, seed, bench(name, True).encode, of_event(name))


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS, index=st.integers(0, RELEASES - 1))
@settings(max_examples=20, deadline=None)
def test_releases(name: str, seed: int, index: int) -> None:
    """Random releases of every event type."""
    pool = bench(name, True)
    index %= len(pool.releases)
    both(name, seed, lambda record: pool.cut(index, pool.encode(record))[5:], of_release(name, index))


def test_texts_of_an_array_are_each_measured() -> None:
    """Of a repeated group a pattern keeps the last text only: the first one is longer than its length says."""
    item = {"type": "record", "name": "Item", "fields": [TEXT, {"name": "sure", "type": "boolean"}]}
    field = {"name": "items", "type": {"type": "array", "items": item}, "punte.max": 5}
    pair = walks({"type": "record", "name": "Whole", "fields": [field]})
    honest = b"\x04" + b"\x04ab\x00" + b"\x04cd\x01" + b"\x00"
    longer = b"\x04" + b"\x04" + b"a" * 30 + b"\x00" + b"\x04cd\x01" + b"\x00"
    assert [verdict(walk, honest) for walk in pair] == ["accepted"] * 2
    assert verdict(pair[0], longer) == verdict(pair[1], longer) != "accepted"
