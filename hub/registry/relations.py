"""Relations that begin with an event: a unit the event names, and to which it was released, now works on that case.

Pure.

Rules kept (contract.md section 7): naming alone begins nothing, nor does a release to a unit that was not named; the
relation is to the exact case; a repeat leads to the same register key, so the same fact; what a person wrote under that
key is never shortened, turned into another kind or taken back by an event, nor does it shorten what the event begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from consent.terms import PartyRole
from hub.contracts.codec import RecordCodec
from hub.contracts.envelope import DAY_MS, admitted_source, parse_admitted
from hub.contracts.keys import KeyRing, b64, event_digest
from hub.contracts.record import KafkaRecord
from hub.contracts.registers import ADDRESSED_DAYS, WRITER, RegisterCodecs, common, relation_handle
from hub.contracts.wire import unframe
from hub.release.slicer import Slicer

BEGINS: Final = frozenset({"incident.reported", "referral.made"})

Told = tuple[int, Mapping[str, Any]]
"""A decision and the offset of its own record."""


@dataclass(frozen=True, slots=True)
class Named:
    """An admitted event that names units: its digest, its case, when it was admitted (ms)."""

    digest: bytes
    case: bytes
    at: int
    units: frozenset[str]


@dataclass(slots=True)
class Relations:
    """Joins admitted events with their decisions, by partition and offset of the admitted record.

    `slicers`: by schema id, for the types that can begin a relation. Decisions of a partition come in the order of its
    inputs, so whatever lies before the latest one is settled and forgotten (an input may end without a decision). But a
    release that was parked has a decision of its own, long after its input: those are `late`, to be given with their
    event, read again, to `again`.
    """

    keys: KeyRing
    slicers: Mapping[int, Slicer]
    decisions: RecordCodec
    late: list[Mapping[str, Any]] = field(default_factory=list)
    _named: dict[int, dict[int, Named]] = field(default_factory=dict)
    _decided: dict[int, dict[int, list[Told]]] = field(default_factory=dict)
    _ahead: dict[int, int] = field(default_factory=dict)

    def admitted(self, record: KafkaRecord) -> Iterator[dict[str, Any]]:
        """Take an admitted record; gives the relations that begin if its decision is known already."""
        self._ahead[record.partition] = record.offset
        waiting = self._decided.setdefault(record.partition, {})
        told = waiting.pop(record.offset, [])
        past = (one for offset, some in waiting.items() if offset < record.offset for _, one in some)
        self.late += filter(_further, past)
        _forget(waiting, record.offset)
        named = self._units(record)
        if named is None:
            return
        for _, decision in told:
            yield from self._begin(named, decision)
        if not told or told[-1][1]["part"] != told[-1][1]["parts"]:
            self._named.setdefault(record.partition, {})[record.offset] = named

    def decided(self, record: KafkaRecord) -> Iterator[dict[str, Any]]:
        """Take a decision record; gives the relations that begin if the admitted record is known already."""
        decision = self.decisions.decode(record.value or b"")
        partition, offset = decision["input"]["partition"], decision["input"]["offset"]
        waiting = self._named.setdefault(partition, {})
        _forget(waiting, offset)
        named = waiting.get(offset)
        if decision["part"] == decision["parts"]:
            waiting.pop(offset, None)
        if named is not None:
            yield from self._begin(named, decision)
        elif self._ahead.get(partition, -1) < offset:
            told = self._decided.setdefault(partition, {})
            told.setdefault(offset, []).append((record.offset, decision))
        elif _further(decision):
            self.late.append(decision)

    def again(self, record: KafkaRecord, decision: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The relations that begin by a late decision on this admitted record."""
        named = self._units(record)
        if named is not None:
            yield from self._begin(named, decision)

    def held_admitted(self, partition: int) -> int | None:
        """The first admitted record that still waits for its decision: a restart must read it again."""
        return min(self._named.get(partition, ()), default=None)

    def held_decision(self, partition: int) -> int | None:
        """The first decision that still waits for its admitted record, by its own offset."""
        waiting = self._decided.get(partition, {}).values()
        return min((at for told in waiting for at, _ in told), default=None)

    def _units(self, record: KafkaRecord) -> Named | None:
        """The units an event names; None for most events, and for bytes the gateway will isolate."""
        try:
            schema_id, body = unframe(record.value)
            slicer = self.slicers.get(schema_id)
            if slicer is None:
                return None
            admission = parse_admitted(record.headers)
            digest = event_digest(admitted_source(record.key), admission.id)
            units = slicer.guards(body, slicer.walk(body)).named
        except ValueError:
            return None
        return Named(digest, admission.case, record.timestamp, units) if units else None

    def _begin(self, named: Named, decision: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """A relation for each named unit with a release id among those of the decision: it proves to whom it went."""
        made = {(entry["purpose"], entry["attempt"], entry["releaseId"]) for entry in decision["releases"]}
        for unit in sorted(named.units):
            keys = self.keys.unit(unit)
            if any(keys.release_id(named.digest, purpose, attempt) == made_id for purpose, attempt, made_id in made):
                yield _relation(unit, named)


@dataclass(slots=True)
class StandingRelations:
    """The fold of the register's relations: the latest record of each handle."""

    codecs: RegisterCodecs
    _by_handle: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Fold one register record."""
        change = self.codecs.decode(key, value)
        if change.kind != "relation":
            return
        if change.record is None:
            self._by_handle.pop(change.handle, None)
        else:
            self._by_handle[change.handle] = change.record

    def fresh(self, begun: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Of relations that events begin, those that may be written: one for each handle."""
        found: dict[str, dict[str, Any]] = {}
        for relation in begun:
            handle = relation["handle"]
            joined = beside(found.get(handle) or self._by_handle.get(handle), relation)
            if joined is not None:
                found[handle] = joined
        return list(found.values())


def beside(standing: Mapping[str, Any] | None, begun: dict[str, Any]) -> dict[str, Any] | None:
    """What is written of a relation that an event begins, beside what stands under its handle; None: nothing.

    Kept as it is: what was said after the event, and what lives and lasts at least as long. What lives but ends sooner
    goes on to the end the event gives, in the kind it has and from the earlier of both: neither shortens the other.
    """
    if standing is None:
        return begun
    if standing["at"] > begun["at"]:
        return None
    until = standing["until"]
    if standing["state"] != "live" or (until is not None and until <= begun["at"]):
        return begun
    if until is None or until >= begun["until"]:
        return None
    return begun | {"relationKind": standing["relationKind"], "from": min(standing["from"], begun["from"])}


def _further(decision: Mapping[str, Any]) -> bool:
    """Whether a decision is about a further attempt of a release."""
    return any(entry["attempt"] > 1 for entry in decision["releases"])


def _forget(waiting: dict[int, Any], before: int) -> None:
    """Drop what waits for inputs before an offset."""
    for offset in [each for each in waiting if each < before]:
        del waiting[offset]


def _relation(unit: str, named: Named) -> dict[str, Any]:
    handle = relation_handle(unit, named.case, PartyRole.VICTIM.value)
    return common("relation", handle, "live", named.at, [WRITER]) | {
        "unit": unit,
        "personHandle": None,
        "caseHandle": b64(named.case).decode(),
        "role": PartyRole.VICTIM.value,
        "relationKind": "addressed",
        "from": named.at,
        "until": named.at + ADDRESSED_DAYS * DAY_MS,
        "basisEvent": b64(named.digest).decode(),
    }
