"""Makes Kafka's client read a header name that is not UTF-8, instead of stopping at its record for ever.

Rule kept: such a name costs its own record only: it is read with replacement characters, which no rule of a release
or a receipt fits. The same as `hub/follow/kafka.py` does for admission; connectors share no code with the hub's parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def read_tolerantly() -> None:
    """For every consumer of this process from now on; again is nothing."""
    fetcher.MemoryRecords = _TolerantRecords


class _TolerantRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches of a fetch, each able to read itself again without the strict decoding of header names."""

    def next_batch(self, *_: Any) -> Any:
        """The next batch, or None."""
        stored = bytes(self._next_slice) if self._next_slice is not None else b""
        batch = super().next_batch()
        return None if batch is None else _TolerantBatch(batch, stored)


class _TolerantBatch:
    """One record batch: the fast reading first, the tolerant one from where that failed."""

    def __init__(self, batch: Any, stored: bytes) -> None:
        self._batch, self._stored = batch, stored

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                read += 1
                yield record
        except UnicodeDecodeError:
            yield from islice(self._again(), read, None)

    def _again(self) -> Any:
        batch = _DefaultRecordBatchPy(self._stored)
        batch._maybe_uncompress()  # noqa: SLF001 - aiokafka has no public way to read a batch again
        batch._buffer = _Replacing(batch._buffer)  # noqa: SLF001 - as above
        return batch


class _Replacing(bytearray):
    """Bytes whose slices decode with replacement characters instead of failing."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Replacing(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        """Never fails."""
        return super().decode(encoding, "replace")
