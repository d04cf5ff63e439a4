"""The supervisor starts a killed part again, ends everything on a refusal at the start, and only its own children."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import pytest

from consent.terms import Lane
from hub.cli.run import tell
from hub.errors import Exit, PunteError
from hub.supervise.process import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    PART_REFUSED,
    SOUND_S,
    Part,
    Supervisor,
    parts_of,
    wait_after,
)

LIVES = "import signal, sys; print('ready', flush=True); signal.sigwait([signal.SIGTERM]); sys.exit(0)"
"""A child as a part of the hub is: it says that it works, and ends by itself on SIGTERM."""
REFUSES = "import sys; sys.exit(3)"
FAILS = "import sys; sys.exit(1)"
TURNS = f"import os, sys; os.path.exists(os.environ['REFUSE']) and sys.exit(3); {LIVES}"
"""A child that lives, unless a file says that it must refuse to start."""
PATIENCE_S = 20


@dataclass(slots=True)
class Told:
    """What the supervisor said, and a way to wait for it."""

    said: list[tuple[str, str]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, code: str, part: str) -> None:
        """Take one message."""
        self.said.append((code, part))
        self.news.set()

    async def until(self, holds: Callable[[list[tuple[str, str]]], bool]) -> None:
        """Wait until what was said satisfies a condition."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(self.said):
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def supervised(told: Told, *names: str) -> AsyncIterator[tuple[Supervisor, asyncio.Task[int]]]:
    """A supervisor at work on parts of these names, ended at the end."""
    made = Supervisor([Part(name, (name,)) for name in names], dict(os.environ), told.say)
    running = asyncio.create_task(made.run())
    try:
        yield made, running
    finally:
        made.stop()
        await asyncio.wait_for(running, PATIENCE_S)


@pytest.fixture(autouse=True)
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """In place of `punte`: a program whose first word says how it behaves. Gives what makes `turns` refuse or not."""
    python = tmp_path / "python"
    words = "\n".join(f'  {name}) exec {sys.executable} -c "{code}" ;;' for name, code in BEHAVIOURS.items())
    python.write_text(f"#!/bin/sh\ncase $3 in\n{words}\nesac\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    mark = tmp_path / "refuse"
    monkeypatch.setenv("REFUSE", str(mark))
    return lambda refuses: mark.touch() if refuses else mark.unlink()


PORTED = f"import os; open(os.environ['REFUSE'] + os.environ['PUNTE_HEALTH_PORT'], 'w'); {LIVES}"
"""A child that leaves a file named by the port it was given."""
BEHAVIOURS = {"one": LIVES, "two": LIVES, "refuses": REFUSES, "fails": FAILS, "turns": TURNS, "ported": PORTED}


async def test_all_parts_are_ready_before_it_says_so() -> None:
    """`ready()` waits for every part's own word."""
    told = Told()
    async with supervised(told, "one", "two") as (supervisor, _):
        assert await asyncio.wait_for(supervisor.ready(), PATIENCE_S)
        assert {part for code, part in told.said if code == "ready"} == {"one", "two"}
        assert set(supervisor.pids()) == {"one", "two"}


async def test_a_killed_part_is_started_again() -> None:
    """`kill -9` of one child: it works again under another process id, the other was not touched."""
    told = Told()
    async with supervised(told, "one", "two") as (supervisor, _):
        await asyncio.wait_for(supervisor.ready(), PATIENCE_S)
        before = supervisor.pids()
        os.kill(before["one"], signal.SIGKILL)
        await told.until(lambda said: said.count(("ready", "one")) == 2)
        after = supervisor.pids()
        assert after["one"] != before["one"]
        assert after["two"] == before["two"]
        assert ("restarting", "one") in told.said
        assert ("restarting", "two") not in told.said


async def test_a_part_that_fails_is_started_again_and_again() -> None:
    """A fault is not a refusal: each end is followed by another start."""
    told = Told()
    async with supervised(told, "fails") as (_, running):
        await told.until(lambda said: said.count(("started", "fails")) >= 3)
        assert not running.done()


async def test_a_refusal_at_the_start_ends_everything_with_its_status() -> None:
    """Before all parts were ready no restart mends a refused policy: all parts end, the status is the refusal's."""
    told = Told()
    async with supervised(told, "one", "refuses") as (supervisor, running):
        assert await asyncio.wait_for(running, PATIENCE_S) == Exit.FINDINGS
        assert supervisor.pids() == {}
        assert ("refused", "refuses") in told.said
        assert ("restarting", "refuses") not in told.said


async def test_a_refusal_before_everyone_is_ready_is_told() -> None:
    """Whoever waits for readiness learns that it will not come."""
    async with supervised(Told(), "one", "refuses") as (supervisor, _):
        assert not await asyncio.wait_for(supervisor.ready(), PATIENCE_S)


async def test_a_refusal_while_the_hub_runs_stops_no_other_part(refuse: Callable[[bool], None]) -> None:
    """Law 2: the others run on untouched, the refusal is told each time, and the part works again once it is mended."""
    told = Told()
    async with supervised(told, "one", "turns") as (supervisor, running):
        await asyncio.wait_for(supervisor.ready(), PATIENCE_S)
        before = supervisor.pids()
        refuse(True)
        os.kill(before["turns"], signal.SIGKILL)
        await told.until(lambda said: said.count((PART_REFUSED, "turns")) == 2 or ("refused", "turns") in said)
        assert not running.done()
        assert supervisor.pids()["one"] == before["one"]
        refuse(False)
        await told.until(lambda said: said.count(("ready", "turns")) == 2)
        assert supervisor.pids()["one"] == before["one"]
        assert ("refused", "turns") not in told.said


def test_each_further_start_waits_longer_up_to_a_bound() -> None:
    """A part that cannot work neither keeps the machine busy nor is forgotten; one that was sound starts at once."""
    found = list(accumulate(range(12), lambda last, _: wait_after(last, SOUND_S), initial=FIRST_WAIT_S))
    assert found == sorted(found)
    assert found[0] < found[1]
    assert found[-1] == LONGEST_WAIT_S
    assert wait_after(LONGEST_WAIT_S, SOUND_S + 1) == FIRST_WAIT_S


def test_a_refusal_while_the_hub_runs_is_an_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    """The log line of an alarm: level error, the code, which part, and nothing of it dropped by the allow-list."""
    tell(PART_REFUSED, "gateway-alert")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["code"]) == ("alarm", "error", "part_refused")
    assert line["step"] == "gateway-alert"


