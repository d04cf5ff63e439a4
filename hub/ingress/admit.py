"""Admit: one inbox record in, an admitted record or a refusal with a code out. Pure.

Rules kept (contract.md sections 1, 3, 8): only canonical bytes of an allowed schema in the unit's own inbox; handles
come from the bytes and the keys alone; nothing a publisher wrote in a header is copied; a refusal holds a code and a
path, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from consent.terms import EventType, Lane, LeafKind, PartyRole
from hub.contracts.catalogue import Catalogue
from hub.contracts.envelope import Admission, Envelope, EnvelopeFault, parse_inbox
from hub.contracts.keys import REF_SEALED, KeyFault, KeyRing, UnitKeys
from hub.contracts.record import KafkaRecord
from hub.contracts.topics import inbox_unit
from hub.contracts.wire import KIND_ROLES, Admissible, StrictReader, WireError, check_publisher, strict_decode
from hub.ingress.publishers import Publisher, Publishers

FUTURE_MS: Final = 5 * 60_000
LATE_MS: Final = 24 * 3_600_000
OWN: Final = frozenset({"alertRef", "singleUseRef", "raisedAt"})
"""The leaves of an alert that are its own; all others say which device tells what, how near, where and to whom."""
OWNERLESS: Final = "unit_unknown"


@dataclass(frozen=True, slots=True)
class Admitted:
    """What goes to `admitted.<lane>`: key, value (the admitted bytes as they are) and the hub's own headers.

    `device`: case and all that an alert says beside its own references and moment, else nothing.
    """

    source: str
    event_id: str
    value: bytes
    headers: list[tuple[str, bytes]]
    device: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a record was not admitted: a code of contract.md section 8 and a path.

    The event id where it could be read.
    """

    source: str
    event_id: str
    code: str
    path: str

    @property
    def told(self) -> bool:
        """Whether there is somebody to send a receipt to: an inbox without a registered owner has no receipt topic."""
        return self.code != OWNERLESS or self.path != ""


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything admission compares a record with."""

    lane: Lane
    catalogue: Catalogue
    readers: Mapping[int, StrictReader]
    keys: KeyRing
    publishers: Publishers


def admit(rules: Rules, record: KafkaRecord, now: int) -> Admitted | Refused:
    """Admit or refuse one inbox record (anything with topic, value, headers). `now`: ms since the epoch."""
    unit = inbox_unit(record.topic)
    event_id = ""
    try:
        publisher = _publisher(rules, unit)
        envelope = parse_inbox(record.headers)
        event_id = envelope.id
        _check_owner(envelope, unit)
        found = strict_decode(record.value, rules.readers, publisher.schemas.keys())
        _check_place(rules, publisher, envelope, found, now)
        _check_references(rules, unit, found)
        admission = Admission(
            envelope.id,
            envelope.time,
            _case(rules.keys, envelope),
            _parties(rules.keys, found.record),
            _late(envelope, now),
        )
        device = _told(admission.case, found.record) if rules.lane is Lane.ALERT else ()
        return Admitted(unit, envelope.id, record.value or b"", admission.headers(), device)
    except EnvelopeFault as fault:
        return Refused(unit, event_id, "header", fault.header)
    except WireError as fault:
        return Refused(unit, event_id, fault.code, fault.path)


def _told(case: bytes, record: Mapping[str, Any]) -> tuple[object, ...]:
    """What an alert says: two that say the same differ in their own references and moment alone."""
    return case, *(repr(value) for name, value in record.items() if name not in OWN)


def hollows(rules: Rules, refused: Refused) -> bool:
    """Whether a refused record may have been an alert: its sender may send alerts, and it is not of another lane.

    Then the duty desks are told that there was one (architecture.md law 5).
    """
    publisher = rules.publishers.find(refused.source) if rules.lane is Lane.ALERT and refused.code != "lane" else None
    types = rules.catalogue.entries
    return publisher is not None and any(types[name].lane is Lane.ALERT for name in publisher.schemas.values())


def _publisher(rules: Rules, unit: str) -> Publisher:
    """The registered owner of the inbox."""
    publisher = rules.publishers.find(unit)
    if publisher is None:
        raise WireError(OWNERLESS, "")
    return publisher


def _check_owner(envelope: Envelope, unit: str) -> None:
    """The source is the owner of the inbox."""
    if envelope.source != unit:
        raise WireError("owner", "")


def _check_place(rules: Rules, publisher: Publisher, envelope: Envelope, found: Admissible, now: int) -> None:
    """Type, role, lane and time fit."""
    entry = rules.catalogue.entries[found.type]
    if envelope.type != found.type or publisher.schemas.get(found.schema_id) != found.type:
        raise WireError("schema_not_allowed", "")
    check_publisher(entry, publisher.role, found.record)
    if rules.lane is not entry.lane and not (rules.lane is Lane.BULK and entry.lane is Lane.CASE):
        raise WireError("lane", "")
    if entry.lane is not Lane.ALERT and envelope.time > now + FUTURE_MS:
        raise WireError("future_time", "")


def _check_references(rules: Rules, unit: str, found: Admissible) -> None:
    """Units that are named exist and fit; references of the hub's form were given to this unit."""
    _check_units(rules, found)
    keys = rules.keys.unit(unit)
    for path, value in leaves_of_kind(rules.catalogue.types[found.type], found.record, LeafKind.REF):
        if len(value) == REF_SEALED:
            _check_sealed(keys, path, value)


def _check_units(rules: Rules, found: Admissible) -> None:
    for path, code in leaves_of_kind(rules.catalogue.types[found.type], found.record, LeafKind.UNIT):
        role = rules.publishers.role_of(code)
        if role is None:
            raise WireError("unit_unknown", path)
        if path == "toUnit" and KIND_ROLES[found.record["toKind"]] is not role:
            raise WireError("basis_mismatch", path)


def _check_sealed(keys: UnitKeys, path: str, value: str) -> None:
    try:
        keys.open_ref(value)
    except KeyFault:
        raise WireError("bound", path) from None


def leaves_of_kind(event: EventType, record: Mapping[str, Any], kind: LeafKind) -> Iterable[tuple[str, str]]:
    """Path and value of every leaf of one kind that is not null (in arrays element by element)."""
    for field in event.fields:
        if field.kind is kind:
            yield from ((field.path, value) for value in _values(record, field.path.split(".")))


def _values(found: Any, names: Sequence[str]) -> Iterator[Any]:
    """The values at a path that are there: none below a null record or for a leaf an older version does not have."""
    if isinstance(found, list):
        for item in found:
            yield from _values(item, names)
    elif found is not None and names:
        yield from _values(found.get(names[0].removesuffix("[]")), names[1:])
    elif found is not None:
        yield found


def _case(keys: KeyRing, envelope: Envelope) -> bytes:
    """The case handle.

    The original case when the subject was given to this unit, else the digest of its own reference.
    """
    try:
        return keys.unit(envelope.source).open_case(envelope.subject)
    except KeyFault:
        return keys.case_handle(envelope.source, envelope.subject)


def _parties(keys: KeyRing, record: Mapping[str, Any]) -> dict[PartyRole, bytes]:
    """The handle of each party with a personal number; names join nothing."""
    blocks = ((role, record.get(role.value)) for role in PartyRole)
    return {
        role: keys.party_handle(block["cnp"])
        for role, block in blocks
        if block is not None and block["cnp"] is not None
    }


def _late(envelope: Envelope, now: int) -> bool:
    """Older than a day: admitted with a mark, never refused."""
    return envelope.time < now - LATE_MS
