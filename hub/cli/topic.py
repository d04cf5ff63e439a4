"""`punte topic plan|apply`: the topics and access rights of a federation.

Rule kept: the plan is a pure function of the federation file; apply creates what is missing and changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.progress import say
from hub.contracts import topics
from hub.contracts.federation import Federation, FederationRefused, parse_federation
from hub.errors import Exit, PunteError
from hub.registry.federation import lanes, parties
from hub.settings import Settings

app = typer.Typer(rich_markup_mode=None)
FederationFile = Annotated[Path, typer.Option("--federation", help="The federation file (TOML).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read_federation(path: Path) -> Federation:
    """The federation in a file, or a refusal that names every fault."""
    try:
        return parse_federation(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise PunteError("usage", f"`{path.name}` cannot be read", "name a federation file") from None
    except FederationRefused as refused:
        raise PunteError("federation_refused", f"`{path.name}`: {refused}") from None


@app.command()
def plan(federation: FederationFile, as_json: AsJson = False) -> int:
    """Print every topic and every access right a real broker needs."""
    found = read_federation(federation)
    specs = topics.plan(parties(found), lanes(found))
    acls = [*topics.hub_acls(lanes(found)), *(acl for party in parties(found) for acl in topics.unit_acls(party))]
    if as_json:
        listed = [{**asdict(spec), "config": spec.config()} for spec in specs]
        print(json.dumps({"topics": listed, "acls": [asdict(acl) for acl in acls]}))
        return Exit.DONE
    for spec in specs:
        settings = " ".join(f"{key}={value}" for key, value in spec.config().items())
        print(f"topic  {spec.name:44} partitions {spec.partitions}  {settings}")
    for acl in acls:
        print(f"allow  {acl.principal:20} {acl.operation:9} {acl.resource:16} {acl.name}")
    print(f"{len(specs)} topics, {len(acls)} access rights; the embedded broker has no access rights at all")
    return Exit.DONE


@app.command()
def apply(
    federation: FederationFile,
    replication: Annotated[int, typer.Option(min=1, help="Copies of each partition; 3 on a real cluster.")] = 1,
    as_json: AsJson = False,
) -> int:
    """Create the topics that are missing."""
    from aiokafka.errors import KafkaConnectionError

    from hub.registry.topics.kafka import compare, create
    from hub.telemetry.logs import configure_logs

    configure_logs("ERROR")
    found, settings = read_federation(federation), Settings()
    specs = topics.plan(parties(found), lanes(found))

    async def work() -> tuple[int, tuple[str, ...]]:
        say(f"asking Kafka which of {len(specs)} topics it has")
        difference = await compare(settings.kafka(), specs)
        say(f"creating {len(difference.missing)} topics")
        await create(settings.kafka(), difference.missing, replication)
        return len(difference.missing), difference.other_partitions

    try:
        created, other = asyncio.run(work())
    except KafkaConnectionError:
        raise PunteError("kafka_unreachable", f"no Kafka answers at `{settings.kafka_bootstrap}`") from None
    if as_json:
        print(json.dumps({"created": created, "existing": len(specs) - created, "other_partitions": list(other)}))
    else:
        print(f"created {created} of {len(specs)} topics")
        for name in other:
            print(f"other number of partitions than planned: {name}")
    return Exit.FINDINGS if other else Exit.DONE
