"""What is known at decision time, at one revision of the registers: units, relations, consents, links; holds apart.

Rule kept: immutable for a batch; one decision never sees two revisions. Records hold keyed handles only, never a name
or number of a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

from consent.terms import PartyRole, Purpose, Role


class Fact(NamedTuple):
    """A register record that a decision rests on: digest of its key (16 bytes) and its offset."""

    key: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A service unit.

    `area` holds SIRUTA codes with counties already expanded; `fallback` is the unit that serves in its place.
    """

    code: str
    role: Role
    area: frozenset[int]
    fallback: str | None
    ordinal: int
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """One unit receiving for one purpose."""

    unit: Unit
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Event:
    """What the decision may know of an event.

    Type, source, handles, place, units it names, and the enums and booleans guards read.

    `content` maps leaf path to symbol (booleans as `yes` and `no`). `handles` = the case and every party, derived.
    """

    type: str
    source: str
    case: bytes
    parties: Mapping[PartyRole, bytes]
    siruta: int | None
    named: frozenset[str]
    content: Mapping[str, str]
    handles: frozenset[bytes] = field(init=False)

    def __post_init__(self) -> None:
        """Derive `handles` once: every decision about the event asks for them."""
        object.__setattr__(self, "handles", frozenset((self.case, *self.parties.values())))


@dataclass(frozen=True, slots=True)
class RelationRecord:
    """A unit works with a person or on a case.

    `target` is the handle, `role` the part that person has; times are ms since 1970, `at` that of this very state.
    """

    key: bytes
    offset: int
    unit: str
    target: bytes
    role: PartyRole
    kind: str
    since: int
    until: int | None
    live: bool
    at: int = 0


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """What a person said about one recipient and one purpose.

    `state` is given, refused, withdrawn or expired; `by` who recorded it.
    """

    key: bytes
    offset: int
    giver: bytes
    person: bytes
    recipient: str
    purpose: Purpose
    package: str | None
    groups: frozenset[int]
    state: str
    alone: bool
    valid_until: int
    by: frozenset[str]
    witness: str


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """A safety block on one handle: nothing of it to one unit, or to all when `unit` is None."""

    key: bytes
    offset: int
    target: bytes
    unit: str | None
    until: int | None
    on: bool


K = TypeVar("K")
V = TypeVar("V")


class Facts(Protocol):
    """The read side of the registers at one revision. An implementation MUST be immutable while a batch is decided."""

    @property
    def revision(self) -> int:
        """The register offset this is a fold of."""
        ...

    @property
    def stale(self) -> bool:
        """True when the registers are known to be behind.

        Relation, consent and judicial guards are then false, denials stay.
        """
        ...

    @property
    def marked(self) -> AbstractSet[bytes]:
        """Every handle that is an end of a joined link or the target of a hold.

        MUST hold all of them: others skip the search for denials.
        """
        ...

    def unit(self, code: str) -> Unit | None:
        """The unit with this code, suspended ones too, closed ones not."""
        ...

    def units_of(self, role: Role) -> tuple[Unit, ...]:
        """The units of one role by ordinal, suspended ones too, closed ones not."""
        ...

    def subscriptions(self, event_type: str) -> tuple[Subscription, ...]:
        """Who receives this type, of active agreements; suspended units too: their duty lines pass to the fallback."""
        ...

    def linked(self, handle: bytes) -> frozenset[bytes]:
        """The handle and everything joined to it, however many links away."""
        ...

    def holds(self, handle: bytes) -> tuple[HoldRecord, ...]:
        """The hold records on exactly this handle."""
        ...

    def relations(self, unit: str) -> Mapping[bytes, tuple[RelationRecord, ...]]:
        """The relations of one unit by target handle."""
        ...

    def consents(self, recipient: str, purpose: Purpose, person: bytes) -> tuple[ConsentRecord, ...]:
        """The consent records of exactly this person for this recipient and purpose, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class FixedFacts:
    """Facts in memory, made once by `FixedFacts.of`: for tests, decision cases and the demo."""

    revision: int
    stale: bool
    marked: AbstractSet[bytes]
    units: Mapping[str, Unit]
    by_type: Mapping[str, tuple[Subscription, ...]]
    joined: Mapping[bytes, frozenset[bytes]]
    held: Mapping[bytes, tuple[HoldRecord, ...]]
    related: Mapping[str, Mapping[bytes, tuple[RelationRecord, ...]]]
    agreed: Mapping[tuple[str, Purpose, bytes], tuple[ConsentRecord, ...]]

    @staticmethod
    def of(
        units: Iterable[Unit],
        subscriptions: Mapping[str, Iterable[Subscription]],
        records: Iterable[RelationRecord | ConsentRecord | HoldRecord] = (),
        links: Iterable[tuple[bytes, bytes]] = (),
        revision: int = 0,
        stale: bool = False,
    ) -> FixedFacts:
        """Index plain records. `links` are joined pairs of handles."""
        every = tuple(records)
        holds = _grouped((r.target, r) for r in every if isinstance(r, HoldRecord))
        joined = _closures(links)
        relations: dict[str, dict[bytes, tuple[RelationRecord, ...]]] = {}
        for r in every:
            if isinstance(r, RelationRecord):
                of_unit = relations.setdefault(r.unit, {})
                of_unit[r.target] = (*of_unit.get(r.target, ()), r)
        consents = _grouped(((r.recipient, r.purpose, r.person), r) for r in every if isinstance(r, ConsentRecord))
        return FixedFacts(
            revision,
            stale,
            frozenset(joined) | frozenset(holds),
            {u.code: u for u in units},
            {name: tuple(subs) for name, subs in subscriptions.items()},
            joined,
            holds,
            relations,
            consents,
        )

    def unit(self, code: str) -> Unit | None:
        """See Facts."""
        return self.units.get(code)

    def units_of(self, role: Role) -> tuple[Unit, ...]:
        """See Facts."""
        return tuple(sorted((u for u in self.units.values() if u.role is role), key=lambda u: u.ordinal))

    def subscriptions(self, event_type: str) -> tuple[Subscription, ...]:
        """See Facts."""
        return self.by_type.get(event_type, ())

    def linked(self, handle: bytes) -> frozenset[bytes]:
        """See Facts."""
        return self.joined.get(handle) or frozenset((handle,))

    def holds(self, handle: bytes) -> tuple[HoldRecord, ...]:
        """See Facts."""
        return self.held.get(handle, ())

    def relations(self, unit: str) -> Mapping[bytes, tuple[RelationRecord, ...]]:
        """See Facts."""
        return self.related.get(unit, NO_RELATIONS)

    def consents(self, recipient: str, purpose: Purpose, person: bytes) -> tuple[ConsentRecord, ...]:
        """See Facts."""
        return self.agreed.get((recipient, purpose, person), ())


NO_RELATIONS: Mapping[bytes, tuple[RelationRecord, ...]] = {}


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, tuple[V, ...]]:
    found: dict[K, tuple[V, ...]] = {}
    for key, value in pairs:
        found[key] = (*found.get(key, ()), value)
    return found


def _closures(links: Iterable[tuple[bytes, bytes]]) -> dict[bytes, frozenset[bytes]]:
    """Every linked handle with all it is joined to, itself included."""
    found: dict[bytes, frozenset[bytes]] = {}
    for a, b in links:
        together = found.get(a, frozenset((a,))) | found.get(b, frozenset((b,)))
        found.update(dict.fromkeys(together, together))
    return found
