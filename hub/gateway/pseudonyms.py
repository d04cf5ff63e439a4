"""Pseudonyms of one event for one unit, made while its releases are cut. Pure.

Rule kept: a reference or a person never leaves as the publisher wrote it, and differs for every unit (contract.md
section 1).
"""

from __future__ import annotations

from typing import Any, Final

from hub.contracts.envelope import Admission
from hub.contracts.keys import UnitKeys, reference_plain
from hub.release.slicer import Offsets, Slicer

LONGEST_OWN: Final = 64


class Origin(dict[int, Any]):
    """What the references and persons of one event stand for, by position, each found out once for all units.

    A reference: 72 bytes, the publisher's own or one the hub gave it, opened under its own key (`KeyFault` when it is
    not one). A person: her handle where a CNP was given, else her local reference; in an array, where nobody is the
    party of the case, always the local reference. A leaf in an array: a tuple of these, in the order of its elements.
    Implements `hub.release.slicer.Plains`.
    """

    __slots__ = ("_body", "_keys", "_offsets", "_parties", "_slicer")

    def __init__(self, slicer: Slicer, body: bytes, offsets: Offsets, admission: Admission, keys: UnitKeys) -> None:
        """`keys`: those of the source."""
        self._slicer, self._body, self._offsets, self._keys = slicer, body, offsets, keys
        self._parties = admission.parties

    def __missing__(self, position: int) -> bytes | tuple[bytes, ...]:
        """Find out and remember."""
        block, person, many = self._slicer.pairwise[position]
        handle = self._parties.get(block) if person and block is not None else None
        found: bytes | tuple[bytes, ...]
        if many:
            written = self._slicer.texts(position, self._body, self._offsets)
            found = tuple(self._own(raw, person=person) for raw in written)
        elif handle is not None:
            found = b"h" + handle
        else:
            found = self._own(self._slicer.text(position, self._body, self._offsets), person=person)
        self[position] = found
        return found

    def _own(self, raw: bytes, *, person: bool) -> bytes:
        """What stands for a person without a CNP, or for a reference: the source and what it wrote."""
        if person:
            return b"l%b\0%b" % (self._keys.unit.encode(), raw)
        return self._keys.open_ref(raw) if len(raw) > LONGEST_OWN else reference_plain(self._keys.unit, raw)
