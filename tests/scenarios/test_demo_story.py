"""The demo as a person runs it: who learns what of the eight events, one JSON object, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from consent.terms import Field, LeafKind
from hub.contracts.files import load_catalogue
from tests.cases.pack import POLICIES
from tests.support.published import faults

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

KEYS = (
    *("kafka", "events", "admitted", "quarantined", "releases", "refusals"),
    *("lost", "doubled", "leaked", "elapsed_s"),
)
TYPES = (
    *("incident.reported", "risk.assessed", "ppo.issued", "child.involved"),
    *("referral.made", "referral.made", "emis.alert.raised", "risk.assessed"),
)
NOTHING = "does-not-learn"

Share = tuple[str, str]
"""Groups given, groups generalised, as contract.md section 10 writes them."""

WHOLE_FORM: Share = ("1 6 9 10 13 26 28", "15")
SECOND: Mapping[str, Share] = {
    "uaemeu": ("1 6 9 10 13 15 26 28", ""),
    "uhenom": ("1 6 9 13 15 26 28", ""),
    "uj9kpj": WHOLE_FORM,
    "u0xzkb": WHOLE_FORM,
    "uxa5ex": ("1 6 9 13 26", "15"),
}
STORY: tuple[Mapping[str, Share], ...] = (
    {
        "ux3joc": ("1 6 13 15 19 26 27 28 32", "11"),
        "u4n6ms": ("1 6 13 15 19 26 27 28 32", "11"),
        "uj9kpj": ("", "11 13 15 26h"),
    },
    {**SECOND, "umbwtf": ("1 9 10 13", "6 15 26c")},
    {
        "uaemeu": ("1 3 6 13 14 15 26 33", ""),
        "uhenom": ("1 3 6 13 14 15 23 26 33", ""),
        "ur04xc": ("3 14 23 26 33", ""),
        "upggvz": ("1 3 6 13 14 15 23 26", ""),
        "u4n6ms": ("1 3 6 13 14 15 23 26", ""),
        "uj9kpj": ("1 3 6 13 14 26", "15"),
        "uxa5ex": ("1 3 6 13 14 26", "15"),
    },
    {"uxa5ex": ("1 6 11 12 13 26", "")},
    {"uva8s2": ("1 2 9 13 16 26 27", "6 15")},
    {"umbwtf": ("1 2 9 12 13 16", "6 15 26c")},
    {"upggvz": ("8 26 29", ""), "ux3joc": ("8 26 29", ""), "u4n6ms": ("26 29", ""), "umbwtf": ("", "26c")},
    {**SECOND, "uva8s2": ("1 9 13 26", "6 15")},
)
"""Contract.md section 10, event by event: every unit that learns; all others do not."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended: its status, what it wrote, the mark its processes carry, the folder it ran in."""

    status: int
    out: str
    err: str
    mark: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Where it ran: commands typed there are the same `punte`."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "PUNTE_STATE": str(self.folder / "state"), "PUNTE_TEST_MARK": self.mark}


def _start(words: list[str], at: Ran) -> subprocess.Popen[str]:
    at.folder.mkdir()
    command = [sys.executable, "-m", "hub", "demo", *words]
    return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=at.environment, cwd=at.folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """One run with tables, kept, and one with JSON, at the same time, each on a broker of its own."""
    folder = tmp_path_factory.mktemp("demo")
    places = {name: Ran(0, "", "", uuid.uuid4().hex, folder / name) for name in ("text", "json")}
    started = {
        "text": _start(["--events", "0", "--keep"], places["text"]),
        "json": _start(["--events", "60", "--json", "--seed", "7"], places["json"]),
    }
    ended = {}
    for name, process in started.items():
        out, err = process.communicate(timeout=150)
        ended[name] = replace(places[name], status=process.returncode, out=out, err=err)
    return ended


def tables(text: str) -> Iterator[dict[str, dict[str, str]]]:
    """Unit code -> path -> outcome, for each table."""
    for block in re.split(r"\n(?=\d\. )", f"\n{text}")[1:]:
        lines = block.split("\n\n")[0].splitlines()[1:]
        codes = [head.split()[1] for head in re.split(r"\s{2,}", lines[0].strip())]
        rows = [re.split(r"\s{2,}", line) for line in lines[1:] if not line.startswith("all other units")]
        yield {code: {row[0]: row[nth + 1] for row in rows} for nth, code in enumerate(codes)}


def outcome(leaf: Field, share: Share) -> str:
    """What section 0 of the contract makes of a leaf whose group is given, generalised or neither."""
    given, generalised = (part.split() for part in share)
    if str(leaf.group) in given:
        return "given"
    rule = next((mark for mark in generalised if mark.rstrip("hcd") == str(leaf.group)), None)
    name = leaf.path.rpartition(".")[2]
    if rule is None or (rule == "6" and name != "name") or leaf.kind is LeafKind.UNIT:
        return "withheld"
    moment = leaf.base.value == "timestamp-millis"
    coarse = moment or (rule == "26c" and name == "siruta")
    return "generalised" if rule in ("11", "13", "15") or coarse else "given"


