"""A proxy before a broker: it keeps one kind of request back, or answers as a broker that refuses rights to a topic."""

from __future__ import annotations

import asyncio
import io
import struct
from dataclasses import dataclass, field
from typing import Final, Self

from aiokafka.protocol.transaction import AddPartitionsToTxnRequest_v0, AddPartitionsToTxnResponse_v0

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
    """Listens on a free port before the broker at `upstream`.

    `keep`: api key of the next request to keep back; `refuse`: a topic that nobody has the right to write.
    """

    upstream: int
    keep: int | None = None
    refuse: str = ""
    refused: int = 0
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
                if (answer := self._refusal(request)) is None:
                    up.write(request)
                else:
                    writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            answers.cancel()
            writer.close()
            up.close()

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


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
