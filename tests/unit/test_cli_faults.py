"""Faults a developer makes with the schemas are a sentence and a remedy; one of ours never tells its message."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hub.__main__ import run
from hub.contracts.files import schema_root
from hub.errors import Exit

FAULTY = {
    "no_class": ("events/child.involved/v1.avsc", '"punte.class": "S6", ', "", "give it `punte.class`"),
    "no_comma": ("events/child.involved/v1.avsc", "},\n", "}\n", "correct its form"),
    "no_owner": ("catalogue.toml", 'owner = "IPJ Cluj, operational centre"\n', "", "give it 'owner'"),
    "unknown_role": ("catalogue.toml", '"POL-D", ', '"POL-X", ', "'POL-X' is not a valid Role"),
    "comma_too_many": ("lock.json", '    "threat.disclosed/v1": 1021\n', "", "correct its form"),
    "another_id": ("lock.json", '"child.involved/v1"', '"child.involved/v0"', "restore the file"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_schema_is_a_sentence(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """File, field and what to do, status 3, and the same as JSON."""
    file, before, after, says = FAULTY[name]
    schemas = Path(shutil.copytree(str(schema_root()), tmp_path / "schemas"))
    text = (schemas / file).read_text("utf-8")
    assert before in text
    (schemas / file).write_text(text.replace(before, after, 1), "utf-8")
    assert run(["policy", "compile", "--schemas", str(schemas)]) == Exit.FINDINGS
    told = capsys.readouterr().err
    assert told.startswith("error: schemas/")
    assert says in told
    assert run(["policy", "compile", "--schemas", str(schemas), "--json"]) == Exit.FINDINGS
    assert json.loads(capsys.readouterr().out)["error"] == "schema_refused"


def test_a_fault_of_ours_tells_type_and_place_and_no_message() -> None:
    """The message can hold a value of a record; the status is 1."""
    script = (
        "import sys, hub.cli.explain as noun\n"
        "def main() -> int:\n"
        "    raise ValueError('Ioana Exemplu')\n"
        "noun.main, sys.argv = main, ['punte', 'explain']\n"
        "from hub.__main__ import main as punte\n"
        "punte()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == Exit.FAILED
    assert "a fault of Punte itself: ValueError at" in done.stderr
    assert "Ioana" not in done.stderr + done.stdout


def test_encode_prints_the_golden_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    """What stands beside an example is what the command prints."""
    example = Path(str(schema_root())) / "examples/child.involved/valid-full.json"
    assert run(["event", "encode", str(example), "--type", "child.involved"]) == Exit.DONE
    assert capsys.readouterr().out == example.with_suffix(".hex").read_text("utf-8")
