"""One real Kafka for all integration tests of a run, and topic names that no two tests share."""

import logging
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hub.embedded import embedded_broker


@pytest.fixture(scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The bootstrap address of the run's broker; PUNTE_TEST_KAFKA names one that runs already."""
    if given := os.environ.get("PUNTE_TEST_KAFKA"):
        yield given
        return
    async with embedded_broker(log=tmp_path_factory.mktemp("kafka") / "kafka.log") as broker:
        yield broker.bootstrap


@pytest.fixture
def prefix() -> str:
    """A name that no other test uses, for topics, groups and transactional ids."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, so that no broker of a person at work is met."""
    monkeypatch.setenv("PUNTE_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(autouse=True)
def quiet_clients() -> Iterator[None]:
    """Kafka clients talk about every retry; a failing test shows its own story instead."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("aiokafka").setLevel(logging.NOTSET)
