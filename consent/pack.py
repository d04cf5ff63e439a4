"""A policy pack: the three texts that make a policy, compiled together.

Rule kept: a pack is read whole or not at all; the faults of all three files are told in one refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from consent.cells import Release
from consent.compile import Policy, compile_policy, releases_of, releasing
from consent.dutylines import DutyLines, parse_dutylines
from consent.errors import Finding, PolicyRefused
from consent.matrix import Matrix, parse_matrix
from consent.redlines import RedLines, parse_redlines
from consent.terms import EventType, Profile

Parsed = TypeVar("Parsed")

FILES = ("matrix.toml", "redlines.toml", "dutylines.toml")
"""The files of a pack, in the order of `PackTexts`."""


class PackTexts(NamedTuple):
    """The texts of the three files of a pack."""

    matrix: str
    redlines: str
    dutylines: str


class Pack(NamedTuple):
    """The three files read, words checked, nothing proven yet."""

    matrix: Matrix
    redlines: RedLines
    dutylines: DutyLines


def parse_pack(texts: PackTexts, types: Mapping[str, EventType]) -> Pack:
    """Read all three files. Raises PolicyRefused with the findings of every one of them."""
    findings: list[Finding] = []

    def read(parse: Callable[[], Parsed]) -> Parsed | None:
        try:
            return parse()
        except PolicyRefused as refused:
            findings.extend(refused.findings)
            return None

    matrix = read(lambda: parse_matrix(texts.matrix, types))
    redlines = read(lambda: parse_redlines(texts.redlines))
    dutylines = read(lambda: parse_dutylines(texts.dutylines, types))
    if matrix is None or redlines is None or dutylines is None:
        raise PolicyRefused(findings)
    return Pack(matrix, redlines, dutylines)


def compile_texts(
    texts: PackTexts, types: Mapping[str, EventType], profile: Profile, tick: Callable[[], float] | None = None
) -> Policy:
    """Read, compile and prove a pack.

    `tick` gives seconds, for the proof table. Raises PolicyRefused with every finding.
    """
    pack = parse_pack(texts, types)
    if tick is None:
        return compile_policy(pack.matrix, pack.redlines, pack.dutylines, types, profile)
    return compile_policy(pack.matrix, pack.redlines, pack.dutylines, types, profile, tick)


def all_releases(matrix: Matrix, types: Mapping[str, EventType]) -> tuple[Release, ...]:
    """Every release of any profile, by name: what needs a schema and an id. Proposals have none."""
    found = {release for profile in Profile for release in releases_of(releasing(matrix, types, profile))}
    return tuple(sorted(found, key=lambda release: release.name))
