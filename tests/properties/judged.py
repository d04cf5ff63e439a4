"""A random case judged twice, by the product and by the model, and the first thing in which they differ."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import NamedTuple

from consent import facts as product
from consent.compile import Policy, releasing
from consent.decide import Decision, decide
from consent.matrix import parse_matrix
from consent.pack import compile_texts, parse_pack
from consent.terms import BasisStatus, PartyRole, Profile, Purpose, Role
from tests.cases.pack import policy as compiled
from tests.cases.pack import texts, types
from tests.model import policy as model_policy
from tests.model.decision import Outcome, kind
from tests.model.judge import judge, starved
from tests.model.policy import Source
from tests.model.world import World
from tests.properties.variants import random_matrix
from tests.properties.worlds import NOW, Case, Scope, random_case, scopes

VARIANTS = 5
"""How many variants of the matrix, and sets of waivers, a seed is tried on."""
DAYS, DAY = 3, 86_400_000
"""Waivers end on three days."""


KINDS = ("addressed", "lodged", "client", "case_management", "patient", "supervised")
"""Of relations: a decision does not ask which."""


class Pair(NamedTuple):
    """One policy as the product and as the model read it, and what random cases need to know of it."""

    product: Policy
    model: model_policy.Policy
    scopes: dict[str, Scope]


def pair(seed: int, rng: Random) -> tuple[Pair, int]:
    """A policy, and the moment (ms) at which it decides: the reference pack, mostly; some variants of its matrix."""
    number = seed * VARIANTS + rng.randrange(VARIANTS)
    draw = rng.random()
    if draw < 0.25:
        return varied(number, "production" if rng.random() < 0.15 else "demo"), NOW
    if draw < 0.4:
        day = rng.randrange(DAYS + 1)
        return waived(number, day), NOW + day * DAY
    return demo(), NOW


@cache
def demo() -> Pair:
    """The reference pack as the demo decides by it."""
    read = model_policy.read(_source("demo"))
    return Pair(compiled(), read, scopes(read))


def _source(profile: str, matrix: str | None = None, rows: frozenset[str] = frozenset()) -> Source:
    """The reference pack in a profile, or a variant of its matrix, which has no duty lines: none was proven."""
    lines = model_policy.reference("dutylines.toml") if matrix is None else ""
    return Source(matrix or model_policy.reference("matrix.toml"), lines, profile, rows)


@cache
def varied(number: int, profile: str) -> Pair:
    """A variant of the matrix: what it selects, though nobody may activate it."""
    text = random_matrix(Random(f"variant {number}"))
    pack = parse_pack(texts(), types())._replace(matrix=parse_matrix(text, types()))
    cells = next(iter(releasing(pack, types(), Profile(profile))))
    read = model_policy.read(_source(profile, text))
    product = replace(compiled(), profile=Profile(profile), matrix=pack.matrix, cells=cells, duties={})
    return Pair(product, read, scopes(read))


@cache
def waivers(number: int) -> tuple[tuple[frozenset[str], int], ...]:
    """Random waivers that at first wake every row on unconfirmed law: rows, and the day on which they end."""
    rng = Random(f"waivers {number}")
    rows = [row.id for row in compiled().matrix.rows if row.basis.status is BasisStatus.UNCONFIRMED]
    rng.shuffle(rows)
    cuts = sorted(rng.sample(range(1, len(rows)), DAYS - 1))
    parts = zip([0, *cuts], [*cuts, len(rows)], strict=True)
    return tuple((frozenset(rows[a:b]), day) for day, (a, b) in enumerate(parts, 1))


@cache
def in_production(number: int) -> Policy:
    """The reference pack compiled for production with random waivers."""
    told = [
        f'[[waiver]]\nid = "W{day}"\nrows = {sorted(rows)}\ncontroller = "c-1"\nby = ["p-1"]\n'
        f'until = {date(1970, 1, 1) + timedelta(days=day)}\nwhy = "a test"\n'
        for rows, day in waivers(number)
    ]
    return compile_texts(texts()._replace(waivers="\n".join(told)), types(), Profile.PRODUCTION)


@cache
def waived(number: int, day: int) -> Pair:
    """The reference pack in production on a day on which some of its waivers have ended."""
    rows = frozenset[str]().union(*(rows for rows, until in waivers(number) if day < until))
    source = _source("production", rows=rows)
    read = model_policy.read(source)
    read = read._replace(starved=starved(read.cells, model_policy.all_lines(source.dutylines)))
    return Pair(in_production(number), read, demo().scopes)


@cache
def handle(name: str) -> bytes:
    """A handle of 16 bytes for a name."""
    return hashlib.sha256(name.encode()).digest()[:16]


def case_of(seed: int, number: int) -> tuple[Pair, Case]:
    """The case with this number: the same seed and number, the same case."""
    rng = Random(f"{seed} {number}")
    both, now = pair(seed, rng)
    return both, random_case(both.scopes, rng, now)


def compare(seed: int, number: int, count: Counter[str]) -> str | None:
    """Judge one case twice and count what came out; the first difference in words of the policy, or None."""
    both, case = case_of(seed, number)
    event, world = case
    decided = decide(both.product, _event(case), _facts(case), world.now)
    judged = judge(both.model, world, event)
    mine = {(d.subscription.unit.code, d.subscription.purpose.value): d for d in decided.decisions}
    count["cases"] += 1
    count["decisions"] += len(world.subscriptions)
    count["unserved"] += len(judged.unserved)
    if tuple(sorted(decided.unserved)) != judged.unserved:
        return f"{event.type}: unserved {sorted(decided.unserved)}, the model says {list(judged.unserved)}"
    for who in world.subscriptions:
        got, wanted = mine.pop(who, None), judged.outcomes.get(who)
        _count(wanted, count)
        said = _outcome(both.product.at(world.now), event.type, got) if got else None
        if said != wanted:
            role = world.units[who[0]].role
            return f"{event.type}, {role} {who[1]}: {_told(said)}, the model says {_told(wanted)}"
    return f"{event.type}: decided for {sorted(mine)}, who have not subscribed" if mine else None


def _count(outcome: Outcome | None, count: Counter[str]) -> None:
    if outcome is None:
        count["no cell or own event"] += 1
        return
    count[outcome.reason or "released"] += 1
    if outcome.guard and outcome.reason == "guard_false":
        count[f"guard_false: {kind(outcome.guard)}"] += 1
    if outcome.stands_in_for:
        count["stand-in"] += 1


def _told(outcome: Outcome | None) -> str:
    if outcome is None:
        return "nothing"
    return f"{outcome.reason or 'released'} {outcome[:6]} {sorted(outcome.true)}"


def _outcome(policy: Policy, name: str, decision: Decision) -> Outcome:
    """A decision of the product in the words of the model."""
    unit, purpose = decision.subscription.unit, decision.subscription.purpose
    true = frozenset(map(str, policy.cells[name, unit.role, purpose].true(decision.bits)))
    selected = decision.selected
    return Outcome(
        tuple((path, transform.value) for path, transform in selected.release.leaves) if selected else (),
        selected.rules if selected else (),
        selected.release.time.value if selected else None,
        decision.refusal.value if decision.refusal else None,
        str(decision.guard) if decision.guard else None,
        decision.fallback_for,
        true,
    )


def _event(case: Case) -> product.Event:
    event = case.event
    parties = {PartyRole(role): handle(person) for role, person in event.parties.items()}
    return product.Event(
        event.type, _again(event.source), handle(event.case), parties, event.siruta, event.named, event.content
    )


def _again(code: str) -> str:
    """Another object with the same letters, as it comes off the wire."""
    return "".join(tuple(code))


def _facts(case: Case) -> product.FixedFacts:
    world = case.world
    units = {
        unit.code: product.Unit(unit.code, Role(unit.role), unit.area, unit.fallback, unit.ordinal, unit.suspended)
        for unit in world.units.values()
    }
    subscriptions = [
        product.Subscription(replace(units[code], code=_again(code)), Purpose(purpose))
        for code, purpose in world.subscriptions
    ]
    return product.FixedFacts.of(
        units.values(),
        {case.event.type: subscriptions},
        [*_relations(world), *_consents(world), *_holds(world)],
        [(handle(a), handle(b)) for a, b in world.links],
        stale=world.stale,
    )


def _relations(world: World) -> list[product.RelationRecord]:
    return [
        product.RelationRecord(
            key=handle(f"relation {each.offset}"),
            offset=each.offset,
            unit=each.unit,
            target=handle(each.target),
            role=PartyRole(each.role),
            kind=KINDS[each.offset % len(KINDS)],
            since=each.since,
            until=each.until,
            live=each.live,
        )
        for each in world.relations
    ]


def _consents(world: World) -> list[product.ConsentRecord]:
    return [
        product.ConsentRecord(
            key=handle(f"consent {each.offset}"),
            offset=each.offset,
            giver=handle(each.giver),
            person=handle(each.person),
            recipient=each.recipient,
            purpose=Purpose(each.purpose),
            package=each.package,
            groups=each.groups,
            state=each.state,
            alone=each.alone,
            valid_until=each.until,
            by=each.by,
            witness=each.witness,
        )
        for each in world.consents
    ]


def _holds(world: World) -> list[product.HoldRecord]:
    return [
        product.HoldRecord(
            handle(f"hold {each.offset}"), each.offset, handle(each.target), each.unit, each.until, each.on
        )
        for each in world.holds
    ]
