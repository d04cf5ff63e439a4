"""What a record of a topic looks like to the pure parts, whoever fetched it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class KafkaRecord(Protocol):
    """A fetched record: place, moment (ms), key, value, headers as Kafka hands them over (repeated, null)."""

    @property
    def topic(self) -> str:
        """Name of the topic."""
        ...

    @property
    def partition(self) -> int:
        """Partition."""
        ...

    @property
    def offset(self) -> int:
        """Offset in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch, as the writer or the broker set it."""
        ...

    @property
    def key(self) -> bytes | None:
        """Key, if any."""
        ...

    @property
    def value(self) -> bytes | None:
        """Value; None = a tombstone."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Headers in order."""
        ...
