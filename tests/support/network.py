"""A network in which a process can die at one moment: what it had not written to its sockets by then is never sent.

Rule kept: after `die()` no byte of that process reaches the broker and no task of it runs on; only its `finally`
clauses do, on a network that refuses everything. A port may be led elsewhere, to a proxy that keeps frames back.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, client

R = TypeVar("R")
CLIENTS: Final = (AIOKafkaConsumer, AIOKafkaProducer)
INSIDE: Final[ContextVar[Machine | None]] = ContextVar("inside", default=None)


class Died(Exception):
    """What a crash point raises: the process is no more."""


@dataclass(eq=False, slots=True)
class Machine:
    """One process as the network and the event loop see it. `routes`: port asked for -> port connected to."""

    routes: dict[int, int] = field(default_factory=dict)
    connections: list[Any] = field(default_factory=list)
    clients: list[Any] = field(default_factory=list)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    died: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def dead(self) -> bool:
        """Whether it has died."""
        return self.died.is_set()

    def start(self, work: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        """Run `work` inside this process."""
        token = INSIDE.set(self)
        try:
            return asyncio.create_task(work)
        finally:
            INSIDE.reset(token)

    def die(self) -> None:
        """From this moment nothing leaves: connections are cut without sending what is buffered."""
        self.died.set()
        for connection in self.connections:
            if connection._writer is not None:
                connection._writer.transport.abort()

    async def bury(self) -> None:
        """End every task of the dead process."""
        self.die()
        while left := [task for task in self.tasks if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=1)
        for task in self.tasks:
            with suppress(asyncio.CancelledError):
                task.exception()
        self._forget()

    def _forget(self) -> None:
        """A dead process does not complain that nobody closed its clients."""
        for one in self.clients:
            one._closed = True
        for held in (self.clients, self.connections, self.tasks):
            held.clear()


def crash_at(machine: Machine, step: str, nth: int) -> Callable[[str], None]:
    """A crash point that kills the machine at the n-th pass of a step."""
    passed = [0]

    def crash(at: str) -> None:
        if machine.dead:
            raise Died
        passed[0] += at == step
        if at == step and passed[0] == nth:
            machine.die()
            raise Died

    return crash


@contextmanager
def network() -> Iterator[None]:
    """Make machines mortal while the block runs: connections and tasks belong to their machine."""
    loop, connect = asyncio.get_running_loop(), client.create_conn
    factory = loop.get_task_factory()
    makers = [(made, made.__init__) for made in CLIENTS]
    client.create_conn = _mortal(connect)
    for made, maker in makers:
        made.__init__ = _counted(maker)
    loop.set_task_factory(_owned)
    loop.set_exception_handler(_unheard)
    try:
        yield
    finally:
        gc.collect()
        loop.set_exception_handler(None)
        client.create_conn = connect
        for made, maker in makers:
            made.__init__ = maker
        loop.set_task_factory(factory)


def _unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a dead process would have said of futures nobody waited for.

    Said while another test parses code, it would break Python 3.11 (gh-106905), so these futures are collected here.
    """


def _counted(maker: Callable[..., None]) -> Callable[..., None]:
    def made(self: Any, *given: Any, **named: Any) -> None:
        machine = INSIDE.get()
        if machine is not None:
            machine.clients.append(self)
        maker(self, *given, **named)

    return made


def _owned(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **more)
    machine = INSIDE.get()
    if machine is not None:
        machine.tasks.add(task)
    return task


def _mortal(connect: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def create(host: str, port: int, **options: Any) -> Any:
        machine = INSIDE.get()
        if machine is None:
            return await connect(host, port, **options)
        if machine.dead:
            raise ConnectionRefusedError
        made = await connect(host, machine.routes.get(port, port), **options)
        machine.connections.append(made)
        if machine.dead:
            machine.die()
        return made

    return create
