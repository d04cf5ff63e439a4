"""Topic names, keys, partitions, retention and rights, as pure functions of a federation.

Rule kept: no topic on an alert's way is written by another lane, each unit writes one inbox and reads its own release
and receipt topics only, and nothing is auto-created (contract.md section 2; architecture.md section 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from consent.terms import Lane, Purpose

REGISTER: Final = "register"
AUDIT_REGISTER: Final = "audit.register"
AUDIT_POLICY: Final = "audit.policy"
AUDIT_DELIVERY: Final = "audit.delivery"
PARTITIONS: Final = {Lane.ALERT: 4, Lane.CASE: 8, Lane.BULK: 4}
DEDUPE_DAYS: Final = 7
_DAY: Final = 86_400_000
# The broker stores what units write uncompressed and caps it: no inbox can hold a decompression bomb for admission.
_INBOX: Final = {"compression.type": "uncompressed", "max.message.bytes": str(1024 * 1024)}


def inbox(lane: Lane, unit: str) -> str:
    """The one topic a unit may write on a lane."""
    return f"inbox.{lane}.{unit}"


def inbox_pattern(lane: Lane) -> str:
    """A regular expression over all inboxes of a lane; without braces, which FastStream reads as a placeholder."""
    return rf"^inbox\.{lane}\.u[a-z0-9]+$"


def inbox_unit(topic: str) -> str:
    """The unit that owns an inbox."""
    return topic.rsplit(".", 1)[1]


def admitted(lane: Lane) -> str:
    """Admitted events of a lane, keyed by source unit."""
    return f"admitted.{lane}"


def seen(lane: Lane) -> str:
    """Digests of the events a lane has taken; retention is the dedupe window."""
    return f"seen.{lane}"


def release(lane: Lane, unit: str, purpose: Purpose | str) -> str:
    """What one unit receives for one purpose.

    Purpose is a topic, so that nobody can lie about it (policy.md section 7).
    """
    return f"release.{lane}.{unit}.{purpose.lower()}"


def release_cell(topic: str) -> tuple[str, str] | None:
    """The unit and the purpose of a release topic; None for any other topic."""
    kind, *rest = topic.split(".")
    return (rest[1], rest[2].upper()) if kind == "release" else None


@lru_cache(maxsize=1024)
def receipt(lane: Lane, unit: str) -> str:
    """What became of a unit's own events."""
    return f"receipt.{lane}.{unit}"


def audit_decision(lane: Lane) -> str:
    """One record per decided event."""
    return f"audit.decision.{lane}"


def audit_attempt(lane: Lane) -> str:
    """Inputs that ended without a decision, assignments, consultations."""
    return f"audit.attempt.{lane}"


def quarantine(lane: Lane) -> str:
    """What needs a person."""
    return f"quarantine.{lane}"


