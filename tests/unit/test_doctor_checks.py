"""The table of `punte doctor`: for each fact that is wrong, the finding that names it and its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from consent.terms import Lane, Profile, Purpose
from hub.contracts import topics
from hub.contracts.topics import Party
from hub.doctor.bundle import SHOWN, settings_told
from hub.doctor.checks import BOUND, CHECKS, Facts, Finding, Grade, Register, Unknown, as_json, findings, register_of
from hub.doctor.lanes import Moment, Reading, Stage
from hub.errors import ERRORS
from hub.settings import Settings
from tests.support.published import faults

REMEDIES: Final = {code: row.remedy for code, row in ERRORS.items()}
UNIT: Final = Party("u00abc", frozenset({Lane.CASE}), frozenset({Purpose.P1}), publishes=True)
REGISTER: Final = Register({"1": "d1"}, "p1", (UNIT,))
WANTED: Final = {spec.name: spec.partitions for spec in topics.plan([UNIT], [Lane.CASE])}


def lane(waiting: int = 0, members: int = 1, taken: int = 10) -> Moment:
    """A moment of the case lane's gateway."""
    return Moment(0, (Reading(Stage.GATEWAY, Lane.CASE, members, taken + waiting, taken, waiting),), {})


HEALTHY: Final = Facts(
    bootstrap_set=True,
    profile=Profile.PRODUCTION,
    keys=("1", "d1"),
    policy=("p1", "p2"),
    topics=WANTED,
    register=REGISTER,
    moments=(lane(), lane()),
    uncopied=0,
    parked={Lane.CASE: {}},
)


def found(facts: Facts) -> list[Finding]:
    """All findings, with the remedies of the table."""
    return findings(facts, REMEDIES)


def test_a_healthy_hub_has_nothing_but_ok() -> None:
    """Each check speaks once, in order, and says ok."""
    told = found(HEALTHY)
    assert [finding.check for finding in told] == [name for name, _ in CHECKS]
    assert {(finding.grade, finding.code, finding.remedy) for finding in told} == {(Grade.OK, "ok", None)}


