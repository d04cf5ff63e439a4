"""Spans: one for each gateway turn and admission batch, one for each alert and one in 64 of other events.

Rule kept: law 6. A span leaves only in a shape that is on the list: its name, the keys of that name, the shape of each
value (`allow`). The rest is dropped and counted. No key is a partition: admitted events are keyed by their source, so a
partition can be one shelter's and the counts beside it those of its messages. Every span is a root: nothing of a
publisher's or a library's trace context is read, and what has a parent, a remote link, a status text or an event is cut
down or refused (T16). No variable of the library changes what is said.
"""

from __future__ import annotations

import json
import os
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, Self

from opentelemetry.context import Context
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Link, Span

from hub.errors import PunteError

try:
    from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
except ValueError:  # the library reads this one variable when it is loaded
    raise PunteError(
        "settings_faulty", "`OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT` is no number", "unset it: Punte goes by no such limit"
    ) from None
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from hub.telemetry.allow import allowed
from hub.telemetry.closing import close_all
from hub.telemetry.logs import get_log

log = get_log(__name__)

TURN, BATCH, EVENT = "gateway.turn", "admission.batch", "event"
SPANS: Final[Mapping[str, frozenset[str]]] = {
    TURN: frozenset({"lane", "count", "counts", "seconds"}),
    BATCH: frozenset({"lane", "count", "counts"}),
    EVENT: frozenset({"lane", "digest"}),
}
"""Names of spans and the keys each may have; `counts.CODE` and `seconds.STEP` go by what stands before the point."""
STEPS: Final = frozenset({"fence", "plan", "send", "commit"})
SAMPLE: Final = 63
"""Mask over the first byte of an event's digest: one in 64, and the same ones in every process."""
MOST_BYTES: Final = 64 * 1024 * 1024
"""A file of spans ends here, so that it never fills a disk; what comes after is counted as lost."""
WAITING: Final = 2048
"""Spans that may wait to be written or sent; what would be one more is lost at once."""
LIMITS: Final = SpanLimits(128, 128, 128, 128, 128, 128, SpanLimits.UNSET, SpanLimits.UNSET)
"""Those of the library itself."""
UNMEASURED: Final = NoOpMeterProvider()
"""The library measures itself nowhere."""
MS: Final = 1_000_000


class Turned(Protocol):
    """A committed turn as the gateway reports it: records, counts by code, seconds by step."""

    @property
    def partition(self) -> int:
        """Partition of the lane."""
        ...

    @property
    def records(self) -> int:
        """How many records it took."""
        ...

    @property
    def oldest(self) -> int:
        """The timestamp (ms) of its first record."""
        ...

    @property
    def counts(self) -> Counter[str]:
        """What became of them, by code."""
        ...

    @property
    def seconds(self) -> Mapping[str, float]:
        """How long each step took."""
        ...


class AllowList:
    """What of a span may be said. `codes`: the closed list of codes that counts go by."""

    def __init__(self, codes: frozenset[str]) -> None:
        self._words = {"counts": ("count", codes), "seconds": ("seconds", STEPS)}
        self.dropped = 0
        self.refused = 0

    def said(self, span: ReadableSpan) -> dict[str, object] | None:
        """The allowed part of a span, or None: a name that is not listed, or a parent, which none of ours has."""
        keys = SPANS.get(span.name)
        if keys is None or span.parent is not None:
            self.refused += 1
            return None
        given = span.attributes or {}
        kept = {key: value for key, value in given.items() if self._may(keys, key, value)}
        links = [link.context for link in span.links if not link.context.is_remote]
        dropped = len(given) - len(kept) + len(span.links) - len(links) + len(span.events)
        self.dropped += dropped
        said = {"name": span.name, **_ids(span.context), "start": span.start_time, "end": span.end_time}
        return {**said, "attributes": kept, "links": [_ids(each) for each in links], "dropped": dropped}

    def _may(self, keys: frozenset[str], key: str, value: object) -> bool:
        base, point, word = key.partition(".")
        if base not in keys or bool(point) != (base in self._words):
            return False
        if not point:
            return allowed(key, value)
        shape, words = self._words[base]
        return word in words and allowed(shape, value)


def _ids(context: Any) -> dict[str, str]:
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


