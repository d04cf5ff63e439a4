"""A random record projected twice, by the slicer and by the model, and the first thing in which they differ."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cache
from random import Random
from typing import Any, NamedTuple

import fastavro

from consent.cells import Release
from consent.terms import Transform
from hub.contracts.shape import plain
from hub.contracts.wire import frame
from hub.demo.records import EPOCH, FROM_MS, random_record
from hub.gateway.releases import _time_header
from hub.release.slicer import Slicer
from tests.cases.pack import policy as compiled
from tests.model.policy import Type
from tests.model.policy import types as model_types
from tests.model.projection import DAY, HOUR, Hand, Projection, Value, ce_time, decode, read_guards
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
    """The pool of an event type: its compiled releases, and for each group at random given, a rule or left out."""
    rng, event = Random(f"{seed} {name}"), model_types()[name]
    drawn = [_release(event, rng) for _ in range(POOL)]
    releases = tuple(dict.fromkeys([*drawn, *(each for each in compiled().releases if each.event == name)]))
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


def _edged(value: Value, rng: Random) -> Value:
    """The record with some numbers moved to where a band, a day or an hour ends, wherever they lie in it."""
    if isinstance(value, list):
        return [_edged(each, rng) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _edge(name, _edged(each, rng), rng) for name, each in value.items()}


def _edge(name: str, value: Value, rng: Random) -> Value:
    if value is None or isinstance(value, bool) or not isinstance(value, int) or rng.random() < 0.5:
        return value
    if name == "birthDate":
        return _day(2028 - rng.choice((-1, 0, 1, 2, 3, 4, 7, 8, 10, 14, 18, 20, 40)), rng)
    if name == "distanceM":
        return rng.choice((-1, 0, 249, 250, 499, 500, 999, 1000))
    if value > FROM_MS // 2:
        return _day(rng.choice((2026, 2028)), rng) * DAY + rng.choice((0, 1, HOUR - 1, HOUR, DAY - 1))
    return value


def _day(year: int, rng: Random) -> int:
    """One of few days of a year, about the end of February or of June: birthdays fall on the day of the event."""
    return (date(year, rng.choice((2, 6)), 27) - EPOCH).days + rng.randrange(5)


def compare(seed: int, number: int, count: Counter[str]) -> str | None:
    """Project one record twice; the first difference without a value of it, None if there is none."""
    rng = Random(f"{seed} record {number}")
    pool = bench(seed, rng.choice(tuple(model_types())))
    name, index = pool.type.name, rng.randrange(len(pool.releases))
    body = encode(pool.event, _edged(random_record(catalogue(), name, rng), rng))
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
