"""`punte policy lint|format|test`: every accidental edit is seen, a dead row is told, a case that does not hold too."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from consent.border import read_toml
from consent.cases import parse_cases
from consent.errors import FindingKind, PolicyRefused
from consent.lint import NOTES, lint
from consent.matrix import meaning
from consent.pack import FILES, PackTexts, parse_pack
from consent.seal import check_seals, formatted, seal_of
from hub.__main__ import run
from hub.cli.policy_told import number
from hub.errors import Exit
from tests.cases.pack import POLICIES, texts, types


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the reference pack that may be spoilt."""
    shutil.copytree(POLICIES, tmp_path / "pack")
    return tmp_path / "pack"


def faults(changed: PackTexts) -> list[tuple[FindingKind, str]]:
    """Kind and row of everything that refuses a pack."""
    found = lint(changed, parse_pack(changed, types()), types(), 0)
    return [(finding.kind, finding.row) for finding in found if finding.kind not in NOTES]


def test_the_reference_pack_is_sealed_and_in_its_layout() -> None:
    """What is committed needs no `format`, and lint finds nothing but laws without a date."""
    assert faults(texts()) == []
    assert [formatted(name, text, reseal=False) == text for name, text in zip(FILES, texts(), strict=False)] == [
        True
    ] * 3
    assert any(finding.kind in NOTES for finding in lint(texts(), parse_pack(texts(), types()), types(), 0))


def edits(word: str) -> set[str]:
    """A name with one letter dropped, doubled, changed, and two swapped."""
    other = "x" if word[-1] != "x" else "y"
    return {word[1:], word + word[-1], word[:-1] + other, word[:-2] + word[:-3:-1]} - {word}


@pytest.mark.parametrize("name", FILES)
def test_every_single_edit_of_any_name_is_refused(name: str) -> None:
    """Wherever a quoted word or a number of a table is edited, the seal of its table no longer fits.

    So also where the edited name is another known one: POL-D for POL-R, sh2 for sh1, B12 for B1.
    """
    text = dict(zip(FILES, texts(), strict=False))[name]
    raw = read_toml(name, text)
    tried = 0
    for kind, tables in raw.items():
        for table in tables if isinstance(tables, list) else []:
            for key, value in table.items():
                for edited in _edited(key, value):
                    changed = {**table, key: edited}
                    assert changed["seal"] != seal_of(changed), (kind, key)
                    assert any(each.row != name for each in check_seals(name, {kind: [changed]}))
                    tried += 1
    assert tried > 500


@pytest.mark.parametrize("name", FILES)
def test_every_table_taken_out_moved_or_doubled_is_seen(name: str) -> None:
    """The seal of a file no longer fits, whichever of its tables is gone: a missing red line is no red line."""
    raw = read_toml(name, dict(zip(FILES, texts(), strict=False))[name])
    kinds = {kind: tables for kind, tables in raw.items() if isinstance(tables, list)}
    assert list(check_seals(name, raw)) == []
    for kind, tables in kinds.items():
        for at in range(len(tables)):
            for changed in (
                [*tables[:at], *tables[at + 1 :]],
                [*tables, tables[at]],
                [*tables[at + 1 :], *tables[: at + 1]],
            ):
                told = [each.row for each in check_seals(name, {**raw, kind: changed})]
                assert told == ([name] if changed != tables else [])
    assert [(each.kind, each.row) for each in check_seals(name, kinds)] == [(FindingKind.SEAL, name)]


def _edited(key: str, value: object) -> list[object]:
    """The value of a key with each of its names edited once."""
    if isinstance(value, str):
        return [*edits(value)] if value and key != "seal" else [value[:-1] + ("0" if value[-1] != "0" else "1")]
    if isinstance(value, (bool, int)):
        return [value + 1]
    if isinstance(value, list):
        return [[*value[:i], one, *value[i + 1 :]] for i, item in enumerate(value) for one in _edited("", item)]
    if isinstance(value, dict):
        return [{**value, inner: one} for inner, item in value.items() for one in _edited("", item)]
    return []


