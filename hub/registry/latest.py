"""The register as it stands, and its audit copy, whatever lies in it. Pure.

Rules kept: only the latest record of a key counts, so a faulty one that was mended under its own key stops nobody; a
change that cannot be read is still copied, with what is known of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hub.contracts.codec import CodecFault, RecordCodec
from hub.contracts.record import KafkaRecord
from hub.contracts.registers import UNREADABLE, Change, RegisterCodecs, digest_of


@dataclass(slots=True)
class Latest:
    """The latest record of every key as bytes; decoded only when all were taken."""

    codecs: RegisterCodecs
    _found: dict[bytes | None, KafkaRecord] = field(default_factory=dict)

    def take(self, record: KafkaRecord) -> None:
        """Take one register record; a tombstone erases its key."""
        self._found.pop(record.key, None)
        if record.value is not None:
            self._found[record.key] = record

    def changes(self) -> dict[tuple[str, str], Change]:
        """The latest change of every key; `CodecFault` when one cannot be read."""
        if any(True for _ in self.unreadable()):
            raise CodecFault("a record of the register cannot be read")
        return self.readable()

    def readable(self) -> dict[tuple[str, str], Change]:
        """The latest change of every key that can be read."""
        changes = (self.codecs.known(key, record.value) for key, record in self._found.items())
        return {(change.kind, change.handle): change for change in changes if change is not None}

    def unreadable(self) -> Iterator[tuple[str, str, int]]:
        """Kind, handle and offset of what stands and cannot be read; the kind may be none of ours."""
        for key, record in self._found.items():
            if self.codecs.known(key, record.value) is None:
                kind, _, handle = (key or b"").decode("utf-8", "replace").partition("/")
                yield kind, handle, record.offset


@dataclass(slots=True)
class Copies:
    """Makes the audit copy of each register change, in the order of the topic."""

    codecs: RegisterCodecs
    records: RecordCodec
    _states: dict[bytes, str | None] = field(default_factory=dict)

    def copy(self, record: KafkaRecord) -> tuple[bytes, bytes, bool]:
        """Key and value of the copy, and whether the change could be read."""
        change = self.codecs.known(record.key, record.value)
        digest = digest_of(record.key)
        state = UNREADABLE if change is None else change.state
        said = {} if change is None or change.record is None else change.record
        copy = {
            "key": digest,
            "offset": record.offset,
            "oldState": self._states.get(digest),
            "newState": state,
            "by": list(said.get("by", ())),
            "at": said.get("at", record.timestamp),
            "organisation": said.get("organisation"),
        }
        self._states[digest] = state
        return digest, self.records.encode(copy), change is not None
