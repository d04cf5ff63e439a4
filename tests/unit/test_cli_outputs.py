"""Every command that can print JSON has a published schema, and what it prints fits it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from hub.__main__ import run
from hub.cli import NOUNS, build
from tests.support.published import faults

ROOT = Path(__file__).parents[2]
CLUJ = str(ROOT / "deploy/federation/cluj.toml")
PACK = str(ROOT / "consent/policies")
EXAMPLES = ROOT / "schemas/examples/child.involved"
TYPE = ("--type", "child.involved")


def commands() -> Iterator[tuple[str, str, Any]]:
    """Noun, verb (empty where there is none) and command of everything one can type."""
    for noun in NOUNS:
        found: Any = get_command(build(noun.name))
        of_noun = found.commands[noun.name]
        if noun.verbs:
            yield from ((noun.name, name, verb) for name, verb in of_noun.commands.items())
        else:
            yield noun.name, "", of_noun


def published() -> set[str]:
    """Names of the schemas in `schemas/cli`."""
    return {file.name.removesuffix(".v1.json") for file in files("schemas").joinpath("cli").iterdir()}


EVERY = [pytest.param(*each, id=f"{each[0]} {each[1]}".strip()) for each in commands()]


@pytest.mark.parametrize(("noun", "verb", "command"), EVERY)
def test_every_command_prints_json_by_a_published_schema(noun: str, verb: str, command: Any) -> None:
    """All but those that run until they are stopped; a verb without a schema of its own has its noun's."""
    asked = any("--json" in option.opts for option in command.params)
    assert asked is (noun != "run")
    assert not asked or {noun, f"{noun}-{verb}"} & published()


@pytest.mark.parametrize(("noun", "verb", "command"), EVERY)
def test_every_command_and_option_says_what_it_does(noun: str, verb: str, command: Any) -> None:
    """In one sentence in the list of commands, and beside each option."""
    assert command.help
    assert not [option.name for option in command.params if not getattr(option, "help", None)]


def test_no_schema_is_left_over() -> None:
    """Each is of a command, or of the errors of all."""
    wanted = {name for noun, verb, _ in commands() for name in (noun, f"{noun}-{verb}")}
    assert published() - wanted == {"error"}


PRINTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "proven": ("policy-prove", ("policy", "prove")),
    "not_proven": ("policy-prove", ("policy", "prove", "--profile", "production")),
    "shown": ("policy-show", ("policy", "show")),
    "not_shown": ("policy-show", ("policy", "show", "--profile", "production")),
    "compiled": ("policy-compile", ("policy", "compile", "--check")),
    "compared": ("policy-compare", ("policy", "compare", PACK, PACK)),
    "who_reveals": ("policy-who", ("policy", "who", "--reveals", "safe-place")),
    "who_field": ("policy-who", ("policy", "who", "--field", "victim.cnp")),
    "rests_on_law": ("policy-rests-on", ("policy", "rests-on", "--law", "unconfirmed")),
    "organisations": ("policy-organisations", ("policy", "organisations", "--federation", CLUJ)),
    "asked_nothing": ("error", ("policy", "who")),
    "no_such_waiver": ("error", ("policy", "rests-on", "--waiver", "nothing")),
    "linted": ("policy-lint", ("policy", "lint")),
    "laid_out": ("policy-format", ("policy", "format", "--check")),
    "tested": ("policy-test", ("policy", "test")),
    "matrix": ("policy-matrix", ("policy", "matrix")),
    "no_matrix": ("policy-matrix", ("policy", "matrix", "--profile", "production")),
    "processing": ("policy-record-of-processing", ("policy", "record-of-processing")),
    "processing_in_romanian": ("policy-record-of-processing", ("policy", "record-of-processing", "--lang", "ro")),
    "planned": ("topic-plan", ("topic", "plan", "--federation", CLUJ)),
    "valid": ("event", ("event", "validate", str(EXAMPLES / "valid-full.json"), *TYPE)),
    "encoded": ("event-encode", ("event", "encode", str(EXAMPLES / "valid-full.json"), *TYPE)),
    "explained": ("explain", ("explain",)),
    "explained_in_romanian": ("explain", ("explain", "bound", "--lang", "ro")),
    "misread": ("error", ("policy", "prove", "--no-such-option")),
    "no_such_pack": ("error", ("policy", "prove", "--policies", "/nonexistent")),
    "no_such_type": ("error", ("event", "encode", str(EXAMPLES / "valid-full.json"), "--type", "nothing")),
}


@pytest.mark.parametrize("name", PRINTED)
def test_what_is_printed_fits_its_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON value on standard output, nothing else, whether it went well or not."""
    schema, words = PRINTED[name]
    run([*words, "--json"])
    assert faults(f"{schema}.v1", json.loads(capsys.readouterr().out)) == []


def test_a_refused_record_fits_its_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Code, path and remedy of a record that admission would refuse."""
    faulty = json.loads((EXAMPLES / "faulty-place-not-in-list.json").read_text("utf-8"))
    (tmp_path / "faulty.json").write_text(json.dumps(faulty["record"]), "utf-8")
    run(["event", "validate", str(tmp_path / "faulty.json"), *TYPE, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert faults("event.v1", told) == []
    assert {"code": told["code"], "path": told["path"]} == faulty["refused"]
