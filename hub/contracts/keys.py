"""Keys and everything derived from them: handles, pairwise references, person digests, release ids.

Rule kept: one secret per epoch, one HKDF-derived key per use and per unit, so that no two units share a key and no
value of one unit can be matched with a value of another (contract.md section 1; RFC 5869 HKDF, RFC 5297 AES-SIV, RFC
9562 UUIDv8). Pure: the secret arrives as bytes; `hub.settings` reads the file.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

REF_PLAIN: Final = 72
REF_SEALED: Final = 118
CASE_SEALED: Final = 43
PERSON_REF: Final = 22
HANDLE: Final = 16
PSEUDONYMS: Final = 4096
"""Cases and persons remembered for each unit: the events of a case come one after another."""

_URLSAFE: Final = bytes.maketrans(b"+/", b"-_")


class KeyFault(ValueError):
    """A secret file or a sealed value that cannot be used. Never holds the value."""


def b64(raw: bytes) -> bytes:
    """Base64url without padding (RFC 4648 section 5), as ASCII bytes."""
    return binascii.b2a_base64(raw, newline=False).translate(_URLSAFE, b"=")


def unb64(text: str | bytes) -> bytes:
    """The bytes behind unpadded base64url; `KeyFault` when the text is not that."""
    data = text.encode() if isinstance(text, str) else text
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise KeyFault("not base64url") from None


def event_digest(source: str, event_id: str) -> bytes:
    """16 bytes that stand for (source, event id).

    The key of `seen`, `audit.decision` and `quarantine` (contract.md section 2).
    """
    digest = _EVENT.copy()
    digest.update(f"{source}\0{event_id}".encode())
    return digest.digest()


def attempt_name(event_id: str, attempt: int) -> str:
    """What a further attempt (2, 3 ...) of an event is called where its digest is made of source and id."""
    return f"{event_id}\0attempt\0{attempt}"


def register_digest(kind: str, handle: str) -> bytes:
    """16 bytes that stand for a register key `kind/handle` in audit records."""
    return blake2b(f"{kind}/{handle}".encode(), digest_size=16, person=b"punte.register").digest()


_UUID8_KEPT: Final = (1 << 128) - 1 ^ 0xF << 76 ^ 0x3 << 62
_UUID8_SET: Final = 0x8 << 76 | 0x2 << 62
"""Version (8) and variant bits of RFC 9562 section 5.8, in a UUID as one number."""
_EVENT: Final = blake2b(digest_size=16, person=b"punte.event")
"""Copied for each event: its making costs more than the digest of an event."""


@dataclass(frozen=True, slots=True)
class UnitKeys:
    """The keys of one unit in one epoch. Everything that leaves for the unit under a pseudonym goes through here."""

    unit: str
    seal_case: Callable[[bytes], bytes]
    """The pairwise case reference: AES-SIV of the 16-byte case handle, 43 base64url characters."""
    person: Callable[[bytes], bytes]
    """The pairwise person reference of a handle or local reference: HMAC cut to 128 bits, 22 base64url characters."""
    seal_ref: Callable[[bytes], bytes]
    """A pairwise reference: AES-SIV of `reference_plain(...)` (72 bytes), 118 base64url characters."""
    _case: AESSIV
    _ref: AESSIV
    _release: blake2b

    def open_case(self, reference: str) -> bytes:
        """The 16-byte case handle behind a reference this unit was given; `KeyFault` when it is not one."""
        return self._open(self._case, reference, CASE_SEALED)

    def open_ref(self, sealed: str | bytes) -> bytes:
        """The 72 bytes behind a reference this unit was given; `KeyFault` when it is not one."""
        return self._open(self._ref, sealed, REF_SEALED)

    def release_id(self, event: bytes, purpose: str, attempt: int) -> bytes:
        """The id of one release as the 16 bytes of a UUIDv8: keyed digest of (event, unit, purpose, attempt)."""
        return self.identified(event + attempt_tail(purpose, attempt))

    def identified(self, attempt: bytes) -> bytes:
        """The id of a release whose event digest and `attempt_tail` are joined already."""
        keyed = self._release.copy()
        keyed.update(attempt)
        return (int.from_bytes(keyed.digest(), "big") & _UUID8_KEPT | _UUID8_SET).to_bytes(16, "big")

    @staticmethod
    def _open(key: AESSIV, sealed: str | bytes, length: int) -> bytes:
        if len(sealed) != length:
            raise KeyFault("not a reference of the hub: wrong length")
        try:
            return key.decrypt(unb64(sealed), None)
        except InvalidTag:
            raise KeyFault("not a reference given to this unit") from None


def attempt_tail(purpose: str, attempt: int) -> bytes:
    """What follows the event digest in the input of a release id."""
    return b"\0%b\0%d" % (purpose.encode(), attempt)


def reference_plain(source: str, reference: bytes) -> bytes:
    """Source and reference padded to 72 bytes: every sealed reference has one length (contract.md section 1)."""
    return (source.encode() + b"\0" + reference).ljust(REF_PLAIN, b"\0")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All derived keys of one epoch."""

    epoch: int
    _secret: bytes
    _case: bytes
    _person: bytes

    def case_handle(self, source: str, subject: str) -> bytes:
        """The 128-bit case handle of a publisher's own case reference."""
        return hmac.digest(self._case, f"{source}\0{subject}".encode(), "sha256")[:HANDLE]

    def party_handle(self, cnp: str) -> bytes:
        """The 128-bit handle of a person with a personal number; names never join anything."""
        return hmac.digest(self._person, cnp.encode(), "sha256")[:HANDLE]

    def unit(self, code: str) -> UnitKeys:
        """The keys of one unit; the same object for the same unit."""
        return _unit_keys(self._secret, code)

    def check(self) -> bytes:
        """The key check value.

        Proves that a process holds this secret, tells nothing of it (43 base64url characters).
        """
        return b64(_derive(self._secret, "keycheck"))


