"""Loops over the elements of an array: what a release makes of each of them, and the references in them.

Rule kept: what happens to one element happens to all; what is left out is left out of every one. An array that a
release gives whole and as it is never comes here: its bytes are copied (hub.release.slicer).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consent.terms import Transform
from hub.contracts.shape import base_name, nullable
from hub.release.layout import Leaf, Part, leaves
from hub.release.pieces import Draft, Spot, build, expression
from hub.release.stride import Code, skip

SEALING = frozenset({Transform.PAIRWISE, Transform.PERSON_REF})
Wanted = Mapping[str, Transform]


def array_source(name: str, part: Part, wanted: Wanted, plains: Mapping[str, int], draft: Draft) -> str:
    """Source of `name(buf, o, p, plain, seals)`: the array at p as the release has it, one block and its end.

    `plains`: path of each reference in an array -> where `plain` holds what its occurrences stand for, in their order.
    """
    loop = _Rewrite(wanted, plains, draft)
    loop.array(part.field, part.path)
    used = [path for path in loop.references if path in wanted]
    iterators = "".join(f"    r{plains[path]} = iter(plain[{plains[path]}])\n" for path in used)
    head = f"def {name}(buf, o, p, plain, seals):\n    out = []\n    put = out.append\n{iterators}"
    return head + "\n".join(loop.code.lines) + "\n    return b''.join(out)\n"


class _Loop:
    """Code that goes over an array at p, deep first; what is done with counts and leaves is said by its kinds."""

    def __init__(self, wanted: Wanted, draft: Draft) -> None:
        self.wanted, self.draft = wanted, draft
        self.code = Code(draft.helpers)
        self.run = False
        self.deep = 0

    def array(self, field: Mapping[str, Any], path: str) -> None:
        """All blocks of an array, of records or of plain values."""
        code, level, of = self.code, self.deep, field["type"]["items"]
        self.deep += 1
        code.land()
        self.begin(level)
        with code.inside("while True:"):
            code.put(f"n{level}, p, _ = block(buf, p)")
            code.put(f"if not n{level}: break")
            self.counted(level)
            with code.inside(f"for _ in range(n{level}):"):
                if base_name(of) == "record":
                    self.record(of["fields"], path + "[].")
                else:
                    self.field({**_element(field), "type": of}, path.removesuffix(field["name"]))
                self.rest()
        self.end(level)
        self.deep -= 1

    def record(self, fields: list[Mapping[str, Any]], above: str) -> None:
        """Each field of a record."""
        for field in fields:
            self.field(field, above)

    def field(self, field: Mapping[str, Any], above: str) -> None:
        """One field: kept, left out, or gone into."""
        kind, null = nullable(field["type"])
        path, base = above + field["name"], base_name(kind)
        fates = {self.wanted.get(leaf.path) for leaf in leaves(field, path)}
        if len(fates) == 1 and fates <= {None, Transform.AS_IS}:
            (self.rest if fates == {None} else self.keep)()
            skip(self.code, field)
        elif base == "record" and null:
            self._optional(kind, path)
        elif base == "record":
            self.record(kind["fields"], path + ".")
        elif base == "array" and (base_name(kind["items"]) == "record" or fates <= SEALING):
            self.rest()
            self.array(field, path)
        else:
            self.rest()
            self.code.land()
            self.code.put("a = p")
            skip(self.code, field)
            self.code.land()
            self.leaf(Leaf(path, field, kind, null))

    def _optional(self, kind: Any, path: str) -> None:
        """A record that may be absent in an element."""
        self.keep()
        self.code.ahead += 1
        self.rest()
        self.code.land()
        with self.code.inside("if buf[p - 1]:"):
            self.record(kind["fields"], path + ".")
            self.rest()

    def keep(self) -> None:
        """Begin a run of bytes that are kept."""

    def rest(self) -> None:
        """End it."""

    def begin(self, level: int) -> None:
        """Before an array."""

    def counted(self, level: int) -> None:
        """At each block of it."""

    def end(self, level: int) -> None:
        """After it."""

    def leaf(self, leaf: Leaf) -> None:
        """A leaf that is neither kept nor left out: it lies from a to p."""
        raise NotImplementedError


class _Rewrite(_Loop):
    """The array as a release has it."""

    def __init__(self, wanted: Wanted, plains: Mapping[str, int], draft: Draft) -> None:
        super().__init__(wanted, draft)
        self.plains = plains
        self.references: list[str] = []

    def keep(self) -> None:
        if not self.run:
            self.code.put(f"s = {self.code.here()}")
            self.run = True

    def rest(self) -> None:
        if self.run:
            self.code.put(f"put(buf[s:{self.code.here()}])")
            self.run = False

    def begin(self, level: int) -> None:
        self.code.put(f"at{level}, t{level} = len(out), 0")
        self.code.put("put(b'')")

    def counted(self, level: int) -> None:
        self.code.put(f"t{level} += n{level}")

    def end(self, level: int) -> None:
        self.code.put(f"out[at{level}] = varint(t{level})")
        self.code.put(f"if t{level}: put(b'\\0')")

    def leaf(self, leaf: Leaf) -> None:
        plain = ""
        if leaf.path in self.plains:
            self.references.append(leaf.path)
            plain = f"next(r{self.plains[leaf.path]})"
        made = expression(Spot(leaf, "a", "p", plain), self.wanted[leaf.path], self.draft)
        self.code.put(f"put({made})")


class _Collect(_Loop):
    """The texts of one reference, in the order of the elements; null is passed over."""

    def leaf(self, leaf: Leaf) -> None:
        there = "if buf[a]: " if leaf.null else ""
        self.code.put(f"{there}put(buf[a + {1 + leaf.null} + (buf[a + {int(leaf.null)}] > 127):p])")


def texts(part: Part, path: str) -> Any:
    """A function of (buf, p): the texts of one reference in the array at p, in the order they occur."""
    draft = Draft(None)
    loop = _Collect({path: Transform.PAIRWISE}, draft)
    loop.array(part.field, part.path)
    head = "def texts(buf, p):\n    out = []\n    put = out.append\n"
    source = "".join(draft.helpers.values()) + head + "\n".join(loop.code.lines) + "\n    return tuple(out)\n"
    return build(source, "texts", draft.scope)


def _element(field: Mapping[str, Any]) -> dict[str, Any]:
    """One plain element as a field."""
    return {key: value for key, value in field.items() if key not in ("punte.max", "punte.min")}
