"""Over random schemas, releases and records the slicer gives what plain Python gives, and the second check agrees."""

from __future__ import annotations

import io
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.compile import Release
from consent.terms import Transform
from hub.contracts.shape import inline, plain
from hub.contracts.walk import compile_walk
from hub.contracts.wire import WireError, frame
from hub.release.schema import release_schema
from hub.release.slicer import Cut, Slicer
from hub.release.transforms import TransformFailed
from hub.release.walker import Check, CheckFailed, walker
from tests.properties.naive import DAYS, age, days, odd_bytes, released, varint
from tests.properties.releases import SEALS, PlainRaw, Value, encode
from tests.properties.schemas import COUNTIES, random_release, random_schema, record

SEEDS = st.integers(0, 2**48)
EXAMPLES = 120
FIRST_ID = 70_001


class Cutting(NamedTuple):
    """One release of a random schema: what it should be written by, its cutter, its second check."""

    release: Release
    schema_id: int
    parsed: Any
    cut: Cut
    check: Check


class Pool(NamedTuple):
    """A random schema with four releases."""

    rng: Random
    schema: Any
    parsed: Any
    slicer: Slicer
    cuttings: tuple[Cutting, ...]

    def records(self, many: int) -> Iterator[Value]:
        """Random records of the schema."""
        return (record(self.rng, self.schema) for _ in range(many))

    def value(self, cutting: Cutting, body: bytes) -> bytes:
        """The framed release of a body."""
        return cutting.cut(body, self.slicer.walk(body), PlainRaw(self.slicer, body), SEALS)

    def moment(self, one: Value) -> int:
        """The event's own moment."""
        first = next(f["name"] for f in self.schema["fields"] if f["punte.group"] == 26)
        return int(one[first])

    def naive(self, one: Value, release: Release) -> Value:
        """The released record by plain values."""
        return released(one, dict(release.leaves), self.moment(one))


def made(seed: int) -> Pool:
    """A random schema, slicer and releases."""
    rng = Random(seed)
    schema = random_schema(rng)
    releases = tuple(dict.fromkeys(random_release(rng, schema) for _ in range(4)))
    ids = {release.name: FIRST_ID + at for at, release in enumerate(releases)}
    slicer = Slicer(schema, releases, ids, COUNTIES)
    cuttings = tuple(_cutting(schema, slicer, release, ids[release.name]) for release in releases)
    return Pool(rng, schema, fastavro.parse_schema(plain(schema)), slicer, cuttings)


def _cutting(schema: Any, slicer: Slicer, release: Release, schema_id: int) -> Cutting:
    released_as = release_schema(schema, release)
    parsed = fastavro.parse_schema(plain(released_as))
    return Cutting(release, schema_id, parsed, slicer.bind(release), walker(released_as, schema_id))


def decoded(value: bytes, parsed: Any) -> Value:
    """The record behind a framed release; every byte must be read."""
    stream = io.BytesIO(value[5:])
    found = fastavro.schemaless_reader(stream, parsed, None)
    assert not stream.read()
    return found


