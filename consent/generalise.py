"""What `generalised` means, group by group.

A closed set of rules, each turning one leaf into one transform or leaving it out.

Rule kept: contract.md section 0, table of transforms; in every release a `ref` leaf becomes `pairwise` and a `person`
leaf `person_ref`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from consent.terms import BaseType, EventType, Field, LeafKind, Transform

SEVERITY = ("none", "minor", "serious", "unknown")
"""The symbols of a leaf that says how badly somebody is hurt."""

DROPPED = "dropped_out"
"""The symbol of a leaf that says somebody has left a programme."""

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


def _care(field: Field) -> Transform | None:
    """Whether care is needed, of a leaf that says how serious it is; everything else of the group is left out."""
    return Transform.FLAG_CARE if set(SEVERITY) == set(field.symbols) and not field.array else None


def _children(field: Field) -> Transform | None:
    """How many children there are, whatever says it; everything else of the group is left out."""
    if field.array:
        return Transform.COUNT
    return given(field) if field.base is BaseType.INT else None


def _order(field: Field) -> Transform | None:
    """That an order stands, and until which day: nothing of what it says."""
    if field.array:
        return Transform.FLAG_PRESENT
    return Transform.DAY if field.path == "validUntil" else None


def _distance(field: Field) -> Transform | None:
    """As `_order`, and the distance to keep as a band."""
    return Transform.DISTANCE_BAND if field.path == "distanceM" else _order(field)


RULES: Mapping[str, Rule] = {
    "1": _only("name"),
    "6": _only("name"),
    "7": _only("siruta"),
    "11": _care,
    "12": lambda field: Transform.AGE_BAND if field.base is BaseType.DATE and not field.array else None,
    "13c": _children,
    "13": _flag(Transform.FLAG_PRESENT),
    "14d": _distance,
    "14": _order,
    "15": _flag(Transform.FLAG_CAUTION),
    "25": lambda field: Transform.FLAG_DROPPED if DROPPED in field.symbols else None,
    "26h": _facts(Transform.HOUR, place=False),
    "26c": _facts(Transform.HOUR, place=True),
    "26d": _facts(Transform.DAY, place=True),
    "29": _only("kind"),
}
"""The closed list, finest rule of a group first."""

GROUP_OF: Mapping[str, int] = {name: int(name.rstrip("hcd")) for name in RULES}
"""The group each rule belongs to."""

COARSEST: Mapping[int, str] = {of: name for name, of in GROUP_OF.items()}
"""The last, coarsest rule of each group that has one."""

TIME_OF: Mapping[str, Transform] = {"26h": Transform.HOUR, "26c": Transform.HOUR, "26d": Transform.DAY}
"""What `ce_time` becomes under each rule of group 26; group given: as is; group absent: day."""


def transform(field: Field, rule: str | None) -> Transform | None:
    """The transform of one leaf whose group is given (`rule` None) or generalised by a named rule.

    None = not in the release.
    """
    return given(field) if rule is None else RULES[rule](field)


def occasion(event: EventType) -> Field | None:
    """The moment of the event itself: its first event fact (group 26) that is a time and always there."""
    times = (f for f in event.fields if f.group == 26 and f.base is BaseType.TIMESTAMP and f.required and not f.array)
    return next(times, None)


def inputs(field: Field, how: Transform, event: EventType) -> tuple[Field, ...]:
    """The leaves a released leaf is made of, itself first: what it reveals is what all of them reveal."""
    other = occasion(event) if how is Transform.AGE_BAND else None
    return (field,) if other is None else (field, other)


def fits(field: Field, rule: str, event: EventType) -> bool:
    """Whether the leaf has a type the rule can work on.

    A flag over the wrong type would be a wrong answer, not a coarse one.
    """
    wanted = transform(field, rule)
    return wanted is None or wanted not in FITS or FITS[wanted](field, event)


Fits = Callable[[Field, EventType], bool]

FITS: Mapping[Transform, Fits] = {
    Transform.FLAG_CARE: lambda field, _: field.base is BaseType.ENUM and set(SEVERITY) == set(field.symbols),
    Transform.FLAG_PRESENT: lambda field, _: field.array or field.base is BaseType.INT,
    Transform.FLAG_CAUTION: lambda field, _: field.array or set(field.symbols) == {"yes", "no", "unknown"},
    Transform.FLAG_DROPPED: lambda field, _: field.base is BaseType.ENUM and not field.nullable and not field.array,
    Transform.COUNT: lambda field, _: field.array,
    Transform.DISTANCE_BAND: lambda field, _: field.base is BaseType.INT and not field.array,
    Transform.AGE_BAND: lambda field, event: field.base is BaseType.DATE and not field.array and bool(occasion(event)),
}
"""What the transforms that look at a value need of the leaf."""
