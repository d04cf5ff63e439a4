"""An attack by joining: all that one unit receives of one case in a month, against every value it got only coarsely.

The attacker keeps everything, knows the rules and the order of the records, and is given all relations and consents
its role can have. What it may recover is what a row gives it in full elsewhere: those ways are listed, one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Any, NamedTuple

import pytest

from consent.decide import decide
from consent.facts import Event, FixedFacts
from consent.generalise import occasion
from consent.terms import BaseType, Field, PartyRole, Purpose, Transform
from hub.demo.records import random_record
from hub.release.bands import AGE_BANDS, age_band
from hub.release.varints import varint
from tests.cases.pack import PLACE, facts, handle, policy, types, unit
from tests.properties.releases import SEALS, PlainRaw, catalogue
from tests.properties.test_generalised_values import slicer
from tests.support.history import decoded, encoded

NOW, DAY_MS, HOUR_MS = 1_795_000_000_000, 86_400_000, 3_600_000
SERVED = 55008
"""What a shelter serves, and where the aggressor goes, is no place of the case."""
MONTH = 90
"""Events of the case in its month: more than any real one has."""
EPOCH = date(1970, 1, 1)
PAIRS = sorted({(role.value, purpose.value) for _, role, purpose in policy().cells})
PACKAGES = {"SHEL": "sh3", "NGO-V": "ng3", "HOSP": "ho2"}
STEPS = {Transform.HOUR: HOUR_MS, Transform.DAY: DAY_MS}

KNOWN = {
    ("SHEL", "ppo.issued.issuedAt", "ppo.issued.validFrom"),
    ("SHEL", "op.issued.pronouncedAt", "op.issued.validFrom"),
    ("NGO-V", "ppo.issued.issuedAt", "ppo.issued.validFrom"),
    ("NGO-V", "op.issued.pronouncedAt", "op.issued.validFrom"),
    ("SHEL", "siruta", "placesKnown[].siruta"),
}
"""What a role recovers because a row gives it the same value in full: the validity of an order (group 14, for whoever
protects the victim while it holds) begins when the order is issued; places the aggressor knows (group 3, package sh3)
lie where the case does."""

PLACED = {
    role.value
    for (_, role, _), cell in policy().cells.items()
    if any(("siruta", Transform.AS_IS) in found.release.leaves for found in cell.table if found)
}
"""Roles that are given the place of some event of the case in full, by a row of its own."""


class Seen(NamedTuple):
    """One release as its unit decodes it, beside the event it was made of."""

    type: str
    record: dict[str, Any]
    got: dict[str, Any]
    leaves: tuple[tuple[str, Transform], ...]


def world() -> tuple[dict[str, tuple[Any, Purpose]], FixedFacts]:
    """One unit for each role and purpose, related to the victim and the child and with the widest consent."""
    units = {
        f"{role} {purpose}": (unit(f"{role} {purpose}", role, i), Purpose(purpose))
        for i, (role, purpose) in enumerate(PAIRS)
    }
    records: list[dict[str, Any]] = []
    for code, (each, purpose) in units.items():
        for part in ("victim", "child"):
            records.append(
                {"kind": "relation", "unit": code, "of": "client", "role": part, "to": part, "offset": len(records)}
            )
        if each.role in PACKAGES:
            given = {"kind": "consent", "unit": code, "purpose": purpose.value, "package": PACKAGES[each.role]}
            records.append(given | {"offset": len(records)})
    return units, facts(units, records)


def month(rng: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of one case, in order: the same people, the same place, moments of their own."""
    people = {part: EPOCH.replace(year=rng.randint(1960, 2024)) for part in ("victim", "suspect", "child")}
    born = {part: (day + timedelta(days=rng.randrange(365)) - EPOCH).days for part, day in people.items()}
    for at in sorted(NOW + rng.randrange(30 * DAY_MS) for _ in range(MONTH)):
        name = rng.choice(sorted(types()))
        record = random_record(catalogue(), name, rng)
        first = occasion(types()[name])
        assert first is not None
        record[first.path] = at
        if "siruta" in record:
            record["siruta"] = SERVED if name == "shelter.capacity" else PLACE
        if isinstance(record.get("residence"), dict):
            record["residence"] |= {"siruta": SERVED}
        if name in ("ppo.issued", "op.issued"):
            record["validFrom"] = at
            record["placesKnown"] = [each | {"siruta": PLACE} for each in record["placesKnown"]]
        for part, day in born.items():
            if isinstance(record.get(part), dict):
                record[part] |= {"birthDate": day, "cnp": None}
        yield name, record


