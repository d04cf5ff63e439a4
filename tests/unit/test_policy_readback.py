"""The tables of the contract (sections 0, 4, 5, 6, 9) against the policy pack, row by row and both ways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from consent.matrix import CellKey, Grant
from consent.pack import parse_pack
from consent.terms import BasisStatus
from hub.contracts.files import load_catalogue
from tests.cases.pack import policy, texts, types

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas" / "tables"
TABLES = (SCHEMAS / "contract.md", ROOT / "consent" / "policies" / "contract.md", SCHEMAS / "further.md")
CONTRACT = "".join(path.read_text("utf-8") for path in TABLES)
LETTERS = {entry.letter: name for name, entry in load_catalogue().entries.items()}
LETTER = f"[{''.join(LETTERS)}]"
PACK = parse_pack(texts(), types())


def section(title: str) -> str:
    """The text of one section, of the contract and of the further types."""
    parts = CONTRACT.split(f"\n## {title}")[1:]
    assert parts
    return "".join(part.split("\n## ", 1)[0] for part in parts)


def table(text: str, first: str) -> Iterator[list[str]]:
    """The rows of the tables of a text whose first column matches."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and re.fullmatch(first, cells[0]):
            yield cells


def atom(word: str) -> str:
    """One guard in the spelling of matrix.toml."""
    word = word.strip()
    if word.startswith("consent "):
        return f"consent:{word.split()[1]}"
    if word.startswith("RO_"):
        return f"content:instrument={word}"
    return f"content:{word}" if "=" in word else word


def conjunction(text: str) -> frozenset[str]:
    """The guards of a conjunction."""
    return frozenset(atom(word) for word in text.split("&"))


def cell(letter: str, role_purpose: str) -> tuple[str, str, str]:
    """(event, role, purpose) from the two columns of a table."""
    role, purpose = role_purpose.split()
    return LETTERS[letter], role, purpose


def plain(key: CellKey) -> tuple[str, str, str]:
    """A cell key as plain texts."""
    return key[0], str(key[1]), str(key[2])


def numbers(text: str) -> frozenset[int]:
    """Groups of a column; `-` is none."""
    return frozenset(int(word) for word in text.split() if word != "-")


def rules(text: str) -> dict[int, str]:
    """Generalised groups of a column with their rule: `26h` -> 26 by rule 26h."""
    return {int(re.sub(r"\D", "", word)): word for word in text.split() if word != "-"}


def by_package(text: str) -> dict[str, str]:
    """`sh1: 1 9; sh3: 10` -> package -> groups; a plain text belongs to no package."""
    if ":" not in text:
        return {"": text} if text != "-" else {}
    return {part.split(":")[0].strip(): part.split(":")[1].strip() for part in text.split(";")}


@cache
def bases() -> dict[str, tuple[str, str]]:
    """B0..B20 -> law, status."""
    lines = [
        line.partition("**: ")[2] for line in CONTRACT.splitlines() if re.match(r"\*\*(Further b|B)ases\*\*: ", line)
    ]
    found = {}
    for entry in " · ".join(line.rstrip(".") for line in lines).split(" · "):
        name, text = entry.split(" ", 1)
        law, _, status = text.rpartition(", ")
        status = "proposal" if law.endswith(", proposal") else status
        found[name] = (law.removesuffix(", proposal").removeprefix("consent, "), status)
    return found


def test_packages_are_those_of_the_contract() -> None:
    """The three ladders have the groups of section 0, each containing the one before."""
    wanted: dict[str, frozenset[int]] = {}
    for row in table(section("Packages"), r"(SHEL|NGO-V|HOSP) P\d+"):
        groups: frozenset[int] = frozenset()
        for column in (column for column in row[1:] if column != "-"):
            name, text = re.fullmatch(r"`(\w+)` ([\d ]+)", column).groups()  # type: ignore[union-attr]
            groups |= numbers(text)
            wanted[name] = groups
    assert wanted == {package.name: package.groups for package in PACK.matrix.packages}


def test_existence_is_that_of_the_contract() -> None:
    """Section 4 and [[exists]] are the same, both ways."""
    wanted = {
        cell(row[0], row[1]): frozenset(conjunction(part) for part in row[2].split(";"))
        for row in table(section("4. Existence"), LETTER)
    }
    found = {plain(e.cell): frozenset(frozenset(map(str, a)) for a in e.when) for e in PACK.matrix.exists}
    assert wanted == found
    assert len(wanted) >= 100


