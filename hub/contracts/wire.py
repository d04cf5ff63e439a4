"""The wire: the 5-byte frame and the strict decode of admission.

Rule kept: a value is admitted only if it is the one canonical encoding of a valid record under an allow-listed schema;
the size is capped before anything is read, and an error is a code and a path, never a value (contract.md sections 1, 8;
reliability-security.md B1-B18). What passes here may be cut by byte ranges without being decoded again.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import fastavro

from consent.terms import Role
from hub.contracts.catalogue import Catalogue, Entry
from hub.contracts.shape import plain
from hub.contracts.walk import BOUND, NOT_CANONICAL, Walk, compile_walk

MAX_VALUE: Final = 64 * 1024
FRAME: Final = struct.Struct(">bI")
MAGIC: Final = 0


class WireError(ValueError):
    """A value that is not admitted: a code of contract.md section 8 and the path of the leaf, "" for the whole."""

    def __init__(self, code: str, path: str) -> None:
        super().__init__(f"{code} at `{path}`" if path else code)
        self.code, self.path = code, path


@dataclass(frozen=True, slots=True)
class StrictReader:
    """Everything needed to admit records of one schema; `parsed` is fastavro's form without logical types."""

    type: str
    walk: Walk
    parsed: Any
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Admissible:
    """A record that passed: schema id, bare event type, Avro body, and the record, moments and dates as integers."""

    schema_id: int
    type: str
    body: bytes
    record: dict[str, Any]


def frame(schema_id: int, body: bytes) -> bytes:
    """A value as it lies on a topic: 0, the schema id (4 bytes, big endian), the Avro body."""
    return FRAME.pack(MAGIC, schema_id) + body


def unframe(value: bytes | None) -> tuple[int, bytes]:
    """Schema id and body of a framed value; WireError `frame` when it has no frame or no body."""
    if value is None or len(value) <= FRAME.size or value[0] != MAGIC:
        raise WireError("frame", "")
    return FRAME.unpack_from(value)[1], value[FRAME.size :]


def strict_readers(catalogue: Catalogue) -> dict[int, StrictReader]:
    """One reader for each version of each event schema of the catalogue, by schema id."""
    return {
        schema_id: StrictReader(
            type=name,
            walk=compile_walk(catalogue.schemas[schema_id], WireError, catalogue.siruta),
            parsed=fastavro.parse_schema(plain(catalogue.schemas[schema_id])),
            rules=RULES.get(name, ()),
        )
        for name in catalogue.types
        for schema_id in catalogue.versions(name)
    }


def strict_decode(
    value: bytes | None, readers: Mapping[int, StrictReader], allowed: Collection[int] | None = None
) -> Admissible:
    """The record behind an inbox value; WireError for anything but canonical bytes of a valid, allowed record.

    `allowed`: the schema ids the inbox may use (None = every reader). The record's own keys choose nothing.
    """
    if value is not None and len(value) > MAX_VALUE:
        raise WireError("size", "")
    schema_id, body = unframe(value)
    reader = readers.get(schema_id)
    if reader is None:
        raise WireError("schema_unknown", "")
    if allowed is not None and schema_id not in allowed:
        raise WireError("schema_not_allowed", "")
    reader.walk(body)
    record = _decode(reader, body)
    for rule in reader.rules:
        for code, path in rule(record):
            raise WireError(code, path)
    return Admissible(schema_id, reader.type, body, record)


def _decode(reader: StrictReader, body: bytes) -> dict[str, Any]:
    """Decode by fastavro and encode again: the bytes must come back. Its errors may hold values and are dropped."""
    out = io.BytesIO()
    try:
        record = cast("dict[str, Any]", fastavro.schemaless_reader(io.BytesIO(body), reader.parsed, None))
        fastavro.schemaless_writer(out, reader.parsed, record, strict=True)
    except (ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError):
        raise WireError(NOT_CANONICAL, "") from None
    if out.getvalue() != body:
        raise WireError(NOT_CANONICAL, "")
    return record


def check_publisher(entry: Entry, role: Role, record: Mapping[str, Any]) -> None:
    """Whether a unit of this role may publish this record (contract.md 3); WireError `schema_not_allowed` if not."""
    if role not in entry.publishers:
        raise WireError("schema_not_allowed", "")
    narrowed = entry.narrowed(role)
    if narrowed is not None and record[narrowed[0]] not in narrowed[1]:
        raise WireError("schema_not_allowed", narrowed[0])


Rule = Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]
"""A rule over several leaves of one record: yields code and path of each fault."""

KIND_ROLES: Final[Mapping[str, Role]] = {
    "mobile_team": Role.MOBILE,
    "social_local": Role.SW_L,
    "social_county": Role.SW_C,
    "child_protection": Role.CHILD,
    "shelter": Role.SHEL,
    "hospital": Role.HOSP,
    "ngo": Role.NGO_V,
}
"""What role the addressee of a referral must have (`toKind`)."""

BASIS_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("mobile_team", "social_local", "social_county", "child_protection"), "law"),
    **dict.fromkeys(("shelter", "hospital", "ngo"), "consent"),
}
"""On which basis a referral to each kind of unit rests (contract.md section 3, referral.made)."""


def _basis_fits(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if record["basis"]["kind"] != BASIS_KINDS[record["toKind"]]:
        yield "basis_mismatch", "basis.kind"


def _child_present(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if (record["child"] is not None) != (record["beneficiary"] == "child"):
        yield BOUND, "child"


RULES: Final[Mapping[str, tuple[Rule, ...]]] = {"referral.made": (_basis_fits, _child_present)}
