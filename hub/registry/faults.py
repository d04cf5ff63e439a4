"""What is wrong with a register record, told before it is written: the one door into the register. Pure.

Rules kept: nothing enters that a fold could not read or that would silently do nothing (a hold on nobody, a consent
without end); nothing of a command is written if one of its records is faulty; a fault names kind and field, never a
value. Handles are 16 bytes, so 22 characters of base64url: the `s(43)` of contract.md section 7 and the `punte.max` 43
of the schemas are bounds that also fit a pairwise reference (43 characters), which is the handle of nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastavro.validation import validate

from consent.terms import Purpose
from hub.contracts.envelope import DAY_MS
from hub.contracts.federation import CODE, ORGANISATION
from hub.contracts.registers import WRITER, RegisterCodecs, handle_bytes, relation_handle
from hub.registry.typed import SIGNED, Record, Told, Typed, goes_back, of_people, over, takes_back

Fold = Callable[[bytes | None, bytes | None, int], None]

CONSENT_MOST_MS: Final = 184 * DAY_MS
"""Six months at their longest (contract.md section 7)."""
LAST_MOMENT: Final = 253_402_300_799_999
WORD: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
HEX: Final = re.compile(r"[0-9a-f]{64}")
CHECK: Final = re.compile(r"[A-Za-z0-9_-]{43}")
OPAQUE: Final = "use an opaque id of [A-Za-z0-9._-]: it may be stored and shown for ever"
HANDLE: Final = (
    "use the 22 characters of the handle; for the reference of a unit there is `put --case-of UNIT:REFERENCE`"
)
A_CODE: Final = "use `u` and five of [a-z0-9]"
MOMENT: Final = "use milliseconds since 1970"
KEYS: Final = {
    "unit": CODE,
    "agreement": CODE,
    "matrix": re.compile("active|shadow"),
    "keycheck": re.compile("[0-9]{1,9}"),
}
"""What the handle of a kind looks like; any opaque id elsewhere."""
HANDLES: Final = frozenset({"caseHandle", "personHandle", "giver", "person", "a", "b", "basisEvent"})
CODES: Final = frozenset({"unit", "recipient", "fallback"})
DIGESTS: Final = frozenset({"digest", "redlines", "dutylines"})
MOMENTS: Final = frozenset({"from", "until", "validUntil"})
TWO: Final = frozenset({"unit", "agreement", "link", "matrix"})


@dataclass(frozen=True, slots=True)
class Faulty:
    """One fault of a record: kind and field of the schema, what is wrong, what to do. Never a value."""

    kind: str
    field: str
    says: str
    remedy: str


class RegisterRefused(ValueError):
    """A command whose `number`-th record (from 1) is faulty."""

    def __init__(self, number: int, faulty: Faulty) -> None:
        super().__init__(f"record {number} (`{faulty.kind}`): `{faulty.field}` {faulty.says}; nothing was written")
        self.number, self.faulty = number, faulty


@dataclass(frozen=True, slots=True)
class Door:
    """Checks the records of one command. `publishes`: the `type:schema id` entries there are; `types`: event types.

    `folds`: makes the folds of every part that will read the records, empty each time.
    """

    codecs: RegisterCodecs
    types: frozenset[str]
    publishes: frozenset[str]
    folds: Callable[[], Sequence[Fold]]

    def checked(self, records: Sequence[Record], typed: Typed | None = None) -> list[tuple[bytes, bytes]]:
        """Key and value of every record; `RegisterRefused` for the first faulty one, before anything is sent.

        `typed`: for records that people typed; each is then measured against those before it as well.
        """
        for number, record in enumerate(records, 1):
            for faulty in self.faults(record, typed):
                raise RegisterRefused(number, faulty)
            typed = typed and typed.after(record)
        return [self.codecs.encode(record) for record in records]

    def faults(self, record: Record, typed: Typed | None = None) -> Iterator[Faulty]:
        """The faults of one record; shape first, since the rest relies on it."""
        kind = record.get("kind")
        codec = self.codecs.by_kind.get(kind) if isinstance(kind, str) else None
        if codec is None:
            yield Faulty("unknown", "kind", "is no kind of register record", "see schemas/registers for the kinds")
            return
        found = [*self._measured(record, codec.schema["fields"], typed)] or [*self._typed(record, typed)]
        for field, says, remedy in found or self._rehearsed(record):
            yield Faulty(str(kind), field, says, remedy)

    def _measured(self, record: Record, fields: Sequence[Mapping[str, Any]], typed: Typed | None) -> Iterator[Told]:
        """All of a record; of what takes back only what is new; a key that is there already is never a fault."""
        old = typed and typed.old(record)
        if typed and old and takes_back(old, record):
            yield from _signed(record, fields)
            return
        there = typed and (typed.mends(record) or (old and goes_back(record) and self._unread(old)))
        yield from (told for told in self._whole(record, fields) if not (there and told[0] == "handle"))

    def _unread(self, old: Record) -> bool:
        """Whether no part of the hub can read what stands."""
        return bool([*self._rehearsed(old)])

    def _whole(self, record: Record, fields: Sequence[Mapping[str, Any]]) -> Iterator[Told]:
        yield from [*_shape(record, fields)] or [*_forms(record), *_rules(record), *self._entries(record)]

    def _typed(self, record: Record, typed: Typed | None) -> Iterator[Told]:
        """What holds only for what people type."""
        if typed is None:
            return
        yield from of_people(record, typed.now)
        old = typed.old(record)
        if old is not None:
            yield from over(old, record, readable=not self._unread(old))

    def _entries(self, record: Record) -> Iterator[Told]:
        """What an agreement lists must exist: the types, their schema ids, the purposes."""
        if record["kind"] != "agreement":
            return
        asked = [entry.partition(":") for entry in record["subscribes"]]
        if not all(name in self.types and purpose in set(Purpose) for name, _, purpose in asked):
            yield "subscribes", "has an entry that is no `type:purpose`", "use types and purposes of the catalogue"
        if not self.publishes.issuperset(record["publishes"]):
            yield "publishes", "has an entry that is no `type:schema id`", "take the ids from schemas/lock.json"

    def _rehearsed(self, record: Record) -> Iterator[Told]:
        """Run the record through the folds that will read it: what they cannot read would stop them for good."""
        try:
            key, value = self.codecs.encode(record)
            for fold in self.folds():
                fold(key, value, 0)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
            yield "kind", "is of a record that a part of the hub cannot read", "compare it with schemas/registers"


def strangers(records: Sequence[Record], standing: Mapping[tuple[str, str], Record]) -> Iterator[tuple[int, Faulty]]:
    """Records about a unit that is neither in the register nor in the same command: they would do nothing.

    What takes back is never one: it may be about a unit that is gone.
    """
    known = {record["handle"] for record in records if record["kind"] == "unit"}
    known |= {handle for kind, handle in standing if kind == "unit"}
    for number, record in enumerate(records, 1):
        if record["kind"] == "unit" or takes_back(standing.get((record["kind"], record["handle"])), record):
            continue
        for field in CODES:
            if record.get(field) is not None and record[field] not in known:
                yield (
                    number,
                    Faulty(record["kind"], field, "is no unit of the register", "see `punte register list unit`"),
                )


def _shape(record: Record, fields: Sequence[Mapping[str, Any]]) -> Iterator[Told]:
    """Names, types and bounds of the schema."""
    if set(record) - {field["name"] for field in fields}:
        yield "*", "holds a field that its schema does not have", "take it out: the schema is in schemas/registers"
    for field in fields:
        name = field["name"]
        if name not in record:
            yield name, "is missing", "write it; null where there is none"
        elif not validate(record[name], field["type"], raise_errors=False, strict=True):
            yield name, "does not fit its type", "compare it with its schema in schemas/registers"
        elif not _bounded(record[name], field):
            yield name, f"is longer than {field['punte.max']}", "shorten it"


def _bounded(value: Any, field: Mapping[str, Any]) -> bool:
    """Whether texts and lists keep the bounds of the schema, which Avro itself does not know; symbols have none."""
    if not isinstance(value, str | list) or "punte.max" not in field:
        return True
    texts = [item for item in value if isinstance(item, str)] if "punte.itemMax" in field else []
    return len(value) <= field["punte.max"] and all(len(text) <= field["punte.itemMax"] for text in texts)


def _signed(record: Record, fields: Sequence[Mapping[str, Any]]) -> Iterator[Told]:
    """What takes back: who, when, why and how many; the rest stands in the register as it is, whatever it is."""
    own = [field for field in fields if field["name"] in SIGNED]
    yield from [*_shape({name: record[name] for name in SIGNED}, own)] or [*_signs(record), *_decided(record)]


def _signs(record: Record) -> Iterator[Told]:
    """Who, why and when."""
    if not all(WORD.fullmatch(person) for person in record["by"]):
        yield "by", "names a person by no opaque id", OPAQUE
    if record["reason"] is not None and not WORD.fullmatch(record["reason"]):
        yield "reason", "is not a reason code", OPAQUE
    if not 0 <= record["at"] <= LAST_MOMENT:
        yield "at", "is not a moment", MOMENT


def _forms(record: Record) -> Iterator[Told]:
    """What the texts of a record must look like, by the name of their field."""
    if not KEYS.get(record["kind"], WORD).fullmatch(record["handle"]):
        yield "handle", "is no handle of this kind", OPAQUE
    yield from _signs(record)
    for name, value in record.items():
        if value is None:
            continue
        if name in HANDLES and not _is_handle(value):
            yield name, "is not a handle", HANDLE
        if name in CODES and not CODE.fullmatch(value):
            yield name, "is not a unit code", A_CODE
        if name == "organisation" and not ORGANISATION.fullmatch(value):
            yield name, "is not the code of an organisation", "use `o` and five of [a-z0-9]"
        if name in DIGESTS and not HEX.fullmatch(value):
            yield name, "is not a digest", "use 64 hexadecimal digits"
        if name in MOMENTS and not 0 <= value <= LAST_MOMENT:
            yield name, "is not a moment", MOMENT


def _is_handle(text: str) -> bool:
    try:
        handle_bytes(text)
    except ValueError:
        return False
    return True


def _rules(record: Record) -> Iterator[Told]:
    """What contract.md section 7 says of each kind."""
    yield from _decided(record)
    if rules := _RULES.get(record["kind"]):
        yield from rules(record)


def _decided(record: Record) -> Iterator[Told]:
    """How many people decided, and that a relation is not the word of its own unit."""
    people = _people(record)
    if len(set(record["by"])) < people:
        yield "by", f"names fewer than {people} different people", "name everybody who has to decide this"
    if record["kind"] == "relation" and any(_is_of(record["unit"], record["by"])):
        yield "by", "names the unit itself", "name two people who are not of that unit"


def _people(record: Record) -> int:
    """How many people a change takes: two, but one for what denies or takes back, and for a key officer."""
    kind, state = record["kind"], record["state"]
    of_event = kind == "relation" and record["basisEvent"] is not None and list(record["by"]) == [WRITER]
    pairs = {("consent", "given"), ("hold", "off")}
    return 2 if kind in TWO or (kind == "relation" and not of_event) or (kind, state) in pairs else 1


def _is_of(unit: str, people: Collection[str]) -> list[bool]:
    """Of each person, whether that is the unit itself: its code, or an id that begins with it."""
    return [person.startswith(unit) for person in people]


def _one_target(record: Record) -> Iterator[Told]:
    if (record["caseHandle"] is None) == (record["personHandle"] is None):
        yield "caseHandle", "and `personHandle`: exactly one of them must be set", HANDLE


def _hold(record: Record) -> Iterator[Told]:
    yield from _one_target(record)
    if record["state"] == "on" and record["until"] is not None and record["until"] <= record["at"]:
        yield "until", "is not after `at`: the hold would do nothing", "give a later end, or null for none"


def _relation(record: Record) -> Iterator[Told]:
    yield from _one_target(record)
    yield from _relation_handle(record)
    if record["state"] == "live" and record["until"] is not None and record["until"] <= record["from"]:
        yield "until", "is not after `from`: the relation would do nothing", "give a later end, or null for none"


def _relation_handle(record: Record) -> Iterator[Told]:
    """A handle of another make would stand beside the relation that an event begins."""
    named = record["caseHandle"] or record["personHandle"]
    if not named or not _is_handle(named):
        return
    if record["handle"] != relation_handle(record["unit"], handle_bytes(named), record["role"]):
        yield "handle", "is not the digest of unit, target and role", "see `relation_handle` in hub/contracts/registers"


def _link(record: Record) -> Iterator[Told]:
    if record["a"] == record["b"]:
        yield "b", "is the same handle as `a`", "name two handles"


def _consent(record: Record) -> Iterator[Told]:
    """Only what gives is held to all of it: what takes back must never fail for what was written before."""
    if record["state"] != "given":
        return
    if record["giver"] != record["person"]:
        yield "giver", "is not `person`: it would never count", "nobody consents for another yet"
    if not record["aloneConfirmed"]:
        yield "aloneConfirmed", "is not set: it would never count", "ask again, alone"
    if all(_is_of(record["recipient"], record["by"])):
        yield "by", "names the recipient alone: it would never count", "name someone who is not of the recipient"
    if not record["at"] < record["validUntil"] <= record["at"] + CONSENT_MOST_MS:
        yield "validUntil", "is not within six months after `at`", "give an end at most 184 days after it was given"
    if not WORD.fullmatch(record["witness"]):
        yield "witness", "is no opaque id", OPAQUE
    elif record["witness"] not in record["by"]:
        yield "by", "does not name the witness", "name the front-line worker and the witness"


def _agreement(record: Record) -> Iterator[Told]:
    if record["until"] <= record["from"]:
        yield "until", "is not after `from`", "correct the dates"


def _keycheck(record: Record) -> Iterator[Told]:
    if not record["checks"] or not all(CHECK.fullmatch(check["digest"]) for check in record["checks"]):
        yield "checks", "holds no check value of 43 characters", "let `punte register load FEDERATION` write it"


_RULES: Final[Mapping[str, Callable[[Record], Iterator[Told]]]] = {
    "hold": _hold,
    "relation": _relation,
    "link": _link,
    "consent": _consent,
    "agreement": _agreement,
    "keycheck": _keycheck,
}
