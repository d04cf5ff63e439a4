"""Versions of an event type side by side: both are admitted, and a gateway knows one layout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from consent.pack import compile_texts
from consent.terms import Profile
from hub.__main__ import run
from hub.check.compare import Findings, Reference, _Checker
from hub.check.facts import Register
from hub.contracts.catalogue import Catalogue, SchemaRefused
from hub.contracts.codec import codec
from hub.contracts.envelope import inbox_headers, parse_inbox
from hub.contracts.federation import FederationRefused, parse_federation
from hub.contracts.files import load_catalogue, read_lock, schema_root
from hub.contracts.wire import WireError, strict_decode, strict_readers
from hub.errors import Exit
from hub.gateway.compiled import runtimes
from hub.registry.federation import Signed, federation_records
from tests.cases.pack import policy, texts, types
from tests.support.history import KEYS, Kept, plain_rows

TYPE = "emis.alert.raised"
ADDED = {
    "name": "orderKind",
    "type": ["null", {"type": "enum", "name": "OrderKind", "symbols": ["ppo", "court"]}],
    "default": None,
    "doc": "Kind of order",
    "punte.ro": "Felul ordinului",
    "punte.group": 26,
    "punte.class": "S1",
    "punte.reveals": ["none"],
}
Change = Callable[[dict[str, Any]], object]


def folder(at: Path, change: Change) -> Path:
    """A copy of `schemas/` with a changed second version of the alert, its releases compiled where it loads."""
    made = Path(shutil.copytree(str(schema_root()), at / "schemas"))
    second = json.loads((made / f"events/{TYPE}/v1.avsc").read_text("utf-8"))
    change(second)
    (made / f"events/{TYPE}/v2.avsc").write_text(json.dumps(second), "utf-8")
    lock = read_lock(made)
    lock["events"][f"{TYPE}/v2"] = max(lock["events"].values()) + 1
    (made / "lock.json").write_text(json.dumps(lock), "utf-8")
    return made


@pytest.fixture
def two(tmp_path: Path) -> Catalogue:
    """The catalogue with a second version of the alert that has one more leaf."""
    made = folder(tmp_path, lambda second: second["fields"].append(ADDED))
    assert run(["policy", "compile", "--schemas", str(made)]) == Exit.DONE
    return load_catalogue(made)


def alert() -> dict[str, Any]:
    """A record as the first version has it."""
    text = schema_root().joinpath(f"examples/{TYPE}/valid-full.json").read_text("utf-8")
    return dict(json.loads(text))


def written(catalogue: Catalogue, record: Mapping[str, Any]) -> bytes:
    """A record under the version that fits it."""
    number = catalogue.version_of(TYPE, record)
    return codec(TYPE, number, catalogue.schemas[number]).encode(record)


SEALS: Any = SimpleNamespace(seal_ref=lambda plain: b"r" * 118, person=lambda plain: b"p" * 22)


class Plains(dict[int, bytes]):
    """Whatever a reference stands for: nothing."""

    def __missing__(self, position: int) -> bytes:
        """The plain of a position."""
        return b""


def released(catalogue: Catalogue, value: bytes) -> list[bytes]:
    """All releases of an alert, checked in full, in the order of their names."""
    proven = compile_texts(texts(), catalogue.types, Profile.DEMO)
    runtime = runtimes(catalogue, proven)[int.from_bytes(value[1:5], "big")]
    body = value[5:] + runtime.nulls
    offsets = runtime.slicer.walk(body)
    found = []
    for release in sorted(runtime.outgoing, key=lambda one: one.name):
        outgoing = runtime.outgoing[release]
        found.append(outgoing.cut(body, offsets, Plains(), SEALS))
        outgoing.check(found[-1])
        outgoing.full_check(found[-1])
    return found


def test_both_versions_are_admitted_as_they_are(two: Catalogue) -> None:
    """Each under its own id; a record without the new leaf is the first version's, so its bytes stay what they were."""
    old, new = written(two, alert()), written(two, alert() | {"orderKind": "court"})
    readers = strict_readers(two)
    assert strict_decode(old, readers).record == alert()
    assert strict_decode(new, readers).record["orderKind"] == "court"
    assert old == written(load_catalogue(), alert())
    assert new[1:5] != old[1:5]
    with pytest.raises(WireError):
        strict_decode(new[:1] + old[1:5] + new[5:], readers)


