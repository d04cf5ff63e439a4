"""The hub that the tests of the loop share; named in `pytest_plugins`, so that all of them share one broker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hub.contracts.keys import secret_text
from hub.embedded import embedded_broker
from tests.support.loop import Hub, prepared


@pytest.fixture(scope="session")
async def loop_hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub on a broker of its own, its topics made and its register loaded."""
    folder = tmp_path_factory.mktemp("hub")
    secret = folder / "secret.json"
    secret.touch(0o600)
    secret.write_text(secret_text(1, bytes(range(32))))
    async with embedded_broker(log=folder / "kafka.log") as broker:
        yield await prepared(broker.bootstrap, secret)
