"""`punte policy matrix` and `punte policy record-of-processing`: what they print, write, and refuse to write."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from consent.messages import Language
from hub.__main__ import run
from hub.cli.policy_print import write_whole
from hub.errors import Exit, PunteError
from hub.views.processing_told import TITLE
from tests.cases.pack import POLICIES, policy


def test_the_page_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One HTML file with the digest of the policy; the answer says how much is on it."""
    file = tmp_path / "matrix.html"
    assert run(["policy", "matrix", "--html", str(file)]) == Exit.DONE
    text = file.read_text("utf-8")
    assert text.startswith("<!doctype html>\n")
    assert policy().digest.hex() in text
    assert f"{len(policy().cells)} cells, {len(policy().releases)} releases" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [file]


def test_the_same_policy_gives_the_same_bytes(tmp_path: Path) -> None:
    """No clock and no chance on the page: two prints of one policy can be compared."""
    for name in ("one.html", "two.html"):
        run(["policy", "matrix", "--html", str(tmp_path / name)])
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_no_file_is_replaced_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A signed page stays as it is; `--force` replaces it; nothing is left beside it either way."""
    file = tmp_path / "matrix.html"
    file.write_text("signed", "utf-8")
    assert run(["policy", "matrix", "--html", str(file)]) == Exit.USAGE
    assert "--force" in capsys.readouterr().err
    assert file.read_text("utf-8") == "signed"
    assert run(["policy", "matrix", "--html", str(file), "--force"]) == Exit.DONE
    assert file.read_text("utf-8") != "signed"
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """A folder that is not there, and a text that cannot be encoded halfway: no file, no part of one."""
    with pytest.raises(PunteError, match="cannot be written"):
        write_whole(tmp_path / "no" / "matrix.html", "text", force=False)
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "matrix.html", "text \ud800", force=False)
    assert list(tmp_path.iterdir()) == []


def test_json_and_page_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The model on standard output, the page in its file, both of one policy."""
    file = tmp_path / "matrix.html"
    assert run(["policy", "matrix", "--html", str(file), "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == policy().digest.hex()
    assert told["digest"] in file.read_text("utf-8")


def test_asked_for_nothing_it_says_what_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a file nor JSON: status of usage, and the words to add."""
    assert run(["policy", "matrix"]) == Exit.USAGE
    assert "--html FILE" in capsys.readouterr().err


def test_a_refused_pack_is_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A matrix with an unknown word: findings, and no page, and no record."""
    folder = Path(shutil.copytree(POLICIES, tmp_path / "policies"))
    text = (folder / "matrix.toml").read_text("utf-8")
    (folder / "matrix.toml").write_text(text.replace('role = "POL-R"', 'role = "POLR"', 1), "utf-8")
    file = tmp_path / "matrix.html"
    for words in (["matrix", "--html", str(file)], ["record-of-processing"]):
        assert run(["policy", *words, "--policies", str(folder)]) == Exit.FINDINGS
        assert "POLR" in capsys.readouterr().out
    assert not file.exists()


@pytest.mark.parametrize("lang", Language)
def test_the_record_is_printed_in_the_language_asked_for(lang: Language, capsys: pytest.CaptureFixture[str]) -> None:
    """Text and JSON."""
    title = TITLE.ro if lang is Language.RO else TITLE.en
    assert run(["policy", "record-of-processing", "--lang", lang]) == Exit.DONE
    assert capsys.readouterr().out.startswith(title)
    assert run(["policy", "record-of-processing", "--lang", lang, "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["title"] == title