def test_a_row_nothing_opens_is_unreachable_and_one_that_adds_nothing_shadowed() -> None:
    """A second row with the guards and groups of the first, and a row whose symbols exclude each other."""
    block = re.search(r'\[\[row\]\]\nid = "R2"\n(?:.+\n)+', texts().matrix)
    assert block is not None
    twin = block[0].replace('"R2"', '"R98"')
    both = twin.replace('"R98"', '"R99"').replace('RO_POL_21"]', 'RO_POL_21", "content:instrument=RO_POL_2024"]')
    found = lint(*_with(texts().matrix + "\n" + twin + "\n" + both))
    said = {finding.row: finding.sentence for finding in found if finding.kind is FindingKind.IDLE}
    assert "is shadowed" in said["R98"]
    assert "can never be reached" in said["R99"]


def _with(matrix: str) -> tuple:  # type: ignore[type-arg]
    changed = texts()._replace(matrix=formatted("matrix.toml", matrix, reseal=True))
    return changed, parse_pack(changed, types()), types(), 0


def test_a_recipient_the_law_names_and_nobody_serves_is_told() -> None:
    """Without its existence a must has no cell; a `waits` that is no longer true is told too."""
    spoilt = texts().matrix.replace(
        'event = "child.involved"\nrole = "CHILD"', 'event = "child.involved"\nrole = "SCH"'
    )
    assert any("CHILD must receive child.involved" in finding.sentence for finding in lint(*_with(spoilt)))
    late = texts().dutylines.replace(
        'event = "child.involved"\nrole = "CHILD"\nseal', 'event = "child.involved"\nrole = "CHILD"\nwaits = "x"\nseal'
    )
    changed = texts()._replace(dutylines=late)
    assert any("take `waits` out" in str(each) for each in lint(changed, parse_pack(changed, types()), types(), 0))


def test_an_unused_basis_and_package_are_told() -> None:
    """A name no row uses has lost its meaning."""
    spoilt = texts().matrix + '\n[[basis]]\nid = "B90"\nkind = "law"\nstatus = "ok"\ncites = [{ act = "L1" }]\n'
    assert (FindingKind.IDLE, "B90") in faults(_with(spoilt)[0])


def test_format_keeps_meaning_and_comments_and_seals_only_when_asked(folder: Path) -> None:
    """Layout changes, the digest does not; a stale seal stays stale until `--seal`."""
    path = folder / "matrix.toml"
    text = path.read_text("utf-8")
    path.write_text(
        text.replace('role = "POL-R"\n', 'role   =   "POL-R"\n').replace("give = [1, 6,", "give = [1,6,"), "utf-8"
    )
    assert run(["policy", "format", "--check", "--policies", str(folder)]) == Exit.FINDINGS
    assert run(["policy", "format", "--policies", str(folder)]) == Exit.DONE
    assert path.read_text("utf-8") == text
    path.write_text(text.replace("retention", "retention").replace('basis = "B1"', 'basis = "B2"', 1), "utf-8")
    assert run(["policy", "format", "--policies", str(folder)]) == Exit.DONE
    assert run(["policy", "lint", "--policies", str(folder)]) == Exit.FINDINGS
    assert run(["policy", "format", "--seal", "--policies", str(folder)]) == Exit.DONE
    assert run(["policy", "lint", "--policies", str(folder)]) == Exit.DONE


