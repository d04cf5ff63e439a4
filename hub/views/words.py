"""The sentences of answers that are not about one decision, in two languages.

Rule kept: both tables hold the same keys and slots (a test compares them); a sentence never holds a value of a record.
"""

from __future__ import annotations

from collections.abc import Mapping

from consent.messages import Language

EN: Mapping[str, str] = {
    "unknown": "No such event or release is known.",
    "event": "Event {id} ({type}), published by {source} on lane {lane}.",
    "event_heard": "An event of type {type}.",
    "times": "Admitted {admitted}, decided {decided}, policy {policy}, register revision {revision}, build {build}.",
    "times_heard": "Decided {decided}, policy {policy}.",
    "release": "Release {id}, attempt {attempt}, {length} bytes, SHA-256 {sha256}.",
    "fact": "The register record at offset {offset}: {kind}, {state} since {since}.",
    "attempt": "A record of unit {source} at {topic}/{partition}, offset {offset}: {verdict} ({code}) at {at}.",
    "needs": "No field can be told: policy {needs} decided it; point PUNTE_POLICIES at the pack with that digest.",
    "bare_given": "Unit {unit}: given.",
    "bare_does-not-learn": "Unit {unit}: does not learn ({reason}).",
    "nobody": "no unit",
}

RO: Mapping[str, str] = {
    "unknown": "Nu se cunoaște un asemenea eveniment sau o asemenea divulgare.",
    "event": "Evenimentul {id} ({type}), publicat de {source} pe banda {lane}.",
    "event_heard": "Un eveniment de tipul {type}.",
    "times": "Admis {admitted}, hotărât {decided}, politica {policy}, revizia {revision} a registrului, {build}.",
    "times_heard": "Hotărât {decided}, politica {policy}.",
    "release": "Divulgarea {id}, încercarea {attempt}, {length} octeți, SHA-256 {sha256}.",
    "fact": "Înregistrarea din registru de la poziția {offset}: {kind}, {state} din {since}.",
    "attempt": "Înregistrare a unității {source} la {topic}/{partition}, poziția {offset}: {verdict} ({code}) la {at}.",
    "needs": "Niciun câmp nu poate fi spus: a hotărât politica {needs}; dați pachetul ei prin PUNTE_POLICIES.",
    "bare_given": "Unitatea {unit}: dat.",
    "bare_does-not-learn": "Unitatea {unit}: nu află ({reason}).",
    "nobody": "nicio unitate",
}

TABLES: Mapping[Language, Mapping[str, str]] = {Language.EN: EN, Language.RO: RO}
