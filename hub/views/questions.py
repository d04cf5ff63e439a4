"""The named questions. `why`: who received what of an event, or of one release, and why not more. Pure.

Rules kept: an answer is made for one audience and from recorded decisions alone, explained again by the policy they
were made by (laws 7 and 9). A unit hears of its own releases and nothing else; a data-protection officer of the
decisions about the units that were the organisation's when they were made, or about one unit; the auditor of all.
Whoever may not know the event gets the very answer of an event that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from consent.cells import Cell
from consent.compile import Policy
from consent.decide import Decision
from consent.explain import Explanation, explain, for_unit
from consent.facts import Fact, Subscription, Unit
from consent.guards import Guard
from consent.terms import EventType, Lane, Outcome, Purpose, RefusalReason, Role
from hub.contracts.audit import NAMES_LAPSED, Verdict
from hub.contracts.envelope import uuid_text
from hub.views.lapse import How, Lapse, lapse
from hub.views.project import DecisionTold, FactTold, Record, Trail

_AUDIENCE: Final = re.compile(r"auditor|(dpo|unit):(u[a-z0-9]{5})|(dpo):(o[a-z0-9]{5})")


class AudienceKind(StrEnum):
    """Who may ask."""

    AUDITOR = "auditor"
    DPO = "dpo"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who asks: the hub's auditor, a data-protection officer, or a unit.

    `code` of the unit, or of the organisation whose officer asks: a controller with several units.
    """

    kind: AudienceKind
    code: str = ""

    def __str__(self) -> str:
        """The spelling of `--as`."""
        return f"{self.kind}:{self.code}" if self.code else self.kind.value

    def owns(self, unit: str, organisation: str | None) -> bool:
        """Whether a unit is one the audience may hear about; `organisation` = whose it was at the time, if known."""
        if self.kind is AudienceKind.AUDITOR or self.code == unit:
            return True
        return self.kind is AudienceKind.DPO and organisation is not None and organisation == self.code


def audience(text: str) -> Audience | None:
    """The audience spelt `auditor`, `dpo:ORGANISATION`, `dpo:UNIT` or `unit:UNIT`; None when it is spelt otherwise."""
    if _AUDIENCE.fullmatch(text) is None:
        return None
    kind, _, code = text.partition(":")
    return Audience(AudienceKind(kind), code)


