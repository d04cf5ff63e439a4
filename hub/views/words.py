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
    "lapse_none": "`{guard}` is false: the register held no record that could make it true.",
    "lapse_ended": "`{guard}` is false since {moment}; register offset {offset}.",
    "lapse_not_begun": "`{guard}` is false until {moment}; register offset {offset}.",
    "lapse_short": "`{guard}` is not made true by the record of {moment}; register offset {offset}.",
    "lapse_undated": "`{guard}` is false; since when, the register no longer says; register offset {offset}.",
    "attempt": "A record of unit {source} at {topic}/{partition}, offset {offset}: {verdict} ({code}) at {at}.",
    "needs": "No field can be told: policy {needs} decided it; point PUNTE_POLICIES at the pack with that digest.",
    "bare_given": "Unit {unit}: given.",
    "bare_does-not-learn": "Unit {unit}: does not learn ({reason}).",
    "nobody": "no unit",
    "way_unknown": "No such event is known: nothing was admitted, refused or decided under this id.",
    "way_event": "Event {id}{type}, published by {source} on lane {lane}.",
    "way_admission": "admission: {at}, {where}{late}",
    "way_late": ", marked late",
    "way_input": "input: {where}, not admitted",
    "way_fence": "fence: register revision {revision}",
    "way_decision": "decision: {at}, {decided} decided, {given} given, {refused} refused, policy {policy}, {build}",
    "way_release": "release {id}: unit {unit}, purpose {purpose}, attempt {attempt}",
    "way_slice": "slice: {length} bytes, SHA-256 {sha256}",
    "way_check": "second check: {check}",
    "way_commit": "commit: {at}, {where}, {same}",
    "way_same": "the bytes that were decided",
    "way_other": "OTHER bytes than were decided",
    "way_uncommitted": "commit: the release is not there (any more)",
    "way_delivery": "delivery: not known",
    "way_ended": "ended: {at}, {verdict} ({code})",
    "way_meaning": "{what}: {remedy}",
    "way_undecided": "undecided: admitted, but no gateway has decided it yet; see whether this lane's gateway works",
    "way_receipt": "receipt: {at}, {verdict} ({code})",
}

RO: Mapping[str, str] = {
    "unknown": "Nu se cunoaște un asemenea eveniment sau o asemenea divulgare.",
    "event": "Evenimentul {id} ({type}), publicat de {source} pe banda {lane}.",
    "event_heard": "Un eveniment de tipul {type}.",
    "times": "Admis {admitted}, hotărât {decided}, politica {policy}, revizia {revision} a registrului, {build}.",
    "times_heard": "Hotărât {decided}, politica {policy}.",
    "release": "Divulgarea {id}, încercarea {attempt}, {length} octeți, SHA-256 {sha256}.",
    "fact": "Înregistrarea din registru de la poziția {offset}: {kind}, {state} din {since}.",
    "lapse_none": "`{guard}` este fals: registrul nu avea nicio înregistrare care să îl facă adevărat.",
    "lapse_ended": "`{guard}` este fals din {moment}; poziția {offset} din registru.",
    "lapse_not_begun": "`{guard}` este fals până la {moment}; poziția {offset} din registru.",
    "lapse_short": "`{guard}` nu devine adevărat prin înregistrarea din {moment}; poziția {offset} din registru.",
    "lapse_undated": "`{guard}` este fals; de când, registrul nu mai spune; poziția {offset} din registru.",
    "attempt": "Înregistrare a unității {source} la {topic}/{partition}, poziția {offset}: {verdict} ({code}) la {at}.",
    "needs": "Niciun câmp nu poate fi spus: a hotărât politica {needs}; dați pachetul ei prin PUNTE_POLICIES.",
    "bare_given": "Unitatea {unit}: dat.",
    "bare_does-not-learn": "Unitatea {unit}: nu află ({reason}).",
    "nobody": "nicio unitate",
    "way_unknown": "Nu se cunoaște un asemenea eveniment: nimic admis, refuzat sau hotărât cu acest identificator.",
    "way_event": "Evenimentul {id}{type}, publicat de {source} pe banda {lane}.",
    "way_admission": "admitere: {at}, {where}{late}",
    "way_late": ", marcat târziu",
    "way_input": "intrare: {where}, neadmisă",
    "way_fence": "barieră: revizia {revision} a registrului",
    "way_decision": "hotărâre: {at}, {decided} hotărâte, {given} date, {refused} refuzate, politica {policy}, {build}",
    "way_release": "divulgarea {id}: unitatea {unit}, scopul {purpose}, încercarea {attempt}",
    "way_slice": "tăiere: {length} octeți, SHA-256 {sha256}",
    "way_check": "a doua verificare: {check}",
    "way_commit": "consemnare: {at}, {where}, {same}",
    "way_same": "octeții hotărâți",
    "way_other": "ALȚI octeți decât cei hotărâți",
    "way_uncommitted": "consemnare: divulgarea nu (mai) este acolo",
    "way_delivery": "livrare: nu se știe",
    "way_ended": "încheiat: {at}, {verdict} ({code})",
    "way_meaning": "{what}: {remedy}",
    "way_undecided": "nehotărât: admis, dar nicio poartă nu l-a hotărât încă; vedeți dacă lucrează poarta benzii",
    "way_receipt": "recipisă: {at}, {verdict} ({code})",
}

TABLES: Mapping[Language, Mapping[str, str]] = {Language.EN: EN, Language.RO: RO}
