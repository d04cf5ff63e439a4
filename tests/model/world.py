"""What the model knows when it decides: an event, and the registers at one instant, in plain words.

Handles are names (`case`, `victim`), roles and purposes are the words of the files, times are ms since 1970.
"""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """An event as the decision may know it; `content` holds enums, and booleans as yes or no, by path."""

    type: str
    source: str
    case: str
    parties: dict[str, str]
    siruta: int | None
    named: frozenset[str]
    content: dict[str, str]

    @property
    def handles(self) -> set[str]:
        """The case and every person of the event."""
        return {self.case, *self.parties.values()}


class Unit(NamedTuple):
    """A service unit; `ordinal` says who comes first among equals."""

    code: str
    role: str
    area: frozenset[int]
    fallback: str | None
    ordinal: int
    suspended: bool


class Relation(NamedTuple):
    """A unit works with a person or on a case; `role` is the part that person has in it."""

    offset: int
    unit: str
    target: str
    role: str
    since: int
    until: int | None
    live: bool


class Consent(NamedTuple):
    """What `giver` said about `person`, one recipient and one purpose; `by` and `witness` recorded it."""

    offset: int
    giver: str
    person: str
    recipient: str
    purpose: str
    package: str | None
    groups: frozenset[int]
    state: str
    alone: bool
    until: int
    by: frozenset[str]
    witness: str


class Hold(NamedTuple):
    """A safety block on one handle; `unit` None keeps everyone out."""

    offset: int
    target: str
    unit: str | None
    until: int | None
    on: bool


class World(NamedTuple):
    """The registers at one instant. `subscriptions` = (unit, purpose) of those who receive the event's type."""

    now: int
    stale: bool
    units: dict[str, Unit]
    subscriptions: tuple[tuple[str, str], ...]
    relations: tuple[Relation, ...]
    consents: tuple[Consent, ...]
    holds: tuple[Hold, ...]
    links: tuple[tuple[str, str], ...]

    def linked(self, handles: set[str]) -> set[str]:
        """The handles and everything joined to them, however many links away."""
        reached = set(handles)
        grown = True
        while grown:
            more = {b for a, b in self.links if a in reached} | {a for a, b in self.links if b in reached}
            grown = not more <= reached
            reached |= more
        return reached
