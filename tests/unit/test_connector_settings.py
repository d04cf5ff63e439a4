"""A connector logs in to Kafka as the hub's own processes do: the same variables, the same options."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.police.process import main
from connectors.sdk.settings import SettingFault, kafka_options
from hub.settings import Settings

SECRET = "Canaria-Popescu-6010101600018"
PLAIN = {"KAFKA_BOOTSTRAP": "k1:9094,k2:9094"}
SASL = PLAIN | {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_SASL_USERNAME": "ux3joc"}
CASES: Mapping[str, Mapping[str, str]] = {
    "nothing set": {},
    "an address": PLAIN,
    "a password": SASL | {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_PASSWORD_FILE": "password"},
    "a password over TLS": SASL
    | {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_PASSWORD_FILE": "password", "KAFKA_SSL_CA_FILE": "own.pem"},
    "the usual mechanism": PLAIN | {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "ux3joc"},
    "a certificate": PLAIN
    | {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_FILE": "own.pem", "KAFKA_SSL_CERTIFICATE_FILE": "own.pem"}
    | {"KAFKA_SSL_KEY_FILE": "own.key"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A password, and a certificate that signs itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, now, now + timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem, clear = serialization.Encoding.PEM, serialization.NoEncryption()
    (tmp_path / "own.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    (tmp_path / "own.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, clear))
    (tmp_path / "password").write_text(f"{SECRET}\n")
    return tmp_path


def environment(folder: Path, case: Mapping[str, str]) -> dict[str, str]:
    """The variables of a case; those that name a file hold its path."""
    return {f"PUNTE_{name}": str(folder / value) if name.endswith("_FILE") else value for name, value in case.items()}


def plainly(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, a TLS context as what it trusts and how it checks."""
    context = options.get("ssl_context")
    if not isinstance(context, ssl.SSLContext):
        return dict(options)
    trusted = sorted(map(str, context.get_ca_certs()))
    return {**options, "ssl_context": (trusted, context.verify_mode, context.check_hostname)}


@pytest.mark.parametrize("case", CASES)
def test_connector_and_hub_make_the_same_of_the_same_variables(
    monkeypatch: pytest.MonkeyPatch, folder: Path, case: str
) -> None:
    """Every protocol, with what it needs and with the usual values."""
    given = environment(folder, CASES[case])
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert plainly(kafka_options(given)) == plainly(Settings().kafka())


def test_a_password_is_read_from_its_file(folder: Path) -> None:
    """Without the end of its line."""
    assert kafka_options(environment(folder, CASES["a password"]))["sasl_plain_password"] == SECRET


@pytest.mark.parametrize(
    ("case", "variable", "file"),
    [
        ("a password", "SASL_PASSWORD_FILE", "nowhere"),
        ("a certificate", "SSL_CA_FILE", "nowhere"),
        ("a certificate", "SSL_CA_FILE", "password"),
        ("a certificate", "SSL_CERTIFICATE_FILE", "password"),
    ],
)
def test_a_file_that_is_no_use_is_named_by_its_variable(folder: Path, case: str, variable: str, file: str) -> None:
    """A missing file, or one of another form: the variable is said, nothing the file or the variable holds."""
    with pytest.raises(SettingFault) as fault:
        kafka_options(environment(folder, {**CASES[case], f"KAFKA_{variable}": file}))
    assert fault.value.name == variable
    assert SECRET not in str(fault.value)
    assert file not in str(fault.value)


def test_the_police_connector_refuses_to_start_without_its_password(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misread command: status 2, and the variable to mend, before Kafka or the outbox is touched."""
    for name, value in environment(folder, {**CASES["a password"], "KAFKA_SASL_PASSWORD_FILE": "nowhere"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(["--outbox", str(folder / "outbox.sqlite"), "--unit", "ux3joc"])
    assert ended.value.code == 2
    assert "PUNTE_KAFKA_SASL_PASSWORD_FILE" in capsys.readouterr().err
    assert not (folder / "outbox.sqlite").exists()
