"""What a schema may look like at all: no recursion, no map, bounded sizes, one union, no coordinates, no shelter place.

Rule kept: contract.md section 3 and reliability-security.md B8-B10, B21, B22: a schema that could make the reader
allocate or recurse without end, or that has room for what must never be said, is refused before its first record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, NoReturn

from hub.contracts.shape import Avro, Recursion, base_name, inline, nullable

MAX_FIELDS = 300
MAX_DEPTH = 8
MAX_SCHEMA_BYTES = 128 * 1024
MAX_TEXT = 200
MAX_ITEMS = 64
MAX_SYMBOLS = 64
MAX_RECORD_BYTES = 82 * 1024

EVENT_LEAVES = frozenset({"string", "int", "long", "boolean", "enum", "date", "timestamp-millis"})
RECORD_LEAVES = EVENT_LEAVES | {"fixed", "bytes"}
PLACE_WORDS = frozenset({"lat", "lon", "lng", "latitude", "longitude", "coord", "coords", "coordinate", "coordinates"})
FORBIDDEN_WORDS = PLACE_WORDS | {
    *("gps", "geo", "geolocation", "position", "shelter", "adapost"),
    *("narrative", "note", "notes", "comment", "remarks"),
}
LEAF_MAX = {"ref": 128, "person": 64, "unit": 6}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


class SchemaRefused(ValueError):
    """A schema that may not load: which file, which field, what to do."""

    def __init__(self, file: str, field: str, remedy: str) -> None:
        super().__init__(f"schemas/{file}: field `{field}`: {remedy}")
        self.file, self.field, self.remedy = file, field, remedy


def refuse(error: type[SchemaRefused], file: str, field: str, remedy: str) -> NoReturn:
    """Raise one refusal."""
    raise error(file, field, remedy)


def words(name: str) -> frozenset[str]:
    """The words a camel-case name is made of, in lower case."""
    return frozenset(word.lower() for word in _WORD.findall(name))


def check_schema(file: str, avsc: Mapping[str, Any]) -> None:
    """The limits of an event schema; raises SchemaRefused."""
    count = 0
    for path, field in _checked(file, avsc):
        count += 1
        _event_field(file, path, field)
    if count > MAX_FIELDS:
        refuse(SchemaRefused, file, "*", f"keep the schema under {MAX_FIELDS} fields")


def check_record_schema(file: str, avsc: Mapping[str, Any]) -> None:
    """The limits of a record the hub writes itself (registers, proof): bounded and documented; raises SchemaRefused."""
    for path, field in _checked(file, avsc):
        _documented(file, path, field)
        kind, _ = nullable(field["type"])
        item = kind["items"] if base_name(kind) == "array" else kind
        if base_name(item) not in RECORD_LEAVES | {"record"}:
            refuse(SchemaRefused, file, path, "use a type of contract.md section 8")
        if base_name(kind) == "array" or base_name(item) in {"string", "bytes"}:
            _bounded(file, path, field, MAX_RECORD_BYTES)


def _checked(file: str, avsc: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every field with its path, once size, names and recursion have been looked at."""
    _small(file, avsc)
    try:
        whole = inline(avsc)
    except Recursion as found:
        refuse(SchemaRefused, file, str(found), "take the recursion out: a record may not contain itself")
    if not isinstance(whole, dict) or whole.get("type") != "record":
        refuse(SchemaRefused, file, "*", "make the schema a record")
    _documented(file, str(whole.get("name")), whole)
    return _fields(file, whole, "")


def _small(file: str, avsc: Avro) -> None:
    """Refuse size and nesting by counting, before anything recurses."""
    try:
        written = json.dumps(avsc)
    except RecursionError:
        refuse(SchemaRefused, file, "*", f"nest at most {MAX_DEPTH} deep")
    if len(written) > MAX_SCHEMA_BYTES:
        refuse(SchemaRefused, file, "*", f"keep the schema under {MAX_SCHEMA_BYTES} bytes")
    depths = accumulate((letter in "{[") - (letter in "}]") for letter in written)
    if max(depths) > 4 * MAX_DEPTH:
        refuse(SchemaRefused, file, "*", f"nest at most {MAX_DEPTH} deep")


