"""OTLP: a collector on the loopback address hears what a line of JSON says and no more; without one, work goes on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags, TraceState

from hub.assemble import CODES
from hub.contracts.keys import event_digest
from hub.errors import PunteError
from hub.settings import Settings
from hub.telemetry import bounded
from hub.telemetry.closing import CLOSE_S, close_all
from hub.telemetry.numbers import METRICS
from hub.telemetry.otlp import SentSpans
from hub.telemetry.told import Sinks, Told, open_told
from hub.telemetry.traces import AllowList, JsonLines
from tests.support.collector import Collector, Turn, collecting

CANARY = "Canaria Țărănescu 6010101600018"
FOREIGN = SpanContext(
    0xABCDEF0123456789ABCDEF0123456789, 0xABCDEF0123456789, True, TraceFlags(1), TraceState([("victim", "popescu")])
)
HOSTILE = ("Canaria", "6010101600018", "popescu", "victim", "\xab\xcd\xef\x01\x23\x45\x67\x89", "abcdef0123456789")


@pytest.fixture
def collector() -> Iterator[Collector]:
    """One that takes everything."""
    with collecting() as found:
        yield found


def voice(url: str, part: str = "gateway", lane: str = "case") -> Told:
    """A part that sends both."""
    return open_told(part, lane, Sinks(spans=f"{url}/v1/traces", metrics=f"{url}/v1/metrics"), CODES, event_digest)


def said(attributes: Any) -> dict[str, Any]:
    """Attributes as they came: the one value that each has."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def _hostile(tracer: trace.Tracer) -> None:
    """One of everything that may not leave, and one whole span that may not."""
    told: dict[str, str | int] = {"lane": "case", "partition": 3, "victim": CANARY}
    own = SpanContext(7, 9, False, TraceFlags(1))
    span = tracer.start_span(
        "event", attributes=told, links=[Link(FOREIGN, {"victim": CANARY}), Link(own, {"victim": CANARY})]
    )
    span.add_event(CANARY, {"victim": CANARY})
    span.record_exception(ValueError(CANARY))
    span.set_status(trace.StatusCode.ERROR, CANARY)
    span.end()
    tracer.start_span(CANARY).end()
    tracer.start_span("event", context=trace.set_span_in_context(NonRecordingSpan(FOREIGN))).end()


def test_a_hostile_span_arrives_as_its_line_of_json(collector: Collector, tmp_path: Path) -> None:
    """Name, ids, times, listed attributes and own links are those of the line; of all else not a byte arrives."""
    sent = SentSpans(f"{collector.url}/v1/traces", "punte-gateway", AllowList(CODES))
    lines = JsonLines(tmp_path, "gateway-case", AllowList(CODES))
    provider = TracerProvider(resource=Resource({"host.name": CANARY}), shutdown_on_exit=False)
    for exporter in (sent, lines):
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    _hostile(provider.get_tracer(CANARY, CANARY, attributes={"victim": CANARY}))
    provider.shutdown()
    (line,) = [json.loads(each) for each in next(tmp_path.iterdir()).read_text().splitlines()]
    (found,) = collector.resource_spans
    (scope,) = found.scope_spans
    (span,) = scope.spans
    assert (said(found.resource.attributes), scope.scope.name) == ({"service.name": "punte-gateway"}, "punte")
    assert (span.name, said(span.attributes)) == (line["name"], line["attributes"]) == ("event", {"lane": "case"})
    ids = [(each.trace_id.hex(), each.span_id.hex()) for each in (span, *span.links)]
    assert ids == [(each["trace_id"], each["span_id"]) for each in (line, *line["links"])]
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (line["start"], line["end"])
    assert (span.parent_span_id, span.trace_state, list(span.events), span.status.message) == (b"", "", [], "")
    assert span.dropped_attributes_count == line["dropped"] == 5
    assert [
        word for word in HOSTILE if word.encode() in collector.raw or word.encode("latin-1", "ignore") in collector.raw
    ] == []


def test_a_turn_is_sent_as_spans_and_metrics(collector: Collector) -> None:
    """At the end of the part at the latest; each resource is the name of the part alone."""
    with voice(collector.url) as told:
        told.turn(Turn(records=5, counts=Counter(decided=5)))
    assert [span.name for span in collector.spans] == ["gateway.turn"]
    found = collector.metrics
    (outcome,) = found["punte.outcomes"].sum.data_points
    assert (outcome.as_int, said(outcome.attributes)) == (5, {"part": "gateway", "lane": "case", "code": "decided"})
    assert (found["punte.batch.size"].histogram.data_points[0].sum, found["punte.step.duration"].unit) == (5, "s")
    for each in (*collector.resource_spans, *collector.resource_metrics):
        assert said(each.resource.attributes) == {"service.name": "punte-gateway"}


