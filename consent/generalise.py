"""What `generalised` means, group by group.

A closed set of rules, each turning one leaf into one transform or leaving it out.

Rule kept: contract.md section 0, table of transforms; in every release a `ref` leaf becomes `pairwise` and a `person`
leaf `person_ref`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from consent.terms import BaseType, Field, LeafKind, Transform

Rule = Callable[[Field], Transform | None]
"""A leaf of the group in, its transform out; None leaves the leaf out."""


def given(field: Field) -> Transform:
    """The transform of a leaf whose group is given: as is, except references, which are pairwise for every unit."""
    if field.kind is LeafKind.REF:
        return Transform.PAIRWISE
    return Transform.PERSON_REF if field.kind is LeafKind.PERSON else Transform.AS_IS


def _only(name: str) -> Rule:
    """One leaf by its last name, the others left out."""
    return lambda field: given(field) if field.path.rpartition(".")[2] == name else None


def _flag(transform: Transform) -> Rule:
    """Every leaf of the group becomes a flag."""
    return lambda _field: transform


def _facts(time: Transform, place: bool) -> Rule:
    """Event facts with coarser times; `place` also reduces `siruta` to the county and leaves unit codes out."""

    def rule(field: Field) -> Transform | None:
        if field.base is BaseType.TIMESTAMP:
            return time
        if place and field.kind is LeafKind.UNIT:
            return None
        if place and field.base is BaseType.INT and field.path.rpartition(".")[2] == "siruta":
            return Transform.COUNTY
        return given(field)

    return rule


RULES: Mapping[str, Rule] = {
    "6": _only("name"),
    "11": _flag(Transform.FLAG_CARE),
    "13": _flag(Transform.FLAG_PRESENT),
    "15": _flag(Transform.FLAG_CAUTION),
    "26h": _facts(Transform.HOUR, place=False),
    "26c": _facts(Transform.HOUR, place=True),
    "26d": _facts(Transform.DAY, place=True),
    "29": _only("kind"),
}
"""The closed list, finest rule of a group first."""

GROUP_OF: Mapping[str, int] = {name: int(name.rstrip("hcd")) for name in RULES}
"""The group each rule belongs to."""

TIME_OF: Mapping[str, Transform] = {"26h": Transform.HOUR, "26c": Transform.HOUR, "26d": Transform.DAY}
"""What `ce_time` becomes under each rule of group 26; group given: as is; group absent: day."""


def transform(field: Field, rule: str | None) -> Transform | None:
    """The transform of one leaf whose group is given (`rule` None) or generalised by a named rule.

    None = not in the release.
    """
    return given(field) if rule is None else RULES[rule](field)


def fits(field: Field, rule: str) -> bool:
    """Whether the leaf has a type the rule can work on.

    A flag over the wrong type would be a wrong answer, not a coarse one.
    """
    wanted = transform(field, rule)
    if wanted is Transform.FLAG_CARE:
        return field.base is BaseType.ENUM and {"none", "minor", "serious", "unknown"} <= set(field.symbols)
    if wanted is Transform.FLAG_PRESENT:
        return field.base is BaseType.INT and not field.array
    if wanted is Transform.FLAG_CAUTION:
        return field.array or set(field.symbols) == {"yes", "no", "unknown"}
    return True
