"""The table people sign: nothing of the matrix is missing on it, nothing else is on it, and no text becomes markup."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from consent.compile import grounds_of
from consent.matrix import Row
from consent.names import OUTCOMES, ROLES
from consent.table import Entry, Page, Square, page
from consent.terms import BasisStatus, Outcome, Profile, Role, Transform
from hub.views.printed import CONFLICT_HEADS, CONFLICTS, CONFLICTS_LEAD, NO_CONFLICTS, as_json, document, laws_of
from tests.cases.pack import policy, types
from tests.support.pages import page_of, titles, unconfirmed, waiver
from tests.support.published import faults

VOID = {"meta"}


class Read(HTMLParser):
    """Elements with their attributes in order, the text, and whether every element that opens closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element opens."""
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The element that opened last closes."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data


def squares(page: Page) -> dict[tuple[str, str, str, int], Square]:
    """Every square of a page by event, role, purpose and group."""
    return {
        (table.event, column.role.value, column.purpose.value, line.group): square
        for table in page.tables
        for line in table.lines
        for column, square in zip(table.columns, line.squares, strict=True)
    }


def entries(page: Page) -> list[Entry]:
    """Every entry of a page."""
    return [entry for square in squares(page).values() for entry in square.entries]


def test_every_grant_is_printed_once_and_nothing_else() -> None:
    """Row by row and group by group the page says what the matrix says, no more and no less."""
    wanted: Counter[tuple[object, ...]] = Counter()
    for row in policy().matrix.rows:
        for grant in row.grants:
            for group in grant.groups:
                wanted[row.event, row.role.value, row.purpose.value, group, row.id, grant.generalise.get(group)] += 1
    found = Counter(
        (*key, entry.row, entry.rule) for key, square in squares(page_of()).items() for entry in square.entries
    )
    assert found == wanted


def test_an_entry_holds_law_guards_and_duties_of_its_row() -> None:
    """Law, its state and dates, the guards but consent (the package says that one), obligations, retention."""
    rows = {row.id: row for row in policy().matrix.rows}
    for entry in entries(page_of()):
        row = rows[entry.row]
        grant = next(
            each for each in row.grants if not entry.package or str(each.guards[-1]) == f"consent:{entry.package}"
        )
        assert (entry.law.id, entry.law.ref, entry.law.status) == (row.basis.id, row.basis.ref, row.basis.status)
        assert entry.law.consolidated == {cite.act: cite.consolidated for cite in row.basis.cites}
        assert len(entry.guards) == len(grant.guards) - bool(entry.package)
        assert (entry.obligations, entry.retain_days) == (row.obligations, row.retain_days)


def test_transforms_are_those_of_the_compiled_releases() -> None:
    """Where one row speaks of a group, the square says exactly what the releases of the cell make of its leaves."""
    made: dict[tuple[str, str, str, int], set[tuple[str, Transform]]] = {}
    for key, cell in policy().cells.items():
        groups = {leaf.path: leaf.group for leaf in types()[key[0]].fields}
        for selected in filter(None, cell.table):
            for path, how in selected.release.leaves:
                made.setdefault((*key, groups[path]), set()).add((path, how))
    alone = {key: square.entries[0] for key, square in squares(page_of()).items() if len(square.entries) == 1}
    shown = {key: set(entry.transforms.items()) for key, entry in alone.items() if entry.releases}
    assert shown == {key: leaves for key, leaves in made.items() if key in shown}
    assert {Transform.FLAG_CARE, Transform.HOUR, Transform.AS_IS} <= {how for each in shown.values() for _, how in each}


def test_roles_without_a_cell_do_not_learn() -> None:
    """Each role is a column or a stranger of a type, never both, and strangers count as not learning."""
    page = page_of()
    for table in page.tables:
        columns = {column.role for column in table.columns}
        assert columns | set(table.strangers) == set(Role)
        assert not columns & set(table.strangers)
    places = sum(len(table.lines) * (len(table.columns) + len(table.strangers)) for table in page.tables)
    assert sum(page.outcomes.values()) == places


def test_outcomes_are_what_can_be_released() -> None:
    """Given or generalised exactly where a release of the profile can hold a leaf of the group; else withheld."""
    out = {
        (*key, next(leaf.group for leaf in types()[key[0]].fields if leaf.path == path))
        for key, cell in policy().cells.items()
        for selected in filter(None, cell.table)
        for path, _ in selected.release.leaves
    }
    shown = squares(page_of())
    assert {key for key, square in shown.items() if square.outcome in (Outcome.GIVEN, Outcome.GENERALISED)} == out
    assert {square.outcome for square in shown.values() if not square.entries} <= {
        Outcome.WITHHELD,
        Outcome.DOES_NOT_LEARN,
    }


def test_a_proposal_never_counts() -> None:
    """It releases in no profile, waiver or not; where a role may learn of the event, what it would give is withheld."""
    ids = tuple(row.id for row in policy().matrix.rows if row.basis.status is BasisStatus.PROPOSAL)
    for profile in Profile:
        found = [entry for entry in entries(page_of([waiver(*ids)], profile)) if entry.row in ids]
        assert found
        assert not any(entry.releases for entry in found)
    proposed = replace(policy(), matrix=replace(policy().matrix, rows=tuple(map(as_proposal, policy().matrix.rows))))
    for table in page(proposed, types(), titles()).tables:
        for line in table.lines:
            for column, square in zip(table.columns, line.squares, strict=True):
                assert square.outcome is (Outcome.WITHHELD if column.exists else Outcome.DOES_NOT_LEARN)


def as_proposal(row: Row) -> Row:
    """The row, were its law a proposal."""
    return replace(row, basis=replace(row.basis, status=BasisStatus.PROPOSAL))


def test_a_waiver_marks_its_rows_and_lets_them_release_in_production() -> None:
    """Only these; without it unconfirmed law releases in the demo profile alone."""
    waived, other = unconfirmed()[:2]
    page = page_of([waiver(waived)], Profile.PRODUCTION)
    assert {entry.row for entry in entries(page) if entry.waivers} == {waived}
    assert {entry.releases for entry in entries(page) if entry.row == waived} == {True}
    assert {entry.releases for entry in entries(page) if entry.row == other} == {False}
    assert {entry.releases for entry in entries(page_of()) if entry.row == other} == {True}


def test_a_waiver_is_printed_as_it_was_given() -> None:
    """Its id, rows, controller, signers, end and reason, in a profile that needs it and in one that does not."""
    given = waiver(*unconfirmed()[:2])
    assert page_of([given]).waivers == page_of([given], Profile.PRODUCTION).waivers == (given,)
    text = Read(document(page_of([given]))).text
    assert all(
        said in text for said in (given.id, given.controller, *given.by, "31.03.2027", given.why, " ".join(given.rows))
    )


def test_every_row_stands_under_its_law() -> None:
    """The list of legal bases names each row once, under the basis it cites."""
    listed = {row: law.id for law, rows in laws_of(page_of()).values() for row in rows}
    assert listed == {row.id: row.basis.id for row in policy().matrix.rows}


def test_the_page_says_which_policy_it_is() -> None:
    """Digests, counts, conflicts and packages are those of the policy."""
    page = page_of()
    assert (page.digest, page.matrix_digest) == (policy().digest.hex(), policy().matrix.digest.hex())
    assert (page.releases, page.cells) == (len(policy().releases), len(policy().cells))
    assert page.conflicts == policy().matrix.conflicts
    assert page.packages == policy().matrix.packages
    assert sorted(row for rows in page.rows.values() for row in rows) == sorted(row.id for row in policy().matrix.rows)


def test_the_document_is_self_contained() -> None:
    """No script, nothing that is loaded, every link leads to a place on the page, every element closes."""
    read = Read(document(page_of([waiver(*unconfirmed())])))
    assert read.open == []
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in read.found}
    assert not {"src", "onclick", "onload"} & {name for _, attributes in read.found for name in attributes}
    style = read.text.partition("h1")[0]
    assert "url(" not in style
    assert "@import" not in style
    places = [attributes["id"] for _, attributes in read.found if "id" in attributes]
    links = [attributes["href"] for _, attributes in read.found if "href" in attributes]
    assert len(places) == len(set(places)) == len(types())
    assert links == [f"#{place}" for place in places]


def test_tables_have_real_headers() -> None:
    """Every head says whether it is of a column or a row; every event type has a caption; languages are declared."""
    read = Read(document(page_of()))
    assert {attributes.get("scope") for tag, attributes in read.found if tag == "th"} == {"col", "row"}
    assert sum(tag == "caption" for tag, _ in read.found) == len(types())
    assert read.found[0] == ("html", {"lang": "ro"})
    spoken = Counter(attributes["lang"] for _, attributes in read.found if "lang" in attributes)
    assert spoken.keys() == {"ro", "en"}
    assert min(spoken.values()) > 1000


def test_no_text_becomes_markup() -> None:
    """What a waiver says, tags included, is shown as it was typed."""
    told = document(page_of([waiver(*unconfirmed()[:1])]))
    assert "pilot &lt;b&gt;agreed&lt;/b&gt; &amp; signed" in told
    assert "<b>agreed" not in told


def test_what_a_signer_must_see_is_in_words() -> None:
    """Unconfirmed, proposals, waivers and outcomes are marked by words in both languages, not by colour."""
    text = Read(document(page_of([waiver(*unconfirmed()[:1])]))).text
    for said in ("LEGE NECONFIRMATĂ", "LAW NOT CONFIRMED", "PROPUNERE", "PROPOSAL", "prin derogare", "by waiver"):
        assert said in text
    for name in (*OUTCOMES.values(), *ROLES.values()):
        assert name.en in text or name not in {ROLES[column.role] for of in page_of().tables for column in of.columns}
    assert "31.03.2027" in text
    assert policy().digest.hex() in text


def test_without_waivers_the_page_says_there_are_none() -> None:
    """An empty list is said, so that a page with a list torn off is not taken for one without."""
    assert "Nu există." in Read(document(page_of())).text


def test_where_sources_differ_is_framed_in_both_languages() -> None:
    """Heading, introduction and heads; every conflict in the words of the matrix; an empty list is said."""
    text = Read(document(page_of())).text
    for name in (CONFLICTS, CONFLICTS_LEAD, *CONFLICT_HEADS):
        assert name.en in text
        assert name.ro in text
    assert all(each.says in text for each in page_of().conflicts)
    assert NO_CONFLICTS.ro not in text
    bare = Read(document(replace(page_of(), conflicts=()))).text
    assert all(said in bare for said in (CONFLICTS.ro, CONFLICTS.en, NO_CONFLICTS.ro, NO_CONFLICTS.en))
    assert CONFLICTS_LEAD.en not in bare


def test_the_page_as_json_fits_its_schema() -> None:
    """With waivers, which the installed pack has none of."""
    assert faults("policy-matrix.v1", as_json(page_of([waiver(*unconfirmed()[:3])]))) == []


@pytest.mark.parametrize("event", sorted(types()))
def test_every_cell_of_the_matrix_is_a_column(event: str) -> None:
    """Once, with as many ways to learn of the event as its existence has alternatives; proposals have none."""
    grounds = grounds_of(policy().matrix, types())
    [table] = [table for table in page_of().tables if table.event == event]
    wanted = [(key[1], key[2], len(g.exists.when) if g.exists else 0) for key, g in grounds.items() if key[0] == event]
    assert [(column.role, column.purpose, len(column.exists)) for column in table.columns] == wanted
