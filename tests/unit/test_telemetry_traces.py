"""Spans: only the allow-list gets out, whoever makes them; nothing of a publisher's trace context is ever read."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags

from hub.contracts.keys import event_digest
from hub.errors import PunteError
from hub.telemetry.told import Sinks, Told, open_told
from hub.telemetry.traces import SPANS, AllowList, JsonLines, open_traces
from tests.support.collector import Turn

CANARY = "Canaria Țărănescu 6010101600018"
CODES = frozenset({"decided", "admitted", "frame"})
SOURCE, EVENT_ID = "uaaaa1", "11111111-2222-4333-8444-555555555555"
FOREIGN = SpanContext(0xABCDEF0123456789ABCDEF0123456789, 0xABCDEF0123456789, True, TraceFlags(1))
FOREIGN_IDS = ("abcdef0123456789",)


@dataclass(frozen=True)
class Record:
    """An admitted record, with headers that admission never writes."""

    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    partition: int = 2
    timestamp: int = 1_700_000_000_000


def record(event_id: str = EVENT_ID) -> Record:
    """An event whose publisher sent a trace."""
    parent = f"00-{FOREIGN.trace_id:032x}-{FOREIGN.span_id:016x}-01".encode()
    return Record(SOURCE.encode(), [("id", event_id.encode()), ("traceparent", parent), ("x", CANARY.encode())])


def written(folder: Path) -> list[dict[str, Any]]:
    """The lines of the only file."""
    (file,) = folder.iterdir()
    return [json.loads(line) for line in file.read_text("ascii").splitlines()]


def exported(folder: Path, make: Callable[[trace.Tracer], None], most: int = 10**6) -> JsonLines:
    """What is left of spans that anybody may have made."""
    exporter = JsonLines(folder, "part", AllowList(CODES), most)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    make(provider.get_tracer(CANARY))
    provider.shutdown()
    return exporter


def gateway(folder: Path, lane: str, records: Sequence[Record], turn: Turn | None = None) -> list[dict[str, Any]]:
    """The spans of one turn over these records."""
    with open_traces(folder, "gateway", lane, CODES, event_digest) as traces:
        traces.note(records)
        traces.turn(turn or Turn())
    return written(folder)


def test_a_turn_is_one_span_with_its_counts_and_steps(tmp_path: Path) -> None:
    """Lane, records, counts by code, seconds by step; as long as the steps together."""
    (span,) = gateway(tmp_path, "case", [])
    assert (span["name"], span["links"], span["dropped"]) == ("gateway.turn", [], 0)
    steps = {f"seconds.{step}": 0.01 for step in ("fence", "plan", "send", "commit")}
    assert span["attributes"] == {"lane": "case", "count": 3, "counts.decided": 3, **steps}
    assert span["end"] - span["start"] == 40_000_000


def test_an_alert_is_a_span_of_its_own_linked_to_its_turn(tmp_path: Path) -> None:
    """From admission to commit; the digest of the event is its only id; a trace of its own."""
    turn, event = gateway(tmp_path, "alert", [record()])
    digest = event_digest(SOURCE, EVENT_ID).hex()
    assert event["attributes"] == {"lane": "alert", "digest": digest}
    assert event["links"] == [{"trace_id": turn["trace_id"], "span_id": turn["span_id"]}]
    assert event["trace_id"] != turn["trace_id"]
    assert (event["start"], event["end"]) == (1_700_000_000_000_000_000, turn["end"])
    assert EVENT_ID not in json.dumps([turn, event])


def test_one_event_in_64_of_other_lanes_is_a_span(tmp_path: Path) -> None:
    """Chosen by the digest alone: the same events in every process."""
    records = [record(f"{number:08x}-2222-4333-8444-555555555555") for number in range(640)]
    wanted = [event_digest(SOURCE, dict(each.headers)["id"].decode()) for each in records]  # type: ignore[union-attr]
    spans = gateway(tmp_path, "case", records)[1:]
    assert [each["attributes"]["digest"] for each in spans] == [d.hex() for d in wanted if not d[0] & 63]
    assert 0 < len(spans) < 30


def test_events_belong_to_the_turn_of_their_partition(tmp_path: Path) -> None:
    """Those of another partition wait for its turn."""
    with open_traces(tmp_path, "gateway", "alert", CODES, event_digest) as traces:
        traces.note([record()])
        traces.turn(Turn(partition=3))
        traces.turn(Turn(partition=2))
        traces.turn(Turn(partition=2))
    assert [each["name"] for each in written(tmp_path)] == ["gateway.turn", "gateway.turn", "event", "gateway.turn"]


@pytest.mark.parametrize("odd", [Record(None, []), Record(b"\xff", [("id", None)]), Record(b"", [("id", b"\xff\x00")])])
def test_a_record_that_admission_never_wrote_stops_no_turn(tmp_path: Path, odd: Record) -> None:
    """No key, no id, bytes that are no text: a span under some digest, and nothing of what stood there."""
    (_, event) = gateway(tmp_path, "alert", [odd])
    assert (set(event["attributes"]), event["dropped"]) == ({"lane", "digest"}, 0)


def admission(folder: Path, lane: str = "case") -> Told:
    """The voice of an admission that writes spans."""
    return open_told("admission", lane, Sinks(folder), CODES, event_digest)


async def test_an_admission_batch_is_one_span(tmp_path: Path) -> None:
    """Records and counts by code; of the records themselves nothing."""
    with admission(tmp_path) as told:

        async def admit(records: Sequence[Any]) -> None:
            told.counted(Counter(admitted=len(records) - 1, frame=1))

        await told.handler(admit)([record(), record()])
    (span,) = written(tmp_path)
    assert (span["name"], span["end"] >= span["start"]) == ("admission.batch", True)
    assert span["attributes"] == {"lane": "case", "count": 2, "counts.admitted": 1, "counts.frame": 1}


async def test_a_batch_that_failed_is_no_span(tmp_path: Path) -> None:
    """A fault of the handler goes on, untouched: its message could hold a value."""
    with admission(tmp_path) as told:

        async def fail(records: Sequence[Any]) -> None:
            raise ValueError(CANARY)

        with pytest.raises(ValueError, match="Canaria"):
            await told.handler(fail)([record()])
    assert written(tmp_path) == []


async def test_a_publishers_trace_is_in_no_span(tmp_path: Path) -> None:
    """Neither from the headers of records nor from a context that a library left in force."""
    mine = tmp_path / "admission"
    token = attach(trace.set_span_in_context(NonRecordingSpan(FOREIGN)))
    try:
        gateway(tmp_path / "gateway", "alert", [record()])
        with admission(mine, "alert") as told:
            await told.handler(lambda records: asyncio.sleep(0))([record()])
    finally:
        detach(token)
    spans = [*written(tmp_path / "gateway"), *written(mine)]
    assert [each["name"] for each in spans] == ["gateway.turn", "event", "admission.batch"]
    assert not [each for each in FOREIGN_IDS if each in json.dumps(spans)]


def _named(tracer: trace.Tracer) -> None:
    tracer.start_span(CANARY).end()


def _child(tracer: trace.Tracer) -> None:
    tracer.start_span("event", context=trace.set_span_in_context(NonRecordingSpan(FOREIGN))).end()


@pytest.mark.parametrize("make", [_named, _child], ids=["name", "remote parent"])
def test_a_span_that_is_not_listed_is_refused_and_counted(tmp_path: Path, make: Callable[[Any], None]) -> None:
    """A name of somebody else's, or a parent: no line at all."""
    assert exported(tmp_path, make).allow.refused == 1
    assert written(tmp_path) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("victim", "x"),
        ("lane", CANARY),
        ("digest", CANARY),
        ("digest", "6010101600018"),
        ("partition", 2),
        ("count", 3),
        ("counts.decided", 1),
        (CANARY, 1),
        ("lane.alert", "alert"),
    ],
)
def test_an_attribute_that_is_not_listed_is_dropped_and_counted(tmp_path: Path, key: str, value: Any) -> None:
    """A key of another span, a value without its shape: the span goes out without it."""
    exporter = exported(tmp_path, lambda tracer: tracer.start_span("event", attributes={key: value}).end())
    (span,) = written(tmp_path)
    assert (span["attributes"], span["dropped"], exporter.allow.dropped) == ({}, 1, 1)