def test_a_case_that_does_not_hold_is_told_with_every_difference(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A group taken from a row: exit 3, the case, the unit and the field named."""
    path = folder / "matrix.toml"
    path.write_text(path.read_text("utf-8").replace("give = [1, 6, 9, 13, 26]", "give = [1, 6, 9, 26]", 1), "utf-8")
    assert run(["policy", "test", "--json", "--policies", str(folder)]) == Exit.FINDINGS
    told = json.loads(capsys.readouterr().out)
    assert list(told)[-2:] == ["cases", "failed"]
    assert told["failed"] == len(told["differences"]) > 0
    assert any(
        "children does not get `childInHousehold`" in line for each in told["differences"] for line in each["wrong"]
    )


def test_a_pack_without_cases_asserts_nothing_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No case is a finding, never a success."""
    shutil.rmtree(folder / "cases")
    assert run(["policy", "test", "--policies", str(folder)]) == Exit.FINDINGS
    assert "asserts nothing" in capsys.readouterr().out


def test_a_misspelt_case_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A key or unit nobody knows would assert nothing."""
    path = folder / "cases" / "story.toml"
    path.write_text(path.read_text("utf-8").replace("refused.mobile", "refuzed.mobile", 1), "utf-8")
    assert run(["policy", "test", "--policies", str(folder)]) == Exit.FINDINGS
    assert "unknown key `refuzed`" in capsys.readouterr().out


CAST = """
[units]
patrol = { role = "POL-R", purpose = "P1", area = [54975] }

[facts]
hold = { kind = "hold", unit = "patrol", on = "case", offset = 1 }
related = { kind = "relation", unit = "patrol", of = "client", role = "victim", offset = 2 }

[[case]]
says = "a call reaches the patrol"
event = "incident.reported"
source = "author"
parties = ["victim"]
content = { channel = "phone" }
facts = ["hold"]
released.patrol = { row = "I1", give = [26], generalise = { 11 = "11" } }
refused.patrol = { reason = "held" }
"""


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('role = "POL-R"', 'role = "POL-X"', "unknown role `POL-X`"),
        ('purpose = "P1"', 'purpose = "P99"', "unknown purpose `P99`"),
        ("area = [54975]", 'area = "54975"', "`area` is not of kind numbers"),
        ("area = [54975]", "aera = [54975]", "unknown key `aera`"),
        ('kind = "hold"', 'kind = "holt"', "unknown kind of fact `holt`"),
        ('on = "case", ', "", "`on` is missing"),
        ('on = "case"', "on = 3", "`on` is not of kind text"),
        ('role = "victim", offset', 'role = "victm", offset', "unknown party `victm`"),
        ('of = "client"', 'off = "client"', "unknown key `off`"),
        ('source = "author"\n', "", "`source` is missing"),
        ('source = "author"', 'source = "patroll"', "for one that receives nothing, `patroll`"),
        ('reason = "held"', 'reason = "guard_false"', "names no `guard`"),
        ('facts = ["hold"]', "facts = []\nstale = 1", "`stale` is not of kind truth"),
        ('facts = ["hold"]', 'facts = ["hodl"]', "unknown fact `hodl`"),
        ('parties = ["victim"]', 'parties = ["victims"]', "unknown party `victims`"),
        ('channel = "phone"', 'chanel = "phone"', "unknown field of incident.reported `chanel`"),
        ('channel = "phone"', 'channel = "fone"', "unknown symbol of channel `fone`"),
        ("give = [26]", "give = [33]", "unknown group of incident.reported `33`"),
        ('{ 11 = "11" }', '{ 11 = "13" }', "unknown generalisation of group 11 `13`"),
        ('reason = "held"', 'reason = "hold"', "unknown reason `hold`"),
        ('reason = "held"', 'guard = "area"', "`reason` is missing"),
        ("released.patrol", "released.patroll", "unknown unit `patroll`"),
        ('event = "incident.reported"', "event = 3", "unknown event type `3`"),
        ('row = "I1", ', "", "names neither `row` nor `rows`, or both"),
        ('row = "I1"', 'row = "I1", rows = ["I1"]', "names neither `row` nor `rows`, or both"),
        ('row = "I1"', "row = 7", "`row` is not of kind text"),
        ('row = "I1"', 'rows = "I1"', "`rows` is not of kind texts"),
        ('reason = "held"', 'reason = "held", fact = 1', "names a `fact` without a `guard`"),
        ("area = [54975]", 'fallback = "desk"', "unknown unit `desk`"),
    ],
)
def test_a_case_with_a_word_nobody_knows_is_refused(before: str, after: str, says: str) -> None:
    """Units, facts and expectations alike: nothing misspelt is left to assert less than it says."""
    assert parse_cases("c.toml", CAST, types())
    with pytest.raises(PolicyRefused) as caught:
        parse_cases("c.toml", CAST.replace(before, after, 1), types())
    assert any(says in finding.sentence and finding.remedy for finding in caught.value.findings), caught.value


@pytest.mark.parametrize(("n", "told"), [(0, "0 faults"), (1, "1 fault"), (2, "2 faults"), (21, "21 faults")])
def test_a_number_has_its_noun_in_the_right_form(n: int, told: str) -> None:
    """One is singular, every other plural."""
    assert number(n, "fault") == told


def test_lint_and_format_and_test_count_one_as_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One stale seal, one file to write, one case."""
    path = folder / "matrix.toml"
    path.write_text(path.read_text("utf-8").replace('seal = "', 'seal = "0', 1), "utf-8")
    shutil.rmtree(folder / "cases")
    (folder / "cases").mkdir()
    (folder / "cases" / "one.toml").write_text(
        CAST[: CAST.index("released.")] + 'unserved = ["D-01"]\nothers = true\n', "utf-8"
    )
    for verb, status, says in (
        (("lint",), Exit.FINDINGS, "1 fault, 19 notes"),
        (("format", "--check", "--seal"), Exit.FINDINGS, "1 file would change"),
        (("test",), Exit.DONE, "1 case, 0 failed, "),
    ):
        assert run(["policy", *verb, "--policies", str(folder)]) == status
        assert says in capsys.readouterr().out.splitlines()[-1]


def said(text: str) -> object:
    """All tables of a text without their seals, and without the seal of the file."""
    return meaning(read_toml("x", text))


ODD = {
    "no_blank_line": '[[line]]\nid = "A"\n[[line]]\nid = "B"\n[[line]]\nid = "C"\n',
    "several_lines": '[[line]]\nid = "A"\nsays = """a\n# no comment\n\nb"""\n\n[[line]]\nid = "B"\n',
    "an_escape": '[[line]]\nid = "A\\n\\u0007\\"q\\""\n',
    "quoted_keys": '[[line]]\n"b s" = "A"\n"" = 1\npackages."s h" = { give = [1] }\n',
    "empty_packages": '[[row]]\nid = "A"\npackages = {}\n',
    "a_blank_line_inside": '[[row]]\nid = "A"\n\nwhen = [\n "area",\n\n]\n\n[[row]]\nid = "B"\n',
    "comments_inside": '[[row]] # one\nid = "A"  # two\n# three\ngive = [\n  1, # four\n]\n',
    "windows_lines": '[[row]]\r\nid = "A"\r\n\r\n[[row]]\r\nid = "B"\r\n',
    "a_date": "[[waiver]]\nuntil = 2027-03-31\nby = ['p-1']\n",
    "nothing_but_comments": "# a\n\n# b\n",
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("reseal", [False, True])
def test_format_never_changes_what_a_file_says(name: str, reseal: bool) -> None:
    """No table, comment or value is lost, whatever the layout; a second time changes nothing; seals fit if asked."""
    text = ODD[name]
    made = formatted("x.toml", text, reseal=reseal)
    assert said(made) == said(text)
    assert formatted("x.toml", made, reseal=False) == made
    assert {word for word in ("# one", "# two", "# three", "# four", "# a", "# b") if word in text} == {
        word for word in ("# one", "# two", "# three", "# four", "# a", "# b") if word in made
    }
    assert not reseal or not list(check_seals("x.toml", read_toml("x", made)))


def test_format_refuses_what_it_cannot_lay_out_and_writes_nothing(folder: Path) -> None:
    """A header inside a text: told, and the file is as it was."""
    path = folder / "redlines.toml"
    text = path.read_text("utf-8") + '\n[[line]]\nid = "X"\nsays = """\n[[line]]\n"""\n'
    path.write_text(text, "utf-8")
    assert run(["policy", "format", "--policies", str(folder)]) == Exit.FINDINGS
    assert path.read_text("utf-8") == text


def test_a_file_whose_last_table_went_is_sealed_without(folder: Path) -> None:
    """It is told, and once it is meant it has no seal: there is nothing to seal."""
    path = folder / "waivers.toml"
    path.write_text('seal = "9eda7896"\n\n# none now\n', "utf-8")
    assert run(["policy", "lint", "--policies", str(folder)]) == Exit.FINDINGS
    assert run(["policy", "format", "--policies", str(folder)]) == Exit.DONE
    assert run(["policy", "lint", "--policies", str(folder)]) == Exit.FINDINGS
    assert run(["policy", "format", "--seal", "--policies", str(folder)]) == Exit.DONE
    assert path.read_text("utf-8") == "# none now\n"
    assert run(["policy", "lint", "--policies", str(folder)]) == Exit.DONE


@pytest.mark.parametrize("name", [*FILES, "waivers.toml"])
def test_a_seal_of_a_file_is_a_text(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever else stands there is refused by every verb, for it says nothing."""
    path = folder / name
    text = path.read_text("utf-8") if path.exists() else ""
    path.write_text("seal = 5\n" + text.split("\n", 1)[-1], "utf-8")
    assert run(["policy", "prove", "--policies", str(folder)]) == Exit.FINDINGS
    assert f"{name}, top level: `seal` is missing or not a text" in capsys.readouterr().out
