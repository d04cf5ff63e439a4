"""What the commands that need a hub print with `--json` fits the schemas in `schemas/cli`, line by line."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from hub.errors import Exit
from tests.scenarios.conftest import CLUJ, ROOT, Operator
from tests.support.published import faults

pytestmark = pytest.mark.kafka
DISPATCH, PATROL = "upggvz", "ux3joc"
INCIDENT = str(ROOT / "deploy/federation/incident.json")
STARTING = (str(CLUJ), "--by", "p-1", "--by", "p-2")


def printed(hub: Operator, schema: str, *words: str, status: int = Exit.DONE) -> list[Mapping[str, Any]]:
    """The objects a command prints, each of which fits the schema, and nothing beside them."""
    done = hub.punte(*words, "--json")
    assert done.returncode == status, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told
    assert [fault for each in told for fault in faults(f"{schema}.v1", each)] == []
    return told


@pytest.fixture(scope="module")
def event(hub: Operator) -> str:
    """The id of an event that has crossed."""
    words = ("event", "submit", INCIDENT, "--type", "incident.reported", "--unit", DISPATCH, "--case", "C-1")
    (told,) = printed(hub, "event", *words)
    return str(told["event"])


def test_what_crossed_is_told_by_its_schemas(hub: Operator, event: str) -> None:
    """The answers of `why` to auditor, unit and whoever may not know, and the release."""
    (all_of_it,) = printed(hub, "why", "why", event, "--as", "auditor")
    assert len([answer for told in all_of_it["events"] for answer in told["answers"] if answer["release"]]) >= 3
    printed(hub, "why", "why", event, "--as", f"unit:{PATROL}")
    printed(hub, "why", "why", str(uuid.uuid4()), "--as", f"unit:{PATROL}", status=Exit.WITHHELD)
    printed(hub, "release-tail", "release", "tail", "--unit", PATROL, "--purpose", "P1")


def test_what_an_operator_does_is_told_by_its_schemas(hub: Operator) -> None:
    """Topics that exist, a register that says the same, its records, and a unit that is not there."""
    printed(hub, "topic-apply", "topic", "apply", "--federation", str(CLUJ))
    printed(hub, "register", "register", "load", *STARTING)
    kinds = {told["kind"] for told in printed(hub, "register-list", "register", "list")}
    assert {"unit", "agreement", "matrix", "keycheck"} <= kinds
    nobody = ("release", "tail", "--unit", "uzzzzz", "--purpose", "P1")
    printed(hub, "error", *nobody, status=Exit.USAGE)
