"""A proxy before a broker: it keeps a request back, loses an answer, holds a request, or refuses rights to a topic."""

from __future__ import annotations

import asyncio
import io
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Self

from aiokafka.protocol.transaction import AddPartitionsToTxnRequest_v0, AddPartitionsToTxnResponse_v0

PRODUCE: Final = 0
ADD_PARTITIONS: Final = 24
ADD_OFFSETS: Final = 25
END_TXN: Final = 26
OFFSET_COMMIT: Final = 28
"""Api keys of the four transaction requests (kafka.apache.org, protocol)."""
DENIED: Final = 29
LEFT_OUT: Final = 55
"""Kafka's numbers of TOPIC_AUTHORIZATION_FAILED and OPERATION_NOT_ATTEMPTED."""


@dataclass(slots=True)
class Proxy:
    """Listens on a free port before the broker at `upstream`. What it shall do to a request is an api key, used once.

    `keep`: the next such request is kept back, its connection cut. `lose`: the next such request is carried out, its
    answer lost with the connection. `hold`: such a request waits until `go`, after `passes` others of its kind.
    `refuse`: a topic that nobody has the right to write, as long as it stands there.
    """

    upstream: int
    keep: int | None = None
    lose: int | None = None
    hold: int | None = None
    passes: int = 0
    refuse: str = ""
    refused: int = 0
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
            while True:
                request = await frame(reader)
                if (answer := self._refusal(request)) is not None:
                    writer.write(answer)
                elif not await self._passed(request, up, lost):
                    return
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

    def _refusal(self, request: bytes) -> bytes | None:
        """What a broker with an authorizer answers to AddPartitions: none is added, the others were not attempted."""
        key, version, correlation, length = struct.unpack(">hhih", request[4:14])
        if (key, version) != (ADD_PARTITIONS, 0) or not self.refuse:
            return None
        asked = AddPartitionsToTxnRequest_v0.decode(io.BytesIO(request[14 + length :])).topics
        if self.refuse not in dict(asked):
            return None
        self.refused += 1
        codes = [
            (topic, [(at, DENIED if topic == self.refuse else LEFT_OUT) for at in parts]) for topic, parts in asked
        ]
        answer: bytes = struct.pack(">i", correlation) + AddPartitionsToTxnResponse_v0(0, codes).encode()
        return struct.pack(">i", len(answer)) + answer

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
