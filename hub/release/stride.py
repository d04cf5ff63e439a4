"""Generates the walk of the slicer: code that strides over an admitted record and notes where each part begins.

Rule kept: it looks at no value. It may only meet bytes that strict admission has accepted, so lengths fit two bytes,
enums and booleans one, and moments of the years 2000-2100 six or seven (hub.contracts.wire). Arrays it reads in every
form Avro has: several blocks, and blocks with their size; a size that is not that of its elements is `unseen()`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from hub.contracts.shape import Avro, base_name, fixed_size, nullable
from hub.release.layout import Part


class Code:
    """Lines of a function; `ahead` bytes of known size are stepped over only when a value must be read.

    `helpers`: the functions it calls, name -> source; shared by all functions of one source.
    """

    def __init__(self, helpers: dict[str, str]) -> None:
        self.helpers = helpers
        self.lines: list[str] = []
        self.depth = 1
        self.ahead = 0

    def put(self, line: str) -> None:
        """Add a line."""
        self.lines.append("    " * self.depth + line)

    def here(self, more: int = 0) -> str:
        """The present position as an expression."""
        return f"p + {self.ahead + more}" if self.ahead + more else "p"

    def land(self) -> None:
        """Make p itself the present position."""
        if self.ahead:
            self.put(f"p += {self.ahead}")
            self.ahead = 0

    def move(self, distance: str) -> None:
        """Step over a value whose size is an expression."""
        self.put(f"p += {distance} + {self.ahead}" if self.ahead else f"p += {distance}")
        self.ahead = 0

    @contextmanager
    def inside(self, opening: str) -> Iterator[None]:
        """A block; positions are settled before and after."""
        self.land()
        self.put(opening)
        self.depth += 1
        self.put("pass")
        yield
        self.land()
        self.depth -= 1


def stride_source(parts: tuple[Part, ...]) -> str:
    """Source of `walk(buf)`: the tuple of positions of all parts, and the end; raises `unseen()` for broken bytes."""
    code = Code({})
    _strides(code, parts, 0, 0)
    code.land()
    names = "".join(f"o{position}, " for position in range(len(parts)))
    body = "\n".join("    " + line for line in code.lines)
    return "".join(code.helpers.values()) + (
        f"def walk(buf):\n    p = 0\n    try:\n{body}\n    except IndexError:\n        raise unseen() from None\n"
        f"    if p != len(buf): raise unseen()\n    return ({names}p)\n"
    )


def _strides(code: Code, parts: tuple[Part, ...], start: int, depth: int) -> int:
    """Code for the parts from `start` on that lie under `depth` branches; returns the position after them."""
    position = start
    while position < len(parts) and len(parts[position].under) >= depth:
        part = parts[position]
        code.put(f"o{position} = {code.here()}")
        if not part.branch:
            _value(code, part.field, part.kind, part.null)
            position += 1
            continue
        position = _branch(code, parts, position)
    return position


def _branch(code: Code, parts: tuple[Part, ...], position: int) -> int:
    """A record that may be absent: then all its parts begin, and end, after the branch byte."""
    code.ahead += 1
    code.land()
    with code.inside("if buf[p - 1]:"):
        after = _strides(code, parts, position + 1, len(parts[position].under) + 1)
    with code.inside("else:"):
        code.put(" = ".join(f"o{inner}" for inner in range(position + 1, after)) + " = p")
    return after


def skip(code: Code, field: Mapping[str, Any]) -> None:
    """Code that steps over one field."""
    kind, null = nullable(field["type"])
    _value(code, field, kind, null)


def _value(code: Code, field: Mapping[str, Any], kind: Avro, null: bool) -> None:
    if not null:
        _plain(code, field, kind)
        return
    code.ahead += 1
    code.land()
    with code.inside("if buf[p - 1]:"):
        _plain(code, field, kind)


def _plain(code: Code, field: Mapping[str, Any], kind: Avro) -> None:
    size = fixed_size(field, kind)
    if size is not None:
        code.ahead += size
        return
    _SKIPS[base_name(kind)](code, field, kind)


def _text(code: Code, _: Mapping[str, Any], __: Avro) -> None:
    """A length of at most 8191 bytes takes two bytes at most."""
    code.put(f"c = buf[{code.here()}]")
    long = f"((c & 127) >> 1) + (buf[{code.here(1)}] << 6) + 2"
    code.move(f"((c >> 1) + 1 if c < 128 else {long})")


def _int(code: Code, _: Mapping[str, Any], __: Avro) -> None:
    steps = " else ".join(f"{size} if buf[{code.here(size - 1)}] < 128" for size in range(1, 5))
    code.move(f"({steps} else 5)")


def _moment(code: Code, _: Mapping[str, Any], __: Avro) -> None:
    code.move(f"(6 if buf[{code.here(5)}] < 128 else 7)")


def _long(code: Code, _: Mapping[str, Any], __: Avro) -> None:
    code.land()
    code.put("while buf[p] > 127: p += 1")
    code.ahead = 1


def _array(code: Code, field: Mapping[str, Any], kind: Avro) -> None:
    """One block of less than 64 elements and its end, or the end alone; a function of its own for anything else."""
    item = _item(field)
    odd = _odd(code, item, kind["items"])
    code.put(f"c = buf[{code.here()}]")
    code.ahead += 1
    with code.inside("if c:"):
        with code.inside("if c & 129:"):
            code.put(f"p = {odd}(buf, p - 1)")
        with code.inside("else:"):
            size = fixed_size(item, kind["items"])
            if size is not None:
                code.put(f"p += {size} * (c >> 1)")
            else:
                with code.inside("for _ in range(c >> 1):"):
                    items(code, item, kind["items"])
            code.put(f"p = {odd}(buf, p) if buf[p] else p + 1")


def _item(field: Mapping[str, Any]) -> dict[str, Any]:
    """One element as a field: the bounds of an array count its elements."""
    return {key: value for key, value in field.items() if key not in ("punte.max", "punte.min")}


def _odd(code: Code, item: Mapping[str, Any], of: Avro) -> str:
    """The name of the function that walks over the blocks of an array, from any of them to the end."""
    name = f"odd{id(of)}"
    if name not in code.helpers:
        code.helpers[name] = ""
        inner = Code(code.helpers)
        items(inner, item, of)
        inner.land()
        code.helpers[name] = _BLOCKS.format(name=name, items="\n".join("        " + line for line in inner.lines))
    return name


_BLOCKS: Final = """def {name}(buf, p):
    while True:
        n, p, end = block(buf, p)
        if not n: return p
        for _ in range(n):
{items}
        if end >= 0 and p != end: raise unseen()
"""


def count_source(name: str, field: Mapping[str, Any], kind: Avro) -> str:
    """Source of `name(buf, p)`: how many elements the array of plain values at p has."""
    code = Code({})
    items(code, _item(field), kind["items"])
    code.land()
    lines = "\n".join("        " + line for line in code.lines)
    return _COUNT.format(name=name, items=lines)


_COUNT: Final = """def {name}(buf, p):
    total = 0
    while True:
        n, p, _ = block(buf, p)
        if not n: return total
        total += n
        for _ in range(n):
{items}
"""


def items(code: Code, field: Mapping[str, Any], of: Avro) -> None:
    """Code that steps over one element of an array, or over all fields of a record."""
    if base_name(of) != "record":
        _plain(code, field, of)
        return
    for one in of["fields"]:
        skip(code, one)


_SKIPS: Final = {
    "string": _text,
    "int": _int,
    "date": _int,
    "long": _long,
    "timestamp-millis": _moment,
    "array": _array,
    "record": items,
}
