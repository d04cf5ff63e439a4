"""From an archive and a journal to findings: source by source, side by side on all processors.

Rule kept: an event, its decision and its releases belong to one source, so a source is judged alone, with the same
rules; what no source claims is judged at the end, so nothing that was released escapes.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from hub import assemble
from hub.check.compare import Reference
from hub.check.decided import whole_decisions
from hub.check.facts import Register
from hub.check.rows import read_rows
from hub.check.waits import Waits
from hub.contracts.envelope import uuid_text
from tests.faults.archive import Archive, Kept, Shelf, names
from tests.faults.entitled import Entitled
from tests.faults.history import Act, Allowed, Found, Kind, Op, Release, check, unseen_plants
from tests.faults.journal import Sent
from tests.faults.minds import Told, unaware

FEW: Final = 20_000
"""Decisions up to which it is not worth another process."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a run left: the archive, the journal, the waits (event -> s), refused events and register commands.

    `longest_ms`: how long an event may wait. `unordered`: events whose order a fault took, and nothing else.
    """

    parts: assemble.Parts
    archive: Archive
    sent: Mapping[str, Sequence[Sent]]
    waits: Mapping[str, float]
    refused: frozenset[str]
    commands: Sequence[Told] = ()
    longest_ms: int = 60_000
    unordered: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one source; which releases are its own; the plants that were not seen, where some were."""

    found: Sequence[Found]
    claimed: frozenset[Release]
    decided: int = 0
    unseen: Sequence[Kind] | None = None


@dataclass(slots=True)
class Judgement:
    """All of a run."""

    found: list[Found] = field(default_factory=list)
    unseen: list[Kind] = field(default_factory=list)
    decided: int = 0


def by_source(sent: Sequence[Sent]) -> dict[str, list[Sent]]:
    """The journal's events by who sent them."""
    found: dict[str, list[Sent]] = defaultdict(list)
    for one in sent:
        found[one.source].append(one)
    return found


def judge(past: Past) -> Judgement:
    """Every source, then what is left. The plants are planted in the source with most decisions."""
    sizes = {source: len(past.archive.decisions.get(source, ())) for source in {*past.sent, *past.archive.decisions}}
    order = sorted(sizes, key=lambda source: -sizes[source])
    made, claimed = Judgement(), set[Release]()
    for source, verdict in zip(order, _verdicts(past, order, sum(sizes.values()) > FEW), strict=True):
        made.found += verdict.found
        made.decided += verdict.decided
        claimed |= verdict.claimed
        if source == order[0]:
            made.unseen += verdict.unseen or ()
    made.found += check(
        [*_released(past.archive, (one for one in names(past.archive) if one not in claimed))], Allowed({})
    )
    made.found += [Found(Kind.LEAKED, "shares its trace with another unit", where=at) for at in past.archive.joined]
    return made


def _verdicts(past: Past, order: Sequence[str], many: bool) -> Iterator[Verdict]:
    """One after the other, or in as many processes as there are processors, each of which sees the same memory."""
    _PAST[:] = [past]
    if not many:
        yield from (judge_source(source, at == 0) for at, source in enumerate(order))
        return
    gc.collect()
    gc.freeze()
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("fork"), max_tasks_per_child=None) as pool:
        yield from pool.map(judge_source, order, [at == 0 for at in range(len(order))])
    gc.unfreeze()


_PAST: Final[list[Past]] = []
"""What the processes of a judgement were forked with."""