def test_an_older_record_is_released_as_one_that_leaves_the_new_leaf_empty(two: Catalogue) -> None:
    """Byte for byte, in every release, and unlike one that has the leaf."""
    old, empty = written(two, alert()), written(two, alert() | {"orderKind": None})
    full = written(two, alert() | {"orderKind": "court"})
    assert old != empty
    assert len(released(two, old)) >= 3
    assert released(two, old) == released(two, empty)
    assert any(a != b for a, b in zip(released(two, old), released(two, full), strict=True))


def test_an_agreement_names_every_version(two: Catalogue) -> None:
    """A unit that publishes a type may use each of its ids; a type without an id is refused by name."""
    text = Path(__file__).parents[2].joinpath("deploy/federation/cluj.toml").read_text("utf-8")
    records = federation_records(parse_federation(text), two.ids, Signed(1, ("p-1", "p-2")))
    desk = next(each for each in records if TYPE in str(each.get("publishes")))
    assert desk["publishes"] == [f"{TYPE}:{number}" for number in two.versions(TYPE)]
    assert len(desk["publishes"]) == 2
    with pytest.raises(FederationRefused, match=r"publishes `nothing\.known`"):
        federation_records(
            parse_federation(text.replace(f'publishes = ["{TYPE}"]', 'publishes = ["nothing.known"]')),
            two.ids,
            Signed(1, ("p-1", "p-2")),
        )


REFUSED: dict[str, tuple[str, Change]] = {
    "a_field_gone": ("deviceRef", lambda second: second["fields"].pop()),
    "a_field_changed": ("kind", lambda second: second["fields"][6].update({"punte.group": 26})),
    "a_field_in_the_middle": ("kind", lambda second: second["fields"].insert(6, ADDED)),
    "a_field_that_must_be_there": (
        "orderKind",
        lambda second: second["fields"].append(
            {key: value for key, value in ADDED.items() if key != "default"} | {"type": "int"}
        ),
    ),
    "an_unclassified_field": (
        "orderKind",
        lambda second: second["fields"].append({key: value for key, value in ADDED.items() if key != "punte.class"}),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_version_that_does_more_than_add_is_refused(tmp_path: Path, name: str) -> None:
    """With file, field and what to do."""
    field, change = REFUSED[name]
    with pytest.raises(SchemaRefused) as refused:
        load_catalogue(folder(tmp_path, change))
    assert f"events/{TYPE}/v2.avsc" in str(refused.value)
    assert f"`{field}`" in str(refused.value)


def test_the_committed_types_are_those_of_their_latest_versions() -> None:
    """What the policy is proven over is what the latest version of each type says."""
    catalogue = load_catalogue()
    assert catalogue.types == types()
    assert policy().releases
    assert all(catalogue.versions(name)[0] == catalogue.ids[f"{name}/v1"] for name in catalogue.types)


def test_the_check_from_outside_reads_an_older_record_as_one_that_leaves_the_new_leaf_empty(two: Catalogue) -> None:
    """It decodes what was published by the id in its own frame, and computes releases over the latest leaves."""
    headers = inbox_headers("4f9f3c1e-0a66-4b43-9c1b-3f0c3b6c3d11", "ur04xc", TYPE, 1_790_000_000_000, "C-1")
    inbox = Kept("inbox.alert.ur04xc", written(two, alert()), headers)
    checker = _Checker(Reference(plain_rows(), two, KEYS, Register([], two.siruta)), Findings(), {})
    seen = checker._seen(parse_inbox(headers), inbox, 0)
    assert dict(seen.record) == alert() | {"orderKind": None}
