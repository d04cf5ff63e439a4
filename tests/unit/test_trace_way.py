"""The way of an event from handmade records: every ending, every step, both languages, the published schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consent.messages import Language
from hub.assemble import record_codec
from hub.cli.trace import status
from hub.contracts.audit import BLANK_ATTEMPT, BLANK_ENTRY, Input, Verdict
from hub.contracts.keys import bytes_digest
from hub.contracts.refusals import MEANINGS
from hub.errors import Exit
from hub.views.project import Trail, raw_id
from hub.views.steps import as_json, lines
from hub.views.way import Passage, Tracks, wanted, way
from tests.support.published import faults
from tests.unit.test_why_questions import (
    CATALOGUE,
    CENTRE,
    CODES,
    EVENT_ID,
    NOTHING,
    RELEASE_ID,
    SOURCE,
    Written,
    codecs,
    decision_record,
    policy_record,
)

ADMITTED_AT, DECIDED_AT = 1_700_000_000_100, 1_700_000_000_200
VALUE = b"the released bytes"
WHERE = {"topic": "admitted.case", "partition": 3, "offset": 12}
AGAIN = {"topic": "admitted.case", "partition": 3, "offset": 13}
INBOX = {"topic": f"inbox.case.{SOURCE}", "partition": 0, "offset": 5}
RELEASE_TOPIC = f"release.case.{CENTRE}.p6"


def asked(event_id: str = EVENT_ID) -> tuple[Trail, Tracks]:
    """Nothing read yet."""
    receipt, quarantine, delivery = (
        record_codec(CATALOGUE, f"audit.{name}") for name in ("receipt", "quarantine", "delivery")
    )
    return Trail(event_id, codecs()), Tracks(event_id, receipt, quarantine, delivery)


def feed_decision(trail: Trail, **change: Any) -> None:
    """A policy's announcement and a decision under it; its release has the digest of VALUE."""
    trail.take(Written("audit.policy", trail.codecs.policy.encode(policy_record(20, CODES))))
    record = decision_record(**change)
    for entry in record["releases"]:
        entry |= {"sha256": bytes_digest(VALUE), "length": len(VALUE)}
    trail.take(Written("audit.decision.case", trail.codecs.decision.encode(record), b"k"))


def feed_attempt(trail: Trail, verdict: Verdict, code: str, where: dict[str, Any], **change: Any) -> None:
    """An input, or a release, that ended without a decision."""
    said = {"source": SOURCE, "eventId": EVENT_ID, "input": where, "verdict": verdict.value, "code": code}
    record = {**BLANK_ATTEMPT, **said, "at": DECIDED_AT, **change}
    trail.take(Written("audit.attempt.case", trail.codecs.attempt.encode(record)))


def feed_admitted(tracks: Tracks, *, late: bool = False, event_id: str = EVENT_ID, offset: int = 12) -> None:
    """The admitted record."""
    headers = [("id", event_id.encode()), ("time", b"1"), *([("late", b"1")] if late else [])]
    tracks.take(Written("admitted.case", b"x", SOURCE.encode(), 3, offset, ADMITTED_AT, headers))


def feed_receipt(tracks: Tracks, verdict: str, code: str, at: int = DECIDED_AT, event_id: str = EVENT_ID) -> None:
    """A receipt of the publisher."""
    told = {"eventId": event_id, "verdict": verdict, "code": code, "sha256": bytes(32), "at": at}
    tracks.take(Written(f"receipt.case.{SOURCE}", tracks.receipt.encode(told), event_id.encode()))


def feed_quarantine(tracks: Tracks, code: str, where: dict[str, Any]) -> None:
    """An entry of quarantine."""
    told = {**BLANK_ENTRY, "stage": "decision", "code": code, "input": where, "sha256": bytes(32), "at": DECIDED_AT}
    tracks.take(Written("quarantine.case", tracks.quarantine.encode(told)))


