"""What do eight releases of one record cost, against decoding it once? `python -m tests.benchmarks.fanout`.

Measured in one process, the two ways taken in turns, so that a slow moment of the machine hits both.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter
from typing import Final

import fastavro

from hub.contracts.envelope import Admission
from hub.contracts.keys import key_ring
from hub.contracts.shape import plain
from hub.gateway.pseudonyms import Origin
from hub.release.schema import release_schema
from hub.release.slicer import Offsets
from hub.release.walker import walker
from tests.benchmarks.pack import CASE, SOURCE, UNITS, Pack, load_pack, unsealed

ROUNDS: Final = 60
CALLS: Final = 200
QUESTION: Final = "What do 8 releases of a 43-leaf record cost, against one fastavro decode of it?"


def ways(pack: Pack) -> Mapping[str, Callable[[], object]]:
    """The ways that are compared, each over one record."""
    parsed = fastavro.parse_schema(plain(pack.avsc))
    body, slicer = pack.body, pack.slicer
    bare = [slicer.bind(unsealed(release)) for release in pack.chosen]
    whole = [slicer.bind(release) for release in pack.chosen]
    offsets = slicer.walk(body)
    ring = key_ring(1, bytes(32))
    seals = [ring.unit(code) for code, _, _ in UNITS]
    admission = Admission("", 0, CASE, pack.event.parties)

    def plains(offsets: Offsets) -> Origin:
        return Origin(slicer, body, offsets, admission, ring.unit(SOURCE))

    checks = [walker(release_schema(pack.avsc, one), pack.ids[one.name]) for one in pack.chosen]
    made = [cut(body, offsets, plains(offsets), seal) for cut, seal in zip(whole, seals, strict=True)]

    def fanout() -> list[bytes]:
        offsets = slicer.walk(body)
        return [cut(body, offsets, {}, seals[0]) for cut in bare]

    def pseudonyms() -> list[bytes]:
        offsets = slicer.walk(body)
        origin = plains(offsets)
        return [cut(body, offsets, origin, seal) for cut, seal in zip(whole, seals, strict=True)]

    def second_check() -> None:
        for check, value in zip(checks, made, strict=True):
            check(value)

    return {
        "decode": lambda: fastavro.schemaless_reader(io.BytesIO(body), parsed, None),
        "fanout": fanout,
        "with_pseudonyms": pseudonyms,
        "second_check": second_check,
        "walk": lambda: slicer.walk(body),
        "guards_and_presence": lambda: (slicer.guards(body, offsets), slicer.presence(body, offsets)),
    }


def measure(found: Mapping[str, Callable[[], object]], rounds: int = ROUNDS, calls: int = CALLS) -> dict[str, float]:
    """The median microseconds of each way, the ways taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, way in found.items():
            start = perf_counter()
            for _ in range(calls):
                way()
            times[name].append((perf_counter() - start) / calls * 1e6)
    return {name: median(taken) for name, taken in times.items()}


def report(us: Mapping[str, float], record_bytes: int) -> dict[str, object]:
    """The figures as one object."""
    figures: dict[str, object] = {f"{name}_us": round(value, 2) for name, value in us.items()}
    figures |= {"with_pseudonyms": round(us["with_pseudonyms"] / us["decode"], 3), "record_bytes": record_bytes}
    return {"question": QUESTION, "ratio": round(us["fanout"] / us["decode"], 3), "figures": figures}


def main() -> None:
    """Measure and print."""
    pack = load_pack()
    us = measure(ways(pack))
    made = report(us, len(pack.body))
    print(
        f"Eight releases without pairwise leaves cost {us['fanout']:.1f} us, one fastavro decode of the "
        f"{len(pack.body)}-byte record {us['decode']:.1f} us: ratio {made['ratio']} (at most 0.6 is wanted)."
    )
    print(json.dumps(made))


if __name__ == "__main__":
    main()
