"""Files of a pack that cannot be read: the file is named with a remedy and the right status, never a trace of the code.

Every attack is tried on each kind of file, by `lint` and by `test`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from consent.border import DEPTH_MOST, read_toml, shown
from consent.errors import FindingKind, PolicyRefused
from hub.__main__ import run
from hub.errors import Exit
from tests.cases.pack import POLICIES

EVERY = ("matrix.toml", "redlines.toml", "dutylines.toml", "waivers.toml", "cases/story.toml")
VERBS = ("lint", "test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the reference pack that may be spoilt."""
    shutil.copytree(POLICIES, tmp_path / "pack")
    return tmp_path / "pack"


def told(verb: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit status of a verb over a pack, and all it says."""
    status = run(["policy", verb, "--policies", str(folder)])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", EVERY)
def test_a_file_that_is_a_folder(name: str, verb: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Waivers too: a folder of that name is not a pack without waivers."""
    (folder / name).unlink(missing_ok=True)
    (folder / name).mkdir()
    status, said = told(verb, folder, capsys)
    assert (status, f"{name}` cannot be read: it is a folder" in said, "hint: " in said) == (Exit.USAGE, True, True)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", EVERY)
def test_a_link_to_nowhere(name: str, verb: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is there and cannot be read: waivers behind it must not be left out in silence."""
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(folder / "nowhere")
    status, said = told(verb, folder, capsys)
    assert (status, f"{name}` cannot be read" in said) == (Exit.USAGE, True)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", EVERY)
def test_a_file_in_another_encoding(name: str, verb: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line of the first letter that is no UTF-8; the content is at fault, so it is a finding."""
    (folder / name).write_bytes("# one\n# două, a țării\n".encode("iso8859-16"))
    status, said = told(verb, folder, capsys)
    assert (status, f"{name}` is not written in UTF-8 (line 2)" in said) == (Exit.FINDINGS, True)
    assert "hint: save it as UTF-8" in said


@pytest.mark.parametrize("name", EVERY)
def test_the_mark_some_editors_write_first_is_no_fault(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A byte order mark says nothing: the file is read without it, and its seal still fits."""
    path = folder / name
    path.write_bytes(b"\xef\xbb\xbf" + (path.read_bytes() if path.exists() else b""))
    assert [told(verb, folder, capsys)[0] for verb in VERBS] == [Exit.DONE, Exit.DONE]


DEEP = {
    "lists": f"a = {'[' * 100_000}",
    "lists_that_close": f"a = {'[' * 60}{']' * 60}",
    "tables": f"a{'.a' * 3_000} = 1",
    "heads": f"[a{'.a' * 3_000}]",
}


@pytest.mark.parametrize("attack", DEEP)
@pytest.mark.parametrize("name", EVERY)
def test_a_file_that_nests_without_end(
    name: str, attack: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Brackets, dotted keys and headers: a finding, not the end of the stack."""
    (folder / name).write_text(DEEP[attack], "utf-8")
    status, said = told("lint", folder, capsys)
    short = name.removeprefix("cases/")
    assert (status, f"{short} nests tables or lists more than {DEPTH_MOST} deep" in said) == (Exit.FINDINGS, True)


@pytest.mark.parametrize("number", ["9" * 5_000, "0x" + "f" * 5_000, "0x8000000000000000"])
def test_a_number_nobody_can_carry(number: str) -> None:
    """More digits than Python turns into text, and more bits than TOML promises."""
    with pytest.raises(PolicyRefused) as caught:
        read_toml("matrix.toml", f"row = [{{ id = {number} }}]")
    assert [(each.kind, "matrix.toml" in each.sentence) for each in caught.value.findings] == [
        (FindingKind.SHAPE, True)
    ]
    assert read_toml("matrix.toml", "a = 0x7fffffffffffffff")


def test_findings_cannot_steer_a_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An escape in a word of a file is not repeated, and a long word only by its beginning."""
    (folder / "cases" / "mine.toml").write_text(f'"\\u001b[2Jx" = 1\n{"y" * 5000} = 1\n', "utf-8")
    status, said = told("lint", folder, capsys)
    assert (status, "\x1b" in said, "y" * 80 + "...`" in said, "y" * 81 in said) == (Exit.FINDINGS, False, True, False)
    assert shown("a\u202eb\n") == "a\ufffdb\ufffd"


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_that_is_not_there(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No folder, a file instead of one, a name too long: each one sentence, exit 2."""
    (tmp_path / "file").touch()
    for name, says in (("gone", "it is no folder"), ("file", "it is no folder"), ("n" * 300, "cannot be read")):
        status, said = told(verb, tmp_path / name, capsys)
        assert (status, says in said, "hint: name a folder" in said or "another folder" in said) == (2, True, True)


def test_a_pack_that_lacks_a_file_says_which(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the ones that are missing are named."""
    (folder / "redlines.toml").unlink()
    assert "is not a policy pack: it has no `redlines.toml`\n" in told("lint", folder, capsys)[1]


def test_cases_that_are_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of that name is not a pack without cases."""
    shutil.rmtree(folder / "cases")
    (folder / "cases").touch()
    status, said = told("test", folder, capsys)
    assert (status, "cases` cannot be read" in said) == (Exit.USAGE, True)


@pytest.mark.parametrize("verb", VERBS)
def test_the_faults_of_all_files_are_told_at_once(verb: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pack and two files of cases, each with a misspelt word: lint tells of the cases as test does."""
    for name, before, after in (
        ("matrix.toml", 'role = "POL-M"', 'role = "POL-N"'),
        ("cases/story.toml", "refused.mobile", "refuzed.mobile"),
        ("cases/orders.toml", "[[case]]", "[[casse]]"),
    ):
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text(text.replace(before, after, 1), "utf-8")
    status, said = told(verb, folder, capsys)
    assert status == Exit.FINDINGS
    assert all(
        word in said for word in ("`POL-N`", "story.toml, case", "`refuzed`", "orders.toml, top level", "`casse`")
    )
