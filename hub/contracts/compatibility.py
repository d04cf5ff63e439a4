"""Compatibility of schema versions: Avro's own rules in both directions, and the project's own about classification.

Rule kept: a tag may only get stricter. A new version of a schema neither frees a field that was classified nor lets a
field reveal less than it did, so no release widens by a schema change alone (reliability-security.md B23).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from consent.terms import EventType, Field
from hub.contracts.shape import Avro

SEVERITY = {name: rank for rank, name in enumerate(("S0", "S1", "S2", "S5", "S3", "S4", "S6", "S8", "S9", "S7", "S10"))}
"""How strict a class is: public, operational, identity, offence, place, special, child, text, secret, safety, live."""


def loosened(old: EventType, new: EventType) -> Iterator[str]:
    """One sentence for each field of the new version that is less protected than in the old one."""
    after = {field.path: field for field in new.fields}
    for field in old.fields:
        later = after.get(field.path)
        if later is None:
            yield f"`{field.path}` is gone: consents and rows that name its group would mean something else"
        else:
            yield from _looser(field, later)


def _looser(old: Field, new: Field) -> Iterator[str]:
    if new.group != old.group:
        yield f"`{old.path}` moved from group {old.group} to {new.group}: rows already signed would give it to others"
    if SEVERITY[new.sensitivity] < SEVERITY[old.sensitivity]:
        yield f"`{old.path}` went from class {old.sensitivity} down to {new.sensitivity}"
    if not old.reveals <= new.reveals and old.reveals != {"none"}:
        yield f"`{old.path}` no longer says all it reveals"
    if new.kind != old.kind:
        yield f"`{old.path}` is no longer a {old.kind}: it would leave without its pseudonym"


def pairs(versions: Sequence[Avro]) -> Iterator[tuple[Avro, Avro]]:
    """Reader and writer pairs that must resolve for FULL_TRANSITIVE: each version and each earlier one, both ways."""
    for later, new in enumerate(versions):
        for old in versions[:later]:
            yield new, old
            yield old, new
