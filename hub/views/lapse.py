"""Why a relation or consent guard was false at a decision, and since when. Pure.

Rule kept: told from the record the decision named and from what the register still says of it; a moment nobody holds
any more is not made up; where there was no record, that is said, and where nobody recorded whether, that.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from consent.guards import GuardKind
from consent.terms import RefusalReason
from hub.views.project import FactTold

COUNTING: Final = {GuardKind.RELATION.value: "live", GuardKind.CONSENT.value: "given"}
"""The kinds of guard that a register record makes true, and the state in which it does."""


class How(StrEnum):
    """Why the record did not make the guard true."""

    NONE = "none"
    NOT_RECORDED = "not_recorded"
    ENDED = "ended"
    NOT_BEGUN = "not_begun"
    SHORT = "short"
    UNDATED = "undated"


class Lapse(NamedTuple):
    """A personal guard that was false. `guard` as the matrix spells it, only its kind where the policy is missing.

    `moment` (ms): since when it was false (ended), from when it would be true (not_begun), since when the record stands
    that opens less (short). `offset`: of the register record. None where there is none, or none is known.
    """

    guard: str
    how: How
    moment: int | None = None
    offset: int | None = None


def lapse(reason: RefusalReason, guard: str, facts: tuple[FactTold, ...], at: int) -> Lapse | None:
    """The lapse behind a refusal that was decided `at` (ms); None where the guard is no matter of the register."""
    kind = guard.partition("(")[0].partition(":")[0]
    if reason is not RefusalReason.GUARD_FALSE or kind not in COUNTING:
        return None
    if not facts:
        return Lapse(guard, How.NONE)
    (fact,) = facts
    how, moment = _judged(fact, COUNTING[kind], at)
    return Lapse(guard, how, moment, fact.fact.offset)


def _judged(fact: FactTold, counting: str, at: int) -> tuple[How, int | None]:
    """How and when; the first end counts, whether people set it or the record ran out.

    What ended before it began, or only after the decision, says not since when the guard was false; nor does what the
    register holds no more: it may have run out before people ended it.
    """
    if not fact.whole:
        return How.UNDATED, None
    ends = [fact.ends] if fact.ends is not None and fact.ends <= at else []
    if fact.since is not None and fact.state != counting:
        ends.append(fact.since)
    if ends:
        end = min(ends)
        began = fact.begins is None or fact.begins < end
        return (How.ENDED, end) if began and end <= at else (How.UNDATED, None)
    if fact.begins is not None and fact.begins > at:
        return How.NOT_BEGUN, fact.begins
    return How.SHORT, fact.since
