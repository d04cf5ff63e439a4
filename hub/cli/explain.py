"""`punte explain`: what a code means and what to do about it.

Rule kept: the sentences are those of the tables (`refusals`, `alarms`, `notes` of `hub.contracts`, `hub.errors`); none
is made here. A code of a command has English words only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from consent.messages import Language
from hub.contracts.alarms import ALARMS
from hub.contracts.notes import NOTES
from hub.contracts.refusals import MEANINGS
from hub.errors import ERRORS, Exit, PunteError

Code = Annotated[str | None, typer.Argument(metavar="[CODE]", help="A code; all of them when left out.")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the sentences.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array.")]
EVENT, ALARM, NOTE, COMMAND = "event", "alarm", "note", "command"
IN_ROMANIAN = {
    EVENT: "eveniment",
    ALARM: "alarmă",
    NOTE: "notă",
    COMMAND: "comandă",
    "nobody": "nimeni",
    "sender": "expeditorul",
    "hub": "hubul",
    "ours": "hubul",
    "register": "registrul",
    "operator": "operatorul",
    "machine": "mașina",
    "network": "rețeaua",
    "recipient": "destinatarul",
    "policy": "politica",
}
"""The words in brackets: what the code is of, and whose turn it is."""


def main(code: Code = None, lang: Lang = Language.EN, as_json: AsJson = False) -> int:
    """Tell what a code of a receipt, quarantine entry, a log line or a command means, whose turn it is, what to do."""
    rows = [row for row in _rows(lang) if code in (None, row["code"])]
    if not rows:
        raise PunteError("usage", "there is no such code", "see all of them with `punte explain`")
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return Exit.DONE
    for row in rows:
        kind, turn = (IN_ROMANIAN[row[key]] if lang is Language.RO else row[key] for key in ("of", "turn"))
        print(f"{row['code']} ({kind}, {turn}): {row['what']}\n    {row['remedy']}")
    return Exit.DONE


def _rows(lang: Language) -> Iterator[dict[str, str]]:
    """Every code: events, alarms, other log lines, commands; one word can be a code of two of them."""
    for of, table in ((EVENT, MEANINGS), (ALARM, ALARMS), (NOTE, NOTES)):
        for code, meaning in table.items():
            words = meaning.ro if lang is Language.RO else meaning.en
            turn = meaning.turn.value
            yield {"code": code, "of": of, "turn": turn, "what": words.what, "remedy": words.remedy}
    for code, row in ERRORS.items():
        what = row.title[:1].lower() + row.title[1:]
        yield {"code": code, "of": COMMAND, "turn": row.fault.value, "what": what, "remedy": row.remedy}
