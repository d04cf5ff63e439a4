"""A federation as register records and as topics. Pure.

Rules kept: one unit = one `unit` and one `agreement` record; what a unit publishes is bound to the schema ids of
`lock.json`; a load never replaces keys, never replaces the active policy or anything that says something else unasked,
never re-opens what people closed, by state, by date or by narrowing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from consent.compile import Policy
from consent.matrix import CellKey
from consent.terms import Lane
from hub.contracts.federation import Federation, FederationAgreement, FederationRefused, FederationUnit
from hub.contracts.keys import KeyRing
from hub.contracts.registers import common
from hub.contracts.topics import Party
from hub.contracts.versions import version_ids

Key = tuple[str, str]
"""Kind and handle."""


STATED = frozenset({"unit", "agreement", "matrix"})
"""The kinds whose state people set after a load."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who puts records into the register and when (ms since the epoch): two opaque ids of people."""

    at: int
    by: tuple[str, ...]


class LoadRefused(ValueError):
    """A load that would change what every process stands on. `code` of `hub.errors`, and what to do."""

    def __init__(self, code: str, sentence: str, remedy: str) -> None:
        super().__init__(sentence)
        self.code, self.remedy = code, remedy


@dataclass(frozen=True, slots=True)
class Load:
    """What a load writes; the keys `kind/handle` whose state people changed, which is kept; what it leaves as it is.

    `differs`: key `kind/handle` -> the fields in which register and file differ (`*`: the register's cannot be read).
    """

    records: tuple[dict[str, Any], ...]
    kept: tuple[str, ...]
    differs: Mapping[str, tuple[str, ...]]


def changes(
    wanted: Sequence[dict[str, Any]],
    standing: Mapping[Key, Mapping[str, Any]],
    replace: AbstractSet[str] = frozenset(),
) -> Load:
    """Of the records of a federation, those the register does not hold, and of those it holds otherwise the asked ones.

    `replace`: the keys `kind/handle` to write as the file has them, each in its standing state. An empty standing
    record is one that cannot be read; LoadRefused where the state it may have had would be lost.
    """
    _refuse_unknown_states(wanted, standing, replace)
    written, kept, differs = [], [], {}
    for record in wanted:
        key, name = (record["kind"], record["handle"]), "/".join((record["kind"], record["handle"]))
        if key not in standing:
            written.append(record)
            continue
        old = standing[key]
        closed = bool(old) and old["state"] != record["state"]
        if closed:
            kept.append(name)
        fields = _differing(old, record)
        if fields and name in replace:
            written.append(record | {"state": old["state"], "reason": old["reason"]} if closed else record)
        elif fields:
            differs[name] = fields
    return Load(tuple(written), tuple(kept), differs)


def _refuse_unknown_states(
    wanted: Sequence[Mapping[str, Any]], standing: Mapping[Key, Mapping[str, Any]], replace: AbstractSet[str]
) -> None:
    """Refuse to write `active` over what cannot be read: people may have suspended it."""
    for key in ((record["kind"], record["handle"]) for record in wanted):
        if key[0] in STATED and "/".join(key) in replace and standing.get(key) == {}:
            raise LoadRefused(
                "register_unreadable",
                f"the record of {'/'.join(key)} cannot be read, nor whether people closed it; nothing was written",
                mend(key[0]),
            )


def mend(kind: str) -> str:
    """What to do where a record of a kind whose state people set cannot be read."""
    if kind == "matrix":
        return "add `--activate` to write the policy of the pack"
    return "write it with `punte register put`, in the state it shall have"


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the fields that say something else, without who said it when and in which state."""
    said = _said(new)
    return tuple(sorted(name for name in said if name not in old or old[name] != said[name])) if old else ("*",)


def refuse_other_keys(records: Sequence[Mapping[str, Any]], standing: Mapping[Key, Mapping[str, Any]]) -> None:
    """Refuse a key check beside another one: every handle in the register was made with the keys it was loaded with."""
    known = {handle: record["checks"] for (kind, handle), record in standing.items() if kind == "keycheck"}
    for record in records:
        if record["kind"] == "keycheck" and known and known.get(record["handle"]) != record["checks"]:
            raise LoadRefused(
                "keycheck_differs",
                "the register was loaded with other keys; nothing was written",
                "point PUNTE_SECRET_FILE at the file the register was loaded with",
            )


def refuse_other_policy(records: Sequence[Mapping[str, Any]], standing: Mapping[Key, Mapping[str, Any]]) -> None:
    """Refuse another active policy than the register's, and one that people retired."""
    active = standing.get(("matrix", "active"))
    for record in records:
        if (record["kind"], record["handle"]) == ("matrix", "active") and active and not _same(active, record):
            raise LoadRefused(
                "policy_differs",
                "the register calls another policy active; nothing was written",
                "load with the active pack, or add `--activate` to replace it",
            )


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return _said(old) == _said(new) and old["state"] == new["state"]


