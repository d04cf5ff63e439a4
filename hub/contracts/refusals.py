"""What each code of a receipt, a quarantine entry or an attempt means, and what to do about it. Pure.

Rule kept: no code without its row, no row without its code (contract.md section 8; a test collects the codes from the
source). A row says what happened, whose turn it is and the remedy, in English and Romanian; it never holds a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Turn(StrEnum):
    """Who can mend what happened."""

    NOBODY = "nobody"
    SENDER = "sender"
    HUB = "hub"
    REGISTER = "register"


@dataclass(frozen=True, slots=True)
class Words:
    """What happened and what to do, in one language."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """The row of a code: who can mend it, and the words in English and in Romanian."""

    turn: Turn
    en: Words
    ro: Words


ADMISSION: Final[Mapping[str, Meaning]] = {
    "frame": Meaning(
        Turn.SENDER,
        Words("the value has no frame", "write a zero byte, the schema id in four bytes, then the Avro body"),
        Words("valoarea nu are cadru", "scrieți un octet zero, numărul schemei pe patru octeți, apoi corpul Avro"),
    ),
    "size": Meaning(
        Turn.SENDER,
        Words("the value has more than 65,536 bytes", "keep texts and arrays within the bounds of the schema"),
        Words("valoarea are peste 65.536 de octeți", "păstrați textele și listele în limitele schemei"),
    ),
    "schema_unknown": Meaning(
        Turn.SENDER,
        Words("the schema id is that of no event type", "use an id that `schemas/lock.json` lists under `events`"),
        Words(
            "numărul schemei nu este al unui tip de eveniment", "folosiți un număr din `schemas/lock.json`, `events`"
        ),
    ),
    "schema_not_allowed": Meaning(
        Turn.SENDER,
        Words(
            "the agreement or the role of the unit does not cover this event, or `ce_type` names another type",
            "compare `ce_type`, the schema id and `publishes` of the agreement; the hub's operator can change the last",
        ),
        Words(
            "acordul sau rolul unității nu acoperă acest eveniment, ori `ce_type` numește alt tip",
            "comparați `ce_type`, numărul schemei și `publishes` din acord; pe acesta îl schimbă operatorul hubului",
        ),
    ),
    "not_canonical": Meaning(
        Turn.SENDER,
        Words(
            "the bytes are not the one Avro encoding of a record of this schema",
            "encode with a plain Avro library and the schema file, each array as one block, nothing after the record",
        ),
        Words(
            "octeții nu sunt codificarea Avro unică a unei înregistrări din această schemă",
            "codificați cu o bibliotecă Avro și fișierul schemei, fiecare listă într-un bloc, nimic după înregistrare",
        ),
    ),
    "header": Meaning(
        Turn.SENDER,
        Words(
            "a header is missing, repeated, null, too large or not of its form",
            "send `ce_specversion`, `ce_id`, `ce_source`, `ce_type`, `ce_time`, `ce_subject` once each, in their form",
        ),
        Words(
            "un antet lipsește, se repetă, este nul, prea mare sau nu are forma lui",
            "trimiteți `ce_specversion`, `ce_id`, `ce_source`, `ce_type`, `ce_time` și `ce_subject`, fiecare o dată",
        ),
    ),
    "owner": Meaning(
        Turn.SENDER,
        Words("`ce_source` is not the owner of the inbox", "set it to `urn:punte:unit:` and the code of the inbox"),
        Words("`ce_source` nu este titularul cutiei de intrare", "puneți `urn:punte:unit:` și codul din numele cutiei"),
    ),
    "lane": Meaning(
        Turn.SENDER,
        Words(
            "the event type belongs to another lane than the inbox",
            "write it to the inbox of the lane that `schemas/catalogue.toml` gives the type",
        ),
        Words(
            "tipul de eveniment ține de altă bandă decât cutia de intrare",
            "scrieți-l în cutia benzii pe care `schemas/catalogue.toml` o dă tipului",
        ),
    ),
    "bound": Meaning(
        Turn.SENDER,
        Words(
            "a field is outside its bounds, or holds a symbol, place or reference that is not known here",
            "compare the field with its schema; a reference of the hub is for the unit it was given to alone",
        ),
        Words(
            "un câmp depășește limitele sau are un simbol, un loc ori o referință necunoscute aici",
            "comparați câmpul cu schema; o referință a hubului este numai pentru unitatea care a primit-o",
        ),
    ),
    "future_time": Meaning(
        Turn.SENDER,
        Words("`ce_time` lies more than five minutes ahead", "set the clock of the sending system, then send it again"),
        Words("`ce_time` este cu peste cinci minute în viitor", "potriviți ceasul sistemului, apoi trimiteți din nou"),
    ),
    "cnp_not_synthetic": Meaning(
        Turn.SENDER,
        Words("a personal number is not synthetic", "use county codes 60-69: this build takes no real person's number"),
        Words(
            "un CNP nu este sintetic", "folosiți codurile de județ 60-69: această versiune nu primește CNP-uri reale"
        ),
    ),
    "basis_mismatch": Meaning(
        Turn.SENDER,
        Words(
            "the legal basis or the addressee does not fit the kind of unit the referral goes to",
            "use `law` for public bodies, `consent` for shelter, hospital, association; `toUnit` is of `toKind`",
        ),
        Words(
            "temeiul sau destinatarul nu se potrivește cu felul unității sesizate",
            "folosiți `law` la autorități, `consent` la adăpost, spital, asociație; `toUnit` este de felul `toKind`",
        ),
    ),
    "block_role": Meaning(
        Turn.SENDER,
        Words("a person block says another role than its own", "set `role` of each block to the name of the block"),
        Words("un bloc de persoană are alt rol decât al său", "puneți în `role` numele blocului"),
    ),
    "unit_unknown": Meaning(
        Turn.SENDER,
        Words(
            "a unit that is named, or the owner of the inbox, is not in the register",
            "use the code of a registered unit; the hub's operator registers new ones",
        ),
        Words(
            "o unitate numită, sau titularul cutiei de intrare, nu este în registru",
            "folosiți codul unei unități înregistrate; unitățile noi le înregistrează operatorul hubului",
        ),
    ),
}
"""Codes of admission (contract.md section 8): the event was refused and nothing of it went on."""

GATEWAY: Final[Mapping[str, Meaning]] = {
    "admitted": Meaning(
        Turn.NOBODY,
        Words("the event was admitted and decided; this says nothing of recipients", "there is nothing to do"),
        Words(
            "evenimentul a fost admis și hotărât; aceasta nu spune nimic despre destinatari", "nu este nimic de făcut"
        ),
    ),
    "late": Meaning(
        Turn.NOBODY,
        Words(
            "the event was decided, though its `ce_time` is more than a day old",
            "find out why it came late: legal deadlines run from the event, not from its arrival",
        ),
        Words(
            "evenimentul a fost hotărât, deși `ce_time` este mai vechi de o zi",
            "aflați de ce a venit târziu: termenele legale curg de la eveniment, nu de la sosire",
        ),
    ),
    "duplicate": Meaning(
        Turn.NOBODY,
        Words("the same event was here before; the repeat has no second effect", "there is nothing to do"),
        Words("același eveniment a mai venit; repetarea nu are alt efect", "nu este nimic de făcut"),
    ),
    "coalesced": Meaning(
        Turn.SENDER,
        Words(
            "in a flood of alerts one device told the same again and again: the first and the last of them went out",
            "see why the device or the sending system floods; every alert of it is in the inbox",
        ),
        Words(
            "într-un val de alerte un dispozitiv a spus același lucru de multe ori: prima și ultima au fost transmise",
            "aflați de ce dispozitivul sau sistemul inundă; fiecare alertă a lui este în cutia de intrare",
        ),
    ),
    "conflict": Meaning(
        Turn.SENDER,
        Words(
            "another event came before under this id; the first stands, on the alert lane both are decided",
            "send it under an id of its own: an id is never used twice",
        ),
        Words(
            "alt eveniment a venit cu acest identificator; rămâne primul, pe banda de alertă se hotărăsc ambele",
            "trimiteți-l cu un identificator al lui: niciunul nu se folosește de două ori",
        ),
    ),
    "undecided": Meaning(
        Turn.HUB,
        Words(
            "the event could not be decided; nothing of it was released",
            "the hub's operator mends the fault; then send the same event again, it is decided anew",
        ),
        Words(
            "evenimentul nu a putut fi hotărât; nimic din el nu a fost divulgat",
            "operatorul hubului repară defectul; trimiteți apoi același eveniment, se hotărăște din nou",
        ),
    ),
    "no_fallback": Meaning(
        Turn.REGISTER,
        Words(
            "a unit that must be told is held out and nobody could stand in, or its row's waiver has ended",
            "a person tells a duty recipient now; then give the unit a `fallback` that is not held out, or have the "
            "law confirmed or waived again",
        ),
        Words(
            "o unitate care trebuie anunțată este blocată și nimeni nu i-a ținut locul, sau derogarea rândului ei a "
            "expirat",
            "un om anunță acum un destinatar de serviciu; apoi dați unității un `fallback` care nu este blocat sau "
            "obțineți confirmarea legii ori o nouă derogare",
        ),
    ),
    "nobody": Meaning(
        Turn.REGISTER,
        Words(
            "an event that must be told reached no duty recipient: none covers its place and has an agreement",
            "a person tells a duty recipient now; then mend the areas and agreements of the register",
        ),
        Words(
            "un eveniment care trebuie anunțat nu a ajuns la niciun destinatar de serviciu: niciunul nu acoperă "
            "locul și nu are acord",
            "un om anunță acum un destinatar de serviciu; apoi corectați zonele și acordurile din registru",
        ),
    ),
    "transform_failed": Meaning(
        Turn.HUB,
        Words(
            "a release could not be made; its unit got nothing of the event",
            "report it with the event id; a person decides whether the unit must be told by other means",
        ),
        Words(
            "o divulgare nu a putut fi făcută; unitatea ei nu a primit nimic din eveniment",
            "raportați cu identificatorul evenimentului; un om hotărăște dacă unitatea se anunță altfel",
        ),
    ),
    "check_failed": Meaning(
        Turn.HUB,
        Words(
            "the second check stopped a release that was not what its schema says; its unit got nothing of the event",
            "report it at once with the event id; a person decides whether the unit must be told by other means",
        ),
        Words(
            "a doua verificare a oprit o divulgare care nu era cum spune schema; unitatea ei nu a primit nimic",
            "raportați îndată, cu identificatorul evenimentului; un om hotărăște dacă unitatea se anunță altfel",
        ),
    ),
    "unknown_topic": Meaning(
        Turn.HUB,
        Words(
            "a release waits: its topic is not there; all of this unit and purpose wait behind it, in order",
            "run `punte topic apply --federation FILE`; what waits is decided again and goes out by itself",
        ),
        Words(
            "o divulgare așteaptă: topicul ei nu există; toate ale unității și scopului așteaptă după ea, în ordine",
            "rulați `punte topic apply --federation FIȘIER`; ce așteaptă se hotărăște din nou și pleacă singur",
        ),
    ),
    "no_rights": Meaning(
        Turn.HUB,
        Words(
            "a release waits: the gateway has no right to write its topic; all of this unit and purpose wait behind it",
            "give the gateway's login the right to write `release.<lane>.*`; what waits goes out by itself",
        ),
        Words(
            "o divulgare așteaptă: poarta nu are dreptul să scrie topicul ei; toate ale unității și scopului așteaptă",
            "dați porții dreptul de scriere în `release.<bandă>.*`; ce așteaptă pleacă singur",
        ),
    ),
    "too_large": Meaning(
        Turn.HUB,
        Words(
            "a release waits: it is larger than its topic takes; all of this unit and purpose wait behind it, in order",
            "set `max.message.bytes` of the topic to 1048576 or remove it; what waits goes out by itself",
        ),
        Words(
            "o divulgare așteaptă: este mai mare decât primește topicul ei; toate ale unității și scopului așteaptă",
            "puneți `max.message.bytes` al topicului la 1048576 sau scoateți-l; ce așteaptă pleacă singur",
        ),
    ),
    "input_gone": Meaning(
        Turn.HUB,
        Words(
            "a release waited until its event was no longer kept; its unit got nothing of it",
            "a person tells the unit by other means; the publisher still has the event",
        ),
        Words(
            "o divulgare a așteptat până când evenimentul ei nu a mai fost păstrat; unitatea nu a primit nimic din el",
            "un om anunță unitatea pe altă cale; expeditorul mai are evenimentul",
        ),
    ),
}
"""Codes of the gateway: what became of an event that was admitted."""

ACTS: Final[Mapping[str, Meaning]] = {
    "resubmitted": Meaning(
        Turn.NOBODY,
        Words(
            "a person resubmitted the entry of quarantine: a further attempt of the event, for those who lack it",
            "`punte quarantine show LANE/NUMBER` tells what became of it; the same command again is safe",
        ),
        Words(
            "un om a retrimis înregistrarea din carantină: o nouă încercare, pentru cei care nu au primit-o",
            "`punte quarantine show BANDĂ/NUMĂR` spune ce s-a întâmplat; aceeași comandă repetată nu strică nimic",
        ),
    ),
    "discarded": Meaning(
        Turn.NOBODY,
        Words("a person closed the entry of quarantine; nothing was deleted", "there is nothing to do"),
        Words("un om a închis înregistrarea din carantină; nimic nu a fost șters", "nu este nimic de făcut"),
    ),
}
"""Codes of what a person does with an entry of quarantine (`hub.contracts.acts`)."""

MEANINGS: Final[Mapping[str, Meaning]] = {**ADMISSION, **GATEWAY, **ACTS}
"""Every code of an event; no code is in two tables."""
