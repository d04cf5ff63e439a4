"""Where a connector finds Kafka and how it logs in: the same variables as the hub's own processes (`hub/settings.py`).

Rule kept: a password is read from a file, never from the environment; a fault names the variable, never what it holds.
"""

from __future__ import annotations

import os
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PREFIX: Final = "PUNTE_KAFKA_"


class SettingFault(ValueError):
    """A variable whose file cannot be used."""

    def __init__(self, name: str) -> None:
        super().__init__(f"`{PREFIX}{name}` names a file that cannot be read or is not of its form")
        self.name = name


def kafka_options(environment: Mapping[str, str]) -> dict[str, Any]:
    """Options of every Kafka client of the process: bootstrap and security, passed through as they are."""
    protocol = environment.get(f"{PREFIX}SECURITY_PROTOCOL", "PLAINTEXT")
    found: dict[str, Any] = {
        "bootstrap_servers": environment.get(f"{PREFIX}BOOTSTRAP", "127.0.0.1:9092"),
        "security_protocol": protocol,
    }
    if "SSL" in protocol:
        found["ssl_context"] = _ssl(environment)
    if "SASL" in protocol:
        found |= {
            "sasl_mechanism": environment.get(f"{PREFIX}SASL_MECHANISM", "PLAIN"),
            "sasl_plain_username": environment.get(f"{PREFIX}SASL_USERNAME"),
            "sasl_plain_password": _password(environment.get(f"{PREFIX}SASL_PASSWORD_FILE")),
        }
    return found


def wall_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def _on(_: str) -> None:
    """Goes on past a step."""


@dataclass(frozen=True, slots=True)
class World:
    """What a connector takes from outside: the clock (ms since 1970) and, for tests, what happens at each step."""

    now: Callable[[], int] = wall_ms
    step: Callable[[str], None] = _on


REAL: Final = World()


def world(environment: Mapping[str, str]) -> World:
    """The world of a process. `PUNTE_CRASH_AT=STEP:N` ends it hard at the n-th pass of a step (tests only)."""
    wanted, _, nth = environment.get("PUNTE_CRASH_AT", "").partition(":")
    passed = Counter[str]()

    def step(name: str) -> None:
        passed[name] += 1
        if name == wanted and passed[name] == int(nth or 1):
            os._exit(9)

    return World(step=step) if wanted else REAL


def _ssl(environment: Mapping[str, str]) -> ssl.SSLContext:
    certificate = environment.get(f"{PREFIX}SSL_CERTIFICATE_FILE")
    try:
        context = ssl.create_default_context(cafile=environment.get(f"{PREFIX}SSL_CA_FILE"))
    except OSError:
        raise SettingFault("SSL_CA_FILE") from None
    if certificate:
        try:
            context.load_cert_chain(certificate, environment.get(f"{PREFIX}SSL_KEY_FILE"))
        except OSError:
            raise SettingFault("SSL_CERTIFICATE_FILE") from None
    return context


def _password(path: str | None) -> str | None:
    try:
        return Path(path).read_text().strip() if path else None
    except (OSError, UnicodeDecodeError):
        raise SettingFault("SASL_PASSWORD_FILE") from None
