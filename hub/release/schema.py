"""Release schemas: the Avro schema a unit reads a release with, and the ids they keep for ever.

Rule kept: a field that is not in the release schema cannot be in the release; the order of fields is the event's; an id
is never used for another release (architecture.md law 3, contract.md section 0).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from consent.compile import Release
from consent.terms import Transform
from hub.contracts.shape import Avro, base_name, inline, named, nullable
from hub.release.transforms import BOUNDS, FLAGS, TransformRefused, check_transform, released_kind

FIRST_RELEASE_ID: Final = 10_001


class ReleaseRefused(ValueError):
    """A release that names a leaf the event does not have, or gives an array partly."""

    def __init__(self, name: str, path: str, remedy: str) -> None:
        super().__init__(f"release `{name}`, leaf `{path}`: {remedy}")
        self.name, self.path = name, path


def release_schema(event_avsc: Avro, release: Release) -> dict[str, Any]:
    """The Avro schema of a release, with `punte.transform` on every leaf and the release's name on the record."""
    wanted = dict(release.leaves)
    whole = inline(event_avsc)
    fields = _kept(release, whole["fields"], "", wanted)
    if wanted:
        raise ReleaseRefused(release.name, next(iter(wanted)), f"`{release.event}` has no such leaf")
    record = {**whole, "punte.release": release.name, "punte.time": release.time.value, "fields": fields}
    schema: dict[str, Any] = named(record)
    return schema


def _kept(release: Release, fields: list[dict[str, Any]], above: str, wanted: dict[str, Transform]) -> list[Any]:
    """The fields of a record that are in the release; what was used is taken out of `wanted`."""
    kept = []
    for field in fields:
        kind, null = nullable(field["type"])
        path = above + field["name"]
        if base_name(kind) == "record":
            inner = _kept(release, kind["fields"], path + ".", wanted)
            if inner:
                kept.append(_with(field, {**kind, "fields": inner}, null))
        elif base_name(kind) == "array" and base_name(kind["items"]) == "record":
            inner = _whole(release, kind["items"]["fields"], path + "[].", wanted)
            if inner:
                kept.append({**field, "type": {**kind, "items": {**kind["items"], "fields": inner}}})
        elif path in wanted:
            kept.append(_leaf(field, path, wanted.pop(path)))
    return kept


def _whole(release: Release, fields: list[dict[str, Any]], above: str, wanted: dict[str, Transform]) -> list[Any]:
    """The fields of the records of an array: all as they are, or none."""
    kept = _kept(release, fields, above, wanted)
    partly = len(kept) not in (0, len(fields))
    if partly or any(field["punte.transform"] != Transform.AS_IS for field in kept if "punte.transform" in field):
        raise ReleaseRefused(release.name, above, "an array goes whole or not at all, and as it is")
    return kept


def _with(field: dict[str, Any], kind: Avro, null: bool) -> dict[str, Any]:
    return {**field, "type": ["null", kind] if null else kind}


def _leaf(field: dict[str, Any], path: str, transform: Transform) -> dict[str, Any]:
    kind, null = nullable(field["type"])
    check_transform(transform, field, kind, null, path)
    flag = transform in FLAGS
    drop = {"default", "punte.max", "punte.min", "punte.itemMax", "punte.leaf"} if flag else set()
    kept = {key: value for key, value in field.items() if key not in drop}
    made = _with(kept, released_kind(transform, kind), null and not flag)
    return {**made, "punte.transform": transform.value, **BOUNDS.get(transform, {})}


def render(schema: Mapping[str, Any]) -> str:
    """A schema as the text of its file: one line for the record, one for each of its fields."""
    head = json.dumps({key: value for key, value in schema.items() if key != "fields"}, ensure_ascii=False)
    fields = ",\n".join("  " + json.dumps(field, ensure_ascii=False) for field in schema["fields"])
    return f'{head[:-1]}, "fields": [\n{fields}\n]}}\n'


def render_lock(lock: Mapping[str, Mapping[str, int]]) -> str:
    """`lock.json` as text."""
    return json.dumps(lock, indent=2) + "\n"


def lock_releases(
    lock: Mapping[str, Mapping[str, int]], releases: Iterable[Release], event_schemas: Mapping[str, Avro]
) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """The lock with an id for every release, and the files to write: path below `schemas/` -> text.

    `event_schemas`: bare event name -> Avro. Ids already given stay, also those of releases that are gone.
    """
    known = dict(lock.get("releases", {}))
    files: dict[str, str] = {}
    for release in sorted(set(releases), key=lambda one: one.name):
        known.setdefault(release.name, max(known.values(), default=FIRST_RELEASE_ID - 1) + 1)
        files[f"releases/{release.name}.avsc"] = render(release_schema(event_schemas[release.event], release))
    return {**{part: dict(names) for part, names in lock.items()}, "releases": known}, files


__all__ = ["ReleaseRefused", "TransformRefused", "lock_releases", "release_schema", "render", "render_lock"]
