"""The check's own list of rules against the decision's: every rule over every leaf of its group, and some by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from consent.generalise import GROUP_OF, RULES, transform
from consent.terms import Transform
from hub.check.rows import Rows, wanted
from hub.contracts.files import load_catalogue

TYPES = load_catalogue().types
CELL = ("PROS", "P2")


class Always(Mapping[str, bool]):
    """Every guard is true."""

    def __getitem__(self, atom: str) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def plain(event: str, rule: str) -> dict[str, Transform]:
    """What the check gives of an event where one group is generalised by one rule and nothing else is given."""
    cell = {"event": event, "role": CELL[0], "purpose": CELL[1]}
    row = {**cell, "when": ["area"], "generalise": {str(GROUP_OF[rule]): rule}}
    rows = Rows([{**cell, "when": [["area"]]}], [row], [], [])
    return wanted(rows, TYPES[event], CELL, Always(), None) or {}


@pytest.mark.parametrize("rule", RULES)
def test_both_lists_say_the_same_of_every_leaf(rule: str) -> None:
    """All event types that have the group; for each rule there is one at least, and one leaf it leaves."""
    seen = 0
    for name, event in TYPES.items():
        made = {leaf.path: transform(leaf, rule) for leaf in event.of_group(GROUP_OF[rule])}
        kept = {path: how for path, how in made.items() if how is not None}
        assert plain(name, rule) == kept
        seen += len(kept)
    assert seen


BY_HAND: dict[tuple[str, str], dict[str, Transform]] = {
    ("ppo.issued", "14d"): {
        "validUntil": Transform.DAY,
        "measures": Transform.FLAG_PRESENT,
        "distanceM": Transform.DISTANCE_BAND,
    },
    ("ppo.issued", "14"): {"validUntil": Transform.DAY, "measures": Transform.FLAG_PRESENT},
    ("order.breached", "1"): {"victim.name": Transform.AS_IS},
    ("incident.reported", "11"): {"injuries": Transform.FLAG_CARE},
    ("incident.reported", "13c"): {"childrenPresent": Transform.AS_IS},
    ("mobileTeam.requested", "13c"): {"childAges": Transform.COUNT},
    ("mobileTeam.requested", "13"): {"childAges": Transform.FLAG_PRESENT},
    ("child.involved", "12"): {"child.birthDate": Transform.AGE_BAND},
}


@pytest.mark.parametrize(("event", "rule"), BY_HAND)
def test_the_rules_by_hand(event: str, rule: str) -> None:
    """What the brief of each rule says, leaf by leaf."""
    assert plain(event, rule) == BY_HAND[event, rule]
