"""What the verbs of `punte policy` say of findings, in text and as JSON.

Rule kept: a refused pack is told with every finding, the line, the row and what to do; it ends with status 3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from consent.errors import Finding, FindingKind, PolicyRefused
from consent.terms import Profile
from hub.errors import Exit


def refuse(refused: PolicyRefused, profile: Profile, *, as_json: bool) -> int:
    """Print every finding; the exit status of findings."""
    if as_json:
        findings = [finding_json(finding) for finding in refused.findings]
        told = {"profile": profile.value, "refused": True, "findings": findings, **_counted(refused.findings)}
        print(json.dumps(told, ensure_ascii=False))
    else:
        for finding in refused.findings:
            print(f"{finding.kind.value}: {finding.sentence}\n  hint: {finding.remedy}")
        print(f"refused in profile {profile.value}: {len(refused.findings)} findings")
    return Exit.FINDINGS


def _counted(findings: Iterable[Finding]) -> Mapping[str, int]:
    """How many lines a refusal says are crossed, and how many duties unserved."""
    served = (FindingKind.DUTY_LINE, FindingKind.UNCONFIRMED)
    crossed = {each.line for each in findings if each.kind is FindingKind.RED_LINE}
    unserved = {each.line for each in findings if each.kind in served}
    return {"crossed": len(crossed), "unserved": len(unserved)}


def finding_json(finding: Finding) -> Mapping[str, object]:
    """One finding as an object."""
    return {**asdict(finding), "kind": finding.kind.value}
