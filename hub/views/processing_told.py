"""The record of processing in words, and as one JSON object: the same facts, in the language asked for.

Rule kept: what the catalogue does not know (contacts, data-protection officers) is said to be open, never made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from consent.messages import Language
from consent.names import CLASSES, GROUPS, OBLIGATIONS, PARTIES, PURPOSES, ROLES, STATUSES, Name, act_name, days
from hub.views.processing import Activity, Data, Receipt, Recipient, Record

TITLE = Name("Record of processing activities", "Evidența activităților de prelucrare")
GDPR = Name("GDPR art. 30(1)", "RGPD art. 30 alin. (1)")
POLICE_LAW = Name("GDPR art. 30(1); Law 363/2018 art. 33", "RGPD art. 30 alin. (1); Legea 363/2018 art. 33")
CONTACT = Name(
    "to be filled in by the controller: its contact, its data-protection officer",
    "se completează de operator: datele de contact, responsabilul cu protecția datelor",
)
STAFF = Name("professionals who act in the case", "specialiștii care lucrează la caz")
TRANSFERS = Name(
    "none: every recipient is a unit of the federation", "niciunul: fiecare destinatar este o unitate a federației"
)
AT_MOST = Name("kept at most {days}", "păstrat cel mult {days}")
OWN_LAW = Name("kept as its own law says", "păstrat după legea sa")
KEPT: Mapping[str, Name] = {
    "admitted": Name("the admitted record", "înregistrarea admisă"),
    "release": Name("a release", "o divulgare"),
    "seen": Name("the digest by which a repeat is known", "rezumatul după care se recunoaște o repetare"),
}
"""The keys of `retention` in the catalogue."""
SAFEGUARDS = (
    Name(
        "A recipient gets only the fields that a row of the signed matrix gives its role and purpose.",
        "Un destinatar primește numai câmpurile pe care un rând al matricei semnate le dă rolului și scopului său.",
    ),
    Name(
        "References differ for every unit; two units cannot join what they received.",
        "Referințele diferă la fiecare unitate; două unități nu pot corela ce au primit.",
    ),
    Name(
        "Every release and every refusal is recorded in the same transaction, with its rule and its law.",
        "Fiecare divulgare și fiecare refuz se consemnează în aceeași tranzacție, cu regula și temeiul lor.",
    ),
    Name(
        "What must never be released and what must always arrive is proven over every release before a policy decides.",
        "Ce nu se transmite niciodată și ce ajunge mereu sunt verificate pe toate divulgările înainte ca politica "
        "să hotărască.",
    ),
    Name(
        "A withdrawn consent, a safety hold or a conflict of interest counts from the next decision on.",
        "Consimțământul retras, reținerea de siguranță și conflictul de interese au efect de la următoarea hotărâre.",
    ),
    Name(
        "Two people activate a policy and change what the register says of units and agreements.",
        "Două persoane activează o politică și schimbă ce spune registrul despre unități și acorduri.",
    ),
)
"""What protects the data in every activity (GDPR art. 32)."""
HEADS: Mapping[str, Name] = {
    "controller": Name("controller", "operator"),
    "contact": Name("contacts", "contact"),
    "required_by": Name("recorded under", "consemnat după"),
    "publishers": Name("published by", "publicat de"),
    "legal_basis": Name("legal basis of the hub", "temeiul prelucrării"),
    "purposes": Name("purposes", "scopuri"),
    "subjects": Name("data subjects", "persoane vizate"),
    "data": Name("categories of data", "categorii de date"),
    "recipients": Name("recipients", "destinatari"),
    "retention": Name("kept in the hub", "păstrat în nod"),
    "transfers": Name("transfers to third countries", "transferuri către țări terțe"),
}
SAFEGUARDS_HEAD = Name("Safeguards of every activity", "Garanții ale fiecărei activități")
GROUPS_HEAD = Name("groups", "grupele")
NOBODY = Name("nobody", "nimeni")


def pick(name: Name, lang: Language) -> str:
    """A name in one language."""
    return name.ro if lang is Language.RO else name.en


def as_json(record: Record, lang: Language) -> dict[str, Any]:
    """The record as JSON values; codes stand beside their words."""
    return {
        "language": lang.value,
        "title": pick(TITLE, lang),
        "matrix_digest": record.matrix_digest,
        "activities": [_activity(activity, lang) for activity in record.activities],
        "safeguards": [pick(each, lang) for each in SAFEGUARDS],
    }


def lines(record: Record, lang: Language) -> Iterator[str]:
    """The record as text: one block for each activity, then the safeguards."""
    yield pick(TITLE, lang)
    yield f"SHA-256 {record.matrix_digest}"
    for activity in as_json(record, lang)["activities"]:
        yield ""
        yield f"{activity['event']}: {activity['title']}"
        yield from _block(activity, lang)
    yield ""
    yield f"{pick(SAFEGUARDS_HEAD, lang)}:"
    yield from (f"  - {pick(each, lang)}" for each in SAFEGUARDS)


def _activity(activity: Activity, lang: Language) -> dict[str, Any]:
    subjects = [_word(each, PARTIES[each], lang) for each in activity.subjects]
    return {
        "event": activity.event,
        "title": pick(activity.title, lang),
        "controller": activity.controller,
        "contact": pick(CONTACT, lang),
        "required_by": pick(POLICE_LAW if activity.police else GDPR, lang),
        "publishers": [_word(role, ROLES[role], lang) for role in activity.publishers],
        "legal_basis": "; ".join(pick(act_name(act), lang) for act in activity.legal_basis.split("; ")),
        "purposes": [_word(each, PURPOSES[each], lang) for each in activity.purposes],
        "subjects": [*subjects, *([_word("staff", STAFF, lang)] if activity.staff else [])],
        "data": [_data(data, lang) for data in activity.data],
        "recipients": [_recipient(recipient, lang) for recipient in activity.recipients],
        "retention": {kind: {"days": n, "name": pick(KEPT[kind], lang)} for kind, n in activity.retention.items()},
        "transfers": pick(TRANSFERS, lang),
    }


def _word(code: str, name: Name, lang: Language) -> dict[str, str]:
    return {"code": str(code), "name": pick(name, lang)}


def _data(data: Data, lang: Language) -> dict[str, Any]:
    classes = [_word(each, CLASSES[each], lang) for each in data.classes]
    return {"group": data.group, "name": pick(GROUPS[data.group], lang), "classes": classes, "fields": list(data.paths)}


def _recipient(recipient: Recipient, lang: Language) -> dict[str, Any]:
    return {
        "role": _word(recipient.role, ROLES[recipient.role], lang),
        "purpose": _word(recipient.purpose, PURPOSES[recipient.purpose], lang),
        "rows": [_receipt(receipt, lang) for receipt in recipient.rows],
    }


def _receipt(receipt: Receipt, lang: Language) -> dict[str, Any]:
    return {
        "row": receipt.row,
        "law": pick(receipt.law.name, lang),
        "consolidated": dict(receipt.law.consolidated),
        "status": _word(receipt.law.status, STATUSES[receipt.law.status], lang),
        "groups": list(receipt.groups),
        "obligations": [_word(each, OBLIGATIONS[each], lang) for each in receipt.obligations],
        "retain_days": receipt.retain_days,
    }


def _block(told: Mapping[str, Any], lang: Language) -> Iterator[str]:
    """One activity; a head of HEADS for each line or list."""
    listed = {"data": _data_lines, "recipients": _recipient_lines}
    for key, name in HEADS.items():
        if key in listed:
            yield f"  {pick(name, lang)}:"
            yield from (f"    {line}" for line in listed[key](told[key], lang))
        else:
            yield f"  {pick(name, lang)}: {_text(key, told[key], lang)}"


def _text(key: str, value: Any, lang: Language) -> str:
    if key == "retention":
        return "; ".join(f"{each['name']} {pick(days(each['days']), lang)}" for each in value.values())
    if key == "subjects":
        return ", ".join(each["name"] for each in value) or pick(NOBODY, lang)
    return value if isinstance(value, str) else _words(value) or pick(NOBODY, lang)


def _words(listed: Iterable[Mapping[str, str]]) -> str:
    return ", ".join(f"{each['code']} {each['name']}" for each in listed)


def _data_lines(data: Iterable[Mapping[str, Any]], _lang: Language) -> Iterator[str]:
    for each in data:
        yield f"{each['group']} {each['name']} ({_words(each['classes'])}): {', '.join(each['fields'])}"


def _recipient_lines(recipients: Iterable[Mapping[str, Any]], lang: Language) -> Iterator[str]:
    for each in recipients:
        yield f"{_words([each['role'], each['purpose']])}:"
        for row in each["rows"]:
            groups = f"{pick(GROUPS_HEAD, lang)} {' '.join(map(str, row['groups']))}"
            most = row["retain_days"]
            kept = pick(AT_MOST, lang).format(days=pick(days(most), lang)) if most else pick(OWN_LAW, lang)
            duties = "; ".join([*(duty["name"] for duty in row["obligations"]), kept])
            yield f"  {row['row']}: {row['law']} ({row['status']['name']}); {groups}; {duties}"
