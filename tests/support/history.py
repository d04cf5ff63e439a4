"""A hub without Kafka: events admitted, decided, sliced by the real parts, and the history a check from outside reads.

Rule kept: nothing here makes a release; what `hub.check` is given is what the gateway would have written.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random
from typing import Any, Final

import fastavro

from consent.terms import Lane, Profile
from hub.assemble import gateway_codecs, record_codec
from hub.check.compare import Finding, History, Reference, compare
from hub.check.facts import Entry, Register
from hub.check.rows import Rows as PlainRows
from hub.check.rows import read_rows
from hub.check.waits import Position, position
from hub.contracts import topics
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import plain
from hub.contracts.envelope import TRACE_BYTES, Again, inbox_headers, parse_admitted, traceparents
from hub.contracts.federation import Federation, parse_federation
from hub.contracts.files import load_catalogue
from hub.contracts.keys import b64, key_ring
from hub.contracts.parked import Cell
from hub.contracts.registers import KINDS, RegisterCodecs, common, relation_handle
from hub.contracts.wire import frame, strict_readers
from hub.demo.crowd import Crowd, Published
from hub.demo.story import Cast, Story
from hub.gateway.compiled import runtimes
from hub.gateway.knowledge import Knowledge
from hub.gateway.outputs import Gathered
from hub.gateway.parking import Parking
from hub.gateway.plan import Planner
from hub.gateway.rules import Rules, World
from hub.gateway.seen import SeenIds
from hub.ingress.admit import Admitted, admit
from hub.ingress.admit import Rules as IngressRules
from hub.ingress.publishers import Publishers
from hub.registry.federation import Signed, federation_records
from tests.cases.pack import POLICIES, policy

NOW: Final = 1_790_000_000_000
DAY_MS: Final = 86_400_000
SIGNED: Final = Signed(NOW, ("p-1", "p-2"))
LANES: Final = (Lane.ALERT, Lane.CASE)
CLUJ: Final = POLICIES.parents[1] / "deploy/federation/cluj.toml"
KEYS: Final = key_ring(1, bytes(range(32)))


def traces(rng: Random) -> Callable[[], bytes]:
    """Fresh traces whose chance is seeded."""
    return lambda: traceparents(rng.randbytes(TRACE_BYTES))[0]


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as a topic keeps it."""

    topic: str
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    key: bytes | None = None
    timestamp: int = NOW
    offset: int = 0
    partition: int = 0

    def header(self, name: str, value: bytes) -> Kept:
        """The same with one header changed, or added."""
        names = [each for each, _ in self.headers]
        if name not in names:
            return replace(self, headers=[*self.headers, (name, value)])
        return replace(self, headers=[(each, value if each == name else was) for each, was in self.headers])


@cache
def catalogue() -> Catalogue:
    """The catalogue of the project."""
    return load_catalogue()


@cache
def federation() -> Federation:
    """The federation of the pilot."""
    return parse_federation(CLUJ.read_text("utf-8"))


@cache
def rules() -> Rules:
    """Policy, slicers, keys and encoders of a gateway."""
    return Rules(policy(), runtimes(catalogue(), policy()), KEYS, gateway_codecs(catalogue()))


@cache
def registers() -> RegisterCodecs:
    """The codecs of all register kinds."""
    return RegisterCodecs({kind: record_codec(catalogue(), f"register.{kind}") for kind in KINDS})


@cache
def plain_rows() -> PlainRows:
    """The matrix as the check reads it."""
    texts = [(POLICIES / name).read_text("utf-8") for name in ("matrix.toml", "dutylines.toml")]
    return read_rows(texts[0], texts[1], Profile.DEMO.value)


@cache
def pool() -> tuple[Published, ...]:
    """Some hundred random events that admission accepts."""
    return tuple(Crowd(catalogue(), federation(), Random(3), NOW).events(400))


@cache
def schema(schema_id: int) -> Any:
    """A schema, parsed, without logical types."""
    return fastavro.parse_schema(plain(catalogue().schemas[schema_id]))