@given(seed=SEEDS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_every_release_is_the_naive_one_and_passes(seed: int) -> None:
    """Decode, transform in plain Python, encode: the slicer's bytes are these, and the second check accepts them."""
    pool = made(seed)
    admitted = compile_walk(pool.schema, WireError, COUNTIES)
    for one in pool.records(3):
        body = encode(pool.parsed, one)
        admitted(body)
        for cutting in pool.cuttings:
            want = frame(cutting.schema_id, encode(cutting.parsed, pool.naive(one, cutting.release)))
            assert pool.value(cutting, body) == want
            cutting.check(want)


@given(seed=SEEDS, at=st.integers(0, 2**20), byte=st.integers(0, 255))
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_release_with_one_byte_changed_is_refused_or_another_valid_one(seed: int, at: int, byte: int) -> None:
    """What the second check lets through is the one encoding of a record of the release schema."""
    pool = made(seed)
    (one,) = pool.records(1)
    for cutting in pool.cuttings:
        value = bytearray(pool.value(cutting, encode(pool.parsed, one)))
        value[at % len(value)] = byte
        try:
            cutting.check(bytes(value))
        except CheckFailed:
            continue
        found = decoded(bytes(value), cutting.parsed)
        assert frame(cutting.schema_id, encode(cutting.parsed, found)) == value


@given(seed=SEEDS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_arrays_in_any_blocks_are_read_as_avro(seed: int) -> None:
    """Several blocks, negative counts with their size: what is cut decodes to the same record."""
    pool = made(seed)
    for one in pool.records(2):
        body = odd_bytes(pool.rng, inline(plain(pool.schema)), one)
        assert fastavro.schemaless_reader(io.BytesIO(body), pool.parsed, None) == one
        for cutting in pool.cuttings:
            assert decoded(pool.value(cutting, body), cutting.parsed) == pool.naive(one, cutting.release)


@given(seed=SEEDS, lie=st.sampled_from((-1, 1, 2, 127, -(2**40), 2**40)))
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_block_whose_size_lies_is_refused(seed: int, lie: int) -> None:
    """A size that is not that of the elements is a fault, whichever way it lies."""
    pool = made(seed)
    schema = inline(plain(pool.schema))
    for one in pool.records(2):
        state = pool.rng.getstate()
        honest = odd_bytes(pool.rng, schema, one)
        pool.rng.setstate(state)
        body = odd_bytes(pool.rng, schema, one, lie)
        if body != honest:
            with pytest.raises(WireError, match="not_canonical"):
                pool.slicer.walk(body)


@given(seed=SEEDS, at=st.integers(0, 2**20), byte=st.integers(0, 255))
@settings(max_examples=EXAMPLES, deadline=None)
def test_broken_bytes_raise_the_slicers_own_faults(seed: int, at: int, byte: int) -> None:
    """A byte changed in a record: walking and cutting it raise nothing else, and what is cut is checked."""
    pool = made(seed)
    (one,) = pool.records(1)
    body = bytearray(encode(pool.parsed, one))
    body[at % len(body)] = byte
    for cutting in pool.cuttings:
        try:
            value = pool.value(cutting, bytes(body))
            cutting.check(value)
        except (WireError, TransformFailed, CheckFailed):
            continue
        assert frame(cutting.schema_id, encode(cutting.parsed, decoded(value, cutting.parsed))) == value


BLOCKS = {
    "a_count_of_2_to_the_62": b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00\x00",
    "an_overlong_end": b"\x80\x00",
    "an_overlong_end_behind_an_element": b"\x02\x01\x80\x00",
    "a_count_of_twelve_bytes": b"\x80" * 11 + b"\x01\x00\x00",
    "a_negative_size": b"\x01\x01\x01\x00",
}


@pytest.mark.parametrize("attack", BLOCKS)
def test_a_block_head_that_lies_is_refused(attack: str) -> None:
    """A count nobody could fill, before anything is done so often; numbers written with more bytes than they need."""
    array = {"type": "array", "items": "boolean"}
    slicer = Slicer({"type": "record", "name": "R", "fields": [{"name": "x", "type": array}]}, (), {}, {})
    with pytest.raises(WireError, match="not_canonical"):
        slicer.walk(BLOCKS[attack])


@pytest.mark.parametrize(("born", "moment", "band"), DAYS)
@pytest.mark.parametrize("last", [0, 86_399_999])
def test_age_at_the_edges_of_its_bands(born: str, moment: str, band: str, last: int) -> None:
    """A band changes with the year alone, never on a birthday; nobody is an adult too early; any hour of the day."""
    at = days(moment) * 86_400_000 + last
    assert age(days(born), at) == band
    assert _sliced_age(days(born), at) == band


def _sliced_age(born: int, at: int) -> str:
    kinds = {"born": {"type": "int", "logicalType": "date"}, "at": {"type": "long", "logicalType": "timestamp-millis"}}
    fields = [{"name": name, "type": kind, "punte.group": 26} for name, kind in kinds.items()]
    schema = {"type": "record", "name": "R", "fields": fields}
    release = Release("r", (("born", Transform.AGE_BAND),), Transform.DAY)
    slicer = Slicer(schema, (release,), {release.name: 1}, {})
    body = varint(born) + varint(at)
    value = slicer.bind(release)(body, slicer.walk(body), {}, SEALS)
    parsed = fastavro.parse_schema(plain(release_schema(schema, release)))
    return str(decoded(value, parsed)["born"])


@pytest.mark.parametrize("born", [-719_164, -(2**31), 2**31 - 1])
def test_a_day_no_calendar_has_is_the_transforms_fault(born: int) -> None:
    """Before year 1 or after 9999: the release is withheld, nothing else is raised."""
    with pytest.raises(TransformFailed):
        _sliced_age(born, 1_790_000_000_000)


def test_fewer_plains_than_references_is_the_transforms_fault() -> None:
    """A reference in an array nobody found out: nothing is released in its stead."""
    refs = {"name": "refs", "type": {"type": "array", "items": "string"}, "punte.max": 3, "punte.leaf": "ref"}
    release = Release("r", (("refs", Transform.PAIRWISE),), Transform.DAY)
    slicer = Slicer({"type": "record", "name": "R", "fields": [refs]}, (release,), {release.name: 1}, {})
    body = b"\x04\x02A\x02B\x00"
    (position,) = slicer.pairwise
    with pytest.raises(TransformFailed):
        slicer.bind(release)(body, slicer.walk(body), {position: (b"A",)}, SEALS)