def feed_release(tracks: Tracks, value: bytes = VALUE) -> None:
    """The release as its unit reads it."""
    headers = [("ce_id", RELEASE_ID.encode())]
    tracks.take(Written(RELEASE_TOPIC, value, b"ref", 0, 7, DECIDED_AT, headers))


def feed_delivery(
    trail: Trail, tracks: Tracks, state: str, at: int, unit: str = CENTRE, release: str = RELEASE_ID
) -> None:
    """A receipt of delivery, as the egress writes them."""
    tracks.expected = wanted(trail).releases
    record = {"releaseId": raw_id(release), "unit": unit, "state": state, "at": at}
    tracks.take(Written("audit.delivery", tracks.delivery.encode(record), unit.encode()))


def told(passages: tuple[Passage, ...], language: Language = Language.EN, event_id: str = EVENT_ID) -> dict[str, Any]:
    """The object, held against the published schema."""
    found: dict[str, Any] = json.loads(json.dumps(as_json(event_id, passages, language)))
    assert faults("trace.v1", found) == []
    return found


def crossed() -> tuple[Passage, ...]:
    """An event that went all the way, late."""
    trail, tracks = asked()
    feed_decision(trail)
    feed_admitted(tracks, late=True)
    feed_receipt(tracks, "admitted", "late")
    feed_release(tracks)
    return way(trail, tracks)


def test_a_decided_event_shows_every_step() -> None:
    """Admission with its late mark, fence, decision, refusals by reason, slice, check, commit, delivery, receipt."""
    (passage,) = told(crossed())["passages"]
    (release,) = passage["releases"]
    assert (passage["verdict"], passage["source"], passage["input"]) == ("decided", SOURCE, WHERE)
    assert passage["admission"] == {"at": ADMITTED_AT, "late": True}
    assert passage["fence"] == {"register_revision": 20}
    assert passage["decision"]["at"] == DECIDED_AT
    assert (passage["decision"]["decided"], passage["decision"]["refused"]) == (3, {"guard_false": 1, "withdrawn": 1})
    assert (release["id"], release["unit"], release["purpose"]) == (RELEASE_ID, CENTRE, "P6")
    assert release["slice"] == {"length": len(VALUE), "sha256": bytes_digest(VALUE).hex()}
    assert (release["second_check"], release["delivery"]) == ("full", [])
    place = {"topic": RELEASE_TOPIC, "partition": 0, "offset": 7}
    assert release["commit"] == {"at": DECIDED_AT, **place, "as_decided": True}
    assert passage["receipt"] == {"verdict": "admitted", "code": "late", "at": DECIDED_AT}


def test_the_tree_hangs_each_step_on_its_branch() -> None:
    """The lines of a release stand below it; the last branch ends the tree."""
    drawn = list(lines(EVENT_ID, crossed(), Language.EN))
    assert drawn[0] == f"Event {EVENT_ID} (risk.assessed), published by {SOURCE} on lane case."
    assert drawn[1] == "├─ admission: 2023-11-14T22:13:20.100Z, admitted.case/3@12, marked late"
    at = next(number for number, line in enumerate(drawn) if line.startswith("├─ release "))
    assert [line.split(":")[0] for line in drawn[at + 1 : at + 5]] == [
        "│  ├─ slice",
        "│  ├─ second check",
        "│  ├─ commit",
        "│  └─ delivery",
    ]
    assert drawn[-1].startswith("└─ receipt: ")


def test_bytes_that_differ_from_the_decision_are_told() -> None:
    """A release whose bytes are not those of its audit record says so, in every form."""
    trail, tracks = asked()
    feed_decision(trail)
    feed_release(tracks, VALUE + b"!")
    found = told(way(trail, tracks))
    assert found["passages"][0]["releases"][0]["commit"]["as_decided"] is False
    assert any("OTHER bytes" in line for line in found["sentences"])


