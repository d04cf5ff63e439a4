"""`punte broker up|status|down`: a real Kafka on this machine.

Rule kept: in the foreground the command owns the broker and both end together; detached, a guard owns it until `down`.
Every answer says that this broker has no access rights, so that nobody brings real data to it.
"""

import asyncio
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hub.embedded import errors
from hub.embedded.settings import read_places
from hub.embedded.state import Recorded, record, running, state_file
from hub.embedded.state import stop as stop_recorded
from hub.errors import PunteError

app = typer.Typer(rich_markup_mode=None)
WARNING = (
    "This broker is plaintext and has no access rights: anyone on this machine reads every topic. Never real data."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Keep the data here; without it, it is thrown away.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it is ready; `down` stops it.")] = False,
    as_json: AsJson = False,
) -> int:
    """Start a broker: in the foreground until Ctrl-C, or detached."""
    found = running(state_file(read_places()))
    if found and not detach:
        raise PunteError("broker_running", f"a broker already runs here at `{found.bootstrap}`")
    if found:
        return _show(found, as_json=as_json)
    return asyncio.run(_up(port, data, detach, as_json))


@app.command()
def status(as_json: AsJson = False) -> int:
    """Show the broker that runs here."""
    return _show(_found(), as_json=as_json)


@app.command()
def down(as_json: AsJson = False) -> int:
    """Stop the broker that runs here."""
    found = _found()
    stop_recorded(found)
    print(json.dumps({"stopped": found.bootstrap}) if as_json else f"stopped the broker at {found.bootstrap}")
    return 0


async def _up(port: int, data: Path | None, detach: bool, as_json: bool) -> int:
    from hub.embedded.broker import start

    file = state_file(read_places())
    print("starting Kafka (the first time it is fetched, about ten seconds)", file=sys.stderr)
    owned = await start(data, port, None, file)
    wanted = _stop_signals()
    try:
        _show(record(file, owned.broker), as_json=as_json)
        if detach:
            owned.tell("keep")
            owned.let_go()
            return 0
        return await _until_stopped(wanted, owned.end, owned.broker.log)
    finally:
        if not detach:
            await owned.stop()


def _stop_signals() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM: from now on they are a wanted stop, not an interruption."""
    wanted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, wanted.set)
    return wanted


async def _until_stopped(wanted: asyncio.Event, end: asyncio.Task[int], log: Path) -> int:
    """Waits for a wanted stop, or for Kafka's own end, which `down` may have ordered."""
    asked = asyncio.create_task(wanted.wait())
    await asyncio.wait({asked, end}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if end.done() and end.result() not in (0, 143, -signal.SIGTERM):
        raise errors.died(end.result(), log)
    return 0


def _found() -> Recorded:
    found = running(state_file(read_places()))
    if not found:
        raise PunteError("broker_not_running", "no broker started by `punte broker up` runs here")
    return found


def _show(found: Recorded, *, as_json: bool) -> int:
    if as_json:
        facts = {key: value for key, value in asdict(found).items() if key != "started"}
        print(json.dumps({**facts, "warning": WARNING}), flush=True)
        return 0
    print(f"bootstrap  {found.bootstrap}\npid        {found.pid}\ndata       {found.data}\nlog        {found.log}")
    print(f"\n{WARNING}", flush=True)
    return 0
