"""From a broker and a journal to a history: everything a read_committed client can see, once the run is over.

Rule kept: nothing here judges; it reads all of it, from the first record to the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from hub import assemble
from hub.check import kafka as outside
from hub.check.compare import History, Reference
from hub.check.expect import HOLLOW
from hub.check.facts import Register
from hub.check.rows import read_rows
from hub.contracts.envelope import EnvelopeFault, parse_inbox, uuid_text
from hub.contracts.record import KafkaRecord
from hub.contracts.topics import REGISTER
from tests.faults.entitled import Entitled, release_key
from tests.faults.history import Act, Allowed, Found, Op
from tests.faults.journal import Sent, read_journal


@dataclass(frozen=True, slots=True)
class Past:
    """A whole history, what the reference allows, what it found wrong beside single releases, and counts."""

    ops: Sequence[Op]
    allowed: Allowed
    beside: Sequence[Found]
    counts: Mapping[str, int]


async def past(parts: assemble.Parts, journal: Path, waits: Mapping[str, float], refused: Iterable[str]) -> Past:
    """Read everything. `waits`: event -> seconds to its decision; `refused`: events that had to be refused."""
    topics = await outside._read(parts.settings, outside.READ)
    sent = read_journal(journal)
    codecs = {name: parts.record(f"audit.{name}") for name in ("decision", "receipt", "quarantine")}
    hollow = frozenset(parts.catalogue.versions(HOLLOW))
    told = outside._history(topics, _empty(journal), codecs, hollow)
    entitled = Entitled(_reference(parts, topics), told)
    beside = entitled.read()
    ops = [*_published(sent), *_taken(topics), *_decided(told, entitled), *_released(told.releases)]
    ops += [Op(Act.WAIT, event, number=int(seconds * 1e3)) for event, seconds in waits.items()]
    counts = {
        "events": len(sent),
        "decided": len({one["eventId"] for one in told.decisions}),
        "releases": len(told.releases),
        "quarantined": len(outside._of(topics, "quarantine.")),
    }
    return Past(ops, Allowed(entitled.releases, frozenset(refused)), beside, counts)


def _empty(journal: Path) -> Path:
    """`hub.check` reads a journal of another form; ours is read by ourselves."""
    made = journal.with_name("none.jsonl")
    made.touch()
    return made


def _reference(parts: assemble.Parts, topics: Mapping[str, list[KafkaRecord]]) -> Reference:
    entries = [outside._entry(parts.registers(), record) for record in outside._of(topics, REGISTER)]
    root = files("consent").joinpath("policies")
    texts = [root.joinpath(name).read_text("utf-8") for name in ("matrix.toml", "dutylines.toml")]
    rows = read_rows(texts[0], texts[1], parts.settings.profile.value)
    return Reference(rows, parts.catalogue, parts.keys, Register(entries, parts.catalogue.siruta))


def _published(sent: Sequence[Sent]) -> Iterator[Op]:
    for one in sent:
        yield Op(Act.PUBLISH, one.event, one.source, outcome=one.outcome.value)


def _taken(topics: Mapping[str, list[KafkaRecord]]) -> Iterator[Op]:
    """The order of each source: the first record of each of its events in its inbox."""
    for record in outside._of(topics, "inbox."):
        try:
            envelope = parse_inbox(record.headers)
        except EnvelopeFault:
            continue
        yield Op(Act.TAKEN, envelope.id, f"{record.topic}", number=record.offset)


def _decided(told: History, entitled: Entitled) -> Iterator[Op]:
    """Decisions, and the releases they name; a name the reference does not know keeps its id and no topic."""
    topic_of = {key[1]: key[0] for releases in entitled.releases.values() for key in releases}
    for decision in told.decisions:
        if decision["part"] == 1:
            yield Op(Act.DECIDE, decision["eventId"], decision["source"])
        for entry in decision["releases"]:
            name = uuid_text(entry["releaseId"])
            yield Op(Act.AUDIT, decision["eventId"], topic_of.get(name, ""), name, digest=entry["sha256"].hex())


def _released(records: Sequence[KafkaRecord]) -> Iterator[Op]:
    for record in records:
        topic, name = release_key(record)
        yield Op(Act.RELEASE, "", topic, name, record.offset, digest=sha256(record.value or b"").hexdigest())
