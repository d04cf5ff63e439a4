"""The judgement source by source: silent on what the real parts made, naming what is wrong whoever sent it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consent.terms import Profile
from hub import assemble
from hub.contracts.keys import secret_text
from hub.settings import Settings
from tests.faults import reading
from tests.faults.archive import Archive
from tests.faults.archive import Kept as Record
from tests.faults.history import Kind
from tests.faults.journal import Outcome, Sent
from tests.faults.reading import Past, by_source, judge
from tests.support import history
from tests.support.history import Kept


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> assemble.Parts:
    """Catalogue and keys of the histories."""
    secret = tmp_path_factory.mktemp("keys") / "secret.json"
    secret.touch(0o600)
    secret.write_text(secret_text(1, bytes(range(32))))
    return assemble.parts(Settings(secret_file=secret, profile=Profile.DEMO))


def crowd() -> history.Past:
    """Two hundred random events of all publishers, decided and released."""
    past = history.Past()
    for event in history.pool()[:200]:
        past.happen(event)
    return past


def left(parts: assemble.Parts, path: Path, past: history.Past) -> Past:
    """What a run with this past would leave."""
    archive = Archive(path / "archive")
    archive.register = list(past.entries)
    for record in past.inbox.values():
        archive._inbox(kept(record))
    for record in past.releases:
        archive._release(kept(record))
    for found in past.decisions:
        archive.decisions[found["source"]].append((found["registerRevision"], archive.put(found)))
    archive.close()
    sent = [Sent(one["id"], one["source"], "case", Outcome.OK) for one in past.journal]
    return Past(parts, archive, by_source(sent), {}, frozenset(past.refused))


def kept(record: Kept) -> Record:
    """As it would be read."""
    at = record.topic, record.partition, record.offset, record.timestamp
    return Record(*at, record.key, record.value, record.headers)


def numbered(past: history.Past) -> history.Past:
    """Every release and inbox record at an offset of its own, as on a topic."""
    past.releases = [replace(one, offset=at) for at, one in enumerate(past.releases)]
    past.inbox = {key: replace(one, offset=at) for at, (key, one) in enumerate(past.inbox.items())}
    return past


def kinds(found: Any) -> Counter[Kind]:
    """What is named."""
    return Counter(one.kind for one in found.found)


@pytest.mark.parametrize("few", [0, 10**9])
def test_a_crowd_without_a_fault_is_silent(
    parts: assemble.Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Judged in this process and in several, with every plant found."""
    monkeypatch.setattr(reading, "FEW", few)
    made = judge(left(parts, tmp_path, numbered(crowd())))
    assert (made.found, made.unseen) == ([], [])
    assert made.decided > 150


def test_what_is_wrong_with_one_release_is_named(parts: assemble.Parts, tmp_path: Path) -> None:
    """Lost, doubled, and one that no source ever decided: each is said, of whichever source."""
    past = numbered(crowd())
    lost, doubled, other = past.releases[3], past.releases[40], past.releases[60]
    alien = replace(other, offset=10_000).header("ce_id", b"00000000-0000-4000-8000-000000000000")
    past.releases = [*(one for one in past.releases if one is not lost), replace(doubled, offset=9_999), alien]
    found = kinds(judge(left(parts, tmp_path, past)))
    assert found[Kind.LOST] == 1
    assert found[Kind.DOUBLED] == 1
    assert found[Kind.LEAKED] == 1
    assert found[Kind.TORN] == 2


def test_an_event_nobody_decided_is_lost(parts: assemble.Parts, tmp_path: Path) -> None:
    """Its decision and its releases are gone together."""
    past = numbered(crowd())
    gone = past.decisions.pop(20)
    assert Kind.LOST in kinds(judge(left(parts, tmp_path, past)))
    assert gone["eventId"] in {one.event for one in judge(left(parts, tmp_path, past)).found}
