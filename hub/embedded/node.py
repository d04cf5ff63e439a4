"""One Kafka node on this machine: its properties, its ports, its formatted folder, its Java command.

Rule kept: it listens on 127.0.0.1 only, creates no topic by itself, and its settings are the ones written here.
The format step is Kafka's own StorageTool, run once per set of jars: what it writes is the same for every node but for
two random ids, so later nodes get a copy (`format -t ID -c FILE`, static quorum: no port in the checkpoint).
"""

import base64
import fcntl
import shutil
import socket
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from hub.embedded import errors
from hub.embedded.java import Java

HOST = "127.0.0.1"
CHECKPOINT = Path("__cluster_metadata-0") / "00000000000000000000-0000000000.checkpoint"
FIXED = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
"""Few internal partitions start faster; one node means replication 1 (kafka.apache.org, broker configuration).

A node that was killed is registered until its session ends, and cannot come back before: 3 s instead of 9.
"""
OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Xlog:disable",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)
"""A small heap, one collector thread, the quick compiler only: on two cores the clients need the rest."""


@dataclass(frozen=True, slots=True)
class Node:
    """Where one node lives: its folder (logs of Kafka in `folder/kafka`), its two ports and its log file."""

    folder: Path
    port: int
    controller: int
    log: Path

    @property
    def bootstrap(self) -> str:
        """Host and port for a client's `bootstrap_servers`."""
        return f"{HOST}:{self.port}"

    @property
    def data(self) -> Path:
        """Kafka's `log.dirs`."""
        return self.folder / "kafka"

    def properties(self) -> str:
        """The text of server.properties."""
        own = {
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{HOST}:{self.controller}",
            "controller.quorum.voters": f"1@{HOST}:{self.controller}",
            "log.dirs": str(self.data),
        }
        return "".join(f"{key}={value}\n" for key, value in {**FIXED, **own}.items())


def choose_ports(port: int) -> tuple[int, int]:
    """The broker's port (0: a free one) and a free one for its controller; raises `broker_port_taken`."""
    with socket.socket() as broker, socket.socket() as controller:
        broker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            broker.bind((HOST, port))
            broker.listen()
        except OSError as fault:
            raise errors.port_taken(port) from fault
        controller.bind((HOST, 0))
        return broker.getsockname()[1], controller.getsockname()[1]


def prepare(node: Node, java: Java, jars: tuple[Path, ...], archive: list[str]) -> Path:
    """Formats the folder unless it is, writes properties and Java's argument file; returns the argument file."""
    try:
        (node.folder / "tmp").mkdir(parents=True, exist_ok=True)
        _refuse_used(node)
        if not (node.data / "meta.properties").exists():
            _format(node.data, _checkpoint(java, jars))
        (node.folder / "server.properties").write_text(node.properties(), "utf-8")
        return _write_arguments(node, jars, archive)
    except OSError as fault:
        raise errors.from_os(fault, node.folder) from fault


def _refuse_used(node: Node) -> None:
    """A running Kafka holds a lock on `.lock` in its data; asking first leaves its files as they are."""
    held = node.data / ".lock"
    if held.exists():
        with held.open("r+") as handle:
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise errors.data_unusable(node.folder, "another broker uses it") from None


def _write_arguments(node: Node, jars: tuple[Path, ...], archive: list[str]) -> Path:
    """Java reads its arguments from a file: the class path is long, and the process list stays readable."""
    own = [
        f"-Djava.io.tmpdir={node.folder / 'tmp'}",
        f"-XX:ErrorFile={node.folder / 'java-crash.log'}",
    ]
    main = [
        "-cp",
        join_class_path(jars),
        "kafka.Kafka",
        str(node.folder / "server.properties"),
    ]
    target = node.folder / "java.args"
    target.write_text("".join(f'"{word}"\n' for word in (*OPTIONS, *archive, *own, *main)), "utf-8")
    return target


def join_class_path(jars: tuple[Path, ...]) -> str:
    """The class path as Java wants it."""
    return ":".join(str(jar) for jar in jars)


def _format(data: Path, checkpoint: Path) -> None:
    """What `StorageTool format` leaves: the first metadata snapshot, then meta.properties, which makes it a format."""
    (data / CHECKPOINT).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(checkpoint, data / CHECKPOINT)
    ids = f"cluster.id={_kafka_uuid()}\ndirectory.id={_kafka_uuid()}\nnode.id=1\nversion=1\n"
    (data / "meta.properties").write_text(ids, "utf-8")


def _kafka_uuid() -> str:
    """A random id as Kafka spells it: 16 bytes in 22 URL-safe letters, never opening with a dash (Uuid.randomUuid)."""
    text = "-"
    while text.startswith("-"):
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return text


def _checkpoint(java: Java, jars: tuple[Path, ...]) -> Path:
    """The first metadata snapshot, made by Kafka's StorageTool once and kept beside the jars."""
    kept = jars[0].parent.parent / "format.checkpoint"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            made = _run_storage_tool(Path(scratch), java, jars)
            made.rename(kept)
    return kept


def _run_storage_tool(scratch: Path, java: Java, jars: tuple[Path, ...]) -> Path:
    model = Node(scratch, port=1, controller=2, log=scratch / "log")
    (scratch / "server.properties").write_text(model.properties(), "utf-8")
    tool = [
        *OPTIONS,
        "-cp",
        join_class_path(jars),
        "kafka.tools.StorageTool",
        "format",
        "-t",
        _kafka_uuid(),
    ]
    done = subprocess.run(
        [java.path, *tool, "-c", scratch / "server.properties"],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise errors.data_unusable(scratch, "Kafka could not format it")
    return model.data / CHECKPOINT
