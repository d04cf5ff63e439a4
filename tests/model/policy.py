"""The model reads the policy and the event types by itself: matrix, duty lines, schemas, catalogue.

Written from contract.md sections 0, 3-6. Unknown keys of the files are ignored.
"""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "consent" / "policies"
SCHEMAS = ROOT / "schemas"
RELEASES = {"demo": ("ok", "unconfirmed"), "production": ("ok",)}
"""Which status of a law releases in a profile; a proposal never does."""
Grants: TypeAlias = dict[int, str | None]
"""Group -> None where it is given, else the rule that generalises it."""
Avro: TypeAlias = Any


class Leaf(NamedTuple):
    """One leaf of an event type.

    `base` is the Avro or logical type without null and array; `array` = the leaf itself is an array, `within` = it lies
    in an array of records; `required` = there in every record.
    """

    path: str
    name: str
    group: int
    kind: str
    base: str
    symbols: tuple[str, ...]
    nullable: bool
    array: bool
    within: bool
    required: bool


class Type(NamedTuple):
    """An event type: its leaves in schema order, its schema with every named type written out, its lane."""

    name: str
    lane: str
    leaves: tuple[Leaf, ...]
    schema: Avro


class Row(NamedTuple):
    """One legal basis inside a cell; `packages` are what a consent adds, step by step (empty for a row by law)."""

    id: str
    kind: str
    when: tuple[str, ...]
    grants: Grants
    packages: dict[str, Grants]


class Package(NamedTuple):
    """A consent package with all it contains, the smaller ones included."""

    name: str
    groups: frozenset[int]


Key: TypeAlias = tuple[str, str, str]
"""(type, role, purpose)."""


class Line(NamedTuple):
    """A duty line."""

    id: str
    key: Key
    when: tuple[str, ...]
    floor: tuple[int, ...]
    generalised: tuple[int, ...]
    fallback: str


class Cell(NamedTuple):
    """(type, role, purpose): when the event exists for it, the rows that release, its packages, its duty lines.

    `asks` = its guards, those of rows whose law waits for a lawyer included; a package is `consent:<name>`.
    """

    type: Type
    exists: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]
    asks: frozenset[str]
    ladder: tuple[Package, ...]
    lines: tuple[Line, ...]


class Policy(NamedTuple):
    """All cells that release something in one profile, and the duty lines they do not serve (see judge.py)."""

    types: dict[str, Type]
    cells: dict[Key, Cell]
    starved: frozenset[Line]


class Source(NamedTuple):
    """What a policy is read from: the texts of matrix and duty lines, the profile, the rows waived for production."""

    matrix: str
    dutylines: str
    profile: str
    waived: frozenset[str] = frozenset()


@cache
def types() -> dict[str, Type]:
    """The event types in their latest version."""
    lanes = {name: row["lane"] for name, row in tomllib.loads((SCHEMAS / "catalogue.toml").read_text("utf-8")).items()}
    found = {}
    for folder in sorted((SCHEMAS / "events").iterdir()):
        last = max(folder.glob("v*.avsc"), key=lambda path: int(path.stem[1:]))
        schema = _written_out(json.loads(last.read_text("utf-8")), {})
        found[folder.name] = Type(
            folder.name, lanes[folder.name], tuple(_leaves(schema["fields"], "", False, True)), schema
        )
    return found


def _written_out(kind: Avro, named: dict[str, Avro]) -> Avro:
    """The type with every name replaced by what it names."""
    if isinstance(kind, str):
        return named.get(kind, kind)
    if isinstance(kind, list):
        return [_written_out(each, named) for each in kind]
    if kind["type"] == "array":
        return {**kind, "items": _written_out(kind["items"], named)}
    if kind["type"] == "enum":
        named[kind["name"]] = kind
    if kind["type"] == "record":
        fields = [{**field, "type": _written_out(field["type"], named)} for field in kind["fields"]]
        named[kind["name"]] = kind = {**kind, "fields": fields}
    return kind


def split(kind: Avro) -> tuple[Avro, bool]:
    """The type without its null, and whether it had one."""
    if isinstance(kind, list):
        (other,) = (each for each in kind if each != "null")
        return other, True
    return kind, False


def base(kind: Avro) -> str:
    """The logical type if there is one, else the Avro type."""
    found: str = kind if isinstance(kind, str) else kind.get("logicalType", kind["type"])
    return found


