"""The slicer gives what decoding, filtering and encoding would give, byte for byte, for every event schema."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts.wire import WireError, frame, strict_decode, strict_readers
from hub.release.slicer import GUARD_LEAVES
from hub.release.transforms import TransformFailed
from hub.release.walker import CheckFailed, walker
from tests.properties.releases import EVENTS, RELEASES, Bench, Value, bench, catalogue, encode, expected

SEEDS = st.integers(0, 2**40)
INDEX = st.integers(0, RELEASES - 1)


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS, index=INDEX)
@settings(max_examples=50, deadline=None)
def test_as_is_equals_reader_schema_projection(name: str, seed: int, index: int) -> None:
    """Where no transform applies, a release is fastavro's reader-schema projection of the record."""
    pool = bench(name, False)
    index %= len(pool.releases)
    body = pool.encode(pool.record(seed))
    seen = fastavro.schemaless_reader(io.BytesIO(body), pool.event, pool.parsed[index])
    assert pool.cut(index, body) == frame(pool.schema_id(index), encode(pool.parsed[index], seen))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS, index=INDEX)
@settings(max_examples=50, deadline=None)
def test_transforms_equal_decode_transform_encode(name: str, seed: int, index: int) -> None:
    """With transforms, a release is what decoding, transforming plain values and encoding would give."""
    pool = bench(name, True)
    index %= len(pool.releases)
    record = pool.record(seed)
    want = expected(record, pool.releases[index], pool.schema_id(index), pool.parsed[index], pool.type)
    assert pool.cut(index, pool.encode(record)) == want


def _value(record: Value, path: str) -> Value:
    """The value at a path; for leaves below an array, the array; None below an absent record."""
    for name in path.split("[]", 1)[0].split("."):
        record = None if record is None else record[name]
    return record


def _presence(pool: Bench, record: dict[str, Any]) -> bytes:
    bits = "".join(str(int(_value(record, field.path) not in (None, []))) for field in pool.type.fields)
    size = (len(bits) + 7) // 8
    return int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_presence_is_one_bit_per_leaf(name: str, seed: int) -> None:
    """Presence has one bit per leaf in schema order, highest first, set where the leaf is not null and not empty."""
    pool = bench(name, False)
    record = pool.record(seed)
    body = pool.encode(record)
    assert pool.slicer.presence(body, pool.slicer.walk(body)) == _presence(pool, record)


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_guards_read_place_units_and_listed_symbols(name: str, seed: int) -> None:
    """Guards learn the place, the units named and the listed symbols, and nothing else."""
    pool = bench(name, False)
    record = pool.record(seed)
    body = pool.encode(record)
    found = pool.slicer.guards(body, pool.slicer.walk(body))
    named = [_value(record, field.path) for field in pool.type.fields if field.kind == "unit"]
    units = [unit for value in named if value for unit in ([value] if isinstance(value, str) else value)]
    symbols = {field.path: _value(record, field.path) for field in pool.type.fields if field.path in GUARD_LEAVES}
    assert (found.siruta, found.named, found.content) == (record.get("siruta"), frozenset(units), symbols)


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_random_records_are_admitted_unchanged(name: str, seed: int) -> None:
    """What the generator makes passes strict admission and comes out as it went in."""
    pool = bench(name, False)
    record = pool.record(seed)
    admitted = strict_decode(frame(pool.event_id, pool.encode(record)), READERS)
    assert (admitted.type, admitted.record) == (name, record)


READERS = strict_readers(catalogue())


def test_many_units_named() -> None:
    """Six units make a count byte that looks like the length of a unit code; all six are still found."""
    pool = bench("incident.reported", False)
    units = [f"u0000{digit}" for digit in range(6)]
    body = pool.encode(pool.record(1) | {"taskedUnits": units})
    assert pool.slicer.guards(body, pool.slicer.walk(body)).named == frozenset(units)


@pytest.mark.parametrize("name", EVENTS)
def test_bytes_admission_has_not_seen_are_refused(name: str) -> None:
    """A walk that does not end where the record ends raises, so nothing is cut from it."""
    pool = bench(name, False)
    body = pool.encode(pool.record(1))
    for broken in (body + b"\0", body[:-1], body[: len(body) // 2], b""):
        with pytest.raises(WireError, match="not_canonical"):
            pool.slicer.walk(broken)


@pytest.mark.parametrize("name", EVENTS)
@given(seed=SEEDS, index=INDEX, at=st.integers(0, 2**20), byte=st.integers(0, 255))
@settings(max_examples=30, deadline=None)
def test_broken_bytes_never_leave_unseen(name: str, seed: int, index: int, at: int, byte: int) -> None:
    """A byte changed after admission: walk, guards and cut raise their own errors only, and what is cut is checked."""
    pool = bench(name, True)
    index %= len(pool.releases)
    body = bytearray(pool.encode(pool.record(seed)))
    body[at % len(body)] = byte
    try:
        offsets = pool.slicer.walk(bytes(body))
        pool.slicer.guards(bytes(body), offsets)
        pool.slicer.presence(bytes(body), offsets)
        value = pool.cut(index, bytes(body))
        walker(pool.schemas[index], pool.schema_id(index))(value)
    except (WireError, TransformFailed, CheckFailed):
        return
    fastavro.schemaless_reader(io.BytesIO(value[5:]), pool.parsed[index], None)
