"""Where a connector finds Kafka and how it logs in: the same variables as the hub's own processes (`hub/settings.py`).

Rule kept: a password is read from a file, never from the environment; a fault names the variable, never what it holds.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
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
