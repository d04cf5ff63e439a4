"""The words for people: each role, purpose, field group, obligation, guard and rule by a short name in two languages.

Rule kept: data only. A legal term keeps its Romanian name, the English one explains it; letters have the comma below.
Source: contract.md section 0; domain.md sections 1, 2.1, 2.3, 4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from consent.guards import Guard, GuardKind
from consent.messages import Language, plural_form
from consent.terms import BasisStatus, Obligation, Outcome, PartyRole, Profile, Purpose, Role, SensitivityClass


class Name(NamedTuple):
    """One thing in the two languages of every page."""

    en: str
    ro: str


def named(name: Name, language: Language) -> str:
    """A name in one language."""
    return name.ro if language is Language.RO else name.en


ROLES: Mapping[Role, Name] = {
    Role.POL_D: Name("Police dispatch (112)", "Dispeceratul poliției (112)"),
    Role.POL_R: Name("Police patrol", "Patrula de ordine publică"),
    Role.POL_I: Name("Criminal investigation", "Cercetare penală"),
    Role.POL_M: Name("Proximity police", "Poliția de proximitate"),
    Role.EMIS: Name("Electronic monitoring desk (SIME)", "Dispeceratul de monitorizare electronică (SIME)"),
    Role.PROS: Name("Prosecutor's office (parchet)", "Parchetul"),
    Role.COURT: Name("Local court (judecătorie)", "Judecătoria"),
    Role.PROB: Name("Probation service", "Serviciul de probațiune"),
    Role.SW_L: Name(
        "Local social services, victims' centre (DASM)", "Asistență socială locală, centrul victimelor (DASM)"
    ),
    Role.LODGE: Name("Lodging for evicted aggressors (DASM)", "Cazarea agresorilor evacuați (DASM)"),
    Role.SW_C: Name("County social services, adults (DGASPC)", "Asistență socială județeană, adulți (DGASPC)"),
    Role.CHILD: Name("Child protection (DGASPC)", "Protecția copilului (DGASPC)"),
    Role.SHEL: Name("Shelter for victims", "Adăpost pentru victime"),
    Role.HOSP: Name("Hospital", "Spital"),
    Role.NGO_V: Name("NGO for victims", "ONG pentru victime"),
    Role.PERP: Name("Perpetrator programme", "Program pentru agresori"),
    Role.ANP: Name("Prison (ANP)", "Penitenciar (ANP)"),
    Role.SCH: Name("School", "Școală"),
    Role.STAT: Name("Statistics", "Statistică"),
    Role.DPO: Name("Data-protection officer (DPO)", "Responsabil cu protecția datelor (DPO)"),
    Role.IML: Name("Forensic medicine (IML)", "Medicină legală (IML)"),
    Role.MOBILE: Name("Mobile team", "Echipa mobilă"),
}

PURPOSES: Mapping[Purpose, Name] = {
    Purpose.P1: Name("immediate protection", "protecție imediată"),
    Purpose.P2: Name("criminal investigation and prosecution", "cercetare și urmărire penală"),
    Purpose.P3: Name("order enforcement and monitoring", "executarea și monitorizarea ordinelor"),
    Purpose.P4: Name("judicial proceedings", "procedură judiciară"),
    Purpose.P5: Name("execution of sentence, probation", "executarea pedepsei, probațiune"),
    Purpose.P6: Name("social emergency assessment", "evaluare socială de urgență"),
    Purpose.P7: Name("case management and support", "management de caz și sprijin"),
    Purpose.P8: Name("child protection", "protecția copilului"),
    Purpose.P9: Name("shelter safety", "siguranța adăpostului"),
    Purpose.P10: Name("medical and forensic care", "îngrijire medicală și medico-legală"),
    Purpose.P11: Name("perpetrator intervention", "intervenție pentru agresori"),
    Purpose.P12: Name("referral routing", "îndrumarea trimiterilor"),
    Purpose.P13: Name("statistics", "statistică"),
    Purpose.P14: Name("audit, data protection", "audit, protecția datelor"),
    Purpose.P15: Name("exercise of data-subject rights", "exercitarea drepturilor persoanei vizate"),
}

GROUPS: Mapping[int, Name] = {
    1: Name("victim's identity", "identitatea victimei"),
    2: Name("victim's contact, safe channel", "contactul victimei, canal sigur"),
    3: Name("protected places named in the order", "locuri protejate numite în ordin"),
    4: Name("victim's present place", "locul actual al victimei"),
    5: Name("shelter's address (no field exists)", "adresa adăpostului (nu există câmp)"),
    6: Name("aggressor's identity", "identitatea agresorului"),
    7: Name("aggressor's contact, residence after eviction", "contactul agresorului, reședința după evacuare"),
    8: Name("aggressor's live position (reference)", "poziția în timp real a agresorului (referință)"),
    9: Name("risk level", "nivelul de risc"),
    10: Name("answers of the risk assessment", "răspunsurile evaluării de risc"),
    11: Name("injuries, medical and forensic facts", "leziuni, date medicale și medico-legale"),
    12: Name("children's identity", "identitatea copiilor"),
    13: Name("children's exposure", "expunerea copiilor"),
    14: Name("measures and validity of the order", "măsurile și valabilitatea ordinului"),
    15: Name("weapons", "arme"),
    16: Name("needs, state of the referral", "nevoi, starea trimiterii"),
    17: Name("content of counselling (no field exists)", "conținutul consilierii (nu există câmp)"),
    18: Name("state of proceedings", "stadiul procedurii"),
    19: Name("aggressor's criminal record", "antecedentele agresorului"),
    20: Name("free text", "text liber"),
    21: Name("officer's or professional's notes, identity", "notele și identitatea agentului sau specialistului"),
    22: Name("ethnicity, religion, orientation, disability", "etnie, religie, orientare, dizabilitate"),
    23: Name("technical facts of monitoring", "date tehnice ale monitorizării"),
    24: Name("consent records", "evidența consimțămintelor"),
    25: Name("attendance of the aggressor's programme", "prezența la programul pentru agresori"),
    26: Name("facts of the event (references, times, kind)", "datele evenimentului (referințe, momente, fel)"),
    27: Name("place of the incident (address)", "locul incidentului (adresa)"),
    28: Name("facts of the incident", "faptele incidentului"),
    29: Name("state of the alert", "starea alertei"),
    30: Name("custody and liberty", "reținere și libertate"),
    31: Name("places free, directory", "locuri libere, catalogul serviciilor"),
    32: Name("who reported", "cine a sesizat"),
    33: Name("protected places the aggressor does not know", "locuri protejate necunoscute agresorului"),
}

CLASSES: Mapping[SensitivityClass, Name] = {
    SensitivityClass.S0: Name("public", "public"),
    SensitivityClass.S1: Name("operational, no person", "operațional, fără persoane"),
    SensitivityClass.S2: Name("identity", "identitate"),
    SensitivityClass.S3: Name("contact, residence", "contact, reședință"),
    SensitivityClass.S4: Name("special category (GDPR art. 9)", "categorie specială (RGPD art. 9)"),
    SensitivityClass.S5: Name("offence data (GDPR art. 10)", "date despre infracțiuni (RGPD art. 10)"),
    SensitivityClass.S6: Name("child", "copil"),
    SensitivityClass.S7: Name("secret for safety", "secret pentru siguranță"),
    SensitivityClass.S8: Name("free text", "text liber"),
    SensitivityClass.S9: Name("professional secret", "secret profesional"),
    SensitivityClass.S10: Name("live position", "poziție în timp real"),
}

OBLIGATIONS: Mapping[Obligation, Name] = {
    Obligation.READ_COMMITTED: Name("reads only committed records", "citește numai înregistrări consemnate"),
    Obligation.APPLICATION_RECEIPT: Name("acknowledges receipt", "confirmă primirea"),
    Obligation.HONOUR_RECALL: Name("honours a recall", "respectă retragerea"),
    Obligation.NO_ONWARD_DISCLOSURE: Name("passes nothing on", "nu transmite mai departe"),
    Obligation.RETENTION_LIMIT: Name("keeps it no longer than set", "nu păstrează peste termenul stabilit"),
    Obligation.ACCESS_LOG: Name("logs who looked", "consemnează cine a consultat"),
    Obligation.ERASURE: Name("erases it afterwards", "șterge la sfârșit"),
}

GUARDS: Mapping[GuardKind, Name] = {
    GuardKind.AREA: Name("the place lies in the unit's area", "locul se află în raza unității"),
    GuardKind.ADDRESSEE: Name("the event names the unit", "evenimentul numește unitatea"),
    GuardKind.EMERGENCY: Name("the alert is critical", "alerta este critică"),
    GuardKind.CONTENT: Name("the event says {arg}", "evenimentul spune {arg}"),
    GuardKind.RELATION: Name("the unit works with the {arg}", "unitatea lucrează cu {arg}"),
    GuardKind.CONSENT: Name("a live consent opens package {arg}", "un consimțământ valabil deschide pachetul {arg}"),
    GuardKind.JUDICIAL: Name("a judicial request is open", "o cerere judiciară este deschisă"),
}

CONTENTS: Mapping[str, Name] = {
    "result=imminent": Name("the risk is imminent", "riscul este iminent"),
    "instrument=RO_POL_21": Name(
        "the form is the police's of 21 questions", "formularul este cel al poliției cu 21 de întrebări"
    ),
    "instrument=RO_POL_2024": Name("the form is the police's of 2024", "formularul este cel al poliției din 2024"),
    "instrument=RO_SOC_25": Name(
        "the form is social services' of 25 items", "formularul este cel social cu 25 de itemi"
    ),
    "childInHousehold=yes": Name("a child lives in the household", "un copil locuiește în gospodărie"),
    "childCovered=yes": Name("the order covers a child", "ordinul cuprinde un copil"),
    "emisConsent=accepted": Name("the device was accepted", "dispozitivul a fost acceptat"),
    "basis.kind=law": Name("the referral rests on law", "trimiterea se sprijină pe lege"),
    "severity=technical": Name("the alert is technical", "alerta este tehnică"),
    "riskLevel=imminent": Name("the risk is imminent", "riscul este iminent"),
    "riskLevel=high": Name("the risk is high", "riscul este ridicat"),
    "childPresent=yes": Name("a child was present", "un copil a fost prezent"),
    "childInvolved=yes": Name("a child is involved", "un copil este implicat"),
    "schoolClause=yes": Name("the order has a clause on the school", "ordinul are o clauză despre școală"),
}
"""What a guard on the content asks, by `leaf=symbol` (`consent.guards.CONTENT`)."""

PARTIES: Mapping[PartyRole, Name] = {
    PartyRole.VICTIM: Name("victim", "victima"),
    PartyRole.SUSPECT: Name("suspect", "agresorul"),
    PartyRole.CHILD: Name("child", "copilul"),
}

RULES: Mapping[str, Name] = {
    "1": Name("the name alone", "numai numele"),
    "6": Name("the name alone, for safety at the door", "numai numele, pentru siguranța la ușă"),
    "7": Name("the administrative unit alone", "numai unitatea administrativ-teritorială"),
    "11": Name("only whether care is needed", "numai dacă e nevoie de îngrijiri"),
    "12": Name("the age as a band", "vârsta ca interval"),
    "13c": Name("only how many children", "numai câți copii"),
    "13": Name("only whether there are any", "numai dacă există"),
    "14d": Name(
        "that an order stands, until which day, distance as a band",
        "că există ordin, până în ce zi, distanța ca interval",
    ),
    "14": Name("that an order stands, and until which day", "că există ordin și până în ce zi"),
    "15": Name("only whether to take care", "numai dacă e nevoie de prudență"),
    "25": Name("only whether the programme was left", "numai dacă programul a fost abandonat"),
    "26h": Name("times to the hour", "momentele până la oră"),
    "26c": Name(
        "times to the hour, place to the county, no unit", "momentele până la oră, locul până la județ, fără unități"
    ),
    "26d": Name(
        "times to the day, place to the county, no unit", "momentele până la zi, locul până la județ, fără unități"
    ),
    "29": Name("the kind alone", "numai felul"),
}

STATUSES: Mapping[BasisStatus, Name] = {
    BasisStatus.OK: Name("confirmed", "confirmat"),
    BasisStatus.UNCONFIRMED: Name("law not confirmed", "lege neconfirmată"),
    BasisStatus.PROPOSAL: Name("proposal, never released", "propunere, nu se transmite niciodată"),
}

OUTCOMES: Mapping[Outcome, Name] = {
    Outcome.GIVEN: Name("given", "dat"),
    Outcome.GENERALISED: Name("generalised", "generalizat"),
    Outcome.WITHHELD: Name("withheld", "reținut"),
    Outcome.DOES_NOT_LEARN: Name("does not learn", "nu află"),
}

PROFILES: Mapping[Profile, Name] = {
    Profile.DEMO: Name(
        "demo: also releases on law that is not confirmed", "demonstrativ: transmite și pe lege neconfirmată"
    ),
    Profile.PRODUCTION: Name(
        "production: releases on confirmed law alone", "producție: transmite numai pe lege confirmată"
    ),
}


ACTS: Mapping[str, Name] = {
    "L217": Name("Law 217/2003", "Legea 217/2003"),
    "GDPR": Name("GDPR", "RGPD"),
    "LED": Name("LED (Directive 2016/680)", "Directiva 2016/680"),
    "Istanbul Convention": Name("Istanbul Convention", "Convenția de la Istanbul"),
    "Code of Criminal Procedure": Name("Code of Criminal Procedure", "Codul de procedură penală"),
    "law voted 25.02.2026 (force not verified)": Name(
        "law voted 25.02.2026 (force not verified)", "legea votată la 25.02.2026 (vigoare neverificată)"
    ),
}
"""Acts that a matrix cites by a word of their own; the others are spelt by their kind and number."""

ACT_KINDS: Mapping[str, Name] = {
    "Law": Name("Law", "Legea"),
    "L": Name("Law", "Legea"),
    "Order": Name("Order", "Ordinul"),
    "HG": Name("Government Decision (HG)", "HG"),
    "Government Decision": Name("Government Decision (HG)", "HG"),
}
NUMBERED = re.compile(r"(Law|L|Order|HG|Government Decision) ?(\d.*)")
"""`Law 363/2018`, `L292/2011`, `Order 20.840/2022`, `HG 1025/2022`."""


def act_name(act: str) -> Name:
    """An act as a matrix cites it, by its full name; one that is not known stands as it is in both languages."""
    if act in ACTS:
        return ACTS[act]
    numbered = NUMBERED.fullmatch(act)
    return Name(*(f"{kind} {numbered[2]}" for kind in ACT_KINDS[numbered[1]])) if numbered else Name(act, act)


DAYS: Mapping[str, Name] = {"one": Name("day", "zi"), "few": Name("days", "zile"), "many": Name("days", "de zile")}
"""The noun after a number of days, by the Romanian plural form of the number."""


def days(n: int) -> Name:
    """A number of days: `30 days`, `30 de zile`."""
    return Name(*(f"{n} {noun}" for noun in DAYS[plural_form(n)]))


def guard_name(guard: Guard) -> Name:
    """A guard in words: `the unit works with the victim`, `the risk is imminent`."""
    if guard.arg in CONTENTS:
        return CONTENTS[guard.arg]
    name = GUARDS[guard.kind]
    party = PARTIES[PartyRole(guard.arg)] if guard.kind is GuardKind.RELATION else Name(guard.arg, guard.arg)
    return Name(name.en.format(arg=party.en), name.ro.format(arg=party.ro))


def guard_words(guard: Guard, language: Language) -> str:
    """A guard in words of one language, the same on every page and in every answer."""
    return named(guard_name(guard), language)
