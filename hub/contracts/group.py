"""How long a consumer group waits for a member that is silent, the same for every part of the hub. Pure.

Rule kept: a death costs its session before anything else of a recovery can begin, so it is the shortest that a broker
takes (`group.min.session.timeout.ms`, 6 s by default), with six heartbeats in it.
"""

from __future__ import annotations

from typing import Final, TypedDict


class Session(TypedDict):
    """Options of a Kafka consumer, in ms."""

    session_timeout_ms: int
    heartbeat_interval_ms: int


SESSION: Final[Session] = {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 1_000}
