"""Two units lay their topics side by side: no id, key, reference or trace of theirs matches.

Known limits, named in the README: values that both are given as they are match, `ce_time` with them where both are
given group 26 as is; and at low rates the moment of the commit matches.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import pytest

from tests.scenarios.conftest import Operator
from tests.support.stranger import Client, Read, example, schema

pytestmark = pytest.mark.kafka

DISPATCH, PATROL, CENTRE, COUNTY, MONITORS = "upggvz", "ux3joc", "uj9kpj", "u0xzkb", "uhenom"
PLACE: Final = 54975
EVENTS: Final = 40
CALLS: Final = 12
CALLED_AT: Final = 1_614_834_367_008
"""A moment of 2021: by it the calls of this test are told from those of others."""
HOUR_MS: Final = 3_600_000
CONSTANT: Final = frozenset({"ce_specversion", "ce_source", "ce_type"})
"""Headers that are the same for every event of a type."""
TIME: Final = "ce_time"
"""A header that follows group 26; it has a test of its own below."""
MADE_UP: Final = frozenset({"ref", "person"})


def assessment(number: int) -> dict[str, Any]:
    """A police risk form about one of five women, each with her own references."""
    record = example("risk.assessed")
    woman = f"woman-{number % 5}"
    record |= {"siruta": PLACE, "instrument": "RO_POL_21", "result": "imminent", "assessmentRef": f"a-{number}"}
    record |= {"previousAssessmentRef": f"before-{number}", "childInHousehold": "no"}
    record["victim"] = record["victim"] | {"ref": woman, "cnp": None}
    record["suspect"] = None
    return record


def leaves(record: Any, declared: Any, above: str = "") -> Iterator[tuple[str, str, Any]]:
    """Path, kind and value of every leaf of a release."""
    for field in declared["fields"]:
        kind, value = field["type"], record[field["name"]]
        kind = next(each for each in kind if each != "null") if isinstance(kind, list) else kind
        if isinstance(kind, dict) and kind["type"] == "record":
            yield from leaves(value, kind, f"{field['name']}.") if value is not None else ()
        elif value is not None:
            yield above + field["name"], field.get("punte.leaf", ""), value


def fingerprints(read: Read) -> set[Any]:
    """Everything of a record that names its event, case or person: headers, key, references, persons."""
    found: set[Any] = {value for name, value in read.headers.items() if name not in {*CONSTANT, TIME}}
    found |= {read.headers["traceparent"][3:35], read.headers["traceparent"][36:52], read.key}
    made_up = (value for _, kind, value in leaves(read.value, schema(read.schema_id)) if kind in MADE_UP)
    return found | {str(value).encode() for value in made_up}


@pytest.fixture(scope="module")
def published(hub: Operator) -> dict[str, dict[str, Any]]:
    """Forty risk forms about five women, by event id."""
    client = Client(hub.bootstrap, PATROL)
    records = [assessment(number) for number in range(EVENTS)]
    return {client.send("risk.assessed", record, f"case-{n % 5}"): record for n, record in enumerate(records)}


@pytest.fixture(scope="module")
def dumps(hub: Operator, published: dict[str, Any]) -> dict[str, list[Read]]:
    """The release topics of three units."""
    found = {}
    for unit, purpose in ((CENTRE, "p6"), (COUNTY, "p7"), (MONITORS, "p3")):

        def enough(reads: list[Read]) -> bool:
            return sum(read.headers["ce_type"] == b"risk.assessed" for read in reads) >= EVENTS

        reads = Client(hub.bootstrap, unit).read(f"release.case.{unit}.{purpose}", enough)
        found[unit] = [read for read in reads if read.headers["ce_type"] == b"risk.assessed"]
    return found


@pytest.fixture(scope="module")
def calls(hub: Operator) -> dict[str, list[Read]]:
    """The release topics of a patrol and the victims' centre after twelve calls to the dispatch, seconds apart."""
    client = Client(hub.bootstrap, DISPATCH)
    for number in range(CALLS):
        call = {"siruta": PLACE, "taskedUnits": [], "reportedAt": CALLED_AT + 1_000 * number}
        client.send("incident.reported", example("incident.reported") | call, f"call-{number}")

    def ours(reads: list[Read]) -> list[Read]:
        of_type = [read for read in reads if read.headers["ce_type"] == b"incident.reported"]
        return [read for read in of_type if abs(_ms(read.value["reportedAt"]) - CALLED_AT) < HOUR_MS]

    return {
        unit: ours(Client(hub.bootstrap, unit).read(f"release.case.{unit}.{purpose}", lambda r: len(ours(r)) >= CALLS))
        for unit, purpose in ((PATROL, "p1"), (CENTRE, "p6"))
    }


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


