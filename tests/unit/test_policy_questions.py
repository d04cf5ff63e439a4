"""Who could ever get it, what rests on which law or waiver, what one organisation learns in all, what would change."""

from __future__ import annotations

import json
import os
import shutil
import string
import subprocess
import sys
from pathlib import Path

import pytest

from consent.cases import shadow_policy
from consent.cells import selections
from consent.compare import Change
from consent.errors import Finding, FindingKind
from consent.messages import Language
from consent.pack import parse_pack
from consent.reach import learned_by, reach, resting
from consent.terms import PERP_SIDE, Reveals, Transform
from hub.__main__ import run
from hub.errors import Exit
from hub.views.change_told import compared_lines, impact_lines, reach_lines
from hub.views.change_words import EN, RO
from hub.views.impact import Replayed
from tests.cases.pack import POLICIES, policy, texts, types
from tests.support.published import faults

WAIVER = """
[[waiver]]
id = "W-01"
rows = ["R1", "O1"]
controller = "Parchetul"
by = ["p-7"]
until = 2027-03-31
why = "until the order is confirmed"
"""


def test_everything_that_can_leave_has_a_way() -> None:
    """The ways are exactly the leaves of all compiled releases, each under guards that do select it."""
    ways = list(reach(policy(), types()))
    wanted = {
        (*cell.key, path)
        for cell in policy().cells.values()
        for _, s in selections(cell)
        for path, _ in s.release.leaves
    }
    assert {way[:4] for way in ways} == wanted
    for way in ways:
        cell = policy().cells[way.event, way.role, way.purpose]  # type: ignore[index]
        for guards in way.when:
            selected = cell.table[cell.mask(guards)]
            assert selected is not None
            assert dict(selected.release.leaves)[way.path] is way.how


def test_the_least_guards_are_the_least() -> None:
    """Taking any guard of a way away, the field is not given by that row any more."""
    for way in reach(policy(), types()):
        cell = policy().cells[way.event, way.role, way.purpose]  # type: ignore[index]
        for guards in way.when:
            for one in guards:
                bits = cell.mask([each for each in guards if each is not one])
                selected = cell.table[bits]
                given = selected and (way.path, way.how, way.row) in {
                    (path, how, row) for (path, how), row in zip(selected.release.leaves, selected.rules, strict=True)
                }
                assert not given or bits not in cell.possible


def test_who_tells_of_proposals_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the aggressor lives: probation only by a proposal, and that is said."""
    assert run(["policy", "who", "--reveals", "suspect-place", "--json"]) == Exit.DONE
    ways = json.loads(capsys.readouterr().out)["ways"]
    assert {way["law_status"] for way in ways if way["role"] == "PROB"} == {"proposal"}
    assert {way["role"] for way in ways} == {"POL-M", "PROS", "SW-C", "SHEL", "PROB"}


def test_nobody_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """What no schema reveals nobody can get, in both languages."""
    assert run(["policy", "who", "--reveals", "shelter", "--lang", "ro"]) == Exit.DONE
    assert "Nimeni" in capsys.readouterr().out


def test_what_rests_on_a_waiver(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows it names with the fields they give; an unknown waiver is refused with a remedy."""
    shutil.copytree(POLICIES, tmp_path / "pack")
    (tmp_path / "pack" / "waivers.toml").write_text(WAIVER, "utf-8")
    words = ["policy", "rests-on", "--policies", str(tmp_path / "pack")]
    assert run([*words, "--waiver", "W-01", "--json"]) == Exit.DONE
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["row"] for row in rows] == ["R1", "O1"]
    assert "answers[].value" in rows[0]["paths"]
    assert run([*words, "--waiver", "W-02"]) == Exit.USAGE


def test_every_row_in_doubt_is_listed_with_what_hangs_on_it() -> None:
    """Rows whose law is not confirmed; none of them gives nothing."""
    pack = parse_pack(texts(), types())
    rows = [row.id for row in pack.matrix.rows if row.basis.status != "ok"]
    found = list(resting(shadow_policy(pack, types()), rows, types()))
    assert [each.row for each in found] == rows
    assert all(each.paths for each in found)


def test_an_organisation_learns_what_its_units_learn_together() -> None:
    """One directorate with a victims' centre and a lodging learns the union; the perpetrator's side alone no place."""
    ways = list(reach(shadow_policy(parse_pack(texts(), types()), types()), types()))
    pairs = {"town": {("SW-L", "P6"), ("LODGE", "P11")}, "side": {(role.value, "P5") for role in PERP_SIDE}}
    learned = learned_by(ways, pairs)
    assert learned["town"].keys() >= {Reveals.VICTIM_PLACE, Reveals.CHILD}
    assert not learned["side"].keys() & {
        Reveals.VICTIM_PLACE,
        Reveals.SAFE_PLACE,
        Reveals.CONTACT,
        Reveals.HELP_SEEKING,
    }


