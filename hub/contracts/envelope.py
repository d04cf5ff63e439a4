"""The envelope: CloudEvents headers of an inbox record, of an admitted record and of a release.

Rule kept: what a publisher wrote in a header is parsed or refused, never copied; what leaves is the closed list of
contract.md section 1. Headers arrive as Kafka hands them over: repeated, null or not UTF-8 (reliability-security.md
B33).
"""

from __future__ import annotations

import re
from binascii import hexlify
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from consent.terms import PartyRole, Purpose, Transform
from hub.contracts.keys import HANDLE

Headers = Sequence[tuple[str, bytes | None]]

MAX_HEADERS: Final = 32
MAX_HEADER_BYTES: Final = 8192
SOURCE_PREFIX: Final = "urn:punte:unit:"
HUB_SOURCE: Final = b"urn:punte:hub"
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

ATTEMPT: Final = "attempt"
DONE: Final = "done"
FURTHER: Final = 2
"""The first attempt that is a further one."""
_UNIT: Final = r"u[a-z0-9]{5}"
_UNIT_KEY: Final = re.compile(_UNIT.encode())
_FORMS: Final = {
    "ce_specversion": re.compile(r"1\.0"),
    "ce_id": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "ce_source": re.compile(SOURCE_PREFIX + _UNIT),
    "ce_type": re.compile(r"[a-z][A-Za-z.]{2,63}"),
    "ce_time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    "ce_subject": re.compile(r"[A-Za-z0-9._-]{1,64}"),
    "traceparent": re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),
}
_OPTIONAL: Final = frozenset({"traceparent"})


class EnvelopeFault(ValueError):
    """A header that is missing, repeated, null, too large or not of its form. Names the header, never its value."""

    def __init__(self, header: str, what: str) -> None:
        super().__init__(f"header `{header}` {what}")
        self.header = header


@dataclass(frozen=True, slots=True)
class Envelope:
    """The attributes of an inbox record. `time` is milliseconds since the epoch, UTC."""

    id: str
    source: str
    type: str
    time: int
    subject: str


def parse_inbox(headers: Headers) -> Envelope:
    """The envelope of an inbox record; `EnvelopeFault` names the first header at fault (contract.md section 1)."""
    _bounded(headers)
    found = {name: _value(name, headers) for name in _FORMS}
    return Envelope(
        id=found["ce_id"],
        source=found["ce_source"].removeprefix(SOURCE_PREFIX),
        type=found["ce_type"],
        time=parse_time(found["ce_time"]),
        subject=found["ce_subject"],
    )


def _bounded(headers: Headers) -> None:
    if len(headers) > MAX_HEADERS:
        raise EnvelopeFault("*", f"list has more than {MAX_HEADERS} entries")
    if sum(len(name) + len(value or b"") for name, value in headers) > MAX_HEADER_BYTES:
        raise EnvelopeFault("*", f"list has more than {MAX_HEADER_BYTES} bytes")


def _value(name: str, headers: Headers) -> str:
    values = [value for header, value in headers if header == name]
    if not values and name in _OPTIONAL:
        return ""
    if len(values) != 1:
        raise EnvelopeFault(name, "is missing" if not values else "is repeated")
    if values[0] is None:
        raise EnvelopeFault(name, "is null")
    text = values[0].decode("ascii", "replace")
    if not _FORMS[name].fullmatch(text):
        raise EnvelopeFault(name, "is not of its form")
    return text


def parse_time(text: str) -> int:
    """Milliseconds since the epoch of `YYYY-MM-DDThh:mm:ss.mmmZ` (RFC 3339, UTC)."""
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise EnvelopeFault("ce_time", "is not a moment") from None
    return (moment - _EPOCH) // _MS


def format_time(ms: int) -> str:
    """The inverse of `parse_time`."""
    return f"{_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=8192)
