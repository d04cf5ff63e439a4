"""A collector that attacks whoever sends to it: what it answers, byte by byte, on a socket of its own."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

OK: Final = b"HTTP/1.1 200 OK\r\n"
WELL: Final = OK + b"Content-Length: 0\r\n\r\n"
MIB: Final = 1024 * 1024
FLOOD: Final = 256
"""Pieces of a MiB until a flood ends: enough to be seen in any memory, not so many that a test machine falls."""
DRIP_S: Final = 0.25


def endless_body() -> Iterator[bytes]:
    """All is well, and then a body without an end."""
    yield OK + b"Transfer-Encoding: chunked\r\n\r\n"
    yield from repeat(b"100000\r\n" + b"x" * MIB + b"\r\n", FLOOD)


def gzip_bomb() -> Iterator[bytes]:
    """A small body that unpacks to a large one."""
    bomb = gzip.compress(b"\0" * MIB) * FLOOD
    yield OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb


def dripped_body() -> Iterator[bytes]:
    """All is well, and then a body of single bytes, each before the time of a read is over."""
    yield OK + b"Transfer-Encoding: chunked\r\n\r\n"
    yield from repeat(b"1\r\na\r\n")


def dripped_head() -> Iterator[bytes]:
    """Headers of single bytes."""
    yield OK + b"X-A: "
    yield from repeat(b"a")


def endless_head() -> Iterator[bytes]:
    """Go on, go on, go on: whole answers that are no answer."""
    yield from repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def long_head() -> Iterator[bytes]:
    """Headers of a megabyte."""
    yield OK + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 20_000) for n in range(50)) + b"\r\n"


@dataclass
class Hostile:
    """Where it is, and what it answers from now on; None: it is well."""

    port: int
    attack: Iterator[bytes] | None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its common address."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, taken: socket.socket) -> None:
        """One request, one answer; a piece that is short is a drip."""
        with taken, suppress(OSError):
            taken.recv(65_536)
            if self.attack is None:
                taken.sendall(WELL)
                return
            for piece in self.attack:
                taken.sendall(piece)
                if len(piece) < 20 and self.over.wait(DRIP_S):
                    return
            self.over.wait(60)


@contextmanager
def attacking(attack: Iterator[bytes] | None) -> Iterator[Hostile]:
    """A collector that answers with this attack."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Hostile(server.getsockname()[1], attack)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    taken, _ = server.accept()
                    threading.Thread(target=found.answer, args=(taken,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield found
        finally:
            found.over.set()
