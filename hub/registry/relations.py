"""Relations that begin with an event: a unit the event names, and to which it was released, now works on that case.

Pure.

Rules kept (contract.md section 7): naming alone begins nothing, nor does a release to a unit that was not named; the
relation is to the exact case; a repeat leads to the same register key, so the same fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from consent.terms import PartyRole
from hub.contracts.codec import RecordCodec
from hub.contracts.envelope import DAY_MS, parse_admitted
from hub.contracts.keys import KeyRing, b64, event_digest
from hub.contracts.record import KafkaRecord
from hub.contracts.registers import ADDRESSED_DAYS, common, relation_handle
from hub.contracts.wire import unframe
from hub.release.slicer import Slicer

BEGINS: Final = frozenset({"incident.reported", "referral.made"})
WRITER: Final = "registry"

Place = tuple[int, int]


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

    `slicers`: by schema id, for the types that can begin a relation.
    """

    keys: KeyRing
    slicers: Mapping[int, Slicer]
    decisions: RecordCodec
    _named: dict[Place, Named] = field(default_factory=dict)
    _decided: dict[Place, list[Mapping[str, Any]]] = field(default_factory=dict)
    _ahead: dict[int, int] = field(default_factory=dict)

    def admitted(self, record: KafkaRecord) -> Iterator[dict[str, Any]]:
        """Take an admitted record; gives the relations that begin if its decision is known already."""
        self._ahead[record.partition] = record.offset
        place = (record.partition, record.offset)
        decisions = self._decided.pop(place, [])
        named = self._units(record)
        if named is None:
            return
        for decision in decisions:
            yield from self._begin(named, decision)
        if not decisions or decisions[-1]["part"] != decisions[-1]["parts"]:
            self._named[place] = named

    def decided(self, record: KafkaRecord) -> Iterator[dict[str, Any]]:
        """Take a decision record; gives the relations that begin if the admitted record is known already."""
        decision = self.decisions.decode(record.value or b"")
        place = (decision["input"]["partition"], decision["input"]["offset"])
        named = self._named.get(place)
        if decision["part"] == decision["parts"]:
            self._named.pop(place, None)
        if named is not None:
            yield from self._begin(named, decision)
        elif self._ahead.get(place[0], -1) < place[1]:
            self._decided.setdefault(place, []).append(decision)

    def _units(self, record: KafkaRecord) -> Named | None:
        schema_id, body = unframe(record.value)
        slicer = self.slicers.get(schema_id)
        if slicer is None:
            return None
        admission = parse_admitted(record.headers)
        units = slicer.guards(body, slicer.walk(body)).named
        digest = event_digest((record.key or b"").decode("ascii"), admission.id)
        return Named(digest, admission.case, record.timestamp, units) if units else None

    def _begin(self, named: Named, decision: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """A relation for each named unit with a release id among those of the decision: it proves to whom it went."""
        made = {(entry["purpose"], entry["attempt"], entry["releaseId"]) for entry in decision["releases"]}
        for unit in sorted(named.units):
            keys = self.keys.unit(unit)
            if any(keys.release_id(named.digest, purpose, attempt) == made_id for purpose, attempt, made_id in made):
                yield _relation(unit, named)


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
