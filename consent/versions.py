"""What changes between two versions of a pack beside the fields: the lines themselves, packages, obligations, time.

What a role learns in time is asked over both versions together.

Rule kept: a change that opens more, asks less of who receives, or touches what proves the rest is never silent, also
where no release differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from consent.basis import Basis
from consent.compile import Pack, grounds_of, releasing, scope_of
from consent.dutylines import DutyLine, Must
from consent.errors import Finding, FindingKind
from consent.judges import TOGETHER, RedLine
from consent.matrix import Conflict, Matrix, Row
from consent.messages import Language
from consent.names import days, named
from consent.redlines import Scope, prove_redlines
from consent.terms import BasisStatus, EventType, Profile
from consent.versionwords import TABLES
from consent.waivers import Waiver, Waivers

Words = Mapping[str, str]


def eased(
    old: Pack, new: Pack, types: Mapping[str, EventType], language: Language = Language.EN
) -> tuple[Finding, ...]:
    """Everything the new version eases without giving another field, the most dangerous first, said in a language."""
    words = TABLES[language]
    return (
        *_in_time(old, new, types, words),
        *_lines(old, new, words),
        *_packages(old.matrix, new.matrix, words),
        *_rows(old.matrix, new.matrix, language),
        *_law(old.matrix, new.matrix, words),
        *_waivers(old.waivers, new.waivers, words),
    )


def _in_time(old: Pack, new: Pack, types: Mapping[str, EventType], words: Words) -> Iterator[Finding]:
    """Lines over time (INV-02) that each version keeps, and a role that lived under both does not."""
    scopes = [_scope(pack, types) for pack in (old, new)]
    leaves = tuple(leaf for scope in scopes for leaf in scope.leaves)
    both = replace(scopes[1], leaves=leaves, selections=sum(scope.selections for scope in scopes))
    lines = replace(new.redlines, lines=tuple(line for line in new.redlines.lines if line.check == TOGETHER))
    for finding in prove_redlines(lines, both, lambda: 0.0)[1] if lines.lines else ():
        yield replace(finding, sentence=words["in_time"].format(finding=finding.sentence), remedy=words["in_time.hint"])


def _scope(pack: Pack, types: Mapping[str, EventType]) -> Scope:
    cells = next(releasing(pack, types, Profile.DEMO))
    return scope_of(pack, types, grounds_of(pack.matrix, types), cells)


def _lines(old: Pack, new: Pack, words: Words) -> Iterator[Finding]:
    """Lines that are gone or say something else: nobody can tell in general which of two lines is the stricter."""
    kept = words["kept.hint"]
    for what, before, after in _proving(old, new):
        rest = [line for line in before if line not in after]
        now = {_name(line) for line in after}
        for line in rest:
            change = words["else" if _name(line) in now else "gone"]
            says = change.format(what=words[what], name=_name(line), says=_says(line, words))
            yield Finding(FindingKind.EASED, says, kept, line=_name(line))
    for each in new.redlines.reductions:
        if each not in old.redlines.reductions:
            drops = ", ".join(sorted(each.drops))
            told = {"transform": each.transform, "words": drops, "signed": each.signed, "why": each.why}
            yield Finding(FindingKind.EASED, words["reduction"].format(**told), kept, line=str(each.transform))


Line = RedLine | DutyLine | Must | Conflict


def _proving(old: Pack, new: Pack) -> Iterator[tuple[str, Sequence[Line], Sequence[Line]]]:
    yield "red_line", old.redlines.lines, new.redlines.lines
    yield "duty_line", old.dutylines.lines, new.dutylines.lines
    yield "must", old.dutylines.musts, new.dutylines.musts
    yield "conflict", old.matrix.conflicts, new.matrix.conflicts


def _name(line: Line) -> str:
    """By what a line is known: its id, or whom it speaks of."""
    if isinstance(line, (RedLine, DutyLine)):
        return line.id
    return f"{line.event} {line.role}" + (f" {line.purpose}" if isinstance(line, Conflict) else "")


def _says(line: Line, words: Words) -> str:
    if isinstance(line, DutyLine):
        return words["gets"].format(role=line.role, purpose=line.purpose, event=line.event)
    return "" if isinstance(line, Must) else words["says"].format(says=line.says)


def _law(old: Matrix, new: Matrix, words: Words) -> Iterator[Finding]:
    """Bases that count as surer than they did, so that more is released, or that cite other law."""
    for name, basis in new.bases.items():
        was = old.bases.get(name)
        if was and _surer(basis, was):
            before, now = (words[f"status.{each.status}"] for each in (was, basis))
            says = words["law"].format(name=name, ref=basis.ref, was=before, now=now)
            yield Finding(FindingKind.EASED, says, words["law.hint"], row=name)
        elif was and (basis.kind, basis.ref) != (was.kind, was.ref):
            says = words["cites"].format(name=name, ref=basis.ref, was=was.ref)
            yield Finding(FindingKind.EASED, says, words["law.hint"], row=name)


def _surer(basis: Basis, was: Basis) -> bool:
    return SURE.index(basis.status) > SURE.index(was.status)


SURE = (BasisStatus.PROPOSAL, BasisStatus.UNCONFIRMED, BasisStatus.OK)


def _waivers(old: Waivers, new: Waivers, words: Words) -> Iterator[Finding]:
    """Waivers that are new or that changed, but for those that only end sooner or name fewer rows."""
    before = {each.id: each for each in old.waivers}
    for each in new.waivers:
        was = before.get(each.id)
        more = sorted({*each.rows} - {*was.rows} if was else each.rows)
        key = _waived_more(each, was, more)
        if key:
            rows = words["one_row" if len(more) == 1 else "rows"].format(rows=", ".join(more))
            told = {"id": each.id, "who": each.controller, "until": each.until, "why": each.why, "rows": rows}
            yield Finding(FindingKind.EASED, words[key].format(**told), words["waiver.hint"], row=each.id)


def _waived_more(each: Waiver, was: Waiver | None, more: Sequence[str]) -> str:
    """Which sentence tells what a waiver eases; none where it eases nothing."""
    if was is None:
        return "waives"
    if more:
        return "waives_more"
    if each.until > was.until:
        return "lasts"
    return "waiver_else" if (each.controller, {*each.by}, each.why) != (was.controller, {*was.by}, was.why) else ""


def _packages(old: Matrix, new: Matrix, words: Words) -> Iterator[Finding]:
    """Packages a consent opens more easily: a group less, so that a list of groups without it reaches the package."""
    before = {package.name: package for package in old.packages}
    for package in new.packages:
        was = before.get(package.name)
        lost = was.groups - package.groups if was else frozenset()
        if lost:
            told = {"name": package.name, "role": package.role, "purpose": package.purpose}
            groups = words["one_group" if len(lost) == 1 else "groups"].format(groups=", ".join(map(str, sorted(lost))))
            says = words["package"].format(**told, groups=groups)
            yield Finding(FindingKind.EASED, says, words["package.hint"], row=package.name)


def _rows(old: Matrix, new: Matrix, language: Language) -> Iterator[Finding]:
    """Rows whose recipient owes less, may keep longer, or whose law is another one that counts as surer."""
    words = TABLES[language]
    for row in new.rows:
        less = [*dict.fromkeys(says for was in _before(old, row) for says in _less(was, row, language))]
        if less:
            event, role, _ = row.cell
            says = words["row"].format(row=row.id, cell=" ".join(row.cell), less=words["and"].join(less))
            yield Finding(FindingKind.EASED, says, words["row.hint"], row=row.id, event=event, role=role)


def _before(old: Matrix, row: Row) -> Sequence[Row]:
    """The rows a row takes the place of: that of its id, else those of its cell that gave some of its groups."""
    cell = [was for was in old.rows if was.cell == row.cell]
    groups = frozenset().union(*(grant.groups for grant in row.grants))
    same = [was for was in cell if was.id == row.id]
    return same or [was for was in cell if any(not groups.isdisjoint(grant.groups) for grant in was.grants)]


def _less(was: Row, row: Row, language: Language) -> Iterator[str]:
    yield from _owes_less(was, row, language)
    if row.basis.id != was.basis.id and _surer(row.basis, was.basis):
        words = TABLES[language]
        before, now = (f"{each.id}, {words[f'status.{each.status}']}" for each in (was.basis, row.basis))
        yield words["rests"].format(now=now, was=before)


def _owes_less(was: Row, row: Row, language: Language) -> Iterator[str]:
    words = TABLES[language]
    dropped = [each.value for each in was.obligations if each not in row.obligations]
    if dropped:
        yield words["owes"].format(dropped=", ".join(dropped))
    if was.retain_days is not None and (row.retain_days is None or row.retain_days > was.retain_days):
        yield words["keeps"].format(days=named(days(was.retain_days), language))
