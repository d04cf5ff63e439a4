"""A wheel contains everything: what is proven in the checkout is proven from the wheel, far from the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("consent", "hub", "connectors", "schemas")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder with the wheel installed into it, and nothing else."""
    target = wheel.parent / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    return target


def punte(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the installed command from an empty folder, with the dependencies of this environment."""
    elsewhere = installed.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, str(installed / "bin" / "punte"), *words]
    return subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)


def test_wheel_holds_every_tracked_file_of_its_packages(wheel: Path) -> None:
    """Schemas, policies, locks and templates are in the wheel: what git tracks, it holds."""
    listed = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {path for path in listed.stdout.splitlines() if (ROOT / path).exists()}
    assert len(tracked) > 50
    held = set(zipfile.ZipFile(wheel).namelist())
    assert tracked - held == set()
    assert "hub/demo/cluj.toml" in held


def test_wheel_proves_its_policy_outside_the_checkout(installed: Path) -> None:
    """`punte policy prove` runs from the wheel, with the wheel's own code and tables."""
    where = "import hub, consent, schemas; print(hub.__file__, consent.__file__, schemas.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    shown = subprocess.run(
        [sys.executable, "-c", where], cwd=installed, env=environment, capture_output=True, check=True
    )
    assert shown.stdout.decode().count(str(installed)) == 3
    proven = punte(installed, "policy", "prove")
    assert (proven.returncode, proven.stderr) == (0, "")


def test_wheel_shows_the_broker_command(installed: Path) -> None:
    """The embedded broker's command and its lock are there, and say what is missing in a sentence."""
    assert "status" in punte(installed, "broker", "--help").stdout
    told = punte(installed, "broker", "status", "--json")
    assert (told.returncode, json.loads(told.stdout)["error"]) == (1, "broker_not_running")
