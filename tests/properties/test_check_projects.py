"""The check's own projection and the slicer release the same of random records under real keys, each on its own."""

from __future__ import annotations

from random import Random

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.terms import PartyRole, Transform
from hub.check.project import Names, project, release_leaves
from hub.contracts.envelope import Admission
from hub.contracts.keys import key_ring, reference_plain
from hub.contracts.shape import inline, plain
from hub.contracts.wire import frame
from hub.gateway.pseudonyms import Origin
from hub.release.schema import release_schema
from hub.release.slicer import Slicer
from tests.properties.naive import DAYS, Value, days
from tests.properties.releases import encode
from tests.properties.schemas import COUNTIES, random_release, random_schema, record

RING = key_ring(1, bytes(range(32)))
SOURCE, RECIPIENT = RING.unit("usrc00"), RING.unit("urecip")
GIVEN = SOURCE.seal_ref(reference_plain("uother", b"EV-9")).decode()
HANDLE = bytes(range(16))


def opened(value: Value) -> Value:
    """Every sealed reference of a random record replaced by one the hub really gave the source."""
    if isinstance(value, dict):
        return {name: opened(one) for name, one in value.items()}
    if isinstance(value, list):
        return [opened(one) for one in value]
    return (
        GIVEN if isinstance(value, str) and len(value) == len(GIVEN) and value.isascii() and " " not in value else value
    )


@given(seed=st.integers(0, 2**48))
@settings(max_examples=80, deadline=None)
def test_the_check_and_the_slicer_release_the_same_bytes(seed: int) -> None:
    """Whatever leaves are released and however: a person of a block has her handle, one in an array never."""
    rng = Random(seed)
    event = random_schema(rng)
    event["fields"].append({**event["fields"][0], "name": "victim", "type": _block(rng), "punte.group": 1})
    event["fields"][-1].pop("default", None)
    releases = tuple(dict.fromkeys(random_release(rng, event) for _ in range(3)))
    slicer = Slicer(event, releases, {release.name: 7 for release in releases}, COUNTIES)
    one = opened(record(rng, event))
    body = encode(fastavro.parse_schema(plain(event)), one)
    offsets = slicer.walk(body)
    origin = Origin(slicer, body, offsets, Admission("", 0, b"", {PartyRole.VICTIM: HANDLE}, False), SOURCE)
    moment = next(one[field["name"]] for field in event["fields"] if field["punte.group"] == 26)
    names = Names(RECIPIENT, SOURCE, {"victim": HANDLE}, COUNTIES, moment)
    for release in releases:
        schema = release_schema(event, release)
        assert release_leaves(inline(schema)) == dict(release.leaves)
        want = encode(fastavro.parse_schema(plain(schema)), project(one, dict(release.leaves), names))
        assert slicer.bind(release)(body, offsets, origin, RECIPIENT) == frame(7, want)


@pytest.mark.parametrize(("born", "moment", "band"), DAYS)
def test_the_checks_ages_have_the_same_edges(born: str, moment: str, band: str) -> None:
    """A band changes when a year begins; born in a later year is unknown."""
    names = Names(RECIPIENT, SOURCE, {}, COUNTIES, days(moment) * 86_400_000 + 86_399_999)
    assert project({"born": days(born)}, {"born": Transform.AGE_BAND}, names) == {"born": band}


def _block(rng: Random) -> Value:
    """A person block whose own person counts, with more persons in an array of it."""
    person = {"name": "who", "type": "string", "punte.max": 64, "punte.leaf": "person", "punte.group": 1}
    other = {"type": "record", "name": "Other", "fields": [{**person, "type": ["null", "string"], "default": None}]}
    others = {"name": "others", "type": {"type": "array", "items": other}, "punte.max": 5, "punte.group": 1}
    return {"type": "record", "name": "Victim", "fields": [person, others][:: rng.choice((1, -1))]}
