"""Metrics: only the list gets out, whoever makes a figure; what gets out is what the turns and batches were."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.metrics import Meter, Observation
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.parser import text_string_to_metric_families

from hub.assemble import CODES
from hub.contracts.keys import event_digest
from hub.telemetry.allow import OFFSET
from hub.telemetry.health import Health
from hub.telemetry.http import answer
from hub.telemetry.metrics import CONTENT_TYPE, Exposed
from hub.telemetry.numbers import AGE, LANES, METRICS, PARTS, MetricList
from hub.telemetry.told import Sinks, Told, open_told
from tests.support.collector import Turn

CANARY = "Canaria Țărănescu 6010101600018"
OF = {"part": "gateway", "lane": "case"}


def voice(part: str = "gateway", lane: str = "case") -> Told:
    """A part that tells metrics as Prometheus text."""
    return open_told(part, lane, Sinks(exposed=True), CODES, event_digest)


def figures(told: Told) -> dict[tuple[str, ...], float]:
    """(sample, values of its labels but part and lane) -> figure, read by Prometheus' own parser."""
    assert told.text is not None
    found = {}
    for family in text_string_to_metric_families(told.text().decode()):
        for sample in family.samples:
            assert sample.labels["part"] in PARTS
            assert sample.labels["lane"] in LANES
            rest = [value for key, value in sorted(sample.labels.items()) if key not in {"part", "lane"}]
            found[(sample.name, *rest)] = sample.value
    return found


def exposed(make: Callable[[Meter], None], resource: Resource | None = None) -> str:
    """The text left of figures that anybody may have made."""
    reader = Exposed(MetricList("punte-gateway", CODES))
    provider = MeterProvider([reader], resource or Resource.get_empty(), shutdown_on_exit=False)
    make(provider.get_meter(CANARY, CANARY, attributes={"victim": CANARY}))
    text = reader.text().decode()
    provider.shutdown()
    return text


def test_turns_are_counted_and_timed() -> None:
    """Batch sizes, outcomes by code, seconds by step, the age of the oldest record."""
    with voice() as told:
        told.turn(Turn(records=3, counts=Counter(decided=2, duplicate=1, releases=7)))
        told.turn(Turn(records=100, counts=Counter(decided=100)))
        found = figures(told)
    assert (found["punte_batch_size_count",], found["punte_batch_size_sum",]) == (2, 103)
    assert found["punte_batch_size_bucket", "5.0"] == 1
    codes = {key[1]: figure for key, figure in found.items() if key[0] == "punte_outcomes_total"}
    assert codes == {"decided": 102, "duplicate": 1, "releases": 7}
    steps = {key[1]: figure for key, figure in found.items() if key[0] == "punte_step_duration_seconds_sum"}
    assert steps == dict.fromkeys(("fence", "plan", "send", "commit"), pytest.approx(0.02))
    assert found["punte_batch_age_seconds_count",] == 2
    assert found["punte_batch_age_seconds_sum",] > 2 * 86_400


async def test_a_batch_of_admission_is_counted_and_timed() -> None:
    """Records, refusals by code, and the time of the batch as the step `admit`."""
    with voice("admission", "alert") as told:

        async def admit(records: Sequence[Any]) -> None:
            told.counted(Counter(admitted=1, frame=1, quarantined=1))

        await told.handler(admit)([object(), object()])
        found = figures(told)
    assert found["punte_batch_size_sum",] == 2
    assert found["punte_step_duration_seconds_count", "admit"] == 1
    assert [found["punte_outcomes_total", code] for code in ("admitted", "frame", "quarantined")] == [1, 1, 1]
    assert found["punte_alarms_total", "quarantined"] == 1


def test_lag_and_lost_spans_are_asked_for_when_read() -> None:
    """The figure of the moment, not of the last turn."""
    lag = [5]
    with voice() as told:
        told.metrics.watch(lag=lambda: lag[0], lost=lambda: 2)
        assert (figures(told)["punte_lag",], figures(told)["punte_spans_lost_total",]) == (5, 2)
        lag[0] = 0
        assert figures(told)["punte_lag",] == 0
    with voice("registry") as told:
        assert not [name for name, *_ in figures(told) if name == "punte_lag"]


def test_alarms_begin_at_zero() -> None:
    """The first one is a rise, not a figure that appears from nowhere."""
    with voice() as told:
        told.metrics.begin(["quarantined", "part_refused"])
        told.alarm("quarantined")
        found = figures(told)
    assert [found["punte_alarms_total", code] for code in ("quarantined", "part_refused")] == [1, 0]


