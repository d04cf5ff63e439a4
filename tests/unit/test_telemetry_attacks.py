"""A collector that floods or drips costs no memory and no time, and what it makes wait is counted while it goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

from hub.assemble import CODES
from hub.contracts.keys import event_digest
from hub.telemetry.closing import close_all
from hub.telemetry.metrics import Exposed, Metrics
from hub.telemetry.numbers import MetricList
from hub.telemetry.otlp import TIMEOUT_S, SentSpans
from hub.telemetry.told import Sinks, Told, open_told
from hub.telemetry.traces import WAITING, AllowList, ListedSpans, Traces
from tests.support import hostile_collector as hostile
from tests.support.collector import Turn

SLACK_S = 1.0
"""A machine with other work."""
BODIES = (hostile.endless_body, hostile.gzip_bomb, hostile.dripped_body)
HEADS = (hostile.dripped_head, hostile.endless_head, hostile.long_head)
Attack = Callable[[], Iterator[bytes]]


def sender(url: str) -> tuple[SentSpans, Callable[[], None]]:
    """An exporter, and how one span is sent by it at once."""
    sent = SentSpans(f"{url}/v1/traces", "punte-gateway", AllowList(CODES))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(sent))
    return sent, lambda: provider.get_tracer("any").start_span("event").end()


@pytest.mark.parametrize("attack", [*BODIES, *HEADS])
def test_an_attack_costs_neither_memory_nor_time(attack: Attack) -> None:
    """A body is never read, a head is read for two seconds and a few KiB; what was not taken is lost."""
    with hostile.attacking(attack()) as collector:
        sent, send = sender(collector.url)
        tracemalloc.start()
        assert close_all([send], TIMEOUT_S + SLACK_S)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (sent.written, sent.lost) == ((1, 0) if attack in BODIES else (0, 1))
    assert most < 16 * hostile.MIB


@pytest.mark.parametrize("attack", [hostile.endless_body, hostile.dripped_head])
def test_metrics_are_not_held_up_either(attack: Attack) -> None:
    """The same bounds for both."""
    with hostile.attacking(attack()) as collector:
        told = open_told("gateway", "case", Sinks(metrics=f"{collector.url}/v1/metrics"), CODES, event_digest)
        assert close_all([told.metrics.provider.force_flush], TIMEOUT_S + SLACK_S)
        assert close_all([told.metrics.provider.shutdown], TIMEOUT_S + SLACK_S)


def test_after_a_drip_spans_go_again() -> None:
    """The one that met it is lost, the next one is not."""
    with hostile.attacking(hostile.dripped_head()) as collector:
        sent, send = sender(collector.url)
        assert close_all([send], TIMEOUT_S + SLACK_S)
        collector.attack = None
        assert close_all([send], TIMEOUT_S + SLACK_S)
    assert (sent.lost, sent.written) == (1, 1)


class Stuck(ListedSpans):
    """An exporter that a test holds up."""

    def __init__(self) -> None:
        super().__init__(AllowList(CODES))
        self.busy, self.go = threading.Event(), threading.Event()

    def take(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Wait, then write."""
        self.busy.set()
        self.go.wait()
        self.written += len(spans)
        return SpanExportResult.SUCCESS


def test_what_finds_no_room_is_lost_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The figure grows while the process runs; what waited is written, and the last line says the same figure."""
    stuck, exposed = Stuck(), Exposed(MetricList("punte-gateway", CODES))
    traces, metrics = Traces("case", stuck, event_digest), Metrics("gateway", "case", [exposed], time.time)
    with Told("case", traces, metrics, exposed) as told:
        traces.turn(Turn())
        assert stuck.busy.wait(60)
        for _ in range(WAITING + 99):
            traces.turn(Turn())
        assert b'punte_spans_lost_total{lane="case",part="gateway"} 99.0' in exposed.text()
        stuck.go.set()
    assert (told.traces.lost(), stuck.written) == (99, WAITING + 1)
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["event"], line["code"], line["lost"]) == ("spans.dropped", "spans_dropped", 99)


def test_a_process_ends_though_something_hangs() -> None:
    """What is left behind does not keep it."""
    code = "import threading; from hub.telemetry.closing import close_all; close_all([threading.Event().wait], 0.05)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0
