"""A random record projected twice, by the slicer and by the model, and the first thing in which they differ."""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random
from typing import Any, NamedTuple

import fastavro

from consent.cells import Release
from consent.terms import Transform
from hub.contracts.shape import plain
from hub.contracts.wire import frame
from hub.demo.records import random_record
from hub.gateway.releases import _time_header
from hub.release.slicer import Slicer
from tests.model.policy import Type
from tests.model.policy import types as model_types
from tests.model.projection import Hand, Projection, ce_time, decode, read_guards
from tests.model.rules import rules_of, shape, time_rule
from tests.properties.releases import SEALS, PlainRaw, catalogue, encode, whom

POOL = 24
FIRST_ID = 60_001


class Bench(NamedTuple):
    """One event type with a pool of releases: what cuts them, and what the model makes of them."""

    type: Type
    event: Any
    slicer: Slicer
    releases: tuple[Release, ...]
    cuts: tuple[Any, ...]
    projections: tuple[Projection, ...]


HAND = Hand(
    ref=lambda raw: SEALS.seal_ref(raw.encode()).decode(),
    person=lambda block, raw: SEALS.person(whom(block or None, raw.encode())).decode(),  # type: ignore[arg-type]
    county=catalogue().siruta,
)


@cache
def bench(seed: int, name: str) -> Bench:
    """The pool of an event type: for each group of its leaves at random given, a rule of the group, or left out."""
    rng, event = Random(f"{seed} {name}"), model_types()[name]
    releases = tuple(dict.fromkeys(_release(event, rng) for _ in range(POOL)))
    releases = tuple(each for each in releases if _known(name, each))
    avro = catalogue().event_schema(name)
    ids = {release.name: FIRST_ID + index for index, release in enumerate(releases)}
    slicer = Slicer(avro, releases, ids, catalogue().siruta)
    return Bench(
        event,
        fastavro.parse_schema(plain(avro)),
        slicer,
        releases,
        tuple(slicer.bind(release) for release in releases),
        tuple(Projection(event, {path: how.value for path, how in each.leaves}, HAND) for each in releases),
    )


def known() -> set[str]:
    """The transforms the slicer knows so far."""
    pools = [bench(1, name) for name in model_types()]
    return {how.value for pool in pools for release in pool.releases for _, how in release.leaves}


def _known(name: str, release: Release) -> bool:
    avro = catalogue().event_schema(name)
    try:
        Slicer(avro, (release,), {release.name: 1}, catalogue().siruta).bind(release)
    except (ValueError, KeyError):
        return False
    return True


def _release(event: Type, rng: Random) -> Release:
    groups = sorted({leaf.group for leaf in event.leaves})
    leaves: tuple[tuple[str, str], ...] = ()
    marks: dict[int, str | None] = {}
    while not leaves:
        share = rng.choice((0.3, 0.6, 0.95))
        kept = [group for group in groups if rng.random() < share]
        marks = {group: rng.choice([None, *rules_of(group)]) for group in kept}
        leaves = shape(event.name, tuple(marks.items()), event.leaves)
    return Release(event.name, tuple((path, Transform(how)) for path, how in leaves), Transform(time_rule(marks)))


def compare(seed: int, number: int, count: Counter[str]) -> str | None:
    """Project one record twice; the first difference without a value of it, None if there is none."""
    rng = Random(f"{seed} record {number}")
    pool = bench(seed, rng.choice(tuple(model_types())))
    name, index = pool.type.name, rng.randrange(len(pool.releases))
    body = encode(pool.event, random_record(catalogue(), name, rng))
    offsets = pool.slicer.walk(body)
    record = decode(pool.type, body)
    count["records"] += 1
    count.update({f"transform {how.value}": 1 for _, how in pool.releases[index].leaves})
    cut = pool.cuts[index](body, offsets, PlainRaw(pool.slicer, body), SEALS)
    if cut != frame(FIRST_ID + index, pool.projections[index](record)):
        return f"{name}: release {pool.releases[index].name} has other bytes"
    if tuple(pool.slicer.guards(body, offsets)) != read_guards(pool.type, record):
        return f"{name}: guards read something else"
    when = rng.randrange(-(1 << 41), 1 << 42)
    header = _time_header(when, pool.releases[index].time)[1].decode()
    return None if header == ce_time(when, pool.releases[index].time.value) else f"{name}: ce_time differs"
