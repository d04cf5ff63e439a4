"""Synthetic events over all types and units: a crowd of cases, publishers and addressees. Pure, seeded.

Rule kept: only what admission accepts, in places that duty recipients serve; no real person, every personal number of
county 60-69.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from consent.terms import Lane, Role
from hub.contracts.catalogue import Catalogue
from hub.contracts.federation import Federation, FederationUnit
from hub.contracts.wire import KIND_ROLES
from hub.demo.records import Record, random_record

CASES: Final = 400
SERVING: Final = (Role.POL_R, Role.PROS, Role.CHILD)
"""Whoever must be told of an event because of its place."""
WEIGHTS: Final[Mapping[str, int]] = {
    "incident.reported": 30,
    "risk.assessed": 25,
    "ppo.issued": 10,
    "referral.made": 15,
    "emis.alert.raised": 12,
    "child.involved": 8,
}


@dataclass(frozen=True, slots=True)
class Published:
    """One event as its publisher sends it."""

    id: str
    source: str
    type: str
    lane: Lane
    time: int
    subject: str
    record: Record


class Crowd:
    """An endless source of events. Persons repeat across cases, so that consents, relations and holds find them."""

    def __init__(self, catalogue: Catalogue, federation: Federation, rng: Random, now: int) -> None:
        self._catalogue, self._federation, self._rng, self._now = catalogue, federation, rng, now
        self._publishers = {name: self._publishing(name) for name in WEIGHTS}
        self.people = [self._pair() for _ in range(CASES)]
        self._places = sorted(frozenset.intersection(*(self._served(role) for role in SERVING)))

    def events(self, count: int) -> Iterator[Published]:
        """So many events, about as often by type as in the field."""
        names = self._rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=count)
        return (self._event(name) for name in names)

    def event_id(self) -> str:
        """A random UUID of the seeded source."""
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def _publishing(self, event_type: str) -> Sequence[FederationUnit]:
        units = ((unit, self._federation.agreement(unit.code)) for unit in self._federation.units)
        return [unit for unit, agreement in units if agreement is not None and event_type in agreement.publishes]

    def _served(self, role: Role) -> frozenset[int]:
        """The administrative units in which some unit of a role works; a county's code stands for all of its units."""
        codes = {code for unit in self._federation.units if unit.role is role for code in unit.area}
        counties = (self._catalogue.units_of(code) for code in codes - self._catalogue.siruta.keys())
        return frozenset(codes & self._catalogue.siruta.keys()).union(*counties)

    def _pair(self) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Victim and aggressor of a case; some have no personal number."""
        record = random_record(self._catalogue, "ppo.issued", self._rng)
        return record["victim"], record["suspect"]

    def _event(self, event_type: str) -> Published:
        unit = self._rng.choice(self._publishers[event_type])
        case = self._rng.randrange(CASES)
        record = random_record(self._catalogue, event_type, self._rng)
        victim, suspect = self.people[case]
        if record.get("victim") is not None:
            record["victim"] = victim
        if record.get("suspect") is not None:
            record["suspect"] = suspect
        if record.get("siruta") is not None:
            record["siruta"] = self._rng.choice(self._places)
        self._name_units(record)
        self._narrow(unit.role, event_type, record)
        lane = self._catalogue.entries[event_type].lane
        return Published(self.event_id(), unit.code, event_type, lane, self._now, f"c-{case}", record)

    def _name_units(self, record: Record) -> None:
        """Units that exist, of a role that fits."""
        if "toUnit" in record:
            record["toUnit"] = self._one_of(KIND_ROLES[record["toKind"]])
        if "taskedUnits" in record:
            roles = self._rng.sample((Role.POL_R, Role.MOBILE), k=self._rng.randint(0, 2))
            record["taskedUnits"] = [self._one_of(role) for role in roles]
        if record.get("unitToSend") is not None:
            record["unitToSend"] = self._one_of(Role.POL_R)

    def _one_of(self, role: Role) -> str:
        return self._rng.choice([unit.code for unit in self._federation.units if unit.role is role])

    def _narrow(self, role: Role, event_type: str, record: Record) -> None:
        """A publisher that is bound to some symbols of a leaf uses one of them."""
        narrowed = self._catalogue.entries[event_type].narrowed(role)
        if narrowed is not None:
            record[narrowed[0]] = self._rng.choice(sorted(narrowed[1]))
