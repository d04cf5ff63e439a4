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


class Plains(dict[bytes, bytes]):
    """What the references of one event stand for, each found out once: the 72 bytes that are sealed for every unit.

    The publisher's own reference, or one the hub gave it, opened under its own key (`KeyFault` when it is not one).
    """

    __slots__ = ("_keys", "_source")

    def __init__(self, source: str, keys: UnitKeys) -> None:
        super().__init__()
        self._source, self._keys = source, keys

    def __missing__(self, raw: bytes) -> bytes:
        """Find out and remember."""
        opened = self._keys.open_ref(raw) if len(raw) > LONGEST_OWN else reference_plain(self._source, raw)
        self[raw] = opened
        return opened


class Origin(NamedTuple):
    """Whom an event comes from, and its parties: what pseudonyms are made of, once per event."""

    source: bytes
    parties: Mapping[PartyRole, bytes]
    plains: Plains


class UnitSeals(NamedTuple):
    """Implements `hub.release.slicer.Seals` for one unit and one event."""

    keys: UnitKeys
    origin: Origin

    def ref(self, raw: bytes) -> bytes:
        """A reference as this unit alone sees it: 118 characters."""
        return self.keys.seal_ref(self.origin.plains[raw])

    def person(self, role: PartyRole | None, raw: bytes) -> bytes:
        """A person as this unit alone sees her, by her handle where a CNP was given, else by local reference.

        22 characters.
        """
        handle = self.origin.parties.get(role)  # type: ignore[arg-type]
        return self.keys.person(b"h" + handle if handle is not None else b"l%b\0%b" % (self.origin.source, raw))
