"""A roll-out: while two versions of a policy are in use, what goes out is the stricter of both, cell by cell.

Rule kept: the meeting of two proven policies is itself a compiled, finite policy with a digest of its own: it releases
where both release, only fields that both give, each as coarsely as the coarser of the two gives it. A meeting that
would starve a duty of the new version is refused, or says from which day it would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from consent.cells import MAX_BITS, Cell, Release, Selected, consistent, reads_of
from consent.compare import PRECISION
from consent.compile import Policy, by_event, releases_of, since
from consent.dutylines import Duty, prove_dutylines, ready
from consent.errors import Finding, PolicyRefused
from consent.guards import Guard, GuardKind, guard_order
from consent.matrix import CellKey, Matrix, Package, Row
from consent.terms import EventType, Transform

TIMES = (Transform.AS_IS, Transform.HOUR, Transform.DAY)
"""What `ce_time` becomes, from fine to coarse."""


def meet(old: Policy, new: Policy, types: Mapping[str, EventType]) -> Policy:
    """The policy of a roll-out from one version to the next; its rows, laws and duties are those of the new one.

    Raises PolicyRefused where it would starve a duty the new version serves now: then all gateways are stopped and
    switched at once. A duty it would starve only later, when a waiver of the old version ends, is a note with its day,
    and `unserved` from that day on.
    """
    after: Policy | None = None
    missed: list[Finding] = []
    later: list[Finding] = []
    for begin, end in reversed(list(_steps(old, new))):
        after, missed = _met(old.at(begin), new.at(begin), types, end, after)
        after = replace(after, notes=(*after.notes, *later))
        if begin:
            later = [*(since(finding, begin) for finding in missed), *later]
    assert after is not None
    if missed:
        raise PolicyRefused(missed)
    return after


def _steps(old: Policy, new: Policy) -> Iterator[tuple[int, int | None]]:
    """The stretches of time (ms) in which neither of the two changes by itself."""
    ends = sorted({step.until for policy in (old, new) for step in policy.steps() if step.until is not None})
    yield from zip((0, *ends), (*ends, None), strict=True)


def _met(
    old: Policy, new: Policy, types: Mapping[str, EventType], until: int | None, after: Policy | None
) -> tuple[Policy, list[Finding]]:
    """The meeting in one stretch of time, and the duties it misses though the new version serves them."""
    both = old.cells.keys() & new.cells.keys()
    cells = {
        key: cell for key in new.cells if key in both and (cell := _cell(key, old, new, types[key[0]])) is not None
    }
    served, missed = prove_dutylines(new.dutylines, cells, types, lambda: 0.0)
    short = {finding.line for finding in missed}
    duties: dict[CellKey, tuple[Duty, ...]] = {}
    for line in (each for each in new.dutylines.lines if each.id not in short):
        duties[line.key] = (*duties.get(line.key, ()), ready(line, cells[line.key], cells, types[line.event]))
    whole = {release.name: release for release in (*releases_of(cells), *(after.releases if after else ()))}
    releases = tuple(whole[name] for name in sorted(whole))
    digest = hashlib.sha256(b"rollout" + old.digest + new.digest).digest()
    matrix = replace(new.matrix, rows=tuple(_owing(old.matrix, row) for row in new.matrix.rows))
    made = replace(new, digest=digest, versions=(old.digest, new.digest), cells=cells, releases=releases, duties=duties)
    unserved = by_event(line for line in new.dutylines.lines if line.id in short)
    known = {line.id for lines in new.unserved.values() for line in lines}
    made = replace(made, matrix=matrix, proofs=tuple(served), notes=(), unserved=unserved, until=until, after=after)
    return made, [finding for finding in missed if finding.line not in known]


def _owing(before: Matrix, row: Row) -> Row:
    """A row with what either version obliges to, and the shorter of the times it may be kept."""
    was = next((each for each in before.rows if each.id == row.id), row)
    days = min((each.retain_days for each in (was, row) if each.retain_days is not None), default=None)
    return replace(row, obligations=tuple(dict.fromkeys((*row.obligations, *was.obligations))), retain_days=days)


def _cell(key: CellKey, old: Policy, new: Policy, event: EventType) -> Cell | None:
    """The meeting of two cells over the guards of both; None where it would give nothing.

    Nor is there one where it would have too many guards, or asks for a package the new version no longer has.
    """
    one, other = old.cells[key], new.cells[key]
    ladder = _ladder(key, old, new)
    names = tuple(package.name for package in ladder)
    guards = guard_order(frozenset((*one.guards, *other.guards)), names)
    unknown = any(guard.kind is GuardKind.CONSENT and guard.arg not in names for guard in guards)
    if len(guards) > MAX_BITS or unknown:
        return None
    true = [frozenset(g for i, g in enumerate(guards) if bits >> i & 1) for bits in range(1 << len(guards))]
    possible = tuple(bits for bits, held in enumerate(true) if consistent(held, guards, names))
    table = tuple(
        meeting(one.table[one.mask(held)], other.table[other.mask(held)]) if bits in possible else None
        for bits, held in enumerate(true)
    )
    why = tuple(None if table[bits] else _lacking(one, other, held) for bits, held in enumerate(true))
    if not any(table):
        return None
    return Cell(*key, guards, table, why, possible, reads_of(guards, ladder, event.lane))


def _ladder(key: CellKey, old: Policy, new: Policy) -> tuple[Package, ...]:
    """The packages of a cell, each opened by what both versions say it contains."""
    before = {package.name: package.groups for package in old.matrix.ladder(*key[1:])}
    found = new.matrix.ladder(*key[1:])
    return tuple(replace(each, groups=each.groups | before.get(each.name, frozenset())) for each in found)


def _lacking(one: Cell, other: Cell, true: frozenset[Guard]) -> Guard | None:
    """The guard that one of the two lacks, the new one asked first."""
    return other.why[other.mask(true)] or one.why[one.mask(true)]


def meeting(one: Selected | None, other: Selected | None) -> Selected | None:
    """What both give, as coarsely as the coarser gives it; the rows are those of the second."""
    if one is None or other is None:
        return None
    before = dict(one.release.leaves)
    kept = [
        (path, how, row)
        for (path, fine), row in zip(other.release.leaves, other.rules, strict=True)
        if (how := coarser(before.get(path), fine)) is not None
    ]
    if not kept:
        return None
    time = max(one.release.time, other.release.time, key=TIMES.index)
    release = Release(other.release.event, tuple((path, how) for path, how, _ in kept), time)
    return Selected(release, tuple(row for *_, row in kept))


def coarser(one: Transform | None, other: Transform | None) -> Transform | None:
    """The coarser of two transforms of one leaf; None where one withholds it, or the two cannot be compared."""
    if one is other:
        return one
    if one is None or other is None or PRECISION[one] == PRECISION[other]:
        return None
    return min(one, other, key=lambda how: PRECISION[how])
