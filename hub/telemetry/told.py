"""What a part of the hub tells of its work: log lines, spans, metrics; one call for each turn, batch and alarm."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from opentelemetry.sdk.metrics.export import MetricReader

from hub.telemetry.closing import close_all
from hub.telemetry.logs import get_log
from hub.telemetry.metrics import Exposed, Metrics
from hub.telemetry.numbers import MetricList
from hub.telemetry.traces import AllowList, JsonLines, ListedSpans, Traces, Turned

log = get_log(__name__)

Handle = Callable[[Sequence[Any]], Awaitable[None]]
QUARANTINED: Final = "quarantined"
PARKED: Final = "parked"
RECEIPT_REFUSED: Final = "receipt_refused"


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where telemetry goes beside the log: a folder of spans, OTLP addresses of spans and metrics, `GET /metrics`."""

    folder: Path | None = None
    spans: str | None = None
    metrics: str | None = None
    exposed: bool = False


class Told:
    """The voice of one part on one lane. Use as a context manager: at its end what waits is written or sent."""

    def __init__(self, lane: str, traces: Traces, metrics: Metrics, exposed: Exposed | None) -> None:
        self._lane, self.traces, self.metrics = lane, traces, metrics
        self.text = exposed.text if exposed else None
        self._counts = Counter[str]()
        metrics.watch(lost=traces.lost)

    def __enter__(self) -> Self:
        """As it is."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write and send what waits, for a bounded time, and say what was lost."""
        if not close_all([self.traces.close, self.metrics.provider.shutdown]):
            log.warning("telemetry", code="otlp_late")
        self.traces.say_lost()

    def alarm(self, code: str) -> None:
        """An alarm is a log line of level error with a code."""
        log.error("alarm", code=code, lane=self._lane)
        self.metrics.alarm(code)

    def turn(self, turn: Turned) -> None:
        """A turn of the gateway that was committed."""
        self._say("decide", turn.counts)
        self.traces.turn(turn)
        self.metrics.turn(turn)

    def opened(self, partition: int, seen: int, seconds: Mapping[str, float], parked: int = 0) -> None:
        """A partition that was just opened: how long each step took, how many ids were read, what is parked."""
        if parked:
            self.alarm(PARKED)
        for step, took in seconds.items():
            log.info(
                "part",
                code="partition_opened",
                lane=self._lane,
                partition=partition,
                step=step,
                ms=round(took * 1000),
                count=seen,
            )

    def counted(self, counts: Counter[str]) -> None:
        """What became of the batch of admission that is just ending."""
        self._counts = counts
        self._say("admit", counts)

    def handler(self, handle: Handle) -> Handle:
        """The handler of an admitter, timed; one batch runs at a time."""

        async def handled(records: Sequence[Any]) -> None:
            began = time.perf_counter()
            await handle(records)
            told = len(records), time.perf_counter() - began, self._counts
            self.traces.batch(*told)
            self.metrics.batch(*told)

        return handled

    def _say(self, step: str, counts: Counter[str]) -> None:
        """The counts; an alert that went to quarantine waits for a person, and so does a decision: an alarm.

        So is a subscription of which a release was parked, or waits behind one.
        """
        for code, count in counts.items():
            log.info("batch", lane=self._lane, step=step, code=code, count=count)
        if counts[QUARANTINED] and (self._lane == "alert" or step == "decide"):
            self.alarm(QUARANTINED)
        if counts[PARKED]:
            self.alarm(PARKED)
        if counts[RECEIPT_REFUSED]:
            self.alarm(RECEIPT_REFUSED)


def open_told(part: str, lane: str, sinks: Sinks, codes: frozenset[str], digest: Callable[[str, str], bytes]) -> Told:
    """The voice of a part, e.g. `gateway`. `codes`: the closed list of codes that counts and alarms go by."""
    if sinks != Sinks() and os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        log.warning("telemetry", code="otel_disabled", lane=lane)
        sinks = Sinks()  # the library would measure nothing: no figures at all rather than empty ones
    allow, numbers = AllowList(codes), MetricList(f"punte-{part}", codes)
    exporter: ListedSpans | None = None
    if sinks.spans:
        from hub.telemetry.otlp import SentSpans

        exporter = SentSpans(sinks.spans, f"punte-{part}", allow)
    elif sinks.folder:
        exporter = JsonLines(sinks.folder, f"{part}-{lane}", allow)
    exposed = Exposed(numbers) if sinks.exposed else None
    readers: list[MetricReader] = [exposed] if exposed else []
    if sinks.metrics:
        from hub.telemetry.otlp import sent_metrics

        readers.append(sent_metrics(sinks.metrics, numbers))
    return Told(lane, Traces(lane, exporter, digest), Metrics(part, lane, readers, time.time), exposed)
