"""A federation: its units and their agreements, read from one TOML text. Pure.

Rule kept: closed words only; every fault is told with its unit, and a fault is never repaired by guessing. What a
unit may publish or receive is checked against the record of processing and the matrix elsewhere; here stands that the
file is whole and consistent.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from consent.terms import Lane, Purpose, Role

W = TypeVar("W")
CODE = re.compile(r"u[a-z0-9]{5}")
ORGANISATION = re.compile(r"o[a-z0-9]{5}")
MAX_AREA = 64
OBLIGATIONS = (
    "read_committed",
    "application_receipt",
    "honour_recall",
    "no_onward_disclosure",
    "retention_limit",
    "access_log",
    "erasure",
)
ORGANISATION_KEYS = ("code", "label")
UNIT_KEYS = ("code", "label", "organisation", "role", "purposes", "area", "lanes", "fallback")
AGREEMENT_KEYS = ("unit", "publishes", "subscribes", "obligations", "from", "until")


class FederationRefused(ValueError):
    """The federation file is faulty: the operator's fault. `faults` holds every one, as sentences with a remedy."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


@dataclass(frozen=True, slots=True)
class FederationOrganisation:
    """A controller, to which units belong; its data-protection officer answers for all of them."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class FederationUnit:
    """One service unit.

    `area` = SIRUTA codes, a county code stands for its units; `label` is for people at the hub only; `organisation` =
    the code of the one it belongs to.
    """

    code: str
    label: str
    organisation: str
    role: Role
    purposes: frozenset[Purpose]
    area: tuple[int, ...]
    lanes: frozenset[Lane]
    fallback: str | None


@dataclass(frozen=True, slots=True)
class FederationAgreement:
    """What a unit may publish (event types) and receive ((event type, purpose)), under which obligations.

    Times in ms since 1970.
    """

    unit: str
    publishes: tuple[str, ...]
    subscribes: tuple[tuple[str, Purpose], ...]
    obligations: tuple[str, ...]
    valid_from: int
    valid_until: int


@dataclass(frozen=True, slots=True)
class Federation:
    """All organisations and units in the order of the file, and the agreements of the units."""

    organisations: tuple[FederationOrganisation, ...]

    units: tuple[FederationUnit, ...]
    agreements: tuple[FederationAgreement, ...]

    def unit(self, code: str) -> FederationUnit | None:
        """The unit with this code."""
        return next((unit for unit in self.units if unit.code == code), None)

    def agreement(self, code: str) -> FederationAgreement | None:
        """The agreement of the unit with this code."""
        return next((agreement for agreement in self.agreements if agreement.unit == code), None)


def parse_federation(text: str) -> Federation:
    """Read a federation. Raises FederationRefused with every fault."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FederationRefused([f"the federation is not TOML: {error}; correct the line it names"]) from None
    reader = _Reader()
    reader.keys("top level", raw, ("organisation", "unit", "agreement"))
    organisations = tuple(reader.organisation(table) for table in reader.tables(raw, "organisation"))
    units = tuple(reader.unit(table) for table in reader.tables(raw, "unit"))
    agreements = tuple(reader.agreement(table) for table in reader.tables(raw, "agreement"))
    _belonging(reader, organisations, units)
    _consistent(reader, units, agreements)
    if reader.faults:
        raise FederationRefused(reader.faults)
    return Federation(organisations, units, agreements)


def _belonging(
    reader: _Reader, organisations: tuple[FederationOrganisation, ...], units: tuple[FederationUnit, ...]
) -> None:
    """Every organisation is declared once, and every unit belongs to one of them."""
    codes = [organisation.code for organisation in organisations]
    reader.once("organisation code", codes)
    for unit in units:
        if ORGANISATION.fullmatch(unit.organisation) and unit.organisation not in codes:
            says = f"belongs to `{unit.organisation}`, which is not declared"
            reader.fault(unit.code, says, "declare it as an [[organisation]]")


def _consistent(
    reader: _Reader, units: tuple[FederationUnit, ...], agreements: tuple[FederationAgreement, ...]
) -> None:
    """What only the whole file shows.

    Codes are known and used once, and nobody receives for a purpose that is not its own.
    """
    by_code = {unit.code: unit for unit in units}
    reader.once("unit code", [unit.code for unit in units])
    reader.once("agreement of unit", [agreement.unit for agreement in agreements])
    if not units:
        reader.fault("the federation", "has no unit", "declare at least one [[unit]]")
    for unit in units:
        if unit.fallback is not None and (unit.fallback not in by_code or unit.fallback == unit.code):
            reader.fault(unit.code, f"falls back to `{unit.fallback}`", "name another unit of this file")
    for agreement in agreements:
        known = by_code.get(agreement.unit)
        if known is None:
            reader.fault(agreement.unit, "has an agreement and is no unit", "declare it as a [[unit]]")
            continue
        for event, purpose in agreement.subscribes:
            if purpose not in known.purposes:
                reader.fault(known.code, f"receives {event} for {purpose}", f"add {purpose} to its purposes or drop it")


