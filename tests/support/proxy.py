"""A proxy before a broker: it keeps one request back and delivers it late, loses one answer, or holds one request."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Self

PRODUCE: Final = 0
ADD_PARTITIONS: Final = 24
ADD_OFFSETS: Final = 25
END_TXN: Final = 26
OFFSET_COMMIT: Final = 28
"""Api keys of the four transaction requests (kafka.apache.org, protocol)."""


@dataclass(slots=True)
class Proxy:
    """Listens on a free port before the broker at `upstream`. What it shall do to a request is an api key, used once.

    `keep`: the next such request is kept back, its connection cut. `lose`: the next such request is carried out, its
    answer lost with the connection. `hold`: such a request waits until `go`, after `passes` others of its kind.
    """

    upstream: int
    keep: int | None = None
    lose: int | None = None
    hold: int | None = None
    passes: int = 0
    kept: bytes = b""
    port: int = 0
    caught: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _lines: set[tuple[asyncio.Task[Any], asyncio.StreamWriter, asyncio.StreamWriter]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        """Start listening."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening, and end every connection."""
        assert self._server is not None
        self._server.close()
        lines = list(self._lines)
        for line in lines:
            line[0].cancel()
        await asyncio.gather(*(line[0] for line in lines), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        above, up = await asyncio.open_connection("127.0.0.1", self.upstream)
        task = asyncio.current_task()
        assert task is not None
        lost, line = set[bytes](), (task, writer, up)
        self._lines.add(line)
        answers = asyncio.create_task(self._answers(above, writer, lost))
        try:
            while await self._passed(await frame(reader), up, lost):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            answers.cancel()
            writer.close()
            up.close()
            self._lines.discard(line)

    async def _passed(self, request: bytes, up: asyncio.StreamWriter, lost: set[bytes]) -> bool:
        """Hand one request on; False when its connection is to be cut."""
        key = struct.unpack(">h", request[4:6])[0]
        if key == self.keep:
            self.keep, self.kept = None, request
            self.caught.set()
            return False
        if key == self.lose:
            self.lose = None
            lost.add(request[8:12])
        if key == self.hold:
            self.passes -= 1
            if self.passes < 0:
                self.hold = None
                self.held.set()
                await self.go.wait()
        up.write(request)
        return True

    async def _answers(self, above: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: set[bytes]) -> None:
        """Hand answers on until the one to be lost, known by its correlation id, has come."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while (answer := await frame(above))[4:8] not in lost:
                writer.write(answer)
            self.caught.set()
        writer.transport.abort()

    async def deliver(self) -> int:
        """Send what was kept back; the error code the broker answers to the late request (EndTxn v0-v2)."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        writer.write(self.kept)
        answer = await frame(reader)
        writer.close()
        return int(struct.unpack(">h", answer[12:14])[0])


async def frame(reader: asyncio.StreamReader) -> bytes:
    """One frame of the Kafka protocol with its length."""
    head = await reader.readexactly(4)
    return head + await reader.readexactly(struct.unpack(">i", head)[0])
