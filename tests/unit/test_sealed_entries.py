"""Quarantine holds a record only sealed: it opens with the private key, at its own position, and unchanged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from hub.assemble import record_codec
from hub.contracts.audit import Stage
from hub.contracts.files import load_catalogue
from hub.contracts.sealing import MOST_PLAIN, Sealer, SealFault, key_id, parse_key, public_of
from hub.contracts.waiting import Waiting

PRIVATE, OTHER = bytes(range(1, 33)), bytes(range(2, 34))
CATALOGUE = load_catalogue()
CODECS = record_codec(CATALOGUE, "audit.quarantine"), record_codec(CATALOGUE, "audit.sealed")
WAITING = Waiting(*CODECS, Sealer.of(public_of(PRIVATE)))
SECRET = b"the value of a record"


@dataclass(frozen=True)
class Record:
    """A record of an inbox."""

    value: bytes | None = SECRET
    key: bytes | None = b"key"
    headers: list[tuple[str, Any]] = field(default_factory=lambda: [("ce_id", b"1"), ("ce_id", None)])
    topic: str = "inbox.case.uaaaaa"
    partition: int = 0
    offset: int = 7
    timestamp: int = 1


def entry(waiting: Waiting, record: Record, **known: Any) -> dict[str, Any]:
    """The entry of a record, decoded."""
    return CODECS[0].decode(waiting.entry(record, Stage.ADMISSION, "frame", 5, **known))


def test_the_private_key_opens_what_was_sealed() -> None:
    """Key, headers in order (also null ones) and value come back; the entry names its key."""
    found = entry(WAITING, Record(), source="uaaaaa")
    original = WAITING.opened(found, PRIVATE)
    assert (original.key, original.headers, original.value) == (b"key", [("ce_id", b"1"), ("ce_id", None)], SECRET)
    assert (found["keyId"], found["source"]) == (key_id(public_of(PRIVATE)), "uaaaaa")


def test_the_entry_shows_nothing_of_the_record() -> None:
    """Neither value nor header is among the bytes of an entry."""
    raw = WAITING.entry(Record(), Stage.ADMISSION, "frame", 5)
    assert SECRET not in raw
    assert b"ce_id" not in raw


@pytest.mark.parametrize(
    ("private", "change"),
    [(OTHER, {}), (PRIVATE, {"input": {"topic": "inbox.case.uaaaaa", "partition": 0, "offset": 8}})],
    ids=["another_key", "moved_to_another_position"],
)
def test_another_key_or_position_opens_nothing(private: bytes, change: dict[str, Any]) -> None:
    """A sealed record is bound to its key and to the position it was read from."""
    with pytest.raises(SealFault):
        WAITING.opened(entry(WAITING, Record()) | change, private)


def test_a_changed_record_does_not_open() -> None:
    """One bit flipped anywhere in the sealed bytes is noticed."""
    found = entry(WAITING, Record())
    flipped = bytearray(found["record"])
    flipped[-1] ^= 1
    with pytest.raises(SealFault):
        WAITING.opened(found | {"record": bytes(flipped)}, PRIVATE)


@pytest.mark.parametrize(
    "record",
    [Record(value=bytes(MOST_PLAIN + 1)), Record(headers=[("ce_id", bytes(MOST_PLAIN))])],
    ids=["large_value", "large_header"],
)
def test_a_record_larger_than_is_kept_leaves_its_position(record: Record) -> None:
    """Too large to be kept: no bytes, but the position and the digest."""
    found = entry(WAITING, record)
    assert (found["record"], found["keyId"], found["input"]["offset"]) == (None, None, 7)
    with pytest.raises(SealFault):
        WAITING.opened(found, PRIVATE)


def test_without_a_key_there_are_no_bytes() -> None:
    """A hub that was given no public key keeps positions alone."""
    assert entry(Waiting(*CODECS), Record())["record"] is None


@pytest.mark.parametrize("text", ["", "zz", "00" * 31, "00" * 33, "0x" + "00" * 31])
def test_a_key_file_that_is_no_key_is_refused(text: str) -> None:
    """Anything but 64 hexadecimal digits; the text is not echoed."""
    with pytest.raises(SealFault) as refused:
        parse_key(text)
    assert not text or text not in str(refused.value)
