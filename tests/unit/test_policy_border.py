"""The border of the policy files: an unknown word is refused with row, word, remedy and nearest known name.

Nothing is a silent default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from consent.errors import Finding, FindingKind, PolicyRefused
from consent.matrix import parse_matrix
from consent.pack import PackTexts, parse_pack
from consent.redlines import parse_redlines
from tests.cases.pack import texts, types

ROW = """
[[basis]]
id = "B1"
kind = "law"
status = "ok"
cites = [{ act = "Law 363/2018" }]

[[exists]]
event = "incident.reported"
role = "POL-R"
purpose = "P1"
when = [["area"]]

[[row]]
id = "I1"
event = "incident.reported"
role = "POL-R"
purpose = "P1"
when = ["area"]
give = [1, 26]
generalise = { 11 = "11" }
basis = "B1"
obligations = ["access_log", "retention_limit"]
retain_days = 30
"""
BARE = PackTexts(*(re.sub(r"(?m)^#.*$", "", text) for text in texts()))
"""The texts without comments."""
FAULTS = {
    "event type": ('event = "incident.reported"\nrole = "POL-R"\npurpose = "P1"\nwhen = ["area"]', "incident.reportd"),
    "role": ('id = "I1"\nevent = "incident.reported"\nrole = "POL-R"', "POL-RR"),
    "purpose": ('purpose = "P1"\nwhen = ["area"]', "P99"),
    "guard": ('when = ["area"]', "aera"),
    "basis": ('basis = "B1"', "B11"),
    "obligation": ('obligations = ["access_log"', "acess_log"),
    "kind of basis": ('kind = "law"', "lwa"),
    "status of basis": ('status = "ok"', "okay"),
}


def findings(text: str) -> tuple[Finding, ...]:
    """The findings against a matrix that must be refused."""
    with pytest.raises(PolicyRefused) as caught:
        parse_matrix(text, types())
    return caught.value.findings


@pytest.mark.parametrize("what", FAULTS)
def test_an_unknown_word_is_refused(what: str) -> None:
    """Each word of a row misspelt: the finding names the row, the word and the nearest known name."""
    context, wrong = FAULTS[what]
    right = re.findall(r'"([^"]+)"', context)[{"event type": 0, "role": 2}.get(what, 0)]
    found = findings(ROW.replace(context, context.replace(f'"{right}"', f'"{wrong}"')))
    assert [f.kind for f in found] == [FindingKind.WORD]
    assert f"unknown {what} `{wrong}`" in found[0].sentence
    assert ("B1:" if "of basis" in what else "I1") in found[0].sentence
    assert found[0].remedy


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("give = [1, 26]", "give = [1, 33]", "unknown group of incident.reported `33`"),
        ("give = [1, 26]", "give = [1, 11, 26]", "group 11 is both given and generalised"),
        ("give = [1, 26]", "gives = [1, 26]", "unknown key `gives`"),
        ("give = [1, 26]", "give = [1, 1]", "is named twice"),
        ("give = [1, 26]", 'give = "1"', "is not a list"),
        ('{ 11 = "11" }', '{ 11 = "15" }', "unknown generalisation of group 11 `15`"),
        ('{ 11 = "11" }', "11", "`generalise` is not a table"),
        ('when = ["area"]\ngive', "when = []\ngive", "has no guard"),
        ('when = [["area"]]', "when = [[]]", "an alternative without a guard"),
        ('when = ["area"]\ngive', 'when = ["content:result=imminent"]\ngive', "unknown guard"),
        ('act = "Law 363/2018"', 'act = " "', "`act` is missing"),
        ('cites = [{ act = "Law 363/2018" }]', "cites = []", "names no law"),
        ('act = "Law 363/2018"', 'akt = "Law 363/2018"', "unknown key `akt`"),
        ("retain_days = 30", "retain_days = 0", "is not a number of days"),
        ("retain_days = 30", "retain_days = true", "is not a number of days"),
        (', "retention_limit"]', "]", "limits how long it may be kept"),
        ('{ 11 = "11" }', '{ 15 = "13" }', "unknown generalisation of group 15 `13`"),
        ('kind = "law"', 'kind = "consent"', "go together"),
        ('give = [1, 26]\ngeneralise = { 11 = "11" }', "", "gives nothing"),
        ('act = "Law 363/2018"', 'act = "Law 363/2018", article = 7', "`article` is missing or not a text"),
        ('act = "Law 363/2018"', 'act = "Law 363/2018", consolidated = 2020-01-01', "`consolidated` is missing or not"),
        ("[[row]]", "[[rows]]", "unknown key `rows`"),
        ("[[row]]", "[[row]", "is not TOML"),
    ],
)
def test_a_misshapen_row_is_refused(before: str, after: str, says: str) -> None:
    """Each fault is told with a remedy; none is repaired by guessing."""
    assert before in ROW
    found = findings(ROW.replace(before, after))
    assert says in " | ".join(f.sentence for f in found)
    assert all(f.remedy for f in found)


@pytest.mark.parametrize(
    ("check", "data", "says"),
    [
        ("never_types", 'roles = ["PROB"]\ntypes = [7]', "unknown event type `7`"),
        ("never_types", 'roles = ["PROB"]\ntypes = ["*"]', "unknown event type `*`"),
        ("never_types", 'roles = ["PROB"]\ntypes = [["case.*"]]', "unknown event type"),
        ("only_in_package", 'roles = ["SHEL"]\ngroups = [3]\npackages = [true]', "`packages` is missing or not a text"),
    ],
)
def test_a_line_whose_words_are_no_texts_is_refused(check: str, data: str, says: str) -> None:
    """Turned into a text it would name nothing, and a line that names nothing forbids nothing."""
    with pytest.raises(PolicyRefused) as caught:
        parse_redlines(f'[[line]]\nid = "INV-99"\ncheck = "{check}"\nsays = "x"\n{data}\n', types())
    assert [says in finding.sentence for finding in caught.value.findings] == [True]


def test_a_row_id_is_used_once() -> None:
    """Two rows of one name could not be told apart in a decision."""
    assert "occurs twice" in findings(ROW + ROW[ROW.index("[[row]]") :])[0].sentence


def test_flag_rules_need_a_fitting_type() -> None:
    """`flag_present` over anything but a count would be a wrong answer, not a coarse one."""
    text = ROW.replace("incident.reported", "child.involved").replace('{ 11 = "11" }', '{ 13 = "13" }')
    assert "rule `13` cannot work" in findings(text)[0].sentence


def test_a_package_gives_only_what_it_contains() -> None:
    """A row cannot give by a small package what only a large one contains."""
    text = texts().matrix.replace("packages.sh1 = { give = [1, 9, 13], ", "packages.sh1 = { give = [1, 9, 10, 13], ")
    assert "package `sh1` does not contain group 10" in findings(text)[0].sentence


def test_all_faults_are_told_at_once() -> None:
    """Faults in three files give one refusal with the findings of all three."""
    wrong = PackTexts(
        BARE.matrix.replace('"POL-M"', '"POL-N"', 1),
        BARE.redlines.replace('"safe-place"', '"safeplace"', 1),
        BARE.dutylines.replace('"next"', '"nxt"', 1),
    )
    with pytest.raises(PolicyRefused) as caught:
        parse_pack(wrong, types())
    told = " | ".join(map(str, caught.value.findings))
    assert all(word in told for word in ("`POL-N`", "`safeplace`", "`nxt`", "did you mean `safe-place`?"))


FREE = re.compile(
    r"[0-9a-f]{8}|[A-Z]\d+|D-\d+|INV-\d+|(sh|ng|ho)\d|tests/.*|.*\.\*|.* .*"
    r"|(Law|L\d+|HG|Order|GDPR) ?.*|[\d(), a-c-]+|https?:.*"
)
"""Words that are names, laws or prose, not vocabulary."""


@pytest.mark.parametrize("file", PackTexts._fields)
def test_a_letter_too_many_is_refused_everywhere(file: str) -> None:
    """Every word of every file with one letter more is refused.

    A typo never passes as an empty or false guard, role or line.
    """
    whole: Mapping[str, str] = BARE._asdict()
    words = {word for word in re.findall(r'"([^"\n]+)"', whole[file]) if not FREE.fullmatch(word)}
    assert len(words) > 20 or file == "waivers"
    for word in words:
        mutant = PackTexts(**{**whole, file: whole[file].replace(f'"{word}"', f'"{word}q"', 1)})
        with pytest.raises(PolicyRefused):
            parse_pack(mutant, types())