def test_compare_tells_gains_first_and_ends_with_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A group more for child protection: exit 3, who, which field, what it reveals, when, by which row; ro and en."""
    shutil.copytree(POLICIES, tmp_path / "new")
    path = tmp_path / "new" / "matrix.toml"
    wide = path.read_text("utf-8").replace("give = [1, 6, 9, 13, 26]", "give = [1, 6, 9, 13, 26, 28]", 1)
    path.write_text(wide, "utf-8")
    words = ["policy", "compare", str(POLICIES), str(tmp_path / "new")]
    assert run(words) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert "CHILD P8 gains `relationship` of risk.assessed (as it is; reveals offence) when" in told
    assert "by row R8" in told
    assert run([*words, "--lang", "ro"]) == Exit.FINDINGS
    assert "CHILD P8 câștigă `relationship`" in capsys.readouterr().out
    assert run(["policy", "compare", str(tmp_path / "new"), str(POLICIES)]) == Exit.DONE
    assert "0 gained, 1 lost; from " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["OLD", "NEW"])
def test_compare_says_which_pack_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words and as JSON that fits its schema; the other pack is not blamed."""
    shutil.copytree(POLICIES, tmp_path / "bad")
    path = tmp_path / "bad" / "matrix.toml"
    path.write_text(path.read_text("utf-8").replace("give = [1, 6, 9, 13, 26]", "give = [1, 6, 9, 10, 26]", 1), "utf-8")
    packs = [str(tmp_path / "bad" if each == name else POLICIES) for each in ("OLD", "NEW")]
    assert run(["policy", "compare", *packs]) == Exit.FINDINGS
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{name} is refused in profile demo: ")
    assert run(["policy", "compare", *packs, "--json"]) == Exit.FINDINGS
    told = json.loads(capsys.readouterr().out)
    assert (told["pack"], faults("policy-compare.v1", told)) == (name, [])


def test_impact_tells_a_bad_pack_before_it_asks_kafka(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With no Kafka anywhere the findings come all the same; a good pack then meets the one error, with its remedy."""
    monkeypatch.setenv("PUNTE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    shutil.copytree(POLICIES, tmp_path / "bad")
    path = tmp_path / "bad" / "matrix.toml"
    path.write_text(path.read_text("utf-8").replace("give = [1, 6, 9, 13, 26]", "give = [1, 6, 9, 10, 26]", 1), "utf-8")
    assert run(["policy", "impact", str(tmp_path / "bad")]) == Exit.FINDINGS
    assert "NEW is refused in profile demo: " in capsys.readouterr().out
    assert run(["policy", "impact", str(tmp_path / "bad"), "--json"]) == Exit.FINDINGS
    assert faults("policy-impact.v1", json.loads(capsys.readouterr().out)) == []


def test_a_command_that_finds_no_kafka_says_so_once() -> None:
    """The client's own line about a failed connection is not shown beside our error."""
    environment = os.environ | {"PUNTE_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    line = [sys.executable, "-m", "hub", "policy", "impact", str(POLICIES)]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == Exit.FAILED
    assert done.stdout == ""
    assert done.stderr.startswith("error: no Kafka answers at `127.0.0.1:1`\n\nhint: ")
    assert "Unable" not in done.stderr


@pytest.mark.parametrize(
    ("n", "ways", "compared", "asked"),
    [
        (1, "1 cale", "1 câștig, 1 pierdere, 1 ușurare", "1 hotărâre întrebată din nou; 1 a fost luată "),
        (2, "2 căi", "2 câștiguri, 2 pierderi, 2 ușurări", "2 hotărâri întrebate din nou; 2 au fost luate "),
        (
            *(20, "20 de căi", "20 de câștiguri, 20 de pierderi, 20 de ușurări"),
            "20 de hotărâri întrebate din nou; 20 au fost luate ",
        ),
    ],
)
def test_counts_take_the_romanian_form_of_their_number(n: int, ways: str, compared: str, asked: str) -> None:
    """One, few and many in every last line."""
    way = next(iter(reach(policy(), types())))
    assert list(reach_lines([way] * n, Language.RO))[-1] == f"{ways}, 1 rol"
    gain = Change("t", "R", "P", "p", None, Transform.AS_IS, (), "R1", frozenset({Reveals.NONE}))
    changes = [gain] * n + [gain._replace(before=Transform.AS_IS, after=None)] * n
    ease = [Finding(FindingKind.EASED, "s")] * n
    told = list(compared_lines(changes, ease, {"old": "a", "new": "b"}, Language.RO))[-1]
    assert told == f"{compared}; de la a la b"
    assert list(impact_lines(Replayed((), n, n), Language.RO))[-1].startswith(asked)


def test_guards_are_called_as_on_the_printed_page(capsys: pytest.CaptureFixture[str]) -> None:
    """No spelling of the matrix in a sentence: a child lives in the household."""
    assert run(["policy", "who", "--field", "childInHousehold"]) == Exit.DONE
    told = capsys.readouterr().out
    assert "and a child lives in the household" in told
    assert "=yes" not in told


def test_both_languages_hold_the_same_sentences() -> None:
    """Same keys, same slots."""

    def slots(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert EN.keys() == RO.keys()
    assert all(slots(EN[key]) == slots(RO[key]) for key in EN)
