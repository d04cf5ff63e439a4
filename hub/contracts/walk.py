"""Generates, from one Avro schema, a walk over encoded bytes that accepts the canonical form of valid records alone.

Rule kept: nothing is allocated on the word of the bytes: counts and lengths are bounded before they are used, and a
fault says which leaf and which code, never a value (reliability-security.md B1-B17). Avro 1.12, binary encoding.
Runs of leaves are first tried with one pattern; where it does not match, the exact code finds the fault or accepts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from hub.contracts.leaves import BOUND, EMIT, NOT_CANONICAL, Code, Fault, check_of, raising, scope_of
from hub.contracts.patterns import Form, joined, lengths_fit, optional, quick_form, repeated
from hub.contracts.shape import Avro, base_name, fixed_size, inline, nullable

__all__ = ["BOUND", "NOT_CANONICAL", "Fault", "Walk", "compile_walk"]

Walk = Callable[[bytes], None]
FRAME_FAULT = "frame"
"""The code of bytes that do not begin with the head they should have."""
Fields = Sequence[Mapping[str, Any]]


class _Walk:
    """A walk being written: its code, its patterns, and the run of leaves that wait for a common pattern."""

    def __init__(self, anywhere: bool) -> None:
        """`anywhere`: there is no list of places to hold a `siruta` leaf to."""
        self.code = Code()
        self.anywhere = anywhere
        self.patterns: dict[str, Any] = {}
        self.run: list[tuple[Form, Callable[[], None]]] = []

    def pattern(self, source: bytes, method: str) -> str:
        """The name under which generated code finds a pattern's `match` or `fullmatch`."""
        name = f"quick{len(self.patterns)}"
        self.patterns[name] = getattr(re.compile(source), method)
        return name

    def add(self, form: Form | None, exact: Callable[[], None]) -> None:
        """The next leaf, record or array: into the run if it has a form that may stand there, else its exact code."""
        last = self.run[-1] if self.run else None
        if last is not None and last[0].open and (form is None or not form.apart):
            self.run.pop()
            self.flush()
            last[1]()
            self.flush()
        if form is not None:
            self.run.append((form, exact))
            return
        self.flush()
        exact()

    def flush(self) -> None:
        """Write the waiting run: one pattern, and the exact code for what it does not match."""
        run, self.run = self.run, []
        form = joined([form for form, _ in run])
        if form is None or form.leaves < 2:
            for _, exact in run:
                exact()
            return
        name = self.pattern(form.source, "match")
        self.code.put(f"m = {name}(buf, p)", f"if {lengths_fit(form)}: p = m.end()")
        with self.code.inside("else:"):
            for _, exact in run:
                exact()
                self.flush()


def _record(walk: _Walk, fields: Fields, above: str, block: str) -> None:
    for field in fields:
        path = above + field["name"]
        kind, null = nullable(field["type"])
        base = base_name(kind)
        if base == "record" and not null:
            _record(walk, kind["fields"], path + ".", kind["name"].lower())
        elif base == "array":
            walk.add(_array_form(walk, field, kind["items"]), partial(_array, walk, field, kind["items"], path))
        elif base == "record":
            form = optional(_form(walk, kind["fields"], kind["name"].lower()))
            walk.add(form, partial(_absent, walk, path, partial(_whole, walk, kind, path + ".")))
        else:
            _leaf(walk, field, path, block)


def _whole(walk: _Walk, record: Avro, above: str) -> None:
    _record(walk, record["fields"], above, record["name"].lower())
    walk.flush()


def _absent(walk: _Walk, path: str, inner: Callable[[], None]) -> None:
    """The branch byte of `["null", X]`: 0 or 2, nothing else."""
    walk.code.put("c = buf[p]", "p += 1")
    with walk.code.inside("if c == 2:"):
        inner()
    walk.code.put(f"elif c: {raising(NOT_CANONICAL, path)}")


def _checked(walk: _Walk, field: Mapping[str, Any], kind: Avro, block: str) -> dict[str, Any]:
    """A leaf with what its check needs: its name, the block it lies in, its symbols."""
    check = check_of(field, kind, block)
    check = "place" if check == "siruta" and walk.anywhere else check
    return {
        **field,
        "check": check,
        "block": block,
        "symbols": kind["symbols"] if base_name(kind) == "enum" else (),
    }


