"""A session of `requests` that no collector can hold up or fill: of an answer the status line and the headers, no more.

Rules kept: the named address alone (no proxies, `.netrc` or certificate bundles of the environment, no redirect); the
head of an answer within MOST_BYTES and within what is left of the request's time, however it comes; its body is never
read or unpacked, the connection ends with it. Needs the extra `otlp`.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection

MOST_BYTES: Final = 16 * 1024
"""Of an answer: a collector that is well says less than one."""


class Head(io.RawIOBase):
    """What comes from a socket, up to MOST_BYTES and for as long as the socket was given; then it fails."""

    def __init__(self, sock: Any) -> None:
        """`sock`: connected, with the seconds left as its timeout."""
        self._sock, self._left = sock, MOST_BYTES
        self._until = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Bytes that have come; the timeout of a socket is for each read alone, so each is given what is left."""
        seconds = self._until - time.monotonic()
        if seconds <= 0 or not self._left:
            raise TimeoutError
        self._sock.settimeout(seconds)
        got: int = self._sock.recv_into(memoryview(buffer)[: self._left])
        self._left -= got
        return got


class Answer(HTTPResponse):
    """An answer whose head is read through `Head`."""

    def __init__(self, sock: Any, *given: Any, **named: Any) -> None:
        super().__init__(sock, *given, **named)
        self.fp.close()
        self.fp = io.BufferedReader(Head(sock))


class _Plain(HTTPConnection):
    response_class = Answer


class _Secure(HTTPSConnection):
    response_class = Answer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    """One time for connecting and the answer together."""

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        super().init_poolmanager(*given, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def send(self, *given: Any, **named: Any) -> Any:
        return super().send(*given, **{**named, "timeout": Timeout(total=named["timeout"])})


def bounded_session() -> requests.Session:
    """A new session; what it cannot send within the time of a request is an exception of `requests`."""
    session = requests.Session()
    session.trust_env, session.stream = False, True
    session.hooks["response"].append(_end)
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


def _end(answer: Any, *_: Any, **__: Any) -> None:
    answer.close()
    if 300 <= answer.status_code < 400:  # the library would count it as sent
        raise requests.RequestException
