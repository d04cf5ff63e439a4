"""Compile: matrix, red lines, duty lines and event types in.

The finite set of releases out, proven, or a refusal with every finding.

Rule kept: laws 2 and 5. Red lines are proven over every row, proposals included; duty lines over the rows that
release in the profile; a policy that fails either is never activated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from consent.cells import MAX_BITS, Cell, Ground, Reads, Release, Selected, build_cell, hollow, select, selections
from consent.dutylines import Duty, DutyLine, DutyLines, prove_dutylines, ready
from consent.errors import Finding, FindingKind, PolicyRefused, Tally
from consent.judges import ELSEWHERE, Leaf
from consent.matrix import CellKey, Matrix, Row
from consent.redlines import Proof, RedLines, Scope, leaves_of, prove_redlines
from consent.terms import BasisStatus, EventType, Profile
from consent.waivers import NO_WAIVERS, Waiver, Waivers, waived

__all__ = ["Cell", "Pack", "Policy", "Reads", "Release", "Selected", "compile_policy", "releasing"]

MAX_RELEASES = 400
"""Distinct releases of one policy: more than that nobody reads before signing (policy.md section 11)."""

RELEASING: Mapping[Profile, frozenset[BasisStatus]] = {
    Profile.DEMO: frozenset({BasisStatus.OK, BasisStatus.UNCONFIRMED}),
    Profile.PRODUCTION: frozenset({BasisStatus.OK}),
}
"""Which rows release where: `proposal` nowhere."""


class Pack(NamedTuple):
    """The files of a policy pack read, words checked, nothing proven yet."""

    matrix: Matrix
    redlines: RedLines
    dutylines: DutyLines
    waivers: Waivers = NO_WAIVERS


@dataclass(frozen=True, slots=True)
class Policy:
    """A proven policy.

    `cells` hold only what can release in `profile`; `releases` are those of all steps; `notes` say what would be
    unserved on confirmed law alone, or when a waiver ends. From `until` (ms) on, `after` decides: the same policy
    without the waivers that ended. `unserved`: the duty lines of each event type that its cells no longer serve,
    always none in a policy that may be activated. `versions`: in a roll-out, the digests of the two it goes between.
    """

    digest: bytes
    profile: Profile
    cells: Mapping[CellKey, Cell]
    releases: tuple[Release, ...]
    dutylines: DutyLines
    duties: Mapping[CellKey, tuple[Duty, ...]]
    matrix: Matrix
    redlines: RedLines
    proofs: tuple[Proof, ...]
    notes: tuple[Finding, ...]
    waivers: tuple[Waiver, ...] = ()
    unserved: Mapping[str, tuple[DutyLine, ...]] = field(default_factory=dict)
    until: int | None = None
    after: Policy | None = None
    versions: tuple[bytes, ...] = ()

    def counts_as(self, digest: bytes) -> bool:
        """Whether this is the policy of that digest, or the roll-out from or to it."""
        return digest in (self.digest, *self.versions)

    def at(self, at_ms: int) -> Policy:
        """The step that decides at a moment, ms since 1970."""
        step = self
        while step.until is not None and at_ms >= step.until and step.after is not None:
            step = step.after
        return step

    def steps(self) -> Iterator[Policy]:
        """This policy, and what becomes of it as its waivers end, in order."""
        step: Policy | None = self
        while step is not None:
            yield step
            step = step.after


def _no_clock() -> float:
    """The clock of a caller that does not ask how long the proof took."""
    return 0.0


def compile_policy(
    pack: Pack,
    types: Mapping[str, EventType],
    profile: Profile,
    tick: Callable[[], float] = _no_clock,
    at_ms: int = 0,
) -> Policy:
    """Compile and prove.

    `tick` gives seconds, for the proof table only; `at_ms`: the moment from which waivers are looked at. Raises
    PolicyRefused with every finding, none hidden by another.
    """
    grounds = grounds_of(pack.matrix, types)
    made = _Making(pack, types, grounds, profile, _releasing(grounds, Profile.DEMO, NO_ROWS))
    proofs, findings = prove_redlines(pack.redlines, scope_of(pack, types, grounds, made.lenient), tick)
    policy, missed = made.chain(at_ms, tick)
    findings = [*_cell_findings(grounds, made.lenient), *_too_many(made.lenient), *findings, *missed]
    if findings:
        raise PolicyRefused(findings, tally((*proofs, *policy.proofs), len(policy.releases)))
    return replace(policy, proofs=(*proofs, *policy.proofs))


def tally(proofs: Sequence[Proof], releases: int) -> Tally:
    """What a proof came to."""
    red = {proof.line: proof for proof in proofs if not proof.duty}
    wrong = {proof.line for proof in proofs if proof.crossed}
    elsewhere = {proof.line for proof in proofs if proof.how == ELSEWHERE}
    duties = {proof.line for proof in proofs if proof.duty}
    proven = red.keys() - elsewhere - wrong
    crossed, unserved = red.keys() & wrong, duties & wrong
    return Tally(len(red), len(proven), len(elsewhere), len(crossed), len(duties), len(unserved), releases)


@dataclass(frozen=True, slots=True)
class _Making:
    """What every step of one policy shares. `lenient`: the cells that release in the demo profile."""

    pack: Pack
    types: Mapping[str, EventType]
    grounds: Mapping[CellKey, Ground]
    profile: Profile
    lenient: Mapping[CellKey, Cell]

    def chain(self, at_ms: int, tick: Callable[[], float]) -> tuple[Policy, list[Finding]]:
        """The policy at a moment with all that follows as waivers end; and the duties it misses at once."""
        after: Policy | None = None
        missed: list[Finding] = []
        later: list[Finding] = []
        ends = self.pack.waivers.ends(at_ms) if self.profile is Profile.PRODUCTION else ()
        until: int | None = None
        for begin in reversed((at_ms, *ends)):
            after, missed = self._step(begin, until, after, tick)
            after = replace(after, notes=(*after.notes, *later))
            later, until = [*(since(finding, begin) for finding in missed), *later], begin
        assert after is not None
        return after, missed

    def _step(
        self, at_ms: int, until: int | None, after: Policy | None, tick: Callable[[], float]
    ) -> tuple[Policy, list[Finding]]:
        """The policy between two moments, and the duties it misses."""
        pack = self.pack
        counting = pack.waivers.counting(at_ms) if self.profile is Profile.PRODUCTION else ()
        demo = self.profile is Profile.DEMO
        cells = self.lenient if demo else _releasing(self.grounds, self.profile, waived(counting))
        served, missed = prove_dutylines(pack.dutylines, cells, self.types, tick)
        waiting = self._unconfirmed(cells if not demo else _releasing(self.grounds, Profile.PRODUCTION, NO_ROWS))
        known = {finding.sentence for finding in waiting}
        missed = missed if demo else [*waiting, *(each for each in missed if each.sentence not in known)]
        short = {finding.line for finding in missed}
        lines = [line for line in pack.dutylines.lines if line.id not in short]
        duties: dict[CellKey, tuple[Duty, ...]] = {}
        for line in lines:
            made = ready(line, cells[line.key], cells, self.types[line.event])
            duties[line.key] = (*duties.get(line.key, ()), made)
        policy = Policy(
            digest=digest_of(pack),
            profile=self.profile,
            cells=cells,
            releases=tuple(sorted({*releases_of(cells), *(after.releases if after else ())}, key=_name)),
            dutylines=pack.dutylines,
            duties=duties,
            matrix=pack.matrix,
            redlines=pack.redlines,
            proofs=tuple(served),
            notes=tuple(waiting) if demo else (),
            waivers=counting,
            unserved=by_event(line for line in pack.dutylines.lines if line.id in short),
            until=until,
            after=after,
        )
        return policy, missed

    def _unconfirmed(self, strict: Mapping[CellKey, Cell]) -> list[Finding]:
        """The duties that only unconfirmed law serves, each with the rows that wait for a lawyer."""
        lines = self.pack.dutylines
        lenient, missed = (prove_dutylines(lines, each, self.types, _no_clock)[1] for each in (self.lenient, strict))
        wrong = {finding.sentence for finding in lenient}
        keys = {line.id: line.key for line in lines.lines}
        found = []
        for finding in (each for each in missed if each.sentence not in wrong):
            rows = self.grounds[keys[finding.line]].rows
            waiting = " and ".join(row.id for row in rows if row.basis.status is BasisStatus.UNCONFIRMED)
            remedy = f"have a lawyer confirm the law of {waiting or 'its fallback'}"
            found.append(replace(finding, kind=FindingKind.UNCONFIRMED, row=waiting, remedy=remedy))
        return found


def _name(release: Release) -> str:
    return release.name


def by_event(lines: Iterable[DutyLine]) -> Mapping[str, tuple[DutyLine, ...]]:
    """Duty lines by their event type."""
    found: dict[str, tuple[DutyLine, ...]] = {}
    for line in lines:
        found[line.event] = (*found.get(line.event, ()), line)
    return found


def since(finding: Finding, begin: int) -> Finding:
    """A finding about a later step, with the day from which it holds."""
    day = datetime.fromtimestamp(begin / 1000, UTC).date().isoformat()
    return replace(finding, sentence=f"from {day}, when a waiver ends: {finding.sentence}")


def digest_of(pack: Pack) -> bytes:
    """The digest of a policy: sha256 over those of its files; without waivers, over the three that decide."""
    parts = (pack.matrix.digest, pack.redlines.digest, pack.dutylines.digest, pack.waivers.digest)
    return hashlib.sha256(b"".join(parts)).digest()


def releasing(pack: Pack, types: Mapping[str, EventType], profile: Profile) -> Iterator[Mapping[CellKey, Cell]]:
    """The cells that can release in a profile, unproven: with all waivers, then as they end."""
    grounds = grounds_of(pack.matrix, types)
    ends = pack.waivers.ends(0) if profile is Profile.PRODUCTION else ()
    for begin in (0, *ends):
        yield _releasing(grounds, profile, waived(pack.waivers.counting(begin)))


NO_ROWS: frozenset[str] = frozenset()


def _releasing(grounds: Mapping[CellKey, Ground], profile: Profile, waived: frozenset[str]) -> Mapping[CellKey, Cell]:
    """The cells of a profile: rows whose law is not sure enough there are left out, unless they are waived."""
    found: dict[CellKey, Cell] = {}
    for key, ground in grounds.items():
        lawful = replace(ground, rows=tuple(r for r in ground.rows if r.basis.status is not BasisStatus.PROPOSAL))
        active = [row for row in lawful.rows if row.basis.status in RELEASING[profile] or row.id in waived]
        if active and lawful.exists and len(lawful.guards) <= MAX_BITS:
            cell = build_cell(key, lawful, active)
            if any(cell.table):
                found[key] = cell
    return found


def releases_of(cells: Mapping[CellKey, Cell]) -> tuple[Release, ...]:
    """The distinct releases of these cells, by name."""
    found = {selected.release for cell in cells.values() for _, selected in selections(cell)}
    return tuple(sorted(found, key=_name))


def grounds_of(matrix: Matrix, types: Mapping[str, EventType]) -> Mapping[CellKey, Ground]:
    """Existence and rows, cell by cell, in the order of the matrix."""
    exists = {found.cell: found for found in matrix.exists}
    rows: dict[CellKey, tuple[Row, ...]] = {}
    for row in matrix.rows:
        rows[row.cell] = (*rows.get(row.cell, ()), row)
    keys = dict.fromkeys((*exists, *rows))
    return {key: Ground(exists.get(key), rows.get(key, ()), types[key[0]], matrix.ladder(*key[1:])) for key in keys}


def scope_of(
    pack: Pack,
    types: Mapping[str, EventType],
    grounds: Mapping[CellKey, Ground],
    lawful: Mapping[CellKey, Cell],
) -> Scope:
    """Everything red lines look at.

    Each selection of each cell over all rows, and each cell with all guards assumed true. `lawful` cells are those
    without proposals: where there is none, they are the cell over all rows.
    """
    rows = {row.id: row for row in pack.matrix.rows}
    leaves: list[Leaf] = []
    count = 0
    for key, ground in grounds.items():
        if len(ground.guards) <= MAX_BITS:
            proposals = any(row.basis.status is BasisStatus.PROPOSAL for row in ground.rows)
            known = None if proposals else lawful.get(key)
            cell = known or build_cell(key, ground, ground.rows)
            looked = [*_selected(cell), *_widest(ground)]
            count += len(looked)
            leaves.extend(leaves_of(key, looked, rows, ground.event, pack.redlines))
    return Scope(tuple(leaves), pack.matrix.rows, types, count, len(pack.dutylines.lines))


def _selected(cell: Cell) -> Iterator[tuple[tuple[str, ...], Selected]]:
    """The selections of a cell with the guards that give them."""
    return ((tuple(str(guard) for guard in cell.true(bits)), selected) for bits, selected in selections(cell))


def _widest(ground: Ground) -> Iterator[tuple[tuple[str, ...], Selected]]:
    """The cell with every guard assumed true, even those that exclude each other.

    What is never in here is never released.
    """
    widest = select(ground.event, ground.grants(ground.rows))
    if widest:
        yield tuple(str(guard) for guard in ground.guards), widest


def _cell_findings(grounds: Mapping[CellKey, Ground], lawful: Mapping[CellKey, Cell]) -> Iterator[Finding]:
    """What is wrong with the shape of a cell."""
    for (event, role, purpose), ground in grounds.items():
        cell = f"{event} {role} {purpose}"
        if len(ground.guards) > MAX_BITS:
            says = f"{cell} has {len(ground.guards)} guard bits, at most {MAX_BITS} are allowed"
            yield Finding(FindingKind.CELL, says, "drop a guard or split the event type", event=event, role=role)
            continue
        if not ground.rows:
            says = f"{cell}: the event may be known to exist, but no row gives anything"
            yield Finding(FindingKind.CELL, says, "add a row or remove the existence", event=event, role=role)
        for row in ground.rows:
            if ground.exists is None and row.basis.status is not BasisStatus.PROPOSAL:
                says = f"row {row.id} ({cell}) gives fields of an event that may not be known to exist"
                yield Finding(FindingKind.CELL, says, "add an [[exists]] or remove the row", "", row.id, event, role)
        found = lawful.get((event, role, purpose))
        if ground.exists and found:
            yield from _hollow_findings(found, ground)
        elif ground.exists and any(row.basis.status is not BasisStatus.PROPOSAL for row in ground.rows):
            says = f"{cell}: no facts can make existence and a row true together"
            yield Finding(FindingKind.CELL, says, "correct the guards", event=event, role=role)


def _too_many(cells: Mapping[CellKey, Cell]) -> Iterator[Finding]:
    """A policy with more releases than anybody can look at is not one that can be signed."""
    count = len(releases_of(cells))
    if count > MAX_RELEASES:
        says = f"the matrix compiles into {count} distinct releases, at most {MAX_RELEASES} are allowed"
        yield Finding(FindingKind.CELL, says, "drop guards or packages, or join rows that differ in little")


def _hollow_findings(cell: Cell, ground: Ground) -> Iterator[Finding]:
    """A true existence with an empty release would be a marker without content."""
    for bits in hollow(cell, ground):
        guards = tuple(str(guard) for guard in cell.true(bits))
        says = f"{cell.event} {cell.role} exists when {' and '.join(guards)}, but the release would be empty"
        yield Finding(FindingKind.CELL, says, "add a row for it", event=cell.event, role=cell.role, guards=guards)
