"""Explain: one decision told field by field, as one object that sentences (Romanian, English) and JSON are made from.

Rule kept: laws 7 and 9. It adds no fact of its own and holds no value of a record. To a unit, an event it may not
know and an event that does not exist give the same object. Law that is not confirmed is always marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from consent.basis import Basis, Citation
from consent.cells import Cell
from consent.compile import RELEASING, Policy
from consent.decide import Decision
from consent.facts import Fact
from consent.generalise import COARSEST, GROUP_OF, transform
from consent.guards import Guard, GuardKind
from consent.matrix import Grant
from consent.messages import TABLES, Language, counted
from consent.names import GROUPS, OBLIGATIONS, PURPOSES, ROLES, RULES, days, guard_words, named
from consent.terms import (
    BasisKind,
    BasisStatus,
    EventType,
    Field,
    Obligation,
    Outcome,
    Profile,
    Purpose,
    RefusalReason,
    Role,
    Transform,
)
from consent.waivers import Waiver, waived

UNCHANGED = frozenset({Transform.AS_IS, Transform.PAIRWISE, Transform.PERSON_REF})
"""Transforms of a given field: a reference is given as the unit's own."""


@dataclass(frozen=True, slots=True)
class FieldAnswer:
    """What became of one field.

    `row`, `law`, `status`: of the row that gave it, or that would if `guard` were true. `empty` = null.
    """

    path: str
    outcome: Outcome
    empty: bool
    how: Transform | None
    row: str
    law: str
    status: BasisStatus | None
    guard: Guard | None


@dataclass(frozen=True, slots=True)
class RuleTold:
    """One row as it stood when it gave something: what of its event, when, on which law, under which obligations.

    `receipt` = the register record of the consent behind it (digest of its key), which a recall names; `waiver` = what
    let it release though its law is not confirmed; else None.
    """

    row: str
    guards: tuple[Guard, ...]
    give: tuple[int, ...]
    generalise: tuple[tuple[int, str], ...]
    basis: Basis
    obligations: tuple[Obligation, ...]
    retain_days: int | None
    receipt: bytes | None
    waiver: Waiver | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision explained.

    `verdict` given or does-not-learn; None = unknown, which is also all a unit hears of what is withheld.
    """

    verdict: Outcome | None
    event: str = ""
    unit: str = ""
    role: str = ""
    purpose: str = ""
    profile: Profile | None = None
    policy: str = ""
    guards: tuple[Guard, ...] = ()
    reason: RefusalReason | None = None
    guard: Guard | None = None
    facts: tuple[Fact, ...] = ()
    fallback_for: str | None = None
    fields: tuple[FieldAnswer, ...] = ()
    rules: tuple[RuleTold, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many fields had this outcome."""
        return sum(answer.outcome is outcome for answer in self.fields)


UNKNOWN = Explanation(None)
"""The one answer for what a unit may not know and for what does not exist."""


