"""Metrics of one part of the hub on one lane: a few calls for each turn or batch, none for a record.

Rule kept: law 6. What is measured is on the list of `numbers`, and that list is again the last thing before a figure
leaves, as Prometheus text or by OTLP. Lag is a sum over everything the process holds of the lane.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Observation
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricReader,
    MetricsData,
)
from opentelemetry.sdk.metrics.view import Aggregation, ExplicitBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from hub.telemetry.numbers import AGE, ALARMS, BATCH, LAG, LOST, METRICS, OUTCOMES, PARKED, STEP, MetricList
from hub.telemetry.traces import Turned

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
CUMULATIVE: Final[dict[type, AggregationTemporality]] = dict.fromkeys(
    (sdk.Counter, sdk.Histogram, sdk.ObservableCounter, sdk.ObservableGauge), AggregationTemporality.CUMULATIVE
)
BOUNDED: Final[dict[type, Aggregation]] = {sdk.Histogram: ExplicitBucketHistogramAggregation()}
"""Counts since the start, spreads over the listed bounds: no variable of the library changes what is said."""
OLDEST_S: Final = 90 * 86_400.0
"""No record is older than its topic keeps it; a timestamp that says more is not believed."""


class Exposed(PrometheusMetricReader):
    """Gives Prometheus text when asked: the allow-list is the last thing before it. A registry of its own."""

    def __init__(self, allow: MetricList) -> None:
        """Nothing of the process, the platform or the library is in it."""
        self._allow, self._own = allow, CollectorRegistry()
        super().__init__(disable_target_info=True, scope_info_enabled=False, registry=self._own)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **said: Any) -> None:
        super()._receive_metrics(self._allow.said(metrics_data), timeout_millis, **said)

    def text(self) -> bytes:
        """Everything as it is now, in the text format 0.0.4 (CONTENT_TYPE)."""
        return generate_latest(self._own)


class Listed(MetricExporter):
    """An exporter behind the allow-list; a batch it cannot send is only late: the next one holds the same counts."""

    def __init__(self, inner: MetricExporter, allow: MetricList) -> None:
        """`inner`: sends them."""
        super().__init__(CUMULATIVE, BOUNDED)
        self._inner, self._allow = inner, allow

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **said: Any) -> MetricExportResult:
        """Send what may be said."""
        return self._inner.export(self._allow.said(metrics_data), timeout_millis, **said)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing waits here."""
        return self._inner.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **said: Any) -> None:
        """Close the connection."""
        self._inner.shutdown(timeout_millis, **said)


class Metrics:
    """The figures of one part on one lane. Without readers nothing is measured."""

    def __init__(self, part: str, lane: str, readers: Sequence[MetricReader], clock: Callable[[], float]) -> None:
        """`clock`: seconds since the epoch."""
        self._of, self._clock = {"part": part, "lane": lane}, clock
        self._lag: Callable[[], int] | None = None
        self._lost: Callable[[], int] | None = None
        self._parked: Callable[[], int] | None = None
        self.on = bool(readers)
        self.provider = sdk.MeterProvider(
            readers, Resource.get_empty(), sdk.AlwaysOffExemplarFilter(), shutdown_on_exit=False
        )
        self._make()

    def _make(self) -> None:
        meter = self.provider.get_meter("punte")
        rows = {name: (name, row.unit, row.says) for name, row in METRICS.items()}
        self._size, self._step, self._age = (
            meter.create_histogram(*rows[name], explicit_bucket_boundaries_advisory=METRICS[name].bounds)
            for name in (BATCH, STEP, AGE)
        )
        self._outcomes, self._alarms = (meter.create_counter(*rows[name]) for name in (OUTCOMES, ALARMS))
        for make, name, asked in (
            (meter.create_observable_gauge, LAG, lambda _: self._seen(self._lag)),
            (meter.create_observable_gauge, PARKED, lambda _: self._seen(self._parked)),
            (meter.create_observable_counter, LOST, lambda _: self._seen(self._lost)),
        ):
            _, unit, says = rows[name]
            make(name, [asked], unit, says)

    def _seen(self, ask: Callable[[], int] | None) -> Iterable[Observation]:
        if ask is not None:
            yield Observation(ask(), self._of)

    def watch(
        self,
        *,
        lag: Callable[[], int] | None = None,
        parked: Callable[[], int] | None = None,
        lost: Callable[[], int] | None = None,
    ) -> None:
        """Ask these whenever metrics are collected: records not taken yet, subscriptions parked, spans lost."""
        self._lag, self._parked, self._lost = lag or self._lag, parked or self._parked, lost or self._lost

    def begin(self, alarms: Iterable[str]) -> None:
        """Counts of what must be noticed begin at 0: a rise from nothing is none to Prometheus."""
        if self.on:
            for code in alarms:
                self._alarms.add(0, {**self._of, "code": code})

    def turn(self, turn: Turned) -> None:
        """A turn of the gateway that was committed."""
        if not self.on:
            return
        self._batch(turn.records, turn.counts)
        self._age.record(min(max(0.0, self._clock() - turn.oldest / 1000), OLDEST_S), self._of)
        for step, seconds in turn.seconds.items():
            self._step.record(seconds, {**self._of, "step": step})

    def batch(self, records: int, seconds: float, counts: Counter[str]) -> None:
        """A batch of admission that was acknowledged."""
        if self.on:
            self._batch(records, counts)
            self._step.record(seconds, {**self._of, "step": "admit"})

    def alarm(self, code: str) -> None:
        """An alarm was raised."""
        if self.on:
            self._alarms.add(1, {**self._of, "code": code})

    def _batch(self, records: int, counts: Counter[str]) -> None:
        self._size.record(records, self._of)
        for code, count in counts.items():
            self._outcomes.add(count, {**self._of, "code": code})