def test_a_timestamp_that_cannot_be_does_not_spoil_the_age() -> None:
    """One of the future counts as new, one of 1970 as ninety days."""
    with voice() as told:
        told.turn(Turn(oldest=10**15))
        assert figures(told)["punte_batch_age_seconds_sum",] == 0
        told.turn(Turn(oldest=0))
        assert figures(told)["punte_batch_age_seconds_sum",] == 90 * 86_400


def test_every_metric_says_what_it_is() -> None:
    """Each of the list has a help text and a type, and no attribute can tell of less than a lane."""
    with voice() as told:
        told.turn(Turn())
        told.alarm("quarantined")
        told.metrics.watch(lag=lambda: 0, parked=lambda: 0)
        assert told.text is not None
        families = {f.name: f for f in text_string_to_metric_families(told.text().decode())}
    assert len(families) == len(METRICS)
    assert all(family.documentation and family.type != "unknown" for family in families.values())
    assert {key for row in METRICS.values() for key in row.keys} == {"part", "lane", "step", "code"}


def test_without_a_reader_nothing_is_measured() -> None:
    """No text, and a turn costs nothing but its log line."""
    with open_told("gateway", "case", Sinks(), CODES, event_digest) as told:
        told.turn(Turn())
        assert told.text is None
        assert not told.metrics.on


def _counter(meter: Meter, name: str, attributes: dict[str, Any], count: float = 1) -> None:
    meter.create_counter(name, description=CANARY, unit="6010101600018").add(count, attributes)


def test_a_metric_that_is_not_listed_never_leaves() -> None:
    """Whoever makes it, with whatever name."""
    assert exposed(lambda meter: _counter(meter, "shelter.messages", OF | {"code": "decided"})) == ""


@pytest.mark.parametrize(
    "attributes",
    [
        OF | {"code": CANARY},
        OF | {"code": "decided", "unit": "uaaaa1"},
        OF | {"code": "decided", "topic": "inbox.case.uaaaa1"},
        OF | {"code": "decided", "purpose": "p9"},
        {"part": "gateway", "code": "decided"},
        {"part": "uaaaa1", "lane": "case", "code": "decided"},
        {"part": "gateway", "lane": "6010101600018", "code": "decided"},
        {"part": "gateway", "lane": "case", "code": 1},
        {},
    ],
)
def test_an_attribute_that_is_not_listed_takes_its_figure_with_it(attributes: dict[str, Any]) -> None:
    """Another key, a word that is not of the key, a key too few: there is no line that could be told apart."""
    assert exposed(lambda meter: _counter(meter, "punte.outcomes", attributes)) == ""
    assert "punte_outcomes" in exposed(lambda meter: _counter(meter, "punte.outcomes", OF | {"code": "decided"}))


@pytest.mark.parametrize("figure", [6010101600018, float("inf"), float("nan")])
def test_a_figure_that_could_be_a_personal_number_is_none(figure: float) -> None:
    """Thirteen digits, or none at all."""

    def make(meter: Meter) -> None:
        meter.create_observable_gauge("punte.lag", [lambda _: [Observation(figure, OF)]])

    assert exposed(make) == ""


def test_a_measurement_that_could_be_a_personal_number_is_none() -> None:
    """Neither its sum nor its greatest leaves, whatever was measured before."""

    def make(meter: Meter, *figures: float) -> None:
        spread = meter.create_histogram(AGE, explicit_bucket_boundaries_advisory=METRICS[AGE].bounds)
        for figure in figures:
            spread.record(figure, OF)

    assert "punte_batch_age_seconds_sum" in exposed(lambda meter: make(meter, 1))
    assert exposed(lambda meter: make(meter, 1, 6010101600018)) == ""


