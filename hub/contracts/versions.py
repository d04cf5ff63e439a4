"""Versions of an event type or hub record: v1, v2, ... each a file and an id of its own, all read side by side. Pure.

Rule kept: a version only adds, at the end, leaves that may be null. So every older record is a record of the latest
version once the missing nulls stand behind it, and nothing after the gateway's first look knows more than one layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count, takewhile

from hub.contracts.limits import SchemaRefused, refuse
from hub.contracts.shape import Avro, base_name, inline, nullable


def version_ids(ids: Mapping[str, int], name: str) -> tuple[int, ...]:
    """The schema ids of a type or hub record, the first version first; `ids` as in lock.json. Empty where unknown."""
    locks = (f"{name}/v{number}" for number in count(1))
    return tuple(ids[lock] for lock in takewhile(ids.__contains__, locks))


def check_next(file: str, old: Avro, new: Avro) -> None:
    """Refuse a version that does more than add nullable leaves at the end; SchemaRefused with file, field, remedy."""
    before, after = inline(old)["fields"], inline(new)["fields"]
    for number, field in enumerate(before):
        if number >= len(after) or after[number] != field:
            refuse(SchemaRefused, file, field["name"], "leave every field of the version before as it stands there")
    for field in after[len(before) :]:
        kind, null = nullable(field["type"])
        if not null or base_name(kind) == "record":
            refuse(SchemaRefused, file, field["name"], 'make it one leaf of type `["null", X]` with `"default": null`')


def missing(old: Avro, latest: Avro) -> bytes:
    """What stands behind a record of an older version to make it one of the latest: a null for each leaf it lacks."""
    return bytes(len(latest["fields"]) - len(old["fields"]))
