"""A policy pack: the texts that make a policy, compiled together.

Rule kept: a pack is read whole or not at all; the faults of all its files are told in one refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from consent.cells import Release
from consent.compile import Pack, Policy, compile_policy, releases_of, releasing
from consent.dutylines import parse_dutylines
from consent.errors import Finding, PolicyRefused, gathered
from consent.matrix import parse_matrix
from consent.redlines import parse_redlines
from consent.terms import EventType, Profile
from consent.waivers import parse_waivers

__all__ = ["FILES", "WAIVERS", "Pack", "PackTexts", "all_releases", "compile_texts", "parse_pack"]

FILES = ("matrix.toml", "redlines.toml", "dutylines.toml")
"""The files of a pack, in the order of `PackTexts`."""


WAIVERS = "waivers.toml"
"""The file a pack may have besides: what controllers waive, until when."""


class PackTexts(NamedTuple):
    """The texts of the files of a pack; no waivers where the last is empty."""

    matrix: str
    redlines: str
    dutylines: str
    waivers: str = ""


def parse_pack(texts: PackTexts, types: Mapping[str, EventType]) -> Pack:
    """Read all files. Raises PolicyRefused with the findings of every one of them."""
    findings: list[Finding] = []
    matrix = gathered(findings, lambda: parse_matrix(texts.matrix, types))
    redlines = gathered(findings, lambda: parse_redlines(texts.redlines, types))
    dutylines = gathered(findings, lambda: parse_dutylines(texts.dutylines, types))
    waivers = gathered(findings, lambda: parse_waivers(texts.waivers, matrix))
    if matrix is None or redlines is None or dutylines is None or waivers is None:
        raise PolicyRefused(findings)
    return Pack(matrix, redlines, dutylines, waivers)


def compile_texts(
    texts: PackTexts,
    types: Mapping[str, EventType],
    profile: Profile,
    tick: Callable[[], float] | None = None,
    at_ms: int = 0,
) -> Policy:
    """Read, compile and prove a pack.

    `tick` gives seconds, for the proof table; `at_ms`: the moment from which waivers are looked at. Raises
    PolicyRefused with every finding.
    """
    pack = parse_pack(texts, types)
    if tick is None:
        return compile_policy(pack, types, profile, at_ms=at_ms)
    return compile_policy(pack, types, profile, tick, at_ms)


def all_releases(pack: Pack, types: Mapping[str, EventType]) -> tuple[Release, ...]:
    """Every release of any profile and waiver, by name: what needs a schema and an id. Proposals have none."""
    every = (cells for profile in Profile for cells in releasing(pack, types, profile))
    found = {release for cells in every for release in releases_of(cells)}
    return tuple(sorted(found, key=lambda release: release.name))
