"""Between two versions: a package that opens more easily, an obligation that is gone, what a role keeps from before."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from consent.errors import Finding, FindingKind
from consent.pack import Pack, parse_pack
from consent.versions import eased
from hub.__main__ import run
from hub.errors import Exit
from tests.cases.pack import POLICIES, texts, types

OLD = parse_pack(texts(), types())
DUTIES = 'obligations = ["no_onward_disclosure", "honour_recall", "application_receipt"]'


def new(*pairs: tuple[str, str]) -> Pack:
    """The pack with its matrix edited."""
    matrix = texts().matrix
    for before, after in pairs:
        assert before in matrix
        matrix = matrix.replace(before, after, 1)
    return parse_pack(texts()._replace(matrix=matrix), types())


def found(pack: Pack) -> list[tuple[FindingKind, str]]:
    """Kind and row of each."""
    return [(each.kind, each.row) for each in eased(OLD, pack, types())]


def test_the_same_version_eases_nothing() -> None:
    """Nor does one that gives less."""
    assert eased(OLD, OLD, types()) == ()
    assert eased(OLD, new(("give = [1, 6, 9, 13, 26]", "give = [1, 9, 13, 26]")), types()) == ()


def test_a_package_with_a_group_less_is_told() -> None:
    """A consent that lists groups without it reaches the package, and with it all the rest."""
    pack = new(("adds = [3, 10, 11, 12]", "adds = [3, 10, 12]"))
    assert found(pack) == [(FindingKind.EASED, "sh3")]
    assert "group 11" in eased(OLD, pack, types())[0].sentence
    assert found(new(("adds = [3, 10, 11, 12]", "adds = [3, 10, 11, 12, 13]"))) == []


def test_an_obligation_that_is_gone_is_told() -> None:
    """And a longer time to keep it; one more or a shorter time is not."""
    assert found(new((DUTIES, 'obligations = ["honour_recall", "application_receipt"]'))) == [
        (FindingKind.EASED, "R10")
    ]
    limited = DUTIES.replace("]", ', "retention_limit"]') + "\nretain_days = {}"
    short, long = (new((DUTIES, limited.format(days))) for days in (30, 60))
    assert [each.row for each in eased(short, long, types())] == ["R10"]
    assert [each.row for each in eased(short, OLD, types())] == ["R10"]
    assert eased(long, short, types()) == ()


def test_what_a_role_learned_before_counts_with_what_it_learns_now() -> None:
    """The school knows its pupil from the old version; a new one that gives it the places instead is told."""
    head, tail = texts().matrix.split('id = "G9"\n', 1)
    block, rest = tail.split("\n\n", 1)
    block = re.sub(r"give = .*\n", "give = [3]\n", block)
    block = re.sub(r"generalise = .*\n", 'generalise = { 26 = "26d" }\n', block)
    pack = parse_pack(texts()._replace(matrix=f'{head}id = "G9"\n{block}\n\n{rest}'), types())
    told: list[Finding] = [each for each in eased(OLD, pack, types()) if each.kind is FindingKind.RED_LINE]
    assert [(each.line, each.role) for each in told] == [("INV-02", "SCH")]
    assert "over both versions" in told[0].sentence


def test_compare_ends_with_findings_for_what_is_only_eased(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No field differs, and still it is not the same."""
    shutil.copytree(POLICIES, tmp_path / "new")
    path = tmp_path / "new" / "matrix.toml"
    path.write_text(path.read_text("utf-8").replace("adds = [3, 10, 11, 12]", "adds = [3, 10, 12]", 1), "utf-8")
    assert run(["policy", "compare", str(POLICIES), str(tmp_path / "new")]) == Exit.FINDINGS
    assert "eased: package sh3" in capsys.readouterr().out