def encoded(schema_id: int, record: Mapping[str, Any]) -> bytes:
    """The framed bytes of a record."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema(schema_id), dict(record), strict=True)
    return frame(schema_id, out.getvalue())


def decoded(value: bytes | None) -> tuple[int, dict[str, Any]]:
    """Schema id and record of framed bytes."""
    assert value is not None
    schema_id = int.from_bytes(value[1:5], "big")
    return schema_id, fastavro.schemaless_reader(io.BytesIO(value[5:]), schema(schema_id), None)  # type: ignore[return-value]


HOLLOW_AT: Final = 1_000_000
"""Where hollow alerts lie, behind all that was sent."""


@dataclass(slots=True)
class _Side:
    """One lane: admission, knowledge, plan, ids seen."""

    admission: IngressRules
    knowledge: Knowledge
    planner: Planner
    seen: SeenIds = field(default_factory=SeenIds)
    parking: Parking = field(default_factory=Parking)

    def keep(self, now: int) -> None:
        """Its transaction was committed."""
        self.seen.keep(now)
        self.parking.keep()


@dataclass(slots=True)
class Past:
    """What happened so far, and the state it left. `taken`: the records that were admitted."""

    now: int = NOW
    entries: list[Entry] = field(default_factory=list)
    journal: list[dict[str, str]] = field(default_factory=list)
    inbox: dict[tuple[str, str], Kept] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    releases: list[Kept] = field(default_factory=list)
    taken: list[Kept] = field(default_factory=list)
    own: dict[tuple[str, str], Kept] = field(default_factory=dict)
    parked: list[dict[str, Any]] = field(default_factory=list)
    isolated: set[Position] = field(default_factory=set)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    _publishers: Publishers = field(default_factory=lambda: Publishers(registers()))
    _sides: dict[Lane, _Side] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Load the federation."""
        duties = {(line.event, line.key[1]) for line in policy().dutylines.lines}
        for lane in LANES:
            knowledge = Knowledge(registers(), catalogue().siruta, duties, lane)
            admission = IngressRules(lane, catalogue(), _readers(), KEYS, self._publishers)
            world = World("test", traces(Random(lane.value)))
            self._sides[lane] = _Side(admission, knowledge, Planner(lane, rules(), knowledge, world))
        self.put(*federation_records(federation(), catalogue().ids, SIGNED))

    def put(self, *records: Mapping[str, Any]) -> None:
        """Append register records."""
        for record in records:
            key, value = registers().encode(record)
            offset = len(self.entries)
            self.entries.append((offset, record["kind"], record["handle"], record))
            self._publishers.apply(key, value, offset)
            for side in self._sides.values():
                side.knowledge.apply(key, value, offset)

    def change(self, kind: str, handle: str, **leaves: Any) -> None:
        """A new state of a standing fact."""
        latest = next(record for _, k, h, record in reversed(self.entries) if (k, h) == (kind, handle))
        self.put({**(latest or {}), **leaves})

    def happen(self, event: Published) -> None:
        """An event is published, admitted, decided, released."""
        value = encoded(catalogue().version_of(event.type, event.record), event.record)
        headers = inbox_headers(event.id, event.source, event.type, event.time, event.subject)
        headers.append(("traceparent", f"00-{event.id.replace('-', '')}-00f067aa0ba902b7-01".encode()))
        record = Kept(topics.inbox(event.lane, event.source), value, headers)
        self.journal.append({"id": event.id, "source": event.source, "type": event.type})
        self.inbox[event.source, event.id] = record
        side = self._sides[event.lane]
        found = admit(side.admission, record, self.now)
        if not isinstance(found, Admitted):
            self.refused.add(event.id)
            return
        admitted = Kept(
            topics.admitted(event.lane), found.value, found.headers, event.source.encode(), self.now, len(self.inbox)
        )
        self.taken.append(admitted)
        self._decide(event.lane, admitted)

    def again(self, event: Published, again: Again) -> None:
        """A further attempt of an event that was admitted."""
        record = next(each for each in self.taken if dict(each.headers)["id"] == event.id.encode())
        admission = parse_admitted(record.headers)._replace(again=again)
        self._decide(event.lane, replace(record, headers=admission.headers(), offset=record.offset + 1000))

    def _decide(self, lane: Lane, admitted: Kept) -> None:
        side, written = self._sides[lane], Gathered()
        side.planner.decide([admitted], side.seen, self.now, written, side.parking)
        side.keep(self.now)
        self._take(written.records)

    def park(self, cell: Cell, lane: Lane = Lane.CASE, code: str = "unknown_topic") -> None:
        """The topic of a subscription is refused from now on."""
        self._sides[lane].parking.hold(cell, code)

    def resume(self, cell: Cell, lane: Lane = Lane.CASE, *, gone: bool = False) -> None:
        """A second later its topic answers; `gone`: the events are kept no longer."""
        self.now += 1000
        side, written = self._sides[lane], Gathered()
        kept = {record.offset: record for record in self.taken if not gone and record.topic == topics.admitted(lane)}
        waited = [(entry, kept.get(entry.offset)) for entry in side.parking.oldest(cell, 100, 1000)]
        side.planner.resume(cell, waited, side.seen, self.now, written, side.parking)
        side.keep(self.now)
        self._take(written.records)

    def _take(self, records: Mapping[tuple[str, int], Sequence[tuple[bytes | None, bytes | None, Any]]]) -> None:
        decisions, entries = record_codec(catalogue(), "audit.decision"), record_codec(catalogue(), "audit.quarantine")
        for (topic, _), written in records.items():
            for key, value, headers in written:
                if topic.startswith("release."):
                    self.releases.append(Kept(topic, value, headers, key, self.now))
                elif topic.startswith("audit.decision."):
                    self.decisions.append(decisions.decode(value or b"") | {"key": key})
                elif topic.startswith("parked."):
                    self.parked.append(entries.decode(value or b""))
                elif topic.startswith("quarantine."):
                    self.isolated.add(position(entry := entries.decode(value or b"")))
                    self.alerts += [entry] if topic == "quarantine.alert" else []
                elif topic.startswith("admitted."):
                    self._hollow(Kept(topic, value, headers, key, self.now, HOLLOW_AT + len(self.own)))

    def _hollow(self, record: Kept) -> None:
        """A hollow alert the plan wrote: decided next."""
        self.own[(record.key or b"").decode(), (dict(record.headers)["id"] or b"").decode()] = record
        self._decide(Lane.ALERT, record)

    def found(self) -> list[Finding]:
        """What the independent check says of all this."""
        told = self.decisions, frozenset(self.refused), self.releases, self.own, self.parked
        history = History(self.journal, self.inbox, *told, frozenset(self.isolated), self.alerts)
        by = Reference(plain_rows(), catalogue(), KEYS, Register(self.entries, catalogue().siruta))
        return compare(history, by).found

    def kinds(self) -> set[str]:
        """The kinds of anomaly the check names."""
        return {finding.kind for finding in self.found()}

    def release(self, event_type: str, unit: str) -> tuple[int, Kept]:
        """Place and record of the first release of a type to a unit."""
        return next(
            (place, record)
            for place, record in enumerate(self.releases)
            if f".{unit}." in record.topic and dict(record.headers)["ce_type"] == event_type.encode()
        )


