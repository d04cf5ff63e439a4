"""Who could ever get it, what rests on which law or waiver, what one organisation learns in all, what would change."""

from __future__ import annotations

import json
import re
import shutil
import string
from collections.abc import Mapping
from pathlib import Path

import pytest

from consent.cases import shadow_policy
from consent.cells import selections
from consent.messages import counted
from consent.pack import parse_pack
from consent.reach import learned_by, reach, resting
from consent.terms import PERP_SIDE, Reveals
from hub.__main__ import run
from hub.errors import Exit
from hub.views.change_words import EN, RO
from tests.cases.pack import POLICIES, policy, texts, types

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
    assert "1 lost" in capsys.readouterr().out


def test_both_languages_hold_the_same_sentences() -> None:
    """Same keys, same slots."""

    def slots(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert EN.keys() == RO.keys()
    assert all(slots(EN[key]) == slots(RO[key]) for key in EN)


@pytest.mark.parametrize(
    ("table", "n", "told"),
    [
        (EN, 1, ("1 gained", "1 lost", "1 way", "1 role", "1 was made")),
        (EN, 20, ("20 gained", "20 lost", "20 ways", "20 roles", "20 were made")),
        (RO, 1, ("1 câștigată", "1 pierdută", "1 cale", "1 rol", "1 a fost luată")),
        (RO, 2, ("2 câștigate", "2 pierdute", "2 căi", "2 roluri", "2 au fost luate")),
        (
            RO,
            20,
            (
                *("20 de schimbări câștigate", "20 de schimbări pierdute", "20 de căi", "20 de roluri"),
                "20 de hotărâri au fost luate",
            ),
        ),
    ],
)
def test_what_is_counted_stands_in_the_right_form(table: Mapping[str, str], n: int, told: tuple[str, ...]) -> None:
    """Gains, losses, ways, roles and decisions of another policy, in both languages; the templates hold no noun."""
    nouns = ("gains", "losses", "ways", "roles", "others")
    assert tuple(counted(n, noun, table) for noun in nouns) == told
    assert table["reach_count"] == "{count}, {roles}"
    assert table["changed"].startswith("{gains}, {losses}; ")


def test_one_way_and_one_change_are_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`who` and `compare`, in Romanian: one group less for one role is one change."""
    shutil.copytree(POLICIES, tmp_path / "pack")
    path = tmp_path / "pack" / "matrix.toml"
    path.write_text(path.read_text("utf-8").replace("give = [1, 6, 9, 13, 26]", "give = [1, 6, 9, 26]", 1), "utf-8")
    run(["policy", "compare", str(POLICIES), str(path.parent), "--lang", "ro"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.match(r"0 câștigate, (1 pierdută|\d+ pierdute); de la ", last)
    assert run(["policy", "who", "--field", "childInHousehold", "--lang", "ro"]) == 0
    assert re.fullmatch(r"\d+ (căi|de căi), \d+ roluri", capsys.readouterr().out.splitlines()[-1])
