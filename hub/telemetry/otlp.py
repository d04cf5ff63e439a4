"""Sends spans and metrics by OTLP/HTTP (protobuf) to the collector that the standard variables name.

Rules kept: the allow-list is the last thing before bytes leave, so that a collector hears what a line of JSON says and
no more; the resource is `service.name` alone. What is said goes to the named address or nowhere, and a collector that
is not there, drips or floods costs telemetry, never work (`bounded`). Headers and certificates
(OTEL_EXPORTER_OTLP_HEADERS, ..._CERTIFICATE) are read by the library; none is logged.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, TraceFlags

from hub.errors import PunteError
from hub.telemetry.logs import get_log
from hub.telemetry.metrics import Listed
from hub.telemetry.numbers import SCOPE, MetricList
from hub.telemetry.traces import UNMEASURED, AllowList, ListedSpans

log = get_log(__name__)

TIMEOUT_S: Final = 2.0
"""For one request and all its repetitions."""
INTERVAL: Final = "OTEL_METRIC_EXPORT_INTERVAL"
SHORTEST_MS: Final = 10
LONGEST_MS: Final = 86_400_000
UNREACHABLE: Final = "otlp_unreachable"
REACHABLE: Final = "otlp_reachable"


class SentSpans(ListedSpans):
    """Sends spans, made anew from what may be said of each. `service` is all that is said of the process."""

    def __init__(self, url: str, service: str, allow: AllowList) -> None:
        """`url`: of the collector's traces; `PunteError` when the extra `otlp` is not installed or it is no URL."""
        super().__init__(allow)
        self._inner: SpanExporter = _library("spans")(**_options(url, "traces"))
        self._resource, self._well = Resource({"service.name": service}), True

    def take(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send; what the collector does not take within TIMEOUT_S is lost, and at the end all that waits after it."""
        told = [self._anew(said) for span in spans if (said := self.allow.said(span)) is not None]
        if self.closing and not self._well:
            self.lost += len(told)
            return SpanExportResult.FAILURE
        result = self._inner.export(told) if told else SpanExportResult.SUCCESS
        if result is SpanExportResult.SUCCESS:
            self.written += len(told)
        else:
            self.lost += len(told)
        if (result is SpanExportResult.SUCCESS) != self._well:
            self._well = not self._well
            log.warning("spans", code=REACHABLE if self._well else UNREACHABLE, lost=self.lost)
        return result

    def shutdown(self) -> None:
        """Give up what is being sent again, close the connection."""
        self._inner.shutdown()

    def _anew(self, said: dict[str, Any]) -> ReadableSpan:
        attributes = BoundedAttributes(attributes=said["attributes"])
        attributes.dropped = said["dropped"]
        return ReadableSpan(
            said["name"],
            _context(said),
            resource=self._resource,
            attributes=attributes,
            links=[Link(_context(each)) for each in said["links"]],
            start_time=said["start"],
            end_time=said["end"],
            instrumentation_scope=SCOPE,
        )


def _context(said: dict[str, str]) -> SpanContext:
    return SpanContext(int(said["trace_id"], 16), int(said["span_id"], 16), False, TraceFlags(TraceFlags.SAMPLED))


def sent_metrics(url: str, allow: MetricList) -> MetricReader:
    """Sends metrics every minute (OTEL_METRIC_EXPORT_INTERVAL, in ms) and once more at the end."""
    inner: MetricExporter = _library("metrics")(**_options(url, "metrics"))
    return PeriodicExportingMetricReader(Listed(inner, allow), _interval_ms(), TIMEOUT_S * 1000)


def _library(name: str) -> Any:
    """A class of the library, which the extra `otlp` brings."""
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise PunteError(
            "not_installed",
            "an OTLP endpoint is set, but the sender is not installed",
            "install `punte[otlp]`, or unset OTEL_EXPORTER_OTLP_ENDPOINT",
        ) from None
    return {"spans": OTLPSpanExporter, "metrics": OTLPMetricExporter}[name]


def _options(url: str, signal: str) -> dict[str, Any]:
    from hub.telemetry.bounded import bounded_session

    return {
        "endpoint": _address(url, signal),
        "timeout": TIMEOUT_S,
        "session": bounded_session(),
        "meter_provider": UNMEASURED,
    }


def _address(url: str, signal: str) -> str:
    """The address itself; `PunteError` when it is none, which names the variables and never what they hold."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return url
    raise PunteError(
        "settings_faulty",
        f"`OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT` is no address",
        "give one like http://127.0.0.1:4318, or unset it",
    )


def _interval_ms() -> float:
    """How often metrics are sent: OTEL_METRIC_EXPORT_INTERVAL in ms, a minute when unset."""
    with suppress(ValueError):
        interval = float(os.environ.get(INTERVAL) or 60_000)
        if SHORTEST_MS <= interval <= LONGEST_MS:
            return interval
    raise PunteError(
        "settings_faulty", f"`{INTERVAL}` is no time", f"give {SHORTEST_MS} to {LONGEST_MS} milliseconds, or unset it"
    )
