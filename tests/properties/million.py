"""Compare the product with the independent model over a million random decisions and 200,000 random records.

    python -m tests.properties.million [--decisions N] [--records N] [--seed S] [--jobs 2]

A decision is one event judged for one subscription. Ends with status 1 at the first difference and prints the command
that shows that case again; never a value of a record.
"""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from consent.terms import Transform
from tests.properties import judged, projected

CASES, RECORDS = 500, 500
"""How many cases or records a process compares before it answers."""
STEP = 200_000
"""After how many of them a log that is no terminal is told how far it is."""
GUARDS = ("area", "addressee", "emergency", "content", "relation", "consent", "judicial")
MUST_OCCUR = (
    *("released", "held", "withdrawn", "suspect_side", "stale", "stand-in", "unserved"),
    *(f"guard_false: {kind}" for kind in GUARDS),
)
TRANSFORMS = tuple(f"transform {transform.value}" for transform in Transform)
Compare = Callable[[int, int, "Counter[str]"], "str | None"]
COMPARE: dict[str, Compare] = {"case": judged.compare, "record": projected.compare}


class Task(NamedTuple):
    """Some cases, or some records, in order of their numbers."""

    kind: str
    seed: int
    start: int
    size: int


class Answer(NamedTuple):
    """What came out of a task, and the first difference: its number and what differs."""

    task: Task
    counts: Counter[str]
    difference: tuple[int, str] | None


def run(task: Task) -> Answer:
    """Compare until the first difference."""
    count: Counter[str] = Counter()
    for number in range(task.start, task.start + task.size):
        difference = COMPARE[task.kind](task.seed, number, count)
        if difference is not None:
            return Answer(task, count, (number, difference))
    return Answer(task, count, None)


def compare(decisions: int, records: int, seed: int, jobs: int = 1) -> Iterator[Answer]:
    """The answers in order, until there are enough decisions and records or something differs."""
    if jobs == 1:
        yield from _enough(map(run, _tasks("case", seed)), "decisions", decisions)
        yield from _enough(map(run, _tasks("record", seed)), "records", records)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for kind, what, wanted in (("case", "decisions", decisions), ("record", "records", records)):
            yield from _enough(_ahead(pool, _tasks(kind, seed), 4 * jobs), what, wanted)


def _tasks(kind: str, seed: int) -> Iterator[Task]:
    size, start = CASES if kind == "case" else RECORDS, 0
    while True:
        yield Task(kind, seed, start, size)
        start += size


def _ahead(pool: multiprocessing.pool.Pool, tasks: Iterator[Task], depth: int) -> Iterator[Answer]:
    """The answers in order, with that many tasks under way."""
    waiting = [pool.apply_async(run, (next(tasks),)) for _ in range(depth)]
    while True:
        yield waiting.pop(0).get()
        waiting.append(pool.apply_async(run, (next(tasks),)))


def _enough(answers: Iterator[Answer], what: str, wanted: int) -> Iterator[Answer]:
    done = 0
    while done < wanted:
        answer = next(answers)
        done += answer.counts[what]
        yield answer
        if answer.difference is not None:
            return


def vacuous(count: Counter[str]) -> list[str]:
    """What never occurred, though a comparison without it says little."""
    asked = (*MUST_OCCUR,) * bool(count["decisions"]) + TRANSFORMS * bool(count["records"])
    return [what for what in asked if not count[what]]


def main() -> int:
    """The command."""
    ask = argparse.ArgumentParser(prog="python -m tests.properties.million", description=__doc__)
    ask.add_argument("--decisions", type=int, default=1_000_000)
    ask.add_argument("--records", type=int, default=200_000)
    ask.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    ask.add_argument("--jobs", type=int, default=2)
    ask.add_argument("--case", type=int, help="compare this one case of the seed")
    ask.add_argument("--record", type=int, help="compare this one record of the seed")
    given = ask.parse_args()
    for kind in ("case", "record"):
        number = getattr(given, kind)
        if number is not None:
            return _tell_one(Task(kind, given.seed, number, 1))
    return _tell_all(given.decisions, given.records, given.seed, given.jobs)


def _tell_one(task: Task) -> int:
    difference = run(task).difference
    print(difference[1] if difference else f"{task.kind} {task.start} of seed {task.seed}: no difference")
    return 1 if difference else 0


def _tell_all(decisions: int, records: int, seed: int, jobs: int) -> int:
    began, count, told = time.monotonic(), Counter[str](), 0
    print(f"seed {seed}", flush=True)
    for answer in compare(decisions, records, seed, jobs):
        count += answer.counts
        if answer.difference is not None:
            number, what = answer.difference
            print(f"\n{what}\n\nagain: python -m tests.properties.million --seed {seed} --{answer.task.kind} {number}")
            return 1
        told = _tell_progress(count, told)
    missing = vacuous(count)
    for line in (*_shares(count), *(f"never occurred: {what}" for what in missing)):
        print(line)
    took = time.monotonic() - began
    print(f"{count['decisions']:,} decisions, {count['records']:,} records, 0 differences, {took:.0f} s, seed {seed}")
    return 1 if missing else 0


def _tell_progress(count: Counter[str], told: int) -> int:
    """Say how far it is: on a terminal always, elsewhere at every full step; the number of steps told."""
    steps = (count["decisions"] + count["records"]) // STEP
    line = f"{count['decisions']:,} decisions, {count['records']:,} records"
    if sys.stderr.isatty():
        print(f"\r{line}", end="", file=sys.stderr, flush=True)
    elif steps > told:
        print(line, file=sys.stderr, flush=True)
    return steps


def _shares(count: Counter[str]) -> Iterator[str]:
    whole = {"decisions": count["decisions"], "records": count["records"]}
    for what, number in sorted(count.items(), key=lambda item: (item[0].startswith("transform"), -item[1])):
        if what not in (*whole, "cases"):
            of = "records" if what.startswith("transform") else "decisions"
            yield f"  {what:24} {number:>10,}  {100 * number / max(whole[of], 1):5.1f} % of {of}"


if __name__ == "__main__":
    sys.exit(main())
