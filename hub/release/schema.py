"""Release schemas: the Avro schema a unit reads a release with, and the ids they keep for ever.

Rule kept: a field that is not in the release schema cannot be in the release; the order of fields is the event's; an id
is never used for another release (architecture.md law 3, contract.md section 0).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from consent.compile import Release
from consent.terms import Transform
from hub.contracts.shape import NAMED, Avro, base_name, inline, named, nullable
from hub.release.layout import layout, occasion
from hub.release.transforms import DERIVED, FLAGS, TransformRefused, bounds, check_transform, released_kind

FIRST_RELEASE_ID: Final = 10_001

TWO_FORMS: Final = "one named type would have two forms: give it two names"


class ReleaseRefused(ValueError):
    """A release that names a leaf the event does not have, or gives one named type in two forms."""

    def __init__(self, name: str, path: str, remedy: str) -> None:
        super().__init__(f"release `{name}`, leaf `{path}`: {remedy}")
        self.name, self.path = name, path


def release_schema(event_avsc: Avro, release: Release) -> dict[str, Any]:
    """The Avro schema of a release, with `punte.transform` on every leaf and the release's name on the record.

    A leaf of the newer transforms says in `punte.inputs` which leaves of the event it is made of.
    """
    whole, parts = inline(event_avsc), layout(event_avsc)
    moment = occasion(parts)
    own: dict[str, Any] = {}
    for name in _two_forms(whole, own):
        raise ReleaseRefused(release.name, name, TWO_FORMS)
    writing = _Writing(dict(release.leaves), None if moment is None else parts[moment].path, own)
    fields = writing.kept(whole["fields"], "")
    if writing.wanted:
        raise ReleaseRefused(release.name, next(iter(writing.wanted)), f"`{release.event}` has no such leaf")
    record = {**whole, "punte.release": release.name, "punte.time": release.time.value, "fields": fields}
    for name in _two_forms(record, {}):
        raise ReleaseRefused(release.name, name, TWO_FORMS)
    schema: dict[str, Any] = named(record)
    return schema


@dataclass(frozen=True, slots=True)
class _Writing:
    """The leaves of a release that are still to be found, the path of the event's own moment, its named types."""

    wanted: dict[str, Transform]
    moment: str | None
    own: Mapping[str, Any]

    def kept(self, fields: list[dict[str, Any]], above: str) -> list[Any]:
        """The fields of a record that are in the release; what was used is taken out of `wanted`."""
        kept = []
        for field in fields:
            kind, null = nullable(field["type"])
            path = above + field["name"]
            if base_name(kind) == "record":
                inner = self.kept(kind["fields"], path + ".")
                if inner:
                    kept.append(_with(field, {**kind, "fields": inner}, null))
            elif base_name(kind) == "array" and base_name(kind["items"]) == "record":
                inner = self.kept(kind["items"]["fields"], path + "[].")
                if inner:
                    kept.append({**field, "type": {**kind, "items": {**kind["items"], "fields": inner}}})
            elif path in self.wanted:
                kept.append(self._leaf(field, path, self.wanted.pop(path)))
        return kept

    def _leaf(self, field: dict[str, Any], path: str, transform: Transform) -> dict[str, Any]:
        kind, null = nullable(field["type"])
        check_transform(transform, field, kind, null, path)
        if transform is Transform.AGE_BAND and self.moment is None:
            raise TransformRefused(path, transform)
        made = transform in FLAGS
        drop = {"default", "punte.max", "punte.min", "punte.itemMax", "punte.leaf"} if made else set()
        kept = {key: value for key, value in field.items() if key not in drop}
        leaf = _with(kept, self._named(released_kind(transform, kind)) if made else kind, null and not made)
        leaf |= {"punte.transform": transform.value, **bounds(transform, field, kind)}
        if transform in DERIVED:
            leaf["punte.inputs"] = [path, *([self.moment] if transform is Transform.AGE_BAND else [])]
        return leaf

    def _named(self, kind: Avro) -> Avro:
        """A made type under a name that stands for nothing else in the event."""
        known = self.own.get(kind["name"]) if isinstance(kind, dict) else None
        return kind if known is None or known == kind["symbols"] else {**kind, "name": f"Derived{kind['name']}"}


def _with(field: dict[str, Any], kind: Avro, null: bool) -> dict[str, Any]:
    return {**field, "type": ["null", kind] if null else kind}


def _two_forms(avro: Avro, known: dict[str, Any]) -> Iterator[str]:
    """Names that stand for two types: Avro defines a name once, so the second would be read as the first."""
    if isinstance(avro, list):
        for branch in avro:
            yield from _two_forms(branch, known)
    elif isinstance(avro, dict) and avro["type"] == "array":
        yield from _two_forms(avro["items"], known)
    elif isinstance(avro, dict) and avro["type"] in NAMED:
        form = avro["symbols"] if avro["type"] == "enum" else avro
        if known.setdefault(avro["name"], form) != form:
            yield avro["name"]
        for field in avro.get("fields", []):
            yield from _two_forms(field["type"], known)


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
