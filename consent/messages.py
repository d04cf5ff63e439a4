"""The sentences of explanations as templates with slots, one table a language, and the plural forms of Romanian.

Rule kept: both tables hold the same keys and slots (a test compares them); a sentence never holds a value of a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Language(StrEnum):
    """The two languages of every answer."""

    RO = "ro"
    EN = "en"


EN: Mapping[str, str] = {
    "unknown": "No such event is known to this unit.",
    "learns": "Unit {unit} ({role}, {purpose}) learned of {event}, because {guards}.",
    "does_not_learn": "Unit {unit} ({role}, {purpose}) does not learn that this {event} exists: {reason}.",
    "fallback": "It stands in for unit {unit}, which was denied.",
    "fact": "It rests on the register record at offset {offset}.",
    "fact_lapsed": "The register record at offset {offset} is there and does not make it so.",
    "learned": "Unit {unit} ({role}, {purpose}) learned of {event}.",
    "counts": "{given}, {generalised}, {withheld}.",
    "counts_heard": "{given}, {generalised}.",
    "rule": "Row {row} gives to {role}, for {purpose}: {what}; {law}.",
    "rule_when": "Row {row} gives to {role}, for {purpose}, when {when}: {what}; {law}.",
    "owed": "Row {row} gives it under: {owed}",
    "kept": "; kept at most {days}",
    "receipt": "Row {row} rests on the consent with receipt {receipt}; a recall names it.",
    "waived": "Row {row} releases by waiver {id} of {who}, until {until} (no longer on that day).",
    "read": " (text of {date})",
    "given": "`{path}`: given, by row {row}, {law}",
    "generalised": "`{path}`: generalised, {how}, by row {row}, {law}",
    "withheld": "`{path}`: withheld, no row gives it",
    "withheld_guard": "`{path}`: withheld, row {row} would give it if {guard}, {law}",
    "does-not-learn": "`{path}`: does not learn",
    "empty": "; empty at the source",
    "law": "on {ref}",
    "law_unconfirmed": "on {ref} (law not confirmed)",
    "law_proposal": "on {ref} (a proposal, never released)",
    "and": " and ",
    "reason.guard_false": "it was not so that {guard}",
    "reason.held": "a safety hold keeps it from this unit",
    "reason.conflict": "a conflict of interest keeps it from this unit",
    "reason.withdrawn": "the consent was withdrawn",
    "reason.suspect_side": "the unit works with the suspect",
    "reason.stale": "the registers were behind, so it was not known whether {guard}",
    "reason.transform_failed": "a field could not be generalised",
    "reason.check_failed": "the second check stopped the release",
    "how.flag_care": "only whether care is needed",
    "how.flag_present": "only whether there are any",
    "how.flag_caution": "only whether to take care",
    "how.hour": "to the hour",
    "how.day": "to the day",
    "how.county": "to the county",
    "how.pairwise": "as a reference of this unit alone",
    "how.person_ref": "as a person reference of this unit alone",
    "how.age_band": "only the age band",
    "how.distance_band": "only the distance band",
    "how.count": "only how many",
    "how.flag_dropped": "only whether it was broken off",
    "how.as_is": "as it is",
    "one.given": "field given",
    "few.given": "fields given",
    "many.given": "fields given",
    "one.generalised": "generalised",
    "few.generalised": "generalised",
    "many.generalised": "generalised",
    "one.withheld": "withheld",
    "few.withheld": "withheld",
    "many.withheld": "withheld",
}

RO: Mapping[str, str] = {
    "unknown": "Această unitate nu cunoaște un asemenea eveniment.",
    "learns": "Unitatea {unit} ({role}, {purpose}) a aflat de {event}, pentru că {guards}.",
    "does_not_learn": "Unitatea {unit} ({role}, {purpose}) nu află că acest {event} există: {reason}.",
    "fallback": "Ține locul unității {unit}, căreia i s-a refuzat.",
    "fact": "Se sprijină pe înregistrarea din registru de la poziția {offset}.",
    "fact_lapsed": "Înregistrarea din registru de la poziția {offset} există și nu face să fie așa.",
    "learned": "Unitatea {unit} ({role}, {purpose}) a aflat de {event}.",
    "counts": "{given}, {generalised}, {withheld}.",
    "counts_heard": "{given}, {generalised}.",
    "rule": "Rândul {row} dă către {role}, în scopul {purpose}: {what}; {law}.",
    "rule_when": "Rândul {row} dă către {role}, în scopul {purpose}, când {when}: {what}; {law}.",
    "owed": "Rândul {row} dă cu obligațiile: {owed}",
    "kept": "; păstrat cel mult {days}",
    "receipt": "Rândul {row} se sprijină pe consimțământul cu recipisa {receipt}; o retragere o numește.",
    "waived": "Rândul {row} transmite prin derogarea {id} a {who}, până la {until} (în acea zi nu mai transmite).",
    "read": " (textul din {date})",
    "given": "`{path}`: dat, prin rândul {row}, {law}",
    "generalised": "`{path}`: generalizat, {how}, prin rândul {row}, {law}",
    "withheld": "`{path}`: reținut, niciun rând nu îl dă",
    "withheld_guard": "`{path}`: reținut, rândul {row} l-ar da dacă {guard}, {law}",
    "does-not-learn": "`{path}`: nu află",
    "empty": "; gol la sursă",
    "law": "pe temeiul {ref}",
    "law_unconfirmed": "pe temeiul {ref} (lege neconfirmată)",
    "law_proposal": "pe temeiul {ref} (propunere, nu se transmite niciodată)",
    "and": " și ",
    "reason.guard_false": "nu era adevărat că {guard}",
    "reason.held": "o reținere de siguranță oprește transmiterea către această unitate",
    "reason.conflict": "un conflict de interese oprește transmiterea către această unitate",
    "reason.withdrawn": "consimțământul a fost retras",
    "reason.suspect_side": "unitatea lucrează cu agresorul",
    "reason.stale": "registrele erau în urmă, deci nu se știa dacă {guard}",
    "reason.transform_failed": "un câmp nu a putut fi generalizat",
    "reason.check_failed": "a doua verificare a oprit transmiterea",
    "how.flag_care": "doar dacă e nevoie de îngrijiri",
    "how.flag_present": "doar dacă există",
    "how.flag_caution": "doar dacă e nevoie de prudență",
    "how.hour": "până la oră",
    "how.day": "până la zi",
    "how.county": "până la județ",
    "how.pairwise": "ca referință doar a acestei unități",
    "how.person_ref": "ca referință de persoană doar a acestei unități",
    "how.age_band": "doar grupa de vârstă",
    "how.distance_band": "doar intervalul de distanță",
    "how.count": "doar câte sunt",
    "how.flag_dropped": "doar dacă s-a întrerupt",
    "how.as_is": "neschimbat",
    "one.given": "câmp dat",
    "few.given": "câmpuri date",
    "many.given": "de câmpuri date",
    "one.generalised": "generalizat",
    "few.generalised": "generalizate",
    "many.generalised": "de câmpuri generalizate",
    "one.withheld": "reținut",
    "few.withheld": "reținute",
    "many.withheld": "de câmpuri reținute",
}

TABLES: Mapping[Language, Mapping[str, str]] = {Language.EN: EN, Language.RO: RO}


def plural_form(n: int) -> str:
    """Which of the three Romanian forms a number takes.

    `one` (1), `few` (0, 2-19, and all ending in 01-19), else `many`.
    """
    if n == 1:
        return "one"
    return "few" if n == 0 or 1 <= n % 100 <= 19 else "many"


def counted(n: int, noun: str, table: Mapping[str, str]) -> str:
    """A number with its noun in the right form: `1 câmp dat`, `3 câmpuri date`, `20 de câmpuri date`."""
    return f"{n} {table[f'{plural_form(n)}.{noun}']}"
