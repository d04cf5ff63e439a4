"""`punte trace`: the way of an event from admission to each release, step by step with times, for the auditor.

Rules kept: told from the records alone, so it works for every event; the question is recorded before it is answered;
ids, codes, digests, positions and moments, never a value. The object of `--json` is `schemas/cli/trace.v1.json`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from consent.messages import Language
from hub.cli.why import UUID, make_trail
from hub.errors import Exit, PunteError
from hub.settings import Settings
from hub.views.questions import Audience, AudienceKind, audience
from hub.views.steps import as_json as told_json
from hub.views.steps import lines
from hub.views.way import Passage, way

AS_HELP = "auditor, the only audience that may follow an event over all units."
STATUS = "Status 0: told; 1: unknown; 6: admitted, but not decided yet."
EventId = Annotated[str, typer.Argument(metavar="EVENT_ID", help=f"A UUID: `ce_id` of the event. {STATUS}")]
AsWhom = Annotated[str, typer.Option("--as", help=AS_HELP)]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the sentences.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def main(event_id: EventId, as_whom: AsWhom = "auditor", lang: Lang = Language.EN, as_json: AsJson = False) -> int:
    """Show admission, fence, decision, and of each release slice, second check, commit and delivery."""
    who, asked = audience(as_whom), event_id.lower()
    if who is None or who.kind is not AudienceKind.AUDITOR:
        raise PunteError("usage", "only the auditor may follow an event over all units", "use `--as auditor`")
    if not UUID.fullmatch(asked):
        raise PunteError("usage", "the id is not a UUID", "give the `ce_id` of an event")
    told = asyncio.run(ask(Settings(), who, asked))
    print(
        json.dumps(told_json(asked, told, lang), ensure_ascii=False) if as_json else "\n".join(lines(asked, told, lang))
    )
    return status(told)


def status(told: Sequence[Passage]) -> Exit:
    """The exit status of an answer."""
    if not told:
        return Exit.FAILED
    return Exit.UNDECIDED if any(passage.verdict == "undecided" for passage in told) else Exit.DONE


async def ask(settings: Settings, who: Audience, asked: str) -> tuple[Passage, ...]:
    """Read, record the question, answer."""
    from aiokafka.errors import KafkaConnectionError

    from hub.assemble import record_codec
    from hub.contracts.files import load_catalogue
    from hub.views.kafka import read_tracks, read_trail, record_question
    from hub.views.way import Tracks, wanted

    catalogue = load_catalogue()
    trail = make_trail(catalogue, asked)
    receipt, quarantine, delivery = (
        record_codec(catalogue, f"audit.{name}") for name in ("receipt", "quarantine", "delivery")
    )
    tracks = Tracks(asked, receipt, quarantine, delivery)
    try:
        await read_trail(settings.kafka(), trail)
        await read_tracks(settings.kafka(), wanted(trail), tracks)
        now = time.time_ns() // 1_000_000
        await record_question(settings.kafka(), trail.codecs.attempt, trail, str(who), now)
    except KafkaConnectionError:
        raise PunteError("kafka_unreachable", f"no Kafka answers at `{settings.kafka_bootstrap}`") from None
    return way(trail, tracks)
