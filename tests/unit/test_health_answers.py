"""Health over HTTP: what a part answers, to whom, and what of Kafka and the register it goes by."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket

import pytest

from hub.errors import Exit, PunteError
from hub.telemetry.health import LATEST_S, Health, Pulse
from hub.telemetry.http import LONGEST, answer, served

WELL = Health({"kafka": lambda: True, "poll": lambda: True})
ILL = Health({"kafka": lambda: True, "poll": lambda: False})


def told(said: bytes) -> tuple[int, dict[str, str]]:
    """Status and object of an answer whose length is the one it names."""
    head, _, body = said.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}\r\n".encode() in head
    return int(head.split()[1]), json.loads(body)


def test_a_part_is_ready_when_every_check_holds() -> None:
    """200 with all checks, 503 as soon as one fails, by its name; alive it is in both cases."""
    assert told(answer(WELL, b"GET /ready HTTP/1.1\r\n\r\n")) == (200, {"kafka": "ok", "poll": "ok"})
    assert told(answer(ILL, b"GET /ready HTTP/1.1\r\n\r\n")) == (503, {"kafka": "ok", "poll": "fail"})
    assert told(answer(ILL, b"GET /live HTTP/1.1\r\n\r\n")) == (200, {"loop": "ok"})


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1", 404),
        (b"GET /ready?x=1 HTTP/1.1", 404),
        (b"GET /../ready HTTP/1.1", 404),
        (b"GET http://127.0.0.1/ready HTTP/1.1", 404),
        (b"POST /ready HTTP/1.1", 405),
        (b"get /ready HTTP/1.1", 405),
        (b"\xff\x00", 404),
        (b"", 404),
    ],
)
def test_anything_else_is_told_nothing(head: bytes, status: int) -> None:
    """Another path, another method, bytes that are no request: an empty object, nothing repeated."""
    assert told(answer(WELL, head + b"\r\n\r\n")) == (status, {})


def test_a_pulse_that_stops_is_noticed() -> None:
    """Kafka counts as reachable for ten seconds after its last answer, and not before the first."""
    now = [0.0]
    pulse = Pulse(lambda: 0, lambda: now[0])
    assert not pulse.reachable()
    pulse.answered(0)
    assert pulse.reachable()
    now[0] = LATEST_S + 0.1
    assert not pulse.reachable()


def test_a_fold_that_stands_still_is_noticed_though_kafka_answers() -> None:
    """The fold must reach each end before the next question but one; a register that moves on is no fault of it."""
    now, position = [0.0], [0]
    pulse = Pulse(lambda: position[0], lambda: now[0])
    for end in range(0, 100, 5):
        position[0] = max(0, end - 5)
        pulse.answered(end)
        now[0] += 2
        assert pulse.folded()
    for _ in range(6):
        pulse.answered(200)
        now[0] += 2
    assert pulse.reachable()
    assert not pulse.folded()
    position[0] = 200
    pulse.answered(200)
    assert pulse.folded()


async def asked(port: int, head: bytes) -> bytes:
    """What comes back on the loopback address."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    found = await reader.read()
    writer.close()
    await writer.wait_closed()
    return found


async def test_only_this_machine_is_answered() -> None:
    """The port is open on 127.0.0.1 and on no other address, and closed again at the end."""
    async with served(0, WELL) as port:
        assert told(await asked(port, b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
        with socket.socket() as other, pytest.raises(OSError, match="refused"):
            other.connect(("127.0.0.2", port))
    with socket.socket() as gone, pytest.raises(OSError, match="refused"):
        gone.connect(("127.0.0.1", port))


async def test_a_request_that_is_too_long_ends_unanswered() -> None:
    """More than the bound without an end of the head: the connection ends, the next one is served."""
    async with served(0, WELL) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /ready HTTP/1.1\r\nX: " + b"x" * LONGEST * 2)
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
        assert told(await asked(port, b"GET /live HTTP/1.1\r\n\r\n"))[0] == 200


async def test_a_port_that_is_taken_is_an_error_with_a_remedy() -> None:
    """A second part with the same port does not start, and says why."""
    async with served(0, WELL) as port:
        with pytest.raises(PunteError) as refused:
            async with served(port, WELL):
                pass
    assert refused.value.code == "health_port_taken"
    assert refused.value.status is Exit.FINDINGS, "no restart mends it"