def received(rng: Random) -> dict[str, list[Seen]]:
    """Everything each unit receives of the month, in the order it reads it."""
    units, known = world()
    found: dict[str, list[Seen]] = {code: [] for code in units}
    for name, record in month(rng):
        body = encoded(catalogue().versions(name)[-1], record)[5:]
        cutting = slicer(name)
        offsets = cutting.walk(body)
        read = cutting.guards(body, offsets)
        parties = {part: handle(part.value) for part in PartyRole}
        event = Event(name, "source", handle("case"), parties, read.siruta, frozenset(units), read.content)
        for each in decide(policy(), event, known, NOW).decisions:
            if each.selected:
                release = each.selected.release
                value = cutting.bind(release)(body, offsets, PlainRaw(cutting, body), SEALS)
                found[each.subscription.unit.code].append(Seen(name, record, decoded(value)[1], release.leaves))
    return found


def values(record: dict[str, Any], path: str) -> list[Any]:
    """The values of a leaf: none where it is absent, several in an array."""
    found: list[Any] = [record]
    for step in path.split("."):
        inner = [each.get(step.removesuffix("[]")) for each in found if each is not None]
        found = [
            item for each in inner for item in (each if isinstance(each, list) and step.endswith("[]") else [each])
        ]
    return [each for each in found if each is not None and not isinstance(each, list)]


def kind(field: Field) -> str:
    """What sort of value a leaf holds, for the join."""
    if field.base is BaseType.TIMESTAMP:
        return "moment"
    if field.path.rpartition(".")[2] == "siruta":
        return "place"
    return {"distanceM": "distance"}.get(field.path, "date" if field.base is BaseType.DATE else "")


def exact(seen: list[Seen]) -> dict[tuple[str, Any], set[tuple[str, str]]]:
    """Every exact value a unit got, with the leaves that told it."""
    known: dict[tuple[str, Any], set[tuple[str, str]]] = {}
    for one in seen:
        fields = {field.path: field for field in types()[one.type].fields}
        for path, how in one.leaves:
            if how is Transform.AS_IS and kind(fields[path]):
                for value in values(one.got, path):
                    known.setdefault((kind(fields[path]), value), set()).add((one.type, path))
    return known


def recovered(role: str, seen: list[Seen]) -> Iterator[tuple[str, str, str]]:
    """The leaves a unit got coarsely and knows exactly from another: (role, leaf, by which leaf)."""
    known = exact(seen)
    for one in seen:
        fields = {field.path: field for field in types()[one.type].fields}
        for path, how in one.leaves:
            if how not in (Transform.AS_IS, Transform.PAIRWISE, Transform.PERSON_REF):
                for value in values(one.record, path):
                    for type_, way in known.get((kind(fields[path]), value), ()):
                        place = kind(fields[path]) == "place"
                        yield (role, path, way) if place else (role, f"{one.type}.{path}", f"{type_}.{way}")


def attacked(seed: int) -> Iterator[tuple[str, str, str]]:
    """What all units together, each alone with what it got, know of a month."""
    for code, seen in received(Random(seed)).items():
        yield from recovered(code.split()[0], seen)


def surprising(ways: Iterable[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Without the place of the case for roles that are told it anyway."""
    return {(role, leaf, way) for role, leaf, way in ways if leaf != "siruta" or role not in PLACED}


@pytest.mark.parametrize("seed", range(3))
def test_a_month_of_events_brings_nothing_back(seed: int) -> None:
    """No generalised moment, place, date or distance is known exactly by any other way than those listed."""
    assert surprising(attacked(seed)) <= KNOWN


@pytest.mark.parametrize("seed", range(3))
def test_watching_an_age_band_for_two_years_tells_no_birthday(seed: int) -> None:
    """Whoever sees the band of one child week by week, with the exact moment, still holds the whole year possible."""
    rng = Random(seed)
    year = rng.randint(2009, 2024)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(0, 730, 7)]
    bands = {tuple(band(date(year, 1, 1) + timedelta(days=n), day) for day in days) for n in range(365)}
    assert len(bands) == 1
    assert len({band(date(each, 6, 1), days[0]) for each in range(2000, 2026)}) == 7


def band(born: date, day: date) -> str:
    """The band of a child as the slicer writes it."""
    made = age_band(varint((born - EPOCH).days) + varint((day - EPOCH).days * DAY_MS), 0, 3)
    return AGE_BANDS[made[0] >> 1]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_records_makes_no_moment_finer(seed: int) -> None:
    """Between its neighbours' coarse moments each event still has its whole hour or day."""
    for seen in received(Random(seed)).values():
        for how, step in STEPS.items():
            told = []
            for one in seen:
                first = occasion(types()[one.type])
                if first and dict(one.leaves).get(first.path) is how:
                    told.append(one.got[first.path])
            assert told == sorted(told)
            for i, moment in enumerate(told):
                assert max(told[: i + 1]) <= moment
                assert min(told[i:]) + step >= moment + step


def test_the_attack_finds_what_is_given_twice() -> None:
    """The test of the test: over several months it finds every listed way."""
    assert surprising(way for seed in range(12) for way in attacked(seed)) == KNOWN
