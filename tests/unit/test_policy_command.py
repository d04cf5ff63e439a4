"""`punte policy prove|show|compile`.

Statuses, tables and JSON, for the installed pack and for a folder with a faulty one.
"""

from __future__ import annotations

import json
import shutil
import string
from pathlib import Path

import pytest

from consent.pack import all_releases, parse_pack
from hub.__main__ import run
from hub.contracts.files import read_lock, schema_root
from hub.errors import Exit
from hub.views.proof_words import EN, RO
from tests.cases.pack import POLICIES, policy, texts, types

LEAK = """
[[exists]]
event = "ppo.issued"
role = "PROB"
purpose = "P5"
when = [["relation(suspect)"]]

[[row]]
id = "X91"
event = "ppo.issued"
role = "PROB"
purpose = "P5"
when = ["relation(suspect)"]
give = [33]
basis = "B11"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the reference pack to spoil."""
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


def spoil(folder: Path, before: str, after: str) -> None:
    """Change one place of the matrix."""
    text = (folder / "matrix.toml").read_text("utf-8")
    assert before in text
    (folder / "matrix.toml").write_text(text.replace(before, after, 1), "utf-8")


def test_prove_shows_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0; each line with what was looked at; unconfirmed and proposal rows stated.

    What production would lack noted.
    """
    assert run(["policy", "prove"]) == Exit.DONE
    shown = capsys.readouterr().out
    assert all(proof.line in shown for proof in policy().proofs)
    assert "unconfirmed law, released in the demo profile only: rows I4 I5" in shown
    assert "proposals, proven and never released: rows O11" in shown
    assert "in production 56 duty lines would be unserved" in shown
    assert f"over {len(policy().releases)} releases of {len(policy().cells)} cells" in shown


def test_prove_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object with the same facts."""
    assert run(["policy", "prove", "--json"]) == Exit.DONE
    shown = json.loads(capsys.readouterr().out)
    assert (shown["profile"], shown["refused"], shown["releases"], shown["findings"]) == (
        "demo",
        False,
        len(policy().releases),
        [],
    )
    assert shown["digest"] == policy().digest.hex()
    assert {line["line"] for line in shown["lines"]} == {proof.line for proof in policy().proofs}
    assert all(line["looked"] > 0 for line in shown["lines"])
    assert {note["kind"] for note in shown["notes"]} == {"unconfirmed"}


def test_a_leak_to_probation_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row that shows hidden places to probation: exit 3, with line, row, role, field and guard named."""
    text = (folder / "matrix.toml").read_text("utf-8")
    (folder / "matrix.toml").write_text(text + LEAK, "utf-8")
    assert run(["policy", "prove", "--policies", str(folder)]) == Exit.FINDINGS
    shown = capsys.readouterr().out
    assert "INV-26: PROB P5 would learn `placesHidden[].address`" in shown
    assert "by row X91, when relation(suspect)" in shown
    assert run(["policy", "prove", "--policies", str(folder), "--json"]) == Exit.FINDINGS
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {"INV-02", "INV-26"} <= {f["line"] for f in found if f["row"] == "X91"}


def test_a_starved_duty_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A floor field taken from the prosecutor: exit 3, with duty line, row and field named."""
    spoil(folder, "give = [1, 6, 9, 10, 13, 15, 26, 28]", "give = [1, 6, 9, 10, 13, 15, 26]")
    assert run(["policy", "prove", "--policies", str(folder)]) == Exit.FINDINGS
    assert "D-03: PROS would miss `relationship` of risk.assessed by row R1" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["show", "compile"])
def test_a_refused_pack_is_neither_shown_nor_compiled(folder: Path, verb: str, tmp_path: Path) -> None:
    """Both end with 3 and write nothing."""
    spoil(folder, 'role = "POL-M"', 'role = "POL-N"')
    schemas = Path(shutil.copytree(str(schema_root()), tmp_path / "schemas"))
    extra = ["--schemas", str(schemas)] if verb == "compile" else []
    before = {path: path.read_bytes() for path in schemas.rglob("*.*") if path.is_file()}
    assert run(["policy", verb, "--policies", str(folder), *extra]) == Exit.FINDINGS
    assert {path: path.read_bytes() for path in schemas.rglob("*.*") if path.is_file()} == before


def test_production_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """On confirmed law alone duties are unserved: exit 3, kind `unconfirmed`."""
    assert run(["policy", "prove", "--profile", "production", "--json"]) == Exit.FINDINGS
    assert {f["kind"] for f in json.loads(capsys.readouterr().out)["findings"]} == {"unconfirmed"}