def _leaf(walk: _Walk, field: Mapping[str, Any], path: str, block: str) -> None:
    kind, null = nullable(field["type"])
    leaf = _checked(walk, field, kind, block)
    plain = partial(EMIT[leaf["check"]], walk.code, leaf, path)
    walk.add(quick_form(leaf["check"], leaf, null), partial(_absent, walk, path, plain) if null else plain)


def _form(walk: _Walk, fields: Fields, block: str) -> Form | None:
    """The form of a whole record, if each of its fields has one."""
    return joined([_field_form(walk, field, block) for field in fields])


def _field_form(walk: _Walk, field: Mapping[str, Any], block: str) -> Form | None:
    kind, null = nullable(field["type"])
    if base_name(kind) == "array":
        return _array_form(walk, field, kind["items"])
    if base_name(kind) == "record":
        form = _form(walk, kind["fields"], kind["name"].lower())
        return optional(form) if null else form
    leaf = _checked(walk, field, kind, block)
    return quick_form(leaf["check"], leaf, null)


def _element(field: Mapping[str, Any], items: Avro) -> dict[str, Any]:
    """One element as a field: `punte.max` of an array counts elements, `punte.itemMax` bounds each of them."""
    bounds = {"punte.max": field["punte.itemMax"]} if "punte.itemMax" in field else {}
    return {**{key: value for key, value in field.items() if key != "punte.max"}, **bounds, "type": items}


def _array_form(walk: _Walk, field: Mapping[str, Any], items: Avro) -> Form | None:
    block, inner = _inner(_element(field, items))
    return repeated(_form(walk, inner, block), field["punte.max"])


def _array(walk: _Walk, field: Mapping[str, Any], items: Avro, path: str) -> None:
    """One positive block and its end, or the end alone; the count is bounded before anything is read."""
    code = walk.code
    code.put("n = buf[p]", "p += 1")
    with code.inside("if n:"):
        most = field["punte.max"]
        code.put(
            f"if n <= {min(2 * most, 126)} and not n & 1: n >>= 1", f"else: n, p = size(buf, p - 1, {most}, {path!r})"
        )
        code.put(f"if not n: {raising(NOT_CANONICAL, path)}")
        _elements(walk, _element(field, items), path)
        code.put(f"if buf[p]: {raising(NOT_CANONICAL, path)}", "p += 1")


def _elements(walk: _Walk, element: dict[str, Any], path: str) -> None:
    """All n elements: those of a fixed size with one pattern over the whole block first."""
    block, inner = _inner(element)
    size, form = fixed_size(element, element["type"]), _form(walk, inner, block)
    if size is None or form is None:
        with walk.code.inside("for _ in range(n):"):
            _record(walk, inner, path + "[]." if block else path.removesuffix(element["name"]), block)
            walk.flush()
        return
    name = walk.pattern(b"(?:" + form.source + b")*", "fullmatch")
    walk.code.put(f"q = p + {size} * n", f"if {name}(buf, p, q): p = q")
    with walk.code.inside("else:"), walk.code.inside("for _ in range(n):"):
        _record(walk, inner, path + "[]." if block else path.removesuffix(element["name"]), block)
        walk.flush()


def _inner(element: dict[str, Any]) -> tuple[str, Fields]:
    """The record's name and fields of an element; a plain value is its own only field."""
    items = element["type"]
    return (items["name"].lower(), items["fields"]) if base_name(items) == "record" else ("", [element])


def compile_walk(schema: Avro, fault: Fault, places: Collection[int] | None = None, head: bytes = b"") -> Walk:
    """A function that returns for the canonical bytes of a valid record and raises a `fault` for all others.

    `places`: the administrative units a `siruta` leaf may hold; None = any number that could be one. `head`: what must
    stand before the record.
    """
    writing = _Walk(anywhere=places is None)
    _whole(writing, inline(schema), "")
    scope = scope_of(fault, places) | writing.patterns | {"HEAD": head}
    body = "\n".join("    " + line for line in writing.code.lines)
    broken = raising(NOT_CANONICAL, "")
    source = (
        f"def walk(buf):\n    if not buf.startswith(HEAD): {raising(FRAME_FAULT, '')}\n    p = {len(head)}\n"
        f"    try:\n{body}\n    except IndexError:\n        {broken} from None\n"
        f"    if p != len(buf): {broken}\n"
    )
    exec(compile(source, "<walk>", "exec"), scope)  # noqa: S102 - the source is made of our own schemas alone
    walk: Walk = scope["walk"]
    return walk
