"""Every code that is logged has a meaning and a remedy in both languages, and no meaning is left over."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from consent.messages import Language
from hub.cli.explain import main
from hub.contracts.alarms import ALARMS
from hub.contracts.notes import NOTES
from hub.contracts.refusals import MEANINGS
from tests.contracts.test_refusal_codes import assigned, values

HUB: Final = Path(__file__).parents[2] / "hub"
PATHS: Final = sorted(HUB.rglob("*.py"))
TREES: Final = [ast.parse(path.read_text("utf-8")) for path in PATHS]
CONSTANTS: Final = {name: of for tree in TREES for name, of in assigned(tree).items() if name.isupper()}
HANDED_ON: Final = "code"
"""A code that a function was given: it is collected where the function is called, or by what it is compared with."""


def logged(node: ast.AST) -> ast.expr | None:
    """The code of an alarm that a node raises: by a voice, `alarm(CODE)`, or by a line, `error("alarm", code=CODE)`."""
    if not isinstance(node, ast.Call):
        return None
    name = ast.unparse(node.func).rpartition(".")[2]
    if name in ("alarm", "_alarm"):
        return node.args[0]
    if name in ("error", "warning", "critical") and node.args and ast.unparse(node.args[0]) == "'alarm'":
        return next(keyword.value for keyword in node.keywords if keyword.arg == "code")
    return None


def codes(place: ast.expr, within: ast.AST) -> Iterator[str]:
    """The codes an expression can be; one handed on, those it is compared with around the place."""
    if ast.unparse(place) != HANDED_ON:
        yield from values(place, CONSTANTS)
        return
    for node in ast.walk(within):
        if isinstance(node, ast.If) and place in ast.walk(node) and isinstance(node.test, ast.Compare):
            yield from values(node.test.comparators[0], CONSTANTS)


def raised() -> set[str]:
    """Every code that any source of the hub logs as an alarm."""
    return {
        code for tree in TREES for place in filter(None, map(logged, ast.walk(tree))) for code in codes(place, tree)
    }


def test_every_alarm_has_its_meaning() -> None:
    """The codes in the source are the codes of the table: none without a remedy, none left over."""
    assert raised() == set(ALARMS)


def noted() -> Iterator[str]:
    """The codes of the lines of telemetry, and the words the parts count by; one handed on is one of the latter."""
    for path, tree in zip(PATHS, TREES, strict=True):
        for node in ast.walk(tree):
            if path.parent.name == "telemetry" and isinstance(node, ast.Call) and ast.unparse(node.func)[:4] == "log.":
                given = [each.value for each in node.keywords if each.arg == "code"]
                assert given, f"a line without a code: {ast.unparse(node)}"
                yield from (
                    code for each in given if ast.unparse(each) != HANDED_ON for code in values(each, CONSTANTS)
                )
            if isinstance(node, ast.Subscript) and ast.unparse(node.value).rpartition(".")[2] == "counts":
                yield from (str(each.value) for each in ast.walk(node.slice) if isinstance(each, ast.Constant))


def test_every_other_code_of_a_line_has_its_meaning() -> None:
    """Telemetry's own codes and the words of the counts: none without a remedy, none left over."""
    found = set(noted())
    assert found - set(MEANINGS) - set(ALARMS) == set(NOTES)
    assert {"otlp_unreachable", "otlp_late", "decided", "admitted"} <= found


@pytest.mark.parametrize("code", [*ALARMS, *NOTES])
def test_every_alarm_and_note_has_sentence_and_remedy_in_both_languages(code: str) -> None:
    """No full stop, both languages, and not the same in both."""
    meaning = {**ALARMS, **NOTES}[code]
    texts = (meaning.en.what, meaning.en.remedy, meaning.ro.what, meaning.ro.remedy)
    assert all(len(text) > 10 and not text.endswith(".") for text in texts)
    assert len(set(texts)) == 4
    assert not set("".join(texts)) & set("\u015f\u0163\u015e\u0162")


def test_explain_tells_of_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    """As of an alarm, under a word of its own."""
    main("otlp_unreachable", Language.RO)
    words = NOTES["otlp_unreachable"].ro
    assert capsys.readouterr().out == f"otlp_unreachable (notă, hubul): {words.what}\n    {words.remedy}\n"


def test_explain_tells_of_an_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    """What it is of, whose turn it is, the sentence and the remedy, in Romanian."""
    main("part_refused", Language.RO)
    words = ALARMS["part_refused"].ro
    assert capsys.readouterr().out == f"part_refused (alarmă, hubul): {words.what}\n    {words.remedy}\n"
