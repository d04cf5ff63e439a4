"""The border of the policy files: TOML text in, checked words out.

Rule kept: an unknown word is refused with the row, the word, the nearest known name and a remedy; all faults are
collected, none hides another.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from consent.errors import Finding, FindingKind, PolicyRefused

DEPTH_MOST = 16
"""How deep a policy file may nest; the files that are there need 7."""
BITS_MOST = 63
"""The bits of the largest whole number TOML promises to carry, its sign apart."""
WORD_SHOWN = 80
"""How much of an unknown word a finding repeats."""


@dataclass(slots=True)
class Border:
    """Collects the findings of one file while its words are read. `name` is the file as the reader knows it."""

    name: str
    findings: list[Finding] = field(default_factory=list)

    def fault(self, where: str, sentence: str, remedy: str, kind: FindingKind = FindingKind.SHAPE) -> None:
        """Note one fault of row or section `where`."""
        self.findings.append(Finding(kind, shown(f"{self.name}, {where}: {sentence}"), shown(remedy), row=shown(where)))

    def unknown(self, where: str, what: str, word: str, known: Iterable[str]) -> None:
        """Note an unknown word, with the nearest known name."""
        near = nearest(word[:WORD_SHOWN], known)
        remedy = f"did you mean `{near}`?" if near else f"use a known {what}"
        told = word if len(word) <= WORD_SHOWN else f"{word[:WORD_SHOWN]}..."
        self.fault(where, f"unknown {what} `{told}`", remedy, FindingKind.WORD)

    def word(self, where: str, what: str, value: object, known: Iterable[str]) -> str:
        """The word if it is known, else a finding and the empty word."""
        names = tuple(known)
        if isinstance(value, str) and value in names:
            return value
        self.unknown(where, what, str(value), names)
        return ""

    def words(self, where: str, what: str, value: object, known: Iterable[str], key: str = "") -> tuple[str, ...]:
        """A list of known words, each once. `key`: under which it stands, where that is not `what`."""
        names = tuple(known)
        found = tuple(self.word(where, what, item, names) for item in self.items(where, key or what, value))
        if len(set(found)) < len(found) and "" not in found:
            self.fault(where, f"one {what} is named twice", "name each once")
        return tuple(item for item in found if item)

    def items(self, where: str, what: str, value: object) -> list[object]:
        """The elements of a list, or a finding and none."""
        if isinstance(value, list):
            return value
        self.fault(where, f"`{what}` is not a list", "write it in square brackets")
        return []

    def tables(self, where: str, value: object) -> list[Mapping[str, object]]:
        """A list of tables, or findings."""
        found = self.items(where, where, value)
        if any(not isinstance(item, dict) for item in found):
            self.fault(where, "an element is not a table", f"write it as [[{where}]]")
        return [item for item in found if isinstance(item, dict)]

    def table(self, where: str, what: str, value: object) -> Mapping[str, object]:
        """One table, or a finding and an empty one."""
        if isinstance(value, dict):
            return value
        self.fault(where, f"`{what}` is not a table", "write it as { key = value }")
        return {}

    def text(self, where: str, what: str, value: object) -> str:
        """A text that is not empty."""
        if isinstance(value, str) and value.strip():
            return value
        self.fault(where, f"`{what}` is missing or not a text", f"give `{what}` as a text")
        return ""

    def numbers(self, where: str, what: str, value: object, known: Iterable[int]) -> tuple[int, ...]:
        """A list of known whole numbers, such as field groups, each once."""
        found = self.words(where, what, [str(item) for item in self.items(where, what, value)], map(str, sorted(known)))
        return tuple(int(item) for item in found)

    def keys(self, where: str, table: Mapping[str, object], known: Iterable[str]) -> None:
        """Refuse every key that is not known: a misspelt key must not be a silent default."""
        names = tuple(known)
        for key in table:
            if key not in names:
                self.unknown(where, "key", key, names)

    def file(self, raw: Mapping[str, object], kinds: Iterable[str]) -> None:
        """What a policy file may hold at its top: these kinds of tables, and its seal."""
        self.keys("top level", raw, (*kinds, "seal"))
        if "seal" in raw:
            self.text("top level", "seal", raw["seal"])

    def close(self) -> None:
        """Raise PolicyRefused if anything was found."""
        if self.findings:
            raise PolicyRefused(self.findings)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that looks most like `word`, or nothing."""
    found = difflib.get_close_matches(word, tuple(known), n=1, cutoff=0.4)
    return found[0] if found else ""


def shown(sentence: str) -> str:
    """A sentence fit for a terminal: a file can hold escapes that would move the cursor or hide a line."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in sentence)


def read_toml(name: str, text: str) -> Mapping[str, object]:
    """The tables of one policy file.

    Raises PolicyRefused with the place of the first fault of TOML, and where it nests deeper or counts further than
    whoever reads it could follow.
    """
    try:
        raw = tomllib.loads(text)
    except ValueError as error:
        raise _refused(name, f"is not TOML: {error}", "correct the line it names") from None
    except RecursionError:
        raise _too_deep(name) from None
    _bounded(name, raw)
    return raw


def _bounded(name: str, raw: Mapping[str, object]) -> None:
    """Refuse what later steps would fall over: level by level, as the depth is what is not yet known."""
    level: list[object] = [raw]
    for _ in range(DEPTH_MOST):
        if any(isinstance(each, int) and each.bit_length() > BITS_MOST for each in level):
            raise _refused(name, f"holds a number of more than {BITS_MOST} bits", "write a smaller number")
        level = [inner for each in level for inner in _inner(each)]
        if not level:
            return
    raise _too_deep(name)


def _inner(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_deep(name: str) -> PolicyRefused:
    says = f"nests tables or lists more than {DEPTH_MOST} deep"
    return _refused(name, says, "write its tables as [[name]], as the files that are there do")


def _refused(name: str, says: str, remedy: str) -> PolicyRefused:
    return PolicyRefused([Finding(FindingKind.SHAPE, shown(f"{name} {says}"), remedy, row=name)])
