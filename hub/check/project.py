"""A release made the plain way: decode whole, drop what is not wanted, transform leaf by leaf, encode. Pure."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import fastavro

from consent.terms import Transform
from hub.check.rows import Wanted
from hub.contracts.codec import plain
from hub.contracts.keys import REF_SEALED, UnitKeys, reference_plain

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
Path = str


@dataclass(frozen=True, slots=True)
class Names:
    """What leaves are made of besides themselves.

    The recipient's keys, the source's, party handles by role, counties by place, the event's own moment (ms, UTC;
    None = it has none).
    """

    recipient: UnitKeys
    source: UnitKeys
    parties: Mapping[str, bytes]
    counties: Mapping[int, int]
    moment: int | None

    def ref(self, value: str) -> str:
        """A reference as the recipient sees it."""
        own = reference_plain(self.source.unit, value.encode())
        opened = self.source.open_ref(value) if len(value) == REF_SEALED else own
        return self.recipient.seal_ref(opened).decode()

    def person(self, path: Path, value: str) -> str:
        """A person as the recipient sees them; nobody in an array is the party of the case."""
        handle = None if "[]" in path else self.parties.get(path.split(".")[0])
        local = f"{self.source.unit}\0{value}".encode()
        return self.recipient.person(b"h" + handle if handle is not None else b"l" + local).decode()


def release_leaves(schema: Mapping[str, Any], above: str = "") -> dict[Path, str]:
    """Path -> transform of every leaf a release schema declares; `none` in a schema that is not a release's."""
    found: dict[Path, str] = {}
    for field in schema["fields"]:
        kind = field["type"]
        kind = next(k for k in kind if k != "null") if isinstance(kind, list) else kind
        if isinstance(kind, Mapping) and kind["type"] == "record":
            found |= release_leaves(kind, f"{above}{field['name']}.")
        elif isinstance(kind, Mapping) and kind["type"] == "array" and _is_record(kind["items"]):
            found |= release_leaves(kind["items"], f"{above}{field['name']}[].")
        else:
            found[above + field["name"]] = field.get("punte.transform", "none")
    return found


def _is_record(kind: Any) -> bool:
    return isinstance(kind, Mapping) and kind["type"] == "record"


def project(record: Mapping[str, Any], want: Wanted, names: Names) -> dict[str, Any]:
    """The record as the recipient gets it."""
    return _kept(record, want, names, "")


def _kept(record: Mapping[str, Any], want: Wanted, names: Names, above: Path) -> dict[str, Any]:
    found = {}
    for name, value in record.items():
        path = above + name
        if path in want:
            found[name] = _CHANGES[want[path]](value, path, names)
        elif any(leaf.startswith((f"{path}.", f"{path}[].")) for leaf in want):
            found[name] = _inner(value, want, names, path)
    return found


def _inner(value: Any, want: Wanted, names: Names, path: Path) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        return [_kept(item, want, names, f"{path}[].") for item in value]
    return _kept(value, want, names, f"{path}.")


def _unless_null(change: Callable[[Any, Path, Names], Any]) -> Callable[[Any, Path, Names], Any]:
    return lambda value, path, names: None if value is None else change(value, path, names)


def _each(change: Callable[[Any, Path, Names], Any]) -> Callable[[Any, Path, Names], Any]:
    """A reference, none, or an array of them."""

    def changed(value: Any, path: Path, names: Names) -> Any:
        if isinstance(value, list):
            return [change(one, f"{path}[]", names) for one in value]
        return None if value is None else change(value, path, names)

    return changed


def _present(value: Any, _path: Path, _names: Names) -> str:
    if value is None:
        return "unknown"
    return "no" if value in (0, []) else "yes"


def _caution(value: Any, _path: Path, _names: Names) -> str:
    if isinstance(value, list):
        return "yes" if value else "no"
    return "no" if value == "no" else "yes"


_CARE = {"none": "no", "minor": "yes", "serious": "yes", "unknown": "unknown"}
_AGES = ((1, "lt_1"), (3, "y1_2"), (7, "y3_6"), (10, "y7_9"), (14, "y10_13"), (18, "y14_17"))
_DISTANCES = ((250, "lt_250m"), (500, "lt_500m"), (1000, "lt_1km"))


def _age(value: int | None, _path: Path, names: Names) -> str:
    """The years between the year of birth and the year of the event's moment, neither counted, as a band."""
    if value is None or names.moment is None:
        return "unknown"
    born, today = (_DAY_ONE + timedelta(days=days) for days in (value, names.moment // DAY_MS))
    if born.year > today.year:
        return "unknown"
    return next((band for under, band in _AGES if today.year - born.year <= under), "adult")


def _distance(value: int | None, _path: Path, _names: Names) -> str:
    """The band of a distance (m)."""
    if value is None or value < 0:
        return "unknown"
    return next((band for under, band in _DISTANCES if value < under), "gt_1km")


_DAY_ONE = date(1970, 1, 1)
_CHANGES: Mapping[Transform, Callable[[Any, Path, Names], Any]] = {
    Transform.AS_IS: lambda value, _path, _names: value,
    Transform.FLAG_CARE: lambda value, _path, _names: _CARE[value],
    Transform.FLAG_PRESENT: _present,
    Transform.FLAG_CAUTION: _caution,
    Transform.FLAG_DROPPED: lambda value, _path, _names: "yes" if value == "dropped_out" else "no",
    Transform.AGE_BAND: _age,
    Transform.DISTANCE_BAND: _distance,
    Transform.COUNT: lambda value, _path, _names: len(value),
    Transform.HOUR: _unless_null(lambda value, _path, _names: value - value % HOUR_MS),
    Transform.DAY: _unless_null(lambda value, _path, _names: value - value % DAY_MS),
    Transform.COUNTY: _unless_null(lambda value, _path, names: names.counties[value]),
    Transform.PAIRWISE: _each(lambda value, _path, names: names.ref(value)),
    Transform.PERSON_REF: _each(lambda value, path, names: names.person(path, value)),
}


class Encoders:
    """Encodes and decodes by schema, parsed once."""

    def __init__(self) -> None:
        self._parsed: dict[int, Any] = {}

    def encode(self, schema_id: int, schema: Mapping[str, Any], record: Mapping[str, Any]) -> bytes:
        """The Avro body of a record; strict: no key too many, none too few."""
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self._of(schema_id, schema), dict(record), strict=True)
        return out.getvalue()

    def decode(self, schema_id: int, schema: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        """The whole record behind an Avro body."""
        found = fastavro.schemaless_reader(io.BytesIO(body), self._of(schema_id, schema), None)
        assert isinstance(found, dict)
        return found

    def _of(self, schema_id: int, schema: Mapping[str, Any]) -> Any:
        if schema_id not in self._parsed:
            self._parsed[schema_id] = fastavro.parse_schema(plain(schema))
        return self._parsed[schema_id]
