"""The layout of an event schema: its parts in byte order, as the slicer cuts them.

Rule kept: a part is a leaf, the branch byte of a record that may be absent, or an array; an array of records is one
part, so no array can be given partly (contract.md section 0, rule 6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from consent.terms import PartyRole
from hub.contracts.shape import Avro, base_name, inline, nullable


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of bytes of a record.

    `leaves`: the paths in it (several for an array of records, none for a branch byte). `kind`: its Avro type, the
    nullable union taken off. `under`: positions of the branch bytes it lies under, outermost first.
    """

    leaves: tuple[str, ...]
    field: Mapping[str, Any]
    kind: Avro
    null: bool
    under: tuple[int, ...]
    block: PartyRole | None

    @property
    def array(self) -> bool:
        """Whether the part is an array, of records or of plain values."""
        return base_name(self.kind) == "array"

    @property
    def branch(self) -> bool:
        """Whether the part is the branch byte of a record that may be absent."""
        return not self.leaves


def layout(avsc: Avro) -> tuple[Part, ...]:
    """The parts of an event schema, in byte order."""
    parts: list[Part] = []
    _record(parts, inline(avsc)["fields"], "", (), None)
    return tuple(parts)


def _record(
    parts: list[Part], fields: list[Mapping[str, Any]], above: str, under: tuple[int, ...], block: PartyRole | None
) -> None:
    for field in fields:
        kind, null = nullable(field["type"])
        path = above + field["name"]
        if base_name(kind) != "record":
            parts.append(Part(tuple(_paths(kind, path)), field, kind, null, under, block))
            continue
        inner = under
        if null:
            inner = (*under, len(parts))
            parts.append(Part((), field, kind, null, under, block))
        _record(parts, kind["fields"], path + ".", inner, _party(kind["name"]) or block)


def _paths(kind: Avro, path: str) -> Iterator[str]:
    """The leaf paths of one part: itself, or all below an array of records."""
    items = kind["items"] if base_name(kind) == "array" else None
    if items is None or base_name(items) != "record":
        yield path
        return
    for field in items["fields"]:
        yield from _paths(nullable(field["type"])[0], f"{path}[].{field['name']}")


def _party(record: str) -> PartyRole | None:
    return next((role for role in PartyRole if role.value == record.lower()), None)
