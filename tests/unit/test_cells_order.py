"""Who is cited and what is told first where several rows of a cell speak: the order is part of what people sign."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from consent.basis import Basis, Citation
from consent.cells import Cell, Ground, build_cell, select, selections
from consent.guards import AREA, JUDICIAL, Guard, GuardKind, guard_order
from consent.matrix import CellKey, Exists, Grant, Package, Row
from consent.terms import BasisKind, BasisStatus, PartyRole, Purpose, Role, Transform
from tests.cases.pack import types

EVENT = types()["incident.reported"]
KEY: CellKey = (EVENT.name, Role.SHEL, Purpose.P9)
LAW, CONSENT = (
    Basis(f"B-{kind}", kind, BasisStatus.OK, (Citation("L217", "", "", ""),))
    for kind in (BasisKind.LAW, BasisKind.CONSENT)
)
SMALL, LARGE = (Guard(GuardKind.CONSENT, name) for name in ("zz", "aa"))
LADDER = tuple(Package(name, KEY[1], KEY[2], frozenset({1})) for name in ("zz", "aa"))
VICTIM, CHILD = (Guard(GuardKind.RELATION, role) for role in (PartyRole.VICTIM, PartyRole.CHILD))


def row(
    name: str, *guards: Guard, give: tuple[int, ...] = (), coarse: Mapping[int, str] | None = None, law: Basis = LAW
) -> Row:
    """A row with one part."""
    return Row(name, *KEY, (Grant(name, guards, frozenset(give), coarse or {}, law),), law)


def cell(*rows: Row, when: tuple[tuple[Guard, ...], ...] = ((AREA,),)) -> Cell:
    """The cell of these rows."""
    return build_cell(KEY, Ground(Exists(*KEY, when), rows, EVENT, LADDER), rows)


def cited(found: Cell, *guards: Guard) -> set[str]:
    """The rows cited under these guards."""
    selected = found.table[found.mask(guards)]
    return set(selected.rules) if selected else set()


def test_a_row_by_law_is_cited_before_a_row_by_consent() -> None:
    """Whichever stands first in the file; of two by law the first in the file."""
    consent, law, later = (
        row("C1", AREA, give=(28,), law=CONSENT),
        row("L1", AREA, give=(28,)),
        row("L2", AREA, give=(28,)),
    )
    assert cited(cell(consent, law, later), AREA) == {"L1"}
    assert cited(cell(consent, later, law), AREA) == {"L2"}
    assert cited(cell(law, consent), AREA) == {"L1"}


def test_given_beats_generalised_and_of_two_rules_the_finest_speaks() -> None:
    """By the order of the rules, whatever the order of the rows."""
    hour, day = row("H", AREA, coarse={26: "26h"}), row("D", AREA, coarse={26: "26d"})
    for rows in ((hour, day), (day, hour)):
        assert cited(cell(*rows), AREA) == {"H"}
        selected = select(EVENT, [grant for each in rows for grant in each.grants])
        assert selected is not None
        assert selected.release.time is Transform.HOUR
    assert cited(cell(hour, row("G", AREA, give=(26,)), day), AREA) == {"G"}


def test_the_guard_that_is_told_is_the_first_on_the_shortest_way() -> None:
    """Of the row that lacks the fewest guards, in the order of the bits, not of the file."""
    long, short = row("A", CHILD, VICTIM, give=(28,)), row("B", JUDICIAL, give=(28,))
    found = cell(long, short, when=((CHILD, VICTIM), (JUDICIAL,)))
    assert found.guards == (CHILD, VICTIM, JUDICIAL)
    assert found.why[0] == JUDICIAL
    assert found.why[found.mask([CHILD])] == VICTIM
    both = cell(row("A", JUDICIAL, VICTIM, give=(28,)), when=((AREA,),))
    assert both.why[0] == AREA
    assert both.why[both.mask([AREA])] == VICTIM
    assert both.why[both.mask([AREA, VICTIM])] == JUDICIAL
    assert both.why[both.mask([AREA, VICTIM, JUDICIAL])] is None


def test_a_selection_is_told_by_the_least_guards_that_give_it() -> None:
    """Each distinct one once, the valuation the smallest."""
    found = cell(row("A", AREA, give=(28,)), row("B", AREA, JUDICIAL, give=(26,)), row("C", VICTIM, give=(28,)))
    told = [(set(found.true(bits)), set(selected.rules)) for bits, selected in selections(found)]
    assert told == [({AREA}, {"A"}), ({AREA, JUDICIAL}, {"A", "B"})]


@pytest.mark.parametrize("ladder", [("zz", "aa"), ("aa", "zz")])
def test_bits_stand_by_kind_then_packages_from_small_to_large(ladder: tuple[str, str]) -> None:
    """The ladder orders packages, not their names; the rest by spelling."""
    guards = guard_order(frozenset({JUDICIAL, LARGE, SMALL, VICTIM, CHILD, AREA}), ladder)
    assert [str(guard) for guard in guards] == [
        *("area", "relation(child)", "relation(victim)"),
        *(f"consent:{name}" for name in ladder),
        "judicial",
    ]


def test_a_large_package_makes_the_bits_of_the_small_one_true() -> None:
    """In the order of the ladder, each with its own mask."""
    found = cell(row("A", SMALL, give=(28,), law=CONSENT), row("B", LARGE, give=(26,), law=CONSENT))
    assert found.guards == (AREA, SMALL, LARGE)
    reads = found.reads
    small, large = reads.packages
    assert (small[0], large[0]) == ("zz", "aa")
    assert small[2] != large[2]
    assert small[2] & large[2] == small[2]
    assert large[2] == reads.consent
