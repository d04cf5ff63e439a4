"""The sentences about what a new version eases, as templates with slots, one table a language.

Rule kept: both tables hold the same keys and slots (a test compares them). What the pack itself says (a line, a reason,
a finding of the proof) is quoted as it stands there.
"""

from __future__ import annotations

from collections.abc import Mapping

from consent.messages import Language

EN: Mapping[str, str] = {
    "and": " and ",
    "in_time": "over both versions, {finding}",
    "in_time.hint": "who received under the old version keeps what it has: narrow the new one",
    "red_line": "red line",
    "duty_line": "duty line",
    "must": "must",
    "conflict": "conflict of sources",
    "gone": "{what} {name} is gone{says}",
    "else": "{what} {name} says something else{says}",
    "gets": ": {role} {purpose} gets {event}",
    "says": ": {says}",
    "kept.hint": "keep it as it was, or have its owners agree",
    "reduction": "{transform} now counts as taking away {words}, signed by {signed}: {why}",
    "law": "basis {name} ({ref}) was {was} and is {now} now: every row on it releases so",
    "law.hint": "have a lawyer say where he read it",
    "status.ok": "ok",
    "status.unconfirmed": "unconfirmed",
    "status.proposal": "proposal",
    "cites": "basis {name} cites {ref} now, before {was}",
    "rests": "rests on {now} now, before on {was}",
    "one_row": "row {rows}",
    "rows": "rows {rows}",
    "one_group": "group {groups}",
    "groups": "groups {groups}",
    "waives": "waiver {id} of {who} waives {rows}, until {until}: {why}",
    "waives_more": "waiver {id} of {who} also waives {rows} now, until {until}: {why}",
    "waiver_else": "waiver {id} of {who} has another controller, signatory or reason, until {until}: {why}",
    "lasts": "waiver {id} of {who} lasts longer, until {until}: {why}",
    "waiver.hint": "have the controller sign it",
    "package": "package {name} of {role} {purpose} no longer contains {groups}: a consent that lists groups"
    " without that now opens the whole package",
    "package.hint": "make a new package of another name",
    "row": "row {row} ({cell}) {less}",
    "owes": "no longer obliges to {dropped}",
    "keeps": "may be kept longer than {days}",
    "row.hint": "keep it, or have the controllers agree",
}

RO: Mapping[str, str] = {
    "and": " și ",
    "in_time": "peste ambele versiuni, {finding}",
    "in_time.hint": "cine a primit după versiunea veche păstrează ce are: restrângeți-o pe cea nouă",
    "red_line": "linia roșie",
    "duty_line": "linia de îndatorire",
    "must": "cerința legii",
    "conflict": "diferența dintre surse",
    "gone": "{what} {name} lipsește{says}",
    "else": "{what} {name} spune altceva{says}",
    "gets": ": {role} {purpose} primește {event}",
    "says": ": {says}",
    "kept.hint": "păstrați-o cum era sau cereți acordul celor care răspund de ea",
    "reduction": "de acum se socotește că {transform} înlătură {words}, semnat de {signed}: {why}",
    "law": "temeiul {name} ({ref}) era {was} și acum este {now}: fiecare rând sprijinit pe el transmite ca atare",
    "law.hint": "cereți unui jurist să spună unde l-a citit",
    "status.ok": "confirmat",
    "status.unconfirmed": "neconfirmat",
    "status.proposal": "o propunere",
    "cites": "temeiul {name} citează acum {ref}, înainte {was}",
    "rests": "se sprijină acum pe {now}, înainte pe {was}",
    "one_row": "rândul {rows}",
    "rows": "rândurile {rows}",
    "one_group": "grupa {groups}",
    "groups": "grupele {groups}",
    "waives": "derogarea {id} a {who} cuprinde {rows}, până la {until}: {why}",
    "waives_more": "derogarea {id} a {who} cuprinde acum și {rows}, până la {until}: {why}",
    "waiver_else": "derogarea {id} a {who} are alt operator, alt semnatar sau alt motiv, până la {until}: {why}",
    "lasts": "derogarea {id} a {who} ține mai mult, până la {until}: {why}",
    "waiver.hint": "cereți semnătura operatorului",
    "package": "pachetul {name} pentru {role} {purpose} nu mai cuprinde {groups}: un consimțământ dat pentru"
    " alte grupe deschide acum tot pachetul",
    "package.hint": "faceți un pachet nou, cu alt nume",
    "row": "rândul {row} ({cell}) {less}",
    "owes": "nu mai obligă la {dropped}",
    "keeps": "poate fi păstrat mai mult de {days}",
    "row.hint": "păstrați-l sau cereți acordul operatorilor",
}

TABLES: Mapping[Language, Mapping[str, str]] = {Language.EN: EN, Language.RO: RO}
