"""The independent check finds what it must: one planted fault a test, in a history the real parts made."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from hub.check.compare import Finding
from hub.contracts.keys import b64
from tests.support.history import (
    CENTRE,
    DISPATCH,
    KEYS,
    ORDERS,
    PATROL,
    PATROL_2,
    SHELTER,
    Kept,
    Past,
    catalogue,
    decoded,
    encoded,
    hold,
    played,
    pool,
    scene,
)


def kinds(found: list[Finding]) -> list[str]:
    """The kinds of anomaly, each once."""
    return sorted({finding.kind for finding in found})


def with_value(past: Past, event_type: str, unit: str, **leaves: Any) -> None:
    """Change leaves of a release, encoded again under its own schema."""
    place, record = past.release(event_type, unit)
    schema_id, found = decoded(record.value)
    past.releases[place] = replace(record, value=encoded(schema_id, found | leaves))


def with_header(past: Past, name: str, value: bytes) -> None:
    """Change one header of the patrol's release of the first event."""
    place, record = past.release("incident.reported", PATROL)
    past.releases[place] = record.header(name, value)


def test_the_story_and_a_crowd_have_no_anomaly() -> None:
    """A history the real parts made gives nothing, and something went out."""
    past = played()
    for event in pool():
        past.happen(event)
    assert past.found() == []
    assert len(past.releases) > 400
    assert not past.refused


def test_an_event_that_is_only_in_the_journal_is_lost() -> None:
    """An event that its publisher wrote down and the hub never decided is named by its id."""
    past = played(1)
    past.journal.append({"id": "never", "source": DISPATCH, "type": "incident.reported"})
    assert [(f.kind, f.event_id) for f in past.found()] == [("lost", "never")]


def test_a_refused_event_is_not_lost() -> None:
    """A refusal with a receipt is an answer."""
    past = played(1)
    past.journal.append({"id": "refused", "source": DISPATCH, "type": "incident.reported"})
    past.refused.add("refused")
    assert past.found() == []


def test_an_undecided_event_is_lost_even_when_another_unit_used_its_id() -> None:
    """Ids are the publisher's: a decision about one source says nothing of another's event."""
    past = played(1)
    past.journal.append({"id": scene(1).id, "source": PATROL, "type": "incident.reported"})
    assert kinds(past.found()) == ["lost"]


def test_a_release_that_is_gone_is_lost() -> None:
    """The audit names it and it had to be made: its topic is named."""
    past = played(1)
    place, record = past.release("incident.reported", PATROL)
    del past.releases[place]
    assert [(f.kind, f.where) for f in past.found()] == [("lost", record.topic)]


def test_a_release_that_lacks_a_field_is_lost() -> None:
    """The order monitors must get the hidden places; the release of the dispatch has all but those."""
    past = played(3)
    (_, less), (place, record) = past.release("ppo.issued", DISPATCH), past.release("ppo.issued", ORDERS)
    past.releases[place] = replace(record, value=less.value)
    assert [(f.kind, f.what) for f in past.found()] == [("lost", "lacks a field it must have")]


def test_a_release_made_twice_is_doubled() -> None:
    """Two records under one release id."""
    past = played(1)
    _, record = past.release("incident.reported", PATROL)
    past.releases.append(replace(record, offset=9))
    assert kinds(past.found()) == ["doubled"]


def test_an_event_decided_twice_is_doubled() -> None:
    """Two decision records of one event."""
    past = played(1)
    past.decisions.append(copy.deepcopy(past.decisions[0]))
    assert kinds(past.found()) == ["doubled"]


def test_a_withheld_field_in_a_release_is_a_leak() -> None:
    """The victims' centre gets no names; here it gets the bytes of the patrol."""
    past = played(1)
    (_, more), (place, record) = past.release("incident.reported", PATROL), past.release("incident.reported", CENTRE)
    past.releases[place] = replace(record, value=more.value)
    assert [(f.kind, f.what, f.where) for f in past.found()] == [
        ("leaked", "has a field it must not have", record.topic)
    ]