def _fields(file: str, record: Mapping[str, Any], above: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    seen: set[str] = set()
    if above.count(".") >= MAX_DEPTH:
        refuse(SchemaRefused, file, above, f"nest at most {MAX_DEPTH} deep")
    if not record.get("fields"):
        refuse(SchemaRefused, file, above or "*", "give the record a field: elements of no byte could be without end")
    for field in record["fields"]:
        path = above + str(field.get("name"))
        if not _NAME.fullmatch(str(field.get("name"))) or field["name"] in seen:
            refuse(SchemaRefused, file, path, "give it a name of its own, letters, digits and `_`")
        seen.add(field["name"])
        _union(file, path, field)
        yield path, field
        kind, _ = nullable(field["type"])
        if base_name(kind) == "array" and base_name(kind["items"]) == "record":
            yield from _fields(file, kind["items"], path + "[].")
        elif base_name(kind) == "record":
            yield from _fields(file, kind, path + ".")


def _union(file: str, path: str, field: Mapping[str, Any]) -> None:
    """The only union is `["null", X]`, default null, X neither a union nor (for bytes' sake) an array."""
    kind: Avro = field.get("type")
    union = isinstance(kind, list)
    if union and (len(kind) != 2 or kind[0] != "null" or isinstance(kind[1], list) or base_name(kind[1]) == "array"):
        refuse(SchemaRefused, file, path, 'use the union `["null", X]` only, and no nullable array')
    if union != ("default" in field) or (union and field["default"] is not None):
        refuse(SchemaRefused, file, path, "only a nullable field has a default, and it is null")


def _event_field(file: str, path: str, field: Mapping[str, Any]) -> None:
    kind, _ = nullable(field["type"])
    array = base_name(kind) == "array"
    item = kind["items"] if array else kind
    if isinstance(item, list) or base_name(item) not in EVENT_LEAVES | {"record"}:
        refuse(
            SchemaRefused,
            file,
            path,
            "use a type of contract.md section 3: no map, bytes, fixed, float, double, array of arrays",
        )
    if words(field["name"]) & FORBIDDEN_WORDS:
        refuse(SchemaRefused, file, path, "take it out: no coordinates, no shelter place, no free text")
    _documented(file, path, field)
    if array:
        _bounded(file, path, field, MAX_ITEMS)
    _leaf_form(file, path, field, item)


def _leaf_form(file: str, path: str, field: Mapping[str, Any], item: Avro) -> None:
    base = base_name(item)
    if base == "string":
        _text(file, path, field, "punte.itemMax" if base_name(nullable(field["type"])[0]) == "array" else "punte.max")
    elif "punte.leaf" in field:
        refuse(SchemaRefused, file, path, "only a string has `punte.leaf`")
    if base == "enum":
        _enum(file, path, item)
    if isinstance(item, dict) and item.get("type") not in ("record", "enum", {"date": "int"}.get(base, "long")):
        refuse(SchemaRefused, file, path, "`date` is an int, `timestamp-millis` a long")


def _text(file: str, path: str, field: Mapping[str, Any], bound: str) -> None:
    most, leaf = field.get(bound), field.get("punte.leaf")
    if leaf is not None and leaf not in LEAF_MAX:
        refuse(SchemaRefused, file, path, "`punte.leaf` is ref, person or unit")
    if not isinstance(most, int) or not 1 <= most <= MAX_TEXT or (leaf and most != LEAF_MAX[leaf]):
        refuse(SchemaRefused, file, path, f"bound it with `{bound}`, at most {LEAF_MAX.get(str(leaf), MAX_TEXT)}")


def _enum(file: str, path: str, item: Mapping[str, Any]) -> None:
    symbols = item.get("symbols", [])
    if "default" in item:
        refuse(SchemaRefused, file, path, "take the enum default out: an unknown symbol must not turn into a known one")
    if (
        not 1 <= len(symbols) <= MAX_SYMBOLS
        or len(set(symbols)) != len(symbols)
        or not all(map(_NAME.fullmatch, symbols))
    ):
        refuse(SchemaRefused, file, path, f"give it 1-{MAX_SYMBOLS} symbols of letters, digits and `_`")


def _bounded(file: str, path: str, field: Mapping[str, Any], most: int) -> None:
    if not isinstance(field.get("punte.max"), int) or not 1 <= field["punte.max"] <= most:
        refuse(SchemaRefused, file, path, f"bound it with `punte.max`, at most {most}")


def _documented(file: str, path: str, field: Mapping[str, Any]) -> None:
    if not field.get("doc") or not field.get("punte.ro"):
        refuse(SchemaRefused, file, path, "give it `doc` (English) and `punte.ro` (Romanian)")
