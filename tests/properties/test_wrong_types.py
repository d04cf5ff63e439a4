"""A value of another type anywhere in a file of a pack is read or refused: no type of TOML ends in another fault."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.cases import parse_cases, run_case
from consent.dutylines import parse_dutylines
from consent.errors import Finding, PolicyRefused
from consent.matrix import parse_matrix
from consent.pack import parse_pack
from consent.redlines import parse_redlines
from consent.waivers import parse_waivers
from hub.release.files import read_cases
from tests.cases.pack import policy, texts, types

WAIVERS = """
[[waiver]]
id = "W-1"
rows = ["I4", "A1"]
controller = "a controller"
by = ["p-1", "p-2"]
until = 2027-03-31
why = "a lawyer reads it"
seal = "00000000"
"""
OTHERS: tuple[object, ...] = (
    *(7, -(2**63), True, "", "word", 1.5, float("nan"), date(2027, 3, 31), datetime(2027, 3, 31, 10, tzinfo=UTC)),
    *(time(7), [], ["word"], [7], [[]], [{}], {}, {"word": "word"}, {"26": [1]}),
)
"""A value of each type of TOML, the empty one of each, and the odd ones."""
WHOLE = """
[units]
patrol = { role = "POL-R", purpose = "P1", area = [54975], fallback = "desk", suspended = false }
desk = { role = "POL-D", purpose = "P1" }
shelter = { role = "SHEL", purpose = "P9" }

[facts]
held = { kind = "hold", unit = "patrol", on = "case", until = 2000, state = "on", offset = 1 }
client = { kind = "relation", unit = "shelter", of = "client", role = "victim", to = "case", since = 0, offset = 2 }
agreed = { kind = "consent", unit = "shelter", purpose = "P9", package = "sh1", groups = [1], by = ["w-1"], offset = 3 }
same = { kind = "link", a = "case", b = "other" }

[[case]]
says = "all a case can say"
event = "incident.reported"
source = "author"
parties = ["victim"]
named = ["desk"]
content = { channel = "phone" }
place = 54975
stale = false
facts = ["held", "client", "agreed", "same"]
unserved = ["D-01"]
others = false
released.patrol = { row = "I1", give = [26], generalise = { 11 = "11" } }
released.desk = { rows = ["I1"], give = [26], fallback_for = "patrol" }
refused.shelter = { reason = "guard_false", guard = "area", fact = 1 }
none = ["shelter"]
"""
"""Every key a case and its cast can have."""


@cache
def files() -> Mapping[str, str]:
    """Every file of the reference pack, and waivers."""
    own = dict(zip(("matrix", "redlines", "dutylines"), texts(), strict=False))
    return {**own, "waivers": WAIVERS, **read_cases(None)}


def parse(name: str, text: str) -> object:
    """Read one file as the pack does."""
    readers: Mapping[str, Callable[[], object]] = {
        "matrix": lambda: parse_matrix(text, types()),
        "redlines": lambda: parse_redlines(text, types()),
        "dutylines": lambda: parse_dutylines(text, types()),
        "waivers": lambda: parse_waivers(text, parse_pack(texts(), types()).matrix),
    }
    return readers.get(name, lambda: parse_cases(name, text, types()))()


def findings(name: str, text: str) -> tuple[Finding, ...]:
    """Why a file is refused; none where it is read. Cases that are read are run: how they end does not matter here."""
    try:
        found = parse(name, text)
    except PolicyRefused as refused:
        return refused.findings
    for case in found if isinstance(found, tuple) else ():
        run_case(case, policy(), types())
    return ()


def written(value: object) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)} = {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) else _quoted(str(value))


def _quoted(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04X}" for c in plain) + '"'


def places(value: object, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value, whole tables and lists included."""
    if at:
        yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*at, key))


def swapped(value: Any, at: tuple[Any, ...], other: object) -> Any:
    """The same with another value at one place."""
    if not at:
        return other
    made = value.copy()
    made[at[0]] = swapped(value[at[0]], at[1:], other)
    return made


def toml(raw: Mapping[str, object]) -> str:
    """A whole file."""
    return "".join(f"{written(key)} = {written(item)}\n" for key, item in raw.items())


@cache
def choices(name: str) -> tuple[Mapping[str, Any], tuple[tuple[Any, ...], ...]]:
    """A file as read, and every place in it."""
    raw = tomllib.loads(files()[name])
    return raw, tuple(places(raw))


GONE = ...
"""Instead of a value: nothing, its key is missing."""


def dropped(value: Any, at: tuple[Any, ...]) -> Any:
    """The same without one place."""
    if len(at) > 1:
        return swapped(value, at[:1], dropped(value[at[0]], at[1:]))
    made = value.copy()
    del made[at[0]]
    return made


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, str]:
    """A file of the pack by name, with one value of another type, empty, or missing."""
    name = draw(st.sampled_from(sorted(files())))
    raw, every = choices(name)
    at = draw(st.sampled_from(every))
    other = draw(st.sampled_from((GONE, *OTHERS)))
    return name, toml(dropped(raw, at) if other is GONE else swapped(raw, at, other))


@given(one=spoilt())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_value_of_another_type_is_read_or_refused(one: tuple[str, str]) -> None:
    """What is refused has a finding with a sentence and a remedy; a case that is read can be run."""
    assert all(each.sentence and each.remedy for each in findings(*one))


@pytest.mark.parametrize("other", [GONE, *OTHERS], ids=repr)
def test_no_part_of_a_case_can_be_of_another_type(other: object) -> None:
    """Every place of one whole case, with its units and facts: `row` taken out or turned into a list too."""
    raw = tomllib.loads(WHOLE)
    for at in places(raw):
        text = toml(dropped(raw, at) if other is GONE else swapped(raw, at, other))
        assert all(each.sentence and each.remedy for each in findings("c.toml", text)), at


def test_what_is_spoilt_was_sound() -> None:
    """Every file is read before anything in it is changed, and the writer of this test loses nothing of it."""
    for name, text in {**files(), "c.toml": WHOLE}.items():
        assert findings(name, text) == ()
        assert tomllib.loads(toml(tomllib.loads(text))) == tomllib.loads(text)
