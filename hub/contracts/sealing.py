"""Sealing of what waits for a person: to a public key, so that no running part holds what opens it. Pure.

Rule kept: whoever reads a topic of quarantine or parking without the private key learns nothing of a record, and a
sealed record moved to another position does not open (RFC 9180 HPKE: X25519, HKDF-SHA256, AES-256-GCM).
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

MOST_PLAIN: Final = 80 * 1024
"""Bytes of key, headers and value that are kept; of a larger record only position and digest are."""
KEY_ID: Final = 8
RAW: Final = 32
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PURPOSE: Final = b"punte/sealed/1\0"


class SealFault(ValueError):
    """A key or a sealed record that cannot be used. Never holds a value of either."""


def bound_to(topic: str, partition: int, offset: int) -> bytes:
    """What ties a seal to the record it is about: its position."""
    return b"%b%b\0%d\0%d" % (_PURPOSE, topic.encode(), partition, offset)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals to one public key of 32 bytes."""

    public: X25519PublicKey
    key_id: bytes

    @classmethod
    def of(cls, raw: bytes) -> Sealer:
        """The sealer of a raw public key (RFC 7748)."""
        try:
            return cls(X25519PublicKey.from_public_bytes(raw), key_id(raw))
        except ValueError:
            raise SealFault("the public key has not 32 bytes") from None

    def seal(self, plain: bytes, bound: bytes) -> bytes | None:
        """The sealed bytes: 48 more than the plain ones; None where there are more than `MOST_PLAIN`."""
        return _SUITE.encrypt(plain, self.public, bound) if len(plain) <= MOST_PLAIN else None


def key_id(public: bytes) -> bytes:
    """Which key a record is sealed to: the first 8 bytes of the SHA-256 of the raw public key."""
    return sha256(public).digest()[:KEY_ID]


def open_sealed(private: bytes, sealed: bytes, bound: bytes) -> bytes:
    """What was sealed; SealFault where the key is another one, or the record was changed or moved."""
    try:
        return _SUITE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private), bound)
    except (ValueError, InvalidTag):
        raise SealFault("the sealed record does not open with this key at this position") from None


def parse_key(text: str) -> bytes:
    """The raw key of a key file: 64 hexadecimal digits."""
    try:
        raw = binascii.unhexlify(text.strip())
    except (ValueError, binascii.Error):
        raise SealFault("a key file holds 64 hexadecimal digits") from None
    if len(raw) != RAW:
        raise SealFault("a key file holds 64 hexadecimal digits")
    return raw


def public_of(private: bytes) -> bytes:
    """The public key of a private one, raw."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
