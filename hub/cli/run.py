"""`punte run admit|gateway|registry|all`: the parts of the hub, each a process, and a supervisor for all of them.

Rule kept: a process that may not work (policy refused, wrong keys, topics missing) says why and ends; SIGTERM drains.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer

from consent.errors import PolicyRefused
from consent.terms import Lane
from hub.errors import PunteError
from hub.settings import Settings

app = typer.Typer(rich_markup_mode=None)
OneLane = Annotated[Lane, typer.Option("--lane", help="alert, case or bulk: one process per lane.")]
Lanes = Annotated[list[Lane] | None, typer.Option("--lane", help="Only these lanes; else all three.")]


@app.command()
def admit(lane: OneLane) -> None:
    """Admit what units write to their inboxes."""
    from hub.assemble import run_admission

    _run(lambda parts: run_admission(parts, lane, _ready))


@app.command()
def gateway(lane: OneLane) -> None:
    """Decide and release what was admitted."""
    from hub.assemble import run_gateway

    _run(lambda parts: run_gateway(parts, lane, _ready))


@app.command()
def registry(lane: Lanes = None) -> None:
    """Copy register changes to the audit, begin the relations that events begin."""
    from hub.assemble import run_registry

    _run(lambda parts: run_registry(parts, tuple(lane or Lane), _ready))


@app.command("all")
def everything(lane: Lanes = None) -> int:
    """Run every part as a child process until Ctrl-C.

    With PUNTE_HEALTH_PORT the parts answer there and on the ports after it: admission and gateway of each lane in
    their order, then the registry.
    """
    from hub.supervise.life.process import on_signal
    from hub.supervise.process import Supervisor, parts_of
    from hub.telemetry.logs import configure_logs

    settings = Settings()
    configure_logs(settings.log_level)
    parts = parts_of(lane or list(Lane), settings.health_port)

    async def supervise() -> int:
        supervisor = Supervisor(parts, os.environ, tell)
        on_signal(supervisor.stop)
        return await supervisor.run()

    return asyncio.run(supervise())


def tell(code: str, part: str) -> None:
    """Log what happens to a part; one that refuses while the others run on is an alarm."""
    from hub.supervise.process import PART_REFUSED
    from hub.telemetry.logs import get_log

    log = get_log(__name__)
    if code == PART_REFUSED:
        log.error("alarm", code=code, step=part)
    else:
        log.info("part", code=code, step=part)


def _ready() -> None:
    print("ready", flush=True)


def _run(work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Settings, keys and catalogue, then the work; library faults become sentences."""
    from aiokafka.errors import KafkaConnectionError, ProducerFenced

    from hub.assemble import parts
    from hub.telemetry.logs import configure_logs

    settings = Settings()
    configure_logs(settings.log_level)
    try:
        asyncio.run(work(parts(settings)))
    except KafkaConnectionError:
        raise PunteError("kafka_unreachable", f"no Kafka answers at `{settings.kafka_bootstrap}`") from None
    except ProducerFenced:
        raise PunteError("gateway_fenced", "Kafka refuses the transactions of this process") from None
    except PolicyRefused as refused:
        raise _refused(refused) from None


def _refused(refused: PolicyRefused) -> PunteError:
    """Every finding with its remedy, which names the rows: nobody has to ask again."""
    sentences = "; ".join(f"{finding.kind.value}: {finding.sentence}" for finding in refused.findings)
    remedies = "; ".join(dict.fromkeys(finding.remedy for finding in refused.findings))
    return PunteError("policy_refused", sentences, f"{remedies} (see `punte policy prove`)")
