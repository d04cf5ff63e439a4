"""A proxy before a broker that can keep one kind of request back, drop its connection, and deliver it late."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field
from typing import Final, Self

ADD_PARTITIONS: Final = 24
ADD_OFFSETS: Final = 25
END_TXN: Final = 26
OFFSET_COMMIT: Final = 28
"""Api keys of the four transaction requests (kafka.apache.org, protocol)."""


@dataclass(slots=True)
class Proxy:
    """Listens on a free port before the broker at `upstream`; `keep` = api key of the next request to keep back."""

    upstream: int
    keep: int | None = None
    kept: bytes = b""
    port: int = 0
    caught: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Start listening."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        above, up = await asyncio.open_connection("127.0.0.1", self.upstream)
        answers = asyncio.create_task(_copy(above, writer))
        try:
            while True:
                request = await frame(reader)
                if struct.unpack(">h", request[4:6])[0] == self.keep:
                    self.keep, self.kept = None, request
                    self.caught.set()
                    return
                up.write(request)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            answers.cancel()
            writer.close()
            up.close()

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


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