def parked(lane: Lane) -> str:
    """Releases that wait, by the partition of their event: a subscription cannot be written, a cause that will pass."""
    return f"parked.{lane}"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it must exist. `retention_ms` -1 = for ever; `compact` = a register."""

    name: str
    partitions: int
    retention_ms: int
    compact: bool = False

    def config(self) -> dict[str, str]:
        """The broker settings of the topic."""
        if self.compact:
            return {"cleanup.policy": "compact", "min.compaction.lag.ms": str(7 * _DAY)}
        found = {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}
        return found | _INBOX if self.name.startswith("inbox.") else found


@dataclass(frozen=True, slots=True)
class Acl:
    """One right a real broker must grant: principal, operation, resource kind and name."""

    principal: str
    operation: str
    resource: str
    name: str


@dataclass(frozen=True, slots=True)
class Party:
    """What topics need to know of a unit: its code, its lanes, its purposes and whether it publishes."""

    code: str
    lanes: frozenset[Lane]
    purposes: frozenset[Purpose]
    publishes: bool


def hub_topics(lanes: Iterable[Lane]) -> list[TopicSpec]:
    """The topics that exist once, whatever the units."""
    specs = [TopicSpec(name, n, -1) for name, n in ((AUDIT_REGISTER, 1), (AUDIT_POLICY, 1), (AUDIT_DELIVERY, 4))]
    specs.append(TopicSpec(REGISTER, 1, -1, compact=True))
    for lane in sorted(lanes):
        n = PARTITIONS[lane]
        specs += [
            TopicSpec(admitted(lane), n, 30 * _DAY),
            TopicSpec(seen(lane), n, DEDUPE_DAYS * _DAY),
            TopicSpec(audit_decision(lane), n, -1),
            TopicSpec(audit_attempt(lane), n, -1),
            TopicSpec(quarantine(lane), 1, 30 * _DAY),
            TopicSpec(parked(lane), n, 30 * _DAY),
        ]
    return specs


def unit_topics(party: Party) -> list[TopicSpec]:
    """The topics of one unit: inbox and receipts where it publishes, one release topic per lane and purpose."""
    specs = []
    for lane in sorted(party.lanes):
        if party.publishes:
            specs += [
                TopicSpec(inbox(lane, party.code), 1, 14 * _DAY),
                TopicSpec(receipt(lane, party.code), 1, 14 * _DAY),
            ]
        specs += [TopicSpec(release(lane, party.code, p), 1, 14 * _DAY) for p in sorted(party.purposes)]
    return specs


def plan(parties: Iterable[Party], lanes: Iterable[Lane]) -> list[TopicSpec]:
    """Every topic of a federation, by name."""
    found = [*hub_topics(lanes), *(spec for party in parties for spec in unit_topics(party))]
    return sorted(found, key=lambda spec: spec.name)


def unit_acls(party: Party) -> list[Acl]:
    """What a real broker grants to one unit: write its inbox, read it, its releases and receipts, its own group.

    Nothing else. It reads its inbox to see that Kafka still holds what it sent (`connectors/sdk/witness`).
    """
    who = f"User:{party.code}"
    rights = [Acl(who, "Read", "Group", f"{party.code}.*")]
    for spec in unit_topics(party):
        allowed = ("Write", "Read") if spec.name.startswith("inbox.") else ("Read",)
        rights += [Acl(who, operation, "Topic", spec.name) for operation in (*allowed, "Describe")]
    return rights


def hub_acls(lanes: Iterable[Lane]) -> list[Acl]:
    """What a real broker grants to the hub's own processes, one principal per capability (contract.md section 2).

    `views` answers `punte why`: it reads the audit without a group, and writes the record of each question. `trace` is
    for `punte trace`, which reads beyond that what was admitted and released; `doctor` for `punte doctor` and `status`;
    `quarantine` for `punte quarantine`: a person's own login.
    """
    rights: list[Acl] = []
    for lane in sorted(lanes):
        rights += _ingress_acls(lane) + _gateway_acls(lane)
        rights += _grant("punte-registry", "Read", "Topic", admitted(lane), audit_decision(lane))
        rights += _grant("punte-registry", "Read", "Group", f"registry.{lane}")
        rights += _views_acls("punte-views", lane) + _trace_acls(lane) + _doctor_acls(lane) + _quarantine_acls(lane)
    rights += _grant("punte-ingress", "Read", "Topic", REGISTER)
    rights += _grant("punte-gateway", "Read", "Topic", REGISTER, AUDIT_POLICY)
    rights += _grant("punte-gateway", "Write", "Topic", AUDIT_POLICY)
    for who in ("punte-views", "punte-trace", "punte-quarantine"):
        rights += _grant(who, "Read", "Topic", REGISTER, AUDIT_REGISTER, AUDIT_POLICY)
    rights += _grant("punte-trace", "Read", "Topic", AUDIT_DELIVERY)
    rights += _grant("punte-doctor", "Read", "Topic", REGISTER, AUDIT_REGISTER)
    rights += _grant("punte-doctor", "Describe", "Topic", AUDIT_POLICY, AUDIT_DELIVERY)
    rights += _grant("punte-registry", "Read", "Topic", REGISTER, AUDIT_REGISTER)
    return [*rights, *_grant("punte-registry", "Write", "Topic", REGISTER, AUDIT_REGISTER)]


def _ingress_acls(lane: Lane) -> list[Acl]:
    written = (admitted(lane), f"receipt.{lane}.*", quarantine(lane), audit_attempt(lane))
    return [
        *_grant("punte-ingress", "Read", "Topic", f"inbox.{lane}.*"),
        *_grant("punte-ingress", "Write", "Topic", *written),
        *_grant("punte-ingress", "Read", "Group", f"ingress.{lane}"),
    ]


def _gateway_acls(lane: Lane) -> list[Acl]:
    """It reads `seen`, `parked` and its last decision back when it opens a partition; its transactions hold offsets.

    On the alert lane it writes hollow alerts to the partition it reads.
    """
    hollow = (admitted(lane),) if lane is Lane.ALERT else ()
    written = (seen(lane), parked(lane), f"release.{lane}.*", f"receipt.{lane}.*", quarantine(lane), *hollow)
    return [
        *_grant("punte-gateway", "Read", "Topic", admitted(lane), seen(lane), parked(lane), audit_decision(lane)),
        *_grant("punte-gateway", "Write", "Topic", *written, audit_decision(lane), audit_attempt(lane)),
        *_grant("punte-gateway", "Read", "Group", f"gateway.{lane}"),
        *_grant("punte-gateway", "Write", "TransactionalId", f"gateway.{lane}.*"),
    ]


def _views_acls(who: str, lane: Lane) -> list[Acl]:
    """The proofs of a lane, and the record of a question among its attempts."""
    read = _grant(who, "Read", "Topic", audit_decision(lane), audit_attempt(lane))
    return [*read, *_grant(who, "Write", "Topic", audit_attempt(lane))]


def _trace_acls(lane: Lane) -> list[Acl]:
    """Beside the proofs, the records they speak of, in every unit's topics: the auditor's own login, nobody else's."""
    told = (admitted(lane), f"receipt.{lane}.*", quarantine(lane), parked(lane), f"release.{lane}.*")
    return [*_views_acls("punte-trace", lane), *_grant("punte-trace", "Read", "Topic", *told)]


