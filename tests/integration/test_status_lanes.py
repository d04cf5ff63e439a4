"""`punte status` on a real Kafka: what waits, how old it is, who is at work, and nothing of one unit."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from consent.terms import Lane
from hub.contracts import topics
from hub.doctor.lanes import HEADS
from hub.errors import Exit
from tests.support.hub import Hub, in_process, prepared
from tests.support.published import faults


@pytest.fixture(scope="module")
async def hub(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub with topics and register; nothing of it runs."""
    async with prepared(kafka, tmp_path_factory.mktemp("status")) as made:
        yield made


def lanes(told: bytes | str) -> dict[tuple[str, str], dict[str, Any]]:
    """The stages of a JSON answer by lane and stage, each with its lane's quarantine."""
    found = json.loads(told)
    assert faults("status.v1", found) == []
    return {
        (lane["lane"], stage["stage"]): stage | {"quarantined": lane["quarantined"]}
        for lane in found["lanes"]
        for stage in lane["stages"]
    }


async def test_what_waits_is_told_with_its_age(hub: Hub) -> None:
    """Two events in an inbox that nobody follows: two more wait, the oldest has an age, nobody is at work."""
    before = lanes(hub.command("status", "--json").stdout)["case", "ingress"]
    event = hub.event("incident.reported")
    for _ in range(2):
        await hub.publish(event)
    done = hub.command("status", "--json")
    now = lanes(done.stdout)["case", "ingress"]
    assert now["waiting"] == before["waiting"] + 2
    assert now["oldestSeconds"] > 0
    assert not now["running"]
    assert now["takenPerSecond"] == 0.0
    assert not any(code.encode() in done.stdout for code in hub.codes)


async def test_a_hub_at_work_takes_what_waits(hub: Hub) -> None:
    """Both stages are at work and nothing waits; an entry in quarantine is one, whatever its transaction wrote."""
    event = hub.event("incident.reported")
    async with in_process(hub):
        before = lanes((await hub.ask("status", "--json")).stdout)["case", "ingress"]["quarantined"]
        await hub.publish(event, value=b"no record")
        await hub.read([topics.quarantine(Lane.CASE)], before + 1, lambda record: True)
        found = lanes((await hub.ask("status", "--json")).stdout)
    for stage in ("ingress", "gateway"):
        assert found["case", stage]["running"]
        assert found["case", stage]["waiting"] == 0
        assert found["case", stage]["oldestSeconds"] is None
    assert found["case", "ingress"]["quarantined"] == before + 1


def test_a_table_for_people_is_plain_without_a_terminal(hub: Hub) -> None:
    """No colour and no control character into a pipe; one line for each stage under the heads."""
    done = hub.command("status")
    assert done.returncode == Exit.DONE
    assert b"\x1b" not in done.stdout
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == " ".join(HEADS).split()
    assert {tuple(line.split()[:2]) for line in lines[1:]} >= {
        (lane.value, stage) for lane in (Lane.ALERT, Lane.CASE) for stage in ("ingress", "gateway")
    }


@pytest.mark.fire
def test_watching_goes_on_until_ctrl_c(hub: Hub) -> None:
    """One object a line, the second with rates; Ctrl-C ends it as done, with nothing on stderr."""
    command = [sys.executable, "-m", "hub", "status", "--watch", "--json"]
    with subprocess.Popen(command, env=hub.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        first, second = lanes(watching.stdout.readline()), lanes(watching.stdout.readline())
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=30)
    assert first["case", "gateway"]["comePerSecond"] is None
    assert second["case", "gateway"]["comePerSecond"] is not None
    assert (watching.returncode, said) == (Exit.DONE, b"")


def test_without_kafka_it_says_so(hub: Hub) -> None:
    """Nobody listens: one error with its remedy."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        other = {"PUNTE_KAFKA_BOOTSTRAP": f"127.0.0.1:{free.getsockname()[1]}"}
        done = subprocess.run(
            [sys.executable, "-m", "hub", "status", "--json"],
            env=hub.environment | other,
            capture_output=True,
            timeout=10,
            check=False,
        )
    assert done.returncode == Exit.FAILED
    assert json.loads(done.stdout)["error"] == "kafka_unreachable"
