"""Who must get what of one event, computed plainly from the rows and the facts of one revision. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from consent.terms import EventType
from hub.check.facts import Register
from hub.check.rows import Rows, Wanted, floor, wanted

PLACES = ("area", "addressee")
HOLLOW = "hollow.alert"
PLACE = 2
"""Which part of a reference is a place: cause, stretch of time, place, case."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as the check sees it: decoded whole, handles as register records spell them."""

    type: EventType
    source: str
    record: Mapping[str, Any]
    case: str
    parties: Mapping[str, str]
    at: int

    @property
    def handles(self) -> frozenset[str]:
        """The case and every party."""
        return frozenset((self.case, *self.parties.values()))


@dataclass(frozen=True, slots=True)
class Plain:
    """The plain reading of one event at one revision."""

    rows: Rows
    register: Register
    seen: Seen

    def releases(self) -> dict[tuple[str, str], Wanted]:
        """(unit, purpose) -> path -> transform, for everyone who must get something."""
        units = list(self._subscribers())
        found = {(unit["handle"], purpose): self._one(unit, purpose, ()) for unit, purpose in units}
        for unit, purpose in units:
            if self._denied(unit):
                self._stand_in(unit, purpose, found)
        return {who: what for who, what in found.items() if what is not None}

    def _subscribers(self) -> Iterator[tuple[Mapping[str, Any], str]]:
        lane = self.seen.type.lane.value
        for _, unit in self.register.on("unit"):
            agreement = self.register.get("agreement", unit["handle"])
            if unit["state"] == "closed" or agreement is None or agreement["state"] != "active":
                continue
            if lane not in unit["lanes"] or unit["handle"] == self.seen.source or agreement["from"] > self.seen.at:
                continue
            if agreement["until"] <= self.seen.at and not self._has_duty(unit["role"]):
                continue
            for entry in agreement["subscribes"]:
                event_type, _, purpose = entry.partition(":")
                if event_type == self.seen.type.name:
                    yield unit, purpose

    def desks(self) -> set[str]:
        """Who gets a hollow alert: the subscribers of the place it names, else of the sender's, else all."""
        units = [unit for unit, _ in self._subscribers()]
        said = str(self.seen.record["callbackRef"]).split(".")
        place = int(said[PLACE]) if said[0] == "conflict" else None
        there = {unit["handle"] for unit in units if self.register.covers(unit, place)}
        sender = self.register.get("unit", self.seen.source)
        places = self.register.places(sender) if sender is not None else frozenset[int]()
        near = {unit["handle"] for unit in units if places & self.register.places(unit)}
        return there or near or {unit["handle"] for unit in units}

    def _has_duty(self, role: str) -> bool:
        """An agreement that ran out ends what it permits, never a duty: that takes a person."""
        duties = {line["role"] for line in self.rows.lines if line["event"] == self.seen.type.name}
        return role.replace("_", "-") in duties

    def _one(self, unit: Mapping[str, Any], purpose: str, forced: tuple[str, ...]) -> Wanted | None:
        if self._denied(unit):
            return None
        cell = (unit["role"].replace("_", "-"), purpose)
        package = self._package(unit["handle"], cell)
        return wanted(self.rows, self.seen.type, cell, _Truth(self, unit, cell, package, forced), package)

    def _denied(self, unit: Mapping[str, Any]) -> bool:
        """Held, over all links, or suspended."""
        if unit["state"] == "suspended":
            return True
        holds = [hold for h in self.register.joined(self.seen.handles) for _, hold in self.register.on("hold", h)]
        return any(
            hold["state"] == "on"
            and hold["unit"] in (None, unit["handle"])
            and (hold["until"] is None or self.seen.at < hold["until"])
            for hold in holds
        )

    def _relations(self, unit: str, targets: frozenset[str]) -> list[Mapping[str, Any]]:
        """Live relations of a unit to any of these; a start in the future counts against it, not for it."""
        found = [r for target in targets for _, r in self.register.on("relation", unit, target)]
        return [r for r in found if r["state"] == "live" and (r["until"] is None or self.seen.at < r["until"])]

    def suspect_side(self, unit: str) -> bool:
        """INV-25: the unit works with the suspect, or as with a suspect with anyone of the case."""
        suspect = self.seen.parties.get("suspect")
        suspects = self.register.joined(frozenset((suspect,))) if suspect else frozenset[str]()
        everyone = self.register.joined(self.seen.handles)
        with_suspect = self._relations(unit, suspects & everyone)
        return bool(with_suspect) or any(r["role"] == "suspect" for r in self._relations(unit, everyone))

    def related(self, unit: str, role: str) -> bool:
        """A live relation to exactly this case, or to exactly the person in that part."""
        exact = frozenset({self.seen.case, self.seen.parties.get(role, self.seen.case)})
        begun = [r for r in self._relations(unit, exact) if r["role"] == role and r["from"] <= self.seen.at]
        return bool(begun) and (role == "suspect" or not self.suspect_side(unit))

    def _latest(self, unit: str, purpose: str, person: str) -> Mapping[str, Any] | None:
        found = self.register.on("consent", unit, purpose, person)
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def _package(self, unit: str, cell: tuple[str, str]) -> str | None:
        """The package a live consent opens, None when there is no consent that counts."""
        victim = self.seen.parties.get("victim")
        if victim is None or not self.rows.ladder(*cell) or self.suspect_side(unit):
            return None
        linked = self.register.joined(frozenset((victim,)))
        latest = {person: self._latest(unit, cell[1], person) for person in linked}
        if any(c is not None and c["state"] == "withdrawn" for c in latest.values()):
            return None
        own = latest[victim]
        suspect = self.seen.parties.get("suspect")
        suspects = self.register.joined(frozenset((suspect,))) if suspect else frozenset[str]()
        if own is None or own["state"] != "given" or not own["aloneConfirmed"]:
            return None
        if own["giver"] != own["person"] or own["giver"] in suspects:
            return None
        if all(person.startswith(unit) for person in own["by"]) or self.seen.at >= own["validUntil"]:
            return None
        return own["package"] or self._largest(cell, frozenset(own["groups"]))

    def _largest(self, cell: tuple[str, str], groups: frozenset[int]) -> str | None:
        held: frozenset[int] = frozenset()
        best = None
        for step in self.rows.ladder(*cell):
            held |= frozenset(step["adds"])
            best = step["name"] if held <= groups else best
        return best

    def _stand_in(self, unit: Mapping[str, Any], purpose: str, found: dict[tuple[str, str], Wanted | None]) -> None:
        """Duty lines due to a denied unit pass to its fallback, with the denied unit's place."""
        cell = (unit["role"].replace("_", "-"), purpose)
        truth = _Truth(self, unit, cell, None, ())
        for line in self.rows.of("lines", self.seen.type.name, *cell):
            if all(truth[atom] for atom in line["when"]):
                self._pass_on(unit, line, found)

    def _pass_on(
        self, unit: Mapping[str, Any], line: Mapping[str, Any], found: dict[tuple[str, str], Wanted | None]
    ) -> None:
        other = self._fallback(unit, line)
        if other is None or other["handle"] == self.seen.source:
            return
        purposes = [p for u, p in self._subscribers() if u["handle"] == other["handle"]]
        forced = tuple(atom for atom in line["when"] if atom in PLACES)
        for purpose in purposes:
            key = (other["handle"], purpose)
            if not self._meets(line, found.get(key)):
                instead = self._one(other, purpose, forced)
                found[key] = instead if self._meets(line, instead) else found.get(key)

    def _meets(self, line: Mapping[str, Any], got: Wanted | None) -> bool:
        """Whether a release holds the required leaves of the floor."""
        needs = floor(line, self.seen.type)
        return got is not None and all(path in got and how in (None, got[path]) for path, how in needs)

    def _fallback(self, unit: Mapping[str, Any], line: Mapping[str, Any]) -> Mapping[str, Any] | None:
        own = self.register.get("unit", unit["fallback"]) if unit["fallback"] else None
        role = unit["role"] if line["fallback"] == "next" else line["fallback"].replace("-", "_")
        if own is not None and own["state"] != "closed" and own["role"] == role:
            return own
        if line["fallback"] == "next":
            return None
        siruta = self.seen.record.get("siruta")
        hears = {unit["handle"] for unit, _ in self._subscribers()} | {self.seen.source}
        units = (u for _, u in self.register.on("unit") if u["role"] == role and u["handle"] in hears)
        others = sorted((u["handle"], u) for u in units)
        return next((u for _, u in others if u["state"] == "active" and self.register.covers(u, siruta)), None)


