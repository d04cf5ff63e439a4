"""What went out against what had to go out: lost, doubled, leaked, each with opaque ids only. Pure.

- lost: an event that was published and is neither decided nor refused, or a release that had to be made and is not
  there, or lacks a field it had to have.
- doubled: a second record of one (event, unit, purpose), a second decision of one attempt, or a further attempt that
  goes to a unit which got the event before.
- leaked: a release nobody was to get, or with any byte more than it had to have, or anything of the publisher's
  headers in it, or anything in its headers, key or moment by which two units could match their records.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from consent.terms import PartyRole, Transform
from hub.check.decided import whole_decisions
from hub.check.expect import HOLLOW, Plain, Seen
from hub.check.facts import Register
from hub.check.project import Encoders, Names, project, release_leaves
from hub.check.rows import Rows, Wanted
from hub.check.rung import rung, silent
from hub.check.waits import NOTHING_WAITS, Cell, Position, Waits, position
from hub.contracts.catalogue import Catalogue
from hub.contracts.envelope import Envelope, EnvelopeFault, coarse, format_time, parse_inbox, uuid_text
from hub.contracts.keys import KeyFault, KeyRing, b64, event_digest
from hub.contracts.record import KafkaRecord
from hub.contracts.wire import WireError, unframe

HEADERS: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "traceparent")
EVENT_FACTS: Final = 26
TRACE: Final = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-00")
EVER: Final = 1 << 62
"""A revision that no register reaches."""
TRACE_ID: Final = 35
"""Characters of a traceparent up to the end of its trace id."""


@dataclass(frozen=True, slots=True)
class History:
    """Everything read from outside: the publishers' journal, and the topics."""

    journal: Sequence[Mapping[str, str]]
    inbox: Mapping[tuple[str, str], KafkaRecord]
    decisions: Sequence[Mapping[str, Any]]
    refused: frozenset[str]
    releases: Sequence[KafkaRecord]
    own: Mapping[tuple[str, str], KafkaRecord] = field(default_factory=dict)
    """Hollow alerts, which the hub writes itself, by source and id, as they stand on `admitted.alert`."""
    parked: Sequence[Mapping[str, Any]] = ()
    isolated: frozenset[Position] = frozenset()
    alerts: Sequence[Mapping[str, Any]] = ()
    """The entries in the quarantine of the alert lane."""


@dataclass(slots=True)
class Finding:
    """One anomaly: its kind and opaque ids."""

    kind: str
    what: str
    event_id: str
    where: str


@dataclass(slots=True)
class Findings:
    """All anomalies, counted by kind."""

    found: list[Finding] = field(default_factory=list)

    def add(self, kind: str, what: str, event_id: str, where: str = "") -> None:
        """One more."""
        self.found.append(Finding(kind, what, event_id, where))

    def count(self, kind: str) -> int:
        """How many of a kind."""
        return sum(1 for finding in self.found if finding.kind == kind)


@dataclass(frozen=True, slots=True)
class Reference:
    """What the check computes with: rows, catalogue, keys, register entries."""

    rows: Rows
    catalogue: Catalogue
    keys: KeyRing
    register: Register


def compare(history: History, by: Reference) -> Findings:
    """Every decision recomputed at the revision it recorded, every release compared byte for byte."""
    findings = Findings()
    released = _by_id(history.releases, findings)
    whole, waits = whole_decisions(history.decisions), Waits.of(history.parked)
    _all_decided([decision for decision in whole if waits.is_first(decision)], history, findings)
    _traces(history.releases, findings)
    checker = _Checker(by, findings, released, waits)
    for decision in sorted(whole, key=lambda d: (d["registerRevision"], d["attempt"], d["batchAt"])):
        key = decision["source"], decision["eventId"]
        checker.event(decision, history.inbox.get(key), history.own.get(key))
    _all_rung(history, by, findings)
    for where, _ in waits.again.keys() - checker.again:
        if where not in history.isolated:
            findings.add("lost", "was parked, is neither decided again nor in quarantine", "", where[0])
    for record in released.values():
        findings.add("leaked", "released without a decision", "", record.topic)
    return findings


