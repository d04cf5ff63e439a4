"""An OTLP collector on the loopback address, as another program would be, and the turn of a gateway to tell of.

Rule kept: it takes what comes over HTTP and decodes it with the protobuf classes of OpenTelemetry, not with our code.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Turn:
    """A turn as the gateway reports it."""

    partition: int = 2
    records: int = 3
    oldest: int = 1_700_000_000_000
    counts: Counter[str] = field(default_factory=lambda: Counter(decided=3))
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("fence", "plan", "send", "commit"), 0.01))


@dataclass
class Collector:
    """What was asked of it: path, headers and body of each request."""

    port: int
    status: int = 200
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its common address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def raw(self) -> bytes:
        """Every body."""
        return b"".join(body for _, _, body in self.requests)

    def bodies(self, path: str) -> list[bytes]:
        """The bodies that came to a path."""
        return [body for asked, _, body in self.requests if asked == path]

    @property
    def resource_spans(self) -> list[Any]:
        """Resources, scopes and spans as they came."""
        return [
            each
            for body in self.bodies("/v1/traces")
            for each in ExportTraceServiceRequest.FromString(body).resource_spans
        ]

    @property
    def spans(self) -> list[Any]:
        """All spans."""
        return [span for found in self.resource_spans for scope in found.scope_spans for span in scope.spans]

    @property
    def resource_metrics(self) -> list[Any]:
        """Resources, scopes and metrics of the last report."""
        return list(ExportMetricsServiceRequest.FromString(self.bodies("/v1/metrics")[-1]).resource_metrics)

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of the last report by name."""
        return {
            metric.name: metric
            for found in self.resource_metrics
            for scope in found.scope_metrics
            for metric in scope.metrics
        }


class _Asked(BaseHTTPRequestHandler):
    collector: ClassVar[Collector]

    def do_POST(self) -> None:
        """Take it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.collector.requests.append((self.path, dict(self.headers.items()), body))
        self.collector.asked.set()
        self.send_response(self.collector.status)
        if self.collector.status // 100 == 3:
            self.send_header("Location", f"{self.collector.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Stays silent."""


@contextmanager
def collecting(status: int = 200) -> Iterator[Collector]:
    """A collector that answers with this status."""
    handler = type("Asked", (_Asked,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.collector = collector = Collector(server.server_port, status)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
