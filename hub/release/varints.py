"""Avro ints, longs and array blocks on encoded bytes (Avro 1.12, binary encoding; zigzag varints)."""

from __future__ import annotations

from typing import Final

from hub.contracts.walk import NOT_CANONICAL
from hub.contracts.wire import WireError

LONG_BYTES: Final = 10


def unseen() -> WireError:
    """The fault of bytes that strict admission cannot have let through."""
    return WireError(NOT_CANONICAL, "")


def varint(value: int) -> bytes:
    """An Avro int or long."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def read_varint(buf: bytes, at: int) -> int:
    """The int or long at an offset of admitted bytes."""
    value = shift = 0
    while True:
        byte = buf[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1) ^ -(value & 1)
        at, shift = at + 1, shift + 7


def long(buf: bytes, at: int) -> tuple[int, int]:
    """The long at an offset and the offset after it; `unseen()` for more than 10 bytes or one too many."""
    value = 0
    for step in range(LONG_BYTES):
        byte = buf[at + step]
        value |= (byte & 127) << 7 * step
        if byte < 128:
            if step and not byte:
                break
            return (value >> 1) ^ -(value & 1), at + step + 1
    raise unseen()


def block(buf: bytes, at: int) -> tuple[int, int, int]:
    """The head of an array block: elements in it (0 = the end), where the first begins, where it ends or -1.

    A negative count is followed by the size of the block in bytes. No element takes less than one byte, so a count
    beyond the record is `unseen()`, before anything is done so often.
    """
    count, at = long(buf, at)
    end = -1
    if count < 0:
        count = -count
        size, at = long(buf, at)
        end = at + size
        if size < 0:
            raise unseen()
    if count > len(buf):
        raise unseen()
    return count, at, end
