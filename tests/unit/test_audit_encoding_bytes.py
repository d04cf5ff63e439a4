"""The hand-written encoder of decision records says, byte for byte, what the Avro schema says."""

import io

import fastavro
from hypothesis import given
from hypothesis import strategies as st

from consent.terms import Purpose, RefusalReason
from hub.contracts.audit import (
    PART_ORDINALS,
    PART_REFUSALS,
    PART_RELEASES,
    BatchStamp,
    DecisionHead,
    FactRef,
    GuardKind,
    Input,
    RefusalEntry,
    ReleaseEntry,
    encode_decision,
    group_refusals,
)
from hub.contracts.codec import codec
from hub.contracts.files import load_catalogue
from hub.contracts.wire import frame

CATALOGUE = load_catalogue()
SCHEMA_ID = CATALOGUE.ids["audit.decision/v1"]
CODEC = codec("audit.decision", SCHEMA_ID, CATALOGUE.schemas[SCHEMA_ID])
ints, longs = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
texts, digests = st.text(max_size=40), st.binary(min_size=32, max_size=32)
keys = st.binary(min_size=16, max_size=16)
facts = st.builds(FactRef, keys, longs)
releases = st.builds(
    ReleaseEntry,
    ints,
    st.sampled_from(Purpose),
    keys,
    ints,
    ints,
    st.lists(facts, max_size=3),
    digests,
    ints,
    st.booleans(),
)
refusals = st.builds(
    RefusalEntry,
    st.sampled_from(RefusalReason),
    st.sampled_from(GuardKind),
    st.none() | facts,
    st.lists(ints, max_size=4),
)
stamps = st.builds(BatchStamp, longs, longs, digests, longs, texts, st.lists(ints, max_size=4))
heads = st.builds(
    DecisionHead, texts, texts, texts, ints, st.builds(Input, texts, ints, longs), longs, st.binary(max_size=20)
)


def fact(ref: FactRef) -> dict[str, object]:
    """A fact as the schema names it."""
    return {"key": ref.key, "offset": ref.offset}


def release(entry: ReleaseEntry) -> dict[str, object]:
    """A release as the schema names it."""
    return {
        "unitOrdinal": entry.ordinal,
        "purpose": entry.purpose.value,
        "releaseId": entry.release_id,
        "attempt": entry.attempt,
        "guardBits": entry.guard_bits,
        "facts": [fact(ref) for ref in entry.facts],
        "sha256": entry.sha256,
        "length": entry.length,
        "secondCheck": "full" if entry.full_check else "structural",
    }


def refusal(entry: RefusalEntry) -> dict[str, object]:
    """A refusal as the schema names it."""
    found = None if entry.fact is None else fact(entry.fact)
    ordinals = list(entry.ordinals)
    return {"reason": entry.reason.value, "guard": entry.guard.value, "fact": found, "unitOrdinals": ordinals}


def whole(head: DecisionHead, stamp: BatchStamp) -> dict[str, object]:
    """The leaves every part has."""
    return {
        "source": head.source,
        "eventId": head.event_id,
        "type": head.type,
        "schemaId": head.schema_id,
        "input": {"topic": head.where.topic, "partition": head.where.partition, "offset": head.where.offset},
        "admittedAt": head.admitted_at,
        "decidedAt": stamp.decided_at,
        "batchAt": stamp.batch_at,
        "policyDigest": stamp.policy_digest,
        "registerRevision": stamp.revision,
        "build": stamp.build,
        "keyEpochs": list(stamp.epochs),
        "presence": head.presence,
    }


def by_library(record: dict[str, object]) -> bytes:
    """The bytes fastavro makes of the same record."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, CODEC.schema, record, strict=True)
    return frame(SCHEMA_ID, out.getvalue())


@given(heads, stamps, st.lists(releases, max_size=5), st.lists(refusals, max_size=5))
def test_the_bytes_are_those_of_the_schema(
    head: DecisionHead, stamp: BatchStamp, made: list[ReleaseEntry], refused: list[RefusalEntry]
) -> None:
    """One part: encoded by hand and by fastavro alike, and read back to the same record."""
    record = whole(head, stamp) | {"part": 1, "parts": 1}
    record |= {"releases": [release(one) for one in made], "refusals": [refusal(one) for one in refused]}
    [part] = encode_decision(frame(SCHEMA_ID, b""), stamp.shared(), head, [one.encode() for one in made], refused)
    assert part == by_library(record)
    assert CODEC.decode(part) == record


made = st.integers(0, 3 * PART_RELEASES)
told = st.integers(0, 3 * PART_REFUSALS)


@given(heads, stamps, st.tuples(releases, made), st.tuples(refusals, told))
def test_many_units_make_parts(
    head: DecisionHead, stamp: BatchStamp, released: tuple[ReleaseEntry, int], refused: tuple[RefusalEntry, int]
) -> None:
    """More than fits: numbered parts, each of them bytes of the schema; refusals begin where the releases end."""
    (one, count), (other, times) = released, refused
    given_ = [one.encode()] * count
    parts = encode_decision(frame(SCHEMA_ID, b""), stamp.shared(), head, given_, [other] * times)
    read = [CODEC.decode(part) for part in parts]
    assert [by_library(record) for record in read] == parts
    assert [(r["part"], r["parts"]) for r in read] == [(n, len(parts)) for n in range(1, len(parts) + 1)]
    assert (sum(len(r["releases"]) for r in read), sum(len(r["refusals"]) for r in read)) == (count, times)
    assert max(len(r["releases"]) for r in read) <= PART_RELEASES
    assert max(len(r["refusals"]) for r in read) <= PART_REFUSALS
    releasing = [n for n, r in enumerate(read, 1) if r["releases"]]
    assert all(n >= max(releasing, default=1) for n, r in enumerate(read, 1) if r["refusals"])


@given(
    st.lists(
        st.tuples(st.sampled_from(RefusalReason), st.sampled_from(GuardKind), st.none() | facts, ints), max_size=200
    )
)
def test_grouped_refusals_lose_nobody(
    found: list[tuple[RefusalReason, GuardKind, FactRef | None, int]],
) -> None:
    """Every refusal is in exactly one group of its reason, guard and fact, no group larger than the schema allows."""
    groups = group_refusals(found)
    assert sorted(map(repr, found)) == sorted(repr((g.reason, g.guard, g.fact, o)) for g in groups for o in g.ordinals)
    assert all(0 < len(group.ordinals) <= PART_ORDINALS for group in groups)
