"""`punte why`: who received what of an event or a release, on which law, and why not more.

Rules kept: the question is recorded before it is answered; a unit that may not know gets the answer of an event that
does not exist, byte for byte, and the same exit status.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consent.compile import Policy
from consent.errors import PolicyRefused
from consent.messages import Language
from hub.cli.progress import say
from hub.errors import Exit, PunteError
from hub.settings import Settings
from hub.views.questions import Audience, AudienceKind, Why, audience, why
from hub.views.tell import as_json as told_json
from hub.views.tell import lines

if TYPE_CHECKING:
    from hub.views.project import Trail

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
AS_HELP = (
    "auditor (all), dpo:ORGANISATION (decisions about its units), dpo:UNIT (about that unit alone) or unit:UNIT (its "
    "own releases). Status 0: told, also when "
    "all was withheld; 1: unknown; 6: told without fields, the policy of the decision is not at hand. As a unit, "
    "unknown and withheld give the same bytes and both end with status 5."
)
EventOrRelease = Annotated[str, typer.Argument(metavar="EVENT_ID|RELEASE_ID", help="A UUID: `ce_id` of either.")]
AsWhom = Annotated[str, typer.Option("--as", help=AS_HELP)]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the sentences.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def main(event_or_release: EventOrRelease, as_whom: AsWhom, lang: Lang = Language.EN, as_json: AsJson = False) -> int:
    """Tell why a unit received what it received, and why not more."""
    who, asked = _who(as_whom), event_or_release.lower()
    if not UUID.fullmatch(asked):
        raise PunteError("usage", "the id is not a UUID", "give the `ce_id` of an event or of a release")
    say("reading the audit and the register")
    told = asyncio.run(ask(Settings(), who, asked))
    print(json.dumps(told_json(told, lang), ensure_ascii=False) if as_json else "\n".join(lines(told, lang)))
    return status(told)


def status(told: Why) -> Exit:
    """The exit status of an answer."""
    if not told.known:
        return Exit.WITHHELD if told.audience.kind is AudienceKind.UNIT else Exit.FAILED
    return Exit.DONE if told.complete else Exit.UNDECIDED


def _who(text: str) -> Audience:
    found = audience(text)
    if found is None:
        remedy = "use `--as auditor`, `--as dpo:ORGANISATION`, `--as dpo:UNIT` or `--as unit:UNIT`"
        raise PunteError("usage", "nobody is called that", remedy)
    return found


async def ask(settings: Settings, who: Audience, asked: str) -> Why:
    """Read, record the question, answer. Policies are compiled whether or not the event is known: both take as long."""
    from aiokafka.errors import KafkaConnectionError

    from hub.contracts.files import load_catalogue
    from hub.views.kafka import read_trail, record_question

    catalogue = load_catalogue()
    trail = make_trail(catalogue, asked)
    try:
        await read_trail(settings.kafka(), trail)
        now = time.time_ns() // 1_000_000
        await record_question(settings.kafka(), trail.codecs.attempt, trail, str(who), now)
    except KafkaConnectionError:
        raise PunteError("kafka_unreachable", f"no Kafka answers at `{settings.kafka_bootstrap}`") from None
    return why(trail, who, _policies(settings, catalogue, trail), catalogue.types)


def make_trail(catalogue: Any, asked: str) -> Trail:
    """An empty trail of one id, with the codecs of the catalogue."""
    from hub.contracts.codec import RecordCodec, versioned
    from hub.contracts.registers import KINDS, RegisterCodecs
    from hub.views.project import Codecs, Trail

    def record(name: str) -> RecordCodec:
        return versioned(name, catalogue.ids, catalogue.schemas)

    decision, attempt, policy, change = (record(f"audit.{n}") for n in ("decision", "attempt", "policy", "register"))
    registers = RegisterCodecs({kind: record(f"register.{kind}") for kind in KINDS})
    return Trail(asked, Codecs(decision, attempt, policy, change, registers))


def _policies(settings: Settings, catalogue: Any, trail: Trail) -> Mapping[str, Policy]:
    """The policy at hand in every profile the hub was announced to run in; a profile that refuses it has none.

    In a roll-out that of the decision: one of the two versions, or both together.
    """
    from consent.terms import Profile
    from hub.assemble import known_policies

    decided = {decision.head["policyDigest"] for decision in trail.decisions}
    found = {}
    for profile in sorted({policy["profile"] for policy in trail.policies}):
        try:
            known = known_policies(settings.model_copy(update={"profile": Profile(profile)}), catalogue)
        except PolicyRefused:
            continue
        found[profile] = next((policy for policy in known if policy.digest in decided), known[0])
    return found
