"""The embedded broker for real: it is Kafka, it ends with its owner, and what stops it is said in one sentence."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub.embedded import embedded_broker
from hub.errors import PunteError
from tests.support.published import faults

pytestmark = pytest.mark.kafka
OWNER = """
import asyncio, dataclasses, json, sys
from hub.embedded import embedded_broker
async def own():
    async with embedded_broker() as broker:
        print(json.dumps(dataclasses.asdict(broker), default=str), flush=True)
        await asyncio.Event().wait()
asyncio.run(own())
"""


def gone(pid: int, within: float = 25.0) -> bool:
    """Whether the process ends within so many seconds; waits for the kernel's word, not by asking again and again."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], within)[0])
    finally:
        os.close(watched)


def owner(command: list[str]) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A process that owns a broker, and the line of JSON it prints when the broker is ready."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    with process.stdout as said:
        return process, json.loads(said.readline())


def punte(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line."""
    return subprocess.run([sys.executable, "-m", "hub", *words], capture_output=True, text=True, check=False)


async def write(bootstrap: str, topic: str, value: bytes) -> None:
    """Creates the topic and commits one record to it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=topic)
    async with producer, producer.transaction():
        await producer.send_and_wait(topic, value)


async def read_one(bootstrap: str, topic: str) -> bytes:
    """The first committed record of the topic."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    consumer.assign([TopicPartition(topic, 0)])
    async with consumer:
        record = await consumer.getone()
    return bytes(record.value)


async def test_it_is_kafka(kafka: str, prefix: str) -> None:
    """A transaction committed to it is read by a read_committed reader."""
    await write(kafka, prefix, b"one")
    assert await read_one(kafka, prefix) == b"one"


async def test_no_topic_is_made_by_asking_for_it(kafka: str, prefix: str) -> None:
    """A reader's question for an unknown topic creates nothing, and the probe left no topic behind."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.describe_topics([prefix])
    topics = await admin.list_topics()
    await admin.close()
    assert prefix not in topics
    assert not [topic for topic in topics if topic.startswith("punte-probe")]


def test_killed_owner_takes_kafka_along(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After kill -9 of the owner, Kafka and its guard end and the thrown-away data is gone; no network was needed."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        process, broker = owner([sys.executable, "-c", OWNER])
    assert Path(broker["data"]).exists()
    process.kill()
    process.wait()
    assert gone(broker["pid"])
    assert gone(broker["guard"])
    assert not Path(broker["data"]).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_killed_guard_takes_kafka_along(kafka: str) -> None:
    """After kill -9 of the guard the kernel ends Kafka."""
    process, broker = owner([sys.executable, "-c", OWNER])
    os.kill(broker["guard"], signal.SIGKILL)
    assert gone(broker["pid"])
    process.terminate()
    process.wait()


async def test_kept_data_survives_a_restart_on_other_ports(kafka: str, tmp_path: Path, prefix: str) -> None:
    """A broker with a data folder finds its records again, whatever ports it gets."""
    async with embedded_broker(data=tmp_path / "data") as first:
        await write(first.bootstrap, prefix, b"kept")
        with pytest.raises(PunteError, match="another broker uses it") as refused:
            await embedded_broker(data=tmp_path / "data").__aenter__()
        assert refused.value.code == "broker_data_unusable"
    async with embedded_broker(data=tmp_path / "data", log=tmp_path / "own.log") as second:
        assert second.bootstrap != first.bootstrap
        assert await read_one(second.bootstrap, prefix) == b"kept"
    assert (tmp_path / "own.log").exists()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("java.io.IOException: No space left on device", "broker_disk_full"),
        ("java.net.BindException: Address already in use", "broker_port_taken"),
        ("java.lang.UnsupportedClassVersionError: kafka/Kafka", "broker_java_old"),
        ("Unrecognized option: -XX", "broker_died"),
    ],
)
async def test_what_stops_kafka_is_one_sentence(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, code: str
) -> None:
    """A Kafka that ends by itself while starting is told by its log; no data folder is left behind."""
    java = tmp_path / "java"
    java.write_text(f'#!/bin/sh\n[ "$1" = -version ] && echo \'version "17.0.1"\' && exit 0\necho "{said}"\nexit 1\n')
    java.chmod(0o755)
    monkeypatch.setenv("PUNTE_JAVA", str(java))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(PunteError) as refused:
        await embedded_broker().__aenter__()
    assert refused.value.code == code
    assert os.listdir(tmp_path) == ["java"]


def test_detached_broker_is_shown_and_stopped(kafka: str, state: Path) -> None:
    """`up --detach` returns, `status` shows it with its warning, a second `up` is no error, `down` ends it."""
    up = punte("broker", "up", "--detach", "--json")
    shown = json.loads(up.stdout)
    try:
        assert json.loads(punte("broker", "status", "--json").stdout) == shown
        assert "no access rights" in shown["warning"]
        assert json.loads(punte("broker", "up", "--detach", "--json").stdout) == shown
        assert punte("broker", "up").returncode == 1
    finally:
        down = punte("broker", "down", "--json")
    assert [*faults("broker.v1", shown), *faults("broker.v1", json.loads(down.stdout))] == []
    assert down.returncode == 0
    assert gone(shown["pid"])
    assert punte("broker", "status").returncode == 1
    assert list(state.iterdir()) == []


def test_foreground_broker_ends_with_ctrl_c(kafka: str, state: Path) -> None:
    """The foreground command owns the broker: an interrupt ends both, cleanly."""
    process, broker = owner([sys.executable, "-m", "hub", "broker", "up", "--json"])
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=25) == 0
    assert gone(broker["pid"], within=0)
    assert list(state.iterdir()) == []


def test_taken_port_is_told_as_sentence_and_as_json(state: Path) -> None:
    """Exit 1, the sentence and the hint on stderr; with --json one object that says the same."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = punte("broker", "up", "--port", port)
        as_json = json.loads(punte("broker", "up", "--port", port, "--json").stdout)
    assert told.returncode == 1
    assert told.stderr.endswith(
        f"error: port `{port}` on 127.0.0.1 is taken by another process\n\n"
        "hint: choose another with `--port`, or leave `--port` out\n"
    )
    assert as_json["error"] == "broker_port_taken"
    assert as_json["detail"] in told.stderr
