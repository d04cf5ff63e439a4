"""Everything a read_committed client can see once the run is over, on the disk, with an index small enough for memory.

Rule kept: nothing here judges. Records are read once, from the first to the end, and written to one file; what is kept
in memory says where each lies, by source and by release, so that the sources can be judged one by one.
"""

from __future__ import annotations

import mmap
import pickle
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer

from consent.terms import Lane
from hub import assemble
from hub.check import compare
from hub.check import kafka as outside
from hub.check.expect import HOLLOW
from hub.check.facts import Entry
from hub.contracts.codec import CodecFault, RecordCodec
from hub.contracts.envelope import EnvelopeFault, parse_inbox
from hub.contracts.topics import REGISTER
from tests.faults.faults import LabFault
from tests.faults.history import Release

PREFIXES: Final = ("inbox.", "admitted.alert", "audit.decision.", "release.", "quarantine.", "parked.", REGISTER)
SILENT_S: Final = 30.0


class Kept(NamedTuple):
    """A record as it was read."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Codecs(NamedTuple):
    """Decoders of decisions and of parked entries, and the schema ids of hollow alerts."""

    decisions: RecordCodec
    entries: RecordCodec
    hollow: frozenset[int]


class Archive:
    """`inbox`: source -> event -> place of its first record. `decisions`: source -> (revision, place), in any order.

    `releases`: topic -> release id -> places, one where all is well. `register`: its entries. `joined`: releases that
    share their trace with another topic's. `quarantined`: how many records. `own`: as `inbox`, hollow alerts, which the
    hub writes itself. `parked`: the entries of releases that waited.
    """

    def __init__(self, path: Path) -> None:
        self.inbox: dict[str, dict[str, int]] = defaultdict(dict)
        self.decisions: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self.releases: dict[str, dict[str, int | tuple[int, ...]]] = defaultdict(dict)
        self.register: list[Entry] = []
        self.joined: list[str] = []
        self.quarantined = 0
        self.own: dict[str, dict[str, int]] = defaultdict(dict)
        self.parked: list[Mapping[str, Any]] = []
        self._traces: dict[bytes, str] = {}
        self._path, self._out = path, path.open("wb")
        self._map: mmap.mmap | None = None

    def put(self, made: Any) -> int:
        """Write one thing down; where it lies."""
        place = self._out.tell()
        pickle.dump(made, self._out, pickle.HIGHEST_PROTOCOL)
        return place

    def close(self) -> None:
        """Nothing more comes; from now on it is read."""
        self._out.close()
        self._traces.clear()
        with self._path.open("rb") as whole:
            self._map = mmap.mmap(whole.fileno(), 0, access=mmap.ACCESS_READ)

    def get(self, place: int) -> Any:
        """What lies at a place."""
        assert self._map is not None
        self._map.seek(place)
        return pickle.load(self._map)  # noqa: S301 - our own file

    def places(self, key: Release) -> tuple[int, ...]:
        """Where the records of a release lie; none when there is none."""
        found = self.releases.get(key[0], {}).get(key[1], ())
        return found if isinstance(found, tuple) else (found,)

    def topics_of(self, name: str) -> list[str]:
        """The topics on which a release id lies."""
        return [topic for topic, names in self.releases.items() if name in names]

    @property
    def count(self) -> int:
        """Release records."""
        return sum(len(self.places((t, n))) for t, names in self.releases.items() for n in names)

    def take(self, record: Kept, codecs: Codecs) -> None:
        """Sort one record in."""
        if record.topic.startswith("release."):
            self._release(record)
        elif record.topic.startswith("inbox."):
            self._inbox(record)
        elif record.topic.startswith("audit.decision."):
            self._decision(record, codecs.decisions)
        elif record.topic.startswith("parked."):
            self.parked.append(codecs.entries.decode(record.value or b""))
        elif record.topic.startswith("admitted."):
            self._admitted(record, codecs.hollow)
        else:
            self.quarantined += 1

    def _release(self, record: Kept) -> None:
        headers, names, place = dict(record.headers), self.releases[record.topic], self.put(record)
        name = (headers.get("ce_id") or b"").decode("ascii", "replace")
        names[name] = (*self.places((record.topic, name)), place) if name in names else place
        trace = (headers.get("traceparent") or b"")[: compare.TRACE_ID]
        if self._traces.setdefault(trace, record.topic) != record.topic:
            self.joined.append(record.topic)

    def _inbox(self, record: Kept) -> None:
        try:
            envelope = parse_inbox(record.headers)
        except EnvelopeFault:
            return
        if envelope.id not in self.inbox[envelope.source]:
            self.inbox[envelope.source][envelope.id] = self.put(record)

    def _admitted(self, record: Kept, hollow: frozenset[int]) -> None:
        if outside._schema_of(record) in hollow:
            source, event = outside._own(record)
            self.own[source].setdefault(event, self.put(record))

    def _decision(self, record: Kept, codec: RecordCodec) -> None:
        try:
            found = codec.decode(record.value or b"")
        except CodecFault:
            return
        self.decisions[found["source"]].append((int(found["registerRevision"]), self.put(dict(found))))


async def archived(parts: assemble.Parts, path: Path) -> Archive:
    """Read everything there is."""
    made, registers = Archive(path), parts.registers()
    hollow = frozenset(parts.catalogue.versions(HOLLOW))
    codecs = Codecs(parts.record("audit.decision"), parts.record("audit.quarantine"), hollow)
    async for record in _records(parts):
        if record.topic == REGISTER:
            made.register.append(outside._entry(registers, record))
        else:
            made.take(record, codecs)
    made.close()
    return made


async def _records(parts: assemble.Parts) -> Any:
    consumer = AIOKafkaConsumer(
        **parts.options,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    try:
        places = await outside._partitions(parts.settings, PREFIXES)
        consumer.assign(places)
        ends = {place: end for place, end in (await consumer.end_offsets(places)).items() if end > 0}
        await consumer.seek_to_beginning(*places)
        moved = time.monotonic()
        while ends:
            found = await consumer.getmany(*ends, timeout_ms=500)
            moved = time.monotonic() if found else moved
            for some in found.values():
                for one in some:
                    yield Kept(one.topic, one.partition, one.offset, one.timestamp, one.key, one.value, one.headers)
            ends = {place: end for place, end in ends.items() if await consumer.position(place) < end}
            if time.monotonic() - moved > SILENT_S:
                raise LabFault(f"`{next(iter(ends)).topic}` could not be read to its end")
    finally:
        await consumer.stop()


async def released(parts: assemble.Parts, unit: str) -> int:
    """How many releases of one unit a reader sees."""
    prefixes = tuple(f"release.{lane.value}.{unit}." for lane in Lane)
    return sum(len(records) for records in (await outside._read(parts.settings, prefixes)).values())


def names(archive: Archive) -> Iterator[Release]:
    """Every release there is."""
    return ((topic, name) for topic, some in archive.releases.items() for name in some)


class Shelf(Mapping[Release, Kept]):
    """The releases of an archive as the reference takes them: one at a time, each once. `taken`: those it asked for."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.taken: set[Release] = set()

    def __getitem__(self, key: Release) -> Kept:
        found = self._archive.places(key)
        if not found:
            raise KeyError(key)
        return Kept(*self._archive.get(found[-1]))

    def __iter__(self) -> Iterator[Release]:
        return names(self._archive)

    def __len__(self) -> int:
        return self._archive.count

    def pop(self, key: Release, default: Kept | None = None) -> Kept | None:
        """Take one from the shelf."""
        self.taken.add(key)
        return self.get(key, default)
