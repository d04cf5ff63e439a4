"""One lane of a hub without Kafka, transaction by transaction: real admission, real rules, and what a plan wrote, read.

Rule kept: proofs are read by the schemas in `schemas/audit/`, by fastavro; nothing here knows how they were encoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random
from typing import Any, Final, TypeVar

from consent.facts import Subscription
from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.envelope import inbox_headers
from hub.contracts.keys import event_digest
from hub.contracts.versions import version_ids
from hub.contracts.wire import StrictReader, strict_readers
from hub.demo.crowd import Published
from hub.demo.story import Story
from hub.gateway.knowledge import Knowledge
from hub.gateway.outputs import Gathered
from hub.gateway.parking import Parking
from hub.gateway.plan import Planner
from hub.gateway.rules import Rules, World
from hub.gateway.seen import SeenIds
from hub.ingress.admit import Admitted, Refused, admit
from hub.ingress.admit import Rules as IngressRules
from hub.ingress.publishers import Publishers
from hub.registry.federation import federation_records
from tests.cases.pack import policy
from tests.support import history
from tests.support.history import (
    KEYS,
    NOW,
    SIGNED,
    Kept,
    catalogue,
    decoded,
    encoded,
    federation,
    registers,
    rules,
    story,
    traces,
)

PARTITION, OFFSET = 5, 41
BUILD: Final = "test"
PLACES: Final = {
    "decision": "audit.decision.",
    "attempt": "audit.attempt.",
    "receipt": "receipt.",
    "quarantine": "quarantine.",
    "parked": "parked.",
}
"""How the topics of each record of proof begin."""

Record = Mapping[str, Any]
K = TypeVar("K", bound=Knowledge)


@cache
def _readers() -> Mapping[int, StrictReader]:
    return strict_readers(catalogue())


@cache
def standing() -> Mapping[tuple[str, str], Record]:
    """The register records of the pilot's federation by kind and handle."""
    made = federation_records(federation(), catalogue().ids, SIGNED)
    return {(record["kind"], record["handle"]): record for record in made}


@cache
def scene(number: int) -> Published:
    """An event of the story, the same each time, whatever was asked for before."""
    fresh = Story(catalogue(), story().cast, Random(5), NOW).scenes()[number - 1]
    return replace(history.scene(number), record=fresh.record)


def changed(kind: str, handle: str, **leaves: Any) -> Record:
    """A unit or an agreement of the pilot with other leaves."""
    return {**standing()[kind, handle], **leaves}


def admission(lane: Lane, *records: Record) -> IngressRules:
    """What admission compares with: the pilot's register, then these records."""
    publishers = Publishers(registers())
    for offset, record in enumerate((*standing().values(), *records)):
        publishers.apply(*registers().encode(record), offset)
    return IngressRules(lane, catalogue(), _readers(), KEYS, publishers)


def inbox(event: Published, lane: Lane | None = None) -> Kept:
    """An event as it lies in its publisher's inbox."""
    value = encoded(catalogue().versions(event.type)[-1], event.record)
    headers = inbox_headers(event.id, event.source, event.type, event.time, event.subject)
    return Kept(topics.inbox(lane or event.lane, event.source), value, headers)


@cache
def _pilot(lane: Lane) -> IngressRules:
    return admission(lane)


def asked(record: Kept, lane: Lane = Lane.CASE, *changes: Record, now: int = NOW) -> Admitted | Refused:
    """What admission says of an inbox record under the pilot's register with these changes."""
    return admit(admission(lane, *changes) if changes else _pilot(lane), record, now)


def admitted(event: Published, offset: int = OFFSET, partition: int = PARTITION) -> Kept:
    """An event as admission writes it to `admitted.<lane>`."""
    found = asked(inbox(event), event.lane)
    assert isinstance(found, Admitted), found
    key = found.source.encode()
    return Kept(topics.admitted(event.lane), found.value, found.headers, key, NOW - 7, offset, partition)


def digest_of(event: Published) -> bytes:
    """The 16 bytes that stand for an event in `seen` and in the audit."""
    return event_digest(event.source, event.id)


def known(lane: Lane, *records: Record) -> Knowledge:
    """The fold of the pilot's register, then these records."""
    return _folded(Knowledge, lane, *records)


@dataclass(slots=True)
class Torn(Knowledge):
    """A fold that is broken for one type of event."""

    torn: str = ""

    def subscriptions(self, event_type: str) -> tuple[Subscription, ...]:
        """Fails for the torn type."""
        if event_type == self.torn:
            raise LookupError(event_type)
        return Knowledge.subscriptions(self, event_type)


def torn(lane: Lane, event_type: str) -> Torn:
    """The fold of the pilot's register, broken for one type until `torn` is emptied."""
    found = _folded(Torn, lane)
    found.torn = event_type
    return found


