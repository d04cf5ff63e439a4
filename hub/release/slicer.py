"""The slicer: one walk over the bytes of an admitted record, and every release by joining ranges of them.

Rule kept: withheld bytes are never copied. Code is generated once per event type; it trusts that strict admission has
seen the bytes, copies only what the release names, and replaces what a transform names (architecture.md law 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from consent.compile import Release
from consent.guards import ALERT_CONTENT, CONTENT
from consent.terms import LeafKind, PartyRole, Transform
from hub.contracts.shape import Avro, base_name
from hub.contracts.walk import NOT_CANONICAL
from hub.contracts.wire import WireError, frame
from hub.release.layout import Part, layout
from hub.release.stride import stride_source
from hub.release.transforms import (
    NO,
    PERSON_CHARS,
    REF_CHARS,
    STEPS,
    SYMBOLS,
    UNKNOWN,
    YES,
    TransformFailed,
    check_transform,
    coarse,
    county_table,
    read_varint,
    symbol_table,
    varint,
)

Offsets = tuple[int, ...]
PAIRWISE: Final = (LeafKind.REF, LeafKind.PERSON)
GUARD_LEAVES: Final = frozenset({guard.partition("=")[0] for guard in CONTENT} | {ALERT_CONTENT[0]})


class Seals(Protocol):
    """Pseudonyms of one unit; the gateway makes them from its keys."""

    @property
    def seal_ref(self) -> Callable[[bytes], bytes]:
        """A reference as this unit alone sees it, of what the reference stands for: 118 ASCII characters."""

    @property
    def person(self) -> Callable[[bytes], bytes]:
        """A person as this unit alone sees them, of what stands for the person: 22 ASCII characters."""


Plains = Mapping[int, bytes]
"""What each reference and person of one event stands for before it is sealed, by position of its part."""


class GuardLeaves(NamedTuple):
    """What guards may read of an event: place, units it names, symbols of the listed leaves (booleans yes and no)."""

    siruta: int | None
    named: frozenset[str]
    content: Mapping[str, str]


Cut = Callable[[bytes, Offsets, Plains, Seals], bytes]


class Slicer:
    """All releases of one event type. `walk`, `presence`, `guards` and the cutters are generated functions.

    `ids`: release name -> schema id. `counties`: administrative unit -> county code.
    """

    def __init__(
        self, event_avsc: Avro, releases: Sequence[Release], ids: Mapping[str, int], counties: Mapping[int, int]
    ) -> None:
        self._parts = layout(event_avsc)
        self.pairwise: Mapping[int, tuple[PartyRole | None, bool]] = {
            position: (part.block, part.field["punte.leaf"] == LeafKind.PERSON)
            for position, part in enumerate(self._parts)
            if part.field.get("punte.leaf") in PAIRWISE
        }
        """References and persons by position: the block they lie in, and whether it is a person."""
        self._counties = county_table(counties)
        self.walk: Callable[[bytes], Offsets] = _build(stride_source(self._parts), "walk", {})
        self.presence: Callable[[bytes, Offsets], bytes] = _build(_presence_source(self._parts), "presence", {})
        self._reads = tuple(_guard_reads(self._parts))
        self._cuts = {release: self._cutter(release, ids[release.name]) for release in releases}

    def bind(self, release: Release) -> Cut:
        """The cutter of one release: (body, offsets, plains, seals) -> framed value."""
        return self._cuts[release]

    def text(self, position: int, body: bytes, offsets: Offsets) -> bytes:
        """The text at a position of a record that was walked, where it is not null, without its length."""
        start = offsets[position] + self._parts[position].null
        return body[start + (1 if body[start] < 128 else 2) : offsets[position + 1]]

    def guards(self, body: bytes, offsets: Offsets) -> GuardLeaves:
        """The leaves guards read; WireError for bytes admission cannot have let through."""
        try:
            return self._guards(body, offsets)
        except (IndexError, UnicodeDecodeError):
            raise _unseen() from None

    def _guards(self, body: bytes, offsets: Offsets) -> GuardLeaves:
        siruta: int | None = None
        units: list[str] = []
        content: dict[str, str] = {}
        for position, path, symbols in self._reads:
            at = offsets[position]
            if symbols is None:
                siruta = read_varint(body, at)
            elif symbols:
                content[path] = symbols[body[at] >> 1]
            else:
                units += _units(self._parts[position], body[at : offsets[position + 1]])
        return GuardLeaves(siruta, frozenset(units), content)

    def _cutter(self, release: Release, schema_id: int) -> Cut:
        scope: dict[str, Any] = {"HEAD": frame(schema_id, b""), "COUNTY": self._counties}
        pieces = ["HEAD", *_pieces(self._parts, release, scope)]
        joined = f"        return b''.join(({', '.join(pieces)},))\n"
        failed = "    except (IndexError, KeyError):\n        raise failed() from None\n"
        cut: Cut = _build(f"def cut(buf, o, plain, seals):\n    try:\n{joined}{failed}", "cut", scope)
        return cut


def _unseen() -> WireError:
    """The fault of bytes that strict admission cannot have let through."""
    return WireError(NOT_CANONICAL, "")


def _build(source: str, name: str, scope: dict[str, Any]) -> Any:
    scope |= {"coarse": coarse, "unseen": _unseen, "failed": TransformFailed}
    exec(compile(source, f"<{name}>", "exec"), scope)  # noqa: S102 - the source is made of our own schemas alone
    return scope[name]


def _units(part: Part, raw: bytes) -> Iterator[str]:
    """The unit codes in the bytes of a unit leaf: six letters behind a byte of 12, after count or branch."""
    start = raw.find(b"\x0c", 1 if part.array or part.null else 0)
    while start >= 0:
        yield raw[start + 1 : start + 7].decode("ascii")
        start = raw.find(b"\x0c", start + 7)


def _guard_reads(parts: tuple[Part, ...]) -> Iterator[tuple[int, str, tuple[str, ...] | None]]:
    """Position, path and symbols of each leaf guards read; symbols None = `siruta`, empty = unit codes."""
    for position, part in enumerate(parts):
        path = part.leaves[0] if part.leaves else ""
        if part.under or len(part.leaves) != 1:
            continue
        if path == "siruta":
            yield position, path, None
        elif part.field.get("punte.leaf") == LeafKind.UNIT:
            yield position, path, ()
        elif path in GUARD_LEAVES and not part.null and base_name(part.kind) in ("enum", "boolean"):
            yield position, path, tuple(part.kind["symbols"]) if base_name(part.kind) == "enum" else ("no", "yes")


def _presence_source(parts: tuple[Part, ...]) -> str:
    """Code that sets one bit per leaf, the first leaf in the highest bit: not null, array not empty."""
    leaves = sum(len(part.leaves) for part in parts)
    size = (leaves + 7) // 8
    bit, always, lines = 8 * size - 1, 0, []
    for position, part in enumerate(parts):
        mask = sum(1 << (bit - step) for step in range(len(part.leaves)))
        bit -= len(part.leaves)
        asked = [*part.under, *([position] if part.null or part.array else [])]
        if mask and asked:
            lines.append(f"    if {' and '.join(f'buf[o[{at}]]' for at in asked)}: m |= {mask}\n")
        always |= 0 if asked else mask
    return f"def presence(buf, o):\n    m = {always}\n{''.join(lines)}    return m.to_bytes({size}, 'big')\n"


def _pieces(parts: tuple[Part, ...], release: Release, scope: dict[str, Any]) -> Iterator[str]:
    """Expressions whose bytes, joined, are the release: ranges of the record, and what transforms make."""
    wanted = dict(release.leaves)
    needed = {position for part in parts if wanted.keys() & set(part.leaves) for position in part.under}
    run: int | None = None
    for position, part in enumerate(parts):
        transforms = {wanted[path] for path in part.leaves if path in wanted}
        copied = position in needed or transforms == {Transform.AS_IS}
        if copied and run is None:
            run = position
        if not copied and run is not None:
            yield f"buf[o[{run}]:o[{position}]]"
            run = None
        if transforms and not copied:
            yield _expression(part, position, transforms.pop(), scope)
    if run is not None:
        yield f"buf[o[{run}]:o[{len(parts)}]]"


def _expression(part: Part, position: int, transform: Transform, scope: dict[str, Any]) -> str:
    """The bytes of a transformed leaf; nothing where a record it lies in is absent."""
    check_transform(transform, part.field, part.kind, part.null, part.leaves[0])
    plain = _EXPRESSIONS[transform](part, position, scope)
    absent = " and ".join(f"buf[o[{branch}]]" for branch in part.under)
    return f"({plain} if {absent} else b'')" if absent else plain


def _after_null(part: Part, position: int, made: Callable[[str], str]) -> str:
    """A nullable leaf keeps its branch byte: null stays null, a value is transformed."""
    at = f"o[{position}]"
    if not part.null:
        return made(at)
    return f"(b'\\2' + {made(at + ' + 1')} if buf[{at}] else b'\\0')"


def _flag(transform: Transform, part: Part, position: int, scope: dict[str, Any]) -> str:
    if part.array:
        return f"({NO!r} if buf[o[{position}]] == 0 else {YES!r})"
    name = f"T{position}"
    scope[name] = symbol_table(transform, tuple(part.kind["symbols"]), part.leaves[0])
    return f"{name}[buf[o[{position}]]]"


def _present(part: Part, position: int, _: dict[str, Any]) -> str:
    at = f"o[{position}]"
    if not part.null:
        return f"({YES!r} if buf[{at}] else {NO!r})"
    return f"({UNKNOWN!r} if buf[{at}] == 0 else {YES!r} if buf[{at} + 1] else {NO!r})"


def _moment(step: int, part: Part, position: int, _: dict[str, Any]) -> str:
    return _after_null(part, position, lambda at: f"coarse(buf, {at}, {step})")


def _county(part: Part, position: int, _: dict[str, Any]) -> str:
    return _after_null(part, position, lambda at: f"COUNTY[buf[{at}:o[{position + 1}]]]")


def _sealed(method: str, chars: int, part: Part, position: int, _: dict[str, Any]) -> str:
    return _after_null(part, position, lambda _: f"{varint(chars)!r} + seals.{method}(plain[{position}])")


_EXPRESSIONS: Final[Mapping[Transform, Callable[[Part, int, dict[str, Any]], str]]] = {
    **{name: partial(_flag, name) for name in SYMBOLS},
    Transform.FLAG_PRESENT: _present,
    **{name: partial(_moment, step) for name, step in STEPS.items()},
    Transform.COUNTY: _county,
    Transform.PAIRWISE: partial(_sealed, "seal_ref", REF_CHARS),
    Transform.PERSON_REF: partial(_sealed, "person", PERSON_CHARS),
}