WRONG: Final[Mapping[str, tuple[dict[str, Any], str, Grade, str]]] = {
    "no Kafka named": ({"bootstrap_set": False}, "settings", Grade.WARN, "bootstrap_default"),
    "demo profile": ({"profile": Profile.DEMO}, "settings", Grade.WARN, "profile_demo"),
    "faulty setting": ({"bootstrap_set": Unknown("settings_faulty", "-")}, "settings", Grade.FAIL, "settings_faulty"),
    "no secret": ({"keys": Unknown("secret_missing", "-")}, "secret", Grade.FAIL, "secret_missing"),
    "refused policy": ({"policy": Unknown("policy_refused", "-")}, "policy", Grade.FAIL, "policy_refused"),
    "no Kafka": ({"topics": Unknown("kafka_unreachable", "-")}, "kafka", Grade.FAIL, "kafka_unreachable"),
    "a topic of others": ({"topics": WANTED | {"other": 1}}, "topics", Grade.OK, "ok"),
    "fewer partitions": ({"topics": WANTED | {"admitted.case": 1}}, "topics", Grade.FAIL, "topic_partitions"),
    "faulty register": (
        {"register": Unknown("register_unreadable", "-")},
        "register",
        Grade.FAIL,
        "register_unreadable",
    ),
    "empty register": ({"register": replace(REGISTER, parties=())}, "register", Grade.WARN, "register_empty"),
    "no key check": ({"keys": ("2", "d1")}, "keycheck", Grade.FAIL, "keycheck_missing"),
    "other keys": ({"keys": ("1", "d2")}, "keycheck", Grade.FAIL, "keycheck_differs"),
    "no active policy": ({"register": replace(REGISTER, active=None)}, "active", Grade.FAIL, "policy_not_active"),
    "other policy": ({"policy": ("p2", "p3")}, "active", Grade.FAIL, "policy_differs"),
    "nobody, nothing waits": ({"moments": (lane(0, 0), lane(0, 0))}, "lanes", Grade.WARN, "lane_not_running"),
    "nobody, one waits": ({"moments": (lane(1, 0), lane(1, 0))}, "lanes", Grade.FAIL, "fold_lagging"),
    "too much waits": ({"moments": (lane(), lane(BOUND[Lane.CASE] + 1))}, "lanes", Grade.FAIL, "fold_lagging"),
    "it grows": ({"moments": (lane(1), lane(2))}, "lanes", Grade.WARN, "fold_lagging"),
    "it grows, it works": ({"moments": (lane(1), lane(2, taken=11))}, "lanes", Grade.OK, "ok"),
    "releases parked": (
        {"parked": {Lane.CASE: {"release.case.u00abc.p1": "too_large"}}},
        *("parked", Grade.FAIL, "subscription_parked"),
    ),
    "parked unread": ({"parked": Unknown("kafka_late", "late")}, "parked", Grade.FAIL, "kafka_late"),
    "copy behind": ({"uncopied": 1}, "copy", Grade.WARN, "copy_lagging"),
    "an alert waits for a person": ({"quarantined": {Lane.ALERT: 1}}, "quarantine", Grade.WARN, "quarantine_open"),
    "closed entries alone": ({"quarantined": {Lane.CASE: 0}}, "quarantine", Grade.OK, "ok"),
    "no key to seal to": ({"sealed": False}, "quarantine", Grade.WARN, "seal_key_missing"),
    "faulty key to seal to": (
        {"sealed": Unknown("seal_key_faulty", "-"), "quarantined": {}},
        "quarantine",
        Grade.FAIL,
        "seal_key_faulty",
    ),
    "copy far behind": ({"uncopied": 1000}, "copy", Grade.FAIL, "copy_lagging"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found_with_its_remedy(name: str) -> None:
    """One wrong fact gives its code, its grade and a remedy, and fails no other check."""
    changed, check, grade, code = WRONG[name]
    told = found(replace(HEALTHY, **changed))
    mine = [finding for finding in told if finding.check == check]
    assert [(finding.grade, finding.code) for finding in mine] == [(grade, code)]
    assert all(bool(finding.remedy) is (finding.grade is not Grade.OK) for finding in told)
    assert all(finding.grade is not Grade.FAIL for finding in told if finding.check != check)


@pytest.mark.parametrize("gone", sorted(WANTED))
def test_a_missing_topic_is_named(gone: str) -> None:
    """Each topic a unit or the hub needs, by lane and kind and by name."""
    (told,) = (
        f for f in found(replace(HEALTHY, topics={n: p for n, p in WANTED.items() if n != gone})) if f.check == "topics"
    )
    assert (told.grade, told.code) == (Grade.FAIL, "topic_missing")
    assert f"({gone})" in told.sentence
    assert "case " in told.sentence or "case" not in gone
    assert "punte topic apply" in str(told.remedy)


def test_what_cannot_be_known_fails_nothing_twice() -> None:
    """Without Kafka the checks behind it say that they did not look, and the object keeps its published schema."""
    nothing = Unknown("not_checked", "-", grade=Grade.WARN)
    told = found(
        replace(
            HEALTHY,
            topics=Unknown("kafka_unreachable", "-"),
            register=nothing,
            moments=nothing,
            uncopied=nothing,
            parked=nothing,
        )
    )
    assert [finding.check for finding in told if finding.grade is Grade.FAIL] == ["kafka"]
    assert {finding.code for finding in told if finding.grade is Grade.WARN} == {"not_checked"}
    assert faults("doctor.v1", as_json(told)) == []
    assert faults("doctor.v1", {"failed": -1, "findings": [{}], "secret": 1}) != []


def test_the_register_tells_which_units_need_topics() -> None:
    """Closed units need none, an ended agreement no inbox; a retired matrix is not active."""
    unit = {"lanes": ["case"], "purposes": ["P1"], "state": "active"}
    agreement = {"publishes": ["incident.reported:1"], "state": "active"}
    records: dict[tuple[str, str], dict[str, Any]] = {
        ("unit", "u00abc"): unit,
        ("unit", "u00abd"): unit | {"state": "suspended"},
        ("unit", "u00abe"): unit | {"state": "closed"},
        ("agreement", "u00abc"): agreement,
        ("agreement", "u00abd"): agreement | {"state": "ended"},
        ("keycheck", "1"): {"checks": [{"digest": "d1"}]},
        ("matrix", "active"): {"digest": "p1", "state": "active"},
    }
    read = register_of(records)
    assert read == Register({"1": "d1"}, "p1", (UNIT, replace(UNIT, code="u00abd", publishes=False)))
    records["matrix", "active"]["state"] = "retired"
    assert register_of(records).active is None


def test_a_bundle_tells_values_of_listed_settings_alone() -> None:
    """A setting added tomorrow goes without its value until somebody lists it; no path, login or secret is listed."""
    values = dict.fromkeys(Settings.model_fields, "canary") | {"new_secret": "canary", "secret_file": None}
    told = settings_told(values)
    assert {name for name, shown in told.items() if shown == "canary"} == SHOWN
    assert told["secret_file"] == "unset"
    assert not {name for name in SHOWN if name.endswith("_file") or "password" in name or "username" in name}
