"""A record of an older version goes the whole way: admitted, decided, released, checked; beside the latest one.

Rule kept: the real parts over a catalogue in which two types have a second version; nothing here reads a layout.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consent.compile import Policy
from consent.pack import compile_texts
from consent.terms import Profile
from hub.__main__ import run
from hub.assemble import beginnings, gateway_codecs, record_codec
from hub.contracts.catalogue import Catalogue
from hub.contracts.files import load_catalogue, read_lock, schema_root
from hub.contracts.wire import strict_readers
from hub.demo.crowd import Published
from hub.demo.kafka import Publishers
from hub.errors import Exit
from hub.gateway.compiled import runtimes
from hub.gateway.rules import Rules
from hub.registry.relations import Relations
from tests.cases.pack import texts
from tests.support import history
from tests.support.history import DISPATCH, KEYS, PATROL, Kept, Past, scene

ALERT, REPORT = "emis.alert.raised", "incident.reported"
OF_FACTS = {"doc": "x", "punte.ro": "x", "punte.group": 26, "punte.class": "S1", "punte.reveals": ["none"]}
ORDER_KIND = {"type": "enum", "name": "OrderKind", "symbols": ["ppo", "court"]}
ADDED: Mapping[str, Mapping[str, Any]] = {
    ALERT: {"name": "orderKind", "type": ["null", ORDER_KIND], "default": None, **OF_FACTS},
    REPORT: {
        "name": "orderRef",
        "type": ["null", "string"],
        "default": None,
        "punte.max": 128,
        "punte.leaf": "ref",
        **OF_FACTS,
    },
}
"""The leaf that the second version of each type adds."""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """The catalogue with a second version of the alert and of the report."""
    made = Path(shutil.copytree(str(schema_root()), tmp_path_factory.mktemp("two") / "schemas"))
    lock = read_lock(made)
    for name, leaf in ADDED.items():
        schema = json.loads((made / f"events/{name}/v1.avsc").read_text("utf-8"))
        schema["fields"].append(leaf)
        (made / f"events/{name}/v2.avsc").write_text(json.dumps(schema), "utf-8")
        lock["events"][f"{name}/v2"] = max(lock["events"].values()) + 1
    (made / "lock.json").write_text(json.dumps(lock), "utf-8")
    assert run(["policy", "compile", "--schemas", str(made)]) == Exit.DONE
    return load_catalogue(made)


@pytest.fixture
def past(two: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Past:
    """A hub of the pilot over that catalogue."""
    scene(1)  # the story is told once, in the first version of each type
    proven = compile_texts(texts(), two.types, Profile.DEMO)
    monkeypatch.setattr(history, "catalogue", lambda: two)
    monkeypatch.setattr(history, "policy", lambda: proven)
    monkeypatch.setattr(history, "rules", lambda: of(two, proven))
    monkeypatch.setattr(history, "_readers", lambda: strict_readers(two))
    return Past()


def of(catalogue: Catalogue, proven: Policy) -> Rules:
    """Everything a gateway compiles."""
    return Rules(proven, runtimes(catalogue, proven), KEYS, gateway_codecs(catalogue))


def newer(event: Published, value: str | None) -> Published:
    """The same event as one who writes the second version sends it, under another id."""
    leaf = str(ADDED[event.type]["name"])
    return replace(event, id="00000000-0000-4000-8000-0000000000fe", record={**event.record, leaf: value})


@pytest.mark.parametrize(("number", "value", "reader"), [(7, "court", DISPATCH), (1, "PO-7", PATROL)])
def test_both_versions_cross_and_the_check_finds_nothing(past: Past, number: int, value: str, reader: str) -> None:
    """The older record reaches the same units, the new leaf empty in each release; the newer one brings it."""
    event = scene(number)
    past.happen(event)
    older = list(past.releases)
    past.happen(newer(event, value))
    later = past.releases[len(older) :]
    assert not past.refused
    assert past.found() == []
    assert [record.topic for record in older] == [record.topic for record in later] != []
    told = [empty_and_full(past, reader, records, event.type) for records in (older, later)]
    assert told[0] is None
    assert told[1] is not None


def empty_and_full(past: Past, unit: str, records: list[Any], event_type: str) -> object:
    """The new leaf as one unit got it."""
    value = next(record.value for record in records if f".{unit}." in record.topic)
    return history.decoded(value)[1][str(ADDED[event_type]["name"])]


@pytest.mark.parametrize("number", [7, 1])
def test_an_older_record_is_released_like_one_that_leaves_the_leaf_empty(past: Past, number: int) -> None:
    """Byte for byte, where the publisher's id is not in it."""
    event = scene(number)
    past.happen(event)
    older = [(record.topic, record.value) for record in past.releases]
    past.happen(newer(event, None))
    assert [(record.topic, record.value) for record in past.releases[len(older) :]] == older


@pytest.mark.parametrize("second", [False, True])
def test_both_versions_begin_the_relation_of_the_patrol_they_name(two: Catalogue, past: Past, *, second: bool) -> None:
    """The registry reads a record by its own version."""
    past.happen(newer(scene(1), "PO-7") if second else scene(1))
    decisions = record_codec(two, "audit.decision")
    relations = Relations(KEYS, beginnings(two), decisions)
    assert list(relations.admitted(past.taken[0])) == []
    decided = Kept(
        "audit.decision.case",
        decisions.encode({name: each for name, each in past.decisions[0].items() if name != "key"}),
        [],
    )
    assert [begun["unit"] for begun in relations.decided(decided)] == [PATROL]


async def test_the_demo_publishes_each_record_under_the_version_that_fits_it(two: Catalogue) -> None:
    """A record without the new leaf is the first version's."""
    event, publishers = scene(7), Publishers({"bootstrap_servers": "127.0.0.1:9"}, two)
    await publishers.__aexit__()
    ids = [
        int.from_bytes(publishers.value(each.type, each.record)[1:5], "big") for each in (event, newer(event, "ppo"))
    ]
    assert tuple(ids) == two.versions(ALERT)
