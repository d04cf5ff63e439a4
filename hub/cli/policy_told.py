"""What the verbs of `punte policy` say of findings, in text and as JSON.

Rule kept: a refused pack is told with every finding, the line, the row and what to do; it ends with status 3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from consent.errors import Finding, PolicyRefused
from consent.terms import Profile
from hub.errors import Exit


def refuse(
    refused: PolicyRefused, profile: Profile, *, as_json: bool, took: float | None = None, pack: str = ""
) -> int:
    """Print every finding; the exit status of findings.

    `took`: ms of a proof, which then tells its numbers. `pack`: which argument is refused, where there are several.
    """
    if as_json:
        findings = [finding_json(finding) for finding in refused.findings]
        told: dict[str, object] = {"profile": profile.value, "refused": True, "findings": findings}
        told |= {"pack": pack} if pack else {}
        if took is not None and refused.tally is not None:
            told |= {**refused.tally._asdict(), "ms": round(took, 3)}
        print(json.dumps(told, ensure_ascii=False))
    else:
        for finding in refused.findings:
            print(f"{finding.kind.value}: {finding.sentence}\n  hint: {finding.remedy}")
        who = f"{pack} is refused" if pack else "refused"
        print(f"{who} in profile {profile.value}: {number(len(refused.findings), 'finding')}")
    return Exit.FINDINGS


def number(n: int, noun: str) -> str:
    """A number with its noun in the right form: `1 fault`, `0 faults`, `2 faults`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def finding_json(finding: Finding) -> Mapping[str, object]:
    """One finding as an object."""
    return {**asdict(finding), "kind": finding.kind.value}
