"""What `punte quarantine` composes: the entry, its record, the event's past, and what would become of it now.

Rule kept: the parts that decide are those of a hub at work (`admit`, the fold of the register, `consent.decide`); here
they are only asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from consent import decide as deciding
from consent.compile import Policy
from consent.errors import PolicyRefused
from consent.facts import Event, Facts
from consent.terms import Lane, Purpose
from hub.assemble import Parts, check_keys, check_policy, deciding_policy, now_ms, record_codec
from hub.cli.why import UUID, make_trail
from hub.contracts import topics
from hub.contracts.audit import Stage, Verdict
from hub.contracts.envelope import EnvelopeFault, Receivers, admitted_source, parse_admitted
from hub.contracts.files import load_catalogue
from hub.contracts.hollow import TYPE as HOLLOW
from hub.contracts.parked import Parked
from hub.contracts.record import KafkaRecord
from hub.contracts.sealing import SealFault
from hub.contracts.topics import REGISTER
from hub.contracts.versions import missing
from hub.contracts.wire import WireError, strict_readers, unframe
from hub.errors import PunteError
from hub.follow.reading.kafka import Options, existing, read_to_end
from hub.gateway.hollow import naming
from hub.gateway.knowledge import Knowledge
from hub.gateway.rules import FAULTS
from hub.ingress.admit import Admitted, Rules, admit
from hub.ingress.publishers import Publishers
from hub.quarantine.attempts import Decided, Numbered, Past
from hub.quarantine.entries import Entry, Shelf, State
from hub.quarantine.kafka import Clerk, read_original, read_shelf
from hub.quarantine.original import Found, named, opened
from hub.quarantine.preview import Preview, Refused, preview
from hub.quarantine.tell import Shown
from hub.release.slicer import Slicer
from hub.views.kafka import read_trail
from hub.views.project import DecisionTold, Trail
from hub.views.way import code_of

NOBODY: Receivers = frozenset()
STANDS = "conflict"
"""Of two records under one id the first stands; the second is not tried again."""
REPEATED = "duplicate"


@dataclass(frozen=True, slots=True)
class Looked:
    """An entry with all that its acts need. `found`: the record; `past`: of the event, where its id is known.

    `value`, `headers`: what would be appended; None where the record would be stopped again, or is not at hand.
    """

    shelf: Shelf
    entry: Entry
    found: Found | None
    past: Past | None
    preview: Preview | None
    headers: list[tuple[str, bytes]] | None

    @property
    def attempt(self) -> int | None:
        """The attempt a resubmission is: the number it was given before, else the next; None for one not admitted yet.

        What admission refused has not been tried by a gateway: it goes in as any event does.
        """
        if self.past is None or self.entry.stage is Stage.ADMISSION:
            return None
        return (self.entry.acts[0].attempt if self.entry.acts else None) or self.past.next

    @property
    def shown(self) -> Shown:
        """For a person."""
        return Shown(self.entry, self.preview, self.attempt)

    @property
    def named(self) -> Mapping[str, str]:
        """Source and id as an attempt record has them, where they are known."""
        found = named(self.entry, self.found)
        return {"source": found[0], "eventId": found[1]} if found else {}


async def shelved(options: Options, lanes: Sequence[Lane]) -> Shelf:
    """What is in quarantine now; takes no secret of the hub."""
    catalogue = load_catalogue()
    shelf = Shelf(record_codec(catalogue, "audit.quarantine"), record_codec(catalogue, "audit.attempt"))
    await read_shelf(options, shelf, lanes)
    return shelf


def clerk(options: Options) -> Clerk:
    """Who writes what a person asks for."""
    return Clerk(options, record_codec(load_catalogue(), "audit.attempt"))


async def find(options: Options, lane: Lane, number: int) -> tuple[Shelf, Entry]:
    """One entry, as the records have it now."""
    shelf = await shelved(options, [lane])
    entry = shelf.find(lane, number)
    if entry is None:
        raise PunteError("quarantine_unknown", "no entry has this number")
    return shelf, entry


async def look(parts: Parts, lane: Lane, number: int, private: bytes | None) -> Looked:
    """Everything there is to know about one entry."""
    shelf, entry = await find(parts.options, lane, number)
    found = await read_original(parts.options, entry)
    if found is None and private is not None:
        found = _opened(parts, entry, private)
    if found is None:
        return Looked(shelf, entry, None, None, None, None)
    known = named(entry, found)
    past = await _past(parts, entry, *known) if known and UUID.fullmatch(known[1]) else None
    told, headers = await _previewed(parts, entry, found, past)
    if past is None and not isinstance(told, Refused):  # an id that no admission writes
        told, headers = Refused("header"), None
    return Looked(shelf, entry, found, past, told, headers)


def _opened(parts: Parts, entry: Entry, private: bytes) -> Found:
    try:
        return opened(entry, parts.waiting(), private)
    except SealFault as fault:
        raise PunteError("quarantine_key_faulty", str(fault)) from None


async def _past(parts: Parts, entry: Entry, source: str, event_id: str) -> Past:
    """What the audit says of the event."""
    trail = make_trail(parts.catalogue, event_id)
    await read_trail(parts.options, trail)
    decisions = [_decided(trail, each) for each in trail.decisions if each.head["source"] == source]
    said = [attempt for _, attempt in trail.attempts if attempt["source"] == source and attempt["attempt"]]
    numbers = [Numbered(each["attempt"], each["sha256"]) for each in said]
    sha = entry.said["sha256"]
    parked = [each for each in said if each["verdict"] == Verdict.PARKED and each["sha256"] == sha]
    waits = await _waits(parts, entry.lane, parked) if parked else frozenset()
    return Past(source, event_id, sha, decisions, numbers, waits)


async def _waits(parts: Parts, lane: Lane, parked: Sequence[Mapping[str, Any]]) -> Receivers:
    """Whose parked release of the event waits still: what was resumed or closed waits no more."""
    fold, codec = Parked(), parts.record("audit.quarantine")
    places = [TopicPartition(topics.parked(lane), number) for number in range(topics.PARTITIONS[lane])]
    await read_to_end(parts.options, places, lambda record: fold.take(codec.decode(record.value or b"")))
    return frozenset(
        (each["unit"], Purpose(each["purpose"]))
        for each in parked
        if (each["input"]["partition"], each["input"]["offset"])
        in fold.waiting.get((each["unit"], each["purpose"]), {})
    )


def _decided(trail: Trail, told: DecisionTold) -> Decided:
    got = {(code_of(trail, told, each["unitOrdinal"]), Purpose(each["purpose"])) for each in told.releases}
    return Decided(told.digest, frozenset(got), frozenset(each["attempt"] for each in told.releases))


class _Asked(NamedTuple):
    """What answers: policy, facts of now, who may publish."""

    policy: Policy
    knowledge: Knowledge
    publishers: Publishers
    now: int


async def _previewed(
    parts: Parts, entry: Entry, found: Found, past: Past | None
) -> tuple[Preview, list[tuple[str, bytes]] | None]:
    """What would become of the record, and the headers it would be appended with."""
    asked = await _asked(parts, entry.lane)
    record: Any = found
    if entry.stage is Stage.ADMISSION:
        rules = Rules(entry.lane, parts.catalogue, strict_readers(parts.catalogue), parts.keys, asked.publishers)
        outcome = admit(rules, record, asked.now)
        if not isinstance(outcome, Admitted):
            return Refused(outcome.code, outcome.path), None
        if past is not None and past.decided and entry.lane is not Lane.ALERT:
            return Refused(REPEATED), None
        record = Found(*entry.where, asked.now, outcome.source.encode(), outcome.value, outcome.headers)
    elif entry.said["code"] == STANDS:
        return Refused(STANDS), None
    done = past.done if past else None
    told = _decide(parts, asked, record, done or NOBODY)
    return told, None if isinstance(told, Refused) else list(record.headers)


async def _asked(parts: Parts, lane: Lane) -> _Asked:
    """The policy the register calls active and the facts as they stand, folded as a start of the hub folds them."""
    latest = dict[bytes | None, KafkaRecord]()

    def take(record: KafkaRecord) -> None:
        latest.pop(record.key, None)
        latest[record.key] = record

    await read_to_end(parts.options, await existing(parts.options, [REGISTER]), take)
    now = now_ms()
    policy = _policy(parts, now)
    duties = {(line.event, line.key[1]) for line in policy.dutylines.lines}
    knowledge = Knowledge(parts.registers(), parts.catalogue.siruta, duties, lane)
    publishers = Publishers(parts.registers())
    try:
        for record in latest.values():
            knowledge.apply(record.key, record.value, record.offset)
            publishers.apply(record.key, record.value, record.offset)
    except ValueError:
        raise PunteError("register_unreadable", "a record of the register cannot be read") from None
    check_keys(knowledge.keychecks, parts.keys)
    check_policy(knowledge.matrix, policy)
    return _Asked(policy, knowledge, publishers, now)


def _policy(parts: Parts, now: int) -> Policy:
    try:
        return deciding_policy(parts.settings, parts.catalogue, now)
    except PolicyRefused as refused:
        raise PunteError("policy_refused", f"the policy has {len(refused.findings)} findings") from None


def _decide(parts: Parts, asked: _Asked, record: KafkaRecord, done: Receivers) -> Preview:
    """The decision of now about an admitted record, in words."""
    catalogue = parts.catalogue
    try:
        schema_id, body = unframe(record.value)
        kind = catalogue.types.get((catalogue.name_of(schema_id) or "").partition("/")[0])
        if kind is None:
            return Refused("schema_unknown")
        facts = asked.knowledge.at(asked.now)
        event = _event(parts, record, kind.name, schema_id, body, facts)
        decided = deciding.decide(asked.policy, event, facts, asked.now)
    except WireError as fault:
        return Refused(fault.code, fault.path)
    except EnvelopeFault as fault:
        return Refused("header", fault.header)
    except FAULTS:
        return Refused("undecided")
    return preview(asked.policy.at(asked.now), kind, decided, done)


def _event(parts: Parts, record: KafkaRecord, name: str, schema_id: int, body: bytes, facts: Facts) -> Event:
    """The event as the decision sees it."""
    catalogue = parts.catalogue
    slicer = Slicer(catalogue.event_schema(name), (), {}, catalogue.siruta)
    whole = body + missing(catalogue.schemas[schema_id], catalogue.event_schema(name))
    admission, source = parse_admitted(record.headers), admitted_source(record.key)
    offsets = slicer.walk(whole)
    event = Event(name, source, admission.case, admission.parties, *slicer.guards(whole, offsets))
    return event if name != HOLLOW else naming(event, slicer, whole, offsets, facts)


def check_open(looked: Looked) -> None:
    """Refuse what would give an event twice, or to nobody knows whom."""
    entry, past = looked.entry, looked.past
    if entry.state is State.DISCARDED:
        raise closed(entry, State.RESUBMITTED)
    if looked.found is None:
        raise PunteError("quarantine_gone", "the record is no longer in its topic")
    if past is None:
        return
    waiting = looked.shelf.on_its_way(past.source, past.event_id, entry)
    if waiting is not None:
        says = f"entry {waiting.lane}/{waiting.number} of the same event was resubmitted and is not decided yet"
        raise PunteError("quarantine_pending", says)
    if not past.knows_all:
        raise PunteError("quarantine_receivers_unknown", "a decision names a unit whose code no record says")


def closed(entry: Entry, wanted: State) -> PunteError:
    """An act on an entry that somebody closed otherwise."""
    return PunteError("quarantine_closed", f"the entry is {entry.state} by {entry.acts[0].by}; it was not {wanted}")
