"""The judges of red lines: each a small question about one leaf of a release, one row, or one field of a schema.

Rule kept: a judge speaks of roles, groups, types and what a leaf reveals, never of a field's name (contract.md section
9); what data it cannot do without is listed here, so that a line over an empty set is refused.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from consent.guards import EMERGENCY
from consent.matrix import CellKey, Grant, Row
from consent.terms import POLICE, BasisKind, EventType, Field, Lane, LeafKind, Reveals, Transform


@dataclass(frozen=True, slots=True)
class RedLine:
    """One statement.

    `check` names the function below that judges it; the sets are its data; `elsewhere` names the tests of a line that
    the code keeps, each as `file::test`.
    """

    id: str
    check: str
    says: str
    roles: frozenset[str]
    purposes: frozenset[str]
    lanes: frozenset[str]
    reveals: frozenset[str]
    groups: frozenset[int]
    types: tuple[str, ...]
    packages: frozenset[str]
    elsewhere: tuple[str, ...]


class Leaf(NamedTuple):
    """One leaf of one selection: who gets which field, how, by which row, and what it then reveals.

    `grants`: every part of that row that lets the field's group out, whichever the guards are: a line is judged by all.
    """

    key: CellKey
    field: Field
    how: Transform
    row: str
    grants: tuple[Grant, ...]
    guards: tuple[str, ...]
    lane: Lane
    reveals: frozenset[Reveals]


LeafCheck = Callable[[RedLine, Leaf], bool]


def never_reveals(line: RedLine, leaf: Leaf) -> bool:
    """These roles get no leaf that reveals any of these, however transformed."""
    return leaf.key[1] in line.roles and not line.reveals.isdisjoint(leaf.reveals)


def never_groups(line: RedLine, leaf: Leaf) -> bool:
    """These roles get no leaf of these groups."""
    return leaf.key[1] in line.roles and leaf.field.group in line.groups


def never_types(line: RedLine, leaf: Leaf) -> bool:
    """These roles get no release of these event types (`*` stands for the rest of a name)."""
    return leaf.key[1] in line.roles and any(fnmatch.fnmatchcase(leaf.key[0], pattern) for pattern in line.types)


def reveals_only_to(line: RedLine, leaf: Leaf) -> bool:
    """What reveals this goes only to these roles, and where named only for these purposes and on these lanes."""
    if line.reveals.isdisjoint(leaf.reveals):
        return False
    allowed = leaf.key[1] in line.roles and (not line.purposes or leaf.key[2] in line.purposes)
    return not allowed or bool(line.lanes and leaf.lane not in line.lanes)


def groups_only_to(line: RedLine, leaf: Leaf) -> bool:
    """These groups go only to these roles; no role named = to nobody."""
    return leaf.field.group in line.groups and leaf.key[1] not in line.roles


def only_in_package(line: RedLine, leaf: Leaf) -> bool:
    """These roles get these groups only inside these consent packages."""
    if leaf.key[1] not in line.roles or leaf.field.group not in line.groups:
        return False
    return not leaf.grants or any(
        line.packages.isdisjoint(guard.arg for guard in grant.guards) for grant in leaf.grants
    )


def only_by_consent(line: RedLine, leaf: Leaf) -> bool:
    """To these roles, what reveals this or lies in these groups goes only by consent."""
    spoken = not line.reveals.isdisjoint(leaf.reveals) or leaf.field.group in line.groups
    consent = bool(leaf.grants) and all(grant.basis.kind is BasisKind.CONSENT for grant in leaf.grants)
    return leaf.key[1] in line.roles and spoken and not consent


def transformed(_line: RedLine, leaf: Leaf) -> bool:
    """No reference and no person reference leaves as it came."""
    wanted = {LeafKind.REF: Transform.PAIRWISE, LeafKind.PERSON: Transform.PERSON_REF}.get(leaf.field.kind)
    return wanted is not None and leaf.how is not wanted


def cites_one_basis(_line: RedLine, leaf: Leaf) -> bool:
    """Every leaf cites one row that gives its group and names its basis."""
    return len({grant.basis.id for grant in leaf.grants}) != 1


def place_as_county(line: RedLine, leaf: Leaf) -> bool:
    """Of these event types a place leaves as its county only, never as the administrative unit."""
    spoken = any(fnmatch.fnmatchcase(leaf.key[0], pattern) for pattern in line.types)
    return spoken and leaf.field.path.rpartition(".")[2] == "siruta" and leaf.how is not Transform.COUNTY


LEAF_CHECKS: Mapping[str, LeafCheck] = {
    "never_reveals": never_reveals,
    "never_groups": never_groups,
    "never_types": never_types,
    "reveals_only_to": reveals_only_to,
    "groups_only_to": groups_only_to,
    "only_in_package": only_in_package,
    "only_by_consent": only_by_consent,
    "transformed": transformed,
    "cites_one_basis": cites_one_basis,
    "place_as_county": place_as_county,
}

RowCheck = Callable[[RedLine, Row, EventType], bool]


def no_row(line: RedLine, row: Row, _event: EventType) -> bool:
    """These roles have no row."""
    return row.role in line.roles


def break_glass(line: RedLine, row: Row, event: EventType) -> bool:
    """A row opened by an emergency outside the alert lane gives only these groups, for these purposes."""
    opened = [grant for grant in row.grants if EMERGENCY in grant.guards and event.lane is not Lane.ALERT]
    return any(not grant.groups <= line.groups or row.purpose not in line.purposes for grant in opened)


def names_its_law(_line: RedLine, row: Row, event: EventType) -> bool:
    """A row from a police source to a role outside the police names a law or a consent."""
    crosses = not POLICE.isdisjoint(event.publishers) and row.role not in POLICE
    return crosses and not row.basis.ref.strip()


ROW_CHECKS: Mapping[str, RowCheck] = {"no_row": no_row, "break_glass": break_glass, "names_its_law": names_its_law}

FieldCheck = Callable[[RedLine, Field], bool]


def no_field(line: RedLine, field: Field) -> bool:
    """No schema has a leaf that reveals this or lies in these groups."""
    return field.group in line.groups or not line.reveals.isdisjoint(field.reveals)


def classified(_line: RedLine, field: Field) -> bool:
    """Every leaf has a group between 1 and 33 and says what it reveals."""
    return not (1 <= field.group <= 33 and field.reveals)


FIELD_CHECKS: Mapping[str, FieldCheck] = {"no_field": no_field, "classified": classified}

ELSEWHERE = "elsewhere"
DUTIES = "duties"
TOGETHER = "never_together"
CHECKS = (*LEAF_CHECKS, *ROW_CHECKS, *FIELD_CHECKS, DUTIES, TOGETHER)
NEEDS: Mapping[str, tuple[str, ...]] = {
    "never_reveals": ("roles", "reveals"),
    "never_groups": ("roles", "groups"),
    "never_types": ("roles", "types"),
    "reveals_only_to": ("reveals", "roles"),
    "groups_only_to": ("groups",),
    "only_in_package": ("roles", "groups", "packages"),
    "only_by_consent": ("roles", "reveals"),
    "no_row": ("roles",),
    "place_as_county": ("types",),
    TOGETHER: ("roles", "reveals"),
    "break_glass": ("groups", "purposes"),
    ELSEWHERE: (ELSEWHERE,),
}
"""The data each check cannot do without: over an empty set it would prove everything."""
MAY: Mapping[str, tuple[str, ...]] = {
    "reveals_only_to": ("purposes", "lanes"),
    "groups_only_to": ("roles",),
    "only_by_consent": ("groups",),
    "no_field": ("groups", "reveals"),
}
"""The data each check can also use."""