@dataclass(slots=True)
class _Reader:
    """Reads tables and collects faults; what it returns is used only when there are none."""

    faults: list[str] = field(default_factory=list)

    def fault(self, where: str, says: str, remedy: str) -> None:
        self.faults.append(f"{where}: {says}; {remedy}")

    def keys(self, where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in sorted(set(table) - set(known)):
            self.fault(where, f"unknown key `{key}`", f"use one of {', '.join(known)}")

    def once(self, what: str, names: list[str]) -> None:
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.fault(name, f"the {what} occurs twice", "keep one")

    def tables(self, raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
        found = raw.get(name, [])
        if isinstance(found, list) and all(isinstance(table, dict) for table in found):
            return found
        self.fault(name, "is not a list of tables", f"write [[{name}]]")
        return []

    def organisation(self, table: Mapping[str, Any]) -> FederationOrganisation:
        code = self.organisation_code("organisation", table.get("code"))
        self.keys(code, table, ORGANISATION_KEYS)
        return FederationOrganisation(code, self.text(code, "label", table.get("label")))

    def unit(self, table: Mapping[str, Any]) -> FederationUnit:
        code = self.code("unit", table.get("code"))
        self.keys(code, table, UNIT_KEYS)
        return FederationUnit(
            code,
            self.text(code, "label", table.get("label")),
            self.organisation_code(code, table.get("organisation")),
            self.word(code, "role", table.get("role"), Role, Role.DPO),
            frozenset(self.words(code, "purposes", table.get("purposes"), Purpose)),
            self.area(code, table.get("area")),
            frozenset(self.words(code, "lanes", table.get("lanes"), Lane)),
            self.code(code, table["fallback"]) if "fallback" in table else None,
        )

    def agreement(self, table: Mapping[str, Any]) -> FederationAgreement:
        code = self.code("agreement", table.get("unit"))
        self.keys(code, table, AGREEMENT_KEYS)
        valid_from, valid_until = (self.time(code, key, table.get(key)) for key in ("from", "until"))
        if valid_from >= valid_until:
            self.fault(code, "`until` is not after `from`", "correct the dates")
        return FederationAgreement(
            code,
            self.texts(code, "publishes", table.get("publishes")),
            tuple(self.subscription(code, text) for text in self.texts(code, "subscribes", table.get("subscribes"))),
            tuple(self.words(code, "obligations", table.get("obligations"), _obligation)),
            valid_from,
            valid_until,
        )

    def code(self, where: str, value: object) -> str:
        if isinstance(value, str) and CODE.fullmatch(value):
            return value
        self.fault(where, f"`{value}` is not a unit code", "use `u` and five of [a-z0-9], drawn at random")
        return str(value)

    def organisation_code(self, where: str, value: object) -> str:
        if isinstance(value, str) and ORGANISATION.fullmatch(value):
            return value
        said = "`organisation` is missing" if value is None else f"`{value}` is not the code of an organisation"
        self.fault(where, said, "use `o` and five of [a-z0-9], drawn at random")
        return str(value)

    def text(self, where: str, key: str, value: object) -> str:
        if isinstance(value, str) and value:
            return value
        self.fault(where, f"`{key}` is missing or not a text", f"give `{key}`")
        return ""

    def texts(self, where: str, key: str, value: object) -> tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self.fault(where, f"`{key}` is missing or not a list of texts", f"give `{key}`, empty if there is none")
        return ()

    def words(self, where: str, key: str, value: object, known: Callable[[str], W]) -> list[W]:
        found = []
        for item in self.texts(where, key, value):
            try:
                found.append(known(item))
            except ValueError:
                self.fault(where, f"unknown word `{item}` in `{key}`", "correct the spelling")
        return found

    def word(self, where: str, key: str, value: object, known: Callable[[str], W], otherwise: W) -> W:
        return next(iter(self.words(where, key, [value], known)), otherwise)

    def area(self, where: str, value: object) -> tuple[int, ...]:
        if isinstance(value, list) and 0 < len(value) <= MAX_AREA and all(type(code) is int for code in value):
            return tuple(value)
        self.fault(where, f"`area` is not a list of 1 to {MAX_AREA} SIRUTA codes", "a county code covers its units")
        return ()

    def subscription(self, where: str, text: str) -> tuple[str, Purpose]:
        event, _, purpose = text.partition(":")
        return event, self.word(where, "subscribes", purpose, Purpose, Purpose.P14)

    def time(self, where: str, key: str, value: object) -> int:
        if isinstance(value, datetime) and value.tzinfo is not None:
            return int(value.astimezone(UTC).timestamp() * 1000)
        self.fault(where, f"`{key}` is not a time with its zone", "write it as 2026-01-01T00:00:00Z")
        return 0


def _obligation(word: str) -> str:
    if word not in OBLIGATIONS:
        raise ValueError(word)
    return word
