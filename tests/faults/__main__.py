"""`python -m tests.faults`: list the menu, strike one fault, a pair, or a seeded schedule, and say what came of it.

Rule kept: with `--json` the last line of standard output is one JSON object; what goes on is said on standard error.
Exit 0 clean, 1 anomalies, 2 a fault that must run could not, or the laboratory itself failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from hub.errors import PunteError
from tests.faults.faults import LabFault
from tests.faults.injectors import MENU
from tests.faults.machine import Machine, this_machine
from tests.faults.report import BROKEN, report, status, told
from tests.faults.run import Order, run, runnable
from tests.faults.schedule import Step, pairs, schedule, single

RATE: Final = 200.0
MINUTES: Final = 20.0


def main() -> int:
    """Parse, run, print; the exit status."""
    asked = _asked()
    machine = this_machine(asked.brokers)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was mounted is unmounted
    if asked.list:
        return _list(machine)
    try:
        return asyncio.run(_run(asked, machine))
    except (LabFault, PunteError) as fault:
        print(f"the laboratory failed: {fault}", file=sys.stderr)
    except Exception:
        # A defect of the laboratory must not look like a finding (status 1), whatever it is.
        traceback.print_exc()
    return BROKEN


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the menu and what this machine lacks")
    parser.add_argument("--fault", action="append", default=[], help="strike this fault alone; may be repeated")
    parser.add_argument("--times", type=int, default=3, help="how often each fault of --fault strikes")
    parser.add_argument("--pairs", action="store_true", help="strike the fixed pairs, each together")
    parser.add_argument("--schedule", type=int, help="the seed of a whole schedule (the same as --seed)")
    parser.add_argument("--minutes", type=float, help=f"length of a schedule, {MINUTES:.0f} by default")
    parser.add_argument("--seed", type=int, default=1, help="seed of events, schedule and injectors")
    parser.add_argument("--rate", type=float, default=RATE, help=f"events per second, {RATE:.0f} by default")
    parser.add_argument("--brokers", type=int, default=1, choices=(1, 3), help="one broker, or a cluster of three")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    return parser.parse_args()


def _list(machine: Machine) -> int:
    for name, one in MENU.items():
        lack = one.lacks(machine)
        print(f"{name:4} {'must' if one.must else '    '} {one.sentence}" + (f" [not run: {lack}]" if lack else ""))
    return 0


async def _run(asked: argparse.Namespace, machine: Machine) -> int:
    seed = asked.seed if asked.schedule is None else asked.schedule
    names = list(asked.fault or MENU)
    if unknown := [name for name in names if name not in MENU]:
        raise LabFault(f"the menu has no {', '.join(unknown)}")
    able, lacking = runnable(names, machine)
    steps = _steps(asked, able, seed)
    minutes = 0.0 if asked.fault or asked.pairs else (asked.minutes or MINUTES)
    order = Order(seed, minutes, asked.rate, asked.brokers)
    judged = await run(steps, order, lambda line: print(line, file=sys.stderr, flush=True))
    for one in judged.found[:20]:
        print(told(one), file=sys.stderr)
    if asked.json:
        print(json.dumps(report(judged, lacking, len(steps), seed)))
    must = frozenset(name for name in names if MENU[name].must or asked.fault)
    return status(judged, must, lacking)


def _steps(asked: argparse.Namespace, able: Sequence[str], seed: int) -> tuple[Step, ...]:
    if asked.pairs:
        return pairs({name: MENU[name].aim for name in able})
    if asked.fault:
        return tuple(step for name in able for step in single(seed, name, MENU[name].aim, asked.times))
    return schedule(seed, asked.minutes or MINUTES, {name: MENU[name].aim for name in able})


if __name__ == "__main__":
    sys.exit(main())
