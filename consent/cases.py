"""Decision cases: an event, what is known, and exactly who learns what, or why not. Data a lawyer can read; run here.

Rule kept: a case asserts verdicts **and reasons**; whoever it does not list learns nothing, so a widening anywhere
makes a case fail (style.md section 3, cedar-go; policy.md section 8).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from consent.basis import Basis
from consent.border import Border, read_toml
from consent.casewords import CASE, NEEDS, check_case, check_cast, shaped
from consent.compile import Pack, Policy, compile_policy
from consent.decide import Decided, Decision, decide, decide_one
from consent.errors import Finding, PolicyRefused, gathered
from consent.facts import ConsentRecord, Event, FixedFacts, HoldRecord, RelationRecord, Subscription, Unit
from consent.generalise import transform
from consent.guards import known_guards
from consent.matrix import Exists, Row
from consent.terms import BasisStatus, EventType, PartyRole, Profile, Purpose, Role

NOW_MS = 1_000
"""The moment of every case; ends and beginnings in a case are counted around it."""
FOREVER_MS = 10**15
PLACE = 54975
"""The administrative unit of every case and, unless told otherwise, of every unit in it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case of one file, with the units and facts of its file. `number` counts from 1.

    Of its body, `place` is the administrative unit of the event; `shadow`: decided with proposals awake; `assumed`:
    guards that count as true for everyone, such as `judicial`, which nobody can open yet.
    """

    file: str
    number: int
    says: str
    body: Mapping[str, Any]
    units: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, Mapping[str, Any]]


class Outcome(NamedTuple):
    """What became of a case: every way in which it was not so, in words; none = it holds."""

    case: Case
    wrong: tuple[str, ...]


def parse_cases(file: str, text: str, types: Mapping[str, EventType]) -> tuple[Case, ...]:
    """Read one file of cases. Raises PolicyRefused with every unknown word: a misspelt case would assert nothing."""
    border = Border(file)
    raw: Mapping[str, Any] = read_toml(file, text)
    border.keys("top level", raw, ("units", "facts", "case"))
    units: Mapping[str, Any] = border.table("top level", "units", raw.get("units", {}))
    facts: Mapping[str, Any] = border.table("top level", "facts", raw.get("facts", {}))
    check_cast(border, units, facts)
    found = []
    for number, body in enumerate(border.tables("case", raw.get("case", [])), 1):
        where = f"case {number}"
        event = border.word(where, "event type", body.get("event"), types)
        if shaped(border, where, body, CASE, NEEDS["case"]) and event:
            check_case(border, where, body, (units, facts), types[event])
        found.append(Case(file, number, str(body.get("says")), body, units, facts))
    border.close()
    return tuple(found)


def parse_all_cases(texts: Mapping[str, str], types: Mapping[str, EventType]) -> tuple[Case, ...]:
    """Read the files of a pack, by name. Raises PolicyRefused with the findings of every one of them."""
    findings: list[Finding] = []
    found = [gathered(findings, partial(parse_cases, name, text, types)) for name, text in texts.items()]
    if findings:
        raise PolicyRefused(findings)
    return tuple(case for cases in found for case in cases or ())


def shadow_policy(pack: Pack, types: Mapping[str, EventType]) -> Policy:
    """The policy in which proposals release as if their law were only unconfirmed: what a shadow case is decided by."""
    rows = tuple(
        replace(row, basis=basis, grants=tuple(replace(grant, basis=basis) for grant in row.grants))
        for row in pack.matrix.rows
        for basis in [_woken(row.basis)]
    )
    known = {exists.cell for exists in pack.matrix.exists}
    added = tuple(_own_existence(row) for row in rows if row.cell not in known)
    matrix = replace(pack.matrix, rows=rows, exists=(*pack.matrix.exists, *added))
    return compile_policy(pack._replace(matrix=matrix), types, Profile.DEMO)


def _woken(basis: Basis) -> Basis:
    return replace(basis, status=BasisStatus.UNCONFIRMED) if basis.status is BasisStatus.PROPOSAL else basis


def _own_existence(row: Row) -> Exists:
    return Exists(*row.cell, tuple(grant.guards for grant in row.grants))


def run_case(case: Case, policy: Policy, types: Mapping[str, EventType]) -> Outcome:
    """Decide the event of a case for all units of its file and compare."""
    decided = decide_case(case, policy, types)
    found = {each.subscription.unit.code: each for each in decided.decisions}
    wrong = [*_unknown(case, policy), *_released(case, found, types), *_refused(case, found), *_silent(case, found)]
    unserved = tuple(case.body.get("unserved", ()))
    if decided.unserved != unserved:
        wrong.append(f"unserved duties are {_list(decided.unserved)}, not {_list(unserved)}")
    return Outcome(case, tuple(wrong))


def _unknown(case: Case, policy: Policy) -> Iterator[str]:
    """Consents of a case to a package the matrix does not have: they would open nothing, whatever was meant."""
    packages = {package.name for package in policy.matrix.packages}
    for name in case.body["facts"]:
        package = case.facts[name].get("package")
        if package is not None and package not in packages:
            yield f"the fact {name} names no package of the matrix: {package}"


def _list(words: Sequence[str]) -> str:
    return " ".join(words) or "none"


def decide_case(case: Case, policy: Policy, types: Mapping[str, EventType]) -> Decided:
    """The decisions about the event of a case, for every unit of its file."""
    body = case.body
    parties = {PartyRole(name): handle(name) for name in body.get("parties", ())}
    event = Event(
        body["event"],
        body["source"],
        handle("case"),
        parties,
        body.get("place", PLACE),
        frozenset(body.get("named", ())),
        body.get("content", {}),
    )
    facts = known(case)
    if not body.get("assumed"):
        return decide(policy, event, facts, NOW_MS)
    forced = frozenset(known_guards(types[event.type], ())[word] for word in body["assumed"])
    every = (decide_one(policy, event, each, facts, NOW_MS, forced) for each in facts.subscriptions(event.type))
    return Decided(tuple(one for one in every if one and one.subscription.unit.code != event.source), ())


def _released(case: Case, found: Mapping[str, Decision], types: Mapping[str, EventType]) -> Iterator[str]:
    for code, entry in case.body.get("released", {}).items():
        decision = found.get(code)
        if decision is None or decision.selected is None:
            yield f"{code} gets nothing ({decision.refusal if decision else 'its cell is empty'})"
            continue
        got = {path: how.value for path, how in decision.selected.release.leaves}
        wanted = _leaves(types[case.body["event"]], entry)
        yield from (f"{code} gets `{path}` as {got[path]}" for path in got if path not in wanted)
        yield from (f"{code} does not get `{path}`" for path in wanted if path not in got)
        both = (path for path in got if path in wanted and got[path] != wanted[path])
        yield from (f"{code} gets `{path}` as {got[path]}, not {wanted[path]}" for path in both)
        rows = entry["rows"] if "rows" in entry else [entry["row"]]
        cited = dict.fromkeys(decision.selected.rules)
        if not set(rows) <= cited.keys() or ("rows" in entry and set(rows) != cited.keys()):
            yield f"{code} gets it by row {_list(tuple(cited))}, not {_list(rows)}"
        if decision.fallback_for != entry.get("fallback_for"):
            told = entry.get("fallback_for", "nobody")
            yield f"{code} stands in for {decision.fallback_for or 'nobody'}, not for {told}"


def _leaves(event: EventType, entry: Mapping[str, Any]) -> dict[str, str]:
    """The leaves a listed unit gets, with their transforms."""
    rules = dict.fromkeys(entry.get("give", ())) | {int(g): r for g, r in entry.get("generalise", {}).items()}
    made = {f.path: transform(f, rules[f.group]) for f in event.fields if f.group in rules}
    return {path: how.value for path, how in made.items() if how is not None}


def _refused(case: Case, found: Mapping[str, Decision]) -> Iterator[str]:
    for code, entry in case.body.get("refused", {}).items():
        decision = found.get(code)
        if decision is None or decision.selected is not None:
            yield f"{code} {'gets it' if decision else 'has no cell, so nothing to refuse'}"
            continue
        if str(decision.refusal) != entry["reason"]:
            yield f"{code} is refused for {decision.refusal}, not {entry['reason']}"
        if "guard" in entry and str(decision.guard) != entry["guard"]:
            yield f"{code} lacks {decision.guard}, not {entry['guard']}"
        facts, told = [fact.offset for fact in decision.facts], [entry["fact"]] if "fact" in entry else []
        if "guard" in entry and facts != told:
            yield f"{code} is refused by the records {_list([*map(str, facts)])}, not {_list([*map(str, told)])}"


def _silent(case: Case, found: Mapping[str, Decision]) -> Iterator[str]:
    """Whoever is not listed learns nothing; units under `none` have no cell at all."""
    body = case.body
    yield from (f"{code} has a cell, and `none` says it has none" for code in body.get("none", ()) if code in found)
    learned = [code for code, each in found.items() if each.selected and code not in body.get("released", {})]
    if not body.get("others"):
        yield from (f"{code} learns of it and is not listed" for code in learned)
    if body["source"] in found:
        yield f"{body['source']} is decided about its own event"


def handle(name: str) -> bytes:
    """An invented handle of 16 bytes for a name such as `case`, `victim`."""
    return hashlib.sha256(name.encode()).digest()[:16]


def known(case: Case) -> FixedFacts:
    """The units and the listed facts of a case, at one revision."""
    units = {
        code: Unit(
            code,
            Role(raw["role"]),
            frozenset(raw.get("area", (PLACE,))),
            raw.get("fallback"),
            ordinal,
            raw.get("suspended", False),
        )
        for ordinal, (code, raw) in enumerate(case.units.items())
    }
    subscriptions = [Subscription(unit, Purpose(case.units[code]["purpose"])) for code, unit in units.items()]
    facts = [case.facts[name] for name in case.body["facts"]]
    links = [(handle(raw["a"]), handle(raw["b"])) for raw in facts if raw["kind"] == "link"]
    records: list[RelationRecord | ConsentRecord | HoldRecord] = [
        RECORDS[raw["kind"]](raw) for raw in facts if raw["kind"] != "link"
    ]
    by_type = {case.body["event"]: subscriptions}
    return FixedFacts.of(units.values(), by_type, records, links, stale=case.body.get("stale", False))


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
        valid_until=raw.get("until", FOREVER_MS),
        by=frozenset(raw.get("by", ("w-1", "w-2"))),
        witness="w-2",
    )


def _relation(raw: Mapping[str, Any]) -> RelationRecord:
    role = PartyRole(raw["role"])
    return RelationRecord(
        key=handle(f"relation {raw['offset']}"),
        offset=raw["offset"],
        unit=raw["unit"],
        target=handle(raw.get("to", "case")),
        role=role,
        kind=raw["of"],
        since=raw.get("since", 0),
        until=raw.get("until"),
        live=raw.get("state", "live") == "live",
        at=raw.get("at", 0),
    )


def _hold(raw: Mapping[str, Any]) -> HoldRecord:
    return HoldRecord(
        key=handle(f"hold {raw['offset']}"),
        offset=raw["offset"],
        target=handle(raw["on"]),
        unit=raw.get("unit"),
        until=raw.get("until"),
        on=raw.get("state", "on") == "on",
    )


RECORDS: Mapping[str, Callable[[Mapping[str, Any]], RelationRecord | ConsentRecord | HoldRecord]] = {
    "consent": _consent,
    "relation": _relation,
    "hold": _hold,
}
