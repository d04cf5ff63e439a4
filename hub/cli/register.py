"""`punte register load|put|withdraw|list`: the only way into the register until four eyes stand before it.

Rules kept: every record passes one door (`hub.registry.faults`) before any of its command is sent; a command is
acknowledged before it ends, so that every decision which begins afterwards sees it; nothing typed is repeated.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from hub.cli.progress import say
from hub.errors import Exit, PunteError
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.registry.typed import Typed

app = typer.Typer(rich_markup_mode=None)
Record = dict[str, Any]
Standing = dict[tuple[str, str], Record]
T = TypeVar("T")
By = Annotated[list[str], typer.Option("--by", help="Opaque id of a person who decided; twice for two people.")]
Loaders = Annotated[
    list[str] | None,
    typer.Option("--by", help="Opaque id of a person who loads a federation; twice. Plain records name their own."),
]
Activate = Annotated[
    bool, typer.Option("--activate", help="Replace the policy that the register calls active by the proven one here.")
]
Replace = Annotated[
    list[str] | None,
    typer.Option("--replace", help="KIND/HANDLE. Write this one as the federation has it, in its standing state."),
]
ReplaceAll = Annotated[bool, typer.Option("--replace-all", help="Write everything as the federation has it.")]
CaseOf = Annotated[
    str | None,
    typer.Option(
        help="UNIT:REFERENCE. Sets `caseHandle` to the case behind a reference of the hub as that unit sees it: the"
        " 43 characters of `ce_subject`, or the key, of a release it received. For a hold or a relation."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="A federation (TOML), or register records (one JSON object a line).")],
    by: Loaders = None,
    activate: Activate = False,
    replace: Replace = None,
    replace_all: ReplaceAll = False,
    as_json: AsJson = False,
) -> int:
    """Load a federation with the active policy and key check, or plain register records.

    Of a federation only what the register does not hold is written: an end, an area or a subscription that people set
    is left, and so is a state (suspended, closed, ended). What differs is listed by the names of its fields, and the
    status is then 3; `--replace KIND/HANDLE` or `--replace-all` writes it as well.
    """
    parts = _parts()
    if file.suffix != ".toml":
        if by or replace or replace_all:
            raise PunteError("usage", "plain records name their own people", "leave `--by` and `--replace` out")
        return _write(parts, _json_records(_text(file)), activate=activate, as_json=as_json)
    if len(set(by or ())) < 2:
        raise PunteError("usage", "a federation is loaded by two people", "give `--by` twice")
    wanted = _federation_records(parts, file, by or [])
    asked = _asked(wanted, replace or (), everything=replace_all)
    return _load(parts, wanted, asked, activate=activate, as_json=as_json)


@app.command()
def put(
    record: Annotated[str, typer.Argument(help="One register record as a JSON object; `-` reads it from stdin.")],
    case_of: CaseOf = None,
    as_json: AsJson = False,
) -> int:
    """Write one register record.

    A hold on a case, by someone who has only a unit's reference of it: set `caseHandle` and `personHandle` to null
    and add `--case-of UNIT:REFERENCE`.
    """
    parts = _parts()
    records = _json_records(typer.get_text_stream("stdin").read() if record == "-" else record)
    if case_of is not None:
        records = [_about(each, _opened(parts, case_of)) for each in records]
    return _write(parts, records, activate=False, as_json=as_json)


@app.command()
def withdraw(
    handle: Annotated[str, typer.Argument(help="The handle of the consent.")],
    by: By,
    reason: Annotated[str | None, typer.Option(help="Reason code.")] = None,
    as_json: AsJson = False,
) -> int:
    """Withdraw a consent; it acts on every decision that begins after this command has ended."""
    parts = _parts()
    standing, unread = _read(parts)
    if any((kind, its_handle) == ("consent", handle) for kind, its_handle, _ in unread):
        remedy = "write it anew, whole and withdrawn, with `punte register put`"
        raise PunteError(
            "register_unknown", "what stands under this handle cannot be read; nothing was changed", remedy
        )
    found = standing.get(("consent", handle))
    if found is None:
        raise PunteError("register_unknown", "the register has no consent under this handle; nothing was withdrawn")
    changed = {**found, "state": "withdrawn", "at": _now(), "by": list(by), "reason": reason}
    return _write(parts, [changed], activate=False, as_json=as_json)


@app.command("list")
def listed(
    kind: Annotated[str | None, typer.Argument(help="Only this kind.")] = None,
    as_json: AsJson = False,  # noqa: ARG001 - records are JSON anyway; `hub.__main__` says faults as JSON by it
) -> int:
    """Print the standing facts, one JSON object a line (handles only); status 3 if one cannot be read."""
    standing, unread = _read(_parts())
    for (of_kind, _), record in sorted(standing.items()):
        if kind in (None, of_kind):
            print(json.dumps(record))
    for _, _, offset in unread:
        says = (
            f"the record at offset {offset} cannot be read: no gateway starts until it is written anew, under its key"
        )
        print(says, file=sys.stderr)
    return Exit.FINDINGS if unread else Exit.DONE


def _parts() -> Any:
    from hub.assemble import parts
    from hub.telemetry.logs import configure_logs

    configure_logs("ERROR")
    return parts(Settings())


def _now() -> int:
    return time.time_ns() // 1_000_000


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise PunteError("usage", "the file cannot be read", "name a text file of register records") from None


def _federation_records(parts: Any, file: Path, by: list[str]) -> list[Record]:
    from hub.assemble import proven_policy
    from hub.cli.topic import read_federation
    from hub.contracts.federation import FederationRefused
    from hub.registry.federation import Signed, federation_records, start_records, undeclared

    say("proving the policy pack")
    signed = Signed(_now(), tuple(by))
    policy = proven_policy(parts.settings, parts.catalogue)
    found = read_federation(file)
    if faults := undeclared(found, policy):
        raise PunteError("federation_refused", "; ".join(faults))
    try:
        federation = federation_records(found, parts.catalogue.ids, signed)
    except FederationRefused as refused:
        raise PunteError("federation_refused", str(refused)) from None
    return [*start_records(policy, parts.keys, signed), *federation]


def _json_records(text: str) -> list[Record]:
    try:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        found = [None]
    if not all(isinstance(record, dict) for record in found):
        raise PunteError("usage", "a line is not a JSON object", "write one register record a line")
    return found


def _opened(parts: Any, case_of: str) -> str:
    """The case handle behind `UNIT:REFERENCE`."""
    from hub.contracts.keys import KeyFault, b64

    unit, _, reference = case_of.partition(":")
    try:
        return b64(parts.keys.unit(unit).open_case(reference)).decode()
    except ValueError as fault:
        says = str(fault) if isinstance(fault, KeyFault) else "not a reference of the hub"
        remedy = "give UNIT:REFERENCE, with the 43 characters that this very unit received"
        raise PunteError("register_faulty", f"`--case-of`: {says}", remedy) from None


def _about(record: Record, case: str) -> Record:
    if record.get("kind") not in ("hold", "relation") or record.get("caseHandle") is not None:
        raise PunteError("usage", "`--case-of` sets the `caseHandle` of a hold or a relation", "leave that field null")
    return {**record, "caseHandle": case}


def _asked(wanted: Sequence[Record], replace: Sequence[str], *, everything: bool) -> frozenset[str]:
    """The keys that may be replaced."""
    keys = frozenset(f"{record['kind']}/{record['handle']}" for record in wanted)
    if not keys.issuperset(replace):
        raise PunteError(
            "usage", "`--replace` names what the federation does not hold", "copy it from what `load` lists"
        )
    return keys if everything else frozenset(replace)


def _load(parts: Any, wanted: Sequence[Record], replace: frozenset[str], *, activate: bool, as_json: bool) -> int:
    """Write of a federation what the register does not hold, and what was asked to be replaced."""
    from hub.registry.federation import LoadRefused, changes

    _checked(parts, wanted)
    standing, unread = _read(parts)
    _refuse_swaps(wanted, standing, activate=activate)
    standing |= {(kind, handle): {} for kind, handle, _ in unread}
    if activate:
        standing.pop(("matrix", "active"), None)
    try:
        found = changes(wanted, standing, replace)
    except LoadRefused as refused:
        raise PunteError(refused.code, str(refused), refused.remedy) from None
    kept = {key: standing[_key(key)]["state"] for key in found.kept}
    status = _send(parts, found.records, kept=kept, differs=found.differs, as_json=as_json)
    return Exit.FINDINGS if found.differs else status


def _write(parts: Any, records: Sequence[Record], *, activate: bool, as_json: bool) -> int:
    """Write records as people typed them, once each of them is known to do what it says."""
    from hub.registry.faults import RegisterRefused, strangers
    from hub.registry.typed import Typed

    standing, unread = _read(parts)
    typed = Typed(_now(), standing, frozenset((kind, handle) for kind, handle, _ in unread))
    records = [dict(typed.filled(each)) for each in records]
    _checked(parts, records, typed)
    _refuse_swaps(records, standing, activate=activate)
    for number, faulty in strangers(records, standing):
        raise _refused(RegisterRefused(number, faulty))
    return _send(parts, records, typed=typed, as_json=as_json)


def _checked(parts: Any, records: Sequence[Record], typed: Typed | None = None) -> None:
    """Refuse a faulty record before anything is sent."""
    from hub.assemble import door
    from hub.registry.faults import RegisterRefused

    try:
        door(parts.catalogue, parts.registers()).checked(records, typed)
    except RegisterRefused as refused:
        raise _refused(refused) from None


def _refused(refused: Any) -> PunteError:
    return PunteError("register_faulty", str(refused), refused.faulty.remedy)


def _refuse_swaps(records: Sequence[Record], standing: Standing, *, activate: bool) -> None:
    from hub.registry.federation import LoadRefused, refuse_other_keys, refuse_other_policy

    try:
        refuse_other_keys(records, standing)
        if not activate:
            refuse_other_policy(records, standing)
    except LoadRefused as refused:
        raise PunteError(refused.code, str(refused), refused.remedy) from None


def _key(text: str) -> tuple[str, str]:
    kind, _, handle = text.partition("/")
    return kind, handle


def _read(parts: Any) -> tuple[Standing, list[tuple[str, str, int]]]:
    """What stands, and kind, handle and offset of what stands but cannot be read."""
    from hub.registry.kafka import read_latest

    async def work() -> tuple[Standing, list[tuple[str, str, int]]]:
        say("reading the register")
        latest = await read_latest(parts.options, parts.registers())
        return {key: dict(change.record or {}) for key, change in latest.readable().items()}, [*latest.unreadable()]

    return _reaching(work, parts.settings.kafka_bootstrap)


def _send(
    parts: Any,
    records: Sequence[Record],
    *,
    as_json: bool,
    kept: Mapping[str, str] | None = None,
    differs: Mapping[str, Sequence[str]] | None = None,
    typed: Typed | None = None,
) -> int:
    """Send; say what was kept as people left it."""

    async def work() -> list[int]:
        say(f"writing {len(records)} records")
        async with parts.writer() as writer:
            return list(await writer.write(records, typed))

    offsets = _reaching(work, parts.settings.kafka_bootstrap) if records else []
    if as_json:
        print(json.dumps({"offsets": offsets, "kept": kept or {}, "differs": differs or {}}))
        return 0
    nothing = "nothing new to write" if differs else "nothing to write: the register says the same already"
    print(f"wrote {len(offsets)} register records" if offsets else nothing)
    for key, state in (kept or {}).items():
        print(f"kept `{state}`, the state of {key}: people set it")
    for key, fields in (differs or {}).items():
        print(_left(key, fields))
    return 0


def _left(key: str, fields: Sequence[str]) -> str:
    from hub.registry.federation import STATED, mend

    kind = _key(key)[0]
    if tuple(fields) == ("*",) and kind in STATED:
        return f"left {key} as it is: its record cannot be read; {mend(kind)}"
    return f"left {key} as it is: the register differs in {', '.join(fields)}; `--replace {key}` writes the file's"


def _reaching(work: Callable[[], Awaitable[T]], bootstrap: str) -> T:
    from aiokafka.errors import KafkaConnectionError

    from hub.registry.faults import RegisterRefused

    async def awaited() -> T:
        return await work()

    try:
        return asyncio.run(awaited())
    except RegisterRefused as refused:
        raise _refused(refused) from None
    except KafkaConnectionError:
        raise PunteError("kafka_unreachable", f"no Kafka answers at `{bootstrap}`") from None
