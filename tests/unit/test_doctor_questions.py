"""A question of the doctor to Kafka that gets no answer says why, in a code that has its remedy."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import errors

from hub.doctor.checks import Unknown
from hub.doctor.kafka import _asked, _of_groups
from hub.errors import ERRORS, PunteError

ENDS = {
    "no connection": (errors.KafkaConnectionError(), "kafka_unreachable"),
    "a broker that goes": (errors.NodeNotReadyError(), "kafka_unreachable"),
    "a wrong login": (errors.AuthenticationFailedError(), "not_authenticated"),
    "a wrong password": (errors.SaslAuthenticationFailed(), "not_authenticated"),
    "no right to a topic": (errors.TopicAuthorizationFailedError(), "kafka_refused"),
    "no right to a group": (errors.GroupAuthorizationFailedError(), "kafka_refused"),
    "an answer too late": (errors.KafkaTimeoutError(), "kafka_late"),
    "a fact that is not there": (PunteError("topic_missing", "-"), "topic_missing"),
}


@pytest.mark.parametrize("name", ENDS)
async def test_each_end_of_a_question_has_its_code(name: str) -> None:
    """The code names what happened, not what the library called it, and repeats nothing it said."""
    fault, code = ENDS[name]

    async def ask() -> None:
        raise fault

    told = await _asked(ask(), 1.0)
    assert isinstance(told, Unknown)
    assert told.code == code
    assert told.code in ERRORS


async def test_a_question_ends_at_its_deadline() -> None:
    """An answer that never comes costs the deadline and no more."""
    told = await _asked(asyncio.Event().wait(), 0.01)
    assert isinstance(told, Unknown)
    assert told.code == "kafka_late"


async def test_a_new_kafka_is_asked_again_while_it_makes_its_topic_of_groups() -> None:
    """Nobody has asked it about a group before: it is there, so nobody is told that it is not."""
    ends = iter([errors.GroupCoordinatorNotAvailableError(), errors.GroupCoordinatorNotAvailableError(), None])

    async def ask() -> str:
        if (fault := next(ends)) is not None:
            raise fault
        return "answer"

    assert await _asked(_of_groups(ask), 5.0) == "answer"
