"""Writes `audit.policy` before the first decision under a policy, and again when the list of units changes.

Rule kept: a decision record names a policy digest and unit ordinals; whoever reads it finds both here, earlier in time
(architecture.md section 3, step 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from consent.compile import Policy
from hub.contracts.codec import RecordCodec
from hub.contracts.topics import AUDIT_POLICY
from hub.gateway.knowledge import Knowledge


class PolicyAnnouncer:
    """Announces digest, lines, approvers and the sorted unit codes that ordinals index. An async context manager."""

    def __init__(self, options: Mapping[str, Any], codec: RecordCodec, policy: Policy, knowledge: Knowledge) -> None:
        self._producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
        self._codec, self._policy, self._knowledge = codec, policy, knowledge
        self._announced: tuple[str, ...] | None = None

    async def __aenter__(self) -> Self:
        """Start the producer."""
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the producer."""
        await self._producer.stop()

    async def announce(self) -> None:
        """Announce what the next batch decides by, unless that was announced already.

        Returns without an await after the last look at the units, so that none can come in between.
        """
        while (units := self._knowledge.unit_codes()) != self._announced:
            await self._producer.send_and_wait(AUDIT_POLICY, self._record(units), key=self._policy.digest)
            self._announced = units

    def _record(self, units: tuple[str, ...]) -> bytes:
        return self._codec.encode(
            {
                "digest": self._policy.digest,
                "redlines": self._policy.redlines.digest,
                "dutylines": self._policy.dutylines.digest,
                "approvers": list((self._knowledge.matrix or {}).get("by", ())),
                "fromOffsets": [],
                "profile": self._policy.profile.value,
                "registerRevision": self._knowledge.revision,
                "units": list(units),
            }
        )
