"""`punte event`: a record out of a file is checked without a hub, and published with its receipt awaited."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Final

import pytest

from hub.errors import Exit
from tests.scenarios.conftest import ROOT, Operator

pytestmark = pytest.mark.kafka
EXAMPLES: Final = ROOT / "schemas/examples/incident.reported"
DISPATCH, PATROL = "upggvz", "ux3joc"


def asked(punte: Operator, verb: str, file: Path, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit status and object of a command about an incident."""
    done = punte.punte("event", verb, str(file), "--type", "incident.reported", "--json", *more)
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def incident(tmp_path: Path) -> Path:
    """The incident of the README, which names units of the pilot."""
    return Path(shutil.copy(ROOT / "deploy/federation/incident.json", tmp_path))


def test_an_event_crosses_and_its_repeat_is_told(hub: Operator, incident: Path) -> None:
    """Admitted with a receipt, received by the patrol it names, and the same id again has no second effect."""
    event_id = str(uuid.uuid4())
    envelope = ("--unit", DISPATCH, "--case", f"C-{event_id[:8]}", "--id", event_id)
    assert asked(hub, "submit", incident, *envelope)[1]["verdict"] == "admitted"
    assert asked(hub, "submit", incident, *envelope)[1]["verdict"] in {"duplicate", "refused"}
    told = hub.punte("why", event_id, "--as", "auditor", "--json")
    assert PATROL in told.stdout


def test_a_refusal_names_code_path_and_remedy(hub: Operator) -> None:
    """The example names units the pilot does not have: refused by admission, told by the receipt."""
    status, told = asked(hub, "submit", EXAMPLES / "valid-minimal.json", "--unit", DISPATCH, "--case", "C-1")
    assert (status, told["verdict"], told["code"]) == (Exit.FINDINGS, "refused", "unit_unknown")
    assert told["remedy"]


def test_an_unknown_unit_has_no_inbox(operator: Operator, incident: Path) -> None:
    """A usage error with a remedy, and nothing is written."""
    words = ("--type", "incident.reported", "--unit", "uzzzzz", "--case", "C-1")
    done: subprocess.CompletedProcess[str] = operator.punte("event", "submit", str(incident), *words)
    assert (done.returncode, "no inbox" in done.stderr, "topic plan" in done.stderr) == (Exit.USAGE, True, True)


def test_a_faulty_record_is_found_without_a_hub(operator: Operator, incident: Path) -> None:
    """Code and path, no value; `valid` for the right one."""
    nowhere = Operator(operator.environment | {"PUNTE_KAFKA_BOOTSTRAP": "127.0.0.1:9"})
    assert asked(nowhere, "validate", incident) == (Exit.DONE, {"verdict": "valid", "remedy": None})
    incident.write_text(json.dumps(json.loads(incident.read_text("utf-8")) | {"siruta": 777}), "utf-8")
    status, told = asked(nowhere, "validate", incident)
    assert (status, told["code"], told["path"]) == (Exit.FINDINGS, "bound", "siruta")
    assert "777" not in json.dumps(told)


def test_a_shell_is_offered_the_units_of_the_register(operator: Operator) -> None:
    """`--unit ux3` becomes the one code that begins so."""
    asked = {"_PUNTE_COMPLETE": "complete_bash", "COMP_WORDS": "punte event submit --unit ux3", "COMP_CWORD": "4"}
    command = [sys.executable, "-c", "import sys; sys.argv = ['punte']; from hub.__main__ import main; main()"]
    done = subprocess.run(command, env=operator.environment | asked, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == ([PATROL], "")