def _said(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says, whoever said it when and in whichever state it stands."""
    return {name: value for name, value in record.items() if name not in {"state", "at", "by", "reason"}}


def federation_records(federation: Federation, ids: Mapping[str, int], signed: Signed) -> list[dict[str, Any]]:
    """The `unit` and `agreement` records of a federation, units first; FederationRefused for a type without an id."""
    units = [_unit(unit, signed) for unit in federation.units]
    return [*units, *(_agreement(agreement, ids, signed) for agreement in federation.agreements)]


def undeclared(federation: Federation, policy: Policy) -> list[str]:
    """A sentence for each subscription under which a unit would be given what it has not agreed to handle so.

    Every obligation of a row must stand in the agreement of the unit that receives by it (XACML 3.0, 7.18: who does not
    understand an obligation is denied).
    """
    owed: dict[CellKey, set[str]] = {}
    for row in policy.matrix.rows:
        owed.setdefault(row.cell, set()).update(each.value for each in row.obligations)
    found = []
    roles = {unit.code: unit.role for unit in federation.units}
    for agreement in federation.agreements:
        for event, purpose in agreement.subscribes:
            whole = owed.get((event, roles[agreement.unit], purpose), set())
            if missing := whole - set(agreement.obligations):
                words = ", ".join(sorted(missing))
                found.append(f"{agreement.unit}: {event}:{purpose} obliges to {words}; add it to its obligations")
    return found


def start_records(policy: Policy, keys: KeyRing, signed: Signed) -> list[dict[str, Any]]:
    """What every process compares itself with before it works: the active policy and the key check."""
    matrix = common("matrix", "active", "active", signed.at, signed.by) | {
        "digest": policy.digest.hex(),
        "redlines": policy.redlines.digest.hex(),
        "dutylines": policy.dutylines.digest.hex(),
        "fromOffsets": [],
    }
    checks = [{"key": "ring", "digest": keys.check().decode()}]
    return [matrix, common("keycheck", str(keys.epoch), "current", signed.at, signed.by) | {"checks": checks}]


def parties(federation: Federation) -> list[Party]:
    """What topics need to know of each unit."""
    publishing = {agreement.unit for agreement in federation.agreements if agreement.publishes}
    return [Party(unit.code, unit.lanes, unit.purposes, unit.code in publishing) for unit in federation.units]


def lanes(federation: Federation) -> tuple[Lane, ...]:
    """The lanes any unit is connected to."""
    return tuple(sorted({lane for unit in federation.units for lane in unit.lanes}))


def _unit(unit: FederationUnit, signed: Signed) -> dict[str, Any]:
    return common("unit", unit.code, "active", signed.at, signed.by) | {
        "role": unit.role.value.replace("-", "_"),
        "purposes": sorted(unit.purposes),
        "area": list(unit.area),
        "lanes": sorted(unit.lanes),
        "keyEpoch": 1,
        "fallback": unit.fallback,
        "organisation": unit.organisation,
    }


def _agreement(agreement: FederationAgreement, ids: Mapping[str, int], signed: Signed) -> dict[str, Any]:
    return common("agreement", agreement.unit, "active", signed.at, signed.by) | {
        "publishes": [f"{name}:{number}" for name in agreement.publishes for number in _versions(agreement, name, ids)],
        "subscribes": _subscriptions(agreement.subscribes),
        "obligations": list(agreement.obligations),
        "from": agreement.valid_from,
        "until": agreement.valid_until,
    }


def _versions(agreement: FederationAgreement, name: str, ids: Mapping[str, int]) -> tuple[int, ...]:
    """The schema ids of a type that a unit may publish: all its versions."""
    found = version_ids(ids, name)
    if not found:
        raise FederationRefused([f"{agreement.unit}: publishes `{name}`, which lock.json does not know; add the type"])
    return found


def _subscriptions(pairs: Sequence[tuple[str, Any]]) -> list[str]:
    return [f"{event_type}:{purpose}" for event_type, purpose in pairs]
