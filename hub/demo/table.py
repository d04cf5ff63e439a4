"""The tables of the story: units across, fields down, one of the four outcome words in each cell. Pure.

Rule kept: every word is read off the release that went out (its schema id names its leaves and transforms), never
off the policy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consent.terms import EventType, Outcome, Transform
from hub.contracts.catalogue import Catalogue

CELL: Final = len(Outcome.DOES_NOT_LEARN.value)
GIVEN: Final = frozenset({Transform.AS_IS, Transform.PAIRWISE, Transform.PERSON_REF})


@dataclass(frozen=True, slots=True)
class Column:
    """One unit and the schema id of the release it got, None when it does not learn of the event."""

    unit: str
    role: str
    schema_id: int | None


def outcomes(catalogue: Catalogue, event: EventType, column: Column) -> dict[str, Outcome]:
    """What became of every leaf of the event for one unit."""
    if column.schema_id is None:
        return dict.fromkeys((field.path for field in event.fields), Outcome.DOES_NOT_LEARN)
    released = transforms(catalogue.schemas[column.schema_id])
    return {field.path: _outcome(released.get(field.path)) for field in event.fields}


def _outcome(transform: str | None) -> Outcome:
    if transform is None:
        return Outcome.WITHHELD
    return Outcome.GIVEN if Transform(transform) in GIVEN else Outcome.GENERALISED


def transforms(schema: Mapping[str, object], above: str = "") -> dict[str, str]:
    """Path -> transform of every leaf of a release schema."""
    found: dict[str, str] = {}
    for field in schema["fields"]:  # type: ignore[attr-defined]
        path, inner = above + field["name"], _inner(field["type"])
        if inner is None:
            found[path] = field["punte.transform"]
        else:
            record, dots = inner
            found |= transforms(record, path + dots)
    return found


def _inner(kind: object) -> tuple[Mapping[str, object], str] | None:
    """The record a field holds and how its leaves are dotted; None for a leaf."""
    if isinstance(kind, list):
        kind = next(item for item in kind if item != "null")
    if isinstance(kind, Mapping) and kind["type"] == "array":
        items = kind["items"]
        return (items, "[].") if isinstance(items, Mapping) and items["type"] == "record" else None
    return (kind, ".") if isinstance(kind, Mapping) and kind["type"] == "record" else None


def told(cells: Mapping[str, Outcome]) -> bool:
    """Whether a unit learns of the event at all."""
    return any(outcome is not Outcome.DOES_NOT_LEARN for outcome in cells.values())


def text_table(
    title: str, rows: Sequence[str], columns: Mapping[str, Mapping[str, Outcome]], asked: Collection[str]
) -> str:
    """The table as lines of plain text: the units that learn of the event, and those of `asked` that do not.

    `asked`: the units that may learn of this type at all; all others share one line.
    """
    heads = [head for head, cells in columns.items() if head in asked or told(cells)]
    width = max(len(row) for row in rows)
    lines = [title, " " * width + "  " + "  ".join(f"{head:<{CELL}}" for head in heads)]
    lines += [f"{row:<{width}}  " + "  ".join(f"{columns[h][row].value:<{CELL}}" for h in heads) for row in rows]
    if len(heads) < len(columns):
        lines.append(f"all other units: {Outcome.DOES_NOT_LEARN.value}")
    return "\n".join(line.rstrip() for line in lines)
