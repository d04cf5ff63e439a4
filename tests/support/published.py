"""Whether an object is what its published JSON schema says: the few keywords that `schemas/cli` uses.

Rule kept: a keyword that is not known here fails, so that no schema is half checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

TYPES: Final = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
TOLD: Final = {"$schema", "title", "description", "type", "required", "additionalProperties", "properties"} | {
    *("items", "enum", "minimum")
}


def faults(name: str, found: Any) -> list[str]:
    """What is wrong with an object by `schemas/cli/NAME.json`."""
    schema = json.loads(files("schemas").joinpath(f"cli/{name}.json").read_text("utf-8"))
    return list(_faults(schema, found, "$"))


def _faults(schema: dict[str, Any], found: Any, at: str) -> Iterator[str]:
    assert schema.keys() <= TOLD, schema.keys() - TOLD
    kinds = schema.get("type", [])
    if kinds and not any(_is(kind, found) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{at} is no {kinds}"
        return
    if "enum" in schema and found not in schema["enum"]:
        yield f"{at} is none of the words"
    if isinstance(found, int | float) and found < schema.get("minimum", found):
        yield f"{at} is too small"
    for index, item in enumerate(found if "items" in schema and isinstance(found, list) else ()):
        yield from _faults(schema["items"], item, f"{at}[{index}]")
    if isinstance(found, dict):
        known = schema.get("properties", {})
        yield from (f"{at}.{name} is missing" for name in schema.get("required", []) if name not in found)
        yield from (f"{at}.{name} is not known" for name in found if name not in known)
        for name in found.keys() & known.keys():
            yield from _faults(known[name], found[name], f"{at}.{name}")


def _is(kind: str, found: Any) -> bool:
    if kind == "null":
        return found is None
    return isinstance(found, TYPES[kind]) and (kind == "boolean" or not isinstance(found, bool))  # type: ignore[arg-type]
