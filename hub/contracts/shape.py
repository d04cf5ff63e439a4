"""Avro schemas as plain data, with each name written out (`inline`) or written once and then referred to (`named`).

Rule kept: neither changes what the bytes mean; a record that refers to itself is refused, so every walk over a schema
ends (reliability-security.md B9).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Avro: TypeAlias = Any
"""A parsed Avro schema: a name, a list (union) or a mapping."""

NAMED = frozenset({"record", "enum", "fixed"})


class Recursion(ValueError):
    """A record that contains itself, or a name that is used before it is defined."""


def inline(schema: Avro, known: dict[str, Any] | None = None) -> Avro:
    """The schema with every reference replaced by its definition; properties are kept."""
    names: dict[str, Any] = {} if known is None else known
    if isinstance(schema, list):
        return [inline(branch, names) for branch in schema]
    if isinstance(schema, str):
        return _meant(schema, names)
    kind = schema.get("type")
    if kind == "array":
        return {**schema, "items": inline(schema.get("items"), names)}
    if kind not in NAMED:
        return schema
    return _define(schema, names)


def _meant(name: str, names: Mapping[str, Any]) -> Avro:
    found = names.get(name.rpartition(".")[2], name)
    if found is None:
        raise Recursion(name)
    return found


def _define(schema: Mapping[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """A named type written out and remembered; while a record is open its own name means nothing yet."""
    name = str(schema.get("name"))
    names[name] = None
    done = dict(schema)
    if schema["type"] == "record":
        done["fields"] = [{**field, "type": inline(field.get("type"), names)} for field in schema.get("fields", [])]
    names[name] = done
    return done


def named(schema: Avro, seen: set[str] | None = None) -> Avro:
    """The reverse of `inline`: a name is defined where it first occurs and referred to afterwards, as Avro demands."""
    names: set[str] = set() if seen is None else seen
    if isinstance(schema, list):
        return [named(branch, names) for branch in schema]
    if isinstance(schema, str):
        return schema
    if schema["type"] == "array":
        return {**schema, "items": named(schema["items"], names)}
    if schema["type"] not in NAMED:
        return schema
    if schema["name"] in names:
        return schema["name"]
    names.add(schema["name"])
    if schema["type"] != "record":
        return schema
    return {**schema, "fields": [{**field, "type": named(field["type"], names)} for field in schema["fields"]]}


def nullable(avro: Avro) -> tuple[Avro, bool]:
    """The type behind the only union there is, `["null", X]`, and whether it was one."""
    return (avro[1], True) if isinstance(avro, list) else (avro, False)


def base_name(avro: Avro) -> str:
    """The logical type if there is one, else the Avro type's name."""
    return str(avro) if isinstance(avro, str) else str(avro.get("logicalType", avro["type"]))


def plain(schema: Avro) -> Avro:
    """A schema without logical types: bytes are the same, moments and dates stay integers."""
    if isinstance(schema, Mapping):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    return [plain(item) for item in schema] if isinstance(schema, list) else schema


ONE_BYTE = 63
"""The largest number that takes one byte."""


def fixed_size(field: Mapping[str, Any], kind: Avro) -> int | None:
    """The bytes a value always takes: enums (at most 64 symbols), booleans, small bounded ints, records of these."""
    base = base_name(kind)
    if base in ("enum", "boolean"):
        return 1
    if base == "int" and field.get("punte.min", -1) >= 0 and field.get("punte.max", ONE_BYTE + 1) <= ONE_BYTE:
        return 1
    if base != "record":
        return None
    sizes = [fixed_size(one, one["type"]) if not isinstance(one["type"], list) else None for one in kind["fields"]]
    return None if None in sizes else sum(size for size in sizes if size is not None)
