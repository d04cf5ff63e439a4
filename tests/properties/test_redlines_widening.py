"""Random widenings of the matrix: refused exactly when a plain reading of the red lines says so.

The oracle shares no code with the proof.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.basis import Basis, Citation
from consent.compile import compile_policy
from consent.errors import FindingKind, PolicyRefused
from consent.generalise import GROUP_OF, transform
from consent.guards import known_guards
from consent.matrix import Exists, Grant, Row
from consent.pack import parse_pack
from consent.terms import BasisKind, BasisStatus, EventType, Profile, Purpose, Role
from tests.cases.pack import texts, types

PACK = parse_pack(texts(), types())
LAW = Basis("B90", BasisKind.LAW, BasisStatus.OK, (Citation("L217", "", "", ""),))
PERP = {"PROB", "LODGE", "PERP", "ANP"}


TOGETHER = [
    (PERP, {"identity", "staff"}),
    ({"EMIS"}, {"identity", "safe-place"}),
    ({"PROS"}, {"contact", "safe-place"}),
    ({"POL-M"}, {"health", "safe-place"}),
    ({"SCH"}, {"identity", "victim-place"}),
]
"""What one role must never learn in time, over all of its releases (INV-02)."""


def ever(role: str) -> set[str]:
    """What all rows of a role in the matrix reveal together, proposals included."""
    return {
        word.value
        for row in PACK.matrix.rows
        if row.role == role
        for grant in row.grants
        for field in types()[row.event].fields
        if field.group in grant.groups
        for word in field.reveals
    }


def in_time(role: str, reveals: set[str]) -> bool:
    """Whether a role that already gets its rows would learn a forbidden pair with these."""
    return any(role in roles and pair <= ever(role) | reveals for roles, pair in TOGETHER)


def crosses(
    event: EventType, role: str, purpose: str, groups: frozenset[int], emergency: bool, rule: str | None = None
) -> bool:
    """Whether a row by law over these groups, whole or by one rule, crosses a red line, read plainly."""
    reveals = {
        word.value
        for field in event.fields
        if field.group in groups and transform(field, rule) is not None
        for word in field.reveals
    }
    hidden = {"contact", "safe-place", "victim-place", "child", "health", "help-seeking"}
    perp = role in PERP and (
        bool(reveals & hidden)
        or bool(groups & {2, 4, 5, 12, 17, 33})
        or event.name.split(".")[0]
        in {"incident", "risk", "referral", "consent", "shelter", "case", "mobileTeam", "child", "helpline", "threat"}
    )
    live = "location-live" in reveals and not (
        role in {"POL-D", "POL-R"} and purpose == "P1" and event.name == "emis.alert.raised"
    )
    return any(
        (
            perp,
            live,
            "suspect-place" in reveals
            and role not in {"POL-D", "POL-R", "POL-I", "POL-M", "PROS", "SW-C", "SHEL", "PROB"},
            event.name == "shelter.capacity" and 26 in groups,
            in_time(role, reveals),
            "safe-place" in reveals and role not in {"POL-M", "PROS", "EMIS"},
            27 in groups and role not in {"POL-D", "POL-R", "MOBILE"},
            32 in groups and role not in {"POL-D", "POL-R", "POL-I", "POL-M", "PROS"},
            bool(groups & {21, 24}),
            role in {"STAT", "DPO"},
            10 in groups and role in {"NGO-V", "SHEL", "POL-M", "CHILD", "HOSP", "MOBILE"},
            role in {"NGO-V", "SHEL", "HOSP"} and ("contact" in reveals or 12 in groups),
            emergency
            and event.name != "emis.alert.raised"
            and not (groups <= {1, 2, 3, 4, 9, 10, 13, 14, 15} and purpose in {"P1", "P8"}),
        )
    )


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_widening_is_refused_exactly_when_it_crosses(data: st.DataObject) -> None:
    """Any role, purpose, groups and guard added to the matrix.

    Red-line findings if and only if the plain reading objects.
    """
    event = types()[data.draw(st.sampled_from(sorted(types())))]
    role, purpose = data.draw(st.sampled_from(list(Role))), data.draw(st.sampled_from(list(Purpose)))
    groups = data.draw(st.frozensets(st.sampled_from(sorted(event.groups)), min_size=1, max_size=3))
    guards = known_guards(event, ())
    guard = guards[data.draw(st.sampled_from(sorted(guards)))]
    grant = Grant("X", (guard,), groups, {}, LAW)
    row = Row("X", event.name, role, purpose, (grant,), LAW)
    known = {exists.cell for exists in PACK.matrix.exists}
    exists = () if row.cell in known else (Exists(*row.cell, ((guard,),)),)
    mutant = replace(PACK.matrix, rows=(*PACK.matrix.rows, row), exists=(*PACK.matrix.exists, *exists))
    found = set()
    try:
        compile_policy(PACK._replace(matrix=mutant), types(), Profile.DEMO)
    except PolicyRefused as refused:
        found = {f.row for f in refused.findings if f.kind is FindingKind.RED_LINE}
    assert any("X" in rows.split(" and ") for rows in found) is crosses(
        event, role, purpose, groups, str(guard) == "emergency"
    )


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_generalising_is_no_way_around_a_line(data: st.DataObject) -> None:
    """The perpetrator's side gains no group by a generalisation; only what INV-03 leaves open is open to it at all."""
    rule = data.draw(st.sampled_from(sorted(GROUP_OF)))
    role = data.draw(st.sampled_from(sorted(PERP)))
    names = [
        event.name
        for event in types().values()
        if any(transform(field, rule) for field in event.of_group(GROUP_OF[rule]))
        and rule not in ("11", "12", "13", "13c")
    ]
    if not names:
        return
    event = types()[data.draw(st.sampled_from(names))]
    known = known_guards(event, ())
    guard = known.get("area") or known["addressee"]
    grant = Grant("X", (guard,), frozenset(), {GROUP_OF[rule]: rule}, LAW)
    row = Row("X", event.name, Role(role), Purpose.P5, (grant,), LAW)
    exists = Exists(*row.cell, ((guard,),))
    mutant = replace(PACK.matrix, rows=(*PACK.matrix.rows, row), exists=(*PACK.matrix.exists, exists))
    refused = False
    try:
        compile_policy(PACK._replace(matrix=mutant), types(), Profile.DEMO)
    except PolicyRefused:
        refused = True
    assert refused is crosses(event, role, "P5", frozenset({GROUP_OF[rule]}), False, rule)
