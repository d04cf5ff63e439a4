"""The second check: a walk over each outgoing record, generated from its release schema alone.

Rule kept: it shares no code with the slicer or the transforms. What leaves has the release's own id, its own leaves and
no others, times no finer than its rule, no publisher's reference, no text the bounds do not allow (law 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from hub.contracts.shape import Avro, base_name, inline, nullable
from hub.contracts.walk import compile_walk

Check = Callable[[bytes], None]
FRAME: Final = 5
SEALED: Final = {"ref": "pairwise", "person": "person_ref"}
TRI: Final = ("yes", "no", "unknown")
MADE: Final[Mapping[str, tuple[str, ...]]] = {
    "flag_care": TRI,
    "flag_present": TRI,
    "flag_dropped": TRI,
    "flag_caution": ("yes", "no"),
    "age_band": ("lt_1", "y1_2", "y3_6", "y7_9", "y10_13", "y14_17", "adult", "unknown"),
    "distance_band": ("lt_250m", "lt_500m", "lt_1km", "gt_1km", "unknown"),
}
"""The symbols of what a transform makes, none of them ever null: nothing finer may stand in a release schema."""
TYPES: Final[Mapping[str, str]] = {
    "hour": "timestamp-millis",
    "day": "timestamp-millis",
    "county": "int",
    "count": "int",
    "pairwise": "string",
    "person_ref": "string",
}
"""The type of what the other transforms leave."""


class CheckFailed(ValueError):
    """A record that is not what its release schema says: the path of the leaf and a code, never a value."""

    def __init__(self, path: str, code: str) -> None:
        super().__init__(f"second check: {code} at `{path}`" if path else f"second check: {code}")
        self.path, self.code = path, code


def walker(release_avsc: Avro, schema_id: int | None = None) -> Check:
    """The check of one release, raising CheckFailed.

    With `schema_id` it takes the framed value as it goes to the topic and demands that id; without, the Avro body.
    """
    for path, leaf in _leaves(inline(release_avsc)["fields"], ""):
        for code in _faults(leaf):
            raise CheckFailed(path, code)
    head = b"" if schema_id is None else b"\0" + schema_id.to_bytes(FRAME - 1, "big")
    return compile_walk(release_avsc, lambda code, path: CheckFailed(path, code), head=head)


def _leaves(fields: list[Avro], above: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Path and field of every leaf."""
    for field in fields:
        kind, _ = nullable(field["type"])
        array = base_name(kind) == "array"
        item = kind["items"] if array else kind
        path = above + field["name"]
        if base_name(item) == "record":
            yield from _leaves(item["fields"], f"{path}{'[]' if array else ''}.")
        else:
            yield path, field


def _faults(field: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a leaf of a release schema: a raw reference (INV-11), a form its transform does not make."""
    kind, null = nullable(field["type"])
    how, leaf = str(field.get("punte.transform")), field.get("punte.leaf")
    item = kind["items"] if base_name(kind) == "array" and how in SEALED.values() else kind
    if leaf in SEALED and how != SEALED[leaf]:
        yield f"{leaf}_unsealed"
    if how in MADE:
        fits = base_name(kind) == "enum" and tuple(kind["symbols"]) == MADE[how] and not null
    elif how == "count":
        fits = kind == "int" and not null and field.get("punte.min") == 0 and field.get("punte.max", 0) > 0
    else:
        fits = how == "as_is" or base_name(item) == TYPES.get(how)
    if not fits:
        yield "transform_form"
