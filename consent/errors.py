"""What can be wrong with a policy, as values: a finding names row, field, role and line, and says it as one sentence.

Rule kept: the fault is always ours (the policy pack), never a sender's; a finding holds words of the policy, no value
of a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

Parsed = TypeVar("Parsed")


class FindingKind(StrEnum):
    """What sort of fault.

    A word or shape at the border, a cell, a red line, a duty line, unconfirmed law, an empty proof; what `lint` finds:
    a seal that does not fit, a row that can never matter, a duty of the law nobody serves, or served only if somebody
    agrees, a law without a date, a waiver that no longer says anything; and what a new version eases.
    """

    WORD = "word"
    SHAPE = "shape"
    CELL = "cell"
    RED_LINE = "red_line"
    DUTY_LINE = "duty_line"
    UNCONFIRMED = "unconfirmed"
    VACUOUS = "vacuous"
    SEAL = "seal"
    IDLE = "idle"
    MUST = "must"
    UNDATED = "undated"
    WAIVER = "waiver"
    EASED = "eased"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a policy. `sentence` says all of it; the other fields let a program group and link it."""

    kind: FindingKind
    sentence: str
    remedy: str = ""
    line: str = ""
    row: str = ""
    event: str = ""
    role: str = ""
    field: str = ""
    guards: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The sentence, and what to do."""
        return f"{self.sentence}; {self.remedy}" if self.remedy else self.sentence


class Tally(NamedTuple):
    """A proof in seven numbers. An invariant of several lines is crossed where one is, tested where one names tests."""

    invariants: int
    proven: int
    tested_elsewhere: int
    crossed: int
    duties: int
    unserved: int
    releases: int


class PolicyRefused(Exception):
    """The policy is not activated: every fault found, none skipped.

    The remedy is a corrected matrix, never a weaker line. `tally`: what the proof came to, where it came that far.
    """

    def __init__(self, findings: Iterable[Finding], tally: Tally | None = None) -> None:
        self.tally = tally
        self.findings: tuple[Finding, ...] = tuple(findings)
        super().__init__(f"policy refused, {len(self.findings)} findings: " + " | ".join(map(str, self.findings)))


def gathered(findings: list[Finding], read: Callable[[], Parsed]) -> Parsed | None:
    """What `read` gives, or None with its findings noted: the faults of one file never hide those of another."""
    try:
        return read()
    except PolicyRefused as refused:
        findings += refused.findings
        return None
