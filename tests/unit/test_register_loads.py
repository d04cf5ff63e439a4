"""A second load of a federation: it writes what differs, keeps what people closed, replaces neither keys nor policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hub.contracts.keys import key_ring
from hub.registry.federation import (
    LoadRefused,
    changes,
    federation_records,
    refuse_other_keys,
    refuse_other_policy,
    start_records,
)
from hub.registry.federation import Signed as By
from tests.cases.pack import policy
from tests.support.history import KEYS, NOW, SHELTER, SIGNED, catalogue, federation

Register = dict[tuple[str, str], Mapping[str, Any]]
LATER = By(NOW + 1, ("p-3", "p-4"))
UNIT, AGREEMENT, KEYCHECK, ACTIVE = ("unit", SHELTER), ("agreement", SHELTER), ("keycheck", "1"), ("matrix", "active")


def load(signed: By = LATER) -> list[dict[str, Any]]:
    """Every record a load of the pilot's federation wants."""
    return [*start_records(policy(), KEYS, signed), *federation_records(federation(), catalogue().ids, signed)]


def register(**other: Any) -> Register:
    """The register after a first load."""
    return {(record["kind"], record["handle"]): record for record in load(SIGNED)}


def test_a_first_load_writes_everything() -> None:
    """Nothing stands, so nothing is kept."""
    found = changes(load(), {})
    assert list(found.records) == load()
    assert found.kept == ()


def test_a_second_load_of_the_same_writes_nothing() -> None:
    """Other people at another time say the same."""
    assert changes(load(), register()).records == ()


NARROWED: Mapping[str, tuple[tuple[str, str], Mapping[str, Any]]] = {
    "an-agreement-that-ends-earlier": (AGREEMENT, {"until": NOW}),
    "a-subscription-cut": (AGREEMENT, {"subscribes": []}),
    "a-unit-without-an-area": (UNIT, {"area": []}),
    "a-unit-taken-off-its-lanes": (UNIT, {"lanes": [], "area": []}),
}


@pytest.mark.parametrize("name", NARROWED)
def test_a_load_never_opens_what_people_narrowed(name: str) -> None:
    """What differs is left and told by the names of its fields; what is new is written all the same."""
    key, leaves = NARROWED[name]
    standing = register()
    standing[key] = {**standing[key], **leaves}
    del standing[KEYCHECK]
    found = changes(load(), standing)
    assert [(record["kind"], record["handle"]) for record in found.records] == [KEYCHECK]
    assert found.differs == {"/".join(key): tuple(sorted(leaves))}
    assert found.kept == ()


def test_what_is_asked_to_be_replaced_is_written_alone() -> None:
    """Two units differ, one is named: one record as the file has it; the other is left."""
    other = next(key for key in register() if key[0] == "unit" and key != UNIT)
    standing = register()
    for key in (UNIT, other):
        standing[key] = {**standing[key], "area": [1]}
    found = changes(load(), standing, {"/".join(UNIT)})
    assert [(record["kind"], record["handle"], record["state"]) for record in found.records] == [(*UNIT, "active")]
    assert (found.records[0]["area"], found.records[0]["by"]) != ([1], list(SIGNED.by))
    assert found.differs == {"/".join(other): ("area",)}


@pytest.mark.parametrize("key", [UNIT, AGREEMENT, ACTIVE])
def test_active_is_never_written_over_what_cannot_be_read(key: tuple[str, str]) -> None:
    """People may have closed it: left and told; asked to replace it, all is refused, by key and remedy."""
    standing: Register = {**register(), key: {}}
    assert changes(load(), standing).differs == {"/".join(key): ("*",)}
    assert changes(load(), standing).records == ()
    with pytest.raises(LoadRefused) as refused:
        changes(load(), standing, {"/".join(key)})
    assert (refused.value.code, "/".join(key) in str(refused.value)) == ("register_unreadable", True)
    assert ("--activate" if key == ACTIVE else "punte register put") in refused.value.remedy


def test_a_key_check_that_cannot_be_read_is_replaced_only_when_asked() -> None:
    """It has no state of people."""
    standing: Register = {**register(), KEYCHECK: {}}
    assert changes(load(), standing).records == ()
    assert len(changes(load(), standing, {"/".join(KEYCHECK)}).records) == 1


def test_a_new_unit_is_written_unasked() -> None:
    """It is absent, so nothing of people is lost."""
    standing = register()
    del standing[UNIT], standing[AGREEMENT]
    found = changes(load(), standing)
    assert [(record["kind"], record["handle"]) for record in found.records] == [UNIT, AGREEMENT]
    assert found.differs == {}


@pytest.mark.parametrize(
    ("key", "state"), [(UNIT, "suspended"), (UNIT, "closed"), (AGREEMENT, "suspended"), (AGREEMENT, "ended")]
)
def test_a_load_never_opens_what_people_closed(key: tuple[str, str], state: str) -> None:
    """Unchanged: nothing is written, and it is told; changed: the state and its reason go on."""
    standing = register()
    standing[key] = {**standing[key], "state": state, "reason": "asked"}
    unchanged = changes(load(), standing)
    assert (unchanged.records, unchanged.kept) == ((), ("/".join(key),))
    standing[key] = {**standing[key], **({"area": [1]} if key == UNIT else {"obligations": []})}
    changed = changes(load(), standing, {"/".join(key)})
    assert [(record["state"], record["reason"]) for record in changed.records] == [(state, "asked")]
    assert changed.kept == ("/".join(key),)


def test_other_keys_are_refused() -> None:
    """Of this epoch, of another epoch beside it: the handles in the register were made with the first ones."""
    signed = By(NOW, ("p-1", "p-2"))
    refuse_other_keys(load(), {})
    refuse_other_keys(load(), register())
    for other in (key_ring(1, bytes(32)), key_ring(2, bytes(range(32)))):
        with pytest.raises(LoadRefused) as refused:
            refuse_other_keys(start_records(policy(), other, signed), register())
        assert refused.value.code == "keycheck_differs"


@pytest.mark.parametrize("leaf", ["digest", "redlines", "dutylines"])
def test_another_policy_is_refused(leaf: str) -> None:
    """Another matrix, other red lines, other duty lines than the active ones; and an active one that was retired."""
    refuse_other_policy(load(), {})
    refuse_other_policy(load(), register())
    standing = register()
    for other in ({leaf: "0" * 64}, {"state": "retired"}):
        with pytest.raises(LoadRefused) as refused:
            refuse_other_policy(load(), {**standing, ACTIVE: {**standing[ACTIVE], **other}})
        assert (refused.value.code, "--activate" in refused.value.remedy) == ("policy_differs", True)