@cache
def _readers() -> Any:
    return strict_readers(catalogue())


def case_of(event: Published) -> str:
    """The case handle of an event as register records spell it."""
    return b64(KEYS.case_handle(event.source, event.subject)).decode()


def parties_of(event: Published) -> dict[str, str]:
    """The handle of each party with a personal number."""
    blocks = {role: event.record.get(role) for role in ("victim", "suspect", "child")}
    return {
        role: b64(KEYS.party_handle(block["cnp"])).decode()
        for role, block in blocks.items()
        if block is not None and block["cnp"] is not None
    }


def consent(recipient: str, person: str, **leaves: Any) -> dict[str, Any]:
    """A consent as an accredited worker records it; leaves differ where said."""
    return common("consent", f"c-{recipient}-{person}", "given", NOW, ("w-1", "w-2")) | {
        "giver": person,
        "person": person,
        "recipient": recipient,
        "purpose": "P9",
        "package": "sh3",
        "groups": [],
        "witness": "w-2",
        "aloneConfirmed": True,
        "textVersion": "1",
        "language": "ro",
        "channel": "paper",
        "validUntil": NOW + 180 * DAY_MS,
        **leaves,
    }


def hold(target: str, unit: str | None, *, of_case: bool = False, until: int | None = None) -> dict[str, Any]:
    """A hold on a person or a case."""
    return common("hold", f"h-{target}-{unit}", "on", NOW, ("p-1",)) | {
        "caseHandle": target if of_case else None,
        "personHandle": None if of_case else target,
        "unit": unit,
        "until": until,
    }


def relation(unit: str, target: str, role: str, *, of_case: bool = False, until: int | None = None) -> dict[str, Any]:
    """A live relation of a unit to a person or a case."""
    handle = relation_handle(unit, target.encode(), role)
    return common("relation", handle, "live", NOW, ("p-1",)) | {
        "unit": unit,
        "personHandle": None if of_case else target,
        "caseHandle": target if of_case else None,
        "role": role,
        "relationKind": "client",
        "from": NOW - DAY_MS,
        "until": until,
        "basisEvent": None,
    }


def link(a: str, b: str) -> dict[str, Any]:
    """Two handles joined."""
    kind = {"linkKind": "same_person"}
    return common("link", f"l-{a}-{b}", "joined", NOW, ("p-1", "p-2")) | {"a": a, "b": b} | kind


DISPATCH, PATROL, PATROL_2, EMIS, MOBILE, SHELTER = "upggvz", "ux3joc", "u4n6ms", "ur04xc", "uva8s2", "umbwtf"
ORDERS, PROSECUTOR, CENTRE, COUNTY = "uhenom", "uaemeu", "uj9kpj", "u0xzkb"
CASE: Final = KEYS.case_handle(DISPATCH, "CJ-1")


@cache
def story() -> Story:
    """The story of contract.md section 10 with fixed people."""
    return Story(catalogue(), Cast(DISPATCH, PATROL, EMIS, MOBILE, SHELTER), Random(5), NOW)


def scene(number: int) -> Published:
    """One event of the story as its publisher sends it."""
    made = story().scenes()[number - 1]
    own = "CJ-1" if made.source == DISPATCH else KEYS.unit(made.source).seal_case(CASE).decode()
    event_id = f"00000000-0000-4000-8000-{number:012x}"
    return Published(event_id, made.source, made.type, made.lane, NOW - 5_000_123, own, made.record)


def played(*numbers: int) -> Past:
    """A past in which the shelter has a consent and these events of the story happened."""
    past = Past()
    past.put(consent(SHELTER, parties_of(scene(2))["victim"]))
    for number in numbers or range(1, 9):
        past.happen(scene(number))
    return past
