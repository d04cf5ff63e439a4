"""Whether an object is what its published JSON schema says: the few keywords that `schemas/cli` uses.

Rule kept: a keyword that is not known here fails, so that no schema is half checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

TYPES: Final = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
TOLD: Final = {"$schema", "title", "description", "type", "required", "additionalProperties", "properties"} | {
    *("items", "enum", "minimum", "minItems", "maxItems", "$id", "oneOf", "const", "pattern")
}


def faults(name: str, found: Any) -> list[str]:
    """What is wrong with an object by `schemas/cli/NAME.json`."""
    schema = json.loads(files("schemas").joinpath(f"cli/{name}.json").read_text("utf-8"))
    return list(_faults(schema, found, "$"))


def _faults(schema: dict[str, Any], found: Any, at: str) -> Iterator[str]:
    assert schema.keys() <= TOLD, schema.keys() - TOLD
    if "oneOf" in schema:
        yield from _one_of([list(_faults(each, found, at)) for each in schema["oneOf"]], at)
        return
    kinds = schema.get("type", [])
    if kinds and not any(_is(kind, found) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{at} is no {kinds}"
        return
    if found not in schema.get("enum", [found]) or found != schema.get("const", found):
        yield f"{at} is none of the words"
    if isinstance(found, str) and not re.search(schema.get("pattern", ""), found):
        yield f"{at} is not of its pattern"
    if isinstance(found, int | float) and found < schema.get("minimum", found):
        yield f"{at} is too small"
    if isinstance(found, list) and not schema.get("minItems", 0) <= len(found) <= schema.get("maxItems", len(found)):
        yield f"{at} is too short or too long"
    for index, item in enumerate(found if "items" in schema and isinstance(found, list) else ()):
        yield from _faults(schema["items"], item, f"{at}[{index}]")
    if isinstance(found, dict):
        yield from _keys(schema, found, at)


def _keys(schema: dict[str, Any], found: dict[str, Any], at: str) -> Iterator[str]:
    """Of keys that are not listed, `additionalProperties` may give the schema; else they are faults."""
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    yield from (f"{at}.{name} is missing" for name in schema.get("required", []) if name not in found)
    for name, item in found.items():
        inner = known.get(name, others)
        if isinstance(inner, dict):
            yield from _faults(inner, item, f"{at}.{name}")
        else:
            yield f"{at}.{name} is not known"


def _one_of(found: list[list[str]], at: str) -> list[str]:
    """The faults by the form that fits best; none when exactly one fits."""
    fits = sum(not each for each in found)
    return [f"{at} is of {fits} forms"] if fits > 1 else min(found, key=len)


def _is(kind: str, found: Any) -> bool:
    if kind == "null":
        return found is None
    return isinstance(found, TYPES[kind]) and (kind == "boolean" or not isinstance(found, bool))  # type: ignore[arg-type]
