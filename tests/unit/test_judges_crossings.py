"""Each judge on the smallest thing that crosses its line, and on the nearest thing that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from consent.basis import Basis, Citation
from consent.errors import FindingKind
from consent.judges import Leaf, RedLine
from consent.matrix import CellKey, Grant, Row
from consent.pack import parse_pack
from consent.redlines import RedLines, Scope, prove_redlines
from consent.terms import (
    BasisKind,
    BasisStatus,
    EventType,
    Field,
    Lane,
    LeafKind,
    Purpose,
    Reveals,
    Role,
    Transform,
)
from tests.cases.pack import texts, types

LINES = {line.id: line for line in parse_pack(texts(), types()).redlines.lines}
LAW = Basis("B90", BasisKind.LAW, BasisStatus.OK, (Citation("L217", "", "", ""),))
OTHER = replace(LAW, id="B91")
NAMELESS = replace(LAW, cites=())
BLANK = replace(LAW, cites=(Citation(" ", "", "", ""),))
FIELD = types()["emis.alert.raised"].fields[0]
PATROL: CellKey = ("emis.alert.raised", Role.POL_R, Purpose.P1)


def crossed(line: RedLine, scope: Scope) -> bool:
    """Whether the proof finds that this scope crosses the line."""
    _, findings = prove_redlines(RedLines((line,), b""), scope, lambda: 0.0)
    assert {(each.kind, each.line) for each in findings} <= {(FindingKind.RED_LINE, line.id)}
    return bool(findings)


def of_leaf(field: Field, how: Transform, *laws: Basis, key: CellKey = PATROL, lane: Lane = Lane.ALERT) -> Scope:
    """One leaf that goes out to one role, its row citing these bases."""
    grants = tuple(Grant("X1", (), frozenset({field.group}), {}, law) for law in laws)
    return Scope((Leaf(key, field, how, "X1", grants, (), lane, field.reveals),), (), {}, 1, 0)


def of_field(field: Field) -> Scope:
    """A catalogue of one leaf."""
    return Scope((), (), {"t": EventType("t", Lane.CASE, (field,), frozenset())}, 0, 0)


def of_row(publishers: Sequence[Role], role: Role, law: Basis) -> Scope:
    """A catalogue of one type and one row of it."""
    event = EventType("t", Lane.CASE, (FIELD,), frozenset(publishers))
    return Scope((), (Row("X1", "t", role, Purpose.P2, (), law),), {"t": event}, 0, 0)


@pytest.mark.parametrize(
    ("group", "reveals", "crosses"),
    [
        (0, {Reveals.NONE}, True),
        (1, {Reveals.NONE}, False),
        (33, {Reveals.NONE}, False),
        (34, {Reveals.NONE}, True),
        (1, set(), True),
    ],
)
def test_inv_05_every_leaf_is_classified(group: int, reveals: set[Reveals], crosses: bool) -> None:
    """A group from 1 to 33, and a word for what it reveals."""
    assert crossed(LINES["INV-05"], of_field(replace(FIELD, group=group, reveals=frozenset(reveals)))) is crosses


@pytest.mark.parametrize(
    ("laws", "crosses"), [((), True), ((LAW,), False), ((LAW, LAW), False), ((LAW, OTHER), True)], ids=str
)
def test_inv_06_every_leaf_cites_one_basis(laws: tuple[Basis, ...], crosses: bool) -> None:
    """No basis is as wrong as two; two parts of a row on one basis are right."""
    assert crossed(LINES["INV-06"], of_leaf(FIELD, Transform.AS_IS, *laws)) is crosses


@pytest.mark.parametrize("kind", list(LeafKind))
@pytest.mark.parametrize("how", [Transform.AS_IS, Transform.PAIRWISE, Transform.PERSON_REF, Transform.HOUR])
def test_inv_11_references_leave_as_the_units_own(kind: LeafKind, how: Transform) -> None:
    """A reference leaves as a pairwise one and a person as a person's, not the other way round; nothing else must."""
    right = {LeafKind.REF: Transform.PAIRWISE, LeafKind.PERSON: Transform.PERSON_REF}
    assert crossed(LINES["INV-11"], of_leaf(replace(FIELD, kind=kind), how, LAW)) is (right.get(kind, how) is not how)


@pytest.mark.parametrize(
    ("role", "purpose", "lane", "crosses"),
    [
        (Role.POL_D, Purpose.P1, Lane.ALERT, False),
        (Role.POL_R, Purpose.P1, Lane.ALERT, False),
        (Role.PROS, Purpose.P1, Lane.ALERT, True),
        (Role.POL_R, Purpose.P3, Lane.ALERT, True),
        (Role.POL_R, Purpose.P1, Lane.CASE, True),
    ],
)
def test_inv_18_live_location_goes_to_the_patrol_now(role: Role, purpose: Purpose, lane: Lane, crosses: bool) -> None:
    """Role, purpose and lane must all be those of the line; what is no location may go anywhere."""
    where = replace(FIELD, reveals=frozenset({Reveals.LOCATION_LIVE, Reveals.CHILD}))
    key: CellKey = ("emis.alert.raised", role, purpose)
    assert crossed(LINES["INV-18"], of_leaf(where, Transform.AS_IS, LAW, key=key, lane=lane)) is crosses
    bare = replace(FIELD, reveals=frozenset({Reveals.CHILD}))
    assert not crossed(LINES["INV-18"], of_leaf(bare, Transform.AS_IS, LAW, key=key, lane=lane))


@pytest.mark.parametrize(
    ("publishers", "role", "law", "crosses"),
    [
        ((Role.POL_R,), Role.SW_L, NAMELESS, True),
        ((Role.POL_R,), Role.SW_L, BLANK, True),
        ((Role.POL_R,), Role.SW_L, LAW, False),
        ((Role.SHEL, Role.POL_R), Role.SW_L, NAMELESS, True),
        ((Role.POL_R,), Role.POL_M, NAMELESS, False),
        ((Role.SHEL,), Role.SW_L, NAMELESS, False),
    ],
)
def test_inv_22_what_leaves_the_police_names_its_law(
    publishers: tuple[Role, ...], role: Role, law: Basis, crosses: bool
) -> None:
    """Only where a police source and another role meet; spaces name nothing."""
    assert crossed(LINES["INV-22"], of_row(publishers, role, law)) is crosses