def test_what_is_no_longer_kept_is_not_guessed() -> None:
    """Without the admitted record and the release, the mark is unknown and the commit is not there."""
    trail, tracks = asked()
    feed_decision(trail)
    (passage,) = told(way(trail, tracks))["passages"]
    assert passage["admission"] == {"at": ADMITTED_AT, "late": None}
    assert (passage["releases"][0]["commit"], passage["receipt"]) == (None, None)


def test_an_unannounced_unit_has_no_name() -> None:
    """Without the announcement of the policy no ordinal is translated, and nothing is looked for in a release topic."""
    trail, tracks = asked()
    trail.take(Written("audit.decision.case", trail.codecs.decision.encode(decision_record()), b"k"))
    assert told(way(trail, tracks))["passages"][0]["releases"][0]["unit"] is None
    assert not [topic for topic in wanted(trail).since if topic.startswith("release.")]


def test_a_refused_event_shows_code_and_remedy() -> None:
    """Refused at admission: the position in the inbox, the code, what it means and what to do; no step after it."""
    trail, tracks = asked()
    feed_attempt(trail, Verdict.REFUSED, "not_canonical", INBOX)
    feed_quarantine(tracks, "not_canonical", INBOX)
    feed_receipt(tracks, "refused", "not_canonical")
    found = told(way(trail, tracks))
    (passage,) = found["passages"]
    assert (passage["verdict"], passage["input"], passage["admission"], passage["decision"]) == (
        "refused",
        INBOX,
        None,
        None,
    )
    (ending,) = passage["endings"]
    assert ending["remedy"] == MEANINGS["not_canonical"].en.remedy
    assert passage["receipt"]["code"] == "not_canonical"
    assert any(MEANINGS["not_canonical"].en.what in line for line in found["sentences"])


@pytest.mark.parametrize("verdict", [Verdict.DUPLICATE, Verdict.CONFLICT])
def test_a_repeat_is_a_passage_of_its_own(verdict: Verdict) -> None:
    """The first is decided, the second ends; each has its own receipt."""
    trail, tracks = asked()
    feed_decision(trail)
    feed_attempt(trail, verdict, verdict.value, AGAIN, at=DECIDED_AT + 50)
    feed_receipt(tracks, "admitted", "admitted")
    feed_receipt(tracks, "duplicate", verdict.value, DECIDED_AT + 50)
    passages = told(way(trail, tracks))["passages"]
    assert [each["verdict"] for each in passages] == ["decided", verdict.value]
    assert [each["receipt"]["code"] for each in passages] == ["admitted", verdict.value]
    assert passages[1]["endings"][0]["remedy"] == MEANINGS[verdict.value].en.remedy


def test_a_quarantined_event_shows_how_far_it_came() -> None:
    """Admitted, then the decision failed: no fence, no release, one ending."""
    trail, tracks = asked()
    feed_attempt(trail, Verdict.QUARANTINED, "undecided", WHERE)
    feed_admitted(tracks)
    feed_quarantine(tracks, "undecided", WHERE)
    (passage,) = told(way(trail, tracks))["passages"]
    assert passage["verdict"] == "quarantined"
    assert passage["admission"] == {"at": ADMITTED_AT, "late": False}
    assert [ending["code"] for ending in passage["endings"]] == ["undecided"]
    assert (passage["fence"], passage["releases"]) == (None, [])


def feed_act(trail: Trail, code: str, offset: int = 0) -> None:
    """What a person did with an entry of quarantine."""
    where = {"topic": "quarantine.case", "partition": 0, "offset": offset}
    said = {"source": SOURCE, "eventId": EVENT_ID, "input": where, "verdict": "quarantined", "code": code}
    told = {"asker": "p-1", "reason": "sent_anew", "attempt": 2, "at": DECIDED_AT + 9}
    trail.take(Written("audit.attempt.case", trail.codecs.attempt.encode({**BLANK_ATTEMPT, **said, **told})))