def collected(make: Callable[[Meter], None]) -> Metric:
    """The one figure that was made, as the library gives it to the list; with examples of single measurements."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], Resource.get_empty(), AlwaysOnExemplarFilter(), shutdown_on_exit=False)
    make(provider.get_meter("any"))
    found = reader.get_metrics_data()
    provider.shutdown()
    assert found is not None
    return found.resource_metrics[0].scope_metrics[0].metrics[0]


def told_of(metric: Metric, *points: Any) -> list[Any]:
    """What the list lets through of a figure, with these points in the place of its own."""
    data: Any = metric.data
    metric = replace(metric, data=replace(data, data_points=list(points or data.data_points)))
    scope = ScopeMetrics(InstrumentationScope("any"), [metric], "")
    said = MetricList("punte-gateway", CODES).said(MetricsData([ResourceMetrics(Resource.get_empty(), [scope], "")]))
    return [point for each in said.resource_metrics[0].scope_metrics[0].metrics for point in each.data.data_points]


def aged(meter: Meter) -> None:
    """One age of a batch."""
    meter.create_histogram(AGE, explicit_bucket_boundaries_advisory=METRICS[AGE].bounds).record(1, OF)


def test_no_example_of_a_single_measurement_leaves() -> None:
    """It holds the moment, the figure and whatever attributes were cut from it."""
    for make in (aged, lambda meter: _counter(meter, "punte.outcomes", OF | {"code": "decided"})):
        metric = collected(make)
        assert all(point.exemplars for point in metric.data.data_points)
        assert [list(point.exemplars) for point in told_of(metric)] == [[]]


@pytest.mark.parametrize("total", [OFFSET + 1, -1, float("inf"), float("nan")])
def test_a_sum_that_could_be_a_personal_number_is_none(total: float) -> None:
    """Though each of what it sums is small."""
    metric = collected(aged)
    point: Any = metric.data.data_points[0]
    assert told_of(metric, replace(point, sum=OFFSET))
    assert told_of(metric, replace(point, sum=total)) == []


def test_a_count_that_can_fall_is_none() -> None:
    """A level under the name of a count: what rises and falls with the people in a house."""
    assert exposed(lambda m: m.create_up_down_counter("punte.outcomes").add(1, OF | {"code": "decided"})) == ""


def test_a_listed_name_of_another_kind_never_leaves() -> None:
    """A level under the name of a count, bounds of somebody else's."""

    def make(meter: Meter) -> None:
        meter.create_gauge("punte.outcomes").set(1, OF | {"code": "decided"})
        meter.create_histogram("punte.batch.age", explicit_bucket_boundaries_advisory=[601.0, 6010.0]).record(1, OF)
        meter.create_histogram("punte.lag").record(1, OF)

    assert exposed(make) == ""


def test_words_of_a_metric_are_those_of_the_list() -> None:
    """Neither a description, a unit, the name of a meter nor a resource of somebody else's leaves."""
    resource = Resource({"host.name": CANARY, "service.name": CANARY})
    text = exposed(lambda meter: _counter(meter, "punte.outcomes", OF | {"code": "decided"}), resource)
    assert [word for word in ("Canaria", "6010101600018") if word in text] == []
    assert "# HELP punte_outcomes_total What became of records" in text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert [(each.name, each.labels) for each in samples] == [("punte_outcomes_total", OF | {"code": "decided"})]


def test_metrics_are_answered_as_prometheus_text() -> None:
    """`GET /metrics` in the text format's own content type; no other method; nothing where there are none."""
    with voice() as told:
        told.turn(Turn())
        head, _, body = answer(Health({}), b"GET /metrics HTTP/1.1\r\n\r\n", told.text).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert f"Content-Type: {CONTENT_TYPE}\r\n".encode() in head
        assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")
        assert b"punte_outcomes_total" in body
        for path in (b"/metrics/", b"/metricsx", b"/metrics?x", b"/metric", b"/"):
            assert answer(Health({}), b"GET %b HTTP/1.1\r\n\r\n" % path, told.text).startswith(b"HTTP/1.1 404")
        assert answer(Health({}), b"POST /metrics HTTP/1.1\r\n\r\n", told.text).startswith(b"HTTP/1.1 405")
    for head in (b"GET /metrics HTTP/1.1", b"POST /metrics HTTP/1.1", b"GET /metrics/ HTTP/1.1"):
        assert answer(Health({}), head + b"\r\n\r\n").startswith(b"HTTP/1.1 404")


def test_an_alarm_is_a_line_and_a_count(capsys: pytest.CaptureFixture[str]) -> None:
    """The log says it at once, the metric when it is read."""
    with voice("registry", "alert") as told:
        told.alarm("fence_not_reached")
        assert figures(told)["punte_alarms_total", "fence_not_reached"] == 1
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["event"], line["code"], line["lane"]) == ("alarm", "fence_not_reached", "alert")
