"""What is told first, and that nothing is left out: changes by danger, a field by every way that leads to it."""

from __future__ import annotations

from dataclasses import replace

from consent.compare import Change, compare
from consent.compile import Policy
from consent.pack import compile_texts
from consent.reach import Reach, reach
from consent.terms import Profile, Purpose, Reveals, Role, Transform
from tests.cases.pack import policy, texts, types

CHILD = '["area", "content:childInHousehold=yes"]'
CELL = ("risk.assessed", Role.CHILD, Purpose.P8)


def change(role: str, *reveals: Reveals) -> Change:
    """A gain of a role that reveals this."""
    return Change("t", role, "P1", "p", None, Transform.AS_IS, (), "R1", frozenset(reveals))


def without(role: Role) -> Policy:
    """The reference policy in which a role has nothing."""
    cells = {key: cell for key, cell in policy().cells.items() if key[1] is not role}
    assert len(cells) < len(policy().cells)
    return replace(policy(), cells=cells)


def test_what_costs_a_life_is_the_most_dangerous() -> None:
    """The worst of what a change reveals counts; the perpetrator's side counts above everybody else."""
    shelter, place = change("SW-L", Reveals.STAFF, Reveals.SHELTER), change("SW-L", Reveals.VICTIM_PLACE)
    name, perp = change("SW-L", Reveals.IDENTITY), change(Role.LODGE, Reveals.STAFF)
    ranked = sorted((name, place, perp, shelter), key=lambda each: -each.danger)
    assert ranked == [perp, shelter, place, name]


def test_changes_are_told_from_the_most_dangerous_down() -> None:
    """Gains first, then losses, each from the most dangerous down, whatever the names of type and role."""
    bare, full = (without(role) for role in (Role.SW_L, Role.SHEL))
    found = compare(bare, full, types())
    gains = [each.danger for each in found if each.gains]
    losses = [each.danger for each in found if not each.gains]
    assert [each.gains for each in found] == [True] * len(gains) + [False] * len(losses)
    for told in (gains, losses):
        assert told == sorted(told, reverse=True)
    assert len(set(gains)) > 3
    assert {each.role for each in found if not each.gains} == {Role.SHEL}
    assert found[0].reveals & {Reveals.VICTIM_PLACE, Reveals.SAFE_PLACE, Reveals.CONTACT}
    assert [each[:4] for each in found] != sorted(each[:4] for each in found)


def two_ways() -> Policy:
    """The reference pack in which child protection learns of it by place or by relation."""
    either = f'{CHILD}, ["relation(child)", "content:childInHousehold=yes"]'
    matrix = texts().matrix.replace(f"when = [{CHILD}]", f"when = [{either}]", 1)
    head, tail = matrix.split('id = "R8"\n', 1)
    tail = tail.replace(f"when = {CHILD}", 'when = ["content:childInHousehold=yes"]', 1)
    return compile_texts(texts()._replace(matrix=f'{head}id = "R8"\n{tail}'), types(), Profile.DEMO)


def ways(found: Policy) -> list[Reach]:
    """The ways of the cell of child protection."""
    return [way for way in reach(found, types()) if way[:3] == CELL]


def test_every_least_way_to_a_field_is_told() -> None:
    """By place and by relation, neither more than it takes."""
    wanted = {
        frozenset({"area", "content:childInHousehold=yes"}),
        frozenset({"relation(child)", "content:childInHousehold=yes"}),
    }
    found = ways(two_ways())
    assert found
    assert all({frozenset(map(str, guards)) for guards in way.when} == wanted for way in found)
    assert all(len(way.when) == 2 for way in found)


def test_wherever_a_field_is_given_a_way_leads_there() -> None:
    """For every set of guards under which a row gives it, some way asks no more than these."""
    found = two_ways()
    told = {(way.path, way.how, way.row): way.when for way in ways(found)}
    cell = found.cells[CELL]
    for bits in cell.possible:
        selected, true = cell.table[bits], set(cell.true(bits))
        for (path, how), row in zip(selected.release.leaves, selected.rules, strict=True) if selected else ():
            assert any(true.issuperset(guards) for guards in told[path, how, row])
