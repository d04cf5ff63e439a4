"""The model of the decision: an event and the registers in, for each subscription what it learns or why it does not.

Written from contract.md sections 0 (guards, rules 1-9), 4-7 and INV-25. Where the words leave a choice:

- a relation, consent or hold with an end counts before that instant, not at it; a relation counts from its start on;
- of several consent records about one person, recipient and purpose the one latest in the register speaks;
- nobody consents for another: giver and person are the victim of this very event;
- who recorded a consent are those in `by` alone (a witness is only named); one whose name is the recipient's unit code,
  or begins with it, is the recipient; a record by nobody is void;
- against a unit (INV-25) a relation that has yet to begin counts as well;
- reasons are told in this order: held (a suspended unit too), withdrawn, suspect_side, stale, guard_false;
- the guard told is the first false one on the way to a release that lacks fewest guards (ways in the order of the file,
  rows by law first; guards in the order of GUARD_KINDS, packages from small on, the rest by spelling).
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple, TypeAlias

from tests.model.policy import Cell, Policy, Row
from tests.model.rules import FINEST, becomes, shape, time_rule
from tests.model.world import Consent, Event, Relation, Unit, World

GUARD_KINDS = ("area", "addressee", "emergency", "content", "relation", "consent", "judicial")
PERSONAL = ("relation", "consent", "judicial")
Who: TypeAlias = tuple[str, str]
"""A subscription: unit code and purpose."""
Marks: TypeAlias = dict[int, tuple[str | None, str]]
"""Group -> its rule (None = given) and the row that is cited."""


class Outcome(NamedTuple):
    """What one subscription gets: leaves with transform, the row of each, `ce_time`; or the reason and the false guard.

    `true` = the guards that were true, as far as the rows of its cell name them.
    """

    leaves: tuple[tuple[str, str], ...]
    rows: tuple[str, ...]
    time: str | None
    reason: str | None
    guard: str | None
    stands_in_for: str | None
    true: frozenset[str]


def judge_one(policy: Policy, world: World, event: Event, who: Who, forced: frozenset[str]) -> Outcome | None:
    """Decide for one subscription; None where its cell is empty. `forced` guards count as true."""
    unit = world.units[who[0]]
    cell = policy.cells.get((event.type, unit.role, who[1]))
    if cell is None:
        return None
    reasons = denials(cell, world, event, who)
    true = forced | true_guards(cell, world, event, who, closed=bool(reasons & {"suspect_side"}))
    if reasons & {"withdrawn"}:
        true = frozenset(guard for guard in true if not guard.startswith("consent:"))
    marks = released(cell, true)
    named = true & cell.asks
    if marks and "held" not in reasons:
        return given(cell, marks, named)
    return _refused(cell, world, true, reasons, named)


def given(cell: Cell, marks: Marks, named: frozenset[str]) -> Outcome:
    """A release of these marks."""
    rules = {group: rule for group, (rule, _) in marks.items()}
    leaves = shape(cell.type.name, tuple(sorted(rules.items())), cell.type.leaves)
    group_of = {leaf.path: leaf.group for leaf in cell.type.leaves}
    rows = tuple(marks[group_of[path]][1] for path, _ in leaves)
    return Outcome(leaves, rows, time_rule(rules), None, None, None, named)


def _refused(cell: Cell, world: World, true: frozenset[str], reasons: set[str], named: frozenset[str]) -> Outcome:
    guard = None if released(cell, true) else missing(cell, true)
    if "held" in reasons:
        return Outcome((), (), None, "held", None, None, named)
    asks = {kind(each) for each in cell.asks}
    told = [reason for reason in ("withdrawn", "suspect_side") if reason in reasons]
    if told and asks & {"relation", "consent"}:
        return Outcome((), (), None, told[0], guard, None, named)
    stale = world.stale and guard is not None and kind(guard) in PERSONAL
    return Outcome((), (), None, "stale" if stale else "guard_false", guard, None, named)


# --- Guards (contract.md section 0) ---


def kind(guard: str) -> str:
    """The kind of a guard: `relation(victim)` -> relation."""
    return guard.partition(":")[0].partition("(")[0]


def true_guards(cell: Cell, world: World, event: Event, who: Who, closed: bool) -> frozenset[str]:
    """Every guard that is true of an event, a unit and a purpose. `closed`: the unit is on the suspect's side."""
    unit = world.units[who[0]]
    found = {f"content:{leaf}={symbol}" for leaf, symbol in event.content.items()}
    if event.siruta is not None and event.siruta in unit.area:
        found.add("area")
    if unit.code in event.named:
        found.add("addressee")
    if cell.type.lane == "alert" and event.content.get("severity") == "critical":
        found.add("emergency")
    if not world.stale:
        found |= {f"relation({role})" for role in related(world, event, unit) if role == "suspect" or not closed}
        found |= set() if closed else {f"consent:{name}" for name in agreed(cell, world, event, who)}
    return frozenset(found)


def related(world: World, event: Event, unit: Unit) -> set[str]:
    """The parts in which the unit has a live relation to exactly this case, or to exactly the person in that part."""
    mine = [each for each in world.relations if each.unit == unit.code and _live(each, world.now)]
    return {each.role for each in mine if each.target in (event.case, event.parties.get(each.role))}


