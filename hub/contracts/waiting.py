"""Entries of quarantine and of parking: what waits for a person, or for a cause that will pass. Pure.

Rule kept: an entry says where, why and whose in codes and positions; the record itself only sealed to a public key
(contract.md section 8; `hub.contracts.sealing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.contracts.audit import BLANK_ENTRY, Stage
from hub.contracts.codec import CodecFault, RecordCodec
from hub.contracts.keys import bytes_digest
from hub.contracts.record import KafkaRecord
from hub.contracts.sealing import MOST_PLAIN, Sealer, SealFault, bound_to, open_sealed

_NOTHING: Final[Mapping[str, None]] = {"keyId": None, "record": None}


@dataclass(frozen=True, slots=True)
class Original:
    """A record as it was sealed: its key, its headers in order, its value."""

    key: bytes | None
    headers: list[tuple[str, bytes | None]]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Makes the entries. Without a `sealer` they hold no record: the position points into its topic."""

    entries: RecordCodec
    originals: RecordCodec
    sealer: Sealer | None = None

    def entry(self, record: KafkaRecord, stage: Stage, code: str, now: int, **known: Any) -> bytes:
        """The framed entry of a record that stopped. `known`: the other leaves of `audit.quarantine`, as far as known.

        A further attempt of a record that was sealed before passes the position it had then as `input`.
        """
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        said = {"stage": stage.value, "code": code, "input": where, "sha256": bytes_digest(record.value or b"")}
        value = {**BLANK_ENTRY, **said, "at": now, **known}
        return self.entries.encode({**value, **self._sealed(record, value["input"])})

    def _sealed(self, record: KafkaRecord, where: Mapping[str, Any]) -> Mapping[str, Any]:
        """The sealed record and its key; nothing where there is no key, or the record is larger than is kept."""
        if self.sealer is None or len(record.value or b"") > MOST_PLAIN:
            return _NOTHING
        headers = [{"name": name, "value": value} for name, value in record.headers]
        try:
            plain = self.originals.encode({"key": record.key, "headers": headers, "value": record.value})
        except CodecFault:  # a header name that is no text: the position and the digest stay
            return _NOTHING
        sealed = self.sealer.seal(plain, bound_to(where["topic"], where["partition"], where["offset"]))
        return _NOTHING if sealed is None else {"keyId": self.sealer.key_id, "record": sealed}

    def opened(self, entry: Mapping[str, Any], private: bytes) -> Original:
        """The record of an entry; SealFault where it holds none or does not open with this key."""
        if entry["record"] is None:
            raise SealFault("the entry holds no record, only its position")
        where = entry["input"]
        plain = open_sealed(private, entry["record"], bound_to(where["topic"], where["partition"], where["offset"]))
        found = self.originals.decode(plain)
        return Original(found["key"], [(h["name"], h["value"]) for h in found["headers"]], found["value"])
