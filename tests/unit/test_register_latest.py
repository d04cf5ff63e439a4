"""The register as it stands: what was mended stops nobody, what was not is named, and every change has its copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from hub.assemble import record_codec
from hub.contracts.codec import CodecFault
from hub.contracts.keys import b64
from hub.contracts.registers import digest_of, key
from hub.registry.latest import Copies, Latest
from tests.support.history import NOW, PATROL, catalogue, hold, registers

HOLD = {**hold(b64(b"p" * 16).decode(), PATROL), "handle": "h-1"}
KEY, VALUE = registers().encode(HOLD)
OFF = registers().encode({**HOLD, "state": "off"})[1]
TORN = {
    "cut": VALUE[:-1],
    "no-frame": b"\x00",
    "empty": b"",
    "another-schema": VALUE[:4] + b"\xff" + VALUE[5:],
    "another-handle": registers().encode({**HOLD, "handle": "h-2"})[1],
    "no-text": VALUE[:5] + b"\x00\x06\xff\xff\xff" + VALUE[10:],
    "endless": VALUE[:6] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f",
}


@dataclass
class Record:
    """A register record as Kafka hands it over."""

    key: bytes | None
    value: bytes | None
    offset: int = 7
    topic: str = "register"
    partition: int = 0
    timestamp: int = NOW + 5
    headers: Any = ()


def latest(*records: tuple[bytes | None, bytes | None]) -> Latest:
    """The register after these records."""
    found = Latest(registers())
    for offset, (one, value) in enumerate(records):
        found.take(Record(one, value, offset))
    return found


@pytest.mark.parametrize("torn", TORN)
def test_what_was_mended_under_its_own_key_stops_nobody(torn: str) -> None:
    """Bytes nobody reads, then the same key said rightly, or erased: the register can be read."""
    assert latest((KEY, TORN[torn]), (KEY, VALUE)).changes()["hold", "h-1"].state == "on"
    assert latest((KEY, TORN[torn]), (KEY, None)).changes() == {}


@pytest.mark.parametrize("torn", TORN)
def test_what_was_not_mended_is_named_and_the_rest_is_read(torn: str) -> None:
    """Reading all of it is refused; reading what can be read gives the others, and the key with its offset."""
    found = latest((KEY, VALUE), (key("hold", "h-3"), registers().encode({**HOLD, "handle": "h-3"})[1]))
    found.take(Record(KEY, TORN[torn], 9))
    with pytest.raises(CodecFault):
        found.changes()
    assert set(found.readable()) == {("hold", "h-3")}
    assert list(found.unreadable()) == [("hold", "h-1", 9)]


@pytest.mark.parametrize("odd", [None, b"", b"hold", b"\xff/h-1", b"nothing/h-1"])
def test_a_key_that_is_none_is_named_too(odd: bytes | None) -> None:
    """No kind, no handle, no text: it is unreadable, and erased it is gone."""
    assert len(list(latest((odd, VALUE)).unreadable())) == 1
    assert list(latest((odd, VALUE), (odd, None)).unreadable()) == []


@pytest.mark.parametrize("torn", TORN)
def test_every_change_has_a_copy(torn: str) -> None:
    """On, unreadable, off, erased: four copies in order, each with the state before."""
    copies, found = Copies(registers(), record_codec(catalogue(), "audit.register")), []
    for offset, value in enumerate((VALUE, TORN[torn], OFF, None)):
        digest, copy, readable = copies.copy(Record(KEY, value, offset))
        said = copies.records.decode(copy)
        assert digest == said["key"] == digest_of(KEY)
        assert readable == (offset != 1)
        found.append((said["offset"], said["oldState"], said["newState"], said["by"], said["at"] - NOW))
    assert found == [
        (0, None, "on", ["p-1"], 0),
        (1, "on", "unreadable", [], 5),
        (2, "unreadable", "off", ["p-1"], 0),
        (3, "off", None, [], 5),
    ]
