"""A federation as register records and as topics. Pure.

Rule kept: one unit = one `unit` and one `agreement` record; what a unit publishes is bound to the schema ids of
`lock.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consent.compile import Policy
from consent.terms import Lane
from hub.contracts.federation import Federation, FederationAgreement, FederationUnit
from hub.contracts.keys import KeyRing
from hub.contracts.registers import common
from hub.contracts.topics import Party


@dataclass(frozen=True, slots=True)
class Signed:
    """Who puts records into the register and when (ms since the epoch): two opaque ids of people."""

    at: int
    by: tuple[str, ...]


def federation_records(federation: Federation, ids: Mapping[str, int], signed: Signed) -> list[dict[str, Any]]:
    """The `unit` and `agreement` records of a federation, units first."""
    units = [_unit(unit, signed) for unit in federation.units]
    return [*units, *(_agreement(agreement, ids, signed) for agreement in federation.agreements)]


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
    }


def _agreement(agreement: FederationAgreement, ids: Mapping[str, int], signed: Signed) -> dict[str, Any]:
    return common("agreement", agreement.unit, "active", signed.at, signed.by) | {
        "publishes": [f"{name}:{ids[f'{name}/v1']}" for name in agreement.publishes],
        "subscribes": _subscriptions(agreement.subscribes),
        "obligations": list(agreement.obligations),
        "from": agreement.valid_from,
        "until": agreement.valid_until,
    }


def _subscriptions(pairs: Sequence[tuple[str, Any]]) -> list[str]:
    return [f"{event_type}:{purpose}" for event_type, purpose in pairs]