def explain(policy: Policy, event_type: EventType, decision: Decision, presence: bytes) -> Explanation:
    """Explain a decision made under this policy.

    `presence` holds one bit for each leaf in schema order, most significant first; 0 = the source left it empty.
    """
    unit, purpose = decision.subscription.unit, decision.subscription.purpose
    cell = policy.cells[event_type.name, unit.role, purpose]
    present = (bool(presence[i // 8] >> (7 - i % 8) & 1) for i in range(len(event_type.fields)))
    fields = tuple(
        _answer(policy, cell, decision, field, empty=not here)
        for field, here in zip(event_type.fields, present, strict=True)
    )
    return Explanation(
        verdict=Outcome.GIVEN if decision.selected else Outcome.DOES_NOT_LEARN,
        event=event_type.name,
        unit=unit.code,
        role=unit.role.value,
        purpose=purpose.value,
        profile=policy.profile,
        policy=policy.digest.hex(),
        guards=cell.true(decision.bits),
        reason=decision.refusal,
        guard=decision.guard,
        facts=decision.facts,
        fallback_for=decision.fallback_for,
        fields=fields,
        rules=tuple(_rules(policy, cell, event_type, decision)),
    )


def _rules(policy: Policy, cell: Cell, event: EventType, decision: Decision) -> Iterator[RuleTold]:
    """The rows that gave something, in the order in which the release cites them.

    What each gave is read off the release: in a roll-out that is less than the row says.
    """
    true = frozenset(cell.true(decision.bits))
    rows = {row.id: row for row in policy.matrix.rows}
    for row in (rows[name] for name in dict.fromkeys(decision.selected.rules if decision.selected else ())):
        asked = [
            g for g in cell.guards if any(g in each.guards and true.issuperset(each.guards) for each in row.grants)
        ]
        consents = [guard for guard in asked if guard.kind is GuardKind.CONSENT]
        guards = tuple(guard for guard in asked if guard not in consents[:-1])
        given, coarse = _gave(event, decision, row.id)
        consent = row.basis.kind is BasisKind.CONSENT and decision.facts
        receipt = decision.facts[-1].key if consent else None
        waiver = next((each for each in policy.waivers if row.id in each.rows), None)
        owed = row.obligations, row.retain_days, receipt, waiver
        yield RuleTold(row.id, guards, given, coarse, row.basis, *owed)


def _gave(event: EventType, decision: Decision, row: str) -> tuple[tuple[int, ...], tuple[tuple[int, str], ...]]:
    """The groups a release gives by a row: in full, and by which rule."""
    selected, fields = decision.selected, {field.path: field for field in event.fields}
    made: dict[int, dict[str, Transform]] = {}
    for (path, how), cited in zip(selected.release.leaves, selected.rules, strict=True) if selected else ():
        if cited == row:
            made.setdefault(fields[path].group, {})[path] = how
    rules = {group: _rule_of(event, group, leaves) for group, leaves in sorted(made.items())}
    given = tuple(group for group, rule in rules.items() if rule is None)
    return given, tuple((group, rule) for group, rule in rules.items() if rule is not None)


def _rule_of(event: EventType, group: int, leaves: Mapping[str, Transform]) -> str | None:
    """The rule that makes exactly these leaves of a group; None = given. The coarsest where two versions met."""
    for rule in (None, *(name for name, of in GROUP_OF.items() if of == group)):
        made = {field.path: transform(field, rule) for field in event.of_group(group)}
        if {path: how for path, how in made.items() if how is not None} == leaves:
            return rule
    return COARSEST.get(group)


def for_unit(explanation: Explanation | None) -> Explanation:
    """What the unit itself may hear: what it was given and on which law.

    Nothing of the rest, not even that there is a rest.
    """
    if explanation is None or explanation.verdict is not Outcome.GIVEN:
        return UNKNOWN
    heard = (Outcome.GIVEN, Outcome.GENERALISED)
    fields = tuple(answer for answer in explanation.fields if answer.outcome in heard)
    rules = tuple(replace(rule, guards=()) for rule in explanation.rules)
    return replace(explanation, guards=(), guard=None, facts=(), fallback_for=None, fields=fields, rules=rules)


def _answer(policy: Policy, cell: Cell, decision: Decision, field: Field, *, empty: bool) -> FieldAnswer:
    """One field: as the release has it, or withheld with the row that would give it and the guard that row lacks."""
    grants = _grants(policy, cell, field)
    if decision.selected is not None:
        leaves = decision.selected.release.leaves
        for (path, how), row in zip(leaves, decision.selected.rules, strict=True):
            if path == field.path:
                outcome = Outcome.GIVEN if how in UNCHANGED else Outcome.GENERALISED
                return _filled(field, outcome, empty, how, next((g for g in grants if g.row == row), None), None)
    outcome = Outcome.WITHHELD if decision.selected else Outcome.DOES_NOT_LEARN
    true = frozenset(cell.true(decision.bits))
    nearest = min(grants, key=lambda grant: len(frozenset(grant.guards) - true), default=None)
    lacks = next((guard for guard in nearest.guards if guard not in true), None) if nearest else None
    return _filled(field, outcome, empty, None, nearest, lacks)


def _grants(policy: Policy, cell: Cell, field: Field) -> list[Grant]:
    """The grants of the cell that let this field out, in the profile of the policy and under its waivers."""
    sure, lent = RELEASING[policy.profile], waived(policy.waivers)
    rows = (row for row in policy.matrix.rows if row.cell == cell.key)
    found = [grant for row in rows if row.basis.status in sure or row.id in lent for grant in row.grants]
    return [g for g in found if field.group in g.groups and transform(field, _rule(g, field.group)) is not None]


def _rule(grant: Grant, group: int) -> str | None:
    return None if group in grant.give else grant.generalise[group]


def _filled(
    field: Field, outcome: Outcome, empty: bool, how: Transform | None, grant: Grant | None, guard: Guard | None
) -> FieldAnswer:
    basis: Basis | None = grant.basis if grant else None
    law, status = (basis.ref, basis.status) if basis else ("", None)
    return FieldAnswer(field.path, outcome, empty, how, grant.row if grant else "", law, status, guard)


def sentences(explanation: Explanation, language: Language) -> Iterator[str]:
    """The explanation in words: verdict, facts, counts, then one line for each field."""
    table = TABLES[language]
    if explanation.verdict is None:
        yield table["unknown"]
        return
    who = {key: getattr(explanation, key) for key in ("unit", "role", "purpose", "event")}
    if explanation.verdict is Outcome.GIVEN:
        guards = table["and"].join(guard_words(guard, language) for guard in explanation.guards)
        yield table["learns" if guards else "learned"].format(**who, guards=guards)
    else:
        yield table["does_not_learn"].format(**who, reason=_reason(explanation, language))
    if explanation.fallback_for:
        yield table["fallback"].format(unit=explanation.fallback_for)
    lapsed = explanation.reason is RefusalReason.GUARD_FALSE
    for fact in explanation.facts:
        yield table["fact_lapsed" if lapsed else "fact"].format(offset=fact.offset)
    if explanation.verdict is Outcome.GIVEN:
        outcomes = (Outcome.GIVEN, Outcome.GENERALISED, Outcome.WITHHELD)
        counts = {each.value: counted(explanation.count(each), each.value, table) for each in outcomes}
        yield table["counts" if explanation.count(Outcome.WITHHELD) else "counts_heard"].format(**counts)
        yield from (line for rule in explanation.rules for line in _rule_words(explanation, rule, language))
        yield from (_field_words(answer, language) for answer in explanation.fields)


def _rule_words(explanation: Explanation, rule: RuleTold, language: Language) -> Iterator[str]:
    """A row in words: to whom it gives what, when, on which law; what the recipient owes; the consent behind it."""
    table = TABLES[language]
    whole = [named(GROUPS[group], language) for group in rule.give]
    whole += [f"{named(GROUPS[group], language)} ({named(RULES[how], language)})" for group, how in rule.generalise]
    who = named(ROLES[Role(explanation.role)], language), named(PURPOSES[Purpose(explanation.purpose)], language)
    when = table["and"].join(guard_words(guard, language) for guard in rule.guards)
    yield table["rule_when" if when else "rule"].format(
        row=rule.row, role=who[0], purpose=who[1], what="; ".join(whole), when=when, law=_law(rule.basis, table)
    )
    owed = ", ".join(named(OBLIGATIONS[each], language) for each in rule.obligations)
    if owed:
        kept = table["kept"].format(days=named(days(rule.retain_days), language)) if rule.retain_days else ""
        yield table["owed"].format(row=rule.row, owed=owed) + kept + "."
    if rule.waiver is not None:
        told = {"row": rule.row, "id": rule.waiver.id, "who": rule.waiver.controller, "until": rule.waiver.until}
        yield table["waived"].format(**told)
    if rule.receipt is not None:
        yield table["receipt"].format(row=rule.row, receipt=rule.receipt.hex())


def _law(basis: Basis, table: Mapping[str, str]) -> str:
    """The law of a row, behind each act the date of its text that was read, where one is recorded."""
    mark = "" if basis.status is BasisStatus.OK else f"_{basis.status}"
    return table[f"law{mark}"].format(ref="; ".join(_cited(cite, table) for cite in basis.cites))


def _cited(cite: Citation, table: Mapping[str, str]) -> str:
    return str(cite) + (table["read"].format(date=cite.consolidated) if cite.consolidated else "")


def _reason(explanation: Explanation, language: Language) -> str:
    guard = guard_words(explanation.guard, language) if explanation.guard else ""
    reason = explanation.reason or RefusalReason.GUARD_FALSE
    return TABLES[language][f"reason.{reason.value}"].format(guard=guard)


def _field_words(answer: FieldAnswer, language: Language) -> str:
    """One field in words, its law marked where it is not confirmed."""
    table = TABLES[language]
    mark = "" if answer.status in (None, BasisStatus.OK) else f"_{answer.status}"
    guarded = answer.outcome is Outcome.WITHHELD and answer.guard is not None
    words = table["withheld_guard" if guarded else answer.outcome.value].format(
        path=answer.path,
        row=answer.row,
        law=table[f"law{mark}"].format(ref=answer.law),
        how=table[f"how.{answer.how}"] if answer.how else "",
        guard=guard_words(answer.guard, language) if answer.guard else "",
    )
    return words + (table["empty"] if answer.empty else "") + "."


def to_json(explanation: Explanation, language: Language) -> Mapping[str, object]:
    """The explanation as one JSON object; unknown has the same keys and bytes for everyone who asks."""
    if explanation.verdict is None:
        return {"verdict": "unknown", "sentences": list(sentences(explanation, language))}
    return {
        "verdict": explanation.verdict.value,
        "event_type": explanation.event,
        "unit": explanation.unit,
        "role": explanation.role,
        "purpose": explanation.purpose,
        "profile": explanation.profile.value if explanation.profile else None,
        "policy": explanation.policy,
        "guards": [str(guard) for guard in explanation.guards],
        "reason": explanation.reason.value if explanation.reason else None,
        "guard": str(explanation.guard) if explanation.guard else None,
        "facts": [{"key": fact.key.hex(), "offset": fact.offset} for fact in explanation.facts],
        "fallback_for": explanation.fallback_for,
        "rules": [_rule_json(rule) for rule in explanation.rules],
        "fields": [_field_json(answer) for answer in explanation.fields],
        "sentences": list(sentences(explanation, language)),
    }


def _field_json(answer: FieldAnswer) -> Mapping[str, object]:
    return {
        "path": answer.path,
        "outcome": answer.outcome.value,
        "empty_at_source": answer.empty,
        "transform": answer.how.value if answer.how else None,
        "row": answer.row or None,
        "law": answer.law or None,
        "law_status": answer.status.value if answer.status else None,
        "guard": str(answer.guard) if answer.guard else None,
    }


def _rule_json(rule: RuleTold) -> Mapping[str, object]:
    return {
        "row": rule.row,
        "when": [str(guard) for guard in rule.guards],
        "give": list(rule.give),
        "generalise": {str(group): how for group, how in rule.generalise},
        "law": rule.basis.ref,
        "law_status": rule.basis.status.value,
        "consolidated": [cite.consolidated or None for cite in rule.basis.cites],
        "obligations": [each.value for each in rule.obligations],
        "retain_days": rule.retain_days,
        "waiver": rule.waiver.id if rule.waiver else None,
        "receipt": rule.receipt.hex() if rule.receipt is not None else None,
    }
