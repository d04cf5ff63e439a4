"""One event type as an HTML table: roles across, field groups down, in each cell the mark, the law and the transform.

Rule kept: what a signer must see is words and signs, colour only repeats it (WCAG 1.4.1); the head, which says the
roles, and the foot, which says the obligations, stand on every printed page.
"""

from __future__ import annotations

from collections.abc import Iterable

from consent.names import GROUPS as GROUP_NAMES
from consent.names import OBLIGATIONS, OUTCOMES, PURPOSES, ROLES, RULES, Name, act_name, days
from consent.table import Column, Entry, Law, Leaf, Line, Square, Table
from consent.terms import BasisStatus, Obligation, Outcome, Transform
from hub.views.markup import Markup, both, element, together

SIGNS = {
    Outcome.GIVEN: "●",
    Outcome.GENERALISED: "◐",
    Outcome.WITHHELD: "○",
    Outcome.DOES_NOT_LEARN: "⊘",
}
"""The sign of each outcome: full, half, empty, barred."""

PACKAGE, UNCONFIRMED, PROPOSAL, WAIVED = "◆", "⚠", "✎", "⚑"
"""The signs of a consent package, of law not confirmed, of a proposal, of a waiver."""

LETTERS = dict(zip(Obligation, "abcdefg", strict=True))
"""The letter of each obligation in a cell; the foot of the table says them in words."""

LEARNS = Name("learns of it if", "află dacă")
NEVER = Name("never learns of it", "nu află niciodată")
OTHERS = Name("All other roles", "Toate celelalte roluri")
GROUP = Name("Field group", "Grupa de câmpuri")
AS_IS = Name("as it is", "neschimbat")
OWN_REFERENCES = Name("as it is, references for this unit alone", "neschimbat, referințe numai pentru această unitate")
REFERENCES = {Transform.PAIRWISE, Transform.PERSON_REF}
IF = Name("if", "dacă")
UNDATED = Name("no dated text recorded", "fără text datat")
BADGES = {
    BasisStatus.UNCONFIRMED: (UNCONFIRMED, Name("LAW NOT CONFIRMED", "LEGE NECONFIRMATĂ")),
    BasisStatus.PROPOSAL: (PROPOSAL, Name("PROPOSAL, never released", "PROPUNERE, nu se transmite")),
}
NOT_HERE = Name("not released in this profile", "nu se transmite în acest profil")
WITH_WAIVER = Name("by waiver", "prin derogare")
WOULD_BE = Name("would be {word}", "ar fi {word}")
BY_PACKAGE = Name("by consent, package", "prin consimțământ, pachetul")
DUTIES = Name("obligations", "obligații")
KEPT = Name("kept at most {days}", "păstrat cel mult {days}")


def table(of: Table) -> Markup:
    """The table of one event type, its caption in both languages."""
    head = element("thead", element("tr", element("th", *_corner(of), scope="col", class_="group"), *_heads(of)))
    body = element("tbody", *map(_line, of.lines))
    foot = element("tfoot", element("tr", element("td", *_foot(), colspan=str(len(of.columns) + 2))))
    caption = element("caption", element("code", of.event), " ", both(of.title))
    return element("table", caption, head, body, foot, class_="matrix wide" if len(of.columns) > 9 else "matrix")


def law(of: Law) -> Markup:
    """A law in one line: its citations, and the date of each consolidated text that is on record.

    In Romanian, as acts are called; the list of legal bases has the English names beside.
    """
    dates = [f"{act_name(act).ro}: {day(date)}" for act, date in of.consolidated.items() if date]
    told = element("small", " (", ", ".join(dates), ")") if dates else Markup("")
    return together(element("span", of.name.ro, class_="law", lang="ro"), told)


def day(iso: str) -> str:
    """`2016-05-04` as `04.05.2016`."""
    return ".".join(reversed(iso.split("-")))


def badge(sign: str, name: Name, kind: str) -> Markup:
    """A boxed word that must not be overlooked."""
    return element("strong", f"{sign} ", both(name), class_=f"badge {kind}")


def _corner(of: Table) -> Iterable[Markup]:
    """The event type again: a caption is printed on the first sheet alone."""
    yield element("p", element("code", of.event))
    yield both(GROUP)


def _heads(of: Table) -> Iterable[Markup]:
    yield from (_head(column) for column in of.columns)
    codes = element("span", ", ".join(of.strangers), class_="codes")
    yield element("th", both(OTHERS), codes, scope="col", class_="others")


