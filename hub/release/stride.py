"""Generates the walk of the slicer: code that strides over an admitted record and notes where each part begins.

Rule kept: it looks at no value. It may only meet bytes that strict admission has accepted, so lengths fit two bytes,
enums and booleans one, and moments of the years 2000-2100 six or seven (hub.contracts.wire).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from hub.contracts.shape import Avro, base_name, fixed_size, nullable
from hub.release.layout import Part


class _Code:
    """Lines of the walk; `ahead` bytes of known size are stepped over only when a value must be read."""

    def __init__(self) -> None:
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
    code = _Code()
    _strides(code, parts, 0, 0)
    code.land()
    names = "".join(f"o{position}, " for position in range(len(parts)))
    body = "\n".join("    " + line for line in code.lines)
    return (
        f"def walk(buf):\n    p = 0\n    try:\n{body}\n    except IndexError:\n        raise unseen() from None\n"
        f"    if p != len(buf): raise unseen()\n    return ({names}p)\n"
    )


def _strides(code: _Code, parts: tuple[Part, ...], start: int, depth: int) -> int:
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


def _branch(code: _Code, parts: tuple[Part, ...], position: int) -> int:
    """A record that may be absent: then all its parts begin, and end, after the branch byte."""
    code.ahead += 1
    code.land()
    with code.inside("if buf[p - 1]:"):
        after = _strides(code, parts, position + 1, len(parts[position].under) + 1)
    with code.inside("else:"):
        code.put(" = ".join(f"o{inner}" for inner in range(position + 1, after)) + " = p")
    return after


def _value(code: _Code, field: Mapping[str, Any], kind: Avro, null: bool) -> None:
    if not null:
        _plain(code, field, kind)
        return
    code.ahead += 1
    code.land()
    with code.inside("if buf[p - 1]:"):
        _plain(code, field, kind)


def _plain(code: _Code, field: Mapping[str, Any], kind: Avro) -> None:
    size = fixed_size(field, kind)
    if size is not None:
        code.ahead += size
        return
    _SKIPS[base_name(kind)](code, field, kind)


def _text(code: _Code, _: Mapping[str, Any], __: Avro) -> None:
    """A length of at most 8191 bytes takes two bytes at most."""
    code.put(f"c = buf[{code.here()}]")
    long = f"((c & 127) >> 1) + (buf[{code.here(1)}] << 6) + 2"
    code.move(f"((c >> 1) + 1 if c < 128 else {long})")


def _int(code: _Code, _: Mapping[str, Any], __: Avro) -> None:
    steps = " else ".join(f"{size} if buf[{code.here(size - 1)}] < 128" for size in range(1, 5))
    code.move(f"({steps} else 5)")


def _moment(code: _Code, _: Mapping[str, Any], __: Avro) -> None:
    code.move(f"(6 if buf[{code.here(5)}] < 128 else 7)")


def _long(code: _Code, _: Mapping[str, Any], __: Avro) -> None:
    code.land()
    code.put("while buf[p] > 127: p += 1")
    code.ahead = 1


def _array(code: _Code, field: Mapping[str, Any], kind: Avro) -> None:
    """One block and its end, or the end alone; the count takes two bytes at most."""
    item = {key: value for key, value in field.items() if key not in ("punte.max", "punte.min")}
    code.put(f"c = buf[{code.here()}]")
    code.ahead += 1
    with code.inside("if c:"):
        with code.inside("if c > 127:"):
            code.put("c = c & 127 | buf[p] << 7")
            code.ahead = 1
        size = fixed_size(item, kind["items"])
        if size is not None:
            code.put(f"p += {size} * (c >> 1)")
        else:
            with code.inside("for _ in range(c >> 1):"):
                _items(code, item, kind["items"])
        code.ahead = 1


def _items(code: _Code, field: Mapping[str, Any], items: Avro) -> None:
    if base_name(items) != "record":
        _plain(code, field, items)
        return
    for one in items["fields"]:
        kind, null = nullable(one["type"])
        _value(code, one, kind, null)


_SKIPS: Final = {
    "string": _text,
    "int": _int,
    "date": _int,
    "long": _long,
    "timestamp-millis": _moment,
    "array": _array,
}
