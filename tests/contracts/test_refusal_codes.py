"""Every code that admission or the gateway can write has a meaning and a remedy, and no meaning is left over."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from consent.messages import Language
from consent.terms import RefusalReason
from hub.cli.explain import IN_ROMANIAN, main
from hub.contracts.acts import REASONS, Act
from hub.contracts.alarms import ALARMS
from hub.contracts.notes import NOTES
from hub.contracts.refusals import ACTS, ADMISSION, GATEWAY, MEANINGS
from hub.errors import ERRORS, Exit, Fault, PunteError
from hub.gateway.plan import KNOWN
from hub.gateway.transactions.kafka import REFUSED

HUB: Final = Path(__file__).parents[2] / "hub"
SOURCES: Final = [
    *sorted(HUB.glob("ingress/*.py")),
    *sorted(HUB.glob("gateway/*.py")),
    *(HUB / "contracts" / f"{name}.py" for name in ("wire", "walk", "leaves")),
    HUB / "release" / "slicer.py",
]
WRITERS: Final = {
    **dict.fromkeys(("WireError", "_fault", "raising"), 0),
    **dict.fromkeys(("attempt", "quarantine", "receipt"), 3),
    "Refused": 2,
    "_unsealed": 1,
}
"""Who is handed a code, and as which argument."""
PASSED: Final = {
    "fault.code": frozenset[str](),  # of a WireError, collected where it is made
    "code": frozenset[str](),  # of a rule over a whole record, collected where it is yielded
    "entry.code": frozenset(REFUSED.values()),  # of what is parked, by the broker's answers
    "attempt.value": frozenset(verdict.value for verdict, _ in KNOWN.values()),
}
"""Expressions that hand a code on, and what they can be."""
CONTRACT: Final = {
    *("frame", "schema_unknown", "schema_not_allowed", "not_canonical", "header", "owner", "lane", "size", "bound"),
    *("future_time", "cnp_not_synthetic", "basis_mismatch", "block_role", "unit_unknown"),
}
"""The codes of admission, as contract.md section 8 lists them."""


Names = dict[str, list[ast.expr]]


def assigned(tree: ast.AST) -> Names:
    """What is assigned to each plain name of a source, anywhere in it."""
    found: Names = {}
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                found.setdefault(target.id, []).append(node.value)
    return found


def values(node: ast.expr, names: Names) -> Iterator[str]:
    """The codes an expression can be; an expression that is not understood fails the test."""
    text = ast.unparse(node)
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.IfExp):
        yield from (*values(node.body, names), *values(node.orelse, names))
    elif isinstance(node, ast.Dict):
        yield from (code for value in node.values for code in values(value, names))
    elif isinstance(node, ast.Subscript):
        yield from values(node.value, names)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        yield from (*values(node.func.value, names), *values(node.args[1], names))
    elif text.startswith("RefusalReason."):
        yield RefusalReason[text.partition(".")[2]].value
    elif (name := text.removesuffix(".value")) in names:
        yield from (code for value in names[name] for code in values(value, names))
    elif text in PASSED:
        yield from PASSED[text]
    else:
        raise AssertionError(f"what codes can `{text}` be?")


def written() -> set[str]:
    """Every code the sources can write. A source knows its own names and the constants of the others."""
    trees = [ast.parse(path.read_text("utf-8")) for path in SOURCES]
    constants = {name: of for tree in trees for name, of in assigned(tree).items() if name.isupper()}
    found: set[str] = set()
    for tree in trees:
        names = constants | assigned(tree)
        for place in filter(None, map(code_in, ast.walk(tree))):
            found |= set(values(place, names))
    return found


def code_in(node: ast.AST) -> ast.expr | None:
    """The expression of the code, where a node writes one or a rule yields one."""
    if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple) and _of_rule(node.value):
        return node.value.elts[0]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return next((value for key, value in pairs if _is_code(key) and isinstance(value, ast.Name)), None)
    if not isinstance(node, ast.Call):
        return None
    position = WRITERS.get(node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func))
    return node.args[position] if position is not None and len(node.args) > position else None


def _is_code(key: ast.expr | None) -> bool:
    """The key of a record under which its code stands."""
    return isinstance(key, ast.Constant) and key.value == "code"


def _of_rule(pair: ast.Tuple) -> bool:
    """A rule over a whole record yields a code and a path as written."""
    return len(pair.elts) == 2 and isinstance(pair.elts[1], ast.Constant)


def test_every_code_that_can_be_written_has_its_meaning() -> None:
    """The codes in the source are the codes of the table: none without a remedy, none left over."""
    assert written() == set(MEANINGS) - set(ACTS)
    assert set(ACTS) == set(Act)


def test_the_codes_of_admission_are_those_of_the_contract() -> None:
    """Contract.md section 8, and the gateway's codes apart from them."""
    assert set(ADMISSION) == CONTRACT
    assert not set(ADMISSION) & set(GATEWAY)
    assert not set(ACTS) & {*ADMISSION, *GATEWAY}


@pytest.mark.parametrize("code", MEANINGS)
def test_every_meaning_has_sentence_and_remedy_in_both_languages(code: str) -> None:
    """Small first letter, no full stop, both languages, and not the same in both."""
    meaning = MEANINGS[code]
    texts = (meaning.en.what, meaning.en.remedy, meaning.ro.what, meaning.ro.remedy)
    assert all(len(text) > 10 and text[0] == text[0].lower() and not text.endswith(".") for text in texts)
    assert len(set(texts)) == 4


@pytest.mark.parametrize("act", Act)
def test_every_reason_of_an_act_has_its_words_in_both_languages(act: Act) -> None:
    """A word that fits the record, and two sentences that are not the same, the Romanian one with commas below."""
    assert len(REASONS[act]) > 2
    for word, (en, ro) in REASONS[act].items():
        assert word.replace("_", "").isalpha()
        assert len(word) <= 32
        assert en != ro
        assert not set(ro) & set("\u015f\u0163\u015e\u0162")


@pytest.mark.parametrize("lang", Language)
def test_explain_lists_every_code(capsys: pytest.CaptureFixture[str], lang: Language) -> None:
    """Without an argument: the codes of events, of alarms, of other log lines and of commands, each with what to do."""
    assert main(None, lang, as_json=True) == Exit.DONE
    rows = json.loads(capsys.readouterr().out)
    assert [row["code"] for row in rows] == [*MEANINGS, *ALARMS, *NOTES, *ERRORS]
    assert all(row["remedy"] and row["what"] for row in rows)


def test_explain_tells_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """One code for a person, in Romanian: what happened, whose turn it is, the remedy."""
    main("future_time", Language.RO)
    said = capsys.readouterr().out
    meaning = MEANINGS["future_time"]
    assert said == f"future_time (eveniment, expeditorul): {meaning.ro.what}\n    {meaning.ro.remedy}\n"


def test_a_word_that_is_no_code_is_told_so_without_it() -> None:
    """What was typed may be anything, so it is not repeated."""
    with pytest.raises(PunteError) as refused:
        main("Ana Popescu")
    assert refused.value.status is Exit.USAGE
    assert "Popescu" not in json.dumps(refused.value.as_json())


def test_every_word_in_brackets_is_romanian_too() -> None:
    """Whoever's turn it is, of events and of commands."""
    assert {*(meaning.turn.value for meaning in MEANINGS.values()), *(fault.value for fault in Fault)} <= set(
        IN_ROMANIAN
    )