def times(reads: list[Read]) -> list[datetime]:
    """The `ce_time` of each record, sorted."""
    return sorted(datetime.fromisoformat(read.headers[TIME].decode()) for read in reads)


def rule_of_time(reads: list[Read]) -> set[str]:
    """What the schemas of these releases say becomes of times."""
    return {schema(read.schema_id)["punte.time"] for read in reads}


def test_times_match_where_both_units_are_given_group_26_as_is(dumps: dict[str, list[Read]]) -> None:
    """Contract section 1, and a known limit: `ce_time` and the event's own times are the same to the millisecond."""
    assert [rule_of_time(reads) for reads in dumps.values()] == [{"as_is"}] * 3
    assert times(dumps[CENTRE]) == times(dumps[COUNTY]) == times(dumps[MONITORS])
    assert len(set(times(dumps[CENTRE]))) > 1


def test_times_are_coarser_for_a_unit_whose_group_26_is_generalised(calls: dict[str, list[Read]]) -> None:
    """The patrol has the instant, the centre the hour, in `ce_time` and in the event's own times alike."""
    exact, coarse = calls[PATROL], calls[CENTRE]
    assert (rule_of_time(exact), rule_of_time(coarse)) == ({"as_is"}, {"hour"})
    assert times(coarse) == [moment.replace(minute=0, second=0, microsecond=0) for moment in times(exact)]
    assert {_ms(read.value["reportedAt"]) for read in exact} == {CALLED_AT + 1_000 * n for n in range(CALLS)}
    assert {_ms(read.value["reportedAt"]) for read in coarse} == {CALLED_AT // HOUR_MS * HOUR_MS}


def test_no_header_key_id_or_reference_is_shared_between_two_units(dumps: dict[str, list[Read]]) -> None:
    """All three got all forty; what one has, none of the others has."""
    assert [len(reads) for reads in dumps.values()] == [EVENTS] * 3
    marks = {unit: set().union(*map(fingerprints, reads)) for unit, reads in dumps.items()}
    assert all(len(found) > EVENTS * 4 for found in marks.values())
    assert not marks[CENTRE] & marks[COUNTY]
    assert not marks[CENTRE] & marks[MONITORS]
    assert not marks[COUNTY] & marks[MONITORS]


def test_nothing_of_the_publisher_is_in_a_release(dumps: dict[str, list[Read]], published: dict[str, Any]) -> None:
    """Neither its event ids, its case and event references, nor its names for a person, in header, key or value."""
    theirs = {*published, *(event_id.replace("-", "") for event_id in published), PATROL}
    theirs |= {record["assessmentRef"] for record in published.values()}
    theirs |= {record["previousAssessmentRef"] for record in published.values()}
    theirs |= {f"{kind}-{number}" for kind in ("woman", "case") for number in range(5)}
    for read in (read for reads in dumps.values() for read in reads):
        values = {str(value) for _, value in _flat(read.value)}
        values |= {value.decode() for value in read.headers.values()} | {(read.key or b"").decode()}
        assert not theirs & values
        assert not [mark for mark in theirs if len(mark) > 30 and any(mark in value for value in values)]


def _flat(record: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    pairs = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for name, value in pairs:
        yield from _flat(value, f"{above}{name}.")
    if not isinstance(record, dict | list):
        yield above, record


def test_the_same_person_and_case_are_the_same_within_one_unit(dumps: dict[str, list[Read]]) -> None:
    """Forty forms are five women and five cases to each unit, and never two cases under one woman."""
    for reads in dumps.values():
        pairs = {(read.value["victim"]["ref"], read.key) for read in reads}
        assert len(pairs) == len({woman for woman, _ in pairs}) == len({case for _, case in pairs}) == 5


def test_every_release_has_its_own_id_and_trace(dumps: dict[str, list[Read]]) -> None:
    """Also within one unit: an id names one release."""
    every = [read for reads in dumps.values() for read in reads]
    assert len({read.headers["ce_id"] for read in every}) == len(every)
    assert len({read.headers["traceparent"][3:35] for read in every}) == len(every)