def key_ring(epoch: int, secret: bytes) -> KeyRing:
    """Derive the ring of one epoch from its secret (at least 32 bytes)."""
    if len(secret) < 32:
        raise KeyFault(
            "the secret has fewer than 32 bytes; make one with `punte demo` or `head -c 32 /dev/urandom | base64`"
        )
    return KeyRing(epoch, secret, _derive(secret, "case"), _derive(secret, "person"))


def parse_secret(text: str) -> KeyRing:
    """The ring of a secret file: JSON `{"epoch": 1, "secret": "<base64url>"}`."""
    try:
        found = json.loads(text)
        epoch, secret = int(found["epoch"]), unb64(found["secret"])
    except (ValueError, KeyError, TypeError):
        raise KeyFault('the secret file is not {"epoch": N, "secret": "<base64url of 32 bytes>"}') from None
    return key_ring(epoch, secret)


def secret_text(epoch: int, secret: bytes) -> str:
    """The text of a secret file."""
    return json.dumps({"epoch": epoch, "secret": b64(secret).decode()}) + "\n"


def bytes_digest(stored: bytes) -> bytes:
    """SHA-256 of stored bytes, as receipts and audit records carry it."""
    return sha256(stored).digest()


def _mac(key: HMAC, plain: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104) under a key that was made ready once."""
    mac = key.copy()
    mac.update(plain)
    return mac.finalize()


def _sealing(key: AESSIV) -> Callable[[bytes], bytes]:
    """References under the key of a unit, `b64` written out: twice for each release, a tenth saved.

    Not remembered: an event names another event each time, and what its source calls the case is another reference
    than what the next source calls it. Measured in a backlog: 16.4 us of slicing an event became 22.
    """
    encrypt, encoded = key.encrypt, binascii.b2a_base64
    return lambda plain: encoded(encrypt(plain, None), newline=False).translate(_URLSAFE, b"=")


def _derive(secret: bytes, use: str, length: int = 32) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=b"punte/" + use.encode()).derive(secret)


@lru_cache(maxsize=4096)
def _unit_keys(secret: bytes, code: str) -> UnitKeys:
    def derived(use: str, length: int = 32) -> bytes:
        return _derive(secret, f"unit/{code}/{use}", length)

    case, ref, person = AESSIV(derived("case", 64)), AESSIV(derived("ref", 64)), HMAC(derived("person"), SHA256())
    remember = lru_cache(PSEUDONYMS)
    return UnitKeys(
        code,
        remember(lambda handle: b64(case.encrypt(handle, None))),
        remember(lambda plain: b64(_mac(person, plain)[:16])),
        _sealing(ref),
        case,
        ref,
        blake2b(key=derived("release"), digest_size=16),
    )
