"""What a transformed leaf becomes: the expression in generated code whose bytes stand in the release.

Rule kept: each reads its own leaf (and the event's moment, where the transform says so) and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from consent.terms import Transform
from hub.contracts.shape import base_name
from hub.release.bands import AGE_UNKNOWN, DISTANCE_UNKNOWN, age_band, distance_band
from hub.release.layout import Leaf
from hub.release.stride import count_source
from hub.release.transforms import (
    NO,
    PERSON_CHARS,
    REF_CHARS,
    STEPS,
    SYMBOLS,
    UNKNOWN,
    YES,
    TransformFailed,
    TransformRefused,
    check_transform,
    coarse,
    symbol_table,
)
from hub.release.varints import block, long, unseen, varint

RUNTIME: Final[Mapping[str, Any]] = {
    "coarse": coarse,
    "age": age_band,
    "distance": distance_band,
    "varint": varint,
    "long": long,
    "block": block,
    "unseen": unseen,
    "failed": TransformFailed,
}
"""The names generated code may use besides its own."""


@dataclass(slots=True)
class Draft:
    """Code of a release being written: the tables it looks into, the functions it calls.

    `moment`: where the event's own moment begins, as an expression; None = it has none.
    """

    moment: str | None
    scope: dict[str, Any] = field(default_factory=dict)
    helpers: dict[str, str] = field(default_factory=dict)

    def table(self, value: Any) -> str:
        """The name under which code finds a value."""
        name = f"T{len(self.scope)}"
        self.scope[name] = value
        return name

    def function(self, source_of: Callable[[str], str]) -> str:
        """The name of a function made of its source."""
        name = f"f{len(self.helpers)}"
        self.helpers[name] = ""  # its source may need functions of its own
        self.helpers[name] = source_of(name)
        return name


def build(source: str, name: str, scope: Mapping[str, Any]) -> Any:
    """The function `name` of generated source. `scope`: the names it uses besides `RUNTIME`."""
    names = {**RUNTIME, **scope}
    exec(compile(source, f"<{name}>", "exec"), names)  # noqa: S102 - the source is made of our own schemas alone
    return names[name]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a leaf lies, as expressions: where it begins and ends, and what its reference stands for."""

    leaf: Leaf
    start: str
    end: str
    plain: str


def expression(spot: Spot, transform: Transform, draft: Draft) -> str:
    """The expression of one transformed leaf; TransformRefused where the transform does not fit it."""
    path, props, kind, null = spot.leaf
    check_transform(transform, props, kind, null, path)
    return _EXPRESSIONS[transform](spot, draft)


def _after_null(spot: Spot, made: Callable[[str], str]) -> str:
    """A nullable leaf keeps its branch byte: null stays null, a value is transformed."""
    if not spot.leaf.null:
        return made(spot.start)
    return f"(b'\\2' + {made(spot.start + ' + 1')} if buf[{spot.start}] else b'\\0')"


def _unless_null(spot: Spot, null: bytes, made: Callable[[str], str]) -> str:
    """A leaf that is never null in the release: null has a symbol of its own."""
    if not spot.leaf.null:
        return made(spot.start)
    return f"({made(spot.start + ' + 1')} if buf[{spot.start}] else {null!r})"


def _filled(spot: Spot) -> str:
    """An array, empty or not: the first count of an empty one is 0."""
    return f"({YES!r} if buf[{spot.start}] else {NO!r})"


def _flag(transform: Transform, spot: Spot, draft: Draft) -> str:
    if base_name(spot.leaf.kind) == "array":
        return _filled(spot)
    return f"{draft.table(symbol_table(transform, tuple(spot.leaf.kind['symbols'])))}[buf[{spot.start}]]"


def _present(spot: Spot, _: Draft) -> str:
    if base_name(spot.leaf.kind) == "array":
        return _filled(spot)
    return _unless_null(spot, UNKNOWN, lambda at: f"({YES!r} if buf[{at}] else {NO!r})")


def _moment(step: int, spot: Spot, _: Draft) -> str:
    return _after_null(spot, lambda at: f"coarse(buf, {at}, {step})")


def _county(spot: Spot, _: Draft) -> str:
    return _after_null(spot, lambda at: f"COUNTY[buf[{at}:{spot.end}]]")


def _age(spot: Spot, draft: Draft) -> str:
    if draft.moment is None:
        raise TransformRefused(spot.leaf.path, Transform.AGE_BAND)
    return _unless_null(spot, AGE_UNKNOWN, lambda at: f"age(buf, {at}, {draft.moment})")


def _distance(spot: Spot, _: Draft) -> str:
    return _unless_null(spot, DISTANCE_UNKNOWN, lambda at: f"distance(buf, {at})")


def _count(spot: Spot, draft: Draft) -> str:
    counted = draft.function(lambda name: count_source(name, spot.leaf.field, spot.leaf.kind))
    return f"varint({counted}(buf, {spot.start}))"


def _sealed(method: str, chars: int, spot: Spot, _: Draft) -> str:
    return _after_null(spot, lambda _: f"{varint(chars)!r} + seals.{method}({spot.plain})")


_EXPRESSIONS: Final[Mapping[Transform, Callable[[Spot, Draft], str]]] = {
    **{name: partial(_flag, name) for name in (*SYMBOLS, Transform.FLAG_DROPPED)},
    Transform.FLAG_PRESENT: _present,
    **{name: partial(_moment, step) for name, step in STEPS.items()},
    Transform.COUNTY: _county,
    Transform.AGE_BAND: _age,
    Transform.DISTANCE_BAND: _distance,
    Transform.COUNT: _count,
    Transform.PAIRWISE: partial(_sealed, "seal_ref", REF_CHARS),
    Transform.PERSON_REF: partial(_sealed, "person", PERSON_CHARS),
}