def test_a_release_for_a_unit_that_must_not_learn_is_a_leak() -> None:
    """The whole release of the patrol lies on the shelter's topic too."""
    past = played(1)
    _, record = past.release("incident.reported", PATROL)
    stray = replace(record, topic=f"release.case.{SHELTER}.p9").header("traceparent", b"")
    past.releases.append(stray)
    assert [(f.kind, f.where) for f in past.found()] == [("leaked", stray.topic)]


def test_a_release_after_the_withdrawal_is_a_leak() -> None:
    """A consent was withdrawn before the decision, and the shelter got its release all the same."""
    past = played(2)
    late = Past()
    late.put(*(entry[3] for entry in past.entries[len(late.entries) :] if entry[3] is not None))
    late.change("consent", past.entries[-1][2], state="withdrawn")
    late.happen(scene(2))
    assert late.found() == []
    late.decisions, late.releases = [past.decisions[0] | {"registerRevision": len(late.entries)}], past.releases
    assert kinds(late.found()) == ["leaked"]


@pytest.mark.parametrize(
    "leaf",
    [{"incidentRef": "CJ-1"}, {"channel": "phone"}, {"address": None}, {"reportedAt": 1}],
    ids=["reference", "symbol", "null", "time"],
)
def test_another_value_in_a_release_is_a_leak(leaf: dict[str, Any]) -> None:
    """Every leaf has exactly the value, or the pseudonym, that the publisher's record gives."""
    past = played(1)
    _, record = past.release("incident.reported", PATROL)
    before = decoded(record.value)[1]
    name = next(iter(leaf))
    with_value(past, "incident.reported", PATROL, **({"channel": "walk_in"} if before[name] == leaf[name] else leaf))
    assert [(f.kind, f.what) for f in past.found()] == [("leaked", "has other bytes than it must have")]


def test_the_publishers_reference_in_a_value_is_a_leak() -> None:
    """A reference left as its publisher wrote it would join the releases of all units."""
    past = played(1)
    with_value(past, "incident.reported", PATROL, incidentRef=scene(1).record["incidentRef"])
    assert kinds(past.found()) == ["leaked"]


def test_the_publishers_name_for_a_person_in_a_value_is_a_leak() -> None:
    """A local person reference is as good as a name to whoever else has it."""
    past = played(1)
    _, record = past.release("incident.reported", PATROL)
    victim = decoded(record.value)[1]["victim"] | {"ref": scene(1).record["victim"]["ref"]}
    with_value(past, "incident.reported", PATROL, victim=victim)
    assert kinds(past.found()) == ["leaked"]


def test_a_time_finer_than_its_rule_is_a_leak() -> None:
    """The centre gets the hour; the minute would join its release with the patrol's."""
    past = played(1)
    place, record = past.release("incident.reported", CENTRE)
    exact = dict(past.releases[past.release("incident.reported", PATROL)[0]].headers)["ce_time"]
    assert exact is not None
    past.releases[place] = record.header("ce_time", exact)
    assert kinds(past.found()) == ["leaked"]


def test_the_hour_is_all_the_centre_gets() -> None:
    """The release that the test above spoils really is coarse."""
    _, record = played(1).release("incident.reported", CENTRE)
    assert (dict(record.headers)["ce_time"] or b"").endswith(b":00:00.000Z")


@pytest.mark.parametrize("name", ["traceparent", "ce_subject", "ce_source"])
def test_a_header_of_the_publisher_on_a_release_is_a_leak(name: str) -> None:
    """Copied from the inbox record, whatever it says."""
    past = played(1)
    value = dict(past.inbox[DISPATCH, scene(1).id].headers)[name]
    assert value is not None
    with_header(past, name, value)
    assert kinds(past.found()) == ["leaked"]


def test_a_header_that_is_not_in_the_closed_list_is_a_leak() -> None:
    """Even an empty one."""
    past = played(1)
    with_header(past, "x-station", b"")
    assert kinds(past.found()) == ["leaked"]


