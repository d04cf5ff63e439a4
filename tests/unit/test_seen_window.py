"""The window of seen ids: repeats and conflicts inside it, forgotten after it."""

from hypothesis import given
from hypothesis import strategies as st

from hub.contracts.envelope import DAY_MS
from hub.contracts.topics import DEDUPE_DAYS
from hub.gateway.seen import Seen, SeenIds

DIGEST, CHECK, OTHER = b"d" * 16, b"c" * 8, b"o" * 8


@given(st.integers(0, 10**13), st.integers(0, DEDUPE_DAYS - 1))
def test_an_event_is_known_within_the_window(start: int, days: int) -> None:
    """Same bytes are a repeat, other bytes a conflict, any other event is new."""
    seen = SeenIds()
    seen.add(DIGEST, CHECK, start)
    seen.add(b"x" * 16, CHECK, start + days * DAY_MS)
    assert seen.look(DIGEST, CHECK) is Seen.REPEAT
    assert seen.look(DIGEST, OTHER) is Seen.CONFLICT
    assert seen.look(b"n" * 16, CHECK) is Seen.NEW


def test_what_a_transaction_takes_is_known_within_it_and_stays_with_its_commit() -> None:
    """Staged: a repeat at once; dropped: as if it had never been; kept: known from then on."""
    seen = SeenIds()
    for end, after in ((seen.drop, Seen.NEW), (lambda: seen.keep(DAY_MS), Seen.REPEAT)):
        seen.stage(DIGEST, CHECK)
        assert (seen.look(DIGEST, CHECK), seen.look(DIGEST, OTHER)) == (Seen.REPEAT, Seen.CONFLICT)
        end()
        assert seen.look(DIGEST, CHECK) is after
    seen.keep((DEDUPE_DAYS + 2) * DAY_MS)
    assert len(seen) == 1
    seen.stage(b"n" * 16, CHECK)
    seen.keep((DEDUPE_DAYS + 2) * DAY_MS)
    assert seen.look(DIGEST, CHECK) is Seen.NEW


IDS = st.dictionaries(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8), max_size=200)


def test_bytes_across_two_neighbours_are_no_id() -> None:
    """Ids lie in rows: what begins in one and ends in the next is none, also where it was added after them."""
    seen, first, second = SeenIds(), b"abcdeabcdefghijk", b"abcdfabcdefghijk"
    across = (first + CHECK + second + CHECK)[5:21]
    seen.add(first, CHECK, DAY_MS)
    seen.add(second, CHECK, DAY_MS)
    assert seen.look(across, CHECK) is Seen.NEW
    seen.add(across, OTHER, DAY_MS)
    assert (seen.look(across, OTHER), len(seen)) == (Seen.REPEAT, 3)


@given(IDS, st.binary(min_size=16, max_size=16))
def test_every_id_is_found_again_and_no_other(ids: dict[bytes, bytes], other: bytes) -> None:
    """Whatever the digests; the first check of each stands."""
    seen = SeenIds()
    for digest, check in ids.items():
        seen.add(digest, check, DAY_MS)
        seen.add(digest, OTHER, DAY_MS)
    assert len(seen) == len(ids)
    assert all(seen.look(digest, check) is Seen.REPEAT for digest, check in ids.items())
    assert (seen.look(other, CHECK) is Seen.NEW) == (other not in ids)


def test_the_window_moves_by_days() -> None:
    """After the window an id is new again and takes no room."""
    seen = SeenIds()
    for day in range(3 * DEDUPE_DAYS):
        seen.add(day.to_bytes(16, "big"), CHECK, day * DAY_MS)
    assert len(seen) == DEDUPE_DAYS
    assert seen.look((0).to_bytes(16, "big"), CHECK) is Seen.NEW