class ListedSpans(SpanExporter, ABC):
    """Writes or sends spans, the allow-list the last thing before; counts what it took, wrote and lost.

    `closing`: the part is ending, so nothing is worth a long wait.
    """

    def __init__(self, allow: AllowList) -> None:
        self.allow, self.taken, self.written, self.lost, self.closing = allow, 0, 0, 0, False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """They wait no longer, whatever becomes of them."""
        self.taken += len(spans)
        return self.take(spans)

    @abstractmethod
    def take(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write or send what may be said of these spans."""


class JsonLines(ListedSpans):
    """Writes spans as lines of JSON to a new file of mode 0600; the allow-list is the last thing before the file.

    `part` names the file, with the process id and the moment of its start.
    """

    def __init__(self, folder: Path, part: str, allow: AllowList, most: int = MOST_BYTES) -> None:
        """Makes the folder (mode 0700) and the file; `PunteError` when it cannot."""
        super().__init__(allow)
        self._left = most
        name = f"{part}-{os.getpid()}-{time.time_ns():x}.jsonl"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError:
            raise PunteError(
                "settings_faulty", "`PUNTE_TRACE_DIR` is no folder that can be written", "give one, or leave it unset"
            ) from None
        self._file = os.fdopen(handle, "w", encoding="ascii")

    def take(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write what may be said of these spans; a full disk loses spans, never work."""
        lines = list[str]()
        for span in spans:
            said = self.allow.said(span)
            if said is None:
                continue
            line = f"{json.dumps(said)}\n"
            if len(line) > self._left:
                self.lost += 1
                continue
            self._left -= len(line)
            lines.append(line)
        try:
            self._file.writelines(lines)
            self._file.flush()
        except OSError:
            self.lost += len(lines)
            return SpanExportResult.FAILURE
        self.written += len(lines)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError:
            return


class Traces:
    """Makes the spans of one part of the hub on one lane, off the way of its work: a thread writes them.

    Use as a context manager. `exporter` None: nothing is made, and what it wraps is given back as it is.
    """

    def __init__(self, lane: str, exporter: ListedSpans | None, digest: Callable[[str, str], bytes]) -> None:
        """`digest`: the 16 bytes that stand for a source unit and an event id."""
        self._lane, self._digest, self._on = lane, digest, exporter is not None
        self._exporter, self._made, self._full = exporter, 0, 0
        self._events: dict[int, list[tuple[str, int]]] = {}
        self._provider = TracerProvider(
            ALWAYS_ON,
            Resource.get_empty(),
            shutdown_on_exit=False,
            span_limits=LIMITS,
            meter_provider=UNMEASURED,
        )
        if exporter is not None:
            waits = BatchSpanProcessor(exporter, WAITING, 500, 512, 5_000, meter_provider=UNMEASURED)
            self._provider.add_span_processor(waits)
        self._tracer = self._provider.get_tracer(__name__)

    def __enter__(self) -> Self:
        """As it is."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what waits, close, and say what was not written."""
        close_all([self.close])
        self.say_lost()

    def close(self) -> None:
        """Write what waits, as long as the exporter takes."""
        if self._exporter is not None:
            self._exporter.closing = True
        self._provider.shutdown()

    def lost(self) -> int:
        """Spans lost so far: not written, not sent, or not made because too many waited."""
        return self._exporter.lost + self._full if self._exporter else 0

    def say_lost(self) -> None:
        """What never left: cut by the allow-list, or lost on the way (counted from what was made)."""
        if self._exporter is None:
            return
        allow = self._exporter.allow
        lost = self._made + self._full - self._exporter.written - allow.refused
        if allow.dropped or allow.refused or lost:
            log.warning("spans.dropped", code="spans_dropped", count=allow.dropped + allow.refused, lost=lost)

    def plan(self, plan: Any) -> Any:
        """The plan of a gateway, which tells of the events it took."""
        return TracedPlan(plan, self.note) if self._on else plan

    def note(self, records: Sequence[Any]) -> None:
        """Remember the events of a turn that get a span of their own, until the turn is committed.

        A turn that was planned anew is noted anew.
        """
        for partition in {record.partition for record in records}:
            self._events.pop(partition, None)
        for record in records:
            digest = self._digest(_text(record.key), _text(dict(record.headers).get("id")))
            if self._lane == "alert" or not digest[0] & SAMPLE:
                self._events.setdefault(record.partition, []).append((digest.hex(), record.timestamp * MS))

    def turn(self, turn: Turned) -> None:
        """The span of a turn just committed, and those of its events: from admission to commit, linked to it."""
        if not self._on:
            return
        end = time.time_ns()
        start = end - int(sum(turn.seconds.values()) * 1e9)
        told = {"count": turn.records, **_dotted("counts", turn.counts), **_dotted("seconds", turn.seconds)}
        made = self._span(TURN, start, end, told)
        links = [Link(made.get_span_context())] if made else []
        for digest, admitted in self._events.pop(turn.partition, ()):
            self._span(EVENT, min(admitted, end), end, {"digest": digest}, links)

    def batch(self, records: int, seconds: float, counts: Counter[str]) -> None:
        """The span of a batch of admission that was just acknowledged."""
        if self._on:
            end = time.time_ns()
            self._span(BATCH, end - int(seconds * 1e9), end, {"count": records, **_dotted("counts", counts)})

    def _span(
        self, name: str, start: int, end: int, told: Mapping[str, Any], links: Sequence[Link] | None = None
    ) -> Span | None:
        """A root span: the context is empty, whatever surrounds the call. None, and lost, when too many wait."""
        if self._exporter is None or self._made - self._exporter.taken >= WAITING:
            self._full += 1
            return None
        said = {"lane": self._lane, **told}
        span = self._tracer.start_span(name, context=Context(), attributes=said, links=links or (), start_time=start)
        self._made += 1
        span.end(end)
        return span


def _text(raw: bytes | None) -> str:
    """A key or a header of the hub's own, whatever stands in it: only its digest is said."""
    return (raw or b"").decode("ascii", "replace")


def _dotted(base: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{base}.{key}": value for key, value in values.items()}


class TracedPlan:
    """A plan of the gateway that notes the records of each turn after it has planned them."""

    def __init__(self, plan: Any, note: Callable[[Sequence[Any]], None]) -> None:
        self._plan, self._note = plan, note

        self.assigned, self.waits, self.resume = plan.assigned, plan.waits, plan.resume

    def decide(self, records: Sequence[Any], seen: Any, now: int, out: Any, parking: Any) -> None:
        """As the plan does, then noted."""
        self._plan.decide(records, seen, now, out, parking)
        self._note(records)


def open_traces(
    folder: Path | None, part: str, lane: str, codes: frozenset[str], digest: Callable[[str, str], bytes]
) -> Traces:
    """The spans of a part, e.g. `gateway`, written to a folder; none without one."""
    return Traces(lane, JsonLines(folder, f"{part}-{lane}", AllowList(codes)) if folder else None, digest)
