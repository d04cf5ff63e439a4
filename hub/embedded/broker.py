"""A real Apache Kafka node as an async context manager, from PyPI packages alone: for demo, tests, a small pilot.

Rule kept: it ends with its owner, however the owner ends. Its listener is plaintext without ACLs: never real data.
"""

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.embedded import errors, guard, jars, node
from hub.embedded.archive import archive_command, archive_options, archive_path
from hub.embedded.java import find_java
from hub.embedded.probe import until_ready
from hub.embedded.settings import Places, read_places
from hub.errors import PunteError

READY_WITHIN = 90.0
"""Seconds until a slow machine is called too slow; two seconds is usual."""
STOP_WITHIN = guard.GRACE + 10
"""Seconds until a guard that does not answer is killed, and Kafka with it."""
TRIES = 3
"""Free ports are found by binding and letting go, so another process can take one in between."""
SIGNS: dict[bytes, Callable[[node.Node], PunteError]] = {
    b"Address already in use": lambda at: errors.port_taken(at.port),
    b"No space left on device": lambda at: errors.disk_full(at.folder),
    b"Disk quota exceeded": lambda at: errors.disk_full(at.folder),
    b"Failed to acquire lock": lambda at: errors.data_unusable(at.folder, "another broker uses it"),
    b"UnsupportedClassVersionError": lambda at: errors.java_old(at.folder, "of an older version"),
}
"""What Kafka's log says -> what it means for the person who started it."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker: address for clients, process ids of Kafka and its guard, data folder, log file."""

    bootstrap: str
    pid: int
    guard: int
    data: Path
    log: Path


@asynccontextmanager
async def embedded_broker(data: Path | None = None, port: int = 0, log: Path | None = None) -> AsyncIterator[Broker]:
    """Starts a broker and stops it at the end; raises `PunteError` with a `broker_*` code if it cannot.

    `data` None: thrown away at the end; `port` 0: a free one; `log` None: `kafka.log` in the data folder.
    """
    running = await start(data, port, log)
    try:
        yield running.broker
    finally:
        await running.stop()


class Running:
    """The owner's hold on a guard: stop it, keep it, or wait for Kafka's own end."""

    def __init__(self, at: node.Node, process: asyncio.subprocess.Process) -> None:
        """Wraps a guard just started for the node `at`."""
        self._at = at
        self._process = process
        self._pid = 0
        self.end: asyncio.Task[int] = asyncio.create_task(self._follow())

    @property
    def broker(self) -> Broker:
        """What clients and `punte broker status` need to know."""
        return Broker(
            self._at.bootstrap,
            self._pid,
            self._process.pid,
            self._at.folder,
            self._at.log,
        )

    async def _follow(self) -> int:
        """Reads the guard's reports; the result is Kafka's exit status."""
        status = -1
        assert self._process.stdout
        async for line in self._process.stdout:
            news = json.loads(line)
            self._pid = news.get("pid", self._pid)
            status = news.get("exit", status)
        return status

    def tell(self, word: str) -> None:
        """Gives the guard an order: `ready` or `keep`."""
        assert self._process.stdin
        self._process.stdin.write(f"{word}\n".encode())

    async def stop(self) -> None:
        """Closes the guard's input, which stops Kafka, and waits until its folder is tidied."""
        self.let_go()
        await asyncio.wait({self.end}, timeout=STOP_WITHIN)
        if not self.end.done():
            self._process.kill()
        await self._process.wait()

    def let_go(self) -> None:
        """Closes the guard's input: it stops Kafka, unless it was told to keep it."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.close()


@dataclass(frozen=True, slots=True)
class Plan:
    """One start: the node, whether its folder is thrown away, the state file to remove at the end, its log's past."""

    at: node.Node
    thrown_away: bool
    state: Path | None
    log_size: int
    places: Places

    @property
    def last_log(self) -> Path | None:
        """Where the guard saves the log of a failed broker whose folder is thrown away."""
        inside = self.thrown_away and self.at.log.is_relative_to(self.at.folder)
        return self.places.cache / "last-failure.log" if inside else None


async def start(data: Path | None, port: int, log: Path | None, state: Path | None = None) -> Running:
    """A broker that is ready; with `port` 0 a port lost to another process is tried again. `state`: see `guard`."""
    for _ in range(TRIES - 1 if port == 0 else 0):
        try:
            return await start_planned(_plan(data, port, log, state))
        except PunteError as fault:
            if fault.code != "broker_port_taken":
                raise
    return await start_planned(_plan(data, port, log, state))


def _plan(data: Path | None, port: int, log: Path | None, state: Path | None) -> Plan:
    """Chooses ports first: a taken port is the cheapest thing to find out."""
    own, controller = node.choose_ports(port)
    try:
        folder = data.absolute() if data else Path(tempfile.mkdtemp(prefix="punte-kafka-"))
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise errors.from_os(fault, data or Path(tempfile.gettempdir())) from fault
    at = node.Node(folder, own, controller, log.absolute() if log else folder / "kafka.log")
    return Plan(
        at,
        data is None,
        state,
        at.log.stat().st_size if at.log.exists() else 0,
        read_places(),
    )


async def start_planned(plan: Plan) -> Running:
    """The broker of a plan, ready; raises `PunteError` with a `broker_*` code if it cannot be."""
    async with AsyncExitStack() as undo:
        if plan.thrown_away:
            undo.callback(shutil.rmtree, plan.at.folder, ignore_errors=True)
        order = await asyncio.to_thread(_order, plan)
        running = await _launch(plan.at, order)
        undo.push_async_callback(running.stop)
        await _until_ready(running, plan)
        undo.pop_all()
    return running


def _order(plan: Plan) -> dict[str, object]:
    """Everything the guard needs, after jars and Java were checked and the folder formatted; blocks."""
    java = find_java(plan.places)
    path = jars.class_path(plan.places.cache)
    archive = archive_path(java, path)
    folder = plan.at.folder
    arguments = node.prepare(plan.at, java, path, archive_options(archive, folder))
    return {
        "command": [str(java.path), f"@{arguments}"],
        "folder": str(folder),
        "log": str(plan.at.log),
        "last_log": plan.last_log and str(plan.last_log),
        "remove": str(folder) if plan.thrown_away else None,
        "state": plan.state and str(plan.state),
        "archive": None if archive.exists() else archive_command(java, path, folder),
        "archive_to": str(archive),
    }


async def _launch(at: node.Node, order: dict[str, object]) -> Running:
    """The guard gets a session and an error stream of its own: Ctrl-C reaches the owner alone, no pipe is kept open."""
    with at.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", guard.__file__, json.dumps(order)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    return Running(at, process)


async def _until_ready(running: Running, plan: Plan) -> None:
    """Waits for the probe or for Kafka's end, whichever is first; raises why it is not ready."""
    probe = asyncio.create_task(until_ready(node.HOST, plan.at.port))
    try:
        both: set[asyncio.Task[None] | asyncio.Task[int]] = {probe, running.end}
        await asyncio.wait(both, timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if running.end.done():
            raise _why(plan, running.end.result())
        if not probe.done():
            raise errors.slow(READY_WITHIN, plan.at.log)
        probe.result()
    finally:
        probe.cancel()
    running.tell("ready")


def _why(plan: Plan, status: int) -> PunteError:
    """What the part of Kafka's log written by this start says about its end."""
    log, skip = (plan.last_log, 0) if plan.last_log else (plan.at.log, plan.log_size)
    said = log.read_bytes()[skip:] if log.exists() else b""
    reasons = (reason(plan.at) for sign, reason in SIGNS.items() if sign in said)
    return next(reasons, errors.died(status, log))
