"""What a mark of the matrix makes of each leaf, and which of several marks counts.

Written from contract.md section 0 (table of transforms, rule 1) and the rules added for the whole matrix. A leaf a rule
does not speak of is left out.
"""

from __future__ import annotations

from functools import cache

from tests.model.policy import Leaf, Type

FINEST = ("1", "6", "7", "11", "12", "13c", "13", "14d", "14", "15", "25", "26h", "26c", "26d", "29")
"""The rules from fine to coarse; only those of one group are ever compared."""
CARE = {"none", "minor", "serious", "unknown"}
ONLY = {"1": "name", "6": "name", "7": "siruta", "29": "kind"}
TIME_RULES = {"26h": "hour", "26c": "hour", "26d": "day"}


def rules_of(group: int) -> list[str]:
    """The rules that may stand for a group."""
    return [rule for rule in FINEST if rule.rstrip("cdh") == str(group)]


def becomes(leaf: Leaf, rule: str | None) -> str | None:
    """The transform of a leaf whose group is given (`rule` None) or generalised; None = not in the release."""
    if rule is None:
        return sealed(leaf)
    if rule in ONLY:
        return sealed(leaf) if leaf.name == ONLY[rule] else None
    if rule in TIME_RULES:
        return _facts(leaf, rule)
    return _FLAGS[rule](leaf)


def sealed(leaf: Leaf) -> str:
    """References leave pairwise, persons as a digest, everything else as it is."""
    return {"ref": "pairwise", "person": "person_ref"}.get(leaf.kind, "as_is")


def _facts(leaf: Leaf, rule: str) -> str | None:
    if leaf.base == "timestamp-millis":
        return TIME_RULES[rule]
    if rule != "26h" and leaf.kind == "unit":
        return None
    if rule != "26h" and leaf.name == "siruta":
        return "county"
    return sealed(leaf)


def _care(leaf: Leaf) -> str | None:
    return "flag_care" if not leaf.array and set(leaf.symbols) == CARE else None


def _age(leaf: Leaf) -> str | None:
    return "age_band" if leaf.name == "birthDate" and leaf.base == "date" else None


def _present(leaf: Leaf) -> str | None:
    return "flag_present" if leaf.array or leaf.base == "int" else None


def _count(leaf: Leaf) -> str | None:
    return "count" if leaf.array else "as_is" if leaf.base == "int" else None


def _order(leaf: Leaf) -> str | None:
    if leaf.name == "validUntil":
        return "day"
    return "flag_present" if leaf.array else None


def _order_distance(leaf: Leaf) -> str | None:
    return "distance_band" if leaf.name == "distanceM" else _order(leaf)


def _caution(leaf: Leaf) -> str | None:
    return "flag_caution" if leaf.array or set(leaf.symbols) == {"yes", "no", "unknown"} else None


def _dropped(leaf: Leaf) -> str | None:
    return "flag_dropped" if "dropped_out" in leaf.symbols else None


_FLAGS = {
    "11": _care,
    "12": _age,
    "13": _present,
    "13c": _count,
    "14": _order,
    "14d": _order_distance,
    "15": _caution,
    "25": _dropped,
}


@cache
def shape(name: str, marks: tuple[tuple[int, str | None], ...], of: tuple[Leaf, ...]) -> tuple[tuple[str, str], ...]:
    """The leaves of a release in schema order, each with its transform; `marks` = group and rule (None = given)."""
    rules = dict(marks)
    found = [(leaf.path, becomes(leaf, rules[leaf.group])) for leaf in of if leaf.group in rules]
    return tuple((path, transform) for path, transform in found if transform)


def time_rule(marks: dict[int, str | None]) -> str:
    """What `ce_time` becomes: what the rule of group 26 does to times; the day where group 26 is absent."""
    if 26 not in marks:
        return "day"
    rule = marks[26]
    return "as_is" if rule is None else TIME_RULES[rule]


def occasion(event: Type) -> str:
    """The path of the event's own moment: the first event fact that is a time and always there."""
    return next(leaf.path for leaf in event.leaves if _is_moment(leaf))


def _is_moment(leaf: Leaf) -> bool:
    return leaf.group == 26 and leaf.base == "timestamp-millis" and leaf.required and not leaf.array
