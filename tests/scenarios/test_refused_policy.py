"""A policy that crosses a line, other keys or another policy than the register has: nothing starts, and why is said."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.contracts.keys import secret_text
from tests.scenarios.conftest import ROOT, Operator

Pack = Callable[..., Path]
POLICIES = ROOT / "consent/policies"
O11 = ('id = "O11"\nevent = "ppo.issued"\nrole = "PROB"\npurpose = "P5"\nwhen = ["relation(suspect)"]\n', "give = [14")
R2_FLOOR = 'give = [1, 6, 9, 13, 15, 26, 28]\nbasis = "B1"'
CROSSED = {
    "safe-place": (O11[0] + O11[1], O11[0] + "give = [33, 14", ("O11", "PROB", "INV-26")),
    "help-seeking": (O11[0] + O11[1], O11[0] + "give = [23, 14", ("O11", "PROB", "INV-02")),
    "floor": (R2_FLOOR, R2_FLOOR.replace("13, ", ""), ("R2", "POL-M", "D-04")),
}
"""What is changed in the matrix, into what, and what the refusal must name."""


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """A copy of the policy pack with one change in its matrix."""

    def make(old: str, new: str) -> Path:
        folder = tmp_path / "policies"
        shutil.copytree(POLICIES, folder)
        text = (folder / "matrix.toml").read_text("utf-8")
        assert old in text
        (folder / "matrix.toml").write_text(text.replace(old, new), "utf-8")
        return folder

    return make


@pytest.fixture
def alone(tmp_path: Path) -> Operator:
    """An operator without any Kafka: whoever reaches for it first fails otherwise."""
    secret = tmp_path / "secret.json"
    secret.touch(0o600)
    secret.write_text(secret_text(1, bytes(range(32))))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PUNTE_KAFKA_BOOTSTRAP": f"127.0.0.1:{port}", "PUNTE_SECRET_FILE": str(secret)}
    return Operator({**environment, "PUNTE_PROFILE": "demo", "PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize("name", CROSSED)
def test_a_crossed_line_is_refused_by_the_proof(alone: Operator, pack: Pack, name: str) -> None:
    """Status 3; row or role, and line."""
    old, new, named = CROSSED[name]
    done = alone.punte("policy", "prove", "--policies", str(pack(old, new)))
    assert done.returncode == 3
    assert all(word in done.stdout for word in named)


@pytest.mark.parametrize("name", CROSSED)
def test_a_gateway_does_not_start_with_a_crossed_line(alone: Operator, pack: Pack, name: str) -> None:
    """Status 3 before any Kafka is reached, naming the same, and what to do."""
    old, new, named = CROSSED[name]
    done = alone.punte("run", "gateway", "--lane", "case", PUNTE_POLICIES=str(pack(old, new)))
    assert done.returncode == 3
    assert all(word in done.stderr for word in named)
    assert "hint: " in done.stderr


def test_production_refuses_unconfirmed_law_by_row(alone: Operator) -> None:
    """In production the duty lines that rest on unconfirmed rows stop the gateway, and the rows are named."""
    done = alone.punte("run", "gateway", "--lane", "alert", PUNTE_PROFILE="production")
    assert done.returncode == 3
    assert "unconfirmed" in done.stderr
    assert all(row in done.stderr for row in ("A1", "A2", "A3", "A4", "R4", "O1"))


@pytest.mark.kafka
@pytest.mark.parametrize("part", ["admit", "gateway"])
def test_other_keys_are_refused(operator: Operator, tmp_path: Path, part: str) -> None:
    """Status 1, whose fault it is and what to do; nothing of either key is said."""
    other = tmp_path / "other.json"
    other.touch(0o600)
    other.write_text(secret_text(1, bytes(32)))
    done = operator.punte("run", part, "--lane", "case", PUNTE_SECRET_FILE=str(other))
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "error: this process has other keys than the register was loaded with\n\n"
        "hint: point PUNTE_SECRET_FILE at the file the register was loaded with"
    )


@pytest.mark.kafka
def test_another_policy_than_the_active_one_is_refused(operator: Operator, pack: Pack) -> None:
    """A proven pack is not enough: it must be the one the register calls active."""
    folder = pack("give = [1, 6, 13, 15, 19, 26, 27, 28, 32]", "give = [1, 6, 13, 15, 26, 27, 28, 32]")
    done = operator.punte("run", "gateway", "--lane", "case", PUNTE_POLICIES=str(folder))
    assert done.returncode == 1
    assert "another policy than the register calls active" in done.stderr
    assert "hint: start with the active pack, or load the new one" in done.stderr


@pytest.mark.kafka
def test_a_key_epoch_the_register_does_not_know_is_refused(operator: Operator, tmp_path: Path) -> None:
    """A secret of another epoch has no key check to compare with."""
    other = tmp_path / "other.json"
    other.touch(0o600)
    other.write_text(secret_text(2, bytes(range(7, 39))))
    done = operator.punte("run", "gateway", "--lane", "case", PUNTE_SECRET_FILE=str(other))
    assert done.returncode == 1
    assert "no key check of epoch 2" in done.stderr
    assert "hint: " in done.stderr