def test_show_is_one_array(capsys: pytest.CaptureFixture[str]) -> None:
    """Each release of each cell: who, when, which field by which transform and row."""
    assert run(["policy", "show", "--json"]) == Exit.DONE
    shown = json.loads(capsys.readouterr().out)
    assert {tuple(entry) for entry in shown} == {("event_type", "role", "purpose", "guards", "fields", "rules")}
    assert len({(entry["event_type"], entry["role"], entry["purpose"]) for entry in shown}) == len(policy().cells)
    assert all(len(entry["fields"]) == len(entry["rules"]) > 0 for entry in shown)
    emis = next(e for e in shown if (e["event_type"], e["role"]) == ("ppo.issued", "EMIS"))
    assert emis["guards"] == ["area", "content:emisConsent=accepted"]
    assert emis["fields"]["orderRef"] == "pairwise"
    assert not [path for path in emis["fields"] if path.startswith(("victim", "suspect"))]


def test_show_marks_unconfirmed_law(capsys: pytest.CaptureFixture[str]) -> None:
    """In text each field stands with its row and law, unconfirmed marked."""
    assert run(["policy", "show"]) == Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert any(line.endswith("[unconfirmed]") and " R1 " in line for line in lines)
    assert not any(line.endswith("[unconfirmed]") and " K1 " in line for line in lines)


def test_the_committed_releases_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    """Compiled releases are committed: a matrix changed without `punte policy compile` is red."""
    assert run(["policy", "compile", "--check"]) == Exit.DONE, capsys.readouterr().out


def test_compile_writes_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed schema is stale, is written again with the same id, and is fresh then."""
    schemas = Path(shutil.copytree(str(schema_root()), tmp_path / "schemas"))
    ids = read_lock()["releases"]
    name = next(iter(ids))
    (schemas / "releases" / f"{name}.avsc").write_text("{}", "utf-8")
    where = ["--schemas", str(schemas)]
    assert run(["policy", "compile", "--check", *where]) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert f"stale releases/{name}.avsc" in told
    assert told.endswith("\n\nhint: run `punte policy compile` and commit what it writes\n")
    assert run(["policy", "compile", *where]) == Exit.DONE
    assert "hint" not in capsys.readouterr().out
    assert run(["policy", "compile", "--check", *where]) == Exit.DONE
    assert json.loads((schemas / "lock.json").read_text("utf-8"))["releases"] == ids


def test_every_release_of_either_profile_has_an_id() -> None:
    """And a proposal has none."""
    pack = parse_pack(texts(), types())
    assert {release.name for release in all_releases(pack, types())} <= set(read_lock()["releases"])


def test_a_folder_that_is_no_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence and a remedy, exit 2."""
    assert run(["policy", "prove", "--policies", str(tmp_path)]) == Exit.USAGE
    assert "is not a policy pack" in capsys.readouterr().err


def test_prove_show_and_compile_speak_romanian(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Heads, law, counts with their plural, guards and hint; no English sentence but what the pack itself says."""
    assert run(["policy", "prove", "--lang", "ro"]) == Exit.DONE
    told = capsys.readouterr().out.splitlines()
    assert told[0].split() == ["linie", "cercetate", "ms", "enunț"]
    assert "\nlege neconfirmată, se transmite numai în profilul demo: rândurile I4 I5" in "\n".join(told)
    assert "\nnotă: în producție 56 de linii de îndatorire nu ar fi servite" in "\n".join(told)
    assert f"dovedit: 22 de invarianți și 73 de îndatoriri peste {len(policy().releases)} de divulgări din" in told[-1]
    assert "12 invarianți prin teste" in told[-1]
    assert run(["policy", "show", "--lang", "ro"]) == Exit.DONE
    shown = capsys.readouterr().out
    guards = "locul se află în raza unității și dispozitivul a fost acceptat"
    assert f"ppo.issued -> EMIS P3, când {guards}\n" in shown
    assert " [lege neconfirmată]" in shown
    assert " when " not in shown
    schemas = str(shutil.copytree(str(schema_root()), tmp_path / "schemas"))
    assert run(["policy", "compile", "--check", "--schemas", schemas, "--lang", "ro"]) == Exit.DONE
    assert capsys.readouterr().out == "89 de divulgări, de rescris 0 fișiere\n"


def test_both_languages_of_the_proof_hold_the_same_sentences() -> None:
    """Same keys, same slots; letters with the comma below."""

    def slots(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert {key: slots(text) for key, text in EN.items()} == {key: slots(text) for key, text in RO.items()}
    assert not set("şţŞŢ") & set("".join(RO.values()))
