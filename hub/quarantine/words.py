"""The sentences of `punte quarantine`, in two languages.

Rule kept: both tables hold the same keys and slots (a test compares them); a sentence never holds a value of a record.
"""

from __future__ import annotations

from collections.abc import Mapping

from consent.messages import Language

EN: Mapping[str, str] = {
    "entry": "{lane}/{number}  {at}  {stage}  {code}{path}  from {source}, {where}, attempt {attempt}, {kept}: {state}",
    "path": " at `{path}`",
    "nothing": "Nothing is in quarantine.",
    "callback": "Hollow alert of unit {source}, between {begin} and {end}: {cause}.",
    "cause_unreadable": "something it sent could not be read; ask it what it wanted to tell, the entries follow",
    "cause_conflict": "it sent other bytes under an id it had used; both alerts went out, ask it which one holds",
    "cause_unserved": "an alert that a desk did not get; ask it to tell it by voice",
    "no_unit": "an unknown unit",
    "position": "position only",
    "sealed": "sealed ({size})",
    "open": "open",
    "resubmitted": "resubmitted",
    "discarded": "discarded",
    "not_arrived": "resubmitted, but no record says yet what became of it; the same command again is safe",
    "meaning": "{what}: {remedy}",
    "act": "{at}: {act} by {by}, because {why} ({reason}); attempt {attempt}",
    "gone": "The record is no longer in its topic; give the private key with --key to look into the sealed copy.",
    "lost": "The record is no longer in its topic and no sealed copy is kept: its sender must send it anew.",
    "preview": "Resubmitted now, as attempt {attempt}, with today's facts and policy:",
    "preview_first": "Resubmitted now, it would be admitted, and decided with today's facts and policy:",
    "again": "Resubmitted now, it would be stopped again: {code}{path}. {what}: {remedy}",
    "given": "unit {unit}, purpose {purpose}: would get {release}: {fields}",
    "already": "unit {unit}, purpose {purpose}: has it already",
    "nobody": "nobody new would get anything",
    "done_resubmitted": "{place}: resubmitted as attempt {attempt}",
    "done_discarded": "{place}: discarded; nothing was deleted",
    "done_refused": "{place}: stopped again ({code}{path}); it stays open. {what}: {remedy}",
    "done_already": "{place}: was {state} before; nothing was written",
}

RO: Mapping[str, str] = {
    "callback": "Alertă goală a unității {source}, între {begin} și {end}: {cause}.",
    "cause_unreadable": "ceva ce a trimis nu a putut fi citit; întrebați ce voia să anunțe, urmează înregistrările",
    "cause_conflict": "a trimis alți octeți sub același identificator; ambele au plecat, întrebați care e valabilă",
    "cause_unserved": "o alertă pe care un dispecerat nu a primit-o; cereți să fie spusă prin voce",
    "entry": "{lane}/{number}  {at}  {stage}  {code}{path}  de la {source}, {where}, încercarea {attempt}, {kept}: "
    "{state}",
    "path": " la `{path}`",
    "nothing": "Nimic nu este în carantină.",
    "no_unit": "o unitate necunoscută",
    "position": "doar poziția",
    "sealed": "sigilată ({size})",
    "open": "deschisă",
    "resubmitted": "retrimisă",
    "discarded": "închisă",
    "not_arrived": "retrimisă, dar nicio înregistrare nu spune încă ce s-a întâmplat; aceeași comandă se poate repeta",
    "meaning": "{what}: {remedy}",
    "act": "{at}: {act} de {by}, pentru că {why} ({reason}); încercarea {attempt}",
    "gone": "Înregistrarea nu mai este în topicul ei; dați cheia privată prin --key pentru copia sigilată.",
    "lost": "Înregistrarea nu mai este în topicul ei și nu există copie sigilată: expeditorul trebuie să o retrimită.",
    "preview": "Retrimisă acum, ca încercarea {attempt}, cu faptele și politica de azi:",
    "preview_first": "Retrimisă acum, ar fi admisă și hotărâtă cu faptele și politica de azi:",
    "again": "Retrimisă acum, ar fi oprită din nou: {code}{path}. {what}: {remedy}",
    "given": "unitatea {unit}, scopul {purpose}: ar primi {release}: {fields}",
    "already": "unitatea {unit}, scopul {purpose}: o are deja",
    "nobody": "nimeni altcineva nu ar primi ceva",
    "done_resubmitted": "{place}: retrimisă ca încercarea {attempt}",
    "done_discarded": "{place}: închisă; nimic nu a fost șters",
    "done_refused": "{place}: oprită din nou ({code}{path}); rămâne deschisă. {what}: {remedy}",
    "done_already": "{place}: era deja {state}; nu s-a scris nimic",
}

TABLES: Mapping[Language, Mapping[str, str]] = {Language.EN: EN, Language.RO: RO}
