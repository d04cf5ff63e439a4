"""What changes between two versions of a pack beside the fields: packages, obligations, and what a role learns in time.

Rule kept: a change that opens more, or asks less of who receives, is never silent, also where no release differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from consent.compile import Pack, grounds_of, releasing, scope_of
from consent.errors import Finding, FindingKind
from consent.judges import TOGETHER
from consent.matrix import Matrix, Row
from consent.redlines import Scope, prove_redlines
from consent.terms import EventType, Profile


def eased(old: Pack, new: Pack, types: Mapping[str, EventType]) -> tuple[Finding, ...]:
    """Everything the new version eases without giving another field, the most dangerous first."""
    return (*_in_time(old, new, types), *_packages(old.matrix, new.matrix), *_obligations(old.matrix, new.matrix))


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