def _leaves(fields: list[Avro], above: str, within: bool, always: bool) -> list[Leaf]:
    found: list[Leaf] = []
    for field in fields:
        kind, null = split(field["type"])
        array = base(kind) == "array"
        inner = kind["items"] if array else kind
        path = above + field["name"]
        there = always and not null
        if base(inner) == "record":
            below = path + ("[]." if array else ".")
            found += _leaves(inner["fields"], below, within or array, there and not array)
            continue
        symbols = tuple(inner["symbols"]) if base(inner) == "enum" else ()
        own = field.get("punte.leaf", "")
        found.append(
            Leaf(path, field["name"], field["punte.group"], own, base(inner), symbols, null, array, within, there)
        )
    return found


def reference(name: str) -> str:
    """The text of a file of the reference pack."""
    return (POLICIES / name).read_text("utf-8")


def read(source: Source) -> Policy:
    """The policy of these texts in a profile, `starved` still empty."""
    whole, duties = tomllib.loads(source.matrix), tomllib.loads(source.dutylines)
    bases = {each["id"]: each for each in whole["basis"]}
    exists: dict[Key, tuple[tuple[str, ...], ...]] = {
        _key(each): tuple(tuple(way) for way in each["when"]) for each in whole["exists"]
    }
    rows: dict[Key, tuple[Row, ...]] = {}
    waiting: dict[Key, tuple[Row, ...]] = {}
    for raw in whole["row"]:
        status = bases[raw["basis"]]["status"]
        waived = status == "unconfirmed" and raw["id"] in source.waived
        of = rows if waived or status in RELEASES[source.profile] else waiting
        if status != "proposal":
            of[_key(raw)] = (*of.get(_key(raw), ()), _row(raw, bases[raw["basis"]]["kind"]))
    lines: dict[Key, tuple[Line, ...]] = {}
    for raw in duties.get("line", ()):
        lines[_key(raw)] = (*lines.get(_key(raw), ()), _line(raw))
    cells = {}
    for key, ways in exists.items():
        if key in rows:
            asks = _asked(ways, rows[key] + waiting.get(key, ()))
            ladder = _ladder(whole.get("package", []), key)
            cells[key] = Cell(types()[key[0]], ways, rows[key], asks, ladder, lines.get(key, ()))
    return Policy(types(), cells, frozenset())


def _asked(ways: tuple[tuple[str, ...], ...], rows: tuple[Row, ...]) -> frozenset[str]:
    named = {guard for way in ways for guard in way} | {guard for row in rows for guard in row.when}
    packages = {f"consent:{name}" for row in rows for name in row.packages}
    return frozenset((named - {"consent"}) | packages)


def _key(raw: dict[str, Any]) -> Key:
    return raw["event"], raw["role"], raw["purpose"]


def _row(raw: dict[str, Any], kind: str) -> Row:
    packages = {name: _grants(each) for name, each in raw.get("packages", {}).items()}
    return Row(raw["id"], kind, tuple(raw["when"]), _grants(raw), packages)


def _grants(raw: dict[str, Any]) -> Grants:
    return dict.fromkeys(raw.get("give", ())) | {int(group): rule for group, rule in raw.get("generalise", {}).items()}


def _line(raw: dict[str, Any]) -> Line:
    generalised = tuple(raw.get("floor_generalised", ()))
    return Line(raw["id"], _key(raw), tuple(raw["when"]), tuple(raw["floor"]), generalised, raw["fallback"])


def all_lines(text: str) -> tuple[Line, ...]:
    """The duty lines of a text."""
    return tuple(_line(raw) for raw in tomllib.loads(text)["line"])


def _ladder(packages: list[dict[str, Any]], key: Key) -> tuple[Package, ...]:
    """The packages of a recipient and purpose from small to large; each contains the one before."""
    steps: list[Package] = []
    for raw in packages:
        if (raw["role"], raw["purpose"]) == key[1:]:
            before = steps[-1].groups if steps else frozenset()
            steps.append(Package(raw["name"], before | frozenset(raw["adds"])))
    return tuple(steps)


CONTENT_OF_CONTRACT = (
    *("result", "instrument", "childInHousehold", "childCovered", "emisConsent", "basis.kind", "severity"),
)
"""The leaves of the closed list of content guards in contract.md section 0, and that of `emergency`."""


@cache
def content_leaves() -> frozenset[str]:
    """The leaves guards may read: those of the contract, and those the reference matrix names."""
    whole = tomllib.loads((POLICIES / "matrix.toml").read_text("utf-8"))
    guards = [guard for each in whole["exists"] for way in each["when"] for guard in way]
    guards += [guard for each in whole["row"] for guard in each["when"]]
    named = {guard[len("content:") :].split("=")[0] for guard in guards if guard.startswith("content:")}
    return frozenset(named | set(CONTENT_OF_CONTRACT))
