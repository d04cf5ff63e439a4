"""What a fault costs: an unreadable record itself, a failed release one unit, a failed decision one event. No more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from consent.terms import Lane, RefusalReason
from hub.assemble import record_codec
from hub.contracts.keys import KeyRing, UnitKeys, bytes_digest
from hub.contracts.wire import frame
from hub.registry.relations import Relations
from hub.release.slicer import Cut
from hub.release.transforms import TransformFailed
from hub.release.walker import CheckFailed
from tests.support.history import (
    DISPATCH,
    EMIS,
    KEYS,
    MOBILE,
    PATROL_2,
    PROSECUTOR,
    Kept,
    catalogue,
    decoded,
    rules,
)
from tests.support.plans import OFFSET, PARTITION, Desk, admitted, desk, digest_of, known, scene, spoiled, torn

GOOD = admitted(scene(3))
ORDER_ID = catalogue().ids["ppo.issued/v1"]
OWN_ID = catalogue().ids["audit.decision/v1"]
Attacks = dict[str, tuple[Kept, str | None]]


def attacks(good: Kept) -> Attacks:
    """A record as admission does not write it, and the code a person reads; None: any code will do."""
    value, alert = good.value or b"", admitted(scene(7)).value or b""
    values: dict[str, tuple[bytes | None, str | None]] = {
        "tombstone": (None, "frame"),
        "empty": (b"", "frame"),
        "frame_without_body": (value[:5], "frame"),
        "another_magic_byte": (b"\1" + value[1:], "frame"),
        "unknown_schema": (frame(999_999, value[5:]), "schema_unknown"),
        "schema_of_the_hubs_own_records": (frame(OWN_ID, value[5:]), "schema_unknown"),
        "body_cut_short": (value[:-1], "not_canonical"),
        "body_cut_to_one_byte": (value[:6], None),
        "trailing_byte": (value + b"\0", "not_canonical"),
        "bytes_of_an_alert": (value[:5] + alert[5:], None),
    }
    keys = {"not_ascii": b"ux3jo\xff", "no_unit_code": b"ux3joc/..", "empty": b"", "null": None}
    made: Attacks = {name: (replace(good, value=spoilt), code) for name, (spoilt, code) in values.items()}
    made |= {f"key_{name}": (replace(good, key=key), "header") for name, key in keys.items()}
    return made | {name: (replace(good, headers=headers), "header") for name, headers in header_lists(good).items()}


def header_lists(good: Kept) -> dict[str, list[tuple[str, bytes | None]]]:
    """Lists of headers that admission does not write."""
    spoilt = {"id": b"\xc3\xa9", "time": b"soon", "case": b"c", "victim": b"", "suspect": bytes(17)}
    found: dict[str, list[tuple[str, bytes | None]]] = {"no_headers": []}
    for name in ("id", "time", "case"):
        found[f"without_{name}"] = [(each, value) for each, value in good.headers if each != name]
    for name, bad in spoilt.items():
        found[f"null_{name}"] = [(each, None if each == name else value) for each, value in good.headers]
        found[f"spoilt_{name}"] = [(each, bad if each == name else value) for each, value in good.headers]
    return found


UNREADABLE = attacks(GOOD)


@pytest.mark.parametrize("attack", UNREADABLE)
def test_an_unreadable_record_costs_itself_alone(attack: str) -> None:
    """An attempt and a quarantine entry by position; the records before and behind it are decided."""
    bad, code = UNREADABLE[attack]
    before, after = admitted(scene(1), OFFSET - 1), admitted(scene(2), OFFSET + 1)
    wrote = desk().decide(before, bad, after)
    alone = desk().decide(before, after)
    assert wrote.places == sorted([*alone.places, ("audit.attempt.case", PARTITION), ("quarantine.case", 0)])
    assert wrote.out.counts == {**alone.out.counts, "quarantined": 1}
    [attempt], [entry] = wrote.read("attempt"), wrote.read("quarantine")
    assert (attempt["verdict"], entry["stage"], entry["code"]) == ("quarantined", "decision", attempt["code"])
    assert code is None or entry["code"] == code
    assert attempt["input"] == entry["input"] == {"topic": "admitted.case", "partition": PARTITION, "offset": OFFSET}
    assert attempt["sha256"] == entry["sha256"] == bytes_digest(bad.value or b"")
    assert (attempt["source"], attempt["eventId"], entry["sealed"], entry["path"]) == (None, None, None, None)


@pytest.mark.parametrize("attack", UNREADABLE)
def test_what_is_put_aside_holds_nothing_of_the_record(attack: str) -> None:
    """No header and no run of eight of its bytes, whatever the fault."""
    bad, _ = UNREADABLE[attack]
    wrote = desk().decide(bad).bytes
    value = bad.value or b""
    runs = {value[at : at + 8] for at in range(len(value) - 7)}
    handles = {held for name, held in bad.headers if held and len(held) > 5}
    assert not {part for part in runs | handles if part in wrote}


@pytest.mark.parametrize("attack", UNREADABLE)
def test_the_registry_passes_by_what_the_plan_puts_aside(attack: str) -> None:
    """No relation begins from it and it does not stop the follower: the referral behind it still begins one."""
    referral = admitted(scene(5))
    bad, _ = attacks(referral)[attack]
    after = replace(referral, offset=OFFSET + 1)
    slicer = rules().runtimes[catalogue().ids["referral.made/v1"]].slicer
    decisions = record_codec(catalogue(), "audit.decision")
    relations = Relations(KEYS, {catalogue().ids["referral.made/v1"]: slicer}, decisions)
    assert list(relations.admitted(bad)) == []
    assert list(relations.admitted(after)) == []
    [decision] = desk().decide(after).of("decision")
    assert [begun["unit"] for begun in relations.decided(decision)] == [MOBILE]


def failing(fault: Exception) -> Callable[..., Any]:
    """A cut or a check that fails."""

    def fail(*_: object) -> Any:
        raise fault

    return fail


def cut_of(unit: str) -> Cut:
    """How the release of another unit is cut."""
    name = decoded(desk().decide(GOOD).releases[unit].value)[0]
    outgoing = rules().runtimes[ORDER_ID].outgoing
    return next(how.cut for release, how in outgoing.items() if catalogue().ids[release.name] == name)


FAILING: dict[str, tuple[dict[str, Any], RefusalReason]] = {
    "check": ({"check": failing(CheckFailed("victim.name", "bound"))}, RefusalReason.CHECK_FAILED),
    "cut_of_a_wider_release": ({"cut": cut_of(EMIS)}, RefusalReason.CHECK_FAILED),
    "cut_that_adds_a_byte": ({"cut": lambda *_: b"\0\0\0\0\0\0"}, RefusalReason.CHECK_FAILED),
    **{
        f"transform_{type(fault).__name__}": ({"cut": failing(fault)}, RefusalReason.TRANSFORM_FAILED)
        for fault in (
            TransformFailed(),
            KeyError("x"),
            ZeroDivisionError(),
            TypeError("x"),
            AttributeError("x"),
        )
    },
}


@pytest.mark.parametrize("fault", FAILING)
def test_a_release_that_fails_is_refused_to_its_unit_alone(fault: str) -> None:
    """Recorded as refused and put aside; every other unit gets exactly what it would have got."""
    parts, reason = FAILING[fault]
    clean = desk().decide(GOOD)
    at = Desk(Lane.CASE, known(Lane.CASE), spoiled("ppo.issued", clean.releases[PROSECUTOR], **parts))
    wrote = at.decide(GOOD)
    assert {unit: r.value for unit, r in wrote.releases.items()} == {
        unit: r.value for unit, r in clean.releases.items() if unit != PROSECUTOR
    }
    assert wrote.refused(reason.value, at.known) == {PROSECUTOR}
    assert wrote.said("quarantine") == [("release", reason.value)]
    assert wrote.said("receipt") == [("admitted", "admitted")]
    assert len(wrote.read("decision")[0]["releases"]) == wrote.out.counts["releases"] == len(clean.releases) - 1


class Keyless(KeyRing):
    """Keys that cannot be had for one unit."""

    def unit(self, code: str) -> UnitKeys:
        """Fails for the patrol."""
        if code == PATROL_2:
            raise ValueError
        return KeyRing.unit(self, code)


def test_a_unit_without_keys_costs_its_own_releases_alone() -> None:
    """Each of its releases of the transaction is refused and put aside; the others go out."""
    again = replace(scene(3), id="00000000-0000-4000-8000-0000000000ff")
    events = [GOOD, admitted(again, OFFSET + 1)]
    clean = desk().decide(GOOD)
    keys = Keyless(**{each.name: getattr(KEYS, each.name) for each in fields(KEYS)})
    at = Desk(Lane.CASE, known(Lane.CASE), replace(rules(), keys=keys))
    wrote = at.decide(*events)
    topics = [record.topic for record in wrote.records if record.topic.startswith("release.")]
    assert sorted(topics) == sorted([r.topic for unit, r in clean.releases.items() if unit != PATROL_2] * 2)
    patrol = at.known.unit_codes().index(PATROL_2)
    for decision in wrote.read("decision"):
        assert [e["reason"] for e in decision["refusals"] if patrol in e["unitOrdinals"]] == ["transform_failed"]
    assert wrote.said("quarantine") == [("release", "transform_failed")] * 2
    assert wrote.said("receipt") == [("admitted", "admitted")] * 2


def test_a_moment_no_calendar_holds_releases_nothing() -> None:
    """The header of time is the last thing that can fail: each release is refused and put aside, none half written."""
    clean = desk().decide(GOOD)
    headers = [(name, b"%d" % 10**18 if name == "time" else value) for name, value in GOOD.headers]
    at = desk()
    wrote = at.decide(replace(GOOD, headers=headers))
    assert not wrote.releases
    assert wrote.refused("transform_failed", at.known) >= clean.releases.keys()
    assert wrote.said("quarantine") == [("release", "transform_failed")] * len(clean.releases)
    assert wrote.read("decision")[0]["releases"] == []


def test_a_release_that_all_its_units_share_fails_for_all_of_them() -> None:
    """A patrol and the dispatch get one compiled release: each is refused, put aside and counted."""
    clean = desk().decide(GOOD)
    by = spoiled("ppo.issued", clean.releases[PATROL_2], check=failing(CheckFailed("", "bound")))
    at = Desk(Lane.CASE, known(Lane.CASE), by)
    wrote = at.decide(GOOD)
    assert wrote.refused("check_failed", at.known) == {PATROL_2, DISPATCH}
    assert clean.releases.keys() - wrote.releases.keys() == {PATROL_2, DISPATCH}
    assert wrote.out.counts["quarantined"] == 2


def test_every_alert_must_pass_the_full_check() -> None:
    """A release that only the third reading refuses does not go out on the alert lane."""
    record = admitted(scene(7))
    clean = desk(Lane.ALERT).decide(record)
    by = spoiled("emis.alert.raised", clean.releases[PATROL_2], full_check=failing(CheckFailed("", "undecodable")))
    wrote = Desk(Lane.ALERT, known(Lane.ALERT), by).decide(record)
    assert clean.releases.keys() - wrote.releases.keys() == {PATROL_2}
    assert wrote.said("quarantine") == [("release", "check_failed")]


def test_a_decision_that_fails_costs_its_event_alone() -> None:
    """Put aside as undecided and told to its publisher; nothing released; its neighbours are decided."""
    event = scene(3)
    at = Desk(Lane.CASE, torn(Lane.CASE, event.type))
    wrote = at.decide(admitted(scene(1), OFFSET - 1), GOOD, admitted(scene(2), OFFSET + 1))
    alone = desk().decide(admitted(scene(1), OFFSET - 1), admitted(scene(2), OFFSET + 1))
    lost = [("audit.attempt.case", PARTITION), ("quarantine.case", 0), (f"receipt.case.{event.source}", 0)]
    assert wrote.places == sorted([*alone.places, *lost])
    assert (wrote.said("attempt"), wrote.said("quarantine")) == (
        [("quarantined", "undecided")],
        [("decision", "undecided")],
    )
    assert ("refused", "undecided") in wrote.said("receipt")
    assert [record.key for record in wrote.of("attempt")] == [digest_of(event)]
    assert wrote.out.counts == {**alone.out.counts, "quarantined": 1}


def test_an_undecided_event_is_decided_when_it_comes_again() -> None:
    """It is not among the seen ids, so that the same bytes are no repeat."""
    facts = torn(Lane.CASE, "ppo.issued")
    at = Desk(Lane.CASE, facts)
    assert at.decide(GOOD).releases == {}
    assert len(at.seen) == 0
    facts.torn = ""
    again = at.decide(replace(GOOD, offset=OFFSET + 9))
    assert again.said("receipt") == [("admitted", "admitted")]
    assert again.places == desk().decide(GOOD).places
