"""Police rows to events of the contract. Pure.

Rule kept: the police system names its forms in its own words; only the kinds listed here leave, all else is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.sdk.port import Event, Row, RowRefused

KINDS: Final[Mapping[str, str]] = {
    "sesizare": "incident.reported",
    "evaluare_risc": "risk.assessed",
    "ordin_protectie_provizoriu": "ppo.issued",
    "sesizare_servicii": "referral.made",
    "copil_implicat": "child.involved",
}
"""The station's word for a form (report, risk form, provisional order, referral, child notice) -> event type."""

WORDS: Final[Mapping[str, str]] = {event_type: word for word, event_type in KINDS.items()}


def to_event(row: Row) -> Event:
    """The event of one row; `RowRefused` for a form that has no event."""
    event_type = KINDS.get(row.kind)
    if event_type is None:
        raise RowRefused("kind", f"use one of {', '.join(sorted(KINDS))}")
    return Event(row.id, event_type, row.time, row.subject, row.record)
