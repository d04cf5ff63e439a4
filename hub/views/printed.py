"""The printed matrix: one HTML page a person can sign, made of a page model and nothing else.

Rule kept: self-contained (no script, no address is loaded), Romanian beside English; before the first table stands
what a signer must know: which policy, what is not confirmed, what is waived, where sources differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from consent.matrix import Conflict, Package
from consent.names import CLASSES, OUTCOMES, PROFILES, ROLES, STATUSES, Name, act_name
from consent.names import GROUPS as GROUP_NAMES
from consent.table import Law, Page
from consent.terms import BasisStatus, Outcome
from hub.views.markup import Markup, both, element, together
from hub.views.paper import A3, FOOTER
from hub.views.printed_table import BADGES, BY_PACKAGE, PACKAGE, SIGNS, UNDATED, WAIVED, badge, day, table

TITLE = Name("The release matrix", "Matricea de divulgare")
LEAD = Name(
    "Who may learn that an event exists, and which of its fields each role receives, for which purpose, on which law. "
    "What is not listed is not released.",
    "Cine poate afla că un eveniment există și ce câmpuri primește fiecare rol, pentru ce scop și pe ce temei. "
    "Ce nu este scris nu se transmite.",
)
FACTS = Name("The policy signed here", "Politica semnată aici")
DIGEST = Name("SHA-256 of the policy, all files", "SHA-256 al politicii, toate fișierele")
MATRIX_DIGEST = Name("SHA-256 of the matrix", "SHA-256 al matricei")
PROFILE = Name("Profile", "Profil")
RELEASES = Name("Compiled releases", "Divulgări compilate")
CELLS = Name("Cells that release (event, role, purpose)", "Celule care transmit (eveniment, rol, scop)")
COUNTS = Name("Cells of the tables below", "Celulele tabelelor de mai jos")
ROWS = Name("Rows", "Rânduri")
LEGEND = Name("Signs", "Semne")
CLASS_LEGEND = Name("Sensitivity classes", "Clase de sensibilitate")
PACKAGE_SIGN = Name(
    "only under a live consent to the named package", "numai cu un consimțământ valabil pentru pachetul numit"
)
UNCONFIRMED_SIGN = Name(
    "a lawyer has not confirmed the law; dashed edge", "legea nu a fost confirmată de un jurist; margine întreruptă"
)
PROPOSAL_SIGN = Name("proven, never released; dotted edge", "verificat, nu se transmite niciodată; margine punctată")
WAIVED_SIGN = Name(
    "released by the waiver of a controller, until a day", "transmis prin derogarea unui operator, până la o zi"
)
PACKAGES = Name(
    "Consent packages: what a person can agree to", "Pachete de consimțământ: cu ce poate fi de acord o persoană"
)
PACKAGE_HEADS = (
    Name("Package", "Pachet"),
    Name("Role, purpose", "Rol, scop"),
    Name("Field groups", "Grupe de câmpuri"),
)
LAWS = Name("Legal bases", "Temeiuri legale")
LAW_HEADS = (
    Name("Basis", "Temei"),
    Name("Act and article", "Act și articol"),
    Name("Text as of", "Text consolidat la"),
    Name("European identifier (ELI)", "Identificator european (ELI)"),
    Name("State", "Stare"),
    Name("Rows", "Rânduri"),
)
WAIVERS = Name("Waivers", "Derogări")
NO_WAIVERS = Name("There are none.", "Nu există.")
WAIVER_HEADS = (
    Name("Waiver", "Derogare"),
    Name("Rows", "Rânduri"),
    Name("Controller", "Operator"),
    Name("Signed by", "Semnată de"),
    Name("Until (that day excluded)", "Până la (exclusiv)"),
    Name("Reason", "Motiv"),
)
CONFLICTS = Name(
    "Where sources differ (the narrower reading holds)", "Unde sursele diferă (se aplică citirea mai restrânsă)"
)
CONFLICTS_LEAD = Name(
    "In each of these places the sources of the matrix do not say the same. The matrix follows the reading that gives "
    "less; whoever signs agrees to that. What differs stands in the words of the matrix, in English.",
    "În fiecare dintre aceste locuri sursele matricei nu spun același lucru. Matricea urmează citirea care dă mai "
    "puțin; cine semnează este de acord cu aceasta. Ce diferă este redat cu textul matricei, în engleză.",
)
NO_CONFLICTS = Name("None is recorded.", "Nu este consemnată nicio diferență.")
CONFLICT_HEADS = (
    Name("Event", "Eveniment"),
    Name("Role, purpose", "Rol, scop"),
    Name("Field groups", "Grupe de câmpuri"),
    Name("What differs", "Ce diferă"),
)
NOT_SURE = Name(
    "Of {all} rows, {rows} rest on law that is not confirmed and {proposals} are proposals; the tables mark each one.",
    "Rânduri: {all}; pe lege neconfirmată: {rows}; propuneri: {proposals}. Tabelele marchează fiecare rând.",
)
SIGNATURES = Name("Signatures", "Semnături")
SIGNERS = (
    Name("Author of the matrix", "Autorul matricei"),
    Name("Approved by another person", "Aprobat de altă persoană"),
)
SIGNATURE_HEADS = (
    Name("Who signs", "Cine semnează"),
    Name("Name, office", "Nume, funcție"),
    Name("Signature", "Semnătură"),
    Name("Date", "Data"),
)
CONTENTS = Name("Event types", "Tipuri de evenimente")


def document(page: Page) -> str:
    """The whole file, UTF-8 text with a line feed at its end."""
    first = (_opening(), _facts(page), _warning(page), _signatures(), _contents(page), _keys())
    front = element("div", *first, _laws(page), _packages(page), _waivers(page), _conflicts(page), class_="front")
    types = (element("section", table(of), class_="type", id=of.event) for of in page.tables)
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        element("title", f"{TITLE.ro} / {TITLE.en}"),
        element("style", Markup(A3 + FOOTER.format(digest=page.digest))),
    )
    body = element("body", element("main", front, *types))
    return f"<!doctype html>\n{element('html', head, body, lang='ro')}\n"


def laws_of(page: Page) -> Mapping[str, tuple[Law, tuple[str, ...]]]:
    """Every basis that the page cites, by id (B2 before B10), with the rows that cite it."""
    found: dict[str, tuple[Law, dict[str, None]]] = {}
    for entry in (
        entry for of in page.tables for line in of.lines for square in line.squares for entry in square.entries
    ):
        found.setdefault(entry.law.id, (entry.law, {}))[1][entry.row] = None
    named = sorted(found, key=lambda name: (len(name), name))
    return {name: (found[name][0], tuple(found[name][1])) for name in named}


def _opening() -> Markup:
    return together(element("h1", both(TITLE)), element("div", both(LEAD, "p"), class_="lead"))


def _contents(page: Page) -> Markup:
    named = (element("li", element("a", of.event, href=f"#{of.event}"), " ", both(of.title)) for of in page.tables)
    return together(element("h2", both(CONTENTS)), element("ol", *named, class_="contents"))


def _facts(page: Page) -> Markup:
    counted = (together(f"{page.outcomes[each]} ", both(OUTCOMES[each])) for each in Outcome)
    rows = (together(f"{len(page.rows[each])} ", both(STATUSES[each])) for each in BasisStatus)
    told: tuple[tuple[Name, str], ...] = (
        (DIGEST, element("code", page.digest)),
        (MATRIX_DIGEST, element("code", page.matrix_digest)),
        (PROFILE, both(PROFILES[page.profile])),
        (RELEASES, str(page.releases)),
        (CELLS, str(page.cells)),
        (COUNTS, _listed(counted)),
        (ROWS, _listed(rows)),
    )
    lines = (element("tr", element("th", both(name), scope="row"), element("td", value)) for name, value in told)
    return together(element("h2", both(FACTS)), element("table", *lines, class_="facts"))


def _listed(parts: Iterable[Markup]) -> Markup:
    return Markup(" · ".join(parts))


def _warning(page: Page) -> Markup:
    unsure, proposals = page.rows[BasisStatus.UNCONFIRMED], page.rows[BasisStatus.PROPOSAL]
    if not unsure and not proposals:
        return Markup("")
    every = sum(map(len, page.rows.values()))
    said = (form.format(rows=len(unsure), all=every, proposals=len(proposals)) for form in NOT_SURE)
    sign = BADGES[BasisStatus.UNCONFIRMED][0]
    return element("p", element("b", f"{sign} "), both(Name(*said)), class_="warning")


def _keys() -> Markup:
    """What signs and classes mean."""
    signs = [(SIGNS[each], both(OUTCOMES[each])) for each in Outcome]
    signs.append((PACKAGE, together(both(BY_PACKAGE), ": ", both(PACKAGE_SIGN))))
    for status, says in ((BasisStatus.UNCONFIRMED, UNCONFIRMED_SIGN), (BasisStatus.PROPOSAL, PROPOSAL_SIGN)):
        sign, name = BADGES[status]
        signs.append((sign, together(badge(sign, name, status), " ", both(says))))
    signs.append((WAIVED, both(WAIVED_SIGN)))
    lines = (element("tr", element("td", sign), element("td", says)) for sign, says in signs)
    classes = (element("tr", element("td", each), element("td", both(name))) for each, name in CLASSES.items())
    left = together(element("h2", both(LEGEND)), element("table", *lines, class_="legend"))
    right = together(element("h2", both(CLASS_LEGEND)), element("table", *classes, class_="legend"))
    return element("div", element("div", left), element("div", right), class_="sides")


def _laws(page: Page) -> Markup:
    lines = (
        (
            element("code", law.id),
            both(law.name),
            _listed(_dated(act, iso) for act, iso in law.consolidated.items()),
            " ".join(law.eli),
            together(BADGES[law.status][0] if law.status in BADGES else "", " ", both(STATUSES[law.status])),
            " ".join(rows),
        )
        for law, rows in laws_of(page).values()
    )
    return together(element("h2", both(LAWS)), _grid(LAW_HEADS, lines))


def _dated(act: str, iso: str) -> Markup:
    return together(element("span", act_name(act).ro, lang="ro"), ": ", day(iso) if iso else both(UNDATED))


def _waivers(page: Page) -> Markup:
    if not page.waivers:
        return together(element("h2", both(WAIVERS)), element("p", both(NO_WAIVERS)))
    lines = (
        (each.id, " ".join(each.rows), each.controller, " ".join(each.by), day(each.until.isoformat()), each.why)
        for each in page.waivers
    )
    return together(element("h2", both(WAIVERS)), _grid(WAIVER_HEADS, lines))


def _conflicts(page: Page) -> Markup:
    head = element("h2", both(CONFLICTS))
    if not page.conflicts:
        return together(head, element("p", both(NO_CONFLICTS)))
    lines = (
        (element("code", each.event), _whose(each), _groups(each.groups), element("span", each.says, lang="en"))
        for each in page.conflicts
    )
    return together(head, element("div", both(CONFLICTS_LEAD, "p")), _grid(CONFLICT_HEADS, lines))


def _packages(page: Page) -> Markup:
    lines = ((element("code", each.name), _whose(each), _groups(each.groups)) for each in page.packages)
    return together(element("h2", both(PACKAGES)), _grid(PACKAGE_HEADS, lines)) if page.packages else Markup("")


def _whose(each: Package | Conflict) -> Markup:
    return together(f"{each.role} {each.purpose} ", both(ROLES[each.role]))


def _groups(groups: Iterable[int]) -> Markup:
    return _listed(together(f"{group} ", both(GROUP_NAMES[group])) for group in sorted(groups))


def _grid(heads: Iterable[Name], lines: Iterable[Iterable[str]]) -> Markup:
    """A plain table with a head."""
    head = element("thead", element("tr", *(element("th", both(each), scope="col") for each in heads)))
    body = element("tbody", *(element("tr", *(element("td", cell) for cell in line)) for line in lines))
    return element("table", head, body)


def _signatures() -> Markup:
    """A line to sign for each of two people; who writes the matrix does not approve it."""
    blank = [element("td", "")] * (len(SIGNATURE_HEADS) - 1)
    head = element("tr", *(element("th", both(each), scope="col") for each in SIGNATURE_HEADS))
    lines = (element("tr", element("th", both(each), scope="row"), *blank) for each in SIGNERS)
    table = element("table", element("thead", head), element("tbody", *lines), class_="signed")
    return element("section", element("h2", both(SIGNATURES)), table, class_="signatures")


def as_json(page: Page) -> dict[str, Any]:
    """The page as JSON values: what is a name on paper is both languages here, counts and dates are as in the model."""
    return {field.name: _plain(getattr(page, field.name)) for field in fields(page)}


def _plain(value: Any) -> Any:
    """Tuples as arrays, sets as sorted arrays, frozen values as objects, days as ISO dates, all else as it is."""
    if isinstance(value, Name):
        return value._asdict()
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value
