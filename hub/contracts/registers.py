"""Register records: one record = one atomic change of one standing fact, key `kind/handle` (contract.md section 7).

Rule kept: a change of mind is a new state, never a tombstone; a tombstone means erasure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.contracts.codec import CodecFault, RecordCodec
from hub.contracts.keys import HANDLE, KeyFault, b64, register_digest, unb64

KINDS: Final = ("unit", "agreement", "relation", "link", "consent", "hold", "matrix", "keycheck")
ADDRESSED_DAYS: Final = 90
UNREADABLE: Final = "unreadable"
"""The state of a change that cannot be read, in its audit copy and where questions tell of it."""
WRITER: Final = "registry"
"""Who signs what the registry itself writes: the relations that events begin."""


@dataclass(frozen=True, slots=True)
class Change:
    """A decoded register record: its kind and handle, the new state, and the whole record (None = erased)."""

    kind: str
    handle: str
    state: str | None
    record: Mapping[str, Any] | None

    @property
    def digest(self) -> bytes:
        """The 16 bytes that stand for this key in audit records."""
        return register_digest(self.kind, self.handle)


def key(kind: str, handle: str) -> bytes:
    """The Kafka key of a register record."""
    return f"{kind}/{handle}".encode()


@dataclass(frozen=True, slots=True)
class RegisterCodecs:
    """The codecs of all kinds, by kind."""

    by_kind: Mapping[str, RecordCodec]

    def encode(self, record: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """Key and framed value of a record."""
        codec = self.by_kind.get(record["kind"])
        if codec is None:
            raise CodecFault("a register record of an unknown kind")
        return key(record["kind"], record["handle"]), codec.encode(record)

    def decode(self, record_key: bytes | None, value: bytes | None) -> Change:
        """The change behind a Kafka record; `CodecFault` when key and value do not belong together."""
        kind, _, handle = (record_key or b"").decode("utf-8", "replace").partition("/")
        codec = self.by_kind.get(kind)
        if codec is None or not handle:
            raise CodecFault("a register record under a key that is not `kind/handle`")
        if value is None:
            return Change(kind, handle, None, None)
        record = codec.decode(value)
        if record["handle"] != handle:
            raise CodecFault("a register record whose key names another handle")
        return Change(kind, handle, record["state"], record)

    def known(self, record_key: bytes | None, value: bytes | None) -> Change | None:
        """The change behind a Kafka record; None when it cannot be read, whatever its bytes are."""
        try:
            return self.decode(record_key, value)
        except (ValueError, LookupError, TypeError, ArithmeticError, EOFError, MemoryError):
            return None


def digest_of(record_key: bytes | None) -> bytes:
    """The 16 bytes that stand for a register key in audit records, whatever that key is."""
    kind, _, handle = (record_key or b"").decode("utf-8", "replace").partition("/")
    return register_digest(kind, handle)


def handle_bytes(text: str) -> bytes:
    """The 16 bytes of a case, person or event handle; `KeyFault` for anything but its one spelling of 22 characters."""
    raw = unb64(text)
    if len(raw) != HANDLE or b64(raw) != text.encode():
        raise KeyFault("not a handle: 22 characters of base64url")
    return raw


def relation_handle(unit: str, target: bytes, role: str) -> str:
    """The handle of a relation: digest of unit, target and role, so that a repeat is the same record."""
    return b64(register_digest("relation", f"{unit}\0{target.hex()}\0{role}")).decode()


def common(kind: str, handle: str, state: str, at: int, by: Sequence[str], reason: str | None = None) -> dict[str, Any]:
    """The leaves every register record has."""
    return {"kind": kind, "handle": handle, "state": state, "at": at, "by": list(by), "reason": reason}