class _Truth(Mapping[str, bool]):
    """Whether a guard holds for a unit, atom by atom."""

    def __init__(
        self, plain: Plain, unit: Mapping[str, Any], cell: tuple[str, str], package: str | None, forced: tuple[str, ...]
    ) -> None:
        self._plain, self._unit, self._cell, self._package, self._forced = plain, unit, cell, package, forced

    def __getitem__(self, atom: str) -> bool:
        kind, _, arg = atom.replace("(", ":").rstrip(")").partition(":")
        record = self._plain.seen.record
        if atom in self._forced:
            return True
        if kind == "area":
            return self._plain.register.covers(self._unit, record.get("siruta"))
        if kind == "addressee":
            named = self._named(record) if self._plain.seen.type.name != HOLLOW else self._plain.desks()
            return self._unit["handle"] in named
        if kind == "relation":
            return self._plain.related(self._unit["handle"], arg)
        if kind == "consent":
            return self._consented(arg)
        if kind == "emergency":
            return record.get("severity") == "critical"
        return kind == "content" and self._content(record, arg)

    @staticmethod
    def _named(record: Mapping[str, Any]) -> set[str]:
        return {*record.get("taskedUnits", []), record.get("toUnit", ""), record.get("unitToSend") or ""}

    def _consented(self, package: str) -> bool:
        steps = [step["name"] for step in self._plain.rows.ladder(*self._cell)]
        if self._package is None:
            return False
        return not package or steps.index(package) <= steps.index(self._package)

    @staticmethod
    def _content(record: Mapping[str, Any], arg: str) -> bool:
        path, _, symbol = arg.partition("=")
        value: Any = record
        for name in path.split("."):
            value = value[name]
        return bool(value == symbol)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
