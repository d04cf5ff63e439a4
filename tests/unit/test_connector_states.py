"""The states of an outbox row: what moves it on, what cannot, and what it still remembers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from connectors.sdk.faults import ConnectorFault
from connectors.sdk.port import Parcel, Receipt, Row, Witness
from connectors.sdk.sql import KEPT_MS, Outbox

ALERT, CASE = "inbox.alert.ux3joc", "inbox.case.ux3joc"
NOW = 1_790_000_000_000
BEFORE = """
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, time INTEGER NOT NULL,
    subject TEXT NOT NULL, record TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'refused'))
)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the outbox lies."""
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    """An empty outbox."""
    made = Outbox(path)
    yield made
    made.close()


def parcel(row_id: str, topic: str = CASE) -> Parcel:
    """What is sent of a row."""
    return Parcel(row_id, topic, row_id.encode(), [("ce_id", row_id.encode())])


def said(row_id: str, verdict: str, code: str = "") -> Receipt:
    """A receipt of the row's own bytes."""
    return Receipt(row_id, verdict, code or verdict, sha256(row_id.encode()).digest())


def written(outbox: Outbox, *ids: str, topic: str = CASE) -> None:
    """Rows that were encoded."""
    for each in ids:
        outbox.put(Row(each, "sesizare", NOW, "c-1", {}))
    outbox.keep([parcel(each, topic) for each in ids], [])


def acknowledged(outbox: Outbox, *ids: str, topic: str = CASE, first: int = 0, now: int = NOW) -> None:
    """Rows that lie in Kafka, one after the other."""
    written(outbox, *ids, topic=topic)
    outbox.sent([Witness(topic, 0, first + n, each) for n, each in enumerate(ids)], now)


def states(path: Path) -> dict[str, tuple[str, str | None]]:
    """State and code of each row."""
    with sqlite3.connect(path) as db:
        found = {row_id: (state, code) for row_id, state, code in db.execute("SELECT id, state, code FROM outbox")}
    db.close()
    return found


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        (["admitted"], ("done", None)),
        (["duplicate"], ("done", None)),
        (["refused"], ("refused", "unit_unknown")),
        (["refused", "admitted"], ("done", None)),
        (["admitted", "refused"], ("done", None)),
        (["duplicate", "duplicate"], ("done", None)),
    ],
)
@pytest.mark.parametrize("acked", [True, False])
def test_a_receipt_ends_a_row(
    outbox: Outbox, path: Path, verdicts: list[str], state: tuple[str, str | None], acked: bool
) -> None:
    """Also one that is faster than the mark of its acknowledgement; `done` is the end."""
    written(outbox, "a")
    if acked:
        outbox.sent([Witness(CASE, 0, 0, "a")], NOW)
    for verdict in verdicts:
        outbox.told([said("a", verdict, "unit_unknown" if verdict == "refused" else "")], {}, NOW)
    outbox.sent([Witness(CASE, 0, 0, "a")], NOW)
    assert states(path) == {"a": state}
    assert outbox.ready(9) == []
    assert outbox.due(NOW * 2, 9) == []


@pytest.mark.parametrize("verdict", ["admitted", "duplicate", "refused"])
def test_a_receipt_of_other_bytes_under_our_id_is_not_ours(outbox: Outbox, path: Path, verdict: str) -> None:
    """Another record that took the id first must not end ours: it is sent again, until its own receipt."""
    acknowledged(outbox, "a")
    outbox.told([said("a", verdict)._replace(sha256=bytes(32))], {}, NOW)
    assert states(path) == {"a": ("sent", None)}


@pytest.mark.parametrize(
    ("statement", "fresh", "ready"),
    [
        ("UPDATE outbox SET state = 'pending' WHERE id = 'a'", [], ["a"]),
        ("UPDATE outbox SET state = 'pending', value = NULL WHERE id = 'a'", ["a"], []),
    ],
    ids=["the-same-again", "encoded-anew"],
)
def test_a_person_sends_a_refused_row_again(outbox: Outbox, statement: str, fresh: list[str], ready: list[str]) -> None:
    """By the statements of connectors/README.md."""
    acknowledged(outbox, "a")
    outbox.told([said("a", "refused")], {}, NOW)
    with outbox._file.transaction() as db:
        db.execute(statement)
    assert [each.id for each in outbox.fresh(9)] == fresh
    assert [each.id for each in outbox.ready(9)] == ready


def test_alerts_go_before_all_else(outbox: Outbox) -> None:
    """Alone, so that an inbox that does not answer holds up its own lane only."""
    written(outbox, "a", "b")
    written(outbox, "x", "y", topic=ALERT)
    assert outbox.ready(9) == [parcel("x", ALERT), parcel("y", ALERT)]
    outbox.sent([Witness(ALERT, 0, n, each) for n, each in enumerate("xy")], NOW)
    assert outbox.ready(9) == [parcel("a"), parcel("b")]


@pytest.mark.parametrize(("topic", "wait"), [(ALERT, 10_000), (CASE, 60_000), ("inbox.bulk.ux3joc", 60_000)])
def test_a_row_without_receipt_is_due_again(outbox: Outbox, topic: str, wait: int) -> None:
    """After 10 s on the alert lane, 60 s on others; then after twice that, never more than 16 times it."""
    acknowledged(outbox, "a", topic=topic)
    now = NOW
    for factor in (1, 2, 4, 8, 16, 16):
        assert outbox.due(now + factor * wait - 1, 9) == []
        now += factor * wait
        assert outbox.due(now, 9) == [parcel("a", topic)]
        outbox.sent([Witness(topic, 0, 0, "a")], now)


