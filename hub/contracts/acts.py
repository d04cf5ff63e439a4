"""What a person does with an entry of quarantine, and the closed lists of reasons. Pure.

Rule kept: an act is an `audit.attempt` record (verdict `quarantined`, its own code, `input` = the entry), so the state
of an entry follows from records alone; a reason is a word of a table, in English and Romanian, never free text.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.audit import Verdict


class Act(StrEnum):
    """What can be done with an entry; also the code of its record."""

    RESUBMITTED = "resubmitted"
    DISCARDED = "discarded"


PARTITION: Final = 0
"""Of `audit.attempt.<lane>`: all acts of a lane lie there, so the first of two at once is the same for everybody."""

REASONS: Final[Mapping[Act, Mapping[str, tuple[str, str]]]] = {
    Act.RESUBMITTED: {
        "register_mended": (
            "the register was mended: a unit, an agreement, an area",
            "registrul a fost corectat: o unitate, un acord, o zonă",
        ),
        "policy_mended": ("the policy was changed", "politica a fost schimbată"),
        "hub_mended": ("a fault of the hub was mended", "un defect al hubului a fost reparat"),
        "law_confirmed": ("the law was confirmed or waived", "legea a fost confirmată sau derogată"),
    },
    Act.DISCARDED: {
        "sent_anew": ("the sender sent it anew", "expeditorul a trimis din nou"),
        "told_otherwise": (
            "a person told those who had to be told",
            "un om i-a anunțat pe cei care trebuiau anunțați",
        ),
        "no_event": ("it is no event: a test, or noise", "nu este un eveniment: o probă sau un zgomot"),
        "hostile": (
            "it was an attack and is reported as an incident",
            "a fost un atac și este raportat ca incident",
        ),
        "too_late": ("it is too late for it to help anybody", "este prea târziu ca să mai ajute pe cineva"),
    },
}
"""Why, by act: the word that is recorded, and what it says in English and in Romanian."""


def act_of(attempt: Mapping[str, Any]) -> tuple[Lane, int, Act] | None:
    """The entry (lane, offset) an attempt record is an act on, and the act; None for every other record."""
    where = attempt["input"]
    if attempt["verdict"] != Verdict.QUARANTINED or attempt["code"] not in set(Act) or where is None:
        return None
    lane = next((lane for lane in Lane if topics.quarantine(lane) == where["topic"]), None)
    return None if lane is None else (lane, where["offset"], Act(attempt["code"]))
