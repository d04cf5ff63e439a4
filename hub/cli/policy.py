"""`punte policy prove|show|compile`: the release matrix, proven, shown, and turned into release schemas.

Rule kept: the policy pack comes from the installed package unless a folder is named, so the same command works
outside a checkout; a pack that crosses a line is refused with exit status 3 and every finding; law that is not
confirmed is always said to be so.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from consent.cells import Cell, Release, selections
from consent.compile import Policy, compile_policy, tally
from consent.errors import PolicyRefused
from consent.judges import ELSEWHERE
from consent.matrix import Matrix
from consent.messages import Language, counted
from consent.names import guard_words
from consent.pack import all_releases, compile_texts, parse_pack
from consent.redlines import Proof
from consent.rollout import meet
from consent.terms import BasisStatus, EventType, Profile
from consent.waivers import waived
from hub.cli.policy_ask import compare, impact, organisations, rests_on, who
from hub.cli.policy_check import format_files, lint, run_cases
from hub.cli.policy_print import matrix, record_of_processing
from hub.cli.policy_told import finding_json, refuse
from hub.cli.progress import say
from hub.contracts.files import load_catalogue, read_lock, schema_root
from hub.errors import Exit, PunteError
from hub.release.files import read_pack
from hub.release.schema import lock_releases, render_lock
from hub.views.proof_words import TABLES

app = typer.Typer(rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Policies = Annotated[Path | None, typer.Option("--policies", help="Folder of the policy pack; else the installed one.")]
InProfile = Annotated[Profile, typer.Option("--profile", help="demo also releases on unconfirmed law.")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the sentences; findings and lines are quoted.")]


@app.command()
def prove(
    as_json: AsJson = False, policies: Policies = None, profile: InProfile = Profile.DEMO, lang: Lang = Language.EN
) -> int:
    """Prove every red line and every duty line over every release; exit 3 with findings."""
    start = time.perf_counter()
    try:
        texts, types = read_pack(policies), load_catalogue().types
        policy = compile_texts(texts, types, profile, time.perf_counter, time.time_ns() // 1_000_000)
    except PolicyRefused as refused:
        return refuse(refused, profile, as_json=as_json, took=(time.perf_counter() - start) * 1000)
    took = (time.perf_counter() - start) * 1000
    print(json.dumps(_proof_json(policy, took)) if as_json else "\n".join(_proof_lines(policy, took, lang)))
    return Exit.DONE


@app.command()
def show(
    as_json: AsJson = False, policies: Policies = None, profile: InProfile = Profile.DEMO, lang: Lang = Language.EN
) -> int:
    """Show every release: who gets which field, how, by which row, when."""
    try:
        policy = compile_texts(read_pack(policies), load_catalogue().types, profile)
    except PolicyRefused as refused:
        return refuse(refused, profile, as_json=as_json)
    cells = policy.cells.values()
    shown = (json.dumps(list(chain.from_iterable(map(_entries, cells))), ensure_ascii=False),) if as_json else ()
    print("\n".join(shown or (line for cell in cells for line in _shown(cell, policy.matrix, lang))))
    return Exit.DONE


@app.command("compile")
def compile_releases(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 3 if anything would change.")] = False,
    as_json: AsJson = False,
    policies: Policies = None,
    before: Annotated[
        Path | None, typer.Option("--before", help="The pack a roll-out replaces: what both give.")
    ] = None,
    schemas: Annotated[Path | None, typer.Option("--schemas", help="Folder to write; else the installed one.")] = None,
    lang: Lang = Language.EN,
) -> int:
    """Write a schema and an id for every release of either profile; proposals have none."""
    root = schemas or Path(str(schema_root()))
    if not (root / "lock.json").is_file():
        raise PunteError("usage", f"`{root}` holds no schemas", "name a folder like `schemas/`, with its `lock.json`")
    say("proving the pack, making the schema of each release")
    catalogue = load_catalogue(root)
    try:
        pack = parse_pack(read_pack(policies), catalogue.types)
        policy = compile_policy(pack, catalogue.types, Profile.DEMO)
        met = _met(before, policies, policy, catalogue.types) if before else ()
    except PolicyRefused as refused:
        return refuse(refused, Profile.DEMO, as_json=as_json)
    events = {name: catalogue.event_schema(name) for name in catalogue.types}
    releases = {*all_releases(pack, catalogue.types), *met}
    lock, texts = lock_releases(read_lock(root), releases, events)
    wanted = {**texts, "lock.json": render_lock(lock)}
    stale = [name for name, text in wanted.items() if _differs(root / name, text)]
    if not check:
        for name in stale:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(wanted[name], "utf-8")
    found = "stale" if check else "written"
    if as_json:
        print(json.dumps({"releases": len(releases), found: stale}))
    else:
        print("\n".join(_compiled(len(releases), stale, found, lang)))
    return Exit.FINDINGS if check and stale else Exit.DONE


def _met(before: Path, policies: Path | None, new: Policy, types: Mapping[str, EventType]) -> tuple[Release, ...]:
    """The releases of a roll-out: what goes out while two versions are in use, in each profile both can run in."""
    found = list(meet(compile_texts(read_pack(before), types, Profile.DEMO), new, types).releases)
    try:
        both = [compile_texts(read_pack(folder), types, Profile.PRODUCTION) for folder in (before, policies)]
        found += meet(both[0], both[1], types).releases
    except PolicyRefused:
        return tuple(found)
    return tuple(found)


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text("utf-8") != text


def _compiled(releases: int, stale: list[str], found: str, lang: Language) -> Iterator[str]:
    """What was written, or what a check found stale (`found`: which of the two), and then what to do."""
    words = TABLES[lang]
    yield from (words[found].format(name=name) for name in stale)
    counts = {"releases": counted(releases, "releases", words), "files": counted(len(stale), "files", words)}
    yield words[f"compiled_{found}"].format(**counts)
    if stale and found == "stale":
        yield f"\n{words['hint']}"


def _unconfirmed(matrix: Matrix) -> Mapping[BasisStatus, list[str]]:
    """Row ids whose law is not confirmed, or which are proposals."""
    wanted = (BasisStatus.UNCONFIRMED, BasisStatus.PROPOSAL)
    return {status: [row.id for row in matrix.rows if row.basis.status is status] for status in wanted}


def _summary(policy: Policy, took: float) -> Mapping[str, object]:
    return {**tally(policy.proofs, len(policy.releases))._asdict(), "ms": round(took, 3)}


def _proof_json(policy: Policy, took: float) -> Mapping[str, object]:
    rows = _unconfirmed(policy.matrix)
    return {
        "profile": policy.profile.value,
        "digest": policy.digest.hex(),
        "refused": False,
        "cells": len(policy.cells),
        "lines": [proof._asdict() for proof in policy.proofs],
        "findings": [],
        "unconfirmed_rows": rows[BasisStatus.UNCONFIRMED],
        "proposal_rows": rows[BasisStatus.PROPOSAL],
        "waived_rows": sorted(waived(policy.waivers)),
        "notes": [finding_json(note) for note in policy.notes],
        **_summary(policy, took),
    }


def _proof_lines(policy: Policy, took: float, lang: Language) -> Iterator[str]:
    """The proof as a table: line, how it was proven, over how many, in how many ms, what it says."""
    words = TABLES[lang]
    yield f"{words['line']:8} {words['looked_at']:>26} {'ms':>7}  {words['statement']}"
    tests = {line.says: line.elsewhere for line in policy.redlines.lines}
    for proof in policy.proofs:
        yield f"{proof.line:8} {counted(proof.looked, _looked(proof), words):>26} {proof.ms:7.2f}  {proof.says}"
        yield from (f"{'':44} {words['by'].format(test=test)}" for test in tests.get(proof.says, ()))
    yield ""
    yield from _law_lines(policy, words)
    told = tally(policy.proofs, len(policy.releases))
    numbers = {"invariants": told.proven, "duties": told.duties, "releases": told.releases, "cells": len(policy.cells)}
    yield words["proven"].format(
        **{noun: counted(n, noun, words) for noun, n in numbers.items()},
        elsewhere=counted(told.tested_elsewhere, "invariants", words),
        crossed=told.crossed,
        unserved=told.unserved,
        ms=f"{took:.1f}",
        profile=policy.profile.value,
        digest=policy.digest.hex()[:16],
    )


def _looked(proof: Proof) -> str:
    return "tests" if proof.how == ELSEWHERE else proof.how


def _law_lines(policy: Policy, words: Mapping[str, str]) -> Iterator[str]:
    """What rests on law that is not confirmed, what is waived until when, what production would not serve."""
    rows = _unconfirmed(policy.matrix)
    yield words["unconfirmed"].format(rows=" ".join(rows[BasisStatus.UNCONFIRMED]))
    yield words["proposals"].format(rows=" ".join(rows[BasisStatus.PROPOSAL]))
    for waiver in policy.waivers:
        told = {"until": waiver.until, "controller": waiver.controller, "id": waiver.id}
        yield words["waived"].format(**told, rows=" ".join(waiver.rows))
    lines = Counter(note.line for note in policy.notes)
    if lines:
        when, many = words[f"when.{policy.profile}"], counted(len(lines), "duty lines", words)
        yield words["note"].format(when=when, duty_lines=many)
        yield f"  {' '.join(lines)}"


def _entries(cell: Cell) -> Iterator[dict[str, object]]:
    """One entry for each release a cell can select.

    `guards` = the least that gives it, `rules` = one row for each field.
    """
    for bits, selected in selections(cell):
        yield {
            "event_type": cell.event,
            "role": cell.role.value,
            "purpose": cell.purpose.value,
            "guards": [str(guard) for guard in cell.true(bits)],
            "fields": {path: how.value for path, how in selected.release.leaves},
            "rules": list(selected.rules),
        }


def _shown(cell: Cell, matrix: Matrix, lang: Language) -> Iterator[str]:
    """The releases of a cell as text, with the law of each row and a mark where it is not confirmed."""
    laws, words = {row.id: row.basis for row in matrix.rows}, TABLES[lang]
    for bits, selected in selections(cell):
        guards = words["and"].join(guard_words(guard, lang) for guard in cell.true(bits))
        yield words["shown"].format(event=cell.event, role=cell.role, purpose=cell.purpose, guards=guards)
        for (path, how), rule in zip(selected.release.leaves, selected.rules, strict=True):
            mark = words[f"mark.{laws[rule].status}"]
            yield f"  {path:28} {how:12} {rule:4} {laws[rule].ref}{mark}"


app.command("compare")(compare)
app.command("impact")(impact)
app.command("who")(who)
app.command("rests-on")(rests_on)
app.command("organisations")(organisations)
app.command("lint")(lint)
app.command("format")(format_files)
app.command("test")(run_cases)
app.command("matrix")(matrix)
app.command("record-of-processing")(record_of_processing)
