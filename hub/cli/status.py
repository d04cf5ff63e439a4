"""`punte status`: how far each lane is, once or live.

Rules kept: nothing is told of one unit's topics; Ctrl-C is how one ends `--watch`, so it ends well; colour and live
drawing only on a terminal, no colour under NO_COLOR, and nothing said by colour alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from hub.doctor.lanes import HEADS, Moment, Row, as_json, cells, rows
from hub.errors import Exit
from hub.settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

INTERVAL_S = 1.0
WATCH_S = 2.0
Watch = Annotated[bool, typer.Option("--watch", help="Show it anew every 2 s until Ctrl-C.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; with --watch, one a line.")]
Show = Callable[[Sequence[Row]], None]


def main(watch: Watch = False, as_json: AsJson = False) -> int:
    """Show what waits at each stage of each lane, how fast it goes, how old it is, what is in quarantine or parked."""
    from hub.telemetry.logs import configure_logs

    configure_logs("CRITICAL")
    try:
        asyncio.run(_status(watch, _print_json if as_json else None))
    except KeyboardInterrupt:
        if not watch:
            raise
    return Exit.DONE


async def _status(watch: bool, show: Show | None) -> None:
    """Two moments, or one after another; on a terminal each is drawn over the one before."""
    from hub.assemble import now_ms, record_codec
    from hub.contracts.files import load_catalogue
    from hub.doctor.kafka import moments
    from hub.doctor.quarantine.kafka import EntryCodecs

    codecs = EntryCodecs(*(record_codec(load_catalogue(), f"audit.{name}") for name in ("quarantine", "attempt")))

    async with AsyncExitStack() as stack:
        shown = show or _drawing(stack, live=watch)
        found = await stack.enter_async_context(
            aclosing(moments(Settings().kafka(), codecs, now_ms, WATCH_S if watch else INTERVAL_S))
        )
        before: Moment | None = None
        task = asyncio.current_task()
        async for moment in found:
            if task is not None and task.cancelling():  # a client has swallowed the Ctrl-C that came meanwhile
                raise asyncio.CancelledError
            if watch or before:
                shown(rows(before, moment))
            if before and not watch:
                return
            before = moment


def _print_json(found: Sequence[Row]) -> None:
    print(json.dumps(as_json(found)), flush=True)


def _drawing(stack: AsyncExitStack, *, live: bool) -> Show:
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)
    if not live or not console.is_terminal:
        return lambda found: console.print(_table(found))
    drawn = stack.enter_context(Live(console=console, auto_refresh=False))
    return lambda found: drawn.update(_table(found), refresh=True)


def _table(found: Sequence[Row]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, head in enumerate(HEADS):
        table.add_column(head, justify="left" if number < 3 else "right", no_wrap=True)
    for row, line in zip(found, cells(found), strict=True):
        table.add_row(*line, style=None if row.running else "yellow")
    return table
