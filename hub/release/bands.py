"""What a date or a distance is said to be instead: bands, on encoded bytes.

Rule kept: a band says no more than its symbol; what cannot be placed in one is `unknown` (INV-12).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from hub.release.varints import read_varint, varint

AGE_BANDS: Final = ("lt_1", "y1_2", "y3_6", "y7_9", "y10_13", "y14_17", "adult", "unknown")
DISTANCE_BANDS: Final = ("lt_250m", "lt_500m", "lt_1km", "gt_1km", "unknown")

_YEARS: Final = (1, 3, 7, 10, 14, 18)
"""The years at which each band but the first begins, neither the year of birth nor that of the moment counted."""
_METRES: Final = (250, 500, 1000)
_DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_AGES: Final = tuple(varint(symbol) for symbol in range(len(AGE_BANDS)))
_DISTANCES: Final = tuple(varint(symbol) for symbol in range(len(DISTANCE_BANDS)))
AGE_UNKNOWN: Final = _AGES[-1]
DISTANCE_UNKNOWN: Final = _DISTANCES[-1]


def _band(value: int, edges: Sequence[int]) -> int:
    """How many edges a value has reached."""
    return sum(value >= edge for edge in edges)


def age_band(buf: bytes, born: int, moment: int) -> bytes:
    """The encoded band of a birth date (days since 1970, at offset `born`) at a moment (ms, UTC, at offset `moment`).

    The age everyone born in that year has reached when the year of the moment (UTC) begins: so a band changes with the
    year only, and watching one child's band change over the months tells no birthday (INV-12); nobody is `adult` too
    early. Born in a later year: unknown. ValueError or OverflowError for a day no calendar has, which the slicer makes
    a TransformFailed.
    """
    then = date.fromordinal(_EPOCH + read_varint(buf, born))
    now = date.fromordinal(_EPOCH + read_varint(buf, moment) // _DAY_MS)
    if then.year > now.year:
        return AGE_UNKNOWN
    return _AGES[_band(now.year - then.year - 1, _YEARS)]


def distance_band(buf: bytes, at: int) -> bytes:
    """The encoded band of a distance (m, at offset `at`); a negative one is unknown."""
    metres = read_varint(buf, at)
    return DISTANCE_UNKNOWN if metres < 0 else _DISTANCES[_band(metres, _METRES)]
