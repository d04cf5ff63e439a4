"""The reference policy pack, compiled once for the tests, and builders of facts with invented handles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from consent.compile import Policy
from consent.facts import ConsentRecord, FixedFacts, HoldRecord, RelationRecord, Subscription, Unit
from consent.pack import FILES, PackTexts, compile_texts
from consent.terms import EventType, PartyRole, Profile, Purpose, Role
from hub.contracts.files import load_catalogue

POLICIES = Path(__file__).parents[2] / "consent" / "policies"
PLACE = 54975
NOW = 1_000
FOREVER = 10**15


@cache
def types() -> Mapping[str, EventType]:
    """The event types of the catalogue."""
    return load_catalogue().types


@cache
def texts() -> PackTexts:
    """The texts of the reference pack."""
    return PackTexts(*((POLICIES / name).read_text("utf-8") for name in FILES))


@cache
def policy() -> Policy:
    """The reference pack, compiled for the demo profile."""
    return compile_texts(texts(), types(), Profile.DEMO)


def handle(name: str) -> bytes:
    """An invented handle of 16 bytes for a name such as `case`, `victim`."""
    return hashlib.sha256(name.encode()).digest()[:16]


def unit(code: str, role: str, ordinal: int = 0, area: Iterable[int] = (PLACE,), fallback: str | None = None) -> Unit:
    """A unit that serves the place of the tests unless told otherwise."""
    return Unit(code, Role(role), frozenset(area), fallback, ordinal)


Fact = ConsentRecord | RelationRecord | HoldRecord


def record(raw: Mapping[str, Any]) -> Fact:
    """A register record from the words of a case."""
    kinds: Mapping[str, Callable[[Mapping[str, Any]], Fact]] = {
        "consent": _consent,
        "relation": _relation,
        "hold": _hold,
    }
    return kinds[raw["kind"]](raw)


def _consent(raw: Mapping[str, Any]) -> ConsentRecord:
    return ConsentRecord(
        key=handle(f"consent {raw['offset']}"),
        offset=raw["offset"],
        giver=handle(raw.get("giver", "victim")),
        person=handle(raw.get("person", "victim")),
        recipient=raw["unit"],
        purpose=Purpose(raw["purpose"]),
        package=raw.get("package"),
        groups=frozenset(raw.get("groups", ())),
        state=raw.get("state", "given"),
        alone=raw.get("alone", True),
        valid_until=raw.get("until", FOREVER),
        by=frozenset(raw.get("by", ("w-1", "w-2"))),
        witness="w-2",
    )


def _relation(raw: Mapping[str, Any]) -> RelationRecord:
    return RelationRecord(
        key=handle(f"relation {raw['offset']}"),
        offset=raw["offset"],
        unit=raw["unit"],
        target=handle(raw.get("to", "case")),
        role=PartyRole(raw["role"]),
        kind=raw["of"],
        since=raw.get("since", 0),
        until=raw.get("until"),
        live=raw.get("state", "live") == "live",
        at=raw.get("at", 0),
    )


def _hold(raw: Mapping[str, Any]) -> HoldRecord:
    key, until = handle(f"hold {raw['offset']}"), raw.get("until")
    return HoldRecord(key, raw["offset"], handle(raw["on"]), raw.get("unit"), until, on=True)


def facts(
    subscribers: Mapping[str, tuple[Unit, Purpose]], records: Iterable[Mapping[str, Any]] = (), *, stale: bool = False
) -> FixedFacts:
    """Facts in which every unit subscribes to every type for its one purpose."""
    every = list(records)
    subscriptions = [Subscription(each, purpose) for each, purpose in subscribers.values()]
    return FixedFacts.of(
        [each for each, _ in subscribers.values()],
        dict.fromkeys(types(), subscriptions),
        [record(raw) for raw in every if raw["kind"] != "link"],
        [(handle(raw["a"]), handle(raw["b"])) for raw in every if raw["kind"] == "link"],
        stale=stale,
    )