def test_rows_are_kept_for_the_whole_dedupe_window(outbox: Outbox, path: Path) -> None:
    """To the millisecond; those that are not done are kept for ever."""
    acknowledged(outbox, "a", "b", "c")
    outbox.told([said("a", "admitted"), said("b", "refused")], {}, NOW)
    assert outbox.prune(NOW + KEPT_MS - 1) == 0
    assert outbox.prune(NOW + KEPT_MS) == 1
    assert outbox.prune(NOW * 2) == 0
    assert states(path).keys() == {"b", "c"}
    assert KEPT_MS == 7 * 86_400_000


def test_what_was_pruned_is_still_witnessed(outbox: Outbox) -> None:
    """The newest place of an inbox outlives its row, and older ones never replace it."""
    acknowledged(outbox, "a", "b", first=5)
    outbox.told([said("b", "admitted")], {}, NOW)
    outbox.prune(NOW + KEPT_MS)
    outbox.told([said("a", "admitted")], {}, NOW)
    outbox.prune(NOW + KEPT_MS)
    assert outbox.newest() == [Witness(CASE, 0, 6, "b")]
    assert outbox.pruned(CASE, 0) == Witness(CASE, 0, 6, "b")
    assert outbox.furthest(CASE, 0) == 6
    assert outbox.furthest(ALERT, 0) == -1


def test_the_witness_is_the_newest_record_with_a_receipt(outbox: Outbox) -> None:
    """One per inbox; a row without receipt is sent again anyway."""
    acknowledged(outbox, "a", "b", "c")
    acknowledged(outbox, "x", topic=ALERT)
    outbox.told([said("a", "admitted"), said("b", "duplicate"), said("x", "admitted")], {}, NOW)
    assert sorted(outbox.newest()) == [Witness(ALERT, 0, 0, "x"), Witness(CASE, 0, 1, "b")]
    assert [each.id for each in outbox.placed(CASE, 0)] == ["a", "b", "c"]


def test_a_refill_makes_pending_what_lay_behind(outbox: Outbox, path: Path) -> None:
    """In its order and with its bytes; other inboxes and what a person has to mend stay."""
    acknowledged(outbox, "a", "b", "c", "d")
    acknowledged(outbox, "x", topic=ALERT)
    written(outbox, "e")
    outbox.told([said("a", "admitted"), said("b", "admitted"), said("c", "refused"), said("e", "admitted")], {}, NOW)
    assert outbox.refill(CASE, 0, 0, {("receipt.case.ux3joc", 0): 4}) == 3
    assert outbox.ready(9) == [parcel("b"), parcel("d"), parcel("e")]
    assert {each: state for each, (state, _) in states(path).items() if state != "pending"} == {
        "a": "done",
        "c": "refused",
        "x": "sent",
    }
    assert outbox.receipts_read() == {("receipt.case.ux3joc", 0): 4}


def test_the_earlier_form_is_brought_to_this_one(path: Path) -> None:
    """`sent` was its end, so it is done; ids, order and what waits stay; the agency's own statement still fits."""
    with sqlite3.connect(path) as db:
        db.execute(BEFORE)
        insert = "INSERT INTO outbox (id, kind, time, subject, record, state) VALUES (?, 'k', 1, 's', '{}', ?)"
        db.executemany(insert, [("a", "sent"), ("b", "refused"), ("c", "pending")])
    db.close()
    outbox = Outbox(path, NOW)
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO outbox (id, kind, time, subject, record) VALUES ('d', 'k', 1, 's', '{}')")
    db.close()
    assert {each: state for each, (state, _) in states(path).items()} == {
        "a": "done",
        "b": "refused",
        "c": "pending",
        "d": "pending",
    }
    assert [each.id for each in outbox.fresh(9)] == ["c", "d"]
    assert outbox.newest() == []
    outbox.close()
    again = Outbox(path, NOW)
    assert again.prune(NOW + KEPT_MS) == 1
    again.close()


def test_another_table_of_this_name_is_left_alone(path: Path) -> None:
    """Refused with what to do, and not touched."""
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE outbox (id TEXT, mail TEXT)")
    db.close()
    with pytest.raises(ConnectorFault) as fault:
        Outbox(path)
    assert fault.value.code == "store_foreign"
    assert "move the table away" in fault.value.told()
    with sqlite3.connect(path) as db:
        assert [name for (name,) in db.execute("SELECT name FROM pragma_table_info('outbox')")] == ["id", "mail"]
    db.close()


@pytest.mark.parametrize("value", [b"", b"\x00\xff" * 9])
def test_kept_bytes_come_back_as_they_were(outbox: Outbox, value: bytes) -> None:
    """Value and headers, any bytes."""
    outbox.put(Row("a", "sesizare", NOW, "c-1", {}))
    kept = Parcel("a", CASE, value, [("ce_subject", b"\xc8\x99"), ("x", b"")])
    outbox.keep([kept], [])
    assert outbox.ready(1) == [kept]