def test_a_figure_that_is_not_listed_is_not_sent(collector: Collector) -> None:
    """Another name, another word: the very list of `/metrics`."""
    with voice(collector.url) as told:
        meter = told.metrics.provider.get_meter(CANARY)
        meter.create_counter("shelter.messages", description=CANARY).add(1, {"unit": "uaaaa1"})
        meter.create_counter("punte.alarms").add(1, {"part": "gateway", "lane": "case", "code": CANARY})
    assert set(collector.metrics) == {"punte.spans.lost"}
    assert [word for word in ("Canaria", "shelter", "uaaaa1") if word.encode() in collector.raw] == []


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was logged."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("listens", [False, True])
def test_without_a_collector_work_goes_on_and_ends_in_time(listens: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody listens, or nobody answers: no turn waits, the loss is counted and logged by code, the end is bounded."""
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        if listens:
            dead.listen()
        began = time.monotonic()
        with voice(f"http://127.0.0.1:{dead.getsockname()[1]}") as told:
            for _ in range(1200):
                told.turn(Turn())
            worked = time.monotonic() - began
            began = time.monotonic()
        ended = time.monotonic() - began
    assert worked < 2
    assert ended < CLOSE_S + 1
    lines = lines_of(capsys)
    assert [line["code"] for line in lines if line["event"] == "spans"] == ["otlp_unreachable"]
    assert [line["lost"] for line in lines if line["event"] == "spans.dropped"] == [1200]
    assert not [line for line in lines if line["event"] == "telemetry"]


@pytest.mark.parametrize("status", [302, 400, 503])
def test_a_collector_that_refuses_is_a_loss(status: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A redirect is not followed and not counted as sent; a refusal and an overload lose the batch in time."""
    with collecting(status) as collector, voice(collector.url) as told:
        told.turn(Turn())
    assert not collector.bodies("/elsewhere")
    assert [line["lost"] for line in lines_of(capsys) if line["event"] == "spans.dropped"] == [1]


def test_a_collector_that_comes_back_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Two lines for two changes, not one for each batch."""
    with collecting(400) as collector:
        sent = SentSpans(f"{collector.url}/v1/traces", "punte-gateway", AllowList(CODES))
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(sent))
        for status in (400, 400, 200, 200):
            collector.status = status
            provider.get_tracer("any").start_span("event").end()
        provider.shutdown()
    assert [line["code"] for line in lines_of(capsys) if line["event"] == "spans"] == [
        "otlp_unreachable",
        "otlp_reachable",
    ]
    assert (sent.lost, sent.written) == (2, 2)


def test_the_environments_proxy_is_not_asked(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said goes to the address that was named or nowhere."""
    with collecting() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with voice(collector.url) as told:
            told.turn(Turn())
    assert (len(collector.spans), proxy.requests) == (1, [])


def test_headers_of_the_environment_are_sent_and_never_said(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A collector's token reaches the collector, and no line of the log."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer geheim,odd header geheim")
    with voice(collector.url) as told:
        told.turn(Turn())
    collector.status = 400
    with voice(collector.url) as told:
        told.turn(Turn())
    assert {headers["authorization"] for _, headers, _ in collector.requests} == {"Bearer geheim"}
    assert "geheim" not in json.dumps(lines_of(capsys))


def test_an_end_is_not_held_up() -> None:
    """What hangs is left behind in its thread; what is done in time counts as done."""
    never = threading.Event()
    assert not close_all([lambda: never.wait(60)], 0.05)
    assert close_all([lambda: None, lambda: None], 60)
    never.set()


@pytest.mark.parametrize(
    "url",
    [
        *("collector:4318", "ftp://collector", "http://", "geheim"),
        *("http://[geheim", "http://geheim:abc", "http://geheim:99999", "http://geheim:0"),
    ],
)
@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_an_endpoint_that_is_no_address_is_told_without_repeating_it(url: str, signal: str) -> None:
    """A fault of the settings, at the start; both variables it can come from are named."""
    sinks = Sinks(spans=url) if signal == "traces" else Sinks(metrics=url)
    with pytest.raises(PunteError) as told:
        open_told("gateway", "case", sinks, CODES, event_digest)
    names = ("`OTEL_EXPORTER_OTLP_ENDPOINT`", f"`OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT`")
    assert (told.value.code, all(name in str(told.value) for name in names)) == ("settings_faulty", True)
    assert "geheim" not in str(told.value) + told.value.remedy


@pytest.mark.parametrize("interval", ["0", "-5", "1e-9", "1e13", "inf", "nan", "geheim"])
def test_an_interval_that_is_no_time_is_told(
    interval: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the settings that names the variable, not a library's."""
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", interval)
    with pytest.raises(PunteError) as told:
        voice(collector.url)
    assert told.value.code == "settings_faulty"
    assert "OTEL_METRIC_EXPORT_INTERVAL" in str(told.value)
    assert "geheim" not in str(told.value) + told.value.remedy


def test_metrics_go_at_the_interval(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at the end alone."""
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")
    with open_told("gateway", "case", Sinks(metrics=collector.url), CODES, event_digest):
        assert collector.asked.wait(60)


HOSTILE_VARIABLES = {
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "DELTA",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "BASE2_EXPONENTIAL_BUCKET_HISTOGRAM",
    "OTEL_METRICS_EXEMPLAR_FILTER": "odd",
    "OTEL_PYTHON_METER_PROVIDER": "odd",
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true",
    "OTEL_TRACES_SAMPLER": "always_off",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "odd",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1",
    "OTEL_SPAN_LINK_COUNT_LIMIT": "0",
    "OTEL_RESOURCE_ATTRIBUTES": "host.name=odd",
    "OTEL_BSP_EXPORT_TIMEOUT": "odd",
}


@pytest.mark.parametrize("name", HOSTILE_VARIABLES)
def test_no_variable_of_the_library_changes_what_is_said(
    name: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts since the start, spreads over the listed bounds, every span with every attribute: as without it."""
    monkeypatch.setenv(name, HOSTILE_VARIABLES[name])
    with voice(collector.url) as told:
        told.turn(Turn(records=5))
    found, (span,) = collector.metrics, collector.spans
    assert found["punte.outcomes"].sum.aggregation_temporality == AggregationTemporality.CUMULATIVE
    assert found["punte.batch.size"].histogram.aggregation_temporality == AggregationTemporality.CUMULATIVE
    assert (
        tuple(found["punte.batch.size"].histogram.data_points[0].explicit_bounds) == METRICS["punte.batch.size"].bounds
    )
    assert said(span.attributes).keys() > {"lane", "count", "counts.decided", "seconds.fence"}
    assert {each.key for each in collector.resource_metrics[0].resource.attributes} == {"service.name"}


def test_a_limit_the_library_reads_when_it_is_loaded_is_told() -> None:
    """A sentence that names the variable, not the library's, which repeats its value."""
    environment = {**os.environ, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "geheim"}
    code = [sys.executable, "-m", "hub", "run", "gateway", "--lane", "case"]
    ended = subprocess.run(code, env=environment, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, b"`OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`" in ended.stderr) == (3, True)
    assert b"geheim" not in ended.stderr + ended.stdout


def test_a_library_that_is_switched_off_is_said_and_tells_nothing(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """OTEL_SDK_DISABLED: there is no `/metrics` rather than an empty one, and one line says why."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", " True")
    sinks = Sinks(spans=f"{collector.url}/v1/traces", metrics=f"{collector.url}/v1/metrics", exposed=True)
    with open_told("gateway", "case", sinks, CODES, event_digest) as told:
        told.turn(Turn())
        assert told.text is None
    with open_told("gateway", "case", Sinks(), CODES, event_digest):
        pass
    assert [line["code"] for line in lines_of(capsys) if line["event"] == "telemetry"] == ["otel_disabled"]
    assert collector.requests == []


def test_a_missing_extra_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint is set and the sender is not installed: the part does not start, and says what to install."""
    for name in ("trace_exporter", "metric_exporter"):
        monkeypatch.setitem(sys.modules, f"opentelemetry.exporter.otlp.proto.http.{name}", None)
    with pytest.raises(PunteError) as told:
        voice("http://127.0.0.1:4318")
    assert (told.value.code, "punte[otlp]" in told.value.remedy) == ("not_installed", True)


@pytest.mark.parametrize(
    ("names", "traces", "metrics"),
    [
        ({}, None, None),
        ({"ENDPOINT": "http://c:1/"}, "http://c:1/v1/traces", "http://c:1/v1/metrics"),
        ({"TRACES_ENDPOINT": "http://c:1/x"}, "http://c:1/x", None),
        ({"ENDPOINT": "http://c:1", "METRICS_ENDPOINT": "http://d:2"}, "http://c:1/v1/traces", "http://d:2"),
        ({"ENDPOINT": ""}, None, None),
    ],
)
def test_the_standard_variables_name_the_addresses(
    names: dict[str, str], traces: str | None, metrics: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The common one with the path of the signal, or a signal's own as it is."""
    for name, value in names.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    settings = Settings()
    assert (settings.otlp("traces"), settings.otlp("metrics")) == (traces, metrics)


def test_with_an_endpoint_no_file_is_written(collector: Collector, tmp_path: Path) -> None:
    """Spans go to the collector and not to the folder as well."""
    sinks = Sinks(tmp_path, f"{collector.url}/v1/traces")
    with open_told("gateway", "case", sinks, CODES, event_digest) as told:
        told.turn(Turn())
    assert (list(tmp_path.iterdir()), len(collector.spans)) == ([], 1)


def test_an_answer_is_bounded_over_tls_as_well() -> None:
    """Both kinds of connection read their answers through the one bounded head."""
    pools = (bounded._PlainPool, bounded._SecurePool)
    assert {pool.ConnectionCls.response_class for pool in pools} == {bounded.Answer}


def test_each_read_of_an_answer_is_given_what_is_left_of_its_time() -> None:
    """A byte just before the end buys no second time."""
    collector, ours = socket.socketpair()
    with collector, ours:
        ours.settimeout(5)
        head = bounded.Head(ours)
        collector.sendall(b"H")
        assert head.readinto(bytearray(8)) == 1
        assert (ours.gettimeout() or 5) < 5