@dataclass(frozen=True, slots=True)
class ReleaseTold:
    """What can be said of a release: id, attempt, SHA-256 and length of its bytes, which second check it passed."""

    id: str
    attempt: int
    sha256: str
    length: int
    second_check: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One unit and one event. `explanation` is None when the policy of the decision is not at hand.

    `lapse`: of a refusal for a relation or a consent, since when it was false.
    """

    unit: str
    verdict: Outcome
    reason: RefusalReason | None
    explanation: Explanation | None
    release: ReleaseTold | None
    facts: tuple[FactTold, ...] = ()
    lapse: Lapse | None = None


@dataclass(frozen=True, slots=True)
class EventTold:
    """One decided event as an audience hears it. `head` = the decision record, for those who may see all of it.

    `needs` is the digest of the policy that must be at hand to tell fields, None when it is.
    """

    type: str
    lane: Lane
    decided_at: int
    policy: str
    needs: str | None
    head: Record | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """The answer to `why`. Unknown = no event and no attempt, for whatever cause."""

    audience: Audience
    events: tuple[EventTold, ...] = ()
    attempts: tuple[tuple[Lane, Record], ...] = ()

    @property
    def known(self) -> bool:
        """Whether the audience hears anything at all."""
        return bool(self.events or self.attempts)

    @property
    def complete(self) -> bool:
        """Whether every field could be told."""
        return all(event.needs is None for event in self.events)


def why(trail: Trail, who: Audience, policies: Mapping[str, Policy], types: Mapping[str, EventType]) -> Why:
    """Answer for one audience. `policies`: those at hand, by profile; `types`: event types of the catalogue.

    That an event was decided again, for a release that waited, is no news for the officer of its source.
    """
    told, inputs = list[EventTold](), set[tuple[object, ...]]()
    for decision in trail.decisions:
        event, where = _event(trail, decision, who, policies, types), tuple(decision.head["input"].values())
        if event.answers or (event.head and (where not in inputs or who.kind is AudienceKind.AUDITOR)):
            told.append(event)
        inputs.add(where)
    attempts = [(lane, each) for lane, each in trail.attempts if _may_see_attempt(who, trail, each)]
    attempts.sort(key=lambda each: int(each[1]["at"]))  # they lie in several partitions
    return Why(who, tuple(told), tuple(attempts))


def _may_see_attempt(who: Audience, trail: Trail, said: Record) -> bool:
    """A release that waits is told to the auditor alone: the record names source and recipient in one."""
    if said["verdict"] == Verdict.PARKED:
        return who.kind is AudienceKind.AUDITOR
    return _may_see_source(who, trail, said)


def _may_see_source(who: Audience, trail: Trail, said: Record) -> bool:
    """Where an event came from is for the auditor and for the data-protection officer of its publisher.

    `said`: a decision record or an attempt; the latter knows no revision, only its moment.
    """
    register, source = trail.register, said["source"]
    if "registerRevision" in said:
        organisation = register.owner(source, said["registerRevision"])
    else:
        organisation = register.owner_when(source, said["at"])
    return who.kind is not AudienceKind.UNIT and who.owns(source, organisation)


def _event(
    trail: Trail, decision: DecisionTold, who: Audience, policies: Mapping[str, Policy], types: Mapping[str, EventType]
) -> EventTold:
    head, announced = decision.head, trail.policy_of(decision)
    policy = policies.get(announced["profile"]) if announced else None
    fits = policy is not None and policy.digest == head["policyDigest"]
    teller = _Teller(
        trail, decision, announced, policy.at(head["decidedAt"]) if policy and fits else None, types[head["type"]]
    )
    return EventTold(
        head["type"],
        decision.lane,
        head["batchAt"],
        head["policyDigest"].hex(),
        None if fits else head["policyDigest"].hex(),
        head if _may_see_source(who, trail, head) else None,
        tuple(_CUTS[who.kind](each) for each in teller.answers() if teller.is_of(who, each) and _hears(who, each)),
    )


def _hears(who: Audience, answer: Answer) -> bool:
    return who.kind is not AudienceKind.UNIT or answer.verdict is Outcome.GIVEN


def _cut_for_dpo(answer: Answer) -> Answer:
    """Whether the source left a field empty is told only of fields the unit has as they are."""
    if answer.explanation is None:
        return answer
    fields = tuple(replace(f, empty=f.empty and f.outcome is Outcome.GIVEN) for f in answer.explanation.fields)
    return replace(answer, explanation=replace(answer.explanation, fields=fields))


def _cut_for_unit(answer: Answer) -> Answer:
    """What it was given and on which law. Which events got the full check is the same for all units, so not said."""
    cut = _cut_for_dpo(answer)
    told = for_unit(cut.explanation) if cut.explanation else None
    release = replace(answer.release, second_check=None) if answer.release else None
    return replace(cut, explanation=told, facts=(), lapse=None, release=release)


_CUTS: Final = {
    AudienceKind.AUDITOR: lambda answer: answer,
    AudienceKind.DPO: _cut_for_dpo,
    AudienceKind.UNIT: _cut_for_unit,
}


@dataclass(frozen=True, slots=True)
class _Teller:
    """Makes the answers of one decision from its record, the announced units, the register and the policy."""

    trail: Trail
    decision: DecisionTold
    announced: Record | None
    policy: Policy | None
    type: EventType

    def answers(self) -> Iterator[Answer]:
        """Given first, then what was recorded as refused."""
        given: set[tuple[str, str]] = set()
        for entry in self.decision.releases:
            code = self._code(entry["unitOrdinal"])
            given.add((code, entry["purpose"]))
            yield self._given(code, entry)
        for entry in self.decision.refusals:
            for ordinal in entry["unitOrdinals"]:
                code = self._code(ordinal)
                purpose = self._purpose(code, entry, given)
                given.add((code, purpose or ""))
                yield self._refused(code, purpose, entry)

    def is_of(self, who: Audience, answer: Answer) -> bool:
        """Whether the unit of an answer was the audience's own when it was decided."""
        revision = self.decision.head["registerRevision"]
        return who.owns(answer.unit, self.trail.register.owner(answer.unit, revision))

    def _code(self, ordinal: int) -> str:
        """The code behind an ordinal; empty when no announcement is left that says it."""
        units = self.announced["units"] if self.announced else ()
        return units[ordinal] if ordinal < len(units) else ""

    def _unit(self, code: str, ordinal: int) -> Unit | None:
        record = self.trail.register.at("unit", code, self.decision.head["registerRevision"])
        role = record and Role(record["role"].replace("_", "-"))
        return Unit(code, role, frozenset(), None, ordinal) if role else None

    def _given(self, code: str, entry: Record) -> Answer:
        unit, purpose = self._unit(code, entry["unitOrdinal"]), Purpose(entry["purpose"])
        cell = self._cell(unit, purpose)
        facts = tuple(Fact(fact["key"], fact["offset"]) for fact in entry["facts"])
        told = None
        if cell is not None and unit is not None and (selected := cell.table[entry["guardBits"]]) is not None:
            told = self._explain(
                Decision(Subscription(unit, purpose), entry["guardBits"], selected, None, None, facts, None)
            )
        return Answer(code, Outcome.GIVEN, None, told, _release(entry), self._facts(facts))

    def _refused(self, code: str, purpose: Purpose | None, entry: Record) -> Answer:
        """Which guards were true is not recorded of a refusal, so no field says which one it lacked."""
        reason, fact = RefusalReason(entry["reason"]), entry["fact"]
        facts = (Fact(fact["key"], fact["offset"]),) if fact else ()
        unit, told, named = self._unit(code, 0), None, entry["guard"]
        cell = self._cell(unit, purpose) if purpose else None
        if cell is not None and unit is not None and purpose is not None:
            guard = lacking(cell, entry["guard"])
            named = str(guard) if guard else named
            told = self._explain(Decision(Subscription(unit, purpose), 0, None, reason, guard, facts, None))
            told = told and replace(told, fields=tuple(replace(each, guard=None) for each in told.fields))
        heard, head = self._facts(facts), self.decision.head
        since = lapse(reason, named, heard, head["decidedAt"])
        if since and since.how is How.NONE and not head["build"].endswith(NAMES_LAPSED):
            since = since._replace(how=How.NOT_RECORDED)
        return Answer(code, Outcome.DOES_NOT_LEARN, reason, told, None, heard, since)

    def _explain(self, decision: Decision) -> Explanation | None:
        presence = self.decision.head["presence"].ljust((len(self.type.fields) + 7) // 8, b"\0")  # of an older version
        return explain(self.policy, self.type, decision, presence) if self.policy else None

    def _cell(self, unit: Unit | None, purpose: Purpose) -> Cell | None:
        return self.policy.cells.get((self.type.name, unit.role, purpose)) if self.policy and unit else None

    def _facts(self, facts: tuple[Fact, ...]) -> tuple[FactTold, ...]:
        return tuple(self.trail.register.told(fact) for fact in facts)

    def _purpose(self, code: str, entry: Record, told: set[tuple[str, str]]) -> Purpose | None:
        """A refusal names no purpose: that of a subscription not yet told, best one whose cell knows the guard."""
        open_cells = [cell for cell in self._subscribed(code) if (code, cell.purpose) not in told]
        known = [cell for cell in open_cells if lacking(cell, entry["guard"]) is not None]
        return next((cell.purpose for cell in (*known, *open_cells)), None)

    def _subscribed(self, code: str) -> list[Cell]:
        """The cells of the unit's subscriptions to this type; without its agreement, all of its role."""
        unit, revision = self._unit(code, 0), self.decision.head["registerRevision"]
        agreement = self.trail.register.at("agreement", code, revision)
        wanted = agreement and {Purpose(s.partition(":")[2]) for s in agreement["subscribes"] if self._is_type(s)}
        cells = [self._cell(unit, purpose) for purpose in Purpose if wanted is None or purpose in wanted]
        return [cell for cell in cells if cell is not None]

    def _is_type(self, subscription: str) -> bool:
        return subscription.partition(":")[0] == self.type.name


def lacking(cell: Cell, kind: str) -> Guard | None:
    """The first guard of a kind that a valuation of the cell can lack; the record of a refusal names only the kind."""
    return next((guard for guard in cell.guards if guard.kind.value == kind and guard in cell.why), None)


def _release(entry: Record) -> ReleaseTold:
    return ReleaseTold(
        uuid_text(entry["releaseId"]), entry["attempt"], entry["sha256"].hex(), entry["length"], entry["secondCheck"]
    )