def test_no_span_names_a_partition() -> None:
    """One can hold a single publisher: its counts would be those of a shelter's messages."""
    assert not {"partition", "topic", "offset", "unit"} & {key for keys in SPANS.values() for key in keys}


@pytest.mark.parametrize("key", ["counts.popescu", "counts", "counts.", "seconds.popescu", "seconds", "event_id"])
def test_a_count_goes_by_a_listed_code_alone(tmp_path: Path, key: str) -> None:
    """A name in the place of a code or a step is dropped."""
    exported(tmp_path, lambda tracer: tracer.start_span("gateway.turn", attributes={key: 1}).end())
    assert written(tmp_path)[0]["attributes"] == {}


def test_events_status_and_links_of_others_never_leave(tmp_path: Path) -> None:
    """An exception's message, a status text, a publisher's link, the name of a tracer."""

    def make(tracer: trace.Tracer) -> None:
        span = tracer.start_span("event", links=[Link(FOREIGN, {"victim": CANARY})])
        span.record_exception(ValueError(CANARY))
        span.set_status(trace.StatusCode.ERROR, CANARY)
        span.end()

    exported(tmp_path, make)
    (span,) = written(tmp_path)
    assert (set(span), span["dropped"]) == (
        {"name", "trace_id", "span_id", "start", "end", "attributes", "links", "dropped"},
        2,
    )
    assert not [word for word in ("Canaria", "6010101600018", *FOREIGN_IDS) if word in json.dumps(span)]


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    """Mode 0600 in a folder of mode 0700, one file for each part."""
    folder = tmp_path / "spans"
    gateway(folder, "case", [])
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert file.name.startswith("gateway-case-")


def test_a_full_file_loses_spans_and_counts_them(tmp_path: Path) -> None:
    """The bound on bytes holds; work goes on."""

    def make(tracer: trace.Tracer) -> None:
        for _ in range(5):
            tracer.start_span("event").end()

    assert exported(tmp_path, make, 600).lost == 5 - len(written(tmp_path))
    assert 0 < len(written(tmp_path)) < 5
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size <= 600


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """An error that names the setting, at the start."""
    (tmp_path / "file").touch()
    with pytest.raises(PunteError) as told:
        open_traces(tmp_path / "file", "gateway", "case", CODES, event_digest)
    assert "PUNTE_TRACE_DIR" in str(told.value)


def test_without_a_folder_nothing_is_wrapped() -> None:
    """The plan is given back as it is."""
    plan = object()
    with open_traces(None, "gateway", "case", CODES, event_digest) as traces:
        traces.turn(Turn())
        assert traces.plan(plan) is plan
