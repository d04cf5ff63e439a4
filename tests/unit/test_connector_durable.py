"""A file that failed once is not used again, and says why without saying what it holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from connectors.sdk.durable.sql import Durable
from connectors.sdk.faults import FAULTS, ConnectorFault
from connectors.sdk.port import Row
from connectors.sdk.sql import Outbox

SECRET = "Strada Salcâmilor 7"
NOW = 1_790_000_000_000


def row(row_id: str) -> Row:
    """A row that must never be seen in a fault."""
    return Row(row_id, "sesizare", NOW, "c-1", {"address": SECRET * 300})


def full(outbox: Outbox) -> None:
    """No page more for this file."""
    pages = outbox._file.ask("PRAGMA page_count")[0][0]
    outbox._file.ask(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_ends_the_handle_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """The failed write and every later one raise; opened again, the file has what was acknowledged, and goes on."""
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path)
    outbox.put(row("a"))
    full(outbox)
    with pytest.raises(ConnectorFault) as first:
        outbox.put(row("b"))
    assert first.value.code == "store_full"
    assert SECRET not in first.value.told()
    with pytest.raises(ConnectorFault) as second:
        outbox.put(row("c"))
    assert second.value.code == "store_failed"
    again = Outbox(path)
    assert [each.id for each in again.fresh(9)] == ["a"]
    again.put(row("b"))
    assert [each.id for each in again.fresh(9)] == ["a", "b"]
    again.close()


def test_a_transaction_that_raises_is_undone_with_its_handle(tmp_path: Path) -> None:
    """Whatever it was that raised: half of it is never there."""
    file = Durable(tmp_path / "file.sqlite")
    with file.transaction() as db:
        db.execute("CREATE TABLE t (x)")

    def interrupted(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO t VALUES (1)")
        raise KeyError

    with pytest.raises(KeyError), file.transaction() as db:
        interrupted(db)
    with pytest.raises(ConnectorFault):
        file.ask("SELECT * FROM t")
    again = Durable(tmp_path / "file.sqlite")
    assert again.ask("SELECT * FROM t") == []
    again.close()


def test_a_handle_whose_reading_failed_is_closed(tmp_path: Path) -> None:
    """Reading, too, may have met a dying disk."""
    file = Durable(tmp_path / "file.sqlite")
    with pytest.raises(ConnectorFault):
        file.ask("SELECT * FROM nowhere")
    with pytest.raises(ConnectorFault):
        file.ask("SELECT 1")


def test_every_commit_is_synced(tmp_path: Path) -> None:
    """WAL and FULL, as the figures of power cuts ask for."""
    file = Durable(tmp_path / "file.sqlite")
    assert file.ask("PRAGMA journal_mode") == [("wal",)]
    assert file.ask("PRAGMA synchronous") == [(2,)]
    file.close()


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    """With its name and a remedy, and nothing of what it holds."""
    (tmp_path / "notes.txt").write_text(SECRET * 100)
    with pytest.raises(ConnectorFault) as fault:
        Durable(tmp_path / "notes.txt")
    assert fault.value.code == "store_damaged"
    assert SECRET not in fault.value.told()
    assert "notes.txt" in fault.value.told()


def test_a_file_held_by_another_program_is_said_to_be_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that never ends in the agency's own system."""
    monkeypatch.setattr("connectors.sdk.durable.sql.WAIT_S", 0)
    outbox = Outbox(tmp_path / "outbox.sqlite")
    other = sqlite3.connect(tmp_path / "outbox.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ConnectorFault) as fault:
        outbox.put(row("a"))
    assert fault.value.code == "store_busy"
    other.close()


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_says_whose_it_is_what_happened_and_what_to_do(code: str) -> None:
    """Every row of the table."""
    fault = ConnectorFault(code, "it happened")
    assert fault.told() == f"{code} ({FAULTS[code].fault}): it happened; {FAULTS[code].remedy}"
    assert FAULTS[code].fault in {"machine", "operator", "network"}
