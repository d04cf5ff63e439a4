"""Where a gateway's microseconds go: CPU time per event of each step of a plan, in the very parts the gateway uses.

Batches of 500 events into real record batches. Each step is timed where the plan calls it, so nothing is measured that
the gateway would not do; the least of many batches is told, since other processes share the processor's caches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import process_time_ns
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from hub.gateway import plan, reader, releases
from hub.gateway.seen import SeenIds
from hub.gateway.transactions.kafka import MAX_BATCH_BYTES, Batches
from tests.benchmarks.ceiling import BATCH, PARTITIONS
from tests.benchmarks.federation import Federation
from tests.benchmarks.pack import AT_MS

STEPS: Final[Mapping[str, tuple[Any, str]]] = {
    "read": (reader.Reader, "all"),
    "decide": (plan.Planner, "_decide_all"),
    "slice": (releases, "_cut"),
    "check": (releases, "_check"),
    "write": (releases.Releaser, "_write_all"),
    "audit": (plan, "_tell_all"),
}
"""The steps of a plan, and where each is called."""
BATCHES: Final = 24


class Meter:
    """Nanoseconds of CPU by step, what the clock itself takes left out: to ask it costs 400."""

    def __init__(self) -> None:
        self.ns: Counter[str] = Counter()
        self._clock = min(-process_time_ns() + process_time_ns() for _ in range(1000))

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time added to a step."""

        def run(*args: Any) -> Any:
            began = process_time_ns()
            try:
                return function(*args)
            finally:
                self.ns[step] += process_time_ns() - began - self._clock

        return run

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Every step is timed within."""
        before = {place: getattr(*place) for place in STEPS.values()}
        for step, place in STEPS.items():
            setattr(*place, self.timed(step, before[place]))
        try:
            yield
        finally:
            for place, function in before.items():
                setattr(*place, function)


async def stage_costs(federation: Federation) -> dict[str, float]:
    """Least microseconds of CPU per event: of each step, of building the batches, and of the whole plan untimed."""
    idle = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1", transactional_id="idle", max_batch_size=MAX_BATCH_BYTES)
    meter = Meter()
    with meter.at_work():
        steps = [dict(meter.ns) for _ in _batches(federation, idle, meter)]
    whole = [dict(meter.ns) for _ in _batches(federation, idle, meter)]
    await idle.stop()
    names = (*STEPS, "build")
    found = {name: min(one[name] for one in steps) for name in names} | {"plan": min(one["plan"] for one in whole)}
    return {name: round(ns / BATCH / 1e3, 1) for name, ns in found.items()}


def _batches(federation: Federation, kafka: AIOKafkaProducer, meter: Meter) -> Iterator[None]:
    """Plan and build batch after batch; `meter` holds the times of the last one."""
    planner, seen = federation.planner(), [SeenIds() for _ in range(PARTITIONS)]
    records = federation.inputs(BATCHES * BATCH)
    for at in range(BATCHES):
        some = [one for one in records if one.partition == at % PARTITIONS][at // PARTITIONS * BATCH :][:BATCH]
        meter.ns.clear()
        out = Batches(kafka, AT_MS)
        meter.timed("plan", planner.decide)(some, seen[at % PARTITIONS], AT_MS, out)
        meter.timed("build", lambda: [batch._build() for _, batch in out.built])()  # noqa: B023
        yield
