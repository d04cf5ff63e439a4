"""The fold of the register: what the gateway knows, as the decision reads it (PIP).

Rules kept: a pure fold, one record at a time, in the order of the topic; a batch is planned without an await, so that
it sees one revision; a record that cannot be read stops the process rather than being skipped (a skipped withdrawal
would be a leak). An agreement that has run out by time ends what it permits, never a duty line's subscription: a
person must end that.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from consent.facts import (
    NO_RELATIONS,
    ConsentRecord,
    Fact,
    HoldRecord,
    RelationRecord,
    Subscription,
    Unit,
)
from consent.terms import Lane, PartyRole, Purpose, Role
from hub.contracts.codec import CodecFault
from hub.contracts.registers import Change, RegisterCodecs, handle_bytes

Place = tuple[str, Role, Purpose]
Duties = AbstractSet[tuple[str, Role]]


def _target(record: Mapping[str, Any]) -> bytes:
    """The one case or person a hold or a relation names; who names none or two is not understood."""
    named = [record[leaf] for leaf in ("caseHandle", "personHandle") if record[leaf] is not None]
    if len(named) != 1:
        raise CodecFault(f"a {record['kind']} that does not name exactly one case or person")
    return handle_bytes(named[0])


def _asked(entry: str) -> tuple[str, Purpose]:
    """An entry `type:purpose` of an agreement."""
    event_type, _, purpose = entry.partition(":")
    return event_type, Purpose(purpose)


def _role(symbol: str) -> Role:
    return Role(symbol.replace("_", "-"))


@dataclass(slots=True)
class Knowledge:
    """Implements `consent.facts.Facts`. `counties`: SIRUTA unit -> county code; `duties`.

    (type, role) pairs a duty line names.

    A unit that is not connected to `lane` has no release topic there and is no subscriber.
    """

    codecs: RegisterCodecs
    counties: Mapping[int, int]
    duties: Duties
    lane: Lane
    revision: int = 0
    stale: bool = False
    keychecks: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    matrix: Mapping[str, Any] | None = None
    now: int = 0
    _unit_records: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _agreements: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _relations: dict[str, dict[bytes, tuple[RelationRecord, ...]]] = field(default_factory=dict)
    _consents: dict[tuple[str, Purpose, bytes], tuple[ConsentRecord, ...]] = field(default_factory=dict)
    _holds: dict[bytes, tuple[HoldRecord, ...]] = field(default_factory=dict)
    _links: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    _joined: dict[bytes, frozenset[bytes]] = field(default_factory=dict)
    _placed: dict[bytes, Any] = field(default_factory=dict)
    _marked: set[bytes] = field(default_factory=set)
    _units: dict[str, Unit] = field(default_factory=dict)
    _by_role: dict[Role, tuple[Unit, ...]] = field(default_factory=dict)
    _by_type: dict[str, tuple[Subscription, ...]] = field(default_factory=dict)
    _next_end: int | None = None
    _dirty: bool = True

    def apply(self, key: bytes | None, value: bytes | None, offset: int) -> None:
        """Fold one register record; the revision is the offset after it."""
        self.revision = offset + 1
        change = self.codecs.decode(key, value)
        _FOLDS[change.kind](self, change, Fact(change.digest, offset))

    def at(self, now: int) -> Knowledge:
        """The facts of a batch: this fold at its own revision, with agreements as they stand at `now` (ms)."""
        self.now = now
        if self._dirty or (self._next_end is not None and now >= self._next_end):
            self._index()
        return self

    # --- what the decision reads (consent.facts.Facts)

    @property
    def marked(self) -> AbstractSet[bytes]:
        """See Facts."""
        return self._marked

    def unit(self, code: str) -> Unit | None:
        """See Facts."""
        return self._units.get(code)

    def units_of(self, role: Role) -> tuple[Unit, ...]:
        """See Facts."""
        return self._by_role.get(role, ())

    def subscriptions(self, event_type: str) -> tuple[Subscription, ...]:
        """See Facts."""
        return self._by_type.get(event_type, ())

    def linked(self, handle: bytes) -> frozenset[bytes]:
        """See Facts."""
        return self._joined.get(handle) or frozenset((handle,))

    def holds(self, handle: bytes) -> tuple[HoldRecord, ...]:
        """See Facts."""
        return self._holds.get(handle, ())

    def relations(self, unit: str) -> Mapping[bytes, tuple[RelationRecord, ...]]:
        """See Facts."""
        return self._relations.get(unit, NO_RELATIONS)

    def consents(self, recipient: str, purpose: Purpose, person: bytes) -> tuple[ConsentRecord, ...]:
        """See Facts."""
        return self._consents.get((recipient, purpose, person), ())

    def unit_codes(self) -> tuple[str, ...]:
        """Every unit code known, sorted: a unit's ordinal is its place here."""
        return tuple(sorted(self._unit_records))

    # --- units, agreements: indexed anew when one of them changed

    def _index(self) -> None:
        codes = self.unit_codes()
        self._units = {
            code: self._unit(code, ordinal)
            for ordinal, code in enumerate(codes)
            if self._unit_records[code]["state"] != "closed"
        }
        by_role: dict[Role, list[Unit]] = {}
        for unit in self._units.values():
            by_role.setdefault(unit.role, []).append(unit)
        self._by_role = {role: tuple(units) for role, units in by_role.items()}
        self._by_type = self._subscriptions()
        ends = [a["until"] for a in self._agreements.values() if a["state"] == "active" and a["until"] > self.now]
        starts = [a["from"] for a in self._agreements.values() if a["state"] == "active" and a["from"] > self.now]
        self._next_end = min(ends + starts, default=None)
        self._dirty = False

    def _unit(self, code: str, ordinal: int) -> Unit:
        record = self._unit_records[code]
        return Unit(
            code,
            _role(record["role"]),
            self._area(record["area"]),
            record["fallback"],
            ordinal,
            record["state"] == "suspended",
        )

    def _area(self, codes: list[int]) -> frozenset[int]:
        """SIRUTA units of an area, a county code taken apart into its units."""
        wanted = set(codes)
        return frozenset(wanted | {unit for unit, county in self.counties.items() if county in wanted})

    def _subscriptions(self) -> dict[str, tuple[Subscription, ...]]:
        found: dict[str, list[Subscription]] = {}
        for code, unit in self._units.items():
            agreement = self._agreements.get(code)
            if agreement is None or agreement["state"] != "active" or agreement["from"] > self.now:
                continue
            if self.lane.value not in self._unit_records[code]["lanes"]:
                continue
            for event_type, purpose in agreement["subscribes"]:
                if agreement["until"] > self.now or (event_type, unit.role) in self.duties:
                    found.setdefault(event_type, []).append(Subscription(unit, purpose))
        return {event_type: tuple(subscriptions) for event_type, subscriptions in found.items()}

    # --- folds, one per kind

    def fold_unit(self, change: Change, fact: Fact) -> None:
        """A unit: the index is made anew."""
        _put(self._unit_records, change.handle, change.record)
        self._dirty = True

    def fold_agreement(self, change: Change, fact: Fact) -> None:
        """An agreement: the index is made anew. Its entries are read here, where a fault shows at once."""
        r = change.record
        record = None if r is None else {**r, "subscribes": [_asked(entry) for entry in r["subscribes"]]}
        _put(self._agreements, change.handle, record)
        self._dirty = True

    def fold_relation(self, change: Change, fact: Fact) -> None:
        """A relation takes the place of its earlier state."""
        self._lift(fact.key, lambda place: self._relations.get(place[0], {}), lambda place: place[1])
        if change.record is None:
            return
        r = change.record
        target = _target(r)
        record = RelationRecord(
            fact.key,
            fact.offset,
            r["unit"],
            target,
            PartyRole(r["role"]),
            r["relationKind"],
            r["from"],
            r["until"],
            r["state"] == "live",
            r["at"],
        )
        of_unit = self._relations.setdefault(r["unit"], {})
        of_unit[target] = (*of_unit.get(target, ()), record)
        self._placed[fact.key] = (r["unit"], target)

    def fold_consent(self, change: Change, fact: Fact) -> None:
        """A consent takes the place of its earlier state."""
        self._lift(fact.key, lambda place: self._consents, lambda place: place)
        if change.record is None:
            return
        r = change.record
        place = (r["recipient"], Purpose(r["purpose"]), handle_bytes(r["person"]))
        record = ConsentRecord(
            fact.key,
            fact.offset,
            handle_bytes(r["giver"]),
            place[2],
            place[0],
            place[1],
            r["package"],
            frozenset(r["groups"]),
            r["state"],
            r["aloneConfirmed"],
            r["validUntil"],
            frozenset(r["by"]),
            r["witness"],
        )
        self._consents[place] = (*self._consents.get(place, ()), record)
        self._placed[fact.key] = place

    def fold_hold(self, change: Change, fact: Fact) -> None:
        """A hold takes the place of its earlier state."""
        self._lift(fact.key, lambda place: self._holds, lambda place: place)
        if change.record is None:
            return
        r = change.record
        target = _target(r)
        record = HoldRecord(fact.key, fact.offset, target, r["unit"], r["until"], r["state"] == "on")
        self._holds[target] = (*self._holds.get(target, ()), record)
        self._placed[fact.key] = target
        self._marked.add(target)

    def fold_link(self, change: Change, fact: Fact) -> None:
        """A link joins or separates."""
        before = self._links.pop(fact.key, None)
        if change.record is not None and change.state == "joined":
            self._links[fact.key] = (handle_bytes(change.record["a"]), handle_bytes(change.record["b"]))
        if before is not None:
            self._joined = {}
        fresh = [self._links[fact.key]] if fact.key in self._links else []
        for a, b in self._links.values() if before is not None else fresh:
            self._join(a, b)

    def fold_matrix(self, change: Change, fact: Fact) -> None:
        """The active matrix."""
        if change.handle == "active":
            self.matrix = change.record

    def fold_keycheck(self, change: Change, fact: Fact) -> None:
        """A key check."""
        _put(self.keychecks, change.handle, change.record)

    def _join(self, a: bytes, b: bytes) -> None:
        together = self._joined.get(a, frozenset((a,))) | self._joined.get(b, frozenset((b,)))
        self._joined.update(dict.fromkeys(together, together))
        self._marked.update(together)

    def _lift(self, key: bytes, index: Any, within: Any) -> None:
        """Take an earlier record of the same register key out of its index."""
        place = self._placed.pop(key, None)
        if place is None:
            return
        at, where = index(place), within(place)
        at[where] = tuple(record for record in at.get(where, ()) if record.key != key)


def _put(records: dict[str, Mapping[str, Any]], handle: str, record: Mapping[str, Any] | None) -> None:
    if record is None:
        records.pop(handle, None)
    else:
        records[handle] = record


_FOLDS = {
    "unit": Knowledge.fold_unit,
    "agreement": Knowledge.fold_agreement,
    "relation": Knowledge.fold_relation,
    "consent": Knowledge.fold_consent,
    "hold": Knowledge.fold_hold,
    "link": Knowledge.fold_link,
    "matrix": Knowledge.fold_matrix,
    "keycheck": Knowledge.fold_keycheck,
}