@pytest.mark.parametrize("nth", range(8), ids=[f"event-{nth + 1}-{name}" for nth, name in enumerate(TYPES)])
def test_each_event_reaches_exactly_the_fields_of_the_contract(runs: dict[str, Ran], nth: int) -> None:
    """Leaf by leaf and unit by unit as contract.md section 10 says; every unit it does not name learns nothing."""
    shown = list(tables(runs["text"].out))[nth]
    event = load_catalogue().types[TYPES[nth]]
    expected = {code: {leaf.path: outcome(leaf, share) for leaf in event.fields} for code, share in STORY[nth].items()}
    learned = {code: cells for code, cells in shown.items() if set(cells.values()) != {NOTHING}}
    assert learned == expected


def test_the_shelter_learns_nothing_after_the_withdrawal(runs: dict[str, Ran]) -> None:
    """Its column stands in the last table, and every field of it says so."""
    last = list(tables(runs["text"].out))[-1]
    assert set(last["umbwtf"].values()) == {NOTHING}


def test_the_tables_say_what_they_leave_out(runs: dict[str, Ran]) -> None:
    """Units that may not learn of a type at all share one line in each of the eight tables."""
    assert runs["text"].out.count(f"all other units: {NOTHING}") == 8


def test_the_text_ends_with_the_verdict_and_names_unconfirmed_law(runs: dict[str, Ran]) -> None:
    """Nothing lost, doubled or leaked; status 0; a reader is told that unconfirmed law released."""
    run = runs["text"]
    assert run.status == 0, run.err[-2000:]
    assert run.out.splitlines()[-1].startswith("lost 0 doubled 0 leaked 0")
    assert "unconfirmed" in run.out


def test_json_is_one_object_with_exactly_the_promised_keys(runs: dict[str, Ran]) -> None:
    """The object of the issue, its counts consistent, nothing lost, doubled or leaked."""
    run = runs["json"]
    assert run.status == 0, run.err[-2000:]
    found = json.loads(run.out)
    assert tuple(found) == KEYS
    assert faults("demo.v1", found) == []
    assert (found["lost"], found["doubled"], found["leaked"]) == (0, 0, 0)
    assert found["events"] == found["admitted"] + found["quarantined"] == 68
    assert found["releases"] > 100
    assert found["refusals"] > found["releases"]


def test_progress_goes_to_stderr(runs: dict[str, Ran]) -> None:
    """Stdout carries data alone."""
    assert all("punte demo: playing the story" in run.err for run in runs.values())
    assert not any("punte demo:" in run.out for run in runs.values())


IMPACT = "punte policy impact {pack} --json > impact.json || echo impact ended with $?"


def wider(folder: Path) -> Path:
    """A pack in which child protection learns one group more of a risk."""
    shutil.copytree(POLICIES, folder / "wider")
    path = folder / "wider" / "matrix.toml"
    text = path.read_text("utf-8")
    assert "give = [1, 6, 9, 13, 26]" in text
    path.write_text(text.replace("give = [1, 6, 9, 13, 26]", "give = [1, 6, 9, 13, 26, 28]", 1), "utf-8")
    return folder / "wider"


def test_a_kept_run_is_asked_as_it_says(runs: dict[str, Ran]) -> None:
    """What it prints, typed: its Kafka is up again, and the way of its alert is told with all steps.

    And what another policy would have changed of the eight decisions: one unit gains one field in two events.
    """
    run = runs["text"]
    alert = re.findall(r"^7\. .*  event (\S+)$", run.out, re.MULTILINE)[0]
    *before, last = re.findall(r"^  (\S.*)$", run.err, re.MULTILINE)
    typed = "\n".join([*before, IMPACT.format(pack=wider(run.folder)), last]).replace("EVENT_ID", alert)
    done = subprocess.run(
        ["bash", "-ec", typed], cwd=run.folder, env=run.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    way = done.stdout.partition("Event ")[2].partition("Event ")[0]
    assert re.findall(r"(?:├─|└─) (\w+)", way)[:3] == ["admission", "fence", "decision"]
    releases = way.split("release ")[1:]
    assert len(releases) == len(STORY[6])
    for release in releases:
        assert re.findall(r"(?:├─|└─) ([a-z ]+):", release)[:4] == ["slice", "second check", "commit", "delivery"]
    assert "stopped the broker" in done.stdout
    impact = json.loads((run.folder / "impact.json").read_text("utf-8"))
    assert "impact ended with 3" in done.stdout
    assert (impact["decisions"], impact["by_other_policies"]) == (8, 0)
    gains = {(one["role"], one["path"]): (one["sure"], one["maybe"]) for one in impact["impacts"]}
    assert gains == {("CHILD", "relationship"): (2, 0)}


def test_no_process_of_a_run_is_left(runs: dict[str, Ran]) -> None:
    """Neither broker, guard, connector nor part of the hub still carries the mark of the run."""
    marks = {f"PUNTE_TEST_MARK={run.mark}".encode() for run in runs.values()}
    left = []
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "environ").read_bytes().split(b"\0") if folder.name.isdigit() else []
        except OSError:
            continue
        left += [folder.name] if marks & set(words) else []
    assert left == []


def test_the_port_of_a_run_is_closed(runs: dict[str, Ran]) -> None:
    """Nobody answers where the broker was."""
    host, _, port = json.loads(runs["json"].out)["kafka"].partition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=2)