def _live(relation: Relation, now: int) -> bool:
    return relation.live and relation.since <= now and (relation.until is None or now < relation.until)


def agreed(cell: Cell, world: World, event: Event, who: Who) -> list[str]:
    """The packages open by the victim's consent: the one it selects and the smaller ones."""
    victim = event.parties.get("victim")
    latest = spoken(world, who, victim) if victim is not None else None
    if latest is None or void(latest, world, event):
        return []
    names = [package.name for package in cell.ladder]
    if latest.package is not None:
        return names[: names.index(latest.package) + 1] if latest.package in names else []
    inside = [package.name for package in cell.ladder if package.groups <= latest.groups]
    return names[: names.index(inside[-1]) + 1] if inside else []


def spoken(world: World, who: Who, person: str) -> Consent | None:
    """The last word about a person, this recipient and this purpose."""
    words = [each for each in world.consents if (each.recipient, each.purpose, each.person) == (*who, person)]
    return max(words, key=lambda each: each.offset, default=None)


def void(consent: Consent, world: World, event: Event) -> bool:
    """Whether a consent record permits nothing now."""
    suspect = event.parties.get("suspect")
    suspects = world.linked({suspect}) if suspect is not None else set()
    alone = all(name.startswith(consent.recipient) for name in consent.by)
    return (
        consent.state != "given"
        or not consent.alone
        or world.now >= consent.until
        or consent.giver != consent.person
        or consent.giver in suspects
        or alone
    )


# --- Denials (rule 4, INV-25): they subtract, over all linked cases and persons ---


def denials(cell: Cell, world: World, event: Event, who: Who) -> set[str]:
    """The reasons that keep something from this unit whatever its guards say."""
    unit = world.units[who[0]]
    found = set()
    if unit.suspended or held(world, event, unit):
        found.add("held")
    if suspect_side(world, event, unit):
        found.add("suspect_side")
    victim = event.parties.get("victim")
    if victim is not None and any(kind(guard) == "consent" for guard in cell.asks):
        words = [spoken(world, who, person) for person in world.linked({victim})]
        if any(word is not None and word.state == "withdrawn" for word in words):
            found.add("withdrawn")
    return found


def held(world: World, event: Event, unit: Unit) -> bool:
    """A hold on anything linked to the event, for this unit or for all."""
    reach = world.linked(event.handles)
    return any(
        each.on and each.target in reach and each.unit in (None, unit.code) and _before(world.now, each.until)
        for each in world.holds
    )


def _before(now: int, until: int | None) -> bool:
    return until is None or now < until


def suspect_side(world: World, event: Event, unit: Unit) -> bool:
    """Whether the unit works with the suspect: in any part, or as suspect with anyone of the case, through any link."""
    suspect = event.parties.get("suspect")
    suspects = world.linked({suspect}) if suspect is not None else set()
    everyone = world.linked(event.handles)
    mine = [each for each in world.relations if each.unit == unit.code and each.live]
    mine = [each for each in mine if _before(world.now, each.until)]
    return any(each.target in suspects or (each.role == "suspect" and each.target in everyone) for each in mine)


# --- What the rows give ---


def released(cell: Cell, true: frozenset[str]) -> Marks:
    """The groups that go out and the row cited for each; empty where the event does not exist for the unit."""
    if not any(all(guard in true for guard in way) for way in cell.exists):
        return {}
    marks: Marks = {}
    for row in sorted(cell.rows, key=lambda row: row.kind == "consent"):
        for grants in row_grants(row, true):
            for group, rule in grants.items():
                if group not in marks or finer(rule, marks[group][0]):
                    marks[group] = (rule, row.id)
    kept = {leaf.group for leaf in cell.type.leaves if leaf.group in marks and becomes(leaf, marks[leaf.group][0])}
    return {group: mark for group, mark in marks.items() if group in kept}


def row_grants(row: Row, true: frozenset[str]) -> list[dict[int, str | None]]:
    """What a row gives under these guards: nothing, what it lists, or what its open packages list."""
    if not all(guard in true for guard in row.when if guard != "consent"):
        return []
    if "consent" not in row.when:
        return [row.grants]
    return [grants for name, grants in row.packages.items() if f"consent:{name}" in true]


def finer(rule: str | None, than: str | None) -> bool:
    """Given is finer than any rule; among rules the order of the list."""
    if than is None:
        return False
    return rule is None or FINEST.index(rule) < FINEST.index(than)


def missing(cell: Cell, true: frozenset[str]) -> str | None:
    """The first false guard on the way to a release that lacks fewest."""
    lacking = [(way | needs) - true for way, needs in product(_ways(cell), _needs(cell))]
    fewest = min(lacking, key=len)
    ladder = [f"consent:{package.name}" for package in cell.ladder]

    def place(guard: str) -> tuple[int, int, str]:
        return GUARD_KINDS.index(kind(guard)), ladder.index(guard) if guard in ladder else 0, guard

    return min(fewest, key=place, default=None)


def _ways(cell: Cell) -> list[frozenset[str]]:
    return [frozenset(way) for way in cell.exists]


def _needs(cell: Cell) -> list[frozenset[str]]:
    found = []
    for row in sorted(cell.rows, key=lambda row: row.kind == "consent"):
        own = frozenset(row.when) - {"consent"}
        found += [own | {f"consent:{name}"} for name in row.packages] if "consent" in row.when else [own]
    return found
