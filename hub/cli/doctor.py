"""`punte doctor`: whether this machine can run a hub, each check with its remedy, within five seconds.

Rules kept: every check is told, also when what it needs is not there; status 3 when one fails; a bundle is made by an
allow-list alone.
"""

from __future__ import annotations

import asyncio
import json
import platform
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from consent.errors import PolicyRefused
from consent.terms import Profile
from hub.doctor.bundle import bundle
from hub.doctor.checks import NOT_CHECKED, Facts, Finding, Grade, Register, Unknown, findings, register_of
from hub.doctor.checks import as_json as told
from hub.doctor.files import write_bundle
from hub.doctor.kafka import Codecs, KafkaFacts, gather
from hub.doctor.quarantine.kafka import EntryCodecs
from hub.errors import ERRORS, Exit, PunteError
from hub.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Bundle = Annotated[
    Path | None,
    typer.Option(help="Also write the findings, versions, settings (no path, login or key) and topics to a .tar.gz."),
]
MARKS = {Grade.OK: "ok  ", Grade.WARN: "warn", Grade.FAIL: "FAIL"}
GONE = Unknown("not_checked", "not checked: the settings are faulty", grade=Grade.WARN)
PACKAGES = ("punte", "aiokafka", "faststream", "fastavro", "pydantic")


def main(as_json: AsJson = False, bundle: Bundle = None) -> int:
    """Check settings, secret file, policy, Kafka, topics, register and lanes; tell what to do about each."""
    from hub.telemetry.logs import configure_logs

    configure_logs("CRITICAL")
    settings, facts = examine()
    found = findings(facts, {code: row.remedy for code, row in ERRORS.items()})
    if bundle is not None:
        _write(bundle, found, settings, facts)
    print(json.dumps(told(found)) if as_json else "\n".join(_lines(found)))
    return Exit.FINDINGS if any(finding.grade is Grade.FAIL for finding in found) else Exit.DONE


def examine() -> tuple[Settings | None, Facts]:
    """Settings (None when they are faulty) and everything the checks look at."""
    try:
        settings = Settings()
    except ValidationError as fault:
        names = ", ".join(sorted({f"PUNTE_{error['loc'][0]}".upper() for error in fault.errors()}))
        why = Unknown("settings_faulty", f"faulty: {names}")
        return None, Facts(why, Profile.PRODUCTION, GONE, GONE, GONE, GONE, GONE, GONE, GONE, GONE, GONE)
    return settings, asyncio.run(_facts(settings))


async def _facts(settings: Settings) -> Facts:
    """What this machine has, in a thread, while Kafka is asked."""
    known: bool | Unknown = "kafka_bootstrap" in settings.model_fields_set
    try:
        asked = _kafka(settings.kafka())
    except OSError:
        known = Unknown("settings_faulty", "a file that PUNTE_KAFKA_... names cannot be read")
        keys, policy = _local(settings)
        return Facts(known, settings.profile, keys, policy, GONE, GONE, GONE, GONE, GONE, GONE, _sealed(settings))
    (keys, policy), kafka = await asyncio.gather(asyncio.to_thread(_local, settings), asked)
    told = kafka.topics, kafka.register, kafka.moments, kafka.uncopied, kafka.parked, kafka.quarantined
    return Facts(known, settings.profile, keys, policy, *told, _sealed(settings))


def _sealed(settings: Settings) -> bool | Unknown:
    """Whether a key is there to seal entries of quarantine to."""
    try:
        return settings.sealer() is not None
    except PunteError as error:
        return Unknown(error.code, error.sentence, error.remedy)


def _local(settings: Settings) -> tuple[tuple[str, str] | Unknown, tuple[str, ...] | Unknown]:
    """Key check of the secret file, digests of the policy a gateway would start with now: in a roll-out of both."""
    from hub.assemble import deciding_policy, now_ms
    from hub.contracts.files import load_catalogue

    try:
        ring = settings.keys()
        keys: tuple[str, str] | Unknown = (str(ring.epoch), ring.check().decode())
    except PunteError as error:
        keys = Unknown(error.code, error.sentence, error.remedy)
    try:
        policy = deciding_policy(settings, load_catalogue(), now_ms())
        return keys, tuple(digest.hex() for digest in (policy.digest, *policy.versions))
    except PolicyRefused as refused:
        return keys, Unknown("policy_refused", f"{len(refused.findings)} findings")
    except PunteError:
        return keys, Unknown("policy_unreadable", "PUNTE_POLICIES names no policy pack")


async def _kafka(options: Mapping[str, Any]) -> KafkaFacts:
    from hub.assemble import now_ms, record_codec
    from hub.contracts.files import load_catalogue
    from hub.contracts.registers import KINDS, RegisterCodecs
    from hub.registry.kafka import read_register

    catalogue = load_catalogue()
    codecs = RegisterCodecs({kind: record_codec(catalogue, f"register.{kind}") for kind in KINDS})

    async def read() -> Register:
        changes = await read_register(options, codecs)
        return register_of({key: change.record for key, change in changes.items() if change.record is not None})

    copies, entries, attempts = (record_codec(catalogue, f"audit.{n}") for n in ("register", "quarantine", "attempt"))
    read_by = Codecs(copies, EntryCodecs(entries, attempts))
    return await gather(options, read, read_by, now_ms)


def _lines(found: list[Finding]) -> list[str]:
    """One line a finding, its remedy below; then the verdict."""
    lines = []
    for finding in found:
        lines.append(f"{MARKS[finding.grade]}  {finding.check:9} {finding.sentence}")
        if finding.remedy and finding.code != NOT_CHECKED[1]:
            lines.append(f"{'':16}{finding.code}: {finding.remedy}")
    counts = {grade: sum(finding.grade is grade for finding in found) for grade in Grade}
    return [*lines, ", ".join(f"{grade} {count}" for grade, count in counts.items())]


def _write(path: Path, found: list[Finding], settings: Settings | None, facts: Facts) -> None:
    versions = {name: version(name) for name in PACKAGES} | {"python": platform.python_version()}
    versions["made"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    values = settings.model_dump() if settings else {}
    topics = None if isinstance(facts.topics, Unknown) else facts.topics
    write_bundle(path, bundle(told(found), versions, values, topics))