def _all_decided(first: Sequence[Mapping[str, Any]], history: History, findings: Findings) -> None:
    """Every event, and every hollow alert, is decided once in each attempt, or was refused."""
    times: Counter[tuple[str, str, int]] = Counter()
    for decision in first:
        times[decision["source"], decision["eventId"], decision["attempt"]] += decision["times"]
    for (_, event_id, _), count in times.items():
        if count > 1:
            findings.add("doubled", "decided twice", event_id)
    decided = {(decision["source"], decision["eventId"]) for decision in first}
    for entry in history.journal:
        if (entry["source"], entry["id"]) not in decided and entry["id"] not in history.refused:
            findings.add("lost", "neither decided nor refused", entry["id"])
    for source, event_id in history.own.keys() - decided:
        findings.add("lost", "a hollow alert of this sender is not decided", event_id, source)


def _all_rung(history: History, by: Reference, findings: Findings) -> None:
    """Every alert that stopped has rung the desks."""
    alerts = {name for name, entry in by.catalogue.entries.items() if entry.lane.value == "alert"}

    register = by.register.at(EVER)

    def may_send(source: str) -> bool:
        agreement = register.get("agreement", source)
        return agreement is not None and any(each.partition(":")[0] in alerts for each in agreement["publishes"])

    encoders = Encoders()
    told = ((source, *unframe(record.value)) for (source, _), record in history.own.items())
    heard = rung((source, encoders.decode(number, by.catalogue.schemas[number], body)) for source, number, body in told)
    places = {(record.topic, record.partition, record.offset) for record in history.own.values()}
    for source, code in silent(history.alerts, heard, may_send, places):
        findings.add("lost", f"an alert stopped ({code}) and no hollow alert rang", "", source)


def _traces(releases: Iterable[KafkaRecord], findings: Findings) -> None:
    """A trace id on the releases of two topics would join the records of two units."""
    first: dict[bytes, str] = {}
    for record in releases:
        trace = (dict(record.headers).get("traceparent") or b"")[:TRACE_ID]
        if first.setdefault(trace, record.topic) != record.topic:
            findings.add("leaked", "shares its trace with another unit", "", record.topic)


def _by_id(releases: Iterable[KafkaRecord], findings: Findings) -> dict[tuple[str, str], KafkaRecord]:
    """(topic, release id) -> record; a second record under one id is a doubled release."""
    found: dict[tuple[str, str], KafkaRecord] = {}
    for record in releases:
        release_id = (dict(record.headers).get("ce_id") or b"").decode("ascii", "replace")
        if (record.topic, release_id) in found:
            findings.add("doubled", "released twice", release_id, record.topic)
        found[record.topic, release_id] = record
    return found


