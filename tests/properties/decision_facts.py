"""Random facts over a small world of handles, so that relations, consents, holds and links meet often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st

from consent.decide import Decided, Decision, decide
from consent.facts import Event, FixedFacts, Unit
from consent.terms import PartyRole, Purpose
from tests.cases.pack import NOW, PLACE, facts, handle, policy, types, unit

PERSONS = ("victim", "suspect", "child", "stranger")
HANDLES = ("case", "other-case", *PERSONS)
UNITS: Mapping[str, tuple[Unit, Purpose]] = {
    code: (unit(code, role, i, area, fallback), Purpose(purpose))
    for i, (code, role, purpose, area, fallback) in enumerate(
        [
            ("dispatch", "POL-D", "P1", (PLACE,), None),
            ("patrol", "POL-R", "P1", (PLACE,), "dispatch"),
            ("orders", "POL-M", "P3", (PLACE,), "orders-2"),
            ("orders-2", "POL-M", "P3", (1,), "orders"),
            ("emis", "EMIS", "P3", (PLACE,), "orders"),
            ("prosecutor", "PROS", "P2", (PLACE,), "prosecutor-2"),
            ("prosecutor-2", "PROS", "P2", (1,), "prosecutor"),
            ("centre", "SW-L", "P6", (PLACE,), "county"),
            ("county", "SW-C", "P7", (1,), "centre"),
            ("children", "CHILD", "P8", (PLACE,), "children-2"),
            ("children-2", "CHILD", "P8", (1,), "children"),
            ("shelter", "SHEL", "P9", (PLACE,), None),
            ("association", "NGO-V", "P7", (PLACE,), None),
            ("hospital", "HOSP", "P10", (PLACE,), None),
            ("mobile", "MOBILE", "P6", (PLACE,), "county"),
            ("probation", "PROB", "P5", (PLACE,), None),
            ("court", "COURT", "P4", (PLACE,), None),
            ("police", "POL-I", "P2", (PLACE,), None),
            ("school", "SCH", "P8", (PLACE,), None),
        ]
    )
}
PERSONAL = ("shelter", "association", "hospital", "mobile", "centre", "county", "probation", "school")
PACKAGES = {"shelter": ("sh1", "sh2", "sh3"), "association": ("ng1", "ng2", "ng3"), "hospital": ("ho1", "ho2")}

offsets = st.integers(1, 60)
ends = st.sampled_from([None, NOW - 1, NOW + 1])
relations = st.fixed_dictionaries(
    {
        "kind": st.just("relation"),
        "unit": st.sampled_from(PERSONAL),
        "of": st.just("client"),
        "role": st.sampled_from([role.value for role in PartyRole]),
        "to": st.sampled_from(HANDLES),
        "until": ends,
        "offset": offsets,
    }
)
consents = st.sampled_from(list(PACKAGES)).flatmap(
    lambda code: st.fixed_dictionaries(
        {
            "kind": st.just("consent"),
            "unit": st.just(code),
            "purpose": st.just(UNITS[code][1].value),
            "package": st.sampled_from(PACKAGES[code]),
            "person": st.sampled_from(PERSONS),
            "giver": st.sampled_from([None, None, *PERSONS]),
            "state": st.sampled_from(["given", "given", "given", "withdrawn", "refused", "expired"]),
            "alone": st.sampled_from([True, True, True, False]),
            "offset": offsets,
        }
    ).map(lambda raw: raw | {"giver": raw["giver"] or raw["person"]})
)
holds = st.fixed_dictionaries(
    {
        "kind": st.just("hold"),
        "unit": st.sampled_from([None, *UNITS]),
        "on": st.sampled_from(HANDLES),
        "until": ends,
        "offset": offsets,
    }
)
links = st.fixed_dictionaries(
    {"kind": st.just("link"), "a": st.sampled_from(HANDLES), "b": st.sampled_from(HANDLES), "offset": offsets}
)
content = st.fixed_dictionaries(
    {
        "instrument": st.sampled_from(["RO_POL_21", "RO_POL_2024", "RO_SOC_25"]),
        "result": st.sampled_from(["imminent", "not_imminent"]),
        "childInHousehold": st.sampled_from(["yes", "no"]),
        "childCovered": st.sampled_from(["yes", "no"]),
        "emisConsent": st.sampled_from(["accepted", "refused"]),
        "basis.kind": st.sampled_from(["law", "consent"]),
        "severity": st.sampled_from(["critical", "technical"]),
        "riskLevel": st.sampled_from(["imminent", "high", "low"]),
        "childPresent": st.sampled_from(["yes", "no"]),
        "childInvolved": st.sampled_from(["yes", "no"]),
        "schoolClause": st.sampled_from(["yes", "no"]),
    }
)
events = st.builds(
    Event,
    type=st.sampled_from(sorted(types())),
    source=st.sampled_from(["author", *UNITS]),
    case=st.just(handle("case")),
    parties=st.sets(st.sampled_from(list(PartyRole))).map(lambda parts: {p: handle(p) for p in sorted(parts)}),
    siruta=st.sampled_from([PLACE, 2]),
    named=st.frozensets(st.sampled_from(sorted(UNITS)), max_size=3),
    content=content,
)
Records = list[Mapping[str, Any]]


def records(*kinds: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Records]:
    """Lists of register records of these kinds."""
    return st.lists(st.one_of(*kinds), max_size=12)


def known(found: Iterable[Mapping[str, Any]], *, stale: bool = False) -> FixedFacts:
    """The facts of these records for all units."""
    return facts(UNITS, found, stale=stale)


def decided(event: Event, found: Iterable[Mapping[str, Any]], *, stale: bool = False) -> Decided:
    """Decide under the reference policy."""
    return decide(policy(), event, known(found, stale=stale), NOW)


def of(result: Decided, code: str) -> Decision | None:
    """The decision for one unit."""
    return next((d for d in result.decisions if d.subscription.unit.code == code), None)


def fields(decision: Decision | None) -> frozenset[str]:
    """The leaves a decision lets out."""
    selected = decision.selected if decision else None
    return frozenset(path for path, _ in selected.release.leaves) if selected else frozenset()


def joined(found: Iterable[Mapping[str, Any]], start: set[str]) -> set[str]:
    """The names joined to any of these by links, by plain search."""
    pairs = [(raw["a"], raw["b"]) for raw in found if raw["kind"] == "link"]
    reached = set(start)
    for _ in HANDLES:
        reached |= {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached}
    return reached


def present(event: Event) -> set[str]:
    """The names of the handles of an event."""
    return {"case", *(role.value for role in event.parties)}
