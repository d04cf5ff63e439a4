"""`punte doctor` on a real Kafka: a stopped broker, a missing topic, a wrong key file, a lagging fold; the bundle."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from consent.terms import Lane
from hub import assemble
from hub.contracts import topics
from hub.contracts.keys import secret_text
from hub.errors import Exit
from hub.registry.federation import Signed, federation_records
from tests.support.hub import LANES, PEOPLE, Hub, in_process, own_federation, prepared
from tests.support.published import faults

CANARY = "canary0123456789"


@pytest.fixture(scope="module")
async def hub(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """A hub with topics and register; nothing of it runs."""
    async with prepared(kafka, tmp_path_factory.mktemp("doctor")) as made:
        yield made


def examined(hub: Hub, *words: str, **other: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and findings of `punte doctor --json`: five seconds, twice that where two runs share a machine."""
    command = [sys.executable, "-m", "hub", "doctor", "--json", *words]
    done = subprocess.run(command, env=hub.environment | other, capture_output=True, timeout=10, check=False)
    told = json.loads(done.stdout)
    assert faults("doctor.v1", told) == []
    assert all(bool(one["remedy"]) is (one["grade"] != "ok") for one in told["findings"])
    assert done.stderr == b""
    return done.returncode, told["findings"]


def of(found: list[dict[str, Any]], check: str) -> list[dict[str, Any]]:
    """The findings of one check."""
    return [one for one in found if one["check"] == check]


def waiting(found: list[dict[str, Any]], stage: str) -> int:
    """How many records wait at a stage."""
    (told,) = (one for one in of(found, "lanes") if one["sentence"].startswith(f"{stage}:"))
    number = re.search(r": (\d+) records wait", told["sentence"])
    return int(number[1]) if number else 0


def test_a_stopped_broker_is_found(hub: Hub) -> None:
    """Nobody listens on the port: one check fails, with how to start a broker; the others say they did not look."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        status, found = examined(hub, PUNTE_KAFKA_BOOTSTRAP=f"127.0.0.1:{free.getsockname()[1]}")
    assert status == Exit.FINDINGS
    assert [(one["check"], one["code"]) for one in found if one["grade"] == "fail"] == [("kafka", "kafka_unreachable")]
    assert "punte broker up" in of(found, "kafka")[0]["remedy"]


def test_a_broker_that_never_answers_is_found_in_time(hub: Hub) -> None:
    """A port that takes connections and says nothing costs no more than the five seconds."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        status, found = examined(hub, PUNTE_KAFKA_BOOTSTRAP=f"127.0.0.1:{mute.getsockname()[1]}")
    assert status == Exit.FINDINGS
    assert of(found, "kafka")[0]["code"] in {"kafka_late", "kafka_unreachable"}


def test_another_key_file_is_found(hub: Hub, tmp_path: Path) -> None:
    """A secret file that the register was not loaded with; with the right one the check is ok."""
    other = tmp_path / "other.json"
    other.touch(0o600)
    other.write_text(secret_text(1, bytes(range(2, 34))))
    status, found = examined(hub, PUNTE_SECRET_FILE=str(other))
    assert status == Exit.FINDINGS
    assert [one["code"] for one in of(found, "keycheck")] == ["keycheck_differs"]
    assert "PUNTE_SECRET_FILE" in of(found, "keycheck")[0]["remedy"]
    _, found = examined(hub)
    assert [one["code"] for check in ("secret", "keycheck", "active", "policy") for one in of(found, check)] == [
        "ok"
    ] * 4


async def test_missing_topics_are_found(hub: Hub) -> None:
    """Units come into the register whose topics nobody made: they are counted by lane and kind."""

    def missing() -> int:
        told = [one["sentence"] for one in of(examined(hub)[1], "topics") if one["code"] == "topic_missing"]
        number = re.search(r"case release (\d+)", told[0]) if told else None
        return int(number[1]) if number else 0

    before, federation = missing(), own_federation()
    records = federation_records(federation, hub.parts.catalogue.ids, Signed(assemble.now_ms(), PEOPLE))
    await hub.put(*records)
    status, found = examined(hub)
    try:
        assert status == Exit.FINDINGS
        wanted = sum(len(unit.purposes) for unit in federation.units if Lane.CASE in unit.lanes)
        assert missing() == before + wanted
        assert any("punte topic apply" in one["remedy"] for one in of(found, "topics"))
    finally:
        await hub.put(*({**record, "state": "closed"} for record in records if record["kind"] == "unit"))


async def test_a_lagging_fold_is_found(hub: Hub) -> None:
    """Three records lie behind the committed offset of a group that nobody is in."""
    before = waiting(examined(hub)[1], "ingress of lane case")
    event = hub.event("incident.reported")
    for _ in range(4):
        await hub.publish(event)
    inbox = TopicPartition(topics.inbox(Lane.CASE, event.source), 0)
    async with AIOKafkaConsumer(**hub.parts.options, group_id="ingress.case", enable_auto_commit=False) as taker:
        taker.assign([inbox])
        await taker.commit({inbox: 1})
    status, found = examined(hub)
    assert status == Exit.FINDINGS
    assert waiting(found, "ingress of lane case") == before + 3
    (told,) = (one for one in of(found, "lanes") if one["sentence"].startswith("ingress of lane case:"))
    assert (told["grade"], told["code"]) == ("fail", "fold_lagging")
    assert "punte run all --lane case" in told["remedy"]


async def test_a_bundle_holds_no_secret_and_nothing_of_a_record(hub: Hub, tmp_path: Path) -> None:
    """Neither the secret, the password, the login, a path nor a canary of a record; a bundle is never overwritten."""
    password, file = tmp_path / "password", tmp_path / "bundle.tar.gz"
    password.write_text(CANARY)
    await hub.publish(hub.event("incident.reported"), extra=[("x", CANARY.encode())], key=CANARY.encode())
    other = {"PUNTE_KAFKA_SASL_PASSWORD_FILE": str(password), "PUNTE_KAFKA_SASL_USERNAME": CANARY}
    examined(hub, "--bundle", str(file), **other)
    with tarfile.open(file) as archive:
        members = {name: archive.extractfile(name) for name in archive.getnames()}
        told = {name: member.read() for name, member in members.items() if member is not None}
    assert set(told) == {"findings.json", "versions.json", "settings.json", "topics.json"}
    assert json.loads(told["topics.json"])["register"] == 1
    assert json.loads(told["settings.json"])["kafka_bootstrap"] == hub.environment["PUNTE_KAFKA_BOOTSTRAP"]
    secret = json.loads(secret_text(1, bytes(range(1, 33))))["secret"]
    for word in (CANARY, secret, str(tmp_path), hub.environment["PUNTE_SECRET_FILE"]):
        assert word.encode() not in b"".join(told.values())
    assert file.stat().st_mode & 0o777 == 0o600
    again = hub.command("doctor", "--bundle", str(file))
    assert again.returncode == Exit.USAGE


async def test_a_hub_at_work_is_well(hub: Hub) -> None:
    """Every stage of the lanes that run is ok, and the register is in its audit copy."""
    async with in_process(hub):
        found = (await hub.ask("doctor", "--json")).stdout
    told = [one for one in json.loads(found)["findings"] if one["check"] == "lanes"]
    ours = [one for one in told if any(f"lane {lane}:" in one["sentence"] for lane in LANES)]
    assert len(ours) == 2 * len(LANES)
    assert {one["code"] for one in ours} == {"ok"}