def judge_source(source: str, plant: bool) -> Verdict:
    """All rules over one source."""
    (past,) = _PAST
    shelf = Shelf(past.archive)
    waits = Waits.of(past.archive.parked)
    entitled = Entitled(_reference(past), shelf, waits)
    decisions = _decisions(past.archive, source)
    beside = entitled.read(
        whole_decisions(decisions),
        lambda event: _kept(past.archive, past.archive.inbox, source, event),
        lambda event: _kept(past.archive, past.archive.own, source, event),
    )
    taken = [op for op in _taken(past.archive, source) if op.event not in past.unordered]
    rung = [Op(Act.PUBLISH, event, source, outcome="ok") for event in past.archive.own.get(source, ())]
    ops = [*_published(past.sent.get(source, ())), *rung, *taken, *_decided(decisions, entitled, waits)]
    named = {(op.place, op.release) for op in ops if op.act is Act.AUDIT}
    claimed = frozenset(key for key in named | shelf.taken if past.archive.places(key))
    ops += _released(past.archive, claimed)
    ops += [
        Op(Act.WAIT, e.event, number=int(past.waits[e.event] * 1e3))
        for e in past.sent.get(source, ())
        if e.event in past.waits
    ]
    allowed = Allowed(entitled.releases, past.refused, past.longest_ms)
    found = [*_placed(check(ops, allowed), decisions), *beside, *unaware(_known(decisions), past.commands)]
    unseen = unseen_plants(ops, allowed) if plant else None
    return Verdict(found, claimed, len({one["eventId"] for one in decisions}), unseen)


def _decisions(archive: Archive, source: str) -> list[Mapping[str, Any]]:
    return [archive.get(place) for _, place in sorted(archive.decisions.get(source, ()))]


def _placed(found: Sequence[Found], decisions: Sequence[Mapping[str, Any]]) -> Iterator[Found]:
    """With each finding about an event where, when and for how many it was decided."""
    for one in found:
        told = [
            f"{'/'.join(map(str, d['input'].values()))} at {d['batchAt']} revision {d['registerRevision']} "
            f"part {d['part']} releases {len(d['releases'])}"
            for d in decisions
            if d["eventId"] == one.event
        ]
        yield replace(one, where="; ".join(filter(None, (one.where, *told))))


def _kept(archive: Archive, index: Mapping[str, Mapping[str, int]], source: str, event: str) -> Kept | None:
    place = index.get(source, {}).get(event)
    return None if place is None else Kept(*archive.get(place))


def _known(decisions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int, float]]:
    return ((one["eventId"], int(one["registerRevision"]), one["decidedAt"] / 1e3) for one in decisions)


def _reference(past: Past) -> Reference:
    root = files("consent").joinpath("policies")
    texts = [root.joinpath(name).read_text("utf-8") for name in ("matrix.toml", "dutylines.toml")]
    rows = read_rows(texts[0], texts[1], past.parts.settings.profile.value)
    register = Register(past.archive.register, past.parts.catalogue.siruta)
    return Reference(rows, past.parts.catalogue, past.parts.keys, register)


def _published(sent: Sequence[Sent]) -> Iterator[Op]:
    for one in sent:
        yield Op(Act.PUBLISH, one.event, one.source, outcome=one.outcome.value)


def _taken(archive: Archive, source: str) -> Iterator[Op]:
    """The order of a source: the first record of each of its events in its inbox."""
    for event, place in archive.inbox.get(source, {}).items():
        record = Kept(*archive.get(place))
        yield Op(Act.TAKEN, event, record.topic, number=record.offset)


def _decided(decisions: Sequence[Mapping[str, Any]], entitled: Entitled, waits: Waits) -> Iterator[Op]:
    """Decisions, and the releases they name; a name the reference does not know keeps its id and no topic."""
    topic_of = {key[1]: key[0] for releases in entitled.releases.values() for key in releases}
    for decision in decisions:
        if decision["part"] == 1 and waits.is_first(decision):
            yield Op(Act.DECIDE, decision["eventId"], decision["source"])
        for entry in decision["releases"]:
            name = uuid_text(entry["releaseId"])
            yield Op(Act.AUDIT, decision["eventId"], topic_of.get(name, ""), name, digest=entry["sha256"].hex())


def _released(archive: Archive, keys: Any) -> Iterator[Op]:
    for topic, name in keys:
        for place in archive.places((topic, name)):
            record = Kept(*archive.get(place))
            digest = sha256(record.value or b"").hexdigest()
            yield Op(Act.RELEASE, "", topic, name, record.offset, digest=digest)


def digests(archive: Archive, unit: str) -> dict[Release, str]:
    """The releases of one unit, and the digest of their bytes."""
    keys = (one for one in names(archive) if one[0].split(".")[2] == unit)
    return {(op.place, op.release): op.digest for op in _released(archive, keys)}
