"""The hollow alert: what goes to the duty desks where an alert cannot be passed on (architecture.md law 5). Pure.

Rule kept: urgency, cause and a single-use call-back reference, nothing of the record it stands for and nothing that
joins it with the case. It is an event of the hub's own on `admitted.alert`: decided, released and proven as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b
from typing import Final, NamedTuple

from consent.terms import PartyRole
from hub.contracts.codec import RecordCodec
from hub.contracts.envelope import Admission, uuid_text
from hub.contracts.keys import KeyRing

TYPE: Final = "hollow.alert"
TOGETHER_MS: Final = 10_000
"""What one sender sends of one case, or unreadable, within so long is one hollow alert: more would only ring again."""
TAG: Final = 16
"""Hexadecimal digits of a case handle in a reference: two cases of one moment have two hollow alerts."""
NOBODY: Final[Mapping[PartyRole, bytes]] = {}


class Cause(StrEnum):
    """Why an alert cannot be passed on: it is no record, it contradicts one before it, or nobody got it."""

    UNREADABLE = "unreadable"
    CONFLICT = "conflict"
    UNSERVED = "unserved"


class Hollow(NamedTuple):
    """A hollow alert as it stands on `admitted.alert`."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def unreadable(now: int) -> tuple[str, int]:
    """Reference and moment (ms) of all that a sender sends unreadable in one stretch of time."""
    return f"{Cause.UNREADABLE}.{now // TOGETHER_MS}", now - now % TOGETHER_MS


def stands_for(cause: Cause, now: int, place: int | None, case: bytes) -> tuple[str, int]:
    """Reference and moment (ms) of the alerts of one case that were read and cannot be passed on.

    The place (SIRUTA; 0 = unknown) leads to its desks. It leaves the hub sealed, as all of a reference does.
    """
    return f"{cause}.{now // TOGETHER_MS}.{place or 0}.{case.hex()[:TAG]}", now - now % TOGETHER_MS


def place_of(reference: str) -> int:
    """The place whose desks a reference asks for; 0 = none: where they did not get the alert, others ring."""
    cause, _, place, *_ = *reference.split("."), "", ""
    return int(place) if cause == Cause.CONFLICT and place.isdigit() else 0


class Hollower:
    """Makes hollow alerts under the keys of a hub."""

    def __init__(self, codec: RecordCodec, keys: KeyRing) -> None:
        """`codec`: that of `hollow.alert` in its latest version."""
        self._codec, self._keys = codec, keys

    def made(
        self, source: str, cause: Cause, ref: str, at: int, about: bytes | None = None, urgency: str = "unknown"
    ) -> Hollow:
        """The hollow alert of a sender: always the same id and bytes for the same reference and moment `at` (ms).

        `about`: the handle of the case it stands for, so that denials are honoured; it leaves nowhere, the subject of a
        hollow alert is a case of its own.
        """
        value = self._codec.encode(
            {"callbackRef": ref, "noticedAt": at, "urgency": urgency, "cause": cause.value, "desks": []}
        )
        digest = bytearray(blake2b(f"{source}\0{ref}".encode(), digest_size=16, person=b"punte.hollow").digest())
        digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
        parties = NOBODY if about is None else {PartyRole.VICTIM: about}
        own = self._keys.case_handle(source, f"hollow.{ref}")
        return Hollow(source.encode(), value, Admission(uuid_text(bytes(digest)), at, own, parties).headers())
