"""Random valid records of each event type: for the demo, the load, the tests. Seeded: the same seed, the same records.

Rule kept: nobody real. Names are made up, personal numbers carry a county code of 60-69, which no county has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final

from hub.contracts.catalogue import Catalogue
from hub.contracts.shape import Avro, base_name, inline, nullable
from hub.contracts.wire import BASIS_KINDS

Record = dict[str, Any]

FAMILY: Final = ("Exemplu", "Probă", "Model", "Țintă-Șablon", "Ng", "O'Brien", "Müller-Ücker", "Ștefănescu", "الاختبار")
GIVEN: Final = ("Ana", "Ion", "Ioana", "Ștefan", "Maria-Ilinca", "Vlad", "Ilse", "نور", "X")
STREETS: Final = ("Strada Exemplului", "Aleea Probei", "Bulevardul Modelului", "Str. Șablonului")
FIRST_DAY: Final = date(1950, 1, 1)
EPOCH: Final = date(1970, 1, 1)
FROM_MS: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
YEAR_MS: Final = 365 * 86_400_000
ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


def synthetic_cnp(born: date, female: bool, rng: Random) -> str:
    """A personal number of nobody: the form of Law 105/1996 with a county code of 60-69 and a true control digit."""
    sex = (1 if born.year < 2000 else 5) + female
    body = f"{sex}{born:%y%m%d}{rng.randint(60, 69)}{rng.randint(1, 999):03d}"
    rest = sum(int(a) * int(b) for a, b in zip(body, "279146358279", strict=True)) % 11
    return body + str(1 if rest == 10 else rest)


def random_record(catalogue: Catalogue, event_type: str, rng: Random) -> Record:
    """A valid record of an event type (bare name): random in every leaf, null in some that may be, within all bounds.

    Moments are ms, dates days since 1970, places those of the catalogue.
    """
    return random_of(catalogue.event_schema(event_type), rng, tuple(catalogue.siruta))


def random_of(schema: Avro, rng: Random, places: tuple[int, ...]) -> Record:
    """A valid record of any event schema; `places`: administrative units to draw `siruta` from."""
    record = _record(inline(schema), _Draw(rng, places))
    for adjust in _ADJUST.get(schema["name"], ()):
        adjust(record, rng)
    return record


class _Draw:
    """One source of randomness and the places to draw from."""

    def __init__(self, rng: Random, places: tuple[int, ...]) -> None:
        self.rng, self.places = rng, places

    def code(self, size: int) -> str:
        """Random lower-case letters and digits."""
        return "".join(self.rng.choices(ALPHABET, k=size))


def _record(schema: Mapping[str, Any], draw: _Draw) -> Record:
    made = {field["name"]: _field(field, draw) for field in schema["fields"]}
    if "cnp" in made and "birthDate" in made:
        born = FIRST_DAY + timedelta(days=draw.rng.randrange(27_000))
        made["birthDate"] = (born - EPOCH).days
        made["role"] = schema["name"].lower()
        if made["cnp"] is not None:
            made["cnp"] = synthetic_cnp(born, made["sex"] == "female", draw.rng)
    return made


def _field(field: Mapping[str, Any], draw: _Draw) -> Any:
    kind, null = nullable(field["type"])
    if null and draw.rng.random() < 0.3:
        return None
    if base_name(kind) != "array":
        return _value(field, kind, draw)
    most = min(field["punte.max"], 8)
    if base_name(kind["items"]) == "enum":
        symbols = kind["items"]["symbols"]
        return sorted(draw.rng.sample(symbols, draw.rng.randint(0, min(most, len(symbols)))), key=symbols.index)
    return [_value(field, kind["items"], draw) for _ in range(draw.rng.randint(0, most))]


def _value(field: Mapping[str, Any], kind: Avro, draw: _Draw) -> Any:
    base = base_name(kind)
    if base == "record":
        return _record(kind, draw)
    if base == "enum":
        return draw.rng.choice(kind["symbols"])
    if base == "string":
        return _string(field, draw)
    return _NUMBERS[base](field, draw)


def _string(field: Mapping[str, Any], draw: _Draw) -> str:
    made = _LEAVES.get(field.get("punte.leaf", field["name"]), _text)(draw)
    return made[: field.get("punte.itemMax", field["punte.max"])]


def _text(draw: _Draw) -> str:
    return f"{draw.rng.choice(('x', 'ș', 'text-'))}{draw.code(draw.rng.randint(0, 24))}"


def _name(draw: _Draw) -> str:
    return f"{draw.rng.choice(FAMILY)} {draw.rng.choice(GIVEN)}"


def _address(draw: _Draw) -> str:
    return f"{draw.rng.choice(STREETS)} {draw.rng.randint(1, 200)}, ap. {draw.rng.randint(1, 90)}"


def _phone(draw: _Draw) -> str:
    return f"+40700{draw.rng.randint(0, 999_999):06d}"


def _integer(field: Mapping[str, Any], draw: _Draw) -> int:
    if field["name"] == "siruta":
        return draw.rng.choice(draw.places)
    return draw.rng.randint(field.get("punte.min", 0), field.get("punte.max", draw.rng.choice((1, 6, 400))))


_LEAVES: Final[Mapping[str, Callable[[_Draw], str]]] = {
    "ref": lambda draw: f"{draw.rng.choice('ABC')}-{draw.rng.randint(2024, 2026)}.{draw.code(draw.rng.randint(1, 20))}",
    "person": lambda draw: f"p_{draw.code(draw.rng.randint(1, 12))}",
    "unit": lambda draw: f"u{draw.code(5)}",
    "name": _name,
    "address": _address,
    "interventionAddress": _address,
    "value": _phone,
    "citizenship": lambda draw: draw.rng.choice(("RO", "RO", "MD", "DE")),
}
_NUMBERS: Final[Mapping[str, Callable[[Mapping[str, Any], _Draw], int | bool]]] = {
    "int": _integer,
    "long": lambda _, draw: draw.rng.randrange(-(1 << 40), 1 << 40),
    "boolean": lambda _, draw: draw.rng.random() < 0.5,
    "date": lambda _, draw: draw.rng.randrange(-7_000, 20_000),
    "timestamp-millis": lambda _, draw: FROM_MS + draw.rng.randrange(YEAR_MS),
}


def _referral(record: Record, _: Random) -> None:
    record["basis"]["kind"] = BASIS_KINDS[record["toKind"]]
    record["beneficiary"] = "victim_adult" if record["child"] is None else "child"


def _order(record: Record, _: Random) -> None:
    record["validFrom"] = record["issuedAt"]
    record["validUntil"] = record["issuedAt"] + 120 * 3_600_000


_ADJUST: Final[Mapping[str, tuple[Callable[[Record, Random], None], ...]]] = {
    "ReferralMade": (_referral,),
    "PpoIssued": (_order,),
}
