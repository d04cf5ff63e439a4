"""Entries, previews and acts as lines for a person and as the objects of `schemas/cli/quarantine*.v1.json`. Pure.

Rule kept: both say the same: positions, codes, units, release names and field paths; never a value of a record, nor how
long one is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consent.explain import sentences
from consent.messages import Language
from hub.contracts.acts import REASONS
from hub.contracts.envelope import format_time
from hub.contracts.refusals import MEANINGS, Words
from hub.quarantine.callback import Callback
from hub.quarantine.entries import ActTold, Entry, State
from hub.quarantine.preview import Given, Preview, Refused
from hub.quarantine.words import TABLES

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry looked into. `preview` is None where the record is not at hand; `attempt`: which it would be."""

    entry: Entry
    preview: Preview | None
    attempt: int | None


def listed(entries: Sequence[Entry], language: Language) -> Iterator[str]:
    """One line an entry."""
    if not entries:
        yield TABLES[language]["nothing"]
    for entry in entries:
        yield entry_line(entry, language)


def callback_line(called: Callback, language: Language) -> str:
    """What a hollow alert's reference stands for."""
    words = TABLES[language]
    when = {"begin": format_time(called.begin), "end": format_time(called.end)}
    return words["callback"].format(source=called.source, cause=words[f"cause_{called.cause}"], **when)


def entry_line(entry: Entry, language: Language) -> str:
    """Where, when, why, whose, how kept, and whether it waits."""
    words, said = TABLES[language], entry.said
    topic, partition, offset = entry.where
    return words["entry"].format(
        lane=entry.lane,
        number=entry.number,
        at=format_time(said["at"]),
        stage=entry.stage,
        code=said["code"],
        path=_at(said["path"], language),
        source=said["source"] or words["no_unit"],
        where=f"{topic}/{partition}@{offset}",
        attempt=said["attempt"] or 1,
        kept=words["sealed"].format(size=entry.size) if entry.sealed else words["position"],
        state=words["not_arrived" if entry.arrived is False else entry.state],
    )


def _at(path: str | None, language: Language) -> str:
    return TABLES[language]["path"].format(path=path) if path else ""


def shown(found: Shown, language: Language) -> Iterator[str]:
    """The entry, what its code means, what was done with it, and what a resubmission would do."""
    words, entry = TABLES[language], found.entry
    yield entry_line(entry, language)
    meant = _meaning(entry.said["code"], language)
    if meant is not None:
        yield words["meaning"].format(what=meant.what, remedy=meant.remedy)
    yield from (_act_line(act, language) for act in entry.acts)
    if not entry.waits:
        return
    if found.preview is None:
        yield words["gone" if entry.sealed else "lost"]
    else:
        yield from preview_lines(found, language)


def preview_lines(found: Shown, language: Language) -> Iterator[str]:
    """What a resubmission would do."""
    words, preview = TABLES[language], found.preview
    if isinstance(preview, Refused):
        yield words["again"].format(**_again(preview, language))
        return
    yield words["preview" if found.attempt else "preview_first"].format(attempt=found.attempt)
    for given in preview or ():
        yield f"  {_given_line(given, language)}"
    if all(given.release is None or given.already for given in preview or ()):
        yield f"  {words['nobody']}"


def _again(stopped: Refused, language: Language) -> Mapping[str, str]:
    meant = _meaning(stopped.code, language)
    told = {"what": meant.what, "remedy": meant.remedy} if meant else {"what": "", "remedy": ""}
    return {"code": stopped.code, "path": _at(stopped.path, language), **told}


def _given_line(given: Given, language: Language) -> str:
    words = TABLES[language]
    who = {"unit": given.unit, "purpose": given.purpose}
    if given.already:
        return words["already"].format(**who)
    if given.release is None:
        return next(sentences(given.explanation, language))
    return words["given"].format(**who, release=given.release, fields=", ".join(given.paths))


