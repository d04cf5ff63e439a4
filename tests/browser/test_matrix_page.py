"""The printed matrix in a real browser: what a lawyer sees on the screen and gets on paper."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from consent.table import Page, Table
from consent.terms import BasisStatus, Profile
from hub.views.printed import document
from tests.support.devtools import Tab
from tests.support.pages import page_of, unconfirmed, waiver

WIDTH, HEIGHT = 1587, 1123
"""A3 across at 96 pixels an inch."""
A3 = (1191, 842)
"""The same in points."""

TABLES = """[...document.querySelectorAll("table.matrix")].map(table => ({
  caption: table.caption.innerText,
  columns: [...table.tHead.rows[0].cells].map(cell => [cell.tagName, cell.scope, cell.innerText]),
  rows: [...table.tBodies[0].rows].map(row => [row.cells[0].tagName, row.cells[0].scope, row.cells[0].innerText]),
  cells: [...table.tBodies[0].rows].map(row => [...row.cells].slice(1).map(cell => cell.innerText)),
}))"""
CONTRAST = """(() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const found = parts(getComputedStyle(node).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const ratios = [...document.querySelectorAll("main *")].filter(node => node.innerText).map(node => {
    const pair = [light(parts(getComputedStyle(node).color)), light(behind(node))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  });
  return Math.min(...ratios);
})()"""
FITS = """[...document.querySelectorAll("table.matrix th, table.matrix td")]
  .filter(cell => cell.scrollWidth > cell.clientWidth + 1).map(cell => cell.innerText)"""


@pytest.fixture(scope="module")
def page() -> Page:
    """The reference pack in the demo profile, two rows of it waived."""
    return page_of([waiver(*unconfirmed()[:2])])


@pytest.fixture(scope="module")
def opened(tab: Tab, page: Page, shown: Path) -> Tab:
    """The page, opened from a file."""
    file = shown / "matrix.html"
    file.write_text(document(page), "utf-8")
    tab.open(file, WIDTH, HEIGHT)
    return tab


@pytest.fixture(scope="module")
def seen(opened: Tab) -> list[Any]:
    """The tables as the browser renders them."""
    return list(opened.ask(TABLES))


MARKS = {
    "NECONFIRMATĂ": BasisStatus.UNCONFIRMED,
    "NOT CONFIRMED": BasisStatus.UNCONFIRMED,
    "PROPUNERE": BasisStatus.PROPOSAL,
    "PROPOSAL": BasisStatus.PROPOSAL,
}
"""Words in a cell, and the state of the law they stand for."""


def table_of(page: Page, event: str) -> Table:
    """One table of the model."""
    return next(table for table in page.tables if table.event == event)


def test_roles_are_across_and_groups_down(page: Page, seen: list[Any]) -> None:
    """Every column head is a role with its purpose, every row head a field group; a screen reader is told so."""
    assert len(seen) == len(page.tables)
    for table, rendered in zip(page.tables, seen, strict=True):
        assert table.event in rendered["caption"]
        assert {tuple(head[:2]) for head in rendered["columns"]} == {("TH", "col")}
        assert {tuple(head[:2]) for head in rendered["rows"]} == {("TH", "row")}
        heads = [text.split() for _, _, text in rendered["columns"]]
        assert [head[0] for head in heads[1:-1]] == [column.role for column in table.columns]
        assert all(column.purpose in head for column, head in zip(table.columns, heads[1:-1], strict=True))
        assert [text.split()[0] for _, _, text in rendered["rows"]] == [str(line.group) for line in table.lines]


def test_each_cell_shows_row_law_and_transform(page: Page, seen: list[Any]) -> None:
    """Of every entry: its row, its basis, the act by name, and in both languages what is done to the fields."""
    for table, rendered in zip(page.tables, seen, strict=True):
        for line, cells in zip(table.lines, rendered["cells"], strict=True):
            for square, text in zip(line.squares, cells, strict=False):
                for entry in square.entries:
                    assert f"{entry.row} {entry.law.id} {entry.law.name.ro}" in " ".join(text.split())
                    assert all(name.ro in text and name.en in text for name in entry.guards)
    incident = table_of(page, "incident.reported")
    [care] = [cells for line, cells in zip(incident.lines, seen[0]["cells"], strict=True) if line.group == 11]
    assert "generalizat generalised: numai dacă e nevoie de îngrijiri only whether care is needed" in " ".join(
        care[0].split()
    )


def test_a_cell_without_an_entry_says_so(page: Page, seen: list[Any]) -> None:
    """Withheld, or does not learn; no cell is empty."""
    for rendered in seen:
        assert all(text.strip() for cells in rendered["cells"] for text in cells)
        assert all("nu află does not learn" in " ".join(cells[-1].split()) for cells in rendered["cells"])


def test_law_that_is_not_confirmed_is_marked(page: Page, seen: list[Any]) -> None:
    """By words in both languages in each such cell and in no other; a waiver likewise, with its name."""
    for table, rendered in zip(page.tables, seen, strict=True):
        for line, cells in zip(table.lines, rendered["cells"], strict=True):
            for square, text in zip(line.squares, cells, strict=False):
                states = [entry.law.status for entry in square.entries]
                for word, status in MARKS.items():
                    assert text.count(word) == states.count(status), text
                assert text.count("W-7") == sum(bool(entry.waivers) for entry in square.entries)


def test_waivers_and_signatures_stand_before_the_tables(opened: Tab, page: Page) -> None:
    """Who waived what until when, two lines to sign, the digest: a signer sees them first."""
    front = opened.ask('document.querySelector(".front").innerText')
    assert "31.03.2027" in front
    assert "pilot <b>agreed</b> & signed" in front
    assert page.digest in front
    assert opened.ask('document.querySelectorAll(".signed tbody tr").length') == 2
    assert opened.ask('document.querySelectorAll(".signed tbody td").length') == 6


def test_an_edge_shows_what_is_not_sure(opened: Tab) -> None:
    """A dashed or dotted line beside the words: it survives a printer without colours."""
    edges = '[...document.querySelectorAll(".entry.%s")].map(e => getComputedStyle(e).borderLeftStyle)'
    assert set(opened.ask(edges % "unconfirmed")) == {"dashed"}
    assert set(opened.ask(edges % "proposal")) == {"dotted"}
    assert set(opened.ask(edges % "ok")) == {"none"}


def test_every_text_can_be_read(opened: Tab) -> None:
    """Contrast at least 7:1 everywhere (WCAG 1.4.6), and no text runs out of its cell."""
    assert opened.ask(CONTRAST) >= 7
    assert opened.ask(FITS) == []


def test_a_picture_is_taken(opened: Tab, shown: Path) -> None:
    """Of the first page and of a table: of the size of the window, and not blank."""
    opened.ask("scrollTo(0, 0)")
    (shown / "matrix-front.png").write_bytes(opened.picture())
    opened.ask('document.getElementById("ppo.issued").scrollIntoView()')
    picture = opened.picture()
    (shown / "matrix.png").write_bytes(picture)
    width, height, colours = look_at(picture)
    assert (width, height) == (WIDTH, HEIGHT)
    assert colours > 20
    assert len(picture) > 100_000


def test_it_prints_on_a3_across(opened: Tab, page: Page, shown: Path) -> None:
    """Every sheet is A3 landscape, and there are more of them than event types."""
    printed = opened.printed()
    (shown / "matrix.pdf").write_bytes(printed)
    sheets = re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", printed)
    assert {(round(float(wide)), round(float(high))) for wide, high in sheets} == {A3}
    assert len(sheets) > len(page.tables)


def test_heads_are_repeated_on_every_sheet(opened: Tab) -> None:
    """Head and foot of a table are of the kinds a browser repeats, no row is cut in two, each type begins a sheet."""
    style = 'getComputedStyle(document.querySelector("table.matrix %s")).%s'
    assert opened.ask(style % ("thead", "display")) == "table-header-group"
    assert opened.ask(style % ("tfoot", "display")) == "table-footer-group"
    assert opened.ask(style % ("tbody tr", "breakInside")) == "avoid"
    begins = '[...document.querySelectorAll("section.type")].map(type => getComputedStyle(type).breakBefore)'
    assert set(opened.ask(begins)) == {"page"}


def test_production_says_what_is_not_released(tab: Tab, tmp_path: Path) -> None:
    """In the production profile unconfirmed law is shown as not released, unless it is waived."""
    file = tmp_path / "production.html"
    waived, other = unconfirmed()[:2]
    file.write_text(document(page_of([waiver(waived)], Profile.PRODUCTION)), "utf-8")
    tab.open(file, WIDTH, HEIGHT)
    told = {row: tab.ask(ENTRY % row) for row in (waived, other)}
    assert "nu se transmite în acest profil" not in told[waived]
    assert "nu se transmite în acest profil" in told[other]


ENTRY = '[...document.querySelectorAll(".row")].find(row => row.innerText === "%s").closest(".entry").innerText'


def look_at(png: bytes) -> tuple[int, int, int]:
    """Width, height and the number of distinct scan-line colours of an 8-bit PNG, without a library.

    Filters are not undone: a blank picture has one filtered value, a page of text has hundreds.
    """
    width, height = struct.unpack(">II", png[16:24])
    data, at = b"", 8
    while at < len(png):
        (length,), kind = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        data += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    return width, height, len(set(zlib.decompress(data)))