def test_the_publishers_event_id_as_trace_is_a_leak() -> None:
    """The id without its hyphens would join the releases of all units to the publisher's record."""
    past = played(1)
    with_header(past, "traceparent", f"00-{scene(1).id.replace('-', '')}-1234567890abcdef-00".encode())
    assert kinds(past.found()) == ["leaked"]


def test_one_trace_on_two_releases_is_a_leak() -> None:
    """Two units that compare their records would join them."""
    past = played(1)
    trace = dict(past.release("incident.reported", PATROL_2)[1].headers)["traceparent"]
    assert trace is not None
    with_header(past, "traceparent", trace)
    assert kinds(past.found()) == ["leaked"]


def test_the_publishers_event_id_as_release_id_is_a_leak() -> None:
    """The right release is missing, and a record nobody decided is there."""
    past = played(1)
    with_header(past, "ce_id", scene(1).id.encode())
    assert kinds(past.found()) == ["leaked", "lost"]


@pytest.mark.parametrize("key", [None, b"CJ-1", DISPATCH.encode()], ids=["none", "subject", "source"])
def test_another_key_is_a_leak(key: bytes | None) -> None:
    """The key is the pairwise reference of the case and nothing else."""
    past = played(1)
    place, record = past.release("incident.reported", PATROL)
    past.releases[place] = replace(record, key=key)
    assert kinds(past.found()) == ["leaked"]


def test_a_moment_that_is_not_the_batchs_is_a_leak() -> None:
    """The record's own timestamp must not carry the publisher's time."""
    past = played(1)
    place, record = past.release("incident.reported", PATROL)
    past.releases[place] = replace(record, timestamp=scene(1).time)
    assert kinds(past.found()) == ["leaked"]


def test_a_release_without_audit_is_named() -> None:
    """The release is right, but nothing would prove it."""
    past = played(1)
    past.decisions[0]["releases"] = past.decisions[0]["releases"][1:]
    assert [(f.kind, f.what) for f in past.found()] == [("lost", "had to be released, is not audited")]


def test_a_release_without_any_decision_is_a_leak() -> None:
    """No decision record at all: the event is lost, its releases are nobody's."""
    past = played(1)
    past.decisions.clear()
    assert kinds(past.found()) == ["leaked", "lost"]


def test_an_audit_entry_without_release_is_named() -> None:
    """The audit says a unit got what it never got, or was never to get."""
    past = played(1)
    entry = past.decisions[0]["releases"][0] | {"releaseId": bytes(16)}
    past.decisions[0]["releases"].append(entry)
    assert [(f.kind, f.what) for f in past.found()] == [("leaked", "audited for a unit that must not learn")]


def test_an_audit_of_other_bytes_is_named() -> None:
    """The digest and the length in the audit are those of the release."""
    past = played(1)
    past.decisions[0]["releases"][0]["sha256"] = bytes(32)
    assert kinds(past.found()) == ["lost"]


def test_a_release_decided_by_nobody_is_a_leak_even_of_an_unknown_schema() -> None:
    """Bytes of another schema than any release has."""
    past = played(1)
    place, record = past.release("incident.reported", PATROL)
    whole = encoded(catalogue().versions("incident.reported")[-1], scene(1).record)
    past.releases[place] = Kept(record.topic, whole, record.headers, record.key, record.timestamp)
    assert kinds(past.found()) == ["leaked"]


def test_an_alert_that_stopped_and_rang_no_desk_is_lost() -> None:
    """Law 5: every dispatch is held out, so a hollow alert had to ring; without it, or undecided, the check says so."""
    past, alert = Past(), scene(7)
    case = b64(KEYS.unit(alert.source).open_case(alert.subject)).decode()
    past.put(*(hold(case, desk, of_case=True) for desk in (DISPATCH, "u75cgt")))
    past.happen(alert)
    assert past.own
    assert past.kinds() == set()
    decided = past.decisions
    past.decisions = [one for one in decided if one["type"] != "hollow.alert"]
    assert "a hollow alert of this sender is not decided" in {one.what for one in past.found()}
    past.decisions, past.own = decided, {}
    assert "an alert stopped (no_fallback) and no hollow alert rang" in {one.what for one in past.found()}
