"""A check of an object against the part of JSON Schema that `schemas/cli/` uses: types, keys, enums, patterns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

SCHEMAS: Final = Path(__file__).parents[2] / "schemas/cli"
KINDS: Final[Mapping[str, type]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def published(name: str) -> dict[str, Any]:
    """A schema of `schemas/cli/`."""
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    return found


def faults(schema: Mapping[str, Any], value: object, path: str = "$") -> Iterator[str]:
    """Where a value is not of its schema."""
    if "oneOf" in schema:
        found = [list(faults(each, value, path)) for each in schema["oneOf"]]
        if sum(not each for each in found) != 1:
            yield from min(found, key=len) or [f"{path}: fits more than one"]
        return
    wanted = schema.get("type", [])
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if kinds and not any(type(value) is KINDS[kind] for kind in kinds):
        yield f"{path}: not {kinds}"
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{path}: not of its words"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{path}: not of its pattern"
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from faults(schema.get("items", {}), item, f"{path}[{number}]")
    if isinstance(value, dict):
        yield from _keys(schema, value, path)


def _keys(schema: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[str]:
    properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    yield from (f"{path}.{key}: missing" for key in schema.get("required", ()) if key not in value)
    for key, item in value.items():
        if key in properties:
            yield from faults(properties[key], item, f"{path}.{key}")
        elif isinstance(more, Mapping):
            yield from faults(more, item, f"{path}.{key}")
        elif not more:
            yield f"{path}.{key}: not in the schema"
