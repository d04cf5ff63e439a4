"""The slicer: one walk over the bytes of an admitted record, and every release by joining ranges of them.

Rule kept: withheld bytes are never copied. Code is generated once per event type; it trusts that strict admission has
seen the bytes, copies only what the release names, and replaces what a transform names (architecture.md law 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from consent.compile import Release
from consent.guards import ALERT_CONTENT, CONTENT
from consent.terms import LeafKind, PartyRole, Transform
from hub.contracts.shape import Avro, base_name
from hub.contracts.wire import frame
from hub.release.elements import SEALING, array_source, texts
from hub.release.layout import Part, layout, occasion
from hub.release.pieces import Draft, Spot, build, expression
from hub.release.stride import stride_source
from hub.release.transforms import check_transform, county_table
from hub.release.varints import block, read_varint, varint

Offsets = tuple[int, ...]
PAIRWISE: Final = (LeafKind.REF, LeafKind.PERSON)
GUARD_LEAVES: Final = frozenset({guard.partition("=")[0] for guard in CONTENT} | {ALERT_CONTENT[0]})
UNIT_BYTES: Final = 7


class Seals(Protocol):
    """Pseudonyms of one unit; the gateway makes them from its keys."""

    @property
    def seal_ref(self) -> Callable[[bytes], bytes]:
        """A reference as this unit alone sees it, of what the reference stands for: 118 ASCII characters."""

    @property
    def person(self) -> Callable[[bytes], bytes]:
        """A person as this unit alone sees them, of what stands for the person: 22 ASCII characters."""


Plains = Mapping[int, Any]
"""What each reference and person of one event stands for before it is sealed, by its position in `Slicer.pairwise`.

Bytes; for a leaf in an array a tuple of bytes, one for each time it occurs and is not null, in the order of the bytes.
"""


class Reference(NamedTuple):
    """A reference or a person (`person`) of an event type: the block it lies in, and whether it is in an array."""

    block: PartyRole | None
    person: bool
    many: bool


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
        self.pairwise: Mapping[int, Reference] = {}
        """References and persons by position; those in arrays are counted on behind the parts."""
        self._plains: dict[str, int] = {}
        self._texts: dict[int, Callable[[bytes, int], tuple[bytes, ...]]] = {}
        self._arrays: dict[int, int] = {}
        self._references()
        self._moment = occasion(self._parts)
        self._counties = county_table(counties)
        self.walk: Callable[[bytes], Offsets] = build(stride_source(self._parts), "walk", {})
        self.presence: Callable[[bytes, Offsets], bytes] = build(_presence_source(self._parts), "presence", {})
        self.guards: Callable[[bytes, Offsets], GuardLeaves] = _guards(self._parts, counties)
        """The leaves guards read; WireError for bytes admission cannot have let through."""
        self._cuts = {release: self._cutter(release, ids[release.name]) for release in releases}

    def bind(self, release: Release) -> Cut:
        """The cutter of one release: (body, offsets, plains, seals) -> framed value."""
        return self._cuts[release]

    def text(self, position: int, body: bytes, offsets: Offsets) -> bytes:
        """The text at a position of a record that was walked, where it is not null, without its length."""
        start = offsets[position] + self._parts[position].null
        return body[start + (1 if body[start] < 128 else 2) : offsets[position + 1]]

    def texts(self, position: int, body: bytes, offsets: Offsets) -> tuple[bytes, ...]:
        """Each text, null passed over, of a reference in an array (`Reference.many`), in the order of the bytes."""
        return self._texts[position](body, offsets[self._arrays[position]])

    def _references(self) -> None:
        """Number the references; one in an array gets the function that reads its texts."""
        found: dict[int, Reference] = {}
        for position, part in enumerate(self._parts):
            for leaf in part.inside:
                kind = leaf.field.get("punte.leaf")
                if kind in PAIRWISE:
                    at = len(self._parts) + len(self._texts) if part.array else position
                    found[at] = Reference(part.block, kind == LeafKind.PERSON, part.array)
                    self._plains[leaf.path] = at
                    if part.array:
                        self._texts[at], self._arrays[at] = texts(part, leaf.path), position
        self.pairwise = found

    def _cutter(self, release: Release, schema_id: int) -> Cut:
        draft = Draft(None if self._moment is None else f"o[{self._moment}]")
        draft.scope |= {"HEAD": frame(schema_id, b""), "COUNTY": self._counties}
        pieces = ["HEAD", *_pieces(self._parts, release, self._plains, draft)]
        joined = f"        return b''.join(({', '.join(pieces)},))\n"
        failed = f"    except {FAILING}:\n        raise failed() from None\n"
        source = f"def cut(buf, o, plain, seals):\n    try:\n{joined}{failed}"
        cut: Cut = build("".join(draft.helpers.values()) + source, "cut", draft.scope)
        return cut


FAILING: Final = "(IndexError, KeyError, StopIteration, OverflowError, ValueError)"
"""What broken bytes make generated code raise."""


def _guards(parts: tuple[Part, ...], counties: Mapping[int, int]) -> Callable[[bytes, Offsets], GuardLeaves]:
    """A function that reads what guards may read, generated: a loop over the leaves costs twice as much.

    A place that has a county is looked up by its bytes, any other is read.
    """
    draft = Draft(None, {"made": tuple.__new__, "LEAVES": GuardLeaves, "units": _units, "place": read_varint})
    siruta, units, content = "None", [], []
    for position, part in enumerate(parts):
        path = part.leaves[0] if part.leaves else ""
        if part.under or len(part.leaves) != 1:
            continue
        at, end = f"o[{position}]", f"o[{position + 1}]"
        if path == "siruta":
            places = draft.table({varint(unit): unit for unit in counties})
            siruta = f"{places}.get(buf[{at}:{end}]) or place(buf, {at})"
        elif part.field.get("punte.leaf") == LeafKind.UNIT:
            units.append(f"*units({draft.table(part)}, buf[{at}:{end}])")
        elif path in GUARD_LEAVES and not part.null and base_name(part.kind) in ("enum", "boolean"):
            content.append(f"{path!r}: {draft.table(_symbols(part.kind))}[buf[{at}]]")
    named = f"frozenset(({', '.join(units)},))" if units else draft.table(frozenset())
    source = _GUARDS.format(siruta=siruta, named=named, content=", ".join(content))
    read: Callable[[bytes, Offsets], GuardLeaves] = build(source, "guards", draft.scope)
    return read


_GUARDS: Final = """def guards(buf, o):
    try:
        return made(LEAVES, ({siruta}, {named}, {{{content}}}))
    except (IndexError, UnicodeDecodeError):
        raise unseen() from None
