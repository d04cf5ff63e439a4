"""Settings of every process, from the environment (`PUNTE_...`) alone.

Rule kept: a setting that would weaken a check does not exist. Secrets are read from a file that nobody else may read,
never from the environment.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from consent.terms import Profile
from hub.contracts.keys import KeyFault, KeyRing, parse_secret
from hub.contracts.sealing import Sealer, SealFault, parse_key
from hub.errors import PunteError

SECRET_MODES: Final = frozenset({0o600, 0o400})


class Settings(BaseSettings):
    """What a process needs to reach Kafka and its keys."""

    model_config = SettingsConfigDict(env_prefix="PUNTE_", extra="ignore", hide_input_in_errors=True)

    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_security_protocol: str = "PLAINTEXT"
    kafka_sasl_mechanism: str = "PLAIN"
    kafka_sasl_username: str | None = None
    kafka_sasl_password_file: Path | None = None
    kafka_ssl_ca_file: Path | None = None
    kafka_ssl_certificate_file: Path | None = None
    kafka_ssl_key_file: Path | None = None
    secret_file: Path | None = None
    seal_public_file: Path | None = Field(
        default=None, description="Public key that quarantined and parked records are sealed to; none: position alone"
    )
    profile: Profile = Profile.PRODUCTION
    policies: Path | None = None
    policies_before: Path | None = Field(
        default=None, description="During a roll-out: folder of the pack that is being replaced"
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    trace_dir: Path | None = None
    health_port: int = Field(default=0, ge=0, le=65535)
    otlp_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    otlp_traces: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    otlp_metrics: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    crash_at: str | None = Field(
        default=None, description="`STEP:N`: end the process at the n-th pass of a step (tests only)"
    )

    def kafka(self) -> dict[str, Any]:
        """Options every Kafka client of the process gets: bootstrap and security, passed through as they are."""
        found: dict[str, Any] = {
            "bootstrap_servers": self.kafka_bootstrap,
            "security_protocol": self.kafka_security_protocol,
        }
        if "SSL" in self.kafka_security_protocol:
            found["ssl_context"] = self._ssl()
        if "SASL" in self.kafka_security_protocol:
            found |= {
                "sasl_mechanism": self.kafka_sasl_mechanism,
                "sasl_plain_username": self.kafka_sasl_username,
                "sasl_plain_password": self._password(),
            }
        return found

    def otlp(self, signal: str) -> str | None:
        """Where `traces` or `metrics` go by OTLP/HTTP: its own address, else the common one with `/v1/SIGNAL`; None."""
        own = self.otlp_traces if signal == "traces" else self.otlp_metrics
        common = f"{self.otlp_endpoint.removesuffix('/')}/v1/{signal}" if self.otlp_endpoint else None
        return own or common

    def keys(self) -> KeyRing:
        """The key ring of `PUNTE_SECRET_FILE`, a file that only its owner may read."""
        if self.secret_file is None:
            raise PunteError("secret_missing", "no secret file is set")
        try:
            with self.secret_file.open() as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read()
        except (OSError, UnicodeDecodeError):
            raise PunteError("secret_missing", "the secret file cannot be read") from None
        if mode not in SECRET_MODES:
            raise PunteError("secret_open", f"the secret file has mode {mode:04o}, not 0600 or 0400")
        try:
            return parse_secret(text)
        except KeyFault as fault:
            raise PunteError("secret_faulty", str(fault)) from None

    def sealer(self) -> Sealer | None:
        """What seals quarantined records, to the key of `PUNTE_SEAL_PUBLIC_FILE`; None where none is set."""
        if self.seal_public_file is None:
            return None
        try:
            return Sealer.of(parse_key(self.seal_public_file.read_text()))
        except (OSError, UnicodeDecodeError):
            raise PunteError("seal_key_faulty", "the public key file cannot be read") from None
        except SealFault as fault:
            raise PunteError("seal_key_faulty", str(fault)) from None

    def _ssl(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.kafka_ssl_ca_file) if self.kafka_ssl_ca_file else None)
        if self.kafka_ssl_certificate_file:
            context.load_cert_chain(self.kafka_ssl_certificate_file, self.kafka_ssl_key_file)
        return context

    def _password(self) -> str | None:
        return self.kafka_sasl_password_file.read_text().strip() if self.kafka_sasl_password_file else None


def crash_points(setting: str | None) -> Callable[[str], None]:
    """`STEP:N` ends the process hard at the n-th pass of a step; nothing set, nothing happens. For tests."""
    if setting is None:
        return lambda step: None
    wanted, _, nth = setting.partition(":")
    passed: Counter[str] = Counter()

    def crash(step: str) -> None:
        passed[step] += 1
        if step == wanted and passed[step] == int(nth or 1):
            os._exit(9)

    return crash
