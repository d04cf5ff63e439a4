"""Every single widening, tried one by one: each group of each type for each role, whole, under one guard.

It is refused exactly when a plain reading of the red lines says so; the reading shares no code with the proof.
"""

from __future__ import annotations

from functools import cache

import pytest

from consent.basis import Basis, Citation
from consent.cells import select
from consent.compile import Policy, grounds_of, scope_of
from consent.errors import Finding
from consent.judges import Leaf
from consent.matrix import Grant, Row
from consent.pack import parse_pack
from consent.redlines import Scope, leaves_of, prove_redlines
from consent.terms import BasisKind, BasisStatus, EventType, Purpose, Role
from tests.cases.pack import policy, texts, types
from tests.properties.test_redlines_widening import crosses

PACK = parse_pack(texts(), types())
LAW = Basis("B90", BasisKind.LAW, BasisStatus.OK, (Citation("L217", "", "", ""),))
PURPOSES = {role: {row.purpose for row in PACK.matrix.rows if row.role is role} | {Purpose.P1} for role in Role}


@cache
def standing() -> tuple[Leaf, ...]:
    """Every leaf anybody can get now."""
    found: Policy = policy()
    return scope_of(PACK, types(), grounds_of(PACK.matrix, types()), found.cells).leaves


def widened(event: EventType, role: Role, purpose: Purpose, group: int) -> tuple[Finding, ...]:
    """What the red lines say of one more row that gives this group when the place is the unit's."""
    key = (event.name, role, purpose)
    grant = Grant("X", (), frozenset({group}), {}, LAW)
    row = Row("X", *key, (grant,), LAW)
    selected = select(event, [grant])
    assert selected is not None
    added = tuple(leaves_of(key, [((), selected)], {"X": row}, event, PACK.redlines))
    own = tuple(leaf for leaf in standing() if leaf.key[1] is role)
    _, findings = prove_redlines(PACK.redlines, Scope((*own, *added), (row,), types(), 1, 1), lambda: 0.0)
    return tuple(findings)


@pytest.mark.parametrize("name", sorted(types()))
def test_every_widening_is_refused_exactly_when_it_crosses(name: str) -> None:
    """All roles, all of their purposes and P1, all groups of the type."""
    event, tried, refused = types()[name], 0, 0
    for role in Role:
        for purpose in sorted(PURPOSES[role]):
            for group in sorted(event.groups):
                found = widened(event, role, purpose, group)
                wanted = crosses(event, role.value, purpose.value, frozenset({group}), emergency=False)
                assert bool(found) is wanted, (role, purpose, group, [each.sentence for each in found])
                tried, refused = tried + 1, refused + bool(found)
    assert tried >= 22 * len(event.groups)
    assert 0 < refused < tried
