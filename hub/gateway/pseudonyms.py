"""Pseudonyms of one event for one unit, made while its releases are cut. Pure.

Rule kept: a reference or a person never leaves as the publisher wrote it, and differs for every unit (contract.md
section 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from consent.terms import PartyRole
from hub.contracts.keys import UnitKeys, reference_plain

LONGEST_OWN: Final = 64


class Origin(NamedTuple):
    """Whom an event comes from, and its parties: what pseudonyms are made of, once per event."""

    source: str
    keys: UnitKeys
    parties: Mapping[PartyRole, bytes]
    plains: dict[bytes, bytes]
    """What references of this event stand for, opened once."""

    def plain(self, raw: bytes) -> bytes:
        """The 72 bytes behind a reference: the publisher's own, or one the hub gave it, opened under its own key."""
        found = self.plains.get(raw)
        if found is None:
            sealed = len(raw) > LONGEST_OWN
            found = self.plains[raw] = self.keys.open_ref(raw) if sealed else reference_plain(self.source, raw)
        return found

    def person(self, role: PartyRole | None, raw: bytes) -> bytes:
        """What stands for a person before it is made pairwise.

        The handle where a CNP was given, else local reference.
        """
        handle = None if role is None else self.parties.get(role)
        return b"h" + handle if handle is not None else b"l%b\0%b" % (self.source.encode(), raw)


class UnitSeals(NamedTuple):
    """Implements `hub.release.slicer.Seals` for one unit."""

    keys: UnitKeys
    origin: Origin

    def ref(self, raw: bytes) -> bytes:
        """A reference as this unit alone sees it: 118 characters."""
        return self.keys.seal_ref(self.origin.plain(raw))

    def person(self, role: PartyRole | None, raw: bytes) -> bytes:
        """A person as this unit alone sees her: 22 characters."""
        return self.keys.person(self.origin.person(role, raw))
