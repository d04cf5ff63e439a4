"""The judgement of a sink: silent on rows that are the releases, naming every row that is lost, doubled or invented."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.effects import PLANTS, Effect, Store, judged, store, unseen
from tests.faults.history import Kind, Release

TOPIC = "release.case.u4n6ms.p1"
RELEASED: dict[Release, str] = {(TOPIC, f"r{number}"): f"{number:064x}" for number in range(9)}
GOOD = Store([Effect(key, digest) for key, digest in RELEASED.items()])


def kinds(found: Store) -> list[Kind]:
    """What is named."""
    return [one.kind for one in judged(found, RELEASED)]


def test_a_row_for_each_release_is_silent() -> None:
    """And every plant in it is seen."""
    assert kinds(GOOD) == []
    assert unseen(GOOD, RELEASED) == []


@pytest.mark.parametrize(
    ("effects", "kind"),
    [
        (GOOD.effects[1:], Kind.LOST),
        ([*GOOD.effects, GOOD.effects[3]], Kind.DOUBLED),
        ([*GOOD.effects, Effect((TOPIC, "r99"), "0" * 64)], Kind.PHANTOM),
        ([replace(GOOD.effects[0], digest="f" * 64), *GOOD.effects[1:]], Kind.TORN),
    ],
)
def test_each_anomaly_is_named_alone(effects: list[Effect], kind: Kind) -> None:
    """A lost row is no tear, a doubled one no phantom."""
    assert kinds(Store(effects)) == [kind]


def test_other_bytes_are_no_tear_where_a_person_is_shown_both() -> None:
    """A release made again after a broker was restored: the second one lies aside as a conflict."""
    first = replace(GOOD.effects[0], digest="f" * 64)
    shown = Store([first, *GOOD.effects[1:]], [(GOOD.effects[0], "conflict")])
    assert kinds(shown) == []
    assert kinds(replace(shown, aside=[(GOOD.effects[0], "frame")])) == [Kind.TORN]


def test_a_store_without_rows_shows_no_plant() -> None:
    """A run whose sink never delivered proves nothing of it."""
    assert unseen(Store([]), RELEASED) == list(PLANTS)


def test_rows_are_read_as_sql_gives_them() -> None:
    """Topic from its parts, digests in lower case."""
    found = store([("case", "u4n6ms", "p1", "r0", "AB")], [(TOPIC, "r1", "conflict", "CD")])
    assert found.effects == [Effect((TOPIC, "r0"), "ab")]
    assert found.aside == [(Effect((TOPIC, "r1"), "cd"), "conflict")]
