"""How a connector ends: one line that says whose fault it was and what to do, and nothing of what it worked on."""

from __future__ import annotations

import pytest
from aiokafka.errors import KafkaConnectionError

from connectors.sdk.faults import ConnectorFault
from connectors.sdk.life.process import live
from connectors.sdk.settings import REAL, world

SECRET = "Canaria Popescu"


async def failing(fault: Exception) -> None:
    """The work of a connector that fails."""
    raise fault


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ConnectorFault("store_full", "it happened"), "store_full (machine): it happened; free space on the disk"),
        (KafkaConnectionError(SECRET), "kafka_failed (network): Kafka failed (KafkaConnectionError); look at Kafka"),
    ],
)
def test_a_fault_ends_with_its_sentence(fault: Exception, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1 and the line, without the message of a library."""
    with pytest.raises(SystemExit) as ended:
        live(failing(fault))
    assert str(ended.value).startswith(said)
    assert SECRET not in str(ended.value) + "".join(capsys.readouterr())


def test_without_a_crash_point_nothing_happens_at_any_step() -> None:
    """The world of production."""
    assert world({}) is REAL
    REAL.step("acknowledged")
    assert REAL.now() > 1_790_000_000_000 - 1
