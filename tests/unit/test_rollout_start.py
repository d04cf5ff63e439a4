"""Which policy a gateway starts with, and which active one of the register lets it, also during a roll-out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from consent.errors import PolicyRefused
from consent.terms import Profile
from hub.__main__ import run
from hub.assemble import check_policy, deciding_policy, proven_policy
from hub.contracts.files import load_catalogue
from hub.errors import Exit, PunteError
from hub.settings import Settings
from tests.cases.pack import POLICIES, policy

CATALOGUE = load_catalogue()


@pytest.fixture
def wider(tmp_path: Path) -> Path:
    """The next version: child protection learns the relation to the aggressor, too."""
    shutil.copytree(POLICIES, tmp_path / "next")
    path = tmp_path / "next" / "matrix.toml"
    text = path.read_text("utf-8")
    assert "give = [1, 6, 9, 13, 26]" in text
    path.write_text(text.replace("give = [1, 6, 9, 13, 26]", "give = [1, 6, 9, 13, 26, 28]", 1), "utf-8")
    return tmp_path / "next"


def settings(**more: Any) -> Settings:
    """A process in the demo profile."""
    return Settings(profile=Profile.DEMO, **more)


def test_without_a_roll_out_a_gateway_decides_by_its_own_pack() -> None:
    """And only the register's same policy lets it start."""
    found = deciding_policy(settings(), CATALOGUE)
    assert found.digest == policy().digest
    check_policy({"digest": policy().digest.hex()}, found)
    with pytest.raises(PunteError):
        check_policy({"digest": bytes(32).hex()}, found)


def test_in_a_roll_out_either_version_may_be_active_and_the_stricter_goes_out(wider: Path) -> None:
    """Gateways may be restarted before and after the activation; what the new one adds waits for its end."""
    new = proven_policy(settings(policies=wider), CATALOGUE)
    found = deciding_policy(settings(policies=wider, policies_before=POLICIES), CATALOGUE)
    for active in (policy(), new):
        check_policy({"digest": active.digest.hex()}, found)
    with pytest.raises(PunteError):
        check_policy({"digest": bytes(32).hex()}, found)
    key = next(key for key in found.cells if key[:2] == ("risk.assessed", "CHILD"))
    given = {path for each in found.cells[key].table if each for path, _ in each.release.leaves}
    assert "relationship" in {p for each in new.cells[key].table if each for p, _ in each.release.leaves}
    assert "relationship" not in given
    assert given == {path for each in policy().cells[key].table if each for path, _ in each.release.leaves}


def test_a_version_that_crosses_a_line_is_refused_on_either_side(wider: Path) -> None:
    """The pack that is being replaced is proven, too: nobody knows any more what it was."""
    path = wider / "matrix.toml"
    path.write_text(
        path.read_text("utf-8").replace("give = [1, 3, 6, 13, 14, 26]", "give = [1, 3, 6, 13, 14, 26, 33]", 1)
    )
    for sides in ({"policies": wider}, {"policies_before": wider}):
        with pytest.raises(PolicyRefused, match="INV-26"):
            deciding_policy(settings(**sides), CATALOGUE)


def test_what_both_give_needs_schemas_of_its_own(wider: Path, tmp_path: Path) -> None:
    """`punte policy compile --before OLD` writes what a roll-out adds; `--check` tells that it is missing."""
    shutil.copytree(POLICIES.parents[1] / "schemas", tmp_path / "schemas")
    old = tmp_path / "old"
    shutil.copytree(POLICIES, old)
    path = old / "matrix.toml"
    narrowed = path.read_text("utf-8").replace("give = [1, 6, 9, 13, 14, 16, 26]", "give = [1, 9, 13, 14, 16, 26]", 1)
    path.write_text(narrowed.replace("give = [1, 6, 13, 14, 26]", "give = [1, 13, 14, 26]", 1), "utf-8")
    words = [
        "policy",
        "compile",
        "--policies",
        str(wider),
        "--before",
        str(old),
        "--schemas",
        str(tmp_path / "schemas"),
    ]
    assert run([*words, "--check"]) == Exit.FINDINGS
    assert run(words) == Exit.DONE
    assert run([*words, "--check"]) == Exit.DONE
