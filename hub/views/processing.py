"""The record of processing activities, event type by event type, from the catalogue and the matrix.

Rules kept: nothing is in it that the two do not say, and what they do not say is left open in words, for the controller
to fill in. Source: GDPR art. 30(1); Law 363/2018 art. 33 (LED art. 24) where a competent authority publishes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from consent.compile import grounds_of
from consent.matrix import Matrix, Row
from consent.names import Name
from consent.table import Law, law_of
from consent.terms import POLICE, EventType, Obligation, PartyRole, Purpose, Reveals, Role, SensitivityClass
from hub.contracts.catalogue import Catalogue, Entry

COMPETENT = POLICE | {Role.EMIS, Role.PROS, Role.PROB, Role.ANP}
"""Roles that process under Law 363/2018 (LED); a court's own proceedings here are civil (domain.md section 2.4)."""

OF_WHOM: Mapping[Reveals, PartyRole] = {
    Reveals.SAFE_PLACE: PartyRole.VICTIM,
    Reveals.VICTIM_PLACE: PartyRole.VICTIM,
    Reveals.HELP_SEEKING: PartyRole.VICTIM,
    Reveals.SUSPECT_PLACE: PartyRole.SUSPECT,
    Reveals.LOCATION_LIVE: PartyRole.SUSPECT,
    Reveals.CHILD: PartyRole.CHILD,
}
"""Whose data a leaf is that stands outside the blocks of persons."""


@dataclass(frozen=True, slots=True)
class Data:
    """One category of data: a field group, its paths in schema order, its classes from low to high."""

    group: int
    paths: tuple[str, ...]
    classes: tuple[SensitivityClass, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a recipient gets by one row. `retain_days` None = as the recipient's own law says."""

    row: str
    law: Law
    groups: tuple[int, ...]
    obligations: tuple[Obligation, ...]
    retain_days: int | None


@dataclass(frozen=True, slots=True)
class Recipient:
    """A category of recipients: role and purpose, with the rows that serve it."""

    role: Role
    purpose: Purpose
    rows: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """One event type as an activity of processing. `retention` = days in the hub, by kind of record.

    `police` = Law 363/2018 applies; `staff` = professionals are data subjects too.
    """

    event: str
    title: Name
    controller: str
    publishers: tuple[Role, ...]
    legal_basis: str
    police: bool
    purposes: tuple[Purpose, ...]
    subjects: tuple[PartyRole, ...]
    staff: bool
    data: tuple[Data, ...]
    recipients: tuple[Recipient, ...]
    retention: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Record:
    """The whole record, and the digest (hex) of the matrix it was made from."""

    matrix_digest: str
    activities: tuple[Activity, ...]


def record(catalogue: Catalogue, matrix: Matrix) -> Record:
    """The record of everything the catalogue names; a type nobody receives has no recipients."""
    grounds = grounds_of(matrix, catalogue.types)
    activities = []
    for name, entry in catalogue.entries.items():
        cells = {key[1:]: ground.rows for key, ground in grounds.items() if key[0] == name}
        recipients = tuple(Recipient(*cell, tuple(map(_receipt, rows))) for cell, rows in cells.items())
        activities.append(_activity(entry, catalogue.types[name], recipients))
    return Record(matrix.digest.hex(), tuple(activities))


def _activity(entry: Entry, event: EventType, recipients: tuple[Recipient, ...]) -> Activity:
    whose = {field.block for field in event.fields if field.block}
    reveals = frozenset[Reveals]().union(*(field.reveals for field in event.fields))
    whose |= {OF_WHOM[each] for each in reveals & OF_WHOM.keys()}
    purposes = {recipient.purpose for recipient in recipients}
    return Activity(
        event=event.name,
        title=Name(entry.title["en"], entry.title["ro"]),
        controller=entry.owner,
        publishers=tuple(role for role in Role if role in entry.publishers),
        legal_basis=entry.legal_basis,
        police=bool(COMPETENT & entry.publishers),
        purposes=tuple(each for each in Purpose if each in purposes),
        subjects=tuple(each for each in PartyRole if each in whose),
        staff=Reveals.STAFF in reveals,
        data=tuple(_data(event)),
        recipients=recipients,
        retention=entry.retention,
    )


def _data(event: EventType) -> Iterator[Data]:
    for group in sorted(event.groups):
        leaves = event.of_group(group)
        classes = {leaf.sensitivity for leaf in leaves}
        yield Data(
            group, tuple(leaf.path for leaf in leaves), tuple(each for each in SensitivityClass if each in classes)
        )


def _receipt(row: Row) -> Receipt:
    groups = frozenset[int]().union(*(grant.groups for grant in row.grants))
    return Receipt(row.id, law_of(row.basis), tuple(sorted(groups)), row.obligations, row.retain_days)