def _quarantine_acls(lane: Lane) -> list[Acl]:
    """Entries, what is parked, the records they point to; it appends a resubmitted event and writes acts as attempts.

    No release, no receipt: a preview names fields, and what goes out is the gateway's to write.
    """
    read = (quarantine(lane), parked(lane), f"inbox.{lane}.*", admitted(lane))
    return [
        *_views_acls("punte-quarantine", lane),
        *_grant("punte-quarantine", "Read", "Topic", *read),
        *_grant("punte-quarantine", "Write", "Topic", admitted(lane)),
    ]


def _doctor_acls(lane: Lane) -> list[Acl]:
    """That topics are there, how far groups are, and the moment of what waits; it reads no release and writes nothing.

    Kafka has no right to a timestamp alone: to tell the age of what waits takes reading the inboxes. Which entries of
    quarantine a person has closed stands among the attempts.
    """
    there = (seen(lane), f"release.{lane}.*", f"receipt.{lane}.*", audit_decision(lane))
    read = (f"inbox.{lane}.*", admitted(lane), quarantine(lane), parked(lane), audit_attempt(lane))
    return [
        *_grant("punte-doctor", "Read", "Topic", *read),
        *_grant("punte-doctor", "Describe", "Topic", *there),
        *_grant("punte-doctor", "Describe", "Group", f"ingress.{lane}", f"gateway.{lane}"),
    ]


def _grant(who: str, operation: str, resource: str, *names: str) -> list[Acl]:
    return [Acl(f"User:{who}", operation, resource, name) for name in names]