async def test_stop_drains_every_child() -> None:
    """After `stop()` no child is left, and the status is done."""
    told = Told()
    async with supervised(told, "one", "two") as (supervisor, running):
        await asyncio.wait_for(supervisor.ready(), PATIENCE_S)
        pids = supervisor.pids()
        supervisor.stop()
        assert await asyncio.wait_for(running, PATIENCE_S) == Exit.DONE
        for pid in pids.values():
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_each_part_has_a_health_port_of_its_own() -> None:
    """The ports follow one another from the first; without one nobody has any; too high a first one is refused."""
    names = ["admit-alert", "gateway-alert", "admit-case", "gateway-case", "registry"]
    made = parts_of((Lane.ALERT, Lane.CASE), 9464)
    assert [(part.name, part.health_port) for part in made] == list(zip(names, range(9464, 9469), strict=True))
    assert {part.health_port for part in parts_of((Lane.ALERT, Lane.CASE))} == {0}
    assert [part.health_port for part in parts_of((Lane.CASE,), 65_533)] == [65_533, 65_534, 65_535]
    with pytest.raises(PunteError) as refused:
        parts_of((Lane.CASE,), 65_534)
    assert refused.value.code == "settings_faulty"


async def test_a_child_is_given_its_own_port_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the supervisor's environment says: two parts on one port would not start."""
    monkeypatch.setenv("PUNTE_HEALTH_PORT", "9000")
    parts = [Part("first", ("ported",), 9001), Part("second", ("ported",))]
    made = Supervisor(parts, os.environ, lambda code, part: None)
    running = asyncio.create_task(made.run())
    assert await asyncio.wait_for(made.ready(), PATIENCE_S)
    made.stop()
    await asyncio.wait_for(running, PATIENCE_S)
    assert left_in(tmp_path) == {"refuse9001", "refuse0"}


def left_in(folder: Path) -> set[str]:
    """The files of children that were given a port."""
    return {path.name for path in folder.glob("refuse*")}
