"""A hub as an operator sets it up: a Kafka of its own, `punte topic apply`, `punte register load`, real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from hub.contracts.keys import secret_text
from hub.embedded import embedded_broker

ROOT: Final = Path(__file__).parents[2]
CLUJ: Final = ROOT / "deploy/federation/cluj.toml"
PATIENCE_S: Final = 60


@dataclass(slots=True)
class Part:
    """One process of the hub; `ready` is set once it has said so."""

    name: str
    process: subprocess.Popen[str]
    ready: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Read its standard output to the end."""
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                if line.strip() == "ready":
                    self.ready.set()
        self.closed.set()

    def end(self) -> int:
        """SIGTERM, and its exit status; fails when it does not drain within ten seconds."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@dataclass(slots=True)
class Operator:
    """What an operator has: an environment, and the `punte` command."""

    environment: dict[str, str]
    parts: list[Part] = field(default_factory=list)

    @property
    def bootstrap(self) -> str:
        """Address of the broker."""
        return self.environment["PUNTE_KAFKA_BOOTSTRAP"]

    def punte(self, *words: str, **other: str) -> subprocess.CompletedProcess[str]:
        """One command, to its end; `other` settings in place of the operator's own."""
        command = [sys.executable, "-m", "hub", *words]
        environment = {**self.environment, **other}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def run(self, *words: str) -> Part:
        """A part that keeps running; returns once it works."""
        command = [sys.executable, "-m", "hub", "run", *words]
        part = Part(words[0], subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True))
        threading.Thread(target=part.listen, daemon=True).start()
        self.parts.append(part)
        return part

    def end(self) -> None:
        """End every part that still runs."""
        for part in self.parts:
            if part.process.poll() is None:
                part.process.kill()
                part.process.wait()
            part.closed.wait(PATIENCE_S)


def working(*parts: Part) -> None:
    """Wait until parts have said that they work."""
    for part in parts:
        assert part.ready.wait(PATIENCE_S), "a part of the hub did not get ready"


@pytest.fixture(scope="session")
async def operator(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Operator]:
    """An operator whose Kafka has the topics and the register of the pilot; nothing runs yet."""
    folder = tmp_path_factory.mktemp("operator")
    secret = folder / "secret.json"
    secret.write_text(secret_text(1, bytes(range(7, 39))))
    secret.chmod(0o600)
    async with embedded_broker(log=folder / "kafka.log") as broker:
        made = Operator(
            {
                **os.environ,
                "PUNTE_KAFKA_BOOTSTRAP": broker.bootstrap,
                "PUNTE_SECRET_FILE": str(secret),
                "PUNTE_PROFILE": "demo",
                "PUNTE_LOG_LEVEL": "ERROR",
            }
        )
        for words in (
            ("topic", "apply", "--federation", str(CLUJ)),
            ("register", "load", str(CLUJ), "--by", "p-1", "--by", "p-2"),
        ):
            done = made.punte(*words)
            assert done.returncode == 0, done.stderr
        yield made
        made.end()


@pytest.fixture(scope="session")
def hub(operator: Operator) -> Operator:
    """The same, with admission, gateway and registry of the case lane at work."""
    working(*(operator.run(*words, "--lane", "case") for words in (("admit",), ("gateway",), ("registry",))))
    return operator
