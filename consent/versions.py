"""What changes between two versions of a pack beside the fields: the lines themselves, packages, obligations, time.

What a role learns in time is asked over both versions together.

Rule kept: a change that opens more, asks less of who receives, or touches what proves the rest is never silent, also
where no release differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from consent.compile import Pack, grounds_of, releasing, scope_of
from consent.dutylines import DutyLine, Must
from consent.errors import Finding, FindingKind
from consent.judges import TOGETHER, RedLine
from consent.matrix import Conflict, Matrix, Row
from consent.redlines import Scope, prove_redlines
from consent.terms import BasisStatus, EventType, Profile
from consent.waivers import Waivers


def eased(old: Pack, new: Pack, types: Mapping[str, EventType]) -> tuple[Finding, ...]:
    """Everything the new version eases without giving another field, the most dangerous first."""
    return (
        *_in_time(old, new, types),
        *_lines(old, new),
        *_packages(old.matrix, new.matrix),
        *_obligations(old.matrix, new.matrix),
        *_law(old.matrix, new.matrix),
        *_waivers(old.waivers, new.waivers),
    )


def _in_time(old: Pack, new: Pack, types: Mapping[str, EventType]) -> Iterator[Finding]:
    """Lines over time (INV-02) that each version keeps, and a role that lived under both does not."""
    scopes = [_scope(pack, types) for pack in (old, new)]
    leaves = tuple(leaf for scope in scopes for leaf in scope.leaves)
    both = replace(scopes[1], leaves=leaves, selections=sum(scope.selections for scope in scopes))
    lines = replace(new.redlines, lines=tuple(line for line in new.redlines.lines if line.check == TOGETHER))
    for finding in prove_redlines(lines, both, lambda: 0.0)[1] if lines.lines else ():
        remedy = "who received under the old version keeps what it has: narrow the new one"
        yield replace(finding, sentence=f"over both versions, {finding.sentence}", remedy=remedy)


def _scope(pack: Pack, types: Mapping[str, EventType]) -> Scope:
    cells = next(releasing(pack, types, Profile.DEMO))
    return scope_of(pack, types, grounds_of(pack.matrix, types), cells)


def _lines(old: Pack, new: Pack) -> Iterator[Finding]:
    """Lines that are gone or say something else: nobody can tell in general which of two lines is the stricter."""
    kept = "keep it as it was, or have its owners agree"
    for what, before, after in _proving(old, new):
        rest = [line for line in before if line not in after]
        now = {_name(line) for line in after}
        for line in rest:
            change = "says something else" if _name(line) in now else "is gone"
            yield Finding(FindingKind.EASED, f"{what} {_name(line)} {change}{_says(line)}", kept, line=_name(line))
    for each in new.redlines.reductions:
        if each not in old.redlines.reductions:
            words = ", ".join(sorted(each.drops))
            says = f"{each.transform} now counts as taking away {words}, signed by {each.signed}: {each.why}"
            yield Finding(FindingKind.EASED, says, kept, line=str(each.transform))


Line = RedLine | DutyLine | Must | Conflict


def _proving(old: Pack, new: Pack) -> Iterator[tuple[str, Sequence[Line], Sequence[Line]]]:
    yield "red line", old.redlines.lines, new.redlines.lines
    yield "duty line", old.dutylines.lines, new.dutylines.lines
    yield "must", old.dutylines.musts, new.dutylines.musts
    yield "conflict of sources", old.matrix.conflicts, new.matrix.conflicts


def _name(line: Line) -> str:
    """By what a line is known: its id, or whom it speaks of."""
    if isinstance(line, (RedLine, DutyLine)):
        return line.id
    return f"{line.event} {line.role}" + (f" {line.purpose}" if isinstance(line, Conflict) else "")


def _says(line: Line) -> str:
    if isinstance(line, DutyLine):
        return f": {line.role} {line.purpose} gets {line.event}"
    return "" if isinstance(line, Must) else f": {line.says}"


def _law(old: Matrix, new: Matrix) -> Iterator[Finding]:
    """Bases that release more widely than they did: what was unconfirmed, or a proposal, counts now."""
    for name, basis in new.bases.items():
        was = old.bases.get(name)
        if was and SURE.index(basis.status) > SURE.index(was.status):
            says = f"basis {name} ({basis.ref}) was {was.status} and is {basis.status} now: every row on it releases so"
            yield Finding(FindingKind.EASED, says, "have a lawyer say where he read it", row=name)


SURE = (BasisStatus.PROPOSAL, BasisStatus.UNCONFIRMED, BasisStatus.OK)


def _waivers(old: Waivers, new: Waivers) -> Iterator[Finding]:
    """Waivers that are new, last longer, or name further rows."""
    before = {each.id: each for each in old.waivers}
    for each in new.waivers:
        was = before.get(each.id)
        more = sorted({*each.rows} - {*was.rows} if was else each.rows)
        if more or (was and each.until > was.until):
            what = f"waives rows {', '.join(more)}" if more else "lasts longer"
            says = f"waiver {each.id} of {each.controller} {what}, until {each.until}: {each.why}"
            yield Finding(FindingKind.EASED, says, "have the controller sign it", row=each.id)


def _packages(old: Matrix, new: Matrix) -> Iterator[Finding]:
    """Packages a consent opens more easily: a group less, so that a list of groups without it reaches the package."""
    before = {package.name: package for package in old.packages}
    for package in new.packages:
        was = before.get(package.name)
        lost = was.groups - package.groups if was else frozenset()
        if lost:
            groups = ", ".join(map(str, sorted(lost)))
            says = (
                f"package {package.name} of {package.role} {package.purpose} no longer contains group {groups}: "
                "a consent that lists groups without it now opens the whole package"
            )
            yield Finding(FindingKind.EASED, says, "make a new package of another name", row=package.name)


def _obligations(old: Matrix, new: Matrix) -> Iterator[Finding]:
    """Rows whose recipient owes less, or may keep longer."""
    before = {row.id: row for row in old.rows}
    for row in new.rows:
        was = before.get(row.id)
        less = [*_owes_less(was, row)] if was else []
        if less:
            event, role, _ = row.cell
            says = f"row {row.id} ({' '.join(row.cell)}) {' and '.join(less)}"
            remedy = "keep it, or have the controllers agree"
            yield Finding(FindingKind.EASED, says, remedy, row=row.id, event=event, role=role)


def _owes_less(was: Row, row: Row) -> Iterator[str]:
    dropped = [each.value for each in was.obligations if each not in row.obligations]
    if dropped:
        yield f"no longer obliges to {', '.join(dropped)}"
    if was.retain_days is not None and (row.retain_days is None or row.retain_days > was.retain_days):
        yield f"may be kept longer than {was.retain_days} days"
