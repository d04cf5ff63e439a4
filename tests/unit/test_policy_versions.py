"""Between two versions: a package that opens more easily, an obligation that is gone, what a role keeps from before."""

from __future__ import annotations

import re
import shutil
import string
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from consent.errors import Finding, FindingKind
from consent.messages import Language
from consent.pack import Pack, parse_pack
from consent.terms import BasisStatus
from consent.versions import eased
from consent.versionwords import EN, RO
from consent.waivers import Waiver, Waivers
from hub.__main__ import run
from hub.errors import Exit
from tests.cases.pack import POLICIES, texts, types

OLD = parse_pack(texts(), types())
BASIS = 'basis = "B2"'
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


def edited(**files: tuple[str, str]) -> Pack:
    """The pack with one edit in each named file."""
    changed = texts()
    for name, (before, after) in files.items():
        assert before in getattr(changed, name)
        changed = changed._replace(**{name: getattr(changed, name).replace(before, after, 1)})
    return parse_pack(changed, types())


def without(name: str, head: str) -> Pack:
    """The pack without the one table of a file whose first lines these are."""
    text = getattr(texts(), name)
    found = re.findall(rf"(?m)^{re.escape(head)}[^\n]*\n(?:.+\n)+", text)
    assert len(found) == 1, len(found)
    return parse_pack(texts()._replace(**{name: text.replace(found[0], "")}), types())


@pytest.mark.parametrize(
    ("name", "head", "line", "says"),
    [
        ("redlines", '[[line]]\nid = "INV-01"', "INV-01", "red line INV-01 is gone"),
        ("dutylines", '[[line]]\nid = "D-01"', "D-01", "duty line D-01 is gone"),
        (
            "matrix",
            '[[conflict]]\nevent = "ppo.confirmed"\nrole = "SW-L"',
            "ppo.confirmed SW-L P6",
            "conflict of sources ppo.confirmed SW-L P6 is gone",
        ),
        (
            "dutylines",
            '[[must]]\nevent = "child.involved"\nrole = "CHILD"',
            "child.involved CHILD",
            "must child.involved CHILD is gone",
        ),
    ],
)
def test_a_line_that_is_gone_is_told(name: str, head: str, line: str, says: str) -> None:
    """No release differs without it, and nothing would be proven any more; a new line is no ease."""
    pack = without(name, head)
    assert [(each.kind, each.line) for each in eased(OLD, pack, types())] == [(FindingKind.EASED, line)]
    assert eased(OLD, pack, types())[0].sentence.startswith(says)
    assert eased(pack, OLD, types()) == ()


def test_a_line_that_says_something_else_is_told() -> None:
    """Nobody can tell in general which of two lines is the stricter, so every change of one is."""
    pack = edited(
        redlines=("groups = [2, 4, 5, 12, 17, 33]", "groups = [2, 4, 5, 12, 17]"),
        dutylines=("floor = [15, 26, 28, 32]", "floor = [15, 26, 28]"),
    )
    told = eased(OLD, pack, types())
    assert [(each.kind, each.line) for each in told] == [(FindingKind.EASED, "INV-02"), (FindingKind.EASED, "D-01")]
    assert all("says something else" in each.sentence for each in told)


def test_a_reduction_somebody_signed_is_told() -> None:
    """From now on a transform counts as taking something away, so every proof is easier; taking it back is not."""
    signed = '\n[[reduction]]\ntransform = "distance_band"\ndrops = ["victim-place"]\nsigned = "o-1"\nwhy = "y"\n'
    pack = parse_pack(texts()._replace(redlines=texts().redlines + signed), types())
    assert [(each.kind, each.line) for each in eased(OLD, pack, types())] == [(FindingKind.EASED, "distance_band")]
    assert "signed by o-1" in eased(OLD, pack, types())[0].sentence
    assert eased(pack, OLD, types()) == ()


def test_a_law_that_counts_as_confirmed_is_told() -> None:
    """Every row on it releases in production from then on; becoming less sure eases nothing."""
    pack = edited(matrix=('status = "unconfirmed"', 'status = "ok"'))
    assert found(pack) == [(FindingKind.EASED, "B2")]
    assert "was unconfirmed and is ok now" in eased(OLD, pack, types())[0].sentence
    assert eased(pack, OLD, types()) == ()


def test_a_row_that_rests_on_another_law_that_counts_is_told() -> None:
    """The whole matrix on confirmed law at once, or one row, or the same law under another name: no lawyer said so."""
    surer = 'basis = "B1"'
    whole = re.sub(r'(?m)^basis = "B(?!0")\d+"$', surer, texts().matrix)
    told = eased(OLD, parse_pack(texts()._replace(matrix=whole), types()), types())
    waiting = {row.id for row in OLD.matrix.rows if row.basis.status is not BasisStatus.OK and row.basis.id != "B0"}
    assert waiting <= {each.row for each in told}
    head, tail = texts().matrix.split('id = "I4"\n', 1)
    one = parse_pack(texts()._replace(matrix=f'{head}id = "I4"\n{tail.replace(BASIS, surer, 1)}'), types())
    assert found(one) == [(FindingKind.EASED, "I4")]
    assert "rests on B1, ok now, before on B2, unconfirmed" in eased(OLD, one, types())[0].sentence
    assert eased(one, OLD, types()) == ()


def test_a_row_of_another_name_is_held_to_the_row_it_takes_the_place_of() -> None:
    """Renamed, and without its obligations."""
    head, tail = texts().matrix.split('id = "I4"\n', 1)
    block, rest = tail.split("\n\n", 1)
    block = re.sub(r"obligations = .*\n", "", block)
    for name in ("I4", "I4b"):
        pack = parse_pack(texts()._replace(matrix=f'{head}id = "{name}"\n{block}\n\n{rest}'), types())
        assert found(pack) == [(FindingKind.EASED, name)]
        assert "no longer obliges" in eased(OLD, pack, types())[0].sentence


