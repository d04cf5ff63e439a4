"""Where a hollow alert goes, as a gateway sees it. Pure.

Rule kept: to the duty desks alone: of an alert that contradicts another those of its place; else those whose place
meets the sender's, else all of the lane. Denials are decided afterwards, as for any event (architecture.md law 5).
"""

from __future__ import annotations

from dataclasses import replace

from consent.facts import Event, Facts
from hub.contracts.hollow import TYPE, place_of
from hub.gateway.rules import ReadEvent
from hub.release.slicer import Offsets, Slicer


def addressed(event: ReadEvent, facts: Facts) -> ReadEvent:
    """The hollow alert, naming its desks: its own bytes name none."""
    return event._replace(view=naming(event.view, event.runtime.slicer, event.body, event.offsets, facts))


def naming(view: Event, slicer: Slicer, body: bytes, offsets: Offsets, facts: Facts) -> Event:
    """What the decision may see of a hollow alert: the desks are named."""
    reference = slicer.text(min(slicer.pairwise), body, offsets).decode("ascii", "replace")
    return replace(view, named=desks(view.source, place_of(reference), facts))


def desks(source: str, place: int, facts: Facts) -> frozenset[str]:
    """The codes of the duty desks for a sender and a place (SIRUTA; 0 = unknown)."""
    units = [subscription.unit for subscription in facts.subscriptions(TYPE)]
    there = [unit for unit in units if place in unit.area]
    sender = facts.unit(source)
    near = [unit for unit in units if sender is not None and not unit.area.isdisjoint(sender.area)]
    return frozenset(unit.code for unit in there or near or units)
