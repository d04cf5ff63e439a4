"""What people type into the register, measured against now and what stands there. Pure.

Rules kept: who takes back is never refused for what was written before; nobody lifts a hold by writing another one over
it; a moment is typed in milliseconds and near now, since a hold that is over already would hold nobody. Records of a
federation or of the registry itself carry moments of their own and are not measured here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from hub.contracts.envelope import DAY_MS
from hub.contracts.registers import WRITER

Record = Mapping[str, Any]
Told = tuple[str, str, str]
"""Field, what is wrong with it, what to do."""

SIGNED: Final = frozenset({"state", "at", "by", "reason"})
"""What a change of state alone differs in."""
BACK: Final = frozenset({"withdrawn", "off", "ended", "suspended", "closed", "expired", "refused"})
"""The states that take back."""
TARGET: Final = ("unit", "caseHandle", "personHandle", "recipient", "purpose", "person", "a", "b")
"""Whom and what a record is about: under one handle that never changes."""
ACTS: Final = frozenset({("hold", "on"), ("relation", "live")})


@dataclass(frozen=True, slots=True)
class Typed:
    """The moment of a command (ms since 1970) and what stands in the register, by kind and handle.

    `torn`: the keys under which bytes stand that cannot be read.
    """

    now: int
    standing: Mapping[tuple[str, str], Record]
    torn: AbstractSet[tuple[str, str]] = frozenset()

    def old(self, record: Record) -> Record | None:
        """What stands under the key of a record, whatever was typed as its kind and handle."""
        key = record.get("kind"), record.get("handle")
        return self.standing.get(key) if isinstance(key[0], str) and isinstance(key[1], str) else None  # type: ignore[arg-type]

    def mends(self, record: Record) -> bool:
        """Whether a record takes back under a key whose bytes cannot be read: its key is what it is."""
        kind, handle = record.get("kind"), record.get("handle")
        return isinstance(kind, str) and isinstance(handle, str) and (kind, handle) in self.torn and goes_back(record)

    def filled(self, record: Record) -> Record:
        """A record that takes back, with the leaves it lacks as they stand; who, when and why are never filled in.

        So a unit is cut off by a record that was saved before its kind had a newer leaf.
        """
        old = self.old(record)
        if old is None or not goes_back(record):
            return record
        return {**{name: value for name, value in old.items() if name not in SIGNED}, **record}

    def after(self, record: Record) -> Typed:
        """The register as it will stand once this record is written."""
        key = record["kind"], record["handle"]
        return Typed(self.now, {**self.standing, key: record}, self.torn - {key})


def goes_back(record: Record) -> bool:
    """Whether the state of a record, whatever was typed there, is one that takes back."""
    return isinstance(record.get("state"), str) and record["state"] in BACK


def takes_back(old: Record | None, record: Record) -> bool:
    """Whether a record says of what stands only that it no longer does."""
    if old is None or not goes_back(record) or set(old) != set(record):
        return False
    return all(record[name] == old[name] for name in old if name not in SIGNED)


def of_people(record: Record, now: int) -> Iterator[Told]:
    """What holds for any record that people type."""
    if abs(record["at"] - now) > DAY_MS:
        yield "at", "is more than a day away from now", "use milliseconds since 1970, of now"
    until = record.get("until")
    if (record["kind"], record["state"]) in ACTS and until is not None and until <= now:
        yield "until", "is over already: it would do nothing", "give a later end in milliseconds, or null for none"
    if WRITER in record["by"]:
        yield "by", "names the registry, which writes what events begin", "name the people who decided"


def over(old: Record, record: Record, *, readable: bool) -> Iterator[Told]:
    """What may not be written over what stands. What no part of the hub can read is mended: it never acted."""
    if readable and any(old.get(name) != record.get(name) for name in TARGET):
        field = next(name for name in TARGET if old.get(name) != record.get(name))
        yield field, "differs from what stands under this handle", "take a new handle, e.g. a fresh UUID"
    if (record["kind"], record["state"], old["state"]) == ("consent", "given", "withdrawn"):
        yield "state", "is given over a withdrawn one", "a new consent takes a new handle, e.g. a fresh UUID"
    if _shortens(old, record) and len(set(record["by"])) < 2:
        yield "by", "names fewer than 2 different people, and the hold would end earlier", "name both who decided"


def _shortens(old: Record, record: Record) -> bool:
    if record["kind"] != "hold" or {old["state"], record["state"]} != {"on"} or record["until"] is None:
        return False
    ends = old["until"]
    return ends is None or record["until"] < ends
