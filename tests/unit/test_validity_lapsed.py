"""Which register record explains a guard that is false: the one that ended last, and the consent that opens less."""

from __future__ import annotations

from typing import Any

import pytest

from consent.facts import Event, Facts, Subscription
from consent.terms import PartyRole, Purpose
from consent.validity import standing
from tests.cases.pack import NOW, PLACE, facts, handle, policy, unit

SHELTER = unit("uaaaa1", "SHEL")
AS_SHELTER = Subscription(SHELTER, Purpose.P9)


def event(name: str) -> Event:
    """An event that names its victim."""
    return Event(name, "uaaaa9", handle("case"), {PartyRole.VICTIM: handle("victim")}, PLACE, frozenset(), {})


def known(*raw: dict[str, Any]) -> Facts:
    """The shelter and these records."""
    return facts({"uaaaa1": (SHELTER, Purpose.P9)}, [{"unit": "uaaaa1", **each} for each in raw])


def relation(offset: int, to: str = "victim", **more: Any) -> dict[str, Any]:
    """A relation of the shelter to the victim."""
    return {"kind": "relation", "of": "lodged", "role": "victim", "to": to, "offset": offset, **more}


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        pytest.param({"until": 500}, {"state": "ended", "at": 300}, 10, id="ran-out-after-the-other-was-ended"),
        pytest.param({"until": 300}, {"state": "ended", "at": 500}, 17, id="ran-out-before-the-other-was-ended"),
        pytest.param({"until": 500}, {"state": "ended", "at": 900, "until": 400}, 10, id="ended-when-it-was-over"),
        pytest.param({"until": 500}, {"since": NOW + 1}, 10, id="over-and-not-begun"),
        pytest.param({"state": "ended", "at": 900, "since": 950}, {"until": 5}, 17, id="ended-before-it-began"),
        pytest.param({"until": 500}, {"until": 500}, 17, id="at-once"),
        pytest.param({"since": NOW + 1}, {"since": NOW + 2}, 17, id="none-ever-did"),
    ],
)
def test_the_record_that_ended_last_is_named(first: dict[str, Any], second: dict[str, Any], named: int) -> None:
    """So the guard is false since that end, whichever record is the later in the register."""
    for places in (("victim", "case"), ("case", "victim")):
        both = known(relation(10, places[0], **first), relation(17, places[1], **second))
        reads = policy().cells["ppo.issued", SHELTER.role, Purpose.P9].reads
        ((_, fact),) = standing(reads, event("ppo.issued"), AS_SHELTER, both, NOW).lapsed
        assert fact.offset == named


@pytest.mark.parametrize(("package", "opened"), [("sh1", 0b001), ("sh2", 0b011), ("sh3", 0b111)])
def test_a_consent_that_opens_less_is_named_for_what_it_does_not_open(package: str, opened: int) -> None:
    """Its record is the fact of the guards it makes true, and of the others the record that does not count."""
    own = known({"kind": "consent", "purpose": "P9", "package": package, "offset": 9})
    reads = policy().cells["risk.assessed", SHELTER.role, Purpose.P9].reads
    stands = standing(reads, event("risk.assessed"), AS_SHELTER, own, NOW)
    assert (stands.bits, [fact.offset for fact in stands.facts]) == (opened, [9])
    assert [(bits, fact.offset) for bits, fact in stands.lapsed] == ([(0b111 & ~opened, 9)] if opened < 0b111 else [])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"until": 900}, 0b011, id="over"),
        pytest.param({"state": "refused"}, 0b111, id="refused"),
        pytest.param({"alone": False}, 0b111, id="void"),
    ],
)
def test_a_consent_that_is_over_explains_only_what_it_opened(change: dict[str, Any], named: int) -> None:
    """A larger package was not open before its end either, so it is not closed since then."""
    own = known({"kind": "consent", "purpose": "P9", "package": "sh2", "offset": 9, **change})
    reads = policy().cells["risk.assessed", SHELTER.role, Purpose.P9].reads
    stands = standing(reads, event("risk.assessed"), AS_SHELTER, own, NOW)
    assert (stands.bits, [bits for bits, _ in stands.lapsed]) == (0, [named])