def test_what_a_person_did_stands_with_the_record_that_was_stopped() -> None:
    """The act is no ending and no passage of its own: it belongs to the record its entry is about."""
    trail, tracks = asked()
    feed_attempt(trail, Verdict.QUARANTINED, "undecided", WHERE)
    feed_act(trail, "discarded")
    feed_quarantine(tracks, "undecided", WHERE)
    found = told(way(trail, tracks))
    (passage,) = found["passages"]
    said = {"act": "discarded", "by": "p-1", "reason": "sent_anew", "attempt": 2, "at": DECIDED_AT + 9}
    assert passage["acts"] == [said]
    assert [ending["code"] for ending in passage["endings"]] == ["undecided"]
    assert any(line.endswith("discarded by p-1, reason sent_anew, attempt 2") for line in found["sentences"])


def test_an_act_is_told_though_its_entry_is_no_longer_kept() -> None:
    """Entries are kept 30 days, acts for ever: then the act stands at the entry's own position."""
    trail, tracks = asked()
    feed_act(trail, "resubmitted", 44)
    (passage,) = told(way(trail, tracks))["passages"]
    assert (passage["input"]["offset"], passage["verdict"], len(passage["acts"])) == (44, "quarantined", 1)


def test_a_decided_event_that_also_waits_shows_both() -> None:
    """A decision and an entry of quarantine for the same input stand in one passage."""
    trail, tracks = asked()
    feed_decision(trail, releases=[])
    feed_quarantine(tracks, "nobody", WHERE)
    feed_quarantine(tracks, "frame", AGAIN)
    (passage,) = told(way(trail, tracks))["passages"]
    assert (passage["verdict"], [ending["code"] for ending in passage["endings"]]) == ("decided", ["nobody"])


def test_a_parked_release_shows_for_whom_it_waits_and_its_own_decision() -> None:
    """One passage: the decision without it, the cause with unit and purpose, the decision of its second attempt."""
    trail, tracks = asked()
    [release] = decision_record()["releases"]
    feed_decision(trail, releases=[])
    feed_attempt(trail, Verdict.PARKED, "too_large", WHERE, unit=CENTRE, purpose="P6", attempt=1)
    feed_decision(trail, batchAt=DECIDED_AT + 60_000, releases=[release | {"attempt": 2}], refusals=[])
    (passage,) = told(way(trail, tracks))["passages"]
    [ending], [again] = passage["endings"], passage["again"]
    assert (ending["verdict"], ending["unit"], ending["purpose"]) == ("parked", CENTRE, "P6")
    assert ending["remedy"] == MEANINGS["too_large"].en.remedy
    assert (passage["releases"], [one["attempt"] for one in again["releases"]]) == ([], [2])
    said = list(lines(EVENT_ID, way(trail, tracks), Language.RO))
    assert any(CENTRE in line and "în așteptare" in line for line in said)


def test_a_conflicting_alert_is_decided_and_flagged() -> None:
    """A conflict of the alert lane is a new event: one passage, with its decision and the ending `conflict`."""
    trail, tracks = asked()
    feed_decision(trail)
    feed_attempt(trail, Verdict.CONFLICT, "conflict", WHERE)
    (passage,) = told(way(trail, tracks))["passages"]
    assert (passage["verdict"], [each["code"] for each in passage["endings"]]) == ("decided", ["conflict"])
    assert len(passage["releases"]) == 1


def test_an_admitted_event_without_a_decision_is_undecided() -> None:
    """Only its admitted record is there: undecided, with exit status 6; others are not taken for it."""
    trail, tracks = asked()
    assert wanted(trail).search
    feed_admitted(tracks)
    feed_admitted(tracks, event_id=NOTHING, offset=13)
    passages = way(trail, tracks)
    assert [each["verdict"] for each in told(passages)["passages"]] == ["undecided"]
    assert (passages[0].source, status(passages)) == (SOURCE, Exit.UNDECIDED)