def _head(column: Column) -> Markup:
    who = together(element("b", column.role, class_="code"), " ", both(ROLES[column.role]))
    why = together(element("b", column.purpose, class_="code"), " ", both(PURPOSES[column.purpose]))
    ways = [_all(guards) for guards in column.exists]
    when = together(both(LEARNS), ": ", _either(ways)) if ways else both(NEVER)
    return element("th", element("p", who), element("p", why), element("p", when, class_="if"), scope="col")


def _all(guards: Iterable[Name]) -> Name:
    """Guards that must all be true, in words."""
    listed = list(guards)
    return Name(" and ".join(each.en for each in listed), " și ".join(each.ro for each in listed))


def _either(ways: Iterable[Name]) -> Markup:
    """Ways of which one is enough, in words."""
    listed = list(ways)
    return both(Name("; or ".join(each.en for each in listed), "; sau ".join(each.ro for each in listed)))


def _line(line: Line) -> Markup:
    head = together(element("b", str(line.group), class_="code"), " ", both(GROUP_NAMES[line.group]))
    fields = element("ul", *(_leaf(leaf) for leaf in line.leaves))
    cells = map(_square, line.squares)
    return element(
        "tr", element("th", head, fields, scope="row"), *cells, element("td", _alone(Outcome.DOES_NOT_LEARN))
    )


def _leaf(leaf: Leaf) -> Markup:
    return element("li", element("code", leaf.path), f" {leaf.sensitivity} ", both(leaf.doc))


def _mark(of: Outcome, name: Name) -> Markup:
    return element("b", f"{SIGNS[of]} ", both(name), class_="mark")


def _alone(of: Outcome) -> Markup:
    """A mark that no row explains."""
    return element("p", _mark(of, OUTCOMES[of]))


def _square(square: Square) -> Markup:
    sure = {entry.law.status for entry in square.entries}
    kinds = " ".join([square.outcome, *sorted(sure - {BasisStatus.OK})])
    marks = () if sure - {BasisStatus.PROPOSAL} else (_alone(square.outcome),)
    return element("td", *marks, *map(_entry, square.entries), class_=kinds)


def _entry(entry: Entry) -> Markup:
    """One row's part: what it does, by which row and law, under which guards and obligations."""
    parts = [element("p", _mark(entry.outcome, _word(entry)), ": ", both(_how(entry)))]
    if entry.package:
        parts.append(element("p", f"{PACKAGE} ", both(BY_PACKAGE), " ", element("b", entry.package)))
    parts.append(element("p", element("b", entry.row, class_="row"), f" {entry.law.id} ", law(entry.law)))
    parts += [element("p", each) for each in _badges(entry)]
    if entry.guards:
        parts.append(element("p", _condition(entry), class_="if"))
    if entry.obligations or entry.retain_days:
        parts.append(element("p", _duties(entry), class_="duties"))
    return element("div", *parts, class_=f"entry {entry.law.status}")


def _word(entry: Entry) -> Name:
    """The outcome of an entry; a proposal's is one that would be."""
    word = OUTCOMES[entry.outcome]
    if entry.law.status is not BasisStatus.PROPOSAL:
        return word
    return Name(WOULD_BE.en.format(word=word.en), WOULD_BE.ro.format(word=word.ro))


def _how(entry: Entry) -> Name:
    if entry.rule is not None:
        return RULES[entry.rule]
    return OWN_REFERENCES if REFERENCES & set(entry.transforms.values()) else AS_IS


def _badges(entry: Entry) -> Iterable[Markup]:
    if entry.law.status in BADGES:
        sign, name = BADGES[entry.law.status]
        yield badge(sign, name, entry.law.status)
    if entry.waivers:
        yield together(badge(WAIVED, WITH_WAIVER, "waived"), " ", ", ".join(entry.waivers))
    elif not entry.releases and entry.law.status is BasisStatus.UNCONFIRMED:
        yield both(NOT_HERE)


def _condition(entry: Entry) -> Markup:
    said = _all(entry.guards)
    return both(Name(f"{IF.en} {said.en}", f"{IF.ro} {said.ro}"))


def _duties(entry: Entry) -> Markup:
    letters = " ".join(LETTERS[each] for each in entry.obligations)
    told = together(both(DUTIES), ": ", element("b", letters)) if letters else Markup("")
    if not entry.retain_days:
        return told
    kept = Name(*(form.format(days=number) for form, number in zip(KEPT, days(entry.retain_days), strict=True)))
    return together(told, " ", both(kept))


def _foot() -> Iterable[Markup]:
    yield both(DUTIES)
    for obligation, letter in LETTERS.items():
        yield together(" · ", element("b", letter), " ", both(OBLIGATIONS[obligation]))
