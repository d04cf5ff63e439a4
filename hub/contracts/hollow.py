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
"""What one sender's records cannot be read within so long is one hollow alert: whoever gets it calls that sender."""
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


def position_ref(cause: Cause, partition: int, offset: int) -> str:
    """The reference of one admitted alert."""
    return f"{cause}.{partition}.{offset}"


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
