"""`punte policy compare|impact|who|rests-on|organisations`: questions before anybody signs, and after.

Rule kept: what gains is a finding (exit 3), so that a script cannot widen anything unseen.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consent.errors import PolicyRefused
from consent.messages import Language
from consent.terms import BasisStatus, Profile, Reveals
from hub.cli.policy_told import finding_json, refuse
from hub.cli.progress import quiet_client, say
from hub.errors import Exit, PunteError

if TYPE_CHECKING:
    from consent.compile import Pack, Policy
    from consent.reach import Reach
    from hub.views.impact import Replayed

DAY_MS = 86_400_000
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Policies = Annotated[Path | None, typer.Option("--policies", help="Folder of the policy pack; else the installed one.")]
InProfile = Annotated[Profile, typer.Option("--profile", help="demo also releases on unconfirmed law.")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the sentences.")]
Old = Annotated[Path, typer.Argument(metavar="OLD", help="Folder of the pack that was.")]
New = Annotated[Path, typer.Argument(metavar="NEW", help="Folder of the pack that shall be.")]
WhatReveals = Annotated[Reveals | None, typer.Option("--reveals", help="What the field tells its reader.")]
OnePath = Annotated[str, typer.Option("--field", help="Path of a field: `placesHidden[].address`; of any event type.")]
OfLaw = Annotated[BasisStatus | None, typer.Option("--law", help="Rows whose law has this status.")]
OfWaiver = Annotated[str, typer.Option("--waiver", help="Rows a waiver names.")]
OfConsent = Annotated[str, typer.Option("--consent", help="Releases that rest on this consent (its register handle).")]
Federation = Annotated[Path, typer.Option("--federation", help="The federation: which organisation has which units.")]
Days = Annotated[int, typer.Option("--days", min=1, help="How many days of decisions to ask again.")]


def compare(
    old: Old, new: New, as_json: AsJson = False, profile: InProfile = Profile.DEMO, lang: Lang = Language.EN
) -> int:
    """Tell who gains and who loses what between two packs, the most dangerous first; exit 3 if anybody gains.

    Or if anything is eased: an obligation, a line, a law that counts, a waiver.
    """
    from consent.compare import compare as changes
    from consent.pack import parse_pack
    from consent.versions import eased
    from hub.contracts.files import load_catalogue
    from hub.release.files import read_pack
    from hub.views.change_told import change_json, compared_lines

    packs: list[Pack] = []
    policies: list[Policy] = []
    types = load_catalogue().types
    for folder, name in ((old, "OLD"), (new, "NEW")):
        try:
            policies.append(_policy(folder, profile))
            packs.append(parse_pack(read_pack(folder), types))
        except PolicyRefused as refused:
            return refuse(refused, profile, as_json=as_json, pack=name)
    found, eases = changes(policies[0], policies[1], types), eased(packs[0], packs[1], types, lang)
    digests = {"old": policies[0].digest.hex(), "new": policies[1].digest.hex()}
    if as_json:
        gains = sum(change.gains for change in found)
        told = {"changes": [change_json(each) for each in found], "eased": [finding_json(each) for each in eases]}
        print(json.dumps(told | digests | {"gains": gains, "losses": len(found) - gains}, ensure_ascii=False))
    else:
        print("\n".join(compared_lines(found, eases, digests, lang)))
    return Exit.FINDINGS if eases or any(change.gains for change in found) else Exit.DONE


def _policy(folder: Path | None, profile: Profile) -> Policy:
    from consent.pack import compile_texts
    from hub.contracts.files import load_catalogue
    from hub.release.files import read_pack

    return compile_texts(read_pack(folder), load_catalogue().types, profile, at_ms=_now())


def _now() -> int:
    return time.time_ns() // 1_000_000


def _whole(folder: Path | None) -> Policy:
    """The policy with proposals awake: who could *ever* get something asks of them too."""
    from consent.cases import shadow_policy
    from consent.pack import parse_pack
    from hub.contracts.files import load_catalogue
    from hub.release.files import read_pack

    types = load_catalogue().types
    return shadow_policy(parse_pack(read_pack(folder), types), types)


def _asleep(folder: Path | None) -> Callable[[Reach], Reach]:
    """Give a way back the status its law has in the file: a proposal is told as one."""
    from consent.pack import parse_pack
    from hub.contracts.files import load_catalogue
    from hub.release.files import read_pack

    known = {row.id: row.basis.status for row in parse_pack(read_pack(folder), load_catalogue().types).matrix.rows}
    return lambda way: way._replace(status=known[way.row])


def who(
    reveals: WhatReveals = None,
    field: OnePath = "",
    as_json: AsJson = False,
    policies: Policies = None,
    lang: Lang = Language.EN,
) -> int:
    """Tell who could ever get what reveals something, or one field: by which row, under which guards."""
    from consent.reach import reach
    from hub.contracts.files import load_catalogue
    from hub.views.change_told import reach_json, reach_lines

    if (reveals is None) is (not field):
        raise PunteError("usage", "nothing, or two things, asked", "give `--reveals WORD` or `--field PATH`")
    types = load_catalogue().types
    if field and not any(field == each.path for event in types.values() for each in event.fields):
        raise PunteError("usage", f"no event type has a field `{field}`", "see `punte policy show` for the paths")
    try:
        policy = _whole(policies)
        asleep = _asleep(policies)
    except PolicyRefused as refused:
        return refuse(refused, Profile.DEMO, as_json=as_json)
    found = [asleep(way) for way in reach(policy, types) if way.path == field or reveals in way.reveals]
    roles = len({way.role for way in found})
    told: Mapping[str, Any] = {"ways": [reach_json(way) for way in found], "roles": roles}
    print(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(reach_lines(found, lang)))
    return Exit.DONE


def rests_on(
    law: OfLaw = None,
    waiver: OfWaiver = "",
    consent: OfConsent = "",
    as_json: AsJson = False,
    policies: Policies = None,
    lang: Lang = Language.EN,
) -> int:
    """Tell what rests on law that is not confirmed, on a waiver, or on one consent."""
    from consent.pack import parse_pack
    from consent.reach import resting
    from hub.contracts.files import load_catalogue
    from hub.release.files import read_pack
    from hub.views.change_told import resting_json, resting_line
    from hub.views.change_words import TABLES

    if sum(map(bool, (law, waiver, consent))) != 1:
        raise PunteError("usage", "nothing, or several things, asked", "give one of `--law`, `--waiver`, `--consent`")
    if consent:
        return _rests_on_consent(consent, lang, as_json=as_json)
    types = load_catalogue().types
    try:
        pack = parse_pack(read_pack(policies), types)
        policy = _whole(policies)
    except PolicyRefused as refused:
        return refuse(refused, Profile.DEMO, as_json=as_json)
    named = {each.id: each.rows for each in pack.waivers.waivers}
    if waiver and waiver not in named:
        raise PunteError("usage", f"no waiver is called `{waiver}`", "see waivers.toml of the pack")
    status = {row.id: row.basis.status for row in pack.matrix.rows}
    rows = named[waiver] if waiver else [row for row, of in status.items() if of is law]
    found = [each._replace(status=status[each.row]) for each in resting(policy, rows, types)]
    if as_json:
        print(json.dumps({"rows": [resting_json(each) for each in found], "releases": []}, ensure_ascii=False))
    else:
        print("\n".join([resting_line(each, lang) for each in found] or [TABLES[lang]["resting_none"]]))
    return Exit.DONE


def _rests_on_consent(handle: str, lang: Language, *, as_json: bool) -> int:
    """The recorded releases that name the register record of a consent."""
    from hub.contracts.envelope import format_time
    from hub.settings import Settings
    from hub.views.change_words import TABLES
    from hub.views.impact import rests_on_record

    say("reading the audit and the register")
    replay = asyncio.run(_replay(Settings()))
    found = list(rests_on_record(replay, "consent", handle))
    if as_json:
        print(json.dumps({"rows": [], "releases": [each._asdict() for each in found]}, ensure_ascii=False))
    else:
        words = TABLES[lang]
        lines = [words["resting_release"].format(**each._asdict() | {"at": format_time(each.at)}) for each in found]
        print("\n".join(lines or [words["resting_none"]]))
    return Exit.DONE


def organisations(
    federation: Federation, as_json: AsJson = False, policies: Policies = None, lang: Lang = Language.EN
) -> int:
    """Tell what each organisation can ever learn, over all of its units, events, purposes and guards."""
    from consent.reach import learned_by, reach
    from hub.cli.topic import read_federation
    from hub.contracts.files import load_catalogue
    from hub.views.change_told import organisation_lines, reach_json

    found = read_federation(federation)
    try:
        policy = _whole(policies)
    except PolicyRefused as refused:
        return refuse(refused, Profile.DEMO, as_json=as_json)
    labels = {each.code: each.label for each in found.organisations}
    members: dict[str, set[tuple[str, str]]] = {code: set() for code in labels}
    for unit in found.units:
        members[unit.organisation] |= {(unit.role.value, purpose.value) for purpose in unit.purposes}
    learned = learned_by(reach(policy, load_catalogue().types), members)
    if as_json:
        told = [
            {"organisation": code, "label": labels[code], "learns": {word: reach_json(way) for word, way in of.items()}}
            for code, of in learned.items()
        ]
        print(json.dumps(told, ensure_ascii=False))
    else:
        for code, of in learned.items():
            roles = sorted({role for role, _ in members[code]})
            print("\n".join(organisation_lines(f"{labels[code]} [{code}]", roles, of, lang)))
    return Exit.DONE


def impact(new: New, as_json: AsJson = False, days: Days = 30, lang: Lang = Language.EN) -> int:
    """Ask the recorded decisions again under another pack; exit 3 if anybody would have gained anything."""
    from hub.settings import Settings
    from hub.views.change_told import impact_json, impact_lines
    from hub.views.impact import Replayed

    replayed = _asked_again(Settings(), new, _now() - days * DAY_MS, as_json=as_json)
    if not isinstance(replayed, Replayed):
        return replayed
    told = impact_json(replayed)
    print(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(impact_lines(replayed, lang)))
    return Exit.FINDINGS if any(one.gains for one in replayed.impacts) else Exit.DONE


def _asked_again(settings: Any, new: Path, since: int, *, as_json: bool) -> Replayed | int:
    """What comes of asking again, or the exit status of a pack that is refused, told before any Kafka is asked.

    In production it can be refused where it is not in the demo profile: that is seen when the audit names the profile.
    """
    from consent.pack import compile_texts
    from hub.assemble import known_policies
    from hub.contracts.files import load_catalogue
    from hub.release.files import read_pack
    from hub.views.impact import Asked
    from hub.views.impact import impact as again

    catalogue, texts, profile, pack = load_catalogue(), read_pack(new), Profile.DEMO, "NEW"
    asked = {}
    try:
        compile_texts(texts, catalogue.types, profile)
        say("reading the audit and the register")
        replay = asyncio.run(_replay(settings))
        for profile in sorted({Profile(policy["profile"]) for policy in replay.trail.policies}):
            pack = "NEW"
            after = compile_texts(texts, catalogue.types, profile)
            pack = "PUNTE_POLICIES"
            known = known_policies(settings.model_copy(update={"profile": profile}), catalogue)
            asked[profile.value] = [Asked(old, after) for old in known]
    except PolicyRefused as refused:
        return refuse(refused, profile, as_json=as_json, pack=pack)
    return again(replay, asked, catalogue.types, since)


async def _replay(settings: Any) -> Any:
    """Every decision, policy and standing fact of a running hub. Raises PunteError where no Kafka answers."""
    from aiokafka.errors import KafkaConnectionError

    from hub.cli.why import make_trail
    from hub.contracts.files import load_catalogue
    from hub.views.impact import Replay
    from hub.views.kafka import read_all

    replay = Replay(make_trail(load_catalogue(), ""))
    try:
        with quiet_client():
            await read_all(settings.kafka(), replay.take)
    except KafkaConnectionError:
        raise PunteError("kafka_unreachable", f"no Kafka answers at `{settings.kafka_bootstrap}`") from None
    return replay
