"""Where a hollow alert goes, as a gateway sees it. Pure.

Rule kept: to the duty desks alone: those whose place meets the sender's, else all of the lane; denials are decided
afterwards, as for any event (architecture.md law 5).
"""

from __future__ import annotations

from dataclasses import replace

from consent.facts import Facts
from hub.contracts.hollow import TYPE
from hub.gateway.rules import ReadEvent


def addressed(event: ReadEvent, facts: Facts) -> ReadEvent:
    """The hollow alert, naming its desks: its own bytes name none."""
    return event._replace(view=replace(event.view, named=desks(event.view.source, facts)))


def desks(source: str, facts: Facts) -> frozenset[str]:
    """The codes of the duty desks for a sender."""
    units = [subscription.unit for subscription in facts.subscriptions(TYPE)]
    sender = facts.unit(source)
    near = [unit for unit in units if sender is not None and not unit.area.isdisjoint(sender.area)]
    return frozenset(unit.code for unit in near or units)
