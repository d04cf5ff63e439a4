"""Keys and pseudonyms: read back by the hub, unlike for every unit, refused when given to another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.contracts.keys import (
    CASE_SEALED,
    HANDLE,
    PERSON_REF,
    REF_PLAIN,
    REF_SEALED,
    KeyFault,
    b64,
    key_ring,
    parse_secret,
    reference_plain,
    secret_text,
    unb64,
)

RING = key_ring(1, bytes(range(32)))
ONE, OTHER = RING.unit("uaaaaa"), RING.unit("ubbbbb")
handles = st.binary(min_size=HANDLE, max_size=HANDLE)
references = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)


@given(st.binary(max_size=80))
def test_base64url_reads_back(raw: bytes) -> None:
    """Without padding, in the URL-safe letters."""
    assert unb64(b64(raw)) == raw
    assert not set(b64(raw)) & set(b"+/=")


@given(handles)
def test_a_case_reads_back_for_its_unit_alone(handle: bytes) -> None:
    """43 characters; another unit's key does not open it, and its own reference differs."""
    sealed = ONE.seal_case(handle)
    assert len(sealed) == CASE_SEALED
    assert ONE.open_case(sealed.decode()) == handle
    assert OTHER.seal_case(handle) != sealed
    with pytest.raises(KeyFault):
        OTHER.open_case(sealed.decode())


@given(references)
def test_a_reference_reads_back_for_its_unit_alone(reference: str) -> None:
    """118 characters whatever the length of the original; another unit's key does not open it."""
    plain = reference_plain("uaaaaa", reference.encode())
    sealed = ONE.seal_ref(plain)
    assert len(plain) == REF_PLAIN
    assert len(sealed) == REF_SEALED
    assert ONE.open_ref(sealed) == plain
    with pytest.raises(KeyFault):
        OTHER.open_ref(sealed)


@given(handles, st.sampled_from(["P1", "P6"]), st.integers(1, 3))
def test_what_two_units_get_never_matches(handle: bytes, purpose: str, attempt: int) -> None:
    """Person references and release ids of one event differ for every unit, purpose and attempt."""
    assert len(ONE.person(handle)) == PERSON_REF
    assert ONE.person(handle) == ONE.person(handle) != OTHER.person(handle)
    ids = [unit.release_id(handle, p, n) for unit in (ONE, OTHER) for p in (purpose, "P9") for n in (attempt, 9)]
    assert len(set(ids)) == len(ids)


@given(handles)
def test_a_release_id_is_a_uuid_of_version_8(handle: bytes) -> None:
    """Version and variant bits of RFC 9562 section 5.8."""
    made = ONE.release_id(handle, "P1", 1)
    assert len(made) == 16
    assert made[6] >> 4 == 8
    assert made[8] >> 6 == 0b10


def test_another_secret_is_another_hub() -> None:
    """No derived value is shared by two secrets, and the key check tells them apart."""
    other = key_ring(1, bytes(32))
    assert other.check() != RING.check()
    assert other.case_handle("u", "c") != RING.case_handle("u", "c")
    assert other.party_handle("2900101600016") != RING.party_handle("2900101600016")


def test_a_secret_file_reads_back_and_a_faulty_one_shows_nothing() -> None:
    """The text round-trips; what cannot be read is refused without repeating it."""
    assert parse_secret(secret_text(3, bytes(range(32)))).check() == RING.check()
    for text in ("", "{}", '{"epoch": 1}', '{"epoch": 1, "secret": "?"}', secret_text(1, b"short")):
        with pytest.raises(KeyFault) as fault:
            parse_secret(text)
        assert "c2hvcnQ" not in str(fault.value)
