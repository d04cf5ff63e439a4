"""The layout of an event schema: its parts in byte order, as the slicer cuts them.

Rule kept: a part is a leaf, the branch byte of a record that may be absent, or an array; an array of records is one
part, so what happens to one element happens to all (contract.md section 0, rule 6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from consent.terms import PartyRole
from hub.contracts.shape import Avro, base_name, inline, nullable

EVENT_FACTS = 26
"""The group of event facts; its first time that is always there is the event's own moment."""


class Leaf(NamedTuple):
    """One leaf of a part: its path, its field, its Avro type with the nullable union taken off, and whether it was."""

    path: str
    field: Mapping[str, Any]
    kind: Avro
    null: bool


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of bytes of a record.

    `inside`: the leaves in it (several for an array of records, none for a branch byte). `kind`: its Avro type, the
    nullable union taken off. `under`: positions of the branch bytes it lies under, outermost first.
    """

    path: str
    inside: tuple[Leaf, ...]
    field: Mapping[str, Any]
    kind: Avro
    null: bool
    under: tuple[int, ...]
    block: PartyRole | None

    @property
    def leaves(self) -> tuple[str, ...]:
        """The paths of its leaves."""
        return tuple(leaf.path for leaf in self.inside)

    @property
    def array(self) -> bool:
        """Whether the part is an array, of records or of plain values."""
        return base_name(self.kind) == "array"

    @property
    def branch(self) -> bool:
        """Whether the part is the branch byte of a record that may be absent."""
        return not self.inside


def layout(avsc: Avro) -> tuple[Part, ...]:
    """The parts of an event schema, in byte order."""
    parts: list[Part] = []
    _record(parts, inline(avsc)["fields"], "", (), None)
    return tuple(parts)


def occasion(parts: Sequence[Part]) -> int | None:
    """The position of the event's own moment: its first event fact that is a time and always there.

    `consent.generalise.occasion` names the same leaf from the description of the type.
    """
    for position, part in enumerate(parts):
        always = not part.null and not part.under and base_name(part.kind) == "timestamp-millis"
        if always and part.field.get("punte.group") == EVENT_FACTS:
            return position
    return None


def _record(
    parts: list[Part], fields: list[Mapping[str, Any]], above: str, under: tuple[int, ...], block: PartyRole | None
) -> None:
    for field in fields:
        kind, null = nullable(field["type"])
        path = above + field["name"]
        if base_name(kind) != "record":
            parts.append(Part(path, tuple(leaves(field, path)), field, kind, null, under, block))
            continue
        inner = under
        if null:
            inner = (*under, len(parts))
            parts.append(Part(path, (), field, kind, null, under, block))
        _record(parts, kind["fields"], path + ".", inner, _party(kind["name"]) or block)


def leaves(field: Mapping[str, Any], path: str) -> Iterator[Leaf]:
    """The leaves of one field: itself, or all below a record or an array of records."""
    kind, null = nullable(field["type"])
    array = base_name(kind) == "array"
    record = kind["items"] if array else kind
    if base_name(record) != "record":
        yield Leaf(path, field, kind, null)
        return
    for inner in record["fields"]:
        yield from leaves(inner, f"{path}{'[]' if array else ''}.{inner['name']}")


def _party(record: str) -> PartyRole | None:
    return next((role for role in PartyRole if role.value == record.lower()), None)
