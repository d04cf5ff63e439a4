"""Creates the topics a federation needs and says which exist with another number of partitions.

Rule kept: creating is idempotent; a topic that exists is never changed or deleted here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from hub.contracts.topics import TopicSpec

ALREADY_EXISTS = 36


@dataclass(frozen=True, slots=True)
class Difference:
    """What stands between the plan and the broker."""

    missing: tuple[TopicSpec, ...]
    other_partitions: tuple[str, ...]


async def compare(options: Mapping[str, Any], specs: Sequence[TopicSpec]) -> Difference:
    """The topics that are missing, and those that exist with another number of partitions."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        found = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics()}
    finally:
        await admin.close()
    return Difference(
        tuple(spec for spec in specs if spec.name not in found),
        tuple(spec.name for spec in specs if found.get(spec.name, spec.partitions) != spec.partitions),
    )


async def create(options: Mapping[str, Any], specs: Sequence[TopicSpec], replication: int) -> None:
    """Create topics that are missing; raises `KafkaError` with the broker's code when one cannot be made."""
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    try:
        wanted = [NewTopic(s.name, s.partitions, replication, topic_configs=s.config()) for s in specs]
        answer = await admin.create_topics(wanted)
        failed = [(name, code) for name, code, *_ in answer.topic_errors if code not in (0, ALREADY_EXISTS)]
        if failed:
            raise KafkaError(f"{len(failed)} topics were not created, the first with code {failed[0][1]}")
    finally:
        await admin.close()
