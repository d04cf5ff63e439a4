"""The allow-list of metrics: names, kinds, units, attribute keys and their closed words.

Rule kept: law 6. No attribute names a unit, a topic, a purpose, a role or a partition: every figure is of a whole lane,
so that nobody counts a shelter's messages here. A figure that is not on the list never leaves, whoever made it; what a
name or a unit says is taken from the list, never from the figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite
from typing import Any, Final

from opentelemetry.sdk.metrics.export import (
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from hub.telemetry.allow import OFFSET
from hub.telemetry.traces import STEPS

PARTS: Final = frozenset({"admission", "gateway", "registry"})
LANES: Final = frozenset({"alert", "case", "bulk"})
SCOPE: Final = InstrumentationScope("punte")
WIDEST: Final = 10**7
"""The most a single measurement of a spread can be: a hundred days in seconds, far less than a personal number."""


class Kind(StrEnum):
    """What a figure is: a count since the start, a level of now, a distribution since the start."""

    COUNT = "count"
    LEVEL = "level"
    SPREAD = "spread"


@dataclass(frozen=True, slots=True)
class Row:
    """A metric: kind, unit (UCUM), attribute keys, what it says; of a spread, its bounds."""

    kind: Kind
    unit: str
    keys: frozenset[str]
    says: str
    bounds: tuple[float, ...] = ()


_OF = frozenset({"part", "lane"})
_SHORT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG = (0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0)
_SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0)

BATCH, STEP, AGE = "punte.batch.size", "punte.step.duration", "punte.batch.age"
OUTCOMES, ALARMS = "punte.outcomes", "punte.alarms"
LAG, PARKED, LOST = "punte.lag", "punte.parked", "punte.spans.lost"
METRICS: Final[Mapping[str, Row]] = {
    BATCH: Row(Kind.SPREAD, "{record}", _OF, "Records in a turn or batch that was committed.", _SIZES),
    STEP: Row(
        Kind.SPREAD,
        "s",
        _OF | {"step"},
        "Time of a step of a turn: fence is the wait for the register, then plan, send, commit; admit is a batch.",
        _SHORT,
    ),
    AGE: Row(Kind.SPREAD, "s", _OF, "Age of the oldest record of a turn when it was committed.", _LONG),
    OUTCOMES: Row(Kind.COUNT, "{record}", _OF | {"code"}, "What became of records, by code; releases among them."),
    ALARMS: Row(Kind.COUNT, "{alarm}", _OF | {"code"}, "Log lines `alarm`, by code."),
    LAG: Row(Kind.LEVEL, "{record}", _OF, "Records of the lane that this process holds and has not taken yet."),
    PARKED: Row(Kind.LEVEL, "{subscription}", _OF, "Subscriptions that cannot be written: their releases wait."),
    LOST: Row(Kind.COUNT, "{span}", _OF, "Spans that could not be written or sent."),
}
"""Every metric there is."""


class MetricList:
    """What of collected metrics may be said. `service`: the only thing said of the process."""

    def __init__(self, service: str, codes: frozenset[str]) -> None:
        """`codes`: the closed list of codes that counts go by."""
        self._words: Mapping[str, frozenset[str]] = {
            "part": PARTS,
            "lane": LANES,
            "step": STEPS | {"admit"},
            "code": codes,
        }
        self._resource = Resource({"service.name": service})

    def said(self, found: MetricsData) -> MetricsData:
        """The allowed part of what was collected, made anew; the rest is dropped."""
        every = (metric for part in found.resource_metrics for scope in part.scope_metrics for metric in scope.metrics)
        kept = [told for metric in every if (told := self._metric(metric)) is not None]
        return MetricsData([ResourceMetrics(self._resource, [ScopeMetrics(SCOPE, kept, "")], "")])

    def _metric(self, metric: Metric) -> Metric | None:
        row = METRICS.get(metric.name)
        data = _data(row, metric.data, list(self._points(row, metric.data.data_points))) if row else None
        return Metric(metric.name, row.says, row.unit, data) if row and data and data.data_points else None

    def _points(self, row: Row, points: Sequence[Any]) -> Iterator[Any]:
        """Points with just the listed keys and words and a figure in bounds; no examples of single measurements."""
        for point in points:
            if set(point.attributes) != row.keys:
                continue
            if all(point.attributes[key] in self._words[key] for key in row.keys) and _in_bounds(row, point):
                yield replace(point, exemplars=())


def _data(row: Row, data: Any, points: list[Any]) -> Any:
    """A sum, a level or a spread like the one collected; None when it is not of the listed kind."""
    if row.kind is Kind.COUNT and isinstance(data, Sum) and data.is_monotonic:
        return Sum(points, data.aggregation_temporality, is_monotonic=True)
    if row.kind is Kind.LEVEL and isinstance(data, Gauge):
        return Gauge(points)
    if row.kind is Kind.SPREAD and isinstance(data, Histogram):
        return Histogram(points, data.aggregation_temporality)
    return None


def _in_bounds(row: Row, point: Any) -> bool:
    """Whether it is a count or a level up to OFFSET, or a spread over the listed bounds, nothing in it above WIDEST."""
    if isinstance(point, NumberDataPoint):
        return row.kind is not Kind.SPREAD and isfinite(point.value) and 0 <= point.value <= OFFSET
    listed = isinstance(point, HistogramDataPoint) and tuple(point.explicit_bounds) == row.bounds
    return listed and 0 <= point.min <= point.max <= WIDEST and 0 <= point.sum <= OFFSET