def _folded(kind: type[K], lane: Lane, *records: Record) -> K:
    duties = {(line.event, line.key[1]) for line in policy().dutylines.lines}
    found = kind(registers(), catalogue().siruta, duties, lane)
    for offset, record in enumerate((*standing().values(), *records)):
        found.apply(*registers().encode(record), offset)
    return found


@dataclass(frozen=True, slots=True)
class Wrote:
    """What a plan wrote, read back."""

    out: Gathered

    @property
    def records(self) -> list[Kept]:
        """Every record."""
        return [
            Kept(topic, value, headers, key, NOW, 0, partition)
            for (topic, partition), written in self.out.records.items()
            for key, value, headers in written
        ]

    @property
    def places(self) -> list[tuple[str, int]]:
        """Topic and partition of every record, sorted."""
        return sorted((record.topic, record.partition) for record in self.records)

    @property
    def releases(self) -> dict[str, Kept]:
        """The releases by unit; each unit has one purpose in the pilot."""
        found = [record for record in self.records if record.topic.startswith("release.")]
        by_unit = {record.topic.split(".")[2]: record for record in found}
        assert len(by_unit) == len(found)
        return by_unit

    def of(self, kind: str) -> list[Kept]:
        """The records of one kind of proof."""
        return [record for record in self.records if record.topic.startswith(PLACES[kind])]

    def read(self, kind: str) -> list[dict[str, Any]]:
        """The same, decoded by the schema of their name."""
        found = [decoded(record.value) for record in self.of(kind)]
        name = "quarantine" if kind == "parked" else kind
        assert {schema_id for schema_id, _ in found} <= {version_ids(catalogue().ids, f"audit.{name}")[-1]}
        return [record for _, record in found]

    def said(self, kind: str) -> list[tuple[str, str]]:
        """Verdict (or stage) and code of each."""
        return [(record.get("verdict") or record["stage"], record["code"]) for record in self.read(kind)]

    def refused(self, reason: str, known: Knowledge) -> set[str]:
        """The units the decision records say were refused for a reason."""
        entries = [entry for decision in self.read("decision") for entry in decision["refusals"]]
        codes = known.unit_codes()
        return {codes[o] for entry in entries if entry["reason"] == reason for o in entry["unitOrdinals"]}

    @property
    def bytes(self) -> bytes:
        """Everything that was written, to search in."""
        parts = [(r.topic.encode(), r.key or b"", r.value or b"", repr(r.headers).encode()) for r in self.records]
        return b"\n".join(part for record in parts for part in record)


@dataclass(slots=True)
class Desk:
    """The plan of one lane and the ids it has seen."""

    lane: Lane
    known: Knowledge
    by: Rules = field(default_factory=rules)
    seen: SeenIds = field(default_factory=SeenIds)
    parking: Parking = field(default_factory=Parking)
    planner: Planner = field(init=False)

    def __post_init__(self) -> None:
        """The planner, its chance seeded."""
        self.planner = Planner(self.lane, self.by, self.known, World(BUILD, traces(Random(1))))

    def decide(self, *records: Kept, now: int = NOW) -> Wrote:
        """One transaction, committed."""
        out = Gathered()
        self.planner.decide(records, self.seen, now, out, self.parking)
        self.seen.keep(now)
        self.parking.keep()
        return Wrote(out)

    def resume(self, cell: tuple[str, str], *events: Kept, most: int = 100, now: int = NOW) -> Wrote:
        """One transaction of what is parked for a subscription, committed; `events`: those that are still kept."""
        out, kept = Gathered(), {event.offset: event for event in events}
        waited = [(entry, kept.get(entry.offset)) for entry in self.parking.oldest(cell, most, 10**6)]
        self.planner.resume(cell, waited, self.seen, now, out, self.parking)
        self.seen.keep(now)
        self.parking.keep()
        return Wrote(out)

    def assigned(self, partition: int, first_offset: int, last: bytes | None = None, now: int = NOW) -> Wrote:
        """The record of an assignment."""
        out = Gathered()
        self.planner.assigned(partition, first_offset, last, now, out)
        return Wrote(out)


def desk(lane: Lane = Lane.CASE, *records: Record) -> Desk:
    """A lane with the pilot's register and these records."""
    return Desk(lane, known(lane, *records))


def spoiled(event_type: str, release: Kept, **parts: Any) -> Rules:
    """The rules, with other parts for the release that made this record."""
    schema_id, release_id = catalogue().versions(event_type)[-1], decoded(release.value)[0]
    runtime = rules().runtimes[schema_id]
    outgoing = {
        one: how._replace(**parts) if catalogue().ids[one.name] == release_id else how
        for one, how in runtime.outgoing.items()
    }
    return replace(rules(), runtimes={**rules().runtimes, schema_id: replace(runtime, outgoing=outgoing)})