class _Checker:
    """Recomputes one event after the other."""

    def __init__(
        self,
        by: Reference,
        findings: Findings,
        released: dict[tuple[str, str], KafkaRecord],
        waits: Waits = NOTHING_WAITS,
    ) -> None:
        """`again`: the further attempts of what was parked that decisions were found for."""
        self._by, self._findings, self._released, self._waits = by, findings, released, waits
        self._encoders = Encoders()
        self.again: set[tuple[Position, int]] = set()
        self._got: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        """Who got an event by the attempts looked at so far."""

    def event(self, decision: Mapping[str, Any], inbox: KafkaRecord | None, own: KafkaRecord | None = None) -> None:
        """Compare all releases of one event with the plain reading. `own`: the event, where it is one of the hub's."""
        event_id, record = decision["eventId"], inbox or own
        if record is None:
            self._findings.add("leaked", "decided but never published", event_id)
            return
        try:
            envelope, seen = (self._hollow if inbox is None else self._published)(record, decision)
        except (EnvelopeFault, KeyError, ValueError):
            self._findings.add("leaked", "decided but not admissible", event_id)
            return
        register = self._by.register.at(decision["registerRevision"])
        got = self._got[envelope.source, event_id]
        due = Plain(self._by.rows, register, seen).releases()
        attempts = self._attempts(decision, due.keys() - got)
        got |= self._audited(decision, attempts, got)
        for (unit, purpose), number in attempts.items():
            self._one(_Case(envelope, record, seen, unit, purpose, number), due[unit, purpose], decision)

    def _attempts(self, decision: Mapping[str, Any], due: AbstractSet[Cell]) -> dict[Cell, int]:
        """Whom this decision had to release to, and as which attempt: all that had not to wait, or those that had."""
        where, moment = position(decision), decision["batchAt"]
        if not self._waits.is_first(decision):
            self.again.add((where, moment))
            return {cell: number for cell, number in self._waits.again[where, moment] if cell in due}
        waited = self._waits.first.get(where, frozenset())
        if waited - due:
            self._findings.add("leaked", "parked for a unit that must not learn", decision["eventId"])
        return dict.fromkeys(due - waited, decision["attempt"])

    def _published(self, inbox: KafkaRecord, decision: Mapping[str, Any]) -> tuple[Envelope, Seen]:
        """An event as its unit sent it."""
        envelope = parse_inbox(inbox.headers)
        return envelope, self._seen(envelope, inbox, decision["decidedAt"])

    def _hollow(self, own: KafkaRecord, decision: Mapping[str, Any]) -> tuple[Envelope, Seen]:
        """A hollow alert: its handles are in its headers, since it holds nobody they could be computed from."""
        source, told = decision["source"], dict(own.headers)
        case = told["case"] or b""
        subject = self._by.keys.unit(source).seal_case(case).decode()
        envelope = Envelope(decision["eventId"], source, HOLLOW, int(told["time"] or 0), subject)
        parties = {role.value: b64(handle).decode() for role in PartyRole if (handle := told.get(role.value))}
        return envelope, replace(self._seen(envelope, own, decision["decidedAt"]), parties=parties)

    def _ids(self, decision: Mapping[str, Any], attempts: Mapping[Cell, int]) -> dict[bytes, Cell]:
        """The ids the releases of these attempts have."""
        digest = event_digest(decision["source"], decision["eventId"])
        return {
            self._by.keys.unit(unit).release_id(digest, purpose, number): (unit, purpose)
            for (unit, purpose), number in attempts.items()
        }

    def _audited(self, decision: Mapping[str, Any], attempts: Mapping[Cell, int], got: AbstractSet[Cell]) -> set[Cell]:
        """The audit names exactly the releases that had to be made, and none to a unit that got the event before.

        Gives whom it names of those that had to get one.
        """
        ids, again = self._ids(decision, attempts), self._ids(decision, dict.fromkeys(got, decision["attempt"]))
        named = [entry["releaseId"] for entry in decision["releases"]]
        if len(set(named)) != len(named):
            self._findings.add("doubled", "audited twice", decision["eventId"])
        for missing in ids.keys() - set(named):
            self._findings.add("lost", "had to be released, is not audited", decision["eventId"], ids[missing][0])
        if again.keys() & set(named):
            self._findings.add("doubled", "a further attempt went to a unit that had it", decision["eventId"])
        if set(named) - ids.keys() - again.keys():
            self._findings.add("leaked", "audited for a unit that must not learn", decision["eventId"])
        return {ids[each] for each in named if each in ids}

    def _one(self, case: _Case, want: Wanted, decision: Mapping[str, Any]) -> None:
        keys = self._by.keys.unit(case.unit)
        digest = event_digest(case.envelope.source, case.envelope.id)
        raw_id = keys.release_id(digest, case.purpose, case.attempt)
        release_id = uuid_text(raw_id)
        topic = f"release.{case.seen.type.lane}.{case.unit}.{case.purpose.lower()}"
        record = self._released.pop((topic, release_id), None)
        if record is None:
            self._findings.add("lost", "had to be released, is not there", case.envelope.id, topic)
            return
        self._outside(case, want, record)
        if record.timestamp != decision["batchAt"]:
            self._findings.add("leaked", "has another moment than its batch", case.envelope.id, topic)
        wrong = self._wrong(case, want, record) or _unproven(decision, raw_id, record.value or b"")
        if wrong is not None:
            self._findings.add(*wrong, case.envelope.id, topic)

    def _wrong(self, case: _Case, want: Wanted, record: KafkaRecord) -> tuple[str, str] | None:
        """The leaves of its schema and the bytes of its value are exactly those of the plain reading; else what not."""
        try:
            schema_id, body = unframe(record.value)
        except WireError:
            return "lost", "has no frame"
        schema = self._by.catalogue.schemas.get(schema_id, {"fields": []})
        leaves = release_leaves(schema)
        more = {path for path, how in leaves.items() if want.get(path) != how}
        if more:
            return "leaked", "has a field it must not have"
        if leaves.keys() != want.keys():
            return "lost", "lacks a field it must have"
        made = project(case.seen.record, want, self._names(case))
        same = self._encoders.encode(schema_id, schema, made) == body
        return None if same else ("leaked", "has other bytes than it must have")

    def _outside(self, case: _Case, want: Wanted, record: KafkaRecord) -> None:
        """Key and headers are the closed list, and nothing in them is the publisher's."""
        keys, headers = self._by.keys.unit(case.unit), dict(record.headers)
        subject = keys.seal_case(case.case_handle(self._by.keys))
        times = [how for path, how in want.items() if self._is_event_time(case, path)]
        rule = times[0] if times else (Transform.AS_IS if self._has_event_facts(case, want) else Transform.DAY)
        expected = {"ce_specversion": b"1.0", "ce_source": b"urn:punte:hub", "ce_type": case.seen.type.name.encode()}
        expected |= {"ce_subject": subject, "ce_time": format_time(coarse(case.envelope.time, rule)).encode()}
        wrong = [name for name, value in expected.items() if headers.get(name) != value]
        theirs = {value for _, value in case.inbox.headers if value is not None and len(value) > len(b"1.0")}
        given = (value for name, value in record.headers if name not in ("ce_type", "ce_time"))
        copied = theirs & {value for value in given if value is not None}
        listed = tuple(name for name, _ in record.headers) == HEADERS
        if wrong or copied or record.key != subject or not listed or not _fresh(case, headers["traceparent"]):
            self._findings.add("leaked", "key or headers are not the closed list", case.envelope.id, record.topic)

    @staticmethod
    def _is_event_time(case: _Case, path: str) -> bool:
        field_of = next(f for f in case.seen.type.fields if f.path == path)
        return field_of.group == EVENT_FACTS and field_of.base.value == "timestamp-millis"

    @staticmethod
    def _has_event_facts(case: _Case, want: Wanted) -> bool:
        return any(f.group == EVENT_FACTS and f.path in want for f in case.seen.type.fields)

    def _names(self, case: _Case) -> Names:
        keys = self._by.keys
        parties = {role: keys.party_handle(cnp) for role, cnp in _numbers(case.seen.record)}
        recipient, source = keys.unit(case.unit), keys.unit(case.envelope.source)
        return Names(recipient, source, parties, self._by.catalogue.siruta, _moment(case.seen))

    def _seen(self, envelope: Envelope, inbox: KafkaRecord, at: int) -> Seen:
        """The published event, decoded whole, its handles computed from the bytes and the keys."""
        schema_id, body = unframe(inbox.value)
        record = self._encoders.decode(schema_id, self._by.catalogue.schemas[schema_id], body)
        latest = self._by.catalogue.event_schema(envelope.type)["fields"]
        record = {field["name"]: None for field in latest} | record
        parties = {role: b64(self._by.keys.party_handle(cnp)).decode() for role, cnp in _numbers(record)}
        case = b64(case_handle(envelope, self._by.keys)).decode()
        return Seen(self._by.catalogue.types[envelope.type], envelope.source, record, case, parties, at)


