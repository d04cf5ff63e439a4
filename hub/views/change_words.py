"""The sentences about policies: what changes, who could ever learn what, what rests on which law; in two languages.

Rule kept: both tables hold the same keys and slots (a test compares them).
"""

from __future__ import annotations

from collections.abc import Mapping

from consent.messages import Language

EN: Mapping[str, str] = {
    "gains": "{role} {purpose} gains `{path}` of {event} ({how}; reveals {reveals}) {when}, by row {row}",
    "loses": "{role} {purpose} loses `{path}` of {event} (was {was}) {when}; it came by row {row}",
    "finer": "{role} {purpose} gets `{path}` of {event} finer ({how}; before {was}; reveals"
    " {reveals}) {when}, by row {row}",
    "coarser": "{role} {purpose} gets `{path}` of {event} coarser ({how}; before {was}) {when}, by row {row}",
    "gains_event": "{role} {purpose} gains {event}: it learns that such an event exists, {when}, by row {row}",
    "loses_event": "{role} {purpose} loses {event}: it no longer learns that such an event exists,"
    " {when}, by row {row}",
    "when": "when {guards}",
    "always": "whatever else is true",
    "and": " and ",
    "or": ", or when ",
    "eased": "eased",
    "same": "The two policies give everybody the same.",
    "same_but": "The two policies give everybody the same, but do not say the same; from {old} to {new}",
    "changed": "{gains} gained, {losses} lost; from {old} to {new}",
    "reach": "{role} {purpose} can get `{path}` of {event} ({how}) {when}, by row {row} on {law}{mark}",
    "reach_none": "Nobody can ever get it.",
    "reach_count": "{count} ways, {roles} roles",
    "mark.ok": "",
    "mark.unconfirmed": " (law not confirmed: demo profile or a waiver only)",
    "mark.proposal": " (a proposal, never released)",
    "resting": "row {row}: {role} {purpose} of {event}, on {law}{mark}: {paths}",
    "resting_none": "Nothing rests on it.",
    "resting_release": "release {id} of event {event}: unit {unit}, purpose {purpose}, {at}",
    "organisation": "{name} ({roles}) can learn: {reveals}",
    "way": "  {reveals}: `{path}` of {event}, {role} {purpose}, by row {row}",
    "impact_gains": "{role} {purpose} gains `{path}` of {event} in {sure}{maybe}",
    "impact_loses": "{role} {purpose} loses `{path}` of {event} in {sure}{maybe}",
    "impact_gains_event": "{role} {purpose} learns of {event} in {sure}{maybe}",
    "impact_loses_event": "{role} {purpose} no longer learns of {event} in {sure}{maybe}",
    "impact_maybe": " and perhaps in {maybe} more, where the record does not say",
    "impact_none": "Nobody would have got anything else.",
    "impact_count": "{decisions} asked again; {others} were made by a policy that is not at hand",
    "one.events": "event",
    "few.events": "events",
    "many.events": "events",
    "one.decisions": "decision",
    "few.decisions": "decisions",
    "many.decisions": "decisions",
}

RO: Mapping[str, str] = {
    "gains": "{role} {purpose} câștigă `{path}` din {event} ({how}; dezvăluie {reveals}) {when}, prin rândul {row}",
    "loses": "{role} {purpose} pierde `{path}` din {event} (era {was}) {when}; venea prin rândul {row}",
    "finer": "{role} {purpose} primește `{path}` din {event} mai precis ({how}; înainte {was}; dezvăluie {reveals})"
    " {when}, prin rândul {row}",
    "coarser": "{role} {purpose} primește `{path}` din {event} mai vag ({how}; înainte {was})"
    " {when}, prin rândul {row}",
    "gains_event": "{role} {purpose} câștigă {event}: află că există un asemenea eveniment, {when}, prin rândul {row}",
    "loses_event": "{role} {purpose} pierde {event}: nu mai află că există un asemenea eveniment,"
    " {when}, prin rândul {row}",
    "when": "când {guards}",
    "always": "orice altceva ar fi adevărat",
    "and": " și ",
    "or": ", sau când ",
    "eased": "ușurat",
    "same": "Cele două politici dau tuturor același lucru.",
    "same_but": "Cele două politici dau tuturor același lucru, dar nu spun același lucru; de la {old} la {new}",
    "changed": "{gains} câștigate, {losses} pierdute; de la {old} la {new}",
    "reach": "{role} {purpose} poate primi `{path}` din {event} ({how}) {when}, prin rândul"
    " {row}, pe temeiul {law}{mark}",
    "reach_none": "Nimeni nu îl poate primi vreodată.",
    "reach_count": "{count} căi, {roles} roluri",
    "mark.ok": "",
    "mark.unconfirmed": " (lege neconfirmată: doar în profilul demo sau cu derogare)",
    "mark.proposal": " (propunere, nu se transmite niciodată)",
    "resting": "rândul {row}: {role} {purpose} din {event}, pe temeiul {law}{mark}: {paths}",
    "resting_none": "Nimic nu se sprijină pe aceasta.",
    "resting_release": "divulgarea {id} a evenimentului {event}: unitatea {unit}, scopul {purpose}, {at}",
    "organisation": "{name} ({roles}) poate afla: {reveals}",
    "way": "  {reveals}: `{path}` din {event}, {role} {purpose}, prin rândul {row}",
    "impact_gains": "{role} {purpose} câștigă `{path}` din {event} în {sure}{maybe}",
    "impact_loses": "{role} {purpose} pierde `{path}` din {event} în {sure}{maybe}",
    "impact_gains_event": "{role} {purpose} află de {event} în {sure}{maybe}",
    "impact_loses_event": "{role} {purpose} nu mai află de {event} în {sure}{maybe}",
    "impact_maybe": " și poate în încă {maybe}, unde înregistrarea nu spune",
    "impact_none": "Nimeni nu ar fi primit altceva.",
    "impact_count": "{decisions} întrebate din nou; {others} luate după o politică ce nu este la îndemână",
    "one.events": "eveniment",
    "few.events": "evenimente",
    "many.events": "de evenimente",
    "one.decisions": "hotărâre",
    "few.decisions": "hotărâri",
    "many.decisions": "de hotărâri",
}

TABLES: Mapping[Language, Mapping[str, str]] = {Language.EN: EN, Language.RO: RO}