"""


def _symbols(kind: Avro) -> tuple[str, ...]:
    """The symbol of each byte an enum or a boolean may be."""
    if base_name(kind) == "boolean":
        return "no", "yes"
    return tuple(symbol for symbol in kind["symbols"] for _ in range(2))


def _units(part: Part, raw: bytes) -> Iterator[str]:
    """The unit codes in the bytes of a unit leaf: six letters each, behind a byte of 12."""
    if not part.array:
        if len(raw) >= UNIT_BYTES:
            yield raw[1 - UNIT_BYTES :].decode("ascii")
        return
    at = 0
    while True:
        count, at, _ = block(raw, at)
        if not count:
            return
        for start in range(at + 1, at + 1 + UNIT_BYTES * count, UNIT_BYTES):
            yield raw[start : start + UNIT_BYTES - 1].decode("ascii")
        at += UNIT_BYTES * count


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


def _pieces(parts: tuple[Part, ...], release: Release, plains: Mapping[str, int], draft: Draft) -> Iterator[str]:
    """Expressions whose bytes, joined, are the release: ranges of the record, and what transforms make."""
    wanted = dict(release.leaves)
    needed = {position for part in parts if wanted.keys() & set(part.leaves) for position in part.under}
    run: int | None = None
    for position, part in enumerate(parts):
        transforms = {wanted.get(path) for path in part.leaves}
        copied = position in needed or transforms == {Transform.AS_IS}
        if copied and run is None:
            run = position
        if copied:
            _check_copied(part)
        if not copied and run is not None:
            yield f"buf[o[{run}]:o[{position}]]"
            run = None
        if not copied and transforms - {None}:
            yield _made(part, position, wanted, plains, draft)
    if run is not None:
        yield f"buf[o[{run}]:o[{len(parts)}]]"


def _check_copied(part: Part) -> None:
    """No reference leaves as it is (INV-11)."""
    for path, field, kind, null in part.inside:
        check_transform(Transform.AS_IS, field, kind, null, path)


def _made(part: Part, position: int, wanted: Mapping[str, Transform], plains: Mapping[str, int], draft: Draft) -> str:
    """The bytes of a part that is not copied; nothing where a record it lies in is absent."""
    (leaf, *_), start = part.inside, f"o[{position}]"
    if base_name(part.kind) == "array" and (leaf.path != part.path or wanted[leaf.path] in SEALING):
        name = draft.function(lambda name: array_source(name, part, wanted, plains, draft))
        made = f"{name}(buf, o, {start}, plain, seals)"
    else:
        spot = Spot(leaf, start, f"o[{position + 1}]", f"plain[{plains.get(leaf.path)}]")
        made = expression(spot, wanted[leaf.path], draft)
    absent = " and ".join(f"buf[o[{branch}]]" for branch in part.under)
    return f"({made} if {absent} else b'')" if absent else made