def test_an_unknown_event_is_told_as_unknown() -> None:
    """No record, no passage: one sentence without the id, exit status 1; a release's id is no event."""
    trail, tracks = asked(NOTHING)
    assert told(way(trail, tracks), event_id=NOTHING)["verdict"] == "unknown"
    assert status(()) == Exit.FAILED
    trail, tracks = asked(RELEASE_ID)
    feed_decision(trail)
    assert raw_id(RELEASE_ID) in trail.codecs.decision.encode(decision_record())
    assert way(trail, tracks) == ()


def test_what_must_be_read_is_named_by_the_audit() -> None:
    """The admitted record by position; receipts, quarantine and release topic from the moment of the decision on."""
    trail, _ = asked()
    feed_decision(trail)
    found = wanted(trail)
    assert (found.records, found.search) == ((Input("admitted.case", 3, 12),), False)
    names = (f"receipt.case.{SOURCE}", "quarantine.case", RELEASE_TOPIC, "audit.delivery")
    assert found.since == dict.fromkeys(names, DECIDED_AT)
    assert found.releases == {raw_id(RELEASE_ID)}


def delivered(*receipts: tuple[Any, ...]) -> tuple[list[dict[str, Any]], str]:
    """The deliveries of the event's only release, and the line that tells them."""
    trail, tracks = asked()
    feed_decision(trail)
    for each in receipts:
        feed_delivery(trail, tracks, *each)
    found = told(way(trail, tracks))
    (line,) = [line for line in found["sentences"] if "delivery:" in line]
    return found["passages"][0]["releases"][0]["delivery"], line.partition("─ ")[2]


def test_a_delivery_is_told_in_the_order_of_time() -> None:
    """Handed over, then acknowledged, then a recall, whatever the order of the records; without any, no receipt yet."""
    steps = [("handed", 300), ("acked", 400), ("recall_sent", 500), ("recall_acked", 600)]
    found, line = delivered(*reversed(steps))
    assert found == [{"state": state, "at": at} for state, at in steps]
    assert line == (
        "delivery: handed over 1970-01-01T00:00:00.300Z, acknowledged 1970-01-01T00:00:00.400Z, "
        "recall sent 1970-01-01T00:00:00.500Z, recall acknowledged 1970-01-01T00:00:00.600Z"
    )
    assert delivered() == ([], "delivery: no receipt yet")


def test_a_receipt_that_comes_twice_counts_once() -> None:
    """The first moment is told: whoever writes receipts may write them again."""
    assert delivered(("acked", 500), ("handed", 300), ("acked", 400), ("acked", 450))[0] == [
        {"state": "handed", "at": 300},
        {"state": "acked", "at": 400},
    ]


def test_a_receipt_of_another_release_or_unit_is_no_delivery() -> None:
    """Nobody acknowledges what was released to somebody else."""
    assert delivered(("acked", 400, CENTRE, NOTHING), ("acked", 400, SOURCE))[0] == []


def test_both_languages_draw_the_same_tree() -> None:
    """Same branches, same ids, Romanian letters with a comma below."""
    english, romanian = (list(lines(EVENT_ID, crossed(), each)) for each in (Language.EN, Language.RO))
    assert [line.count("─") for line in english] == [line.count("─") for line in romanian]
    assert not set("".join(romanian)) & set("\u015f\u0163\u015e\u0162")
    assert "admitere" in romanian[1]


def test_the_schema_refuses_what_it_does_not_name() -> None:
    """A key too many, a key missing or a word that is not listed is found: the check of the output can fail."""
    found = told(crossed())
    assert faults("trace.v1", found | {"victim": "x"}) == ["$.victim is not known"]
    found["passages"][0]["releases"][0].pop("slice")
    assert faults("trace.v1", found) == ["$.passages[0].releases[0].slice is missing"]
