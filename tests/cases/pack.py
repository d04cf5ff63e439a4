"""The reference policy pack, compiled once for the tests, and builders of facts with invented handles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from consent.cases import NOW_MS, PLACE, RECORDS, handle
from consent.compile import Policy
from consent.facts import ConsentRecord, FixedFacts, HoldRecord, RelationRecord, Subscription, Unit
from consent.pack import FILES, PackTexts, compile_texts
from consent.terms import EventType, Profile, Purpose, Role
from hub.contracts.files import load_catalogue

__all__ = ["NOW", "PLACE", "POLICIES", "facts", "handle", "policy", "record", "texts", "types", "unit"]
POLICIES = Path(__file__).parents[2] / "consent" / "policies"
NOW = NOW_MS


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


def unit(code: str, role: str, ordinal: int = 0, area: Iterable[int] = (PLACE,), fallback: str | None = None) -> Unit:
    """A unit that serves the place of the tests unless told otherwise."""
    return Unit(code, Role(role), frozenset(area), fallback, ordinal)


def record(raw: Mapping[str, Any]) -> ConsentRecord | RelationRecord | HoldRecord:
    """A register record from the words of a case."""
    return RECORDS[raw["kind"]](raw)


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