def _act_line(told: ActTold, language: Language) -> str:
    words = TABLES[language]
    return words["act"].format(
        at=format_time(told.at),
        act=words[told.act],
        by=told.by,
        why=_why(told, language),
        reason=told.reason,
        attempt=told.attempt or "-",
    )


def _why(told: ActTold, language: Language) -> str:
    """What a reason says; one that a newer hub wrote stands for itself."""
    en, ro = REASONS[told.act].get(told.reason, (told.reason, told.reason))
    return ro if language is Language.RO else en


def _meaning(code: str, language: Language) -> Words | None:
    """The words of a code; None for one that a newer hub wrote."""
    found = MEANINGS.get(code)
    if found is None:
        return None
    return found.ro if language is Language.RO else found.en


def done_line(entry: Entry, verdict: str, outcome: Refused | int | None, language: Language) -> str:
    """What an act came to. `outcome`: why it was stopped again, or the attempt it became."""
    words = TABLES[language]
    told = _again(outcome, language) if isinstance(outcome, Refused) else {}
    place = f"{entry.lane}/{entry.number}"
    return words[f"done_{verdict}"].format(place=place, attempt=outcome, state=words[entry.state], **told)


# --- JSON


def list_json(entries: Sequence[Entry]) -> Json:
    """The object of `list --json`."""
    return {"entries": [entry_json(entry) for entry in entries]}


def entry_json(entry: Entry) -> Json:
    """One entry."""
    said = entry.said
    told = {key: said[key] for key in ("at", "code", "path", "source", "input")}
    return {
        "lane": entry.lane.value,
        "number": entry.number,
        "stage": entry.stage.value,
        **told,
        "size": entry.size,
        "sealed": entry.sealed,
        "attempt": said["attempt"] or 1,
        "state": entry.state.value,
        "arrived": entry.arrived,
    }


def show_json(found: Shown, language: Language) -> Json:
    """The object of `show --json`."""
    meant = _meaning(found.entry.said["code"], language)
    return {
        **entry_json(found.entry),
        "what": meant and meant.what,
        "remedy": meant and meant.remedy,
        "acts": [_act_json(act, language) for act in found.entry.acts],
        "preview": _preview_json(found, language),
        "sentences": list(shown(found, language)),
    }


def _act_json(told: ActTold, language: Language) -> Json:
    said = {"act": told.act.value, "by": told.by, "reason": told.reason, "why": _why(told, language)}
    return {**said, "attempt": told.attempt, "at": told.at}


def _preview_json(found: Shown, language: Language) -> Json | None:
    preview = found.preview
    if preview is None or not found.entry.waits:
        return None
    if isinstance(preview, Refused):
        return {"verdict": "refused", "code": preview.code, "path": preview.path or None}
    receivers = [_given_json(given, language) for given in preview]
    return {"verdict": "decided", "attempt": found.attempt, "receivers": receivers}


def _given_json(given: Given, language: Language) -> Json:
    reason, told = given.explanation.reason, _given_line(given, language)
    return {
        "unit": given.unit,
        "purpose": given.purpose.value,
        "release": given.release,
        "fields": list(given.paths),
        "already": given.already,
        "reason": reason.value if reason else None,
        "sentence": told,
    }


def done_json(entry: Entry, verdict: str, outcome: Refused | int | None, language: Language) -> Json:
    """The object of `resubmit --json` and `discard --json`."""
    stopped = outcome if isinstance(outcome, Refused) else Refused("")
    state = verdict if verdict in (State.RESUBMITTED, State.DISCARDED) else entry.state.value
    return {
        "lane": entry.lane.value,
        "number": entry.number,
        "verdict": verdict,
        "state": state,
        "attempt": outcome if isinstance(outcome, int) else None,
        "code": stopped.code or None,
        "path": stopped.path or None,
        "sentence": done_line(entry, verdict, outcome, language),
    }
