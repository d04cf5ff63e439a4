"""The story of contract.md section 10: one case in eight events. Pure: random parts come from a seeded source.

Rule kept: every leaf that decides who learns what is set here by name; everything else is random. From event 2 on each
publisher quotes the reference the hub gave it, which the demo reads from that unit's own release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from consent.terms import Lane
from hub.contracts.catalogue import Catalogue
from hub.demo.records import Record, random_record

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
PLACE: Final = 54975
"""Cluj-Napoca: the place of every event of the story."""


@dataclass(frozen=True, slots=True)
class Cast:
    """The units of the story, by what they do in it."""

    dispatch: str
    patrol: str
    emis: str
    mobile: str
    shelter: str


@dataclass(frozen=True, slots=True)
class Scene:
    """One event: its number, source, type, lane, the title of its table and its record.

    `quotes`: the unit whose reference from the hub becomes the subject; None = the publisher's own reference.
    """

    number: int
    title: str
    source: str
    type: str
    lane: Lane
    record: Record
    quotes: bool


@dataclass(frozen=True, slots=True)
class People:
    """The victim, the aggressor and the child of the case, as person blocks."""

    victim: Mapping[str, Any]
    suspect: Mapping[str, Any]
    child: Mapping[str, Any]


Build = Callable[["Story"], Scene]


class Story:
    """Builds the eight scenes. `now`: the moment of the first event, ms."""

    def __init__(self, catalogue: Catalogue, cast: Cast, rng: Random, now: int) -> None:
        self._catalogue, self.cast, self._rng, self._now = catalogue, cast, rng, now
        self.people = self._people()

    def scenes(self) -> list[Scene]:
        """The eight events in order."""
        return [build(self) for build in SCENES]

    def _people(self) -> People:
        """A victim and an aggressor with personal numbers, and one child."""
        risk = self._filled("ppo.issued")
        child = self._filled("child.involved")
        return People(risk["victim"], risk["suspect"], child["child"])

    def _filled(self, event_type: str) -> Record:
        """A random record in which every party present has a personal number."""
        while True:
            record = random_record(self._catalogue, event_type, self._rng)
            blocks = [record.get(role) for role in ("victim", "suspect", "child") if role in record]
            if all(block is None or block["cnp"] is not None for block in blocks) and any(blocks):
                return record

    def record(self, event_type: str, minutes: int, **leaves: Any) -> Record:
        """A random record of a type at the story's place, `minutes` after the start, with these leaves."""
        record = random_record(self._catalogue, event_type, self._rng)
        record |= {"siruta": PLACE, "victim": self.people.victim, "suspect": self.people.suspect}
        record = {name: value for name, value in record.items() if name in self._names(event_type)}
        for name in ("reportedAt", "assessedAt", "issuedAt", "madeAt", "raisedAt", "notifiedAt"):
            if name in record:
                record[name] = self._now + minutes * 60_000
        return record | leaves

    def _names(self, event_type: str) -> set[str]:
        return {field["name"] for field in self._catalogue.event_schema(event_type)["fields"]}

    def scene(self, number: int, title: str, source: str, event_type: str, record: Record) -> Scene:
        """One scene; all but the first quote the hub's reference."""
        return Scene(number, title, source, event_type, self._catalogue.entries[event_type].lane, record, number > 1)


def _incident(story: Story) -> Scene:
    record = story.record("incident.reported", 0, taskedUnits=[story.cast.patrol], childrenPresent=1, injuries="minor")
    record |= {"weaponPresent": "yes", "occurredAt": record["reportedAt"] - HOUR_MS, "address": "Str. Exemplu 1"}
    return story.scene(1, "a call: dispatch reports", story.cast.dispatch, "incident.reported", record)


def _assessment(story: Story, number: int, minutes: int, title: str) -> Scene:
    answers = [{"item": item, "value": "yes", "src": "victim"} for item in range(1, 22)]
    record = story.record("risk.assessed", minutes, instrument="RO_POL_21", result="imminent", answers=answers)
    record |= {"childInHousehold": "yes", "weaponAccess": "yes", "nYes1_7": 6, "nYes8_21": 10}
    return story.scene(number, title, story.cast.patrol, "risk.assessed", record)


def _first_assessment(story: Story) -> Scene:
    return _assessment(story, 2, 40, "the patrol assesses: imminent risk")


def _order(story: Story) -> Scene:
    record = story.record("ppo.issued", 60, emisConsent="accepted", childCovered="yes", regime="L217")
    issued = record["issuedAt"]
    hidden = [{"kind": "family", "siruta": PLACE, "address": "Str. Necunoscută 9"}]
    record |= {"validFrom": issued, "validUntil": issued + 120 * HOUR_MS, "placesHidden": hidden}
    return story.scene(3, "a provisional order", story.cast.patrol, "ppo.issued", record)


def _child(story: Story) -> Scene:
    record = story.record("child.involved", 70, notifierKind="police", child=story.people.child)
    return story.scene(4, "a child is involved", story.cast.patrol, "child.involved", record)


def _referral(story: Story, number: int, minutes: int, unit: str, kind: str) -> Record:
    basis = {"kind": "law" if kind == "mobile_team" else "consent", "ref": f"b{number}"}
    contact = {"channel": "phone", "value": "+40700000001", "fromHour": 9, "untilHour": 15, "wording": "neutral"}
    record = story.record("referral.made", minutes, toUnit=unit, toKind=kind, basis=basis, safeContact=contact)
    made = record["madeAt"]
    return record | {"dueBy": made + DAY_MS, "fromKind": "police", "beneficiary": "child", "child": story.people.child}


def _to_mobile_team(story: Story) -> Scene:
    record = _referral(story, 5, 80, story.cast.mobile, "mobile_team")
    record |= {"interventionAddress": "Str. Exemplu 1", "childrenAlong": 1, "weaponAccess": "yes"}
    return story.scene(5, "a referral to the mobile team, by law", story.cast.patrol, "referral.made", record)


def _to_shelter(story: Story) -> Scene:
    record = _referral(story, 6, 90, story.cast.shelter, "shelter")
    record |= {"interventionAddress": None, "childrenAlong": 1, "weaponAccess": "yes"}
    return story.scene(6, "a referral to the shelter, by consent", story.cast.patrol, "referral.made", record)


def _alert(story: Story) -> Scene:
    record = story.record("emis.alert.raised", 120, severity="critical", kind="proximity", unitToSend=story.cast.patrol)
    return story.scene(7, "a critical bracelet alert", story.cast.emis, "emis.alert.raised", record)


def _second_assessment(story: Story) -> Scene:
    return _assessment(story, 8, 180, "assessed again, after the consent was withdrawn")


SCENES: Final[tuple[Build, ...]] = (
    _incident,
    _first_assessment,
    _order,
    _child,
    _to_mobile_team,
    _to_shelter,
    _alert,
    _second_assessment,
)