@dataclass(frozen=True, slots=True)
class _Case:
    """One event for one unit and purpose."""

    envelope: Envelope
    inbox: KafkaRecord
    seen: Seen
    unit: str
    purpose: str
    attempt: int

    def case_handle(self, keys: KeyRing) -> bytes:
        """The case of the event."""
        return case_handle(self.envelope, keys)


def _unproven(decision: Mapping[str, Any], release_id: bytes, value: bytes) -> tuple[str, str] | None:
    """The audit names other bytes than those that went out."""
    proof = {(entry["sha256"], entry["length"]) for entry in decision["releases"] if entry["releaseId"] == release_id}
    return None if proof <= {(sha256(value).digest(), len(value))} else ("lost", "its bytes are not those of the audit")


def _fresh(case: _Case, trace: bytes | None) -> bool:
    """Whether a trace begins with the release: of its form, and nothing of the publisher's ids in it."""
    if trace is None or not TRACE.fullmatch(trace):
        return False
    theirs = dict(case.inbox.headers).get("traceparent") or b""
    parts = {case.envelope.id.replace("-", "").encode(), *(part for part in theirs.split(b"-") if len(part) > 2)}
    return not any(part in trace for part in parts)


def case_handle(envelope: Envelope, keys: KeyRing) -> bytes:
    """The case an envelope speaks of: one the hub's reference opens to, else the publisher's own."""
    try:
        return keys.unit(envelope.source).open_case(envelope.subject)
    except KeyFault:
        return keys.case_handle(envelope.source, envelope.subject)


def _numbers(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Role and personal number of every party that has one."""
    blocks = ((role.value, record.get(role.value)) for role in PartyRole)
    return [(role, block["cnp"]) for role, block in blocks if block is not None and block["cnp"] is not None]


def _moment(seen: Seen) -> int | None:
    """When the event was (ms, UTC): its first event fact that is one time, always there."""
    for leaf in seen.type.fields:
        if leaf.group == EVENT_FACTS and leaf.base.value == "timestamp-millis" and leaf.required and not leaf.array:
            value: Any = seen.record
            for name in leaf.path.split("."):
                value = value[name]
            return int(value)
    return None
