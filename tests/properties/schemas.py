"""Random event schemas within the contract's types, records of them, and releases that may be made of them.

Nested records, arrays of records and of plain values at any depth, any leaf optional where an optional one may stand,
references and persons anywhere, enums that a transform fits and others. Every schema passes `check_schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeAlias

from consent.compile import Release
from consent.terms import Transform
from hub.contracts.limits import check_schema

Avro: TypeAlias = Any
"""A schema or a value."""

NAME = "random.event"
DEEP: Final = 3
COUNTIES: Final = {54975: 127, 55259: 127, 143450: 12, 9262: 200}
EARLIEST_MS: Final = 946_684_800_000
LATEST_MS: Final = 4_133_980_799_999
LETTERS: Final = "abcXYZ019 ăîșț'-éß"
ENUMS: Final[tuple[tuple[str, ...], ...]] = (
    ("none", "minor", "serious", "unknown"),
    ("yes", "no", "unknown"),
    ("enrolled", "completed", "dropped_out"),
    ("a", "b", "c", "d", "e"),
)


@dataclass
class Maker:
    """Makes one schema; names are counted, so none is used twice."""

    rng: Random
    made: int = 0
    enums: dict[tuple[str, ...], Avro] = field(default_factory=dict)

    def name(self) -> str:
        """A name of its own."""
        self.made += 1
        return f"x{self.made}"

    def schema(self) -> Avro:
        """A whole event schema: its own moment, perhaps behind other leaves, and anything else."""
        fields = [self.field(0) for _ in range(self.rng.randint(1, 7))] + self.places()
        moment = self.dressed("at", {"type": "long", "logicalType": "timestamp-millis"}, False)
        fields.insert(self.rng.randrange(len(fields) + 1), moment | {"punte.group": 26})
        schema = {"type": "record", "name": "Random", "namespace": "ro.dv.random", "doc": "d", "punte.ro": "d"}
        return {**schema, "fields": fields}

    def dressed(self, name: str, kind: Avro, null: bool, **more: object) -> Avro:
        """A field with what every field must say."""
        union: Avro = {"type": ["null", kind], "default": None} if null else {"type": kind}
        words = {"doc": "d", "punte.ro": "d", "punte.group": 1, "punte.class": "S1", "punte.reveals": ["none"]}
        return {"name": name, **union, **words, **more}

    def field(self, depth: int) -> Avro:
        """A leaf, a record or an array."""
        chance = self.rng.random()
        if depth < DEEP and chance < 0.15:
            return self.dressed(self.name(), self.record(depth), self.rng.random() < 0.6)
        if depth < DEEP and chance < 0.35:
            array = {"type": "array", "items": self.record(depth)}
            return self.dressed(self.name(), array, False, **{"punte.max": self.rng.choice((1, 3, 64))})
        if chance < 0.5:
            return self.plain_array()
        return self.leaf()

    def record(self, depth: int) -> Avro:
        """A record of one to five fields."""
        fields = self.places() + [self.field(depth + 1) for _ in range(self.rng.randint(1, 5))]
        return {"type": "record", "name": f"R{self.name()}", "doc": "d", "fields": fields}

    def enum(self) -> Avro:
        """An enum; the second use of one refers to the first."""
        symbols = self.rng.choice(ENUMS)
        name = f"E{ENUMS.index(symbols)}"
        if symbols in self.enums and self.rng.random() < 0.5:
            return name
        if symbols in self.enums:
            name = f"E{self.name()}"
        self.enums[symbols] = True
        return {"type": "enum", "name": name, "symbols": list(symbols)}

    def leaf(self) -> Avro:
        """A leaf of any kind."""
        kind, more = self.kind()
        return self.dressed(self.name(), kind, self.rng.random() < 0.4, **more)

    def places(self) -> list[Avro]:
        """Perhaps a place: the leaf is known by its name."""
        return [self.dressed("siruta", "int", self.rng.random() < 0.4)] if self.rng.random() < 0.3 else []

    def kind(self) -> tuple[Avro, dict[str, Any]]:
        """An Avro type and the properties it needs."""
        choice = self.rng.randrange(11)
        texts = ({"punte.max": 128, "punte.leaf": "ref"}, {"punte.max": 64, "punte.leaf": "person"})
        if choice < 3:
            return "string", (*texts, {"punte.max": self.rng.choice((1, 2, 40, 200))})[choice]
        if choice < 5:
            return self.enum(), {}
        bounded = {"punte.min": 0, "punte.max": self.rng.choice((3, 63, 64, 5000))}
        others: Sequence[tuple[Avro, dict[str, Any]]] = (
            ("int", {}),
            ("int", bounded),
            ("boolean", {}),
            ("long", {}),
            ({"type": "int", "logicalType": "date"}, {}),
            ({"type": "long", "logicalType": "timestamp-millis"}, {}),
        )
        return others[choice - 5]

    def plain_array(self) -> Avro:
        """An array of plain values."""
        kind, more = self.kind()
        more = {"punte.itemMax" if key == "punte.max" else key: value for key, value in more.items()}
        more = {} if kind == "int" else more
        array = {"type": "array", "items": kind}
        return self.dressed(self.name(), array, False, **more, **{"punte.max": self.rng.choice((1, 3, 64))})


def random_schema(rng: Random) -> Avro:
    """A random event schema that the contract would load."""
    schema = Maker(rng).schema()
    check_schema("random", schema)
    return schema


@dataclass(frozen=True)
class Leaf:
    """One leaf as these tests see it: where it is, what type it has, whether it may be null or is an array."""

    path: str
    name: str
    kind: Avro
    base: str
    null: bool
    array: bool
    sealed: str | None


def leaves(schema: Avro, above: str = "", known: dict[str, Avro] | None = None) -> Iterator[Leaf]:
    """Every leaf of a schema."""
    names: dict[str, Avro] = {} if known is None else known
    for one in schema["fields"]:
        null = isinstance(one["type"], list)
        kind = one["type"][1] if null else one["type"]
        array = isinstance(kind, dict) and kind["type"] == "array"
        item = _meant(kind["items"] if array else kind, names)
        path = above + one["name"]
        if isinstance(item, dict) and item["type"] == "record":
            yield from leaves(item, path + ("[]." if array else "."), names)
        else:
            base = item if isinstance(item, str) else item.get("logicalType", item["type"])
            yield Leaf(path, one["name"], item, base, null, array, one.get("punte.leaf"))


def _meant(kind: Avro, names: dict[str, Avro]) -> Avro:
    if isinstance(kind, dict) and kind["type"] == "enum":
        names[kind["name"]] = kind
    return names.get(kind, kind) if isinstance(kind, str) else kind


def options(leaf: Leaf) -> Iterator[Transform]:
    """The transforms that fit a leaf, by the words of the contract."""
    if leaf.sealed is None:
        yield Transform.AS_IS
    elif leaf.sealed != "unit":
        yield {"ref": Transform.PAIRWISE, "person": Transform.PERSON_REF}[leaf.sealed]
    if leaf.array:
        yield from (Transform.COUNT, Transform.FLAG_PRESENT, Transform.FLAG_CAUTION)
        return
    by_base = {
        "timestamp-millis": (Transform.HOUR, Transform.DAY),
        "date": (Transform.AGE_BAND,),
        "int": (Transform.FLAG_PRESENT, Transform.DISTANCE_BAND),
    }
    yield from by_base.get(leaf.base, ())
    if leaf.base == "int" and leaf.name == "siruta":
        yield Transform.COUNTY
    if leaf.base == "enum" and not leaf.null:
        yield from _of_enum(set(leaf.kind["symbols"]))


def _of_enum(symbols: set[str]) -> Iterator[Transform]:
    if symbols <= {"none", "minor", "serious", "unknown"}:
        yield Transform.FLAG_CARE
    if symbols <= {"yes", "no", "unknown"}:
        yield Transform.FLAG_CAUTION
    if "dropped_out" in symbols:
        yield Transform.FLAG_DROPPED


def random_release(rng: Random, schema: Avro) -> Release:
    """Any mix of leaves with transforms that fit them; never none."""
    found = list(leaves(schema))
    share, plain = rng.choice((0.3, 0.7, 1.0)), rng.choice((0.2, 0.9))
    chosen: list[tuple[str, Transform]] = []
    while not chosen:
        for leaf in found:
            first, *others = options(leaf)
            how = first if not others or rng.random() < plain else rng.choice(others)
            if rng.random() < share:
                chosen.append((leaf.path, how))
    return Release(NAME, tuple(chosen), rng.choice((Transform.AS_IS, Transform.HOUR, Transform.DAY)))


def record(rng: Random, schema: Avro, known: dict[str, Avro] | None = None, depth: int = 0) -> Avro:
    """A random valid record: edges of each type more often than not. `depth`: arrays it lies in."""
    names: dict[str, Avro] = {} if known is None else known
    return {one["name"]: _field(rng, one, names, depth) for one in schema["fields"]}


MANY: Final = ((64,), (64,), (), (), ())
"""How many elements an array may also have, by the arrays it lies in."""


def _field(rng: Random, one: Avro, names: dict[str, Avro], depth: int) -> Avro:
    kind = one["type"]
    if isinstance(kind, list):
        _remember(kind[1], names)
        return None if rng.random() < 0.4 else value(rng, one, kind[1], names, depth)
    if isinstance(kind, dict) and kind["type"] == "array":
        _remember(kind["items"], names)
        many = min(rng.choice((0, 0, 1, 1, 2, 3, 10, *MANY[depth])), one["punte.max"])
        return [value(rng, one, kind["items"], names, depth + 1) for _ in range(many)]
    return value(rng, one, kind, names, depth)


def _remember(kind: Avro, names: dict[str, Avro]) -> None:
    """Names are defined where they first stand, also where nothing of them is written."""
    if isinstance(kind, dict) and kind["type"] == "enum":
        names[kind["name"]] = kind
    elif isinstance(kind, dict) and kind["type"] == "record":
        for one in kind["fields"]:
            inner = one["type"][1] if isinstance(one["type"], list) else one["type"]
            _remember(inner["items"] if isinstance(inner, dict) and inner["type"] == "array" else inner, names)


def value(rng: Random, one: Avro, kind: Avro, names: dict[str, Avro], depth: int) -> Avro:
    """A value of a type."""
    kind = _meant(kind, names)
    if isinstance(kind, dict) and kind["type"] == "record":
        return record(rng, kind, names, depth)
    if isinstance(kind, dict) and kind["type"] == "enum":
        return rng.choice(kind["symbols"])
    base = kind if isinstance(kind, str) else kind["logicalType"]
    return VALUES[base](rng, one)


def _text(rng: Random, one: Avro) -> str:
    most = one.get("punte.itemMax", one.get("punte.max", 1))
    if one.get("punte.leaf"):
        sealed = one["punte.leaf"] == "ref" and rng.random() < 0.3
        return "".join(rng.choices("abcdXYZ019_-", k=118 if sealed else rng.choice((1, 5, 64))))
    return "".join(rng.choices(LETTERS, k=rng.choice((0, 1, min(most, 70), most))))


def _int(rng: Random, one: Avro) -> int:
    if one["name"] == "siruta":
        return rng.choice(tuple(COUNTIES))
    low, high = (one.get("punte.min", -(2**31)), one.get("punte.max", 2**31 - 1)) if "punte.min" in one else BOUNDS
    edges = [0, 1, -1, 63, 64, 249, 250, 499, 500, 999, 1000, 8191, 8192, low, high]
    return rng.choice([edge for edge in edges if low <= edge <= high])


BOUNDS: Final = (-(2**31), 2**31 - 1)
VALUES: Final[dict[str, Callable[[Random, Avro], Avro]]] = {
    "string": _text,
    "int": _int,
    "boolean": lambda rng, _: rng.random() < 0.5,
    "long": lambda rng, _: rng.choice((0, -1, 2**63 - 1, -(2**63), rng.getrandbits(40))),
    "date": lambda rng, _: rng.choice((-25_567, 47_846, 0, rng.randint(10_900, 21_000), rng.randint(-25_567, 47_846))),
    "timestamp-millis": lambda rng, _: rng.choice((EARLIEST_MS, LATEST_MS, rng.randint(EARLIEST_MS, LATEST_MS))),
}
