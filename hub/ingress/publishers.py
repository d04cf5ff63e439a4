"""Who may publish what: the part of the register that admission reads, as a pure fold.

Rule kept: an inbox is served only while its unit has an active agreement that lists the type and the schema id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from consent.terms import Role
from hub.contracts.registers import RegisterCodecs


@dataclass(frozen=True, slots=True)
class Publisher:
    """One publishing unit: its role and the schema ids its inbox may use, by event type."""

    code: str
    role: Role
    schemas: Mapping[int, str]


@dataclass(slots=True)
class Publishers:
    """The fold of `unit` and `agreement` records."""

    codecs: RegisterCodecs
    _roles: dict[str, Role] = field(default_factory=dict)
    _schemas: dict[str, dict[int, str]] = field(default_factory=dict)

    def apply(self, key: bytes | None, value: bytes | None, offset: int) -> None:
        """Fold one register record."""
        change = self.codecs.decode(key, value)
        if change.kind == "unit":
            open_unit = change.record is not None and change.state != "closed"
            _keep(self._roles, change.handle, _role(change.record["role"]) if change.record and open_unit else None)
        elif change.kind == "agreement":
            _keep(self._schemas, change.handle, _published(change.record))

    def find(self, code: str) -> Publisher | None:
        """The unit as a publisher; None for a unit that is not in the register."""
        role = self._roles.get(code)
        return None if role is None else Publisher(code, role, self._schemas.get(code, {}))

    def role_of(self, code: str) -> Role | None:
        """The role of any unit, as referrals name addressees."""
        return self._roles.get(code)


def _role(symbol: str) -> Role:
    return Role(symbol.replace("_", "-"))


def _published(record: Mapping[str, Any] | None) -> dict[int, str] | None:
    """`type:schema id` entries of an active agreement; those of any other are read too, so that a fault shows."""
    if record is None:
        return None
    pairs = (entry.rpartition(":") for entry in record["publishes"])
    found = {int(schema_id): event_type for event_type, _, schema_id in pairs}
    return found if record["state"] == "active" else None


def _keep(found: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        found.pop(key, None)
    else:
        found[key] = value
