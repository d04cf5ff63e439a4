"""`punte policy lint|format|test`: what a data-protection officer runs after a change, before anybody signs it.

Rule kept: nothing is repaired in silence: `format` changes layout, and seals only when asked to; `lint` and `test`
only look. Each ends with status 3 when it finds anything.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consent.errors import Finding, PolicyRefused, gathered
from consent.terms import Profile
from hub.cli.policy_print import write_whole
from hub.cli.policy_told import finding_json, number, refuse
from hub.cli.progress import say
from hub.errors import Exit

if TYPE_CHECKING:
    from consent.cases import Case, Outcome
    from consent.pack import Pack, PackTexts
    from consent.terms import EventType

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Policies = Annotated[Path | None, typer.Option("--policies", help="Folder of the policy pack; else the installed one.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit 3 if anything would change.")]
Seal = Annotated[bool, typer.Option("--seal", help="Write a fresh seal into every table: you have read them all.")]


def lint(as_json: AsJson = False, policies: Policies = None) -> int:
    """Look for edits nobody sealed, rows that never matter, recipients nobody serves, misspelt cases; exit 3 if any."""
    from consent.compile import compile_policy
    from consent.lint import NOTES
    from consent.lint import lint as look
    from hub.contracts.files import load_catalogue

    types = load_catalogue().types
    try:
        texts, pack, _ = _read(policies, types)
        found = look(texts, pack, types, time.time_ns() // 1_000_000)
        compile_policy(pack, types, Profile.DEMO)
    except PolicyRefused as refused:
        return refuse(refused, Profile.DEMO, as_json=as_json)
    faults = [finding for finding in found if finding.kind not in NOTES]
    if as_json:
        told = {"findings": [finding_json(each) for each in found], "faults": len(faults)}
        print(json.dumps(told | {"notes": len(found) - len(faults)}, ensure_ascii=False))
    else:
        counts = f"{number(len(faults), 'fault')}, {number(len(found) - len(faults), 'note')}"
        print("\n".join([*map(_lint_line, found), counts]))
    return Exit.FINDINGS if faults else Exit.DONE


def _read(policies: Path | None, types: Mapping[str, EventType]) -> tuple[PackTexts, Pack, Sequence[Case]]:
    """The texts, the pack and its cases. Raises PolicyRefused with the findings of all files, PunteError with one."""
    from consent.cases import parse_all_cases
    from consent.pack import parse_pack
    from hub.release.files import read_cases, read_pack

    texts, told, findings = read_pack(policies), read_cases(policies), list[Finding]()
    pack = gathered(findings, lambda: parse_pack(texts, types))
    cases = gathered(findings, lambda: parse_all_cases(told, types))
    if pack is None or cases is None:
        raise PolicyRefused(findings)
    return texts, pack, cases


def _lint_line(finding: Finding) -> str:
    return f"{finding.kind.value}: {finding.sentence}\n  hint: {finding.remedy}"


def format_files(as_json: AsJson = False, policies: Policies = None, check: Check = False, seal: Seal = False) -> int:
    """Bring the files of a pack into their one layout; with `--seal` seal every table and file anew."""
    from consent.pack import FILES, WAIVERS
    from hub.release.files import pack_folder, read_pack

    texts = dict(zip((*FILES, WAIVERS), read_pack(policies), strict=True))
    try:
        changed = _laid_out({name: text for name, text in texts.items() if text}, reseal=seal)
    except PolicyRefused as refused:
        return refuse(refused, Profile.DEMO, as_json=as_json)
    if not check:
        for name, text in changed.items():
            write_whole(pack_folder(policies) / name, text, force=True)
    word = "would change" if check else "written"
    if as_json:
        print(json.dumps({"changed": sorted(changed), "written": not check}))
    else:
        print("\n".join([*(f"{word} {name}" for name in changed), f"{number(len(changed), 'file')} {word}"]))
    return Exit.FINDINGS if check and changed else Exit.DONE


def _laid_out(texts: Mapping[str, str], *, reseal: bool) -> Mapping[str, str]:
    """The files that would be written otherwise, by name."""
    from consent.border import read_toml
    from consent.seal import formatted

    made = {}
    for name, text in texts.items():
        read_toml(name, text)
        made[name] = formatted(name, text, reseal=reseal)
    return {name: text for name, text in made.items() if text != texts[name]}


def run_cases(as_json: AsJson = False, policies: Policies = None) -> int:
    """Decide every case of the pack: who learns what, and why not; exit 3 with each difference."""
    from consent.cases import run_case, shadow_policy
    from consent.compile import compile_policy
    from hub.contracts.files import load_catalogue

    start, types = time.perf_counter(), load_catalogue().types
    say("deciding every case of the pack")
    try:
        _, pack, cases = _read(policies, types)
        policy, shadow = compile_policy(pack, types, Profile.DEMO), shadow_policy(pack, types)
    except PolicyRefused as refused:
        return refuse(refused, Profile.DEMO, as_json=as_json)
    outcomes = [run_case(case, shadow if case.body.get("shadow") else policy, types) for case in cases]
    failed: list[Outcome] = [outcome for outcome in outcomes if outcome.wrong]
    took = (time.perf_counter() - start) * 1000
    print(_tests_json(failed, len(cases)) if as_json else _tests_text(failed, len(cases), took))
    return Exit.FINDINGS if failed or not cases else Exit.DONE


def _tests_json(failed: Sequence[Outcome], cases: int) -> str:
    found = [
        {"file": one.case.file, "case": one.case.number, "says": one.case.says, "wrong": one.wrong} for one in failed
    ]
    return json.dumps({"differences": found, "cases": cases, "failed": len(failed)}, ensure_ascii=False)


def _tests_text(failed: Sequence[Outcome], cases: int, took: float) -> str:
    lines = []
    for one in failed:
        lines.append(f"failed: {one.case.file}, case {one.case.number}: {one.case.says}")
        lines += [f"  {sentence}" for sentence in one.wrong]
    lines.append(f"{number(cases, 'case')}, {len(failed)} failed, {took:.0f} ms")
    if not cases:
        lines.append("\nhint: a pack without cases asserts nothing; write them into its folder `cases`")
    return "\n".join(lines)
