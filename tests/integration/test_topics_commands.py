"""`punte topic plan|apply`: the plan says every topic and right; applying it twice changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from hub.contracts.topics import TopicSpec
from hub.registry.topics.kafka import create

CLUJ = Path(__file__).parents[2] / "deploy/federation/cluj.toml"
AGREEMENT = """
[[organisation]]
code = "o00001"
label = "Organizație de probă"

[[unit]]
code = "{code}"
label = "Unitate de probă"
organisation = "o00001"
role = "POL-D"
purposes = ["P1"]
area = [127]
lanes = ["case"]

[[agreement]]
unit = "{code}"
publishes = ["incident.reported"]
subscribes = ["incident.reported:P1"]
obligations = ["read_committed"]
from = 2026-01-01T00:00:00Z
until = 2031-01-01T00:00:00Z
"""


def punte(*words: str, bootstrap: str = "127.0.0.1:1") -> subprocess.CompletedProcess[str]:
    """One command; without a broker unless one is named."""
    environment = {**os.environ, "PUNTE_KAFKA_BOOTSTRAP": bootstrap}
    command = [sys.executable, "-m", "hub", "topic", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def planned() -> Mapping[str, Any]:
    """The plan of the pilot."""
    found: dict[str, Any] = json.loads(punte("plan", "--federation", str(CLUJ), "--json").stdout)
    return found


@pytest.fixture
def federation(tmp_path: Path) -> tuple[str, Path]:
    """A federation of one unit, and its file."""
    code = f"u{uuid.uuid4().hex[:5]}"
    file = tmp_path / "one.toml"
    file.write_text(AGREEMENT.format(code=code), "utf-8")
    return code, file


def rights(planned: Mapping[str, Any], principal: str, operation: str) -> list[str]:
    """The topic patterns a principal has a right to."""
    return [
        acl["name"]
        for acl in planned["acls"]
        if (acl["principal"], acl["operation"], acl["resource"]) == (f"User:{principal}", operation, "Topic")
    ]


def may(planned: Mapping[str, Any], principal: str, operation: str) -> set[str]:
    """The planned topics a principal may read or write."""
    patterns = rights(planned, principal, operation)
    return {t["name"] for t in planned["topics"] if any(fnmatchcase(t["name"], pattern) for pattern in patterns)}


def test_a_unit_reads_and_writes_its_own_topics_alone(planned: Mapping[str, Any]) -> None:
    """For every unit of the pilot: its inboxes to write and read, its releases and receipts to read, nothing else."""
    units = {acl["principal"].removeprefix("User:") for acl in planned["acls"] if acl["principal"].startswith("User:u")}
    assert len(units) == 21
    for unit in units:
        written, read = may(planned, unit, "Write"), may(planned, unit, "Read")
        assert all(name.startswith("inbox.") and name.endswith(f".{unit}") for name in written)
        assert all(name.startswith(("release.", "receipt.", "inbox.")) and f".{unit}" in name for name in read)


HUB = {
    "punte-ingress": (
        {"inbox.case.upggvz", "inbox.alert.ur04xc", "register"},
        {"admitted.case", "receipt.case.upggvz", "quarantine.case", "audit.attempt.alert"},
    ),
    "punte-gateway": (
        {"admitted.case", "seen.case", "register", "audit.policy"},
        {"seen.alert", "release.case.uj9kpj.p6", "receipt.case.upggvz", "quarantine.case", "audit.decision.case"}
        | {"audit.attempt.case", "audit.policy"},
    ),
    "punte-registry": (
        {"register", "admitted.case", "audit.decision.alert", "audit.register"},
        {"register", "audit.register"},
    ),
}
"""What each part of the hub at least reads and writes (contract.md section 2)."""


@pytest.mark.parametrize("principal", HUB)
def test_the_hub_can_do_its_work_with_the_rights_printed(planned: Mapping[str, Any], principal: str) -> None:
    """On a broker that enforces the plan every part can read and write what it must."""
    read, written = HUB[principal]
    assert read - may(planned, principal, "Read") == set()
    assert written - may(planned, principal, "Write") == set()
    assert [acl for acl in planned["acls"] if acl["principal"] == f"User:{principal}" and acl["resource"] == "Group"]


def test_no_part_of_the_hub_may_do_anothers_work(planned: Mapping[str, Any]) -> None:
    """Only the gateway writes releases, only the registry writes the register, only units write inboxes."""
    writers = {name: {p for p in HUB if name in may(planned, p, "Write")} for name in _all(planned)}
    assert {frozenset(who) for name, who in writers.items() if name.startswith("release.")} == {
        frozenset({"punte-gateway"})
    }
    assert writers["register"] == {"punte-registry"}
    assert {frozenset(who) for name, who in writers.items() if name.startswith("inbox.")} == {frozenset()}
    assert may(planned, "punte-ingress", "Read") & {"admitted.case", "audit.decision.case"} == set()


def _all(planned: Mapping[str, Any]) -> list[str]:
    return [topic["name"] for topic in planned["topics"]]


def test_the_text_of_the_plan_says_what_the_embedded_broker_lacks() -> None:
    """A person reads topics, rights, and that none of the rights holds on the embedded broker."""
    text = punte("plan", "--federation", str(CLUJ)).stdout
    assert "topic  inbox.case.upggvz" in text
    assert "allow  User:upggvz" in text
    assert "the embedded broker has no access rights at all" in text


@pytest.mark.kafka
def test_applying_twice_changes_nothing(kafka: str, federation: tuple[str, Path]) -> None:
    """The second time nothing is created, and the status is the same."""
    words = ("apply", "--federation", str(federation[1]), "--json")
    first, second = (json.loads(punte(*words, bootstrap=kafka).stdout) for _ in range(2))
    assert first["created"] >= 3
    assert second["created"] == 0
    assert second["existing"] == first["created"] + first["existing"]


@pytest.mark.kafka
async def test_a_topic_with_other_partitions_is_named_and_left_alone(kafka: str, federation: tuple[str, Path]) -> None:
    """Status 3: changing the number of partitions would break the order, so a person decides."""
    code, file = federation
    await create({"bootstrap_servers": kafka}, [TopicSpec(f"inbox.case.{code}", 3, -1)], 1)
    done = punte("apply", "--federation", str(file), bootstrap=kafka)
    assert done.returncode == 3
    assert f"other number of partitions than planned: inbox.case.{code}" in done.stdout


def test_without_a_broker_there_is_a_sentence(federation: tuple[str, Path]) -> None:
    """Nobody answers: status 1, what happened, what to do."""
    done = punte("apply", "--federation", str(federation[1]))
    assert done.returncode == 1
    assert done.stderr.startswith("error: no Kafka answers at `127.0.0.1:1`")
    assert "hint: " in done.stderr


def test_a_faulty_federation_names_every_fault(tmp_path: Path) -> None:
    """Status 3, and the entries at fault."""
    file = tmp_path / "faulty.toml"
    file.write_text(AGREEMENT.format(code="u00000").replace("POL-D", "POL-X").replace("P1", "P99"), "utf-8")
    done = punte("plan", "--federation", str(file))
    assert done.returncode == 3
    assert "POL-X" in done.stderr
    assert "P99" in done.stderr