def _second(seconds: int) -> str:
    """A moment to the second. Remembered: a backlog holds many events of one second, and all of an hour share one."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


_STEPS: Final = {Transform.AS_IS: 1, Transform.HOUR: HOUR_MS, Transform.DAY: DAY_MS}


def coarse(ms: int, rule: Transform) -> int:
    """A moment cut down to the group-26 rule of a release: as is, the hour or the day."""
    return ms - ms % _STEPS[rule]


Receivers = frozenset[tuple[str, Purpose]]
"""Codes of units, each with a purpose. Not ordinals: those move when the register learns of a unit."""


class Again(NamedTuple):
    """A further attempt of an event (from 2 on), which a person asked for, and who got the event by an earlier one.

    `done` is None where no record said that the event was decided at all.
    """

    attempt: int
    done: Receivers | None

    def headers(self) -> list[tuple[str, bytes]]:
        """What stands behind the headers of the admission."""
        found = [(ATTEMPT, b"%d" % self.attempt)]
        if self.done is None:
            return found
        return [*found, (DONE, ",".join(f"{unit}:{purpose}" for unit, purpose in sorted(self.done)).encode())]


class Admission(NamedTuple):
    """What admission computed from the bytes and keys alone: the hub's own headers on `admitted.<lane>`.

    `again`: of a further attempt alone, which `punte quarantine resubmit` appends; admission never writes it.
    """

    id: str
    time: int
    case: bytes
    parties: Mapping[PartyRole, bytes]
    late: bool = False
    again: Again | None = None

    def headers(self) -> list[tuple[str, bytes]]:
        """The record headers, the closed list of the hub."""
        found = [("id", self.id.encode()), ("time", b"%d" % self.time), ("case", self.case)]
        found += [(role.value, handle) for role, handle in self.parties.items()]
        found += [("late", b"1")] if self.late else []
        return found if self.again is None else [*found, *self.again.headers()]


_PARTIES: Final = {role.value: role for role in PartyRole}


def parse_admitted(headers: Headers) -> Admission:
    """The admission behind an admitted record; `EnvelopeFault` when the record was not written by admission.

    A handle that is null or of another length is a fault, never ignored: denials are found by handles.
    """
    found: dict[str, Any] = dict(headers)
    try:
        parties = {_PARTIES[name]: handle for name, handle in found.items() if name in _PARTIES}
        event_id, time, case = found["id"].decode("ascii"), int(found["time"]), found["case"]
        again = _again(found) if ATTEMPT in found else None
        odd = len(case) != HANDLE
        for handle in parties.values():
            odd = odd or len(handle) != HANDLE
    except (KeyError, ValueError, AttributeError, TypeError):
        raise EnvelopeFault("*", "list was not written by admission") from None
    if odd:
        raise EnvelopeFault("*", "list has a handle of another length")
    return Admission(event_id, time, case, parties, "late" in found, again)


def _again(found: Mapping[str, Any]) -> Again:
    """The further attempt of a list of headers; ValueError where it is none."""
    attempt, done = int(found[ATTEMPT]), found.get(DONE)
    if attempt < FURTHER:
        raise ValueError
    if done is None:
        return Again(attempt, None)
    pairs = (entry.partition(":") for entry in done.decode("ascii").split(",") if entry)
    return Again(attempt, frozenset((unit, Purpose(purpose)) for unit, _, purpose in pairs))


def attempt_of(headers: Headers) -> int | None:
    """The number of the further attempt that an admitted record is; None for any other record."""
    if all(name != ATTEMPT for name, _ in headers):
        return None
    try:
        again = parse_admitted(headers).again
    except EnvelopeFault:
        return None
    return None if again is None else again.attempt


@lru_cache(maxsize=4096)
def admitted_source(key: bytes | None) -> str:
    """The source unit an admitted record is keyed by; `EnvelopeFault` when the key is no unit code."""
    if key is None or not _UNIT_KEY.fullmatch(key):
        raise EnvelopeFault("*", "list stands under a key that is no unit code")
    return key.decode("ascii")


def unit_of(key: bytes | None) -> str | None:
    """The source unit of a key that may be anything."""
    return key.decode("ascii") if key is not None and _UNIT_KEY.fullmatch(key) else None


def uuid_text(raw: bytes) -> str:
    """16 bytes in the usual form of a UUID, lower case."""
    h = raw.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def uuid_ascii(raw: bytes) -> bytes:
    """`uuid_text` as it stands in a header; joined of groups of four, it costs two thirds of text that is encoded."""
    h = hexlify(raw, b"-", 2)
    return h[:4] + h[5:29] + h[30:34] + h[35:]


TRACE_BYTES: Final = 24


def traceparents(ids: bytes) -> list[bytes]:
    """Unsampled W3C traceparents, one for each 24 fresh bytes: trace id and parent id."""
    h = ids.hex().encode()
    return [b"00-%b-%b-00" % (h[at : at + 32], h[at + 32 : at + 48]) for at in range(0, len(h), 2 * TRACE_BYTES)]


def inbox_headers(event_id: str, source: str, event_type: str, ms: int, subject: str) -> list[tuple[str, bytes]]:
    """The headers a publisher writes: CloudEvents 1.0, Kafka binary mode."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", f"{SOURCE_PREFIX}{source}".encode()),
        ("ce_type", event_type.encode()),
        ("ce_time", format_time(ms).encode()),
        ("ce_subject", subject.encode()),
    ]
