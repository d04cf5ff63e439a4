"""Answers `GET /live`, `/ready` and `/metrics` on the loopback address, for whoever keeps the process running.

Rules kept: 127.0.0.1 alone; 200 or 503 with one JSON object of checks, or metrics as Prometheus text; of a request its
first line is read, never more than LONGEST bytes and never longer than PATIENCE_S; nothing of it is told or logged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Final

from hub.errors import PunteError
from hub.telemetry.health import Health
from hub.telemetry.metrics import CONTENT_TYPE

LOOPBACK: Final = "127.0.0.1"
LONGEST: Final = 8192
PATIENCE_S: Final = 2.0
JSON: Final = "application/json"

Text = Callable[[], bytes]


@asynccontextmanager
async def served(port: int, health: Health, metrics: Text | None = None) -> AsyncIterator[int]:
    """Answer while the context is open; `port` 0 takes a free one. Gives the port."""
    answers = partial(answer, health, metrics=metrics)
    try:
        server = await asyncio.start_server(partial(_connected, answers), LOOPBACK, port, limit=LONGEST)
    except OSError:
        raise PunteError("health_port_taken", "the port of PUNTE_HEALTH_PORT cannot be used") from None
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def _connected(
    answers: Callable[[bytes], bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One request, one answer, end."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(answers(head))
            await writer.drain()
    except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        return
    finally:
        writer.close()


def answer(health: Health, head: bytes, metrics: Text | None = None) -> bytes:
    """The whole answer to the head of a request. `metrics`: Prometheus text of now, where there is any."""
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0]
    asked = {b"/live": health.live, b"/ready": health.ready}.get(path)
    if asked is None and not (path == b"/metrics" and metrics):
        return _said(HTTPStatus.NOT_FOUND, b"{}")
    if method != b"GET":
        return _said(HTTPStatus.METHOD_NOT_ALLOWED, b"{}")
    if asked is None:
        assert metrics is not None
        return _said(HTTPStatus.OK, metrics(), CONTENT_TYPE)
    well, checks = asked()
    return _said(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE, json.dumps(checks).encode())


def _said(status: HTTPStatus, body: bytes, kind: str = JSON) -> bytes:
    allow = "Allow: GET\r\n" if status is HTTPStatus.METHOD_NOT_ALLOWED else ""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n{allow}"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
