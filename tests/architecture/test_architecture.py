"""The architecture holds: every law over every tracked file."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.errors import ERRORS
from tests.architecture import laws, sizes, texts

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {
    *(
        ".ci",
        ".gitignore",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "connectors",
        "consent",
    ),
    *("deploy", "hub", "pyproject.toml", "requirements-dev.lock", "requirements.lock", "schemas", "tests"),
}
Law = Callable[[str, str], Iterator[str]]


def tracked() -> dict[str, str]:
    """The text of every file that git tracks or would track, by its path from the root; binary files are left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    found = {}
    for path in sorted(set(listed.stdout.decode().split("\0")) - {""}):
        data = (ROOT / path).read_bytes() if (ROOT / path).is_file() else b"\0"
        if b"\0" not in data[:8000]:
            found[path] = data.decode(errors="replace")
    return found


FILES = tracked()
PRODUCT = {
    path: text
    for path, text in FILES.items()
    if path.endswith(".py") and path.split("/")[0] in {"hub", "consent", "connectors", "schemas"}
}
TESTS = {path: text for path, text in FILES.items() if path.endswith(".py") and path.startswith("tests/")}


def findings(law: Law, files: dict[str, str]) -> list[str]:
    """What a law finds over many files."""
    return [sentence for path, text in files.items() for sentence in law(path, text)]


def test_there_is_something_to_look_at() -> None:
    """A check over no file would pass and prove nothing."""
    assert len(PRODUCT) > 20
    assert len(TESTS) > 3


@pytest.mark.parametrize("name", laws.LAWS)
def test_law_of_product_code(name: str) -> None:
    """No file of the product breaks this law."""
    assert findings(laws.LAWS[name], PRODUCT) == []


@pytest.mark.parametrize("name", laws.TEST_LAWS)
def test_law_of_test_code(name: str) -> None:
    """No test breaks this law."""
    assert findings(laws.TEST_LAWS[name], TESTS) == []


def test_every_code_has_its_row() -> None:
    """A code shown to a person has an exit status, a title and a remedy."""
    assert findings(lambda path, text: laws.find_codes(path, text, set(ERRORS)), PRODUCT) == []


def test_nothing_is_oversize() -> None:
    """No file, function or parameter list is beyond its budget."""
    assert findings(sizes.find_oversize, {**PRODUCT, **TESTS}) == []


def test_most_things_are_small() -> None:
    """The median and the ninetieth percentile keep the budget of the house style."""
    assert list(sizes.find_crowd(PRODUCT)) == []


@pytest.mark.parametrize(
    "law",
    [texts.find_machine, texts.find_registry, texts.find_lock_address, texts.find_person, texts.find_cedilla],
    ids=lambda law: law.__name__,
)
def test_no_tracked_file_holds(law: Law) -> None:
    """Neither a machine's folder, a registry, an address in a lock, a real person, nor a cedilla."""
    assert findings(law, FILES) == []


def test_top_level_is_closed() -> None:
    """No file or folder is added beside those of the architecture."""
    assert {path.split("/")[0] for path in FILES} - TOP_LEVEL == set()
