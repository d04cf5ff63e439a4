"""The second check: a walk over each outgoing record, generated from its release schema alone.

Rule kept: it shares no code with the slicer or the transforms. What leaves has the release's own id, its own leaves and
no others, times no finer than its rule, no publisher's reference, no text the bounds do not allow (law 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from hub.contracts.shape import Avro, base_name, inline, nullable
from hub.contracts.walk import compile_walk

Check = Callable[[bytes], None]
FRAME: Final = 5
SEALED: Final = {"ref": "pairwise", "person": "person_ref"}


class CheckFailed(ValueError):
    """A record that is not what its release schema says: the path of the leaf and a code, never a value."""

    def __init__(self, path: str, code: str) -> None:
        super().__init__(f"second check: {code} at `{path}`" if path else f"second check: {code}")
        self.path, self.code = path, code


def walker(release_avsc: Avro, schema_id: int | None = None) -> Check:
    """The check of one release, raising CheckFailed.

    With `schema_id` it takes the framed value as it goes to the topic and demands that id; without, the Avro body.
    """
    for path, leaf in _unsealed(inline(release_avsc)["fields"], ""):
        raise CheckFailed(path, f"{leaf}_unsealed")
    head = b"" if schema_id is None else b"\0" + schema_id.to_bytes(FRAME - 1, "big")
    return compile_walk(release_avsc, lambda code, path: CheckFailed(path, code), head=head)


def _unsealed(fields: list[Avro], above: str) -> Iterator[tuple[str, str]]:
    """Leaves that hold a publisher's own reference (INV-11): none may be in a release schema."""
    for field in fields:
        kind, _ = nullable(field["type"])
        item = kind["items"] if base_name(kind) == "array" else kind
        if base_name(item) == "record":
            yield from _unsealed(item["fields"], f"{above}{field['name']}.")
        elif field.get("punte.leaf") in SEALED and field.get("punte.transform") != SEALED[field["punte.leaf"]]:
            yield above + field["name"], field["punte.leaf"]
