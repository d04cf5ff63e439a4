"""The closed vocabularies of Punte, and the two frozen descriptions the decision reads: a field and an event type.

Rule kept: a word that is not listed here is denied. Nothing in this file knows where schemas or matrices are stored.
Source: contract.md sections 0, 3, 7, 8; domain.md sections 2.1, 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a unit is for (contract.md section 0). One unit has one role."""

    POL_D = "POL-D"
    POL_R = "POL-R"
    POL_I = "POL-I"
    POL_M = "POL-M"
    EMIS = "EMIS"
    PROS = "PROS"
    COURT = "COURT"
    PROB = "PROB"
    SW_L = "SW-L"
    LODGE = "LODGE"
    SW_C = "SW-C"
    CHILD = "CHILD"
    SHEL = "SHEL"
    HOSP = "HOSP"
    NGO_V = "NGO-V"
    PERP = "PERP"
    ANP = "ANP"
    SCH = "SCH"
    STAT = "STAT"
    DPO = "DPO"
    IML = "IML"
    MOBILE = "MOBILE"


PERP_SIDE = frozenset({Role.PROB, Role.LODGE, Role.PERP, Role.ANP})
POLICE = frozenset({Role.POL_D, Role.POL_R, Role.POL_I, Role.POL_M})


class Purpose(StrEnum):
    """Why a unit receives (domain.md 2.3); the value is also the last part of a release topic, in lower case."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"
    P6 = "P6"
    P7 = "P7"
    P8 = "P8"
    P9 = "P9"
    P10 = "P10"
    P11 = "P11"
    P12 = "P12"
    P13 = "P13"
    P14 = "P14"
    P15 = "P15"


class SensitivityClass(StrEnum):
    """How sensitive a leaf is (domain.md 2.1)."""

    S0 = "S0"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"
    S5 = "S5"
    S6 = "S6"
    S7 = "S7"
    S8 = "S8"
    S9 = "S9"
    S10 = "S10"


class Reveals(StrEnum):
    """What a leaf tells its reader (contract.md section 3).

    `shelter` is reserved: a schema that uses it does not load.
    """

    NONE = "none"
    IDENTITY = "identity"
    CONTACT = "contact"
    SAFE_PLACE = "safe-place"
    VICTIM_PLACE = "victim-place"
    SUSPECT_PLACE = "suspect-place"
    OFFENCE = "offence"
    HEALTH = "health"
    CHILD = "child"
    HELP_SEEKING = "help-seeking"
    LOCATION_LIVE = "location-live"
    STAFF = "staff"
    SHELTER = "shelter"


class LeafKind(StrEnum):
    """Whether a leaf holds a value, a reference, a person reference or a unit code (contract.md section 3)."""

    PLAIN = "plain"
    REF = "ref"
    PERSON = "person"
    UNIT = "unit"


class Lane(StrEnum):
    """The three ways end to end; they share no topic (architecture.md section 3)."""

    ALERT = "alert"
    CASE = "case"
    BULK = "bulk"


class PartyRole(StrEnum):
    """The part a person has in a case; also the person blocks of a schema."""

    VICTIM = "victim"
    SUSPECT = "suspect"
    CHILD = "child"


class BasisKind(StrEnum):
    """Consent is one legal basis among several."""

    LAW = "law"
    CONSENT = "consent"


class BasisStatus(StrEnum):
    """How sure the law is: only `ok` releases everywhere, `unconfirmed` in the demo profile only, `proposal` never."""

    OK = "ok"
    UNCONFIRMED = "unconfirmed"
    PROPOSAL = "proposal"


class Profile(StrEnum):
    """Where the hub runs: the demo profile also releases on `unconfirmed` law, and every output says so."""

    DEMO = "demo"
    PRODUCTION = "production"


class Outcome(StrEnum):
    """The only four words for what happens to a field (contract.md section 0)."""

    GIVEN = "given"
    GENERALISED = "generalised"
    WITHHELD = "withheld"
    DOES_NOT_LEARN = "does-not-learn"


class Transform(StrEnum):
    """What one leaf becomes in a release (contract.md section 0). All but `AS_IS` replace or derive the leaf.

    `AGE_BAND` reads a second leaf, the event's own moment; `consent.generalise.inputs` names what each reads.
    """

    AS_IS = "as_is"
    FLAG_CARE = "flag_care"
    FLAG_PRESENT = "flag_present"
    FLAG_CAUTION = "flag_caution"
    HOUR = "hour"
    DAY = "day"
    COUNTY = "county"
    PAIRWISE = "pairwise"
    PERSON_REF = "person_ref"
    AGE_BAND = "age_band"
    DISTANCE_BAND = "distance_band"
    COUNT = "count"
    FLAG_DROPPED = "flag_dropped"


class Obligation(StrEnum):
    """What a unit that receives agrees to do (register `agreement`); a row names those its fields are given under."""

    READ_COMMITTED = "read_committed"
    APPLICATION_RECEIPT = "application_receipt"
    HONOUR_RECALL = "honour_recall"
    NO_ONWARD_DISCLOSURE = "no_onward_disclosure"
    RETENTION_LIMIT = "retention_limit"
    ACCESS_LOG = "access_log"
    ERASURE = "erasure"


class RefusalReason(StrEnum):
    """Why a unit whose cell is not empty got nothing (contract.md section 8)."""

    GUARD_FALSE = "guard_false"
    HELD = "held"
    CONFLICT = "conflict"
    WITHDRAWN = "withdrawn"
    SUSPECT_SIDE = "suspect_side"
    STALE = "stale"
    TRANSFORM_FAILED = "transform_failed"
    CHECK_FAILED = "check_failed"


class BaseType(StrEnum):
    """The Avro type of a leaf with its nullable union and its array taken off."""

    STRING = "string"
    INT = "int"
    LONG = "long"
    BOOLEAN = "boolean"
    ENUM = "enum"
    DATE = "date"
    TIMESTAMP = "timestamp-millis"


@dataclass(frozen=True, slots=True)
class Field:
    """One leaf of an event type.

    `path` is dotted, arrays of records carry `[]` (`answers[].item`); an array of plain values is itself a leaf and
    has `array`. `required` = present in every record: neither this leaf nor an ancestor is nullable and no ancestor
    is an array. `block` is the person block the leaf belongs to, if any. `max` bounds characters of a string, or
    elements of the (outer) array.
    """

    path: str
    group: int
    sensitivity: SensitivityClass
    reveals: frozenset[Reveals]
    kind: LeafKind
    base: BaseType
    symbols: tuple[str, ...]
    nullable: bool
    array: bool
    required: bool
    block: PartyRole | None
    doc: str
    doc_ro: str

    @property
    def top(self) -> str:
        """The name of the top-level field of the record this leaf lies in (`answers[].item` -> `answers`)."""
        return self.path.split(".", 1)[0].removesuffix("[]")


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type: its leaves in schema order, its lane and who may publish it (contract.md section 3)."""

    name: str
    lane: Lane
    fields: tuple[Field, ...]
    publishers: frozenset[Role]

    @property
    def groups(self) -> frozenset[int]:
        """The field groups that occur in this type."""
        return frozenset(field.group for field in self.fields)

    def of_group(self, group: int) -> tuple[Field, ...]:
        """The leaves of one group, in schema order."""
        return tuple(field for field in self.fields if field.group == group)
