"""`punte quarantine key|list|show|resubmit|discard`: a person looks at what waits, tries it again, or closes it.

Rules kept: a preview names fields, never values; each act and each look is recorded before it has any effect or answer;
an act that was recorded and has not arrived may be repeated, since each attempt is taken once.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from consent.messages import Language
from consent.terms import Lane
from hub.cli.progress import quiet_client, say
from hub.contracts.acts import REASONS, Act
from hub.errors import Exit, PunteError
from hub.settings import Settings, crash_points

if TYPE_CHECKING:
    from hub.assemble import Parts
    from hub.cli.quarantine_ask import Looked
    from hub.quarantine.callback import Callback
    from hub.quarantine.entries import Entry
    from hub.quarantine.preview import Refused

app = typer.Typer(rich_markup_mode=None, callback=lambda: None)
T = TypeVar("T")
PLACE: Final = re.compile(r"(alert|case|bulk)/(\d{1,12})")
PERSON: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
AUDITOR: Final = "auditor"
EYES: Final = "One person is enough for now; a second pair of eyes comes later."


def _reasons(act: Act) -> str:
    return "; ".join(f"{word}: {en}" for word, (en, _) in REASONS[act].items())


Entry_ = Annotated[str, typer.Argument(metavar="LANE/NUMBER", help="The entry, as `list` names it, e.g. case/12.")]
KeyFile = Annotated[
    Path | None, typer.Option("--key", help="Private key file, mode 0600: opens the sealed copy of what is gone.")
]
By = Annotated[str, typer.Option("--by", help="Opaque id of the person who does it, never a name.")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the sentences.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def key(
    out: Annotated[Path, typer.Option(help="Folder for the two files, 64 hexadecimal digits each.")],
    as_json: AsJson = False,
) -> int:
    """Make the pair of keys that quarantined records are sealed to; never overwrites one."""
    from hub.quarantine.files import make_keys

    private, public = make_keys(out)
    if as_json:
        print(json.dumps({"private": str(private), "public": str(public)}))
        return Exit.DONE
    print(
        f"{public}: for the hub. Set PUNTE_SEAL_PUBLIC_FILE to it and start the hub anew.\n"
        f"{private}: for a person. Take it off this machine now, to where only that person can read it, and "
        "keep a copy under lock: what is sealed to a lost key stays sealed.\n"
        "Whoever has the private file and may read Kafka can read every quarantined record."
    )
    return Exit.DONE


@app.command("list")
def listed(
    lane: Annotated[Lane | None, typer.Option(help="Only this lane.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only what still waits for a person.")] = False,
    callback: Annotated[str | None, typer.Option(metavar="UNIT:REF", help="What a hollow alert stands for.")] = None,
    lang: Lang = Language.EN,
    as_json: AsJson = False,
) -> int:
    """List what is in quarantine, whether it waits, and what a person did with it.

    `--callback`: the unit that calls and the `callbackRef` it was given. It takes the secret of the hub.
    """
    from hub.quarantine.tell import callback_line, list_json
    from hub.quarantine.tell import listed as lines

    opened = _called(callback) if callback else None
    entries = _run(_entries(_settings(), [lane] if lane else list(Lane)))
    wanted = [each for each in entries if not only_open or each.waits]
    if opened is not None:
        wanted = opened.about(wanted)
        say(callback_line(opened, lang))
    _print(list_json(wanted) if as_json else lines(wanted, lang))
    return Exit.DONE


def _called(callback: str) -> Callback:
    """The reference of a hollow alert, opened under the key of the unit that calls."""
    from hub.contracts.keys import KeyFault
    from hub.quarantine.callback import opened

    unit, _, reference = callback.partition(":")
    try:
        return opened(_settings().keys().unit(unit), reference)
    except KeyFault as fault:
        raise PunteError("usage", str(fault), "give UNIT:REF as the unit's own hollow alert has it") from None


@app.command()
def show(entry: Entry_, key: KeyFile = None, lang: Lang = Language.EN, as_json: AsJson = False) -> int:
    """Show an entry, what was done with it, and which fields a resubmission would release to whom now; never a value.

    The look itself is recorded.
    """
    from hub.quarantine.tell import show_json, shown

    place, private = _place(entry), _private(key)
    say("reading quarantine, the audit and the register")
    found = _run(_show(_parts(), place, private))
    _print(show_json(found.shown, lang) if as_json else shown(found.shown, lang))
    return Exit.DONE


@app.command(help=f"Try a record again: a further attempt, for those who lack it. {EYES}")
def resubmit(
    entry: Entry_,
    by: By,
    reason: Annotated[str, typer.Option(help=f"Why: {_reasons(Act.RESUBMITTED)}.")],
    key: KeyFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not show the preview and ask first.")] = False,
    as_json: AsJson = False,
) -> int:
    """Look, show the preview, ask, act. Status 0: done, or done before; 3: stopped again, or closed otherwise."""
    place, private = _place(entry), _private(key)
    _signed(by, Act.RESUBMITTED, reason)
    if as_json and not yes:
        raise PunteError("usage", "`--json` asks nobody", "add `--yes`")
    parts = _parts()
    looked = _run(_look(parts, place, private))
    if not yes:
        _agreed(looked)
    outcome = _run(_resubmit(parts, looked, by, reason))
    return _told(*outcome, as_json=as_json)


@app.command(help=f"Close an entry; nothing is deleted. {EYES}")
def discard(
    entry: Entry_,
    by: By,
    reason: Annotated[str, typer.Option(help=f"Why: {_reasons(Act.DISCARDED)}.")],
    as_json: AsJson = False,
) -> int:
    """Close it. Status 0: done, or done before; 3: it was resubmitted."""
    place = _place(entry)
    _signed(by, Act.DISCARDED, reason)
    return _told(*_run(_discard(_settings(), place, by, reason)), as_json=as_json)


def _settings() -> Settings:
    from hub.telemetry.logs import configure_logs

    configure_logs("CRITICAL")
    return Settings()


def _parts() -> Parts:
    """With the secret of the hub: whoever computes handles or decides needs it, a list or an end does not."""
    from hub.assemble import parts

    return parts(_settings())


def _run(work: Coroutine[Any, Any, T]) -> T:
    from aiokafka.errors import KafkaConnectionError

    try:
        with quiet_client():
            return asyncio.run(work)
    except KafkaConnectionError:
        raise PunteError("kafka_unreachable", f"no Kafka answers at `{Settings().kafka_bootstrap}`") from None


def _print(told: dict[str, Any] | Iterable[str]) -> None:
    print(json.dumps(told, ensure_ascii=False) if isinstance(told, dict) else "\n".join(told))


def _place(text: str) -> tuple[Lane, int]:
    found = PLACE.fullmatch(text)
    if found is None:
        raise PunteError("usage", "an entry is a lane and a number", "e.g. case/12; see `punte quarantine list`")
    return Lane(found[1]), int(found[2])


def _private(path: Path | None) -> bytes | None:
    from hub.quarantine.files import read_private

    return None if path is None else read_private(path)


def _signed(by: str, act: Act, reason: str) -> None:
    """What people type is an opaque id and a word of the list; whatever else it is, it is not repeated."""
    if not PERSON.fullmatch(by):
        raise PunteError("usage", "`--by` is no opaque id", "small letters, digits, `-`, `_`, `.`: never a name")
    if reason not in REASONS[act]:
        raise PunteError("usage", "there is no such reason", f"use one of {', '.join(REASONS[act])}")


async def _entries(settings: Settings, lanes: list[Lane]) -> list[Entry]:
    from hub.cli.quarantine_ask import shelved

    return (await shelved(settings.kafka(), lanes)).all()


async def _look(parts: Parts, place: tuple[Lane, int], private: bytes | None) -> Looked:
    from hub.cli.quarantine_ask import look

    return await look(parts, *place, private)


async def _show(parts: Parts, place: tuple[Lane, int], private: bytes | None) -> Looked:
    """Look, record the question, answer."""
    from hub.assemble import now_ms
    from hub.cli.quarantine_ask import clerk

    looked = await _look(parts, place, private)
    await clerk(parts.options).asked(looked.entry, AUDITOR, at=now_ms(), **looked.named)
    return looked


def _agreed(looked: Looked) -> None:
    """Show the preview and ask; ends the command where the answer is no."""
    from hub.quarantine.tell import shown

    print("\n".join(shown(looked.shown, Language.EN)))
    typer.confirm("Resubmit it?", abort=True)


Outcome = tuple["Entry", str, "Refused | int | None"]


async def _resubmit(parts: Parts, looked: Looked, by: str, reason: str) -> Outcome:
    """Record the act, see that it is the first or the same as the first, append."""
    from hub.assemble import now_ms
    from hub.cli.quarantine_ask import check_open, clerk, closed, find
    from hub.contracts.audit import Stage
    from hub.quarantine.entries import State
    from hub.quarantine.preview import Refused

    entry, writes = looked.entry, clerk(parts.options)
    if entry.state is State.RESUBMITTED and entry.arrived:
        return entry, "already", None
    check_open(looked)
    if isinstance(looked.preview, Refused):
        await writes.refused(entry, looked.preview.code, by, reason, at=now_ms(), **looked.named)
        return entry, "refused", looked.preview
    number = looked.attempt or 1
    crash = crash_points(parts.settings.crash_at)
    await writes.act(entry, Act.RESUBMITTED, by, reason, at=now_ms(), attempt=number, **looked.named)
    crash("acted")
    _, now = await find(parts.options, entry.lane, entry.number)
    if now.state is not State.RESUBMITTED:
        raise closed(now, State.RESUBMITTED)
    if entry.stage is not Stage.ADMISSION:
        number = now.acts[0].attempt or number
    await writes.append(entry.lane, *_record(looked, number))
    return now, Act.RESUBMITTED.value, number


def _record(looked: Looked, number: int) -> tuple[str, bytes, list[tuple[str, bytes]]]:
    """Source, value and headers of what is appended: of a record admission refused, exactly what admission appends."""
    from hub.contracts.audit import Stage
    from hub.contracts.envelope import parse_admitted

    past, headers, found = looked.past, looked.headers, looked.found
    assert past is not None
    assert headers is not None
    assert found is not None
    if looked.entry.stage is not Stage.ADMISSION:
        headers = parse_admitted(headers)._replace(again=past.again(number)).headers()
    return past.source, found.value or b"", headers


async def _discard(settings: Settings, place: tuple[Lane, int], by: str, reason: str) -> Outcome:
    """Record the act, see that it is the first."""
    from hub.assemble import now_ms
    from hub.cli.quarantine_ask import clerk, closed, find
    from hub.quarantine.entries import State
    from hub.quarantine.kafka import read_original
    from hub.quarantine.original import named

    options = settings.kafka()
    _, entry = await find(options, *place)
    if entry.state is State.RESUBMITTED:
        raise closed(entry, State.DISCARDED)
    if entry.state is State.DISCARDED:
        return entry, "already", None
    known = named(entry, await read_original(options, entry))
    said = {"source": known[0], "eventId": known[1]} if known else {}
    await clerk(options).act(entry, Act.DISCARDED, by, reason, at=now_ms(), **said)
    _, now = await find(options, *place)
    if now.state is not State.DISCARDED:
        raise closed(now, State.DISCARDED)
    return now, Act.DISCARDED.value, None


def _told(entry: Entry, verdict: str, outcome: Refused | int | None, *, as_json: bool) -> int:
    from hub.quarantine.tell import done_json, done_line

    print(
        json.dumps(done_json(entry, verdict, outcome, Language.EN), ensure_ascii=False)
        if as_json
        else done_line(entry, verdict, outcome, Language.EN)
    )
    return Exit.FINDINGS if verdict == "refused" else Exit.DONE
