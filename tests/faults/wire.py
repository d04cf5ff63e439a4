"""The wire between a part of the hub and Kafka: a proxy that knows frames and can hold, cut, slow or lose them.

Rule kept: until it is told otherwise it passes every byte on, in order, both ways; what it kept it can deliver late.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Self

from tests.faults.pace import pause
from tests.support.proxy import ADD_OFFSETS, ADD_PARTITIONS, END_TXN, OFFSET_COMMIT, frame

PRODUCE: Final = 0
TRANSACTION_KEYS: Final = (ADD_PARTITIONS, ADD_OFFSETS, OFFSET_COMMIT, END_TXN)
INIT_PRODUCER: Final = 22
LIST_OFFSETS: Final = 2
OPENING_KEYS: Final = frozenset({INIT_PRODUCER, LIST_OFFSETS, ADD_PARTITIONS})
"""Requests that tell how far a gateway is with opening its partitions: fence, seen ids, first transaction."""
CHUNK: Final = 65_536


@dataclass(slots=True, eq=False)
class Line:
    """One connection: the part's side and the broker's."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter

    def cut(self) -> None:
        """Reset both sides: what was buffered is gone."""
        self.near.transport.abort()
        self.far.transport.abort()


@dataclass(slots=True, eq=False)
class Wire:
    """Listens on `count` free ports, one before the door of each broker.

    `keep`: api key of the next request to hold back, its connection cut. `half`: api key of the next request of which
    only the first half leaves before the cut. `delay_s`: how long each frame and answer waits. `open`: while it is not
    set, nothing passes and nothing is closed (half-open connections).
    """

    count: int = 1
    upstreams: Sequence[int] = ()
    ports: list[int] = field(default_factory=list)
    keep: int | None = None
    half: int | None = None
    delay_s: float = 0.0
    kept: list[tuple[int, bytes]] = field(default_factory=list)
    met: dict[int, asyncio.Event] = field(default_factory=dict)
    caught: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    lines: set[Line] = field(default_factory=set)
    trail: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=20_000))
    """When requests of the `OPENING_KEYS` passed (s since the epoch), the latest ones."""
    _servers: list[asyncio.Server] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        """Start listening."""
        self.open.set()
        for at in range(self.count):
            server = await asyncio.start_server(partial(self._serve, at), "127.0.0.1", 0)
            self._servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])
        return self

    @property
    def bootstrap(self) -> str:
        """What the part is told to connect to."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    async def __aexit__(self, *_: object) -> None:
        """Stop listening and cut every line."""
        for server in self._servers:
            server.close()
        self.cut()

    def cut(self) -> None:
        """Reset every connection there is."""
        for line in list(self.lines):
            line.cut()

    def heal(self) -> None:
        """Pass everything on again, at once."""
        self.keep = self.half = None
        self.delay_s = 0.0
        self.open.set()

    async def meets(self, key: int, seconds: float) -> bool:
        """Wait until the next request of a kind has passed; False when none came in time."""
        event = self.met[key] = asyncio.Event()
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def deliver(self) -> Sequence[str]:
        """Send what was kept to the broker now; what it answered, in words. Without a broker it stays kept."""
        told = []
        with suppress(OSError, EOFError):
            while self.kept:
                told.append(await _late(*self.kept[0]))
                self.kept.pop(0)
        return told

    async def _serve(self, at: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            above, up = await asyncio.open_connection("127.0.0.1", self.upstreams[at])
        except OSError:
            writer.transport.abort()
            return
        line = Line(writer, up)
        self.lines.add(line)
        answers = asyncio.create_task(self._answers(above, writer))
        try:
            await self._requests(at, reader, up)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            answers.cancel()
            self.lines.discard(line)
            line.cut()

    async def _requests(self, at: int, reader: asyncio.StreamReader, up: asyncio.StreamWriter) -> None:
        """Frame by frame until one is held back."""
        while True:
            request = await frame(reader)
            await self._wait()
            key = struct.unpack(">h", request[4:6])[0]
            if key in OPENING_KEYS and (key != INIT_PRODUCER or _transactional(request)):
                self.trail.append((time.time(), key))
            if key in self.met:
                self.met.pop(key).set()
            if key == self.keep:
                self.keep = None
                self.kept.append((self.upstreams[at], request))
                self.caught.set()
                return
            if key == self.half:
                self.half = None
                up.write(request[: max(8, len(request) // 2)])
                await up.drain()
                self.caught.set()
                return
            up.write(request)
            await up.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self._wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.transport.abort()

    async def _wait(self) -> None:
        if self.delay_s:
            await pause(self.delay_s)
        await self.open.wait()


def _transactional(request: bytes) -> bool:
    """Whether an InitProducerId names a transactional id: behind length, key, version, correlation and client id."""
    client = struct.unpack(">h", request[12:14])[0]
    body = 14 + max(0, client)
    return bool(struct.unpack(">h", request[body : body + 2])[0] >= 0)


async def _late(port: int, request: bytes) -> str:
    """Api key and, of EndTxn v0-v2, the error code (after length, correlation id and throttle time)."""
    key = struct.unpack(">h", request[4:6])[0]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        answer = await asyncio.wait_for(frame(reader), 10)
    finally:
        writer.close()
    code = struct.unpack(">h", answer[12:14])[0] if key == END_TXN else "not read"
    return f"late request {key}, answer {code}"
