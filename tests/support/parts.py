"""Parts of a hub at work as processes of their own, and what each says of itself over HTTP."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from hub.telemetry.metrics import CONTENT_TYPE
from tests.support.hub import PATIENCE_S, Hub

Figures = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class Part:
    """A part at work as a process, and the port it answers on."""

    port: int

    def text(self) -> str:
        """What `/metrics` says now."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        asking.request("GET", "/metrics")
        answer = asking.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (200, CONTENT_TYPE)
        body = answer.read().decode()
        asking.close()
        return body

    def figures(self) -> Figures:
        """(sample, label values in the order of their names) -> figure."""
        families = text_string_to_metric_families(self.text())
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def until(self, records: float) -> Figures:
        """The figures once so many records were taken and nothing waits."""
        deadline = time.monotonic() + PATIENCE_S
        while not _settled(found := self.figures(), records):
            assert time.monotonic() < deadline, found
        return found


def _settled(found: Figures, records: float) -> bool:
    return taken(found) >= records and not any(figure for key, figure in found.items() if key[0] == "punte_lag")


def taken(found: Figures) -> float:
    """Records of all batches."""
    return sum(figure for key, figure in found.items() if key[0] == "punte_batch_size_sum")


@contextmanager
def running(hub: Hub, *words: str) -> Iterator[Part]:
    """`punte run` with these words, from ready to drained."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = hub.environment | {"PUNTE_HEALTH_PORT": str(port), "PUNTE_LOG_LEVEL": "ERROR"}
    command = [sys.executable, "-m", "hub", "run", *words]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield Part(port)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
