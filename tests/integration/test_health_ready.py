"""`PUNTE_HEALTH_PORT` on a real Kafka: each part of a hub, once ready, says so over HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import pytest

from tests.support.hub import PATIENCE_S, Hub, prepared

PARTS = {
    "gateway": {"kafka", "register", "partitions", "poll"},
    "admit": {"kafka", "register"},
    "registry": {"kafka", "register"},
}


@pytest.fixture(scope="module")
async def hub(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub with topics and register; nothing of it runs."""
    async with prepared(kafka, tmp_path_factory.mktemp("health")) as made:
        yield made


def answered(port: int, path: str) -> tuple[int, dict[str, str]]:
    """Status and object of one answer."""
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    asking.request("GET", path)
    answer = asking.getresponse()
    told = json.loads(answer.read())
    asking.close()
    return answer.status, told


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_works_is_ready(hub: Hub, part: str) -> None:
    """200 and every check of the part ok, soon after it said that it is ready; alive, too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "hub", "run", part, "--lane", "case"]
    environment = hub.environment | {"PUNTE_HEALTH_PORT": str(port), "PUNTE_LOG_LEVEL": "ERROR"}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            status, checks = answered(port, "/ready")
            deadline = time.monotonic() + PATIENCE_S
            while status != 200 and time.monotonic() < deadline:
                status, checks = answered(port, "/ready")
            assert checks == dict.fromkeys(PARTS[part], "ok")
            assert answered(port, "/live") == (200, {"loop": "ok"})
        finally:
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
