"""Random events and registers for the model and the product alike: plain words, a seed, nothing of either's logic.

A small world of handles, so that relations, consents, holds and links meet often; units mostly where they matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import NamedTuple, TypeAlias

from tests.model.policy import Policy, Type
from tests.model.world import Consent, Event, Hold, Relation, Unit, World

PLACE, ELSEWHERE = 54975, 55259
NOW = 1_000_000
CASE, PERSONS = "case", ("victim", "suspect", "child", "stranger")
HANDLES = (CASE, "other-case", *PERSONS)
PARTIES = ("victim", "suspect", "child")
AROUND = (-NOW + 1, -1, 0, 1, NOW)
"""When something begins or ends, counted from the moment of the decision."""
STATES = ("given", "given", "given", "given", "withdrawn", "refused", "expired")
AREAS = ((PLACE,), (PLACE,), (PLACE,), (PLACE, ELSEWHERE), (PLACE, ELSEWHERE), (ELSEWHERE,), ())
Recipient: TypeAlias = tuple[str, str]
"""Role and purpose."""


class Case(NamedTuple):
    """One random case: an event of some type among the facts of one instant."""

    event: Event
    world: World


class Scope(NamedTuple):
    """What matters for one type: who has a cell, who asks for relation or consent, packages and groups, leaves read."""

    type: Type
    recipients: tuple[Recipient, ...]
    personal: frozenset[Recipient]
    packages: dict[Recipient, tuple[str, ...]]
    groups: dict[Recipient, tuple[frozenset[int], ...]]
    content: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    stand_ins: dict[str, tuple[str, ...]]


def scopes(policy: Policy) -> dict[str, Scope]:
    """What matters, type by type, under a policy."""
    return {name: _scope(policy, policy.types[name]) for name in sorted({key[0] for key in policy.cells})}


def _scope(policy: Policy, event: Type) -> Scope:
    cells = {key[1:]: cell for key, cell in policy.cells.items() if key[0] == event.name}
    named = {guard for cell in cells.values() for guard in cell.asks}
    wanted: dict[str, list[str]] = {"severity": ["critical"]}
    for guard in sorted(named):
        if guard.startswith("content:"):
            leaf, _, symbol = guard.removeprefix("content:").partition("=")
            wanted.setdefault(leaf, []).append(symbol)
    content = {
        leaf.path: (tuple(wanted[leaf.path]), leaf.symbols or ("yes", "no"))
        for leaf in event.leaves
        if leaf.path in wanted
    }
    lines = {role: [line.fallback for line in cell.lines] for (role, _), cell in cells.items()}
    return Scope(
        event,
        tuple(cells),
        frozenset(
            key for key, cell in cells.items() if any(each.startswith(("relation", "consent")) for each in cell.asks)
        ),
        {key: tuple(package.name for package in cell.ladder) for key, cell in cells.items()},
        {key: tuple(package.groups for package in cell.ladder) for key, cell in cells.items()},
        content,
        {role: tuple(role if each == "next" else each for each in named) for role, named in lines.items()},
    )


def random_case(every: dict[str, Scope], rng: Random, now: int) -> Case:
    """A case of any type, judged at a moment; its records begin and end around it."""
    scope = every[rng.choice(_names(tuple(every)))]
    units, subscriptions = _units(scope, rng)
    event = _event(scope, tuple(units), rng)
    personal = [who for who in subscriptions if (units[who[0]].role, who[1]) in scope.personal] or subscriptions[:1]
    world = World(
        now=now,
        stale=rng.random() < 0.06,
        units=units,
        subscriptions=tuple(subscriptions),
        relations=tuple(_relation(personal, at, now, rng) for at in range(_few(rng, 5))),
        consents=tuple(_consent(scope, units, personal, (20 + at, now), rng) for at in _shuffled(_few(rng, 5), rng)),
        holds=tuple(_hold(tuple(units), 40 + at, now, rng) for at in range(_few(rng, 2) if rng.random() < 0.4 else 0)),
        links=tuple(
            (rng.choice(HANDLES), rng.choice(HANDLES)) for _ in range(_few(rng, 3) if rng.random() < 0.4 else 0)
        ),
    )
    return Case(event, world)


@cache
def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(names))


def _few(rng: Random, most: int) -> int:
    return int(rng.random() * (most + 1))


def _shuffled(count: int, rng: Random) -> list[int]:
    return rng.sample(range(count), count)


def _units(scope: Scope, rng: Random) -> tuple[dict[str, Unit], list[tuple[str, str]]]:
    """Some of the recipients that have a cell, one or two units each, and a stranger to the type now and then."""
    share = rng.choice((0.4, 0.7, 1.0))
    recipients = [recipient for recipient in scope.recipients if rng.random() < share] or [scope.recipients[0]]
    recipients += [recipient for recipient in recipients if rng.random() < 0.3]
    if rng.random() < 0.2:
        recipients.append((rng.choice(("LODGE", "SCH", "SHEL", "POL-R")), rng.choice(("P4", "P9", "P1"))))
    codes = [f"u{place:05d}" for place in rng.sample(range(len(recipients)), len(recipients))]
    by_role: dict[str, list[str]] = {}
    for code, (role, _) in zip(codes, recipients, strict=True):
        by_role.setdefault(role, []).append(code)
    units = {}
    for place, (code, (role, _)) in enumerate(zip(codes, recipients, strict=True)):
        ordinal = place if rng.random() < 0.9 else 100 - place
        area = frozenset(rng.choice(AREAS))
        units[code] = Unit(code, role, area, _next(scope, by_role, code, role, rng), ordinal, rng.random() < 0.04)
    subscriptions = [(code, purpose) for code, (_, purpose) in zip(codes, recipients, strict=True)]
    for code in rng.sample(codes, len(codes) // 4):
        subscriptions.insert(rng.randrange(len(subscriptions)), (code, rng.choice(("P1", "P15"))))
    subscriptions = list(dict.fromkeys(subscriptions))
    return units, [who for who in subscriptions if rng.random() < 0.97] or subscriptions


def _next(scope: Scope, by_role: dict[str, list[str]], code: str, role: str, rng: Random) -> str | None:
    """A fallback: mostly of a role that may stand in, sometimes of any, sometimes none or nobody known."""
    if rng.random() < 0.3:
        return None
    fit = [each for may in scope.stand_ins.get(role, ()) for each in by_role.get(may, ()) if each != code]
    if fit and rng.random() < 0.8:
        return rng.choice(fit)
    return rng.choice([*(each for codes in by_role.values() for each in codes), "u-gone"])


def _event(scope: Scope, units: Sequence[str], rng: Random) -> Event:
    parties = {role: role for role in PARTIES if rng.random() < 0.85}
    if rng.random() < 0.1:
        parties = {role: rng.choice(PERSONS) for role in parties}
    content = {}
    for leaf, (wanted, symbols) in scope.content.items():
        content[leaf] = rng.choice(wanted if rng.random() < 0.6 else symbols)
    return Event(
        scope.type.name,
        rng.choice(units) if rng.random() < 0.25 else "author",
        CASE,
        parties,
        rng.choice((PLACE, PLACE, PLACE, ELSEWHERE, 1, None)),
        frozenset(each for each in units if rng.random() < 0.5),
        content,
    )


def _end(now: int, rng: Random) -> int | None:
    return None if rng.random() < 0.4 else now + rng.choice(AROUND)


def _relation(who: list[tuple[str, str]], at: int, now: int, rng: Random) -> Relation:
    target = rng.choice((CASE, "victim", *HANDLES))
    role = target if target in PARTIES and rng.random() < 0.7 else rng.choice(("victim", *PARTIES))
    return Relation(
        at,
        rng.choice(who)[0],
        target,
        role,
        now + rng.choice((-NOW, -NOW, -NOW, *AROUND)),
        _end(now, rng),
        rng.random() < 0.85,
    )


def _consent(
    scope: Scope, units: dict[str, Unit], who: list[tuple[str, str]], at: tuple[int, int], rng: Random
) -> Consent:
    recipient, purpose = rng.choice(who)
    key = units[recipient].role, purpose
    names, ladder = scope.packages.get(key, ()), scope.groups.get(key, ())
    person = rng.choice(PERSONS) if rng.random() < 0.3 else "victim"
    own = (recipient, recipient + "-clerk", "w-1")
    package, groups = None, frozenset[int]()
    if rng.random() < 0.6 and names:
        package = rng.choice((*names, "sh1")) if rng.random() < 0.95 else "unheard-of"
    elif ladder:
        groups = rng.choice(ladder) | {rng.randrange(1, 34) for _ in range(_few(rng, 3))}
        groups -= {rng.randrange(1, 34) for _ in range(_few(rng, 2))}
    offset, now = at
    return Consent(
        offset,
        person if rng.random() < 0.9 else rng.choice(PERSONS),
        person,
        recipient,
        purpose if rng.random() < 0.95 else "P4",
        package,
        groups,
        rng.choice(STATES),
        rng.random() < 0.93,
        now + rng.choice((NOW, NOW, NOW, *AROUND)),
        frozenset(rng.choice((("w-1", "w-2"), ("w-1",), (), (rng.choice(own),), (rng.choice(own), rng.choice(own))))),
        rng.choice(("w-2", *own)),
    )


def _hold(units: Sequence[str], at: int, now: int, rng: Random) -> Hold:
    unit = None if rng.random() < 0.15 else rng.choice(units)
    return Hold(at, rng.choice((CASE, *HANDLES)), unit, _end(now, rng), rng.random() < 0.9)
