"""The schemas say what the tables of the contract say: each leaf, its type, group, class, reveals, words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

import pytest

from consent.terms import Field, Role
from hub.contracts.files import load_catalogue, read_lock
from hub.contracts.shape import Avro, base_name, inline, nullable

CATALOGUE = load_catalogue()
TEXTS = [files("schemas").joinpath(f"tables/{name}.md").read_text("utf-8") for name in ("contract", "further")]
TEXT = "".join(TEXTS)
SECTION = "".join(text[text.index("## 3.") : text.index("## 4.")] for text in TEXTS)
BLOCKS = {
    "Victim": ("1", "S2", "identity"),
    "Suspect": ("6", "S5", "identity+offence"),
    "Child": ("12", "S6", "identity+child"),
}
NAMED = {"tri": "enum(yes,no,unknown)", "ref": "s(128) ref", "person": "s(64) person", "unit": "s(6) unit"}


class Row(NamedTuple):
    """One row of a table, or one leaf of a schema in the same words."""

    path: str
    type: str
    group: str
    sensitivity: str
    reveals: frozenset[str]
    doc: str


def cells(line: str) -> list[str]:
    """The cells of a table line."""
    return line.strip().strip("|").split("|")


def tables() -> dict[str, list[str]]:
    """Event type -> the lines of its table, head and rule taken off."""
    found = re.finditer(r"^\*\*([a-zA-Z.]+)\*\* · publisher.*\n\|Path.*\n\|-.*\n((?:\|.*\n)+)", SECTION, re.MULTILINE)
    return {match[1]: match[2].splitlines() for match in found}


def block_rows() -> list[list[str]]:
    """The leaves of the person blocks: leaf, type, doc."""
    table = SECTION[SECTION.index("|Leaf|Avro type|Doc|") : SECTION.index("Every leaf of a block")]
    return [cells(line) for line in table.strip().splitlines()[2:]]


def wanted(name: str) -> Iterator[Row]:
    """The leaves of an event type as its table says them, person blocks written out."""
    known: dict[str, str] = {}
    for path, said, group, sensitivity, reveals, doc in map(cells, tables()[name]):
        tags = (group, sensitivity, frozenset(reveals.split("+")))
        if said.rstrip("?") in BLOCKS:
            yield from _block(path, said.rstrip("?"))
            continue
        leaf = path.rpartition(".")[2]
        known.setdefault(leaf, said)
        yield Row(path, spelt(known[leaf] if said == "enum as above" else said), *tags, doc)


def _block(path: str, block: str) -> Iterator[Row]:
    group, sensitivity, reveals = BLOCKS[block]
    for leaf, kind, doc in block_rows():
        yield Row(f"{path}.{leaf}", spelt(kind), group, sensitivity, frozenset(reveals.split("+")), doc)


def spelt(kind: str) -> str:
    """A type of the notation with its abbreviations written out."""
    null = kind.endswith("?")
    kind = kind.rstrip("?")
    array = re.fullmatch(r"\[(.*)\](\(\d+\))", kind)
    inner = array[1] if array else kind
    inner = NAMED.get(inner, inner)
    return (f"[{inner}]{array[2]}" if array else inner) + ("?" if null else "")


def shared() -> dict[str, str]:
    """The types `enum as above` stands for across tables."""
    return {row.path: row.type for row in wanted("incident.reported")}


def leaves(fields: list[Any], above: str = "") -> Iterator[tuple[str, dict[str, Any], Any, bool]]:
    """Path, field, type and nullability of every leaf of a schema, in order."""
    for field in fields:
        kind, null = nullable(field["type"])
        if base_name(kind) == "record":
            yield from leaves(kind["fields"], f"{above}{field['name']}.")
        elif base_name(kind) == "array" and base_name(kind["items"]) == "record":
            yield from leaves(kind["items"]["fields"], f"{above}{field['name']}[].")
        else:
            yield above + field["name"], field, kind, null


def notation(field: dict[str, Any], kind: Avro, null: bool) -> str:
    """The type of a leaf in the notation of the contract, abbreviations written out."""
    array = base_name(kind) == "array"
    item = kind["items"] if array else kind
    text = _plain(field, item, "punte.itemMax" if array else "punte.max")
    return (f"[{text}]({field['punte.max']})" if array else text) + ("?" if null else "")


def _plain(field: dict[str, Any], item: Avro, bound: str) -> str:
    base = base_name(item)
    if base == "enum":
        return f"enum({','.join(item['symbols'])})"
    if base == "string":
        return f"s({field[bound]})" + (f" {field['punte.leaf']}" if "punte.leaf" in field else "")
    if base == "int" and "punte.min" in field:
        return f"int {field['punte.min']}-{field['punte.max']}"
    return {"timestamp-millis": "ts", "date": "int, date"}.get(base, base)


def written(name: str) -> Iterator[Row]:
    """The leaves of an event schema in the words of the table."""
    for path, field, kind, null in leaves(inline(CATALOGUE.event_schema(name))["fields"]):
        yield Row(
            path,
            notation(field, kind, null),
            str(field["punte.group"]),
            field["punte.class"],
            frozenset(field["punte.reveals"]),
            field["doc"],
        )


def resolved(row: Row) -> Row:
    """A row whose type is `enum as above`, taken from the table above it."""
    return row._replace(type=shared()[row.path]) if row.type == "enum as above" else row


def test_every_type_has_its_table() -> None:
    """A check that looked at nothing would pass: the six types of the first build and fifteen further ones."""
    assert set(tables()) == set(CATALOGUE.types)
    assert len(tables()) >= 21


@pytest.mark.parametrize("name", sorted(CATALOGUE.types))
def test_schema_says_what_its_table_says(name: str) -> None:
    """Same leaves in the same order, same type, bound, group, class, reveals and doc."""
    said = [row._replace(doc=row.doc.lower()) for row in map(resolved, wanted(name))]
    assert [row._replace(doc=row.doc.lower()) for row in written(name)] == said


@pytest.mark.parametrize("name", sorted(CATALOGUE.types))
def test_groups_are_those_of_section_5(name: str) -> None:
    """The groups listed beside each type in section 5 are the groups its schema has."""
    listed = re.search(rf"\*\*{re.escape(name)}\*\* \(groups ([0-9 ]+)\)", TEXT)
    assert listed is not None
    assert CATALOGUE.types[name].groups == set(map(int, listed[1].split()))


@pytest.mark.parametrize("name", sorted(CATALOGUE.types))
def test_publishers_are_those_of_the_table(name: str) -> None:
    """The catalogue lets the roles publish that the contract names, and no other."""
    line = re.search(rf"^\*\*{re.escape(name)}\*\* · publishers? (.*)$", SECTION, re.MULTILINE)
    assert line is not None
    roles = set(re.findall(rf"\b(?:{'|'.join(Role)})(?![\w-])", line[1].split(";")[0]))
    assert {role.value for role in CATALOGUE.entries[name].publishers} == roles


def test_every_leaf_speaks_romanian() -> None:
    """Each leaf has Romanian words, with comma below, never cedilla."""
    fields: list[Field] = [field for kind in CATALOGUE.types.values() for field in kind.fields]
    assert len(fields) > 150
    assert all(field.doc_ro and field.doc_ro != field.doc for field in fields)
    assert not re.search("[şţŞŢ]", str(CATALOGUE.schemas))


def test_ids_are_unique_and_in_their_ranges() -> None:
    """Events from 1001, the hub's records from 2001, releases from 10001; no id twice."""
    lock = read_lock()
    ids = [number for names in lock.values() for number in names.values()]
    assert len(set(ids)) == len(ids)
    assert all(1001 <= number < 2001 for number in lock["events"].values())
    assert all(2001 <= number < 10001 for number in lock["records"].values())
    assert all(number >= 10001 for number in lock["releases"].values())


def test_places_of_the_county() -> None:
    """81 administrative units, all of county 127; the county is none of them."""
    assert len(CATALOGUE.siruta) == 81
    assert set(CATALOGUE.siruta.values()) == {127}
    assert CATALOGUE.places[54975] == "Cluj-Napoca"
    assert CATALOGUE.units_of(127) == set(CATALOGUE.siruta)