def test_guard_bits_are_those_of_the_contract() -> None:
    """Each compiled cell has the number of guard bits of section 4."""
    wanted = {cell(row[0], row[1]): int(row[3]) for row in table(section("4. Existence"), LETTER)}
    assert wanted == {plain(key): len(found.guards) for key, found in policy().cells.items()}


@pytest.mark.parametrize("row", [pytest.param(r, id=r[0]) for r in table(section("5. Release"), rf"{LETTER}\d+")])
def test_row_is_that_of_the_contract(row: list[str]) -> None:
    """Guards, groups given, generalised and absent, and basis of each row of section 5."""
    name, role_purpose, guards, full, coarse, absent, basis = row
    found = next(each for each in PACK.matrix.rows if each.id == name)
    assert plain(found.cell) == cell(name[0], role_purpose)
    give, generalise = by_package(full), by_package(coarse)
    assert {_package(grant) for grant in found.grants} == {*give, *generalise}
    for grant in found.grants:
        package = _package(grant)
        law = conjunction(guards) - {"consent"}
        assert frozenset(map(str, grant.guards)) == law | ({f"consent:{package}"} if package else set())
        assert grant.give == numbers(give.get(package, "-"))
        assert dict(grant.generalise) == rules(generalise.get(package, "-"))
    groups = frozenset[int]().union(*(grant.groups for grant in found.grants))
    assert types()[found.event].groups - groups == numbers(absent)
    assert (found.basis.ref, found.basis.status) == bases()[basis]
    assert (found.basis.kind == "consent") is (basis == "B0")


def _package(grant: Grant) -> str:
    return next((guard.arg for guard in grant.guards if guard.kind == "consent"), "")


def test_no_row_beyond_the_contract() -> None:
    """Every row of the matrix stands in section 5."""
    assert [row.id for row in PACK.matrix.rows] == [r[0] for r in table(section("5. Release"), rf"{LETTER}\d+")]


def test_dutylines_are_those_of_the_contract() -> None:
    """Section 6 and dutylines.toml are the same, both ways."""
    wanted = []
    for row in table(section("6. Duty"), r"D-\d+"):
        name, letter, role_purpose, when, floor, fallback = row
        full, _, coarse = floor.partition(", ")
        following = fallback.endswith(", next")
        wanted.append(
            (
                name,
                cell(letter, role_purpose),
                conjunction(when),
                numbers(full),
                numbers(coarse.removesuffix(" as M")) if coarse else frozenset(),
                fallback.split(",")[0],
                following or fallback == role_purpose.split()[0],
            )
        )
    found = [
        (
            line.id,
            plain(line.key),
            frozenset(map(str, line.when)),
            frozenset(line.floor),
            frozenset(line.floor_generalised),
            str(line.fallback),
            line.following,
        )
        for line in PACK.dutylines.lines
    ]
    assert found == wanted
    assert len(found) >= 72


def test_every_red_line_of_the_contract_is_kept() -> None:
    """Every INV of section 9 is in redlines.toml and the other way round."""
    names = {name for row in table(section("9. Red"), r"INV.*") for name in re.findall(r"INV-\d+", row[0])}
    assert {line.id for line in PACK.redlines.lines} == names


def test_the_proposal_is_never_compiled() -> None:
    """The rows for probation are read and proven, and no cell of any policy releases by them."""
    proposals = {row.id for row in PACK.matrix.rows if row.basis.status is BasisStatus.PROPOSAL}
    assert proposals == {"O11", "G10", "Q7", "L5", "T4"}
    rules_used = {r for c in policy().cells.values() for selected in c.table if selected for r in selected.rules}
    assert rules_used == {row.id for row in PACK.matrix.rows} - proposals


def test_conflicts_are_those_of_the_tables() -> None:
    """Where domain.md differs from itself the narrower holds: what was left out stands in the matrix, word for word."""
    wanted = [(cell(row[0], row[1]), numbers(row[2]), row[3]) for row in table(section("Conflicts"), LETTER)]
    assert wanted == [((c.event, str(c.role), str(c.purpose)), c.groups, c.says) for c in PACK.matrix.conflicts]
    assert len(wanted) >= 15
