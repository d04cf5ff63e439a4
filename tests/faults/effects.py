"""What a unit's own database holds, against what was released to it: lost, doubled, invented, other bytes. Pure.

Rule kept: the rows are read by SQL from the sink's file after its process has ended, the releases from Kafka; neither
is what the sink says of itself. Each run plants a loss and a double in a copy of the rows and must find both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tests.faults.history import Found, Kind, Release

PLANTS: Final = (Kind.LOST, Kind.DOUBLED, Kind.TORN)
DELIVERED: Final = "SELECT lane, unit, purpose, release, hex(sha256) FROM delivery"
COUNT: Final = "SELECT count(*) FROM delivery"
ASIDE: Final = "SELECT topic, release, code, hex(sha256) FROM aside"


@dataclass(frozen=True, slots=True)
class Effect:
    """One row: the release it is the effect of, and the digest (hex) of the bytes it came from."""

    key: Release
    digest: str


@dataclass(frozen=True, slots=True)
class Store:
    """A sink's database: effects, and what it put aside with its code."""

    effects: Sequence[Effect]
    aside: Sequence[tuple[Effect, str]] = ()


def store(delivered: Sequence[Sequence[str]], aside: Sequence[Sequence[str]]) -> Store:
    """From the rows of `DELIVERED` and `ASIDE`."""
    effects = [Effect((f"release.{lane}.{unit}.{purpose}", name), sha) for lane, unit, purpose, name, sha in delivered]
    beside = [(Effect((topic, name), sha), code) for topic, name, code, sha in aside]
    return Store(
        [replace(one, digest=one.digest.lower()) for one in effects],
        [(replace(one, digest=one.digest.lower()), code) for one, code in beside],
    )


def judged(found: Store, released: Mapping[Release, str], taken_back: Collection[Release] = ()) -> list[Found]:
    """Every anomaly. `released`: release -> digest of its bytes, of the sink's topics alone.

    `taken_back`: what the sink had when a broker lost part of its log. If it is not made again it is no invention; if
    it is made again of other bytes it is put aside as a conflict: a person sees both, so it is not lost.
    """
    times = Counter(one.key for one in found.effects)
    digests = {one.key: one.digest for one in found.effects}
    conflicts = {(one.key, one.digest) for one, code in found.aside if code == "conflict"}
    told = [Found(Kind.DOUBLED, "has two effects at the sink", where=key[0]) for key, n in times.items() if n > 1]
    told += [
        Found(Kind.LOST, "released, without effect at the sink", where=key[0]) for key in released.keys() - times.keys()
    ]
    told += [
        Found(Kind.PHANTOM, "an effect of what nobody released", where=key[0])
        for key in times.keys() - released.keys() - {*taken_back}
    ]
    told += [
        Found(Kind.TORN, "an effect of other bytes than released", where=key[0])
        for key, digest in released.items()
        if key in digests and digest != digests[key] and (key, digest) not in conflicts
    ]
    return told


def unseen(found: Store, released: Mapping[Release, str]) -> list[Kind]:
    """The planted anomalies that were not named; of a store without rows all of them."""
    before = Counter(one.kind for one in judged(found, released))
    planted = {kind: Counter(one.kind for one in judged(_planted(found, kind), released)) for kind in PLANTS}
    return [kind for kind in PLANTS if planted[kind][kind] <= before[kind]]


def _planted(found: Store, kind: Kind) -> Store:
    """A copy with one anomaly in its middle."""
    rows = list(found.effects)
    middle = len(rows) // 2
    if not rows:
        return found
    if kind is Kind.LOST:
        del rows[middle]
    elif kind is Kind.DOUBLED:
        rows.append(rows[middle])
    else:
        rows[middle] = replace(rows[middle], digest="f" * 64)
    return replace(found, effects=rows)
