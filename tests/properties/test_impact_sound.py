"""What `punte policy impact` tells of a record is what the new policy would have decided on the same facts.

The record holds less than the facts did, so: nothing that changes is left out, and what is told as sure does change.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

from consent.compare import PRECISION
from consent.compile import Policy
from consent.decide import Decided, decide
from consent.facts import Event, FixedFacts, Unit
from consent.terms import PartyRole, Purpose
from tests.cases.pack import NOW, PLACE, facts, handle, policy, unit
from tests.unit.test_policy_impact import from_package_two, guarded, new_cell, other, replayed, wide
from tests.unit.test_why_questions import CENTRE, CHILDREN, CODES, SHELTER, SOURCE, decision_record

Path = tuple[str, str, str]
UNITS: dict[str, tuple[Unit, Purpose]] = {
    CENTRE: (unit(CENTRE, "SW-L", 0), Purpose.P6),
    CHILDREN: (unit(CHILDREN, "CHILD", 1), Purpose.P8),
    SHELTER: (unit(SHELTER, "SHEL", 2), Purpose.P9),
}
CELLS = {(each.role.value, purpose.value) for each, purpose in UNITS.values()}
ELSEWHERE = 2
TRIES = 400


def policies() -> list[Policy]:
    """Versions of the pack that differ in what they give, to whom, under which guards; told apart by no digest."""
    places = [guarded(f'"{guard}"') for guard in ("area", "relation(victim)", "relation(suspect)")]
    cells = [new_cell("area"), new_cell("relation(child)"), guarded('"area"', "CHILD", "P8")]
    found = [policy(), other(wide), other(from_package_two), *places, *cells]
    return [replace(each, digest=policy().digest) for each in found]


def world(rng: Random) -> tuple[Event, FixedFacts]:
    """A risk assessment and what is known then: consents, relations, holds, registers that may be behind."""
    found: list[dict[str, Any]] = []
    for offset in range(rng.randint(0, 4)):
        whose, part = rng.choice(sorted(UNITS)), rng.choice(list(PartyRole)).value
        state, package = rng.choice(["given", "given", "withdrawn"]), rng.choice(["sh1", "sh2", "sh3"])
        found.append(
            rng.choice(
                [
                    *2 * [{"kind": "consent", "unit": SHELTER, "purpose": "P9", "package": package, "state": state}],
                    {"kind": "relation", "unit": whose, "of": "client", "role": part, "to": rng.choice(["case", part])},
                    {"kind": "hold", "unit": whose, "on": "case"},
                ]
            )
            | {"offset": offset}
        )
    content = {
        "instrument": rng.choice(["RO_POL_21", "RO_SOC_25"]),
        "result": rng.choice(["imminent", "high"]),
        "childInHousehold": rng.choice(["yes", "no"]),
    }
    parties = {role: handle(role.value) for role in (PartyRole.VICTIM, PartyRole.SUSPECT)}
    place = rng.choice([PLACE, ELSEWHERE])
    event = Event("risk.assessed", SOURCE, handle("case"), parties, place, frozenset(), content)
    return event, facts(UNITS, found, stale=rng.random() < 0.2)


def recorded(made: Decided) -> dict[str, Any]:
    """The decision record of it."""
    releases, refusals = [], []
    like = decision_record()["releases"][0]
    for each in made.decisions:
        ordinal = CODES.index(each.subscription.unit.code)
        if each.refusal is None:
            got = {"unitOrdinal": ordinal, "purpose": each.subscription.purpose.value, "guardBits": each.bits}
            releases.append(like | got)
        else:
            guard = each.guard.kind.value if each.guard else "none"
            refusals.append({"reason": each.refusal.value, "guard": guard, "fact": None, "unitOrdinals": [ordinal]})
    return decision_record(releases=releases, refusals=refusals, presence=b"\xff" * 8)


def given(made: Decided) -> dict[Path, int]:
    """How precisely each role gets each field."""
    return {
        (each.subscription.unit.role.value, each.subscription.purpose.value, path): PRECISION[how]
        for each in made.decisions
        for path, how in (each.selected.release.leaves if each.selected else ())
    }


def test_nothing_is_left_out_and_what_is_sure_is_so() -> None:
    """Over random facts and any two versions; each reason of refusal occurs."""
    rng, versions = Random(11), policies()
    reasons: Counter[str] = Counter()
    changed = sure = 0
    for _ in range(TRIES):
        (event, known), (old, new) = world(rng), rng.sample(versions, 2)
        before, after = (decide(each, event, known, NOW) for each in (old, new))
        was, now = given(before), given(after)
        wanted = {(*key, now.get(key, 0) > was.get(key, 0)) for key in {*was, *now} if was.get(key) != now.get(key)}
        found = replayed(new, recorded(before), old=old).impacts
        told = {(one.role, one.purpose, one.path, one.gains): one.sure for one in found if one.path}
        assert wanted <= told.keys()
        assert {key for key, certain in told.items() if certain and key[:2] in CELLS} <= wanted
        reasons.update(each.refusal.value for each in before.decisions if each.refusal)
        changed, sure = changed + len(wanted), sure + sum(map(bool, told.values()))
    assert reasons.keys() == {"guard_false", "held", "withdrawn", "suspect_side", "stale"}
    assert min(changed, sure) > 50