def test_a_basis_that_cites_other_law_is_told() -> None:
    """Which article it is, a lawyer says."""
    pack = new(('act = "L217"', 'act = "L218"'))
    told = eased(OLD, pack, types())
    assert [each.kind for each in told] == [FindingKind.EASED]
    assert "now, before" in told[0].sentence


def test_a_reduction_that_grew_is_told() -> None:
    """Though its transform had one before."""
    signed = '\n[[reduction]]\ntransform = "distance_band"\ndrops = [{}]\nsigned = "o-1"\nwhy = "y"\n'
    one, two = (
        parse_pack(texts()._replace(redlines=texts().redlines + signed.format(words)), types())
        for words in ('"victim-place"', '"victim-place", "safe-place"')
    )
    assert [each.line for each in eased(one, two, types())] == ["distance_band"]


def test_a_waiver_signed_by_others_is_told() -> None:
    """Fewer people, another controller, another reason; the same people in another order are no others."""
    old = Waiver("W1", ("R1",), "c-1", ("p-1", "p-2"), date(2027, 1, 1), "why")
    others = [replace(old, by=("p-1",)), replace(old, controller="c-2"), replace(old, why="z")]
    for each in others:
        (told,) = eased(waived(old), waived(each), types())
        assert (told.row, "another controller, signatory or reason" in told.sentence) == ("W1", True)
    assert eased(waived(old), waived(replace(old, by=("p-2", "p-1"))), types()) == ()


def waived(each: Waiver) -> Pack:
    """The reference pack with one waiver."""
    return OLD._replace(waivers=Waivers((each,), b"w"))


def test_a_waiver_that_is_new_or_wider_or_longer_is_told() -> None:
    """A narrower or shorter one is not."""

    def of(rows: tuple[str, ...], until: date) -> Pack:
        return waived(Waiver("W1", rows, "c-1", ("p-1", "p-2"), until, "why"))

    short, long = date(2027, 1, 1), date(2027, 2, 1)
    one = of(("R1",), short)
    assert [each.row for each in eased(OLD, one, types())] == ["W1"]
    assert "lasts longer" in eased(one, of(("R1",), long), types())[0].sentence
    assert "also waives row R2 now" in eased(one, of(("R1", "R2"), short), types())[0].sentence
    assert eased(of(("R1", "R2"), long), one, types()) == ()
    assert eased(one, OLD, types()) == ()


def test_compare_ends_with_findings_for_what_is_only_eased(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No field differs, and still it is not the same."""
    shutil.copytree(POLICIES, tmp_path / "new")
    path = tmp_path / "new" / "matrix.toml"
    path.write_text(path.read_text("utf-8").replace("adds = [3, 10, 11, 12]", "adds = [3, 10, 12]", 1), "utf-8")
    words = ["policy", "compare", str(POLICIES), str(tmp_path / "new")]
    assert run(words) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert "eased: package sh3" in told
    assert "Nobody gets anything else; 1 eased; from " in told.splitlines()[-1]
    assert run([*words, "--lang", "ro"]) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert "ușurat: pachetul sh3 pentru SHEL P9 nu mai cuprinde grupa 11" in told
    assert "Nimeni nu primește altceva; 1 ușurare; de la " in told.splitlines()[-1]


def eased_in_all_ways() -> Pack:
    """A pack that eases everything that can be eased, in two ways where there are two."""
    row_less = (DUTIES, 'obligations = ["honour_recall", "application_receipt"]')
    pack = new(("adds = [3, 10, 11, 12]", "adds = [3, 10, 12]"), row_less, ('status = "unconfirmed"', 'status = "ok"'))
    signed = '\n[[reduction]]\ntransform = "distance_band"\ndrops = ["victim-place"]\nsigned = "o-1"\nwhy = "y"\n'
    gone = re.sub(r'(?m)^\[\[line\]\]\nid = "INV-01"[^\n]*\n(?:.+\n)+', "", texts().redlines)
    other = texts().dutylines.replace("floor = [15, 26, 28, 32]", "floor = [15, 26, 28]", 1)
    lines = parse_pack(texts()._replace(redlines=gone + signed, dutylines=other), types())
    waiver = Waiver("W1", ("R1",), "c-1", ("p-1", "p-2"), date(2027, 1, 1), "why")
    return pack._replace(redlines=lines.redlines, dutylines=lines.dutylines, waivers=Waivers((waiver,), b"w"))


def test_what_is_eased_is_said_in_both_languages() -> None:
    """The same findings, each with a sentence and a hint of its own in Romanian."""
    pack = eased_in_all_ways()
    english, romanian = (eased(OLD, pack, types(), language) for language in (Language.EN, Language.RO))
    assert [(each.kind, each.line, each.row) for each in english] == [(e.kind, e.line, e.row) for e in romanian]
    assert len(english) == 7
    for one, other in zip(english, romanian, strict=True):
        assert one.sentence != other.sentence
        assert one.remedy != other.remedy
    assert [each.sentence.split(" ")[0] for each in romanian] == [
        *("linia", "linia", "de", "pachetul", "rândul", "temeiul", "derogarea"),
    ]


def test_both_tables_of_what_is_eased_have_the_same_slots() -> None:
    """Same keys, same slots; letters with the comma below."""

    def slots(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert {key: slots(text) for key, text in EN.items()} == {key: slots(text) for key, text in RO.items()}
    assert not set("şţŞŢ") & set("".join(RO.values()))
