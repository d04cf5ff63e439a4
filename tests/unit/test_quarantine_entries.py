"""The state of an entry follows from records alone: the first act counts, and what has not arrived is told so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.messages import Language
from consent.terms import Lane
from hub.assemble import record_codec
from hub.contracts.acts import Act, act_of
from hub.contracts.audit import BLANK_ATTEMPT, BLANK_ENTRY, Verdict
from hub.contracts.files import load_catalogue
from hub.contracts.hollow import TOGETHER_MS, Cause, stands_for, unreadable
from hub.contracts.keys import KeyFault, attempt_name, event_digest, key_ring, reference_plain
from hub.quarantine.callback import Callback, opened
from hub.quarantine.entries import Entry, Shelf, State
from hub.quarantine.tell import callback_line, entry_line, list_json
from hub.quarantine.words import EN, RO
from tests.support.published import faults

CATALOGUE = load_catalogue()
ENTRIES, ATTEMPTS = (record_codec(CATALOGUE, f"audit.{name}") for name in ("quarantine", "attempt"))
SOURCE, EVENT, SHA = "uaaaaa", "00000000-0000-4000-8000-000000000001", bytes(range(32))
INPUT = {"topic": "admitted.case", "partition": 3, "offset": 12}
PLACE = {"topic": "quarantine.case", "partition": 0, "offset": 7}
AT = 1_790_000_000_000


@dataclass(frozen=True)
class Written:
    """A record of a topic."""

    topic: str
    value: bytes | None = None
    key: bytes | None = None
    partition: int = 0
    offset: int = 0
    timestamp: int = AT
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def entry(**said: Any) -> Written:
    """Entry case/7."""
    told = {**BLANK_ENTRY, "stage": "decision", "code": "nobody", "input": INPUT, "sha256": SHA, "at": AT}
    return Written("quarantine.case", ENTRIES.encode(told | said), offset=7)


def acted(act: Act, by: str = "p-1", **said: Any) -> Written:
    """An act on it."""
    told = {"verdict": Verdict.QUARANTINED.value, "code": act.value, "asker": by, "reason": "register_mended"}
    about = {"input": PLACE, "source": SOURCE, "eventId": EVENT, "attempt": 2, "sha256": SHA, "at": AT + 100}
    return Written("audit.attempt.case", ATTEMPTS.encode({**BLANK_ATTEMPT, **told, **about, **said}))


def shelf(*records: Written) -> Shelf:
    """These records, folded."""
    made = Shelf(ENTRIES, ATTEMPTS)
    for record in records:
        made.take(record)
    return made


def found(*records: Written) -> Entry:
    """Entry case/7 after these records."""
    one = shelf(entry(), *records).find(Lane.CASE, 7)
    assert one is not None
    return one


def decided(digest: bytes, at: int = AT + 200) -> Written:
    """A decision record under a digest; nothing else of it is read."""
    return Written("audit.decision.case", key=digest, timestamp=at)


@given(st.lists(st.sampled_from(Act), max_size=5))
def test_the_first_act_counts(acts: list[Act]) -> None:
    """Whatever came after it; no act, and it is open."""
    one = found(*(acted(act, f"p-{n}") for n, act in enumerate(acts)))
    assert one.state == (State(acts[0].value) if acts else State.OPEN)
    assert [told.by for told in one.acts] == [f"p-{n}" for n in range(len(acts))]


def test_what_was_resubmitted_arrives_with_a_record_of_its_attempt() -> None:
    """Nothing: not arrived. The event's own earlier decision says nothing of attempt 2; one under its digest does."""
    act, mine = acted(Act.RESUBMITTED), event_digest(SOURCE, attempt_name(EVENT, 2))
    assert found().arrived is None
    assert found(act).arrived is False
    assert found(act, decided(event_digest(SOURCE, EVENT))).arrived is False
    assert found(act, decided(event_digest(SOURCE, attempt_name(EVENT, 3)))).arrived is False
    assert found(act, decided(mine)).arrived is True
    assert found(act, decided(event_digest(SOURCE, f"{attempt_name(EVENT, 2)}\0{SHA.hex()}"))).arrived is True


def test_an_ending_of_its_attempt_is_an_arrival_too() -> None:
    """A duplicate, or stopped again: the gateway has had it, also where the person's clock runs ahead of the hub's."""
    act, mine = acted(Act.RESUBMITTED), event_digest(SOURCE, attempt_name(EVENT, 2))
    said = {**BLANK_ATTEMPT, "verdict": "duplicate", "code": "duplicate", "input": INPUT, "at": AT + 150}
    assert found(act, Written("audit.attempt.case", ATTEMPTS.encode(said), mine)).arrived is True
    ahead = Written("audit.attempt.case", ATTEMPTS.encode(said | {"at": AT + 50}), mine)
    assert found(act, ahead).arrived is True


def test_an_act_on_other_bytes_is_none() -> None:
    """A topic that was made anew counts from 0 again: what was closed there before closes nothing now."""
    assert found(acted(Act.DISCARDED, sha256=bytes(32))).state is State.OPEN
    assert found(acted(Act.DISCARDED, sha256=None)).state is State.OPEN


def test_what_admission_had_refused_arrives_as_a_first_attempt() -> None:
    """Its decision is under the event's own digest; the refusal before the act is no arrival."""
    act, own = acted(Act.RESUBMITTED, attempt=1), event_digest(SOURCE, EVENT)
    assert found(act, decided(own, AT)).arrived is False
    assert found(act, decided(own)).arrived is True


@pytest.mark.parametrize(
    "said",
    [
        {"verdict": "consult"},
        {"verdict": "refused", "code": "unit_unknown"},
        {"code": "undecided"},
        {"input": INPUT},
        {"input": {**PLACE, "offset": 8}},
        {"input": {**PLACE, "topic": "quarantine.alert"}},
    ],
    ids=["question", "refused_again", "ending_of_a_gateway", "record_that_stopped", "other_entry", "other_lane"],
)
def test_no_other_record_closes_an_entry(said: dict[str, Any]) -> None:
    """Only an act, and only on this entry."""
    assert found(acted(Act.DISCARDED, **said)).state is State.OPEN


def test_another_attempt_on_its_way_is_found() -> None:
    """An entry of the same event that was resubmitted and has not arrived stands in the way of the others."""
    other = entry(code="transform_failed")
    one = shelf(entry(), Written(other.topic, other.value, offset=8), acted(Act.RESUBMITTED))
    first, second = one.all()
    waiting = one.on_its_way(SOURCE, EVENT, second)
    assert waiting is not None
    assert waiting.number == 7
    assert one.on_its_way(SOURCE, EVENT, first) is None
    assert one.on_its_way(SOURCE, "another", second) is None


def test_an_act_names_its_entry() -> None:
    """By lane and number; a record about another topic is none."""
    said = ATTEMPTS.decode(acted(Act.DISCARDED).value or b"")
    assert act_of(said) == (Lane.CASE, 7, Act.DISCARDED)
    assert act_of(said | {"input": None}) is None


@pytest.mark.parametrize("sealed", [None, b"x" * 888, b"x" * 5555, b"x" * 55_555])
def test_a_list_says_how_it_is_kept_and_nothing_of_the_record(sealed: bytes | None) -> None:
    """A class of size, never a length; the object is of its schema."""
    one = shelf(entry(record=sealed, keyId=bytes(8) if sealed else None)).all()[0]
    told = list_json([one])
    assert faults("quarantine-list.v1", told) == []
    assert told["entries"][0]["size"] == {0: None, 888: "small", 5555: "medium", 55_555: "large"}[len(sealed or b"")]
    said = json.dumps(told) + entry_line(one, Language.EN)
    assert not sealed or f"{len(sealed)}" not in said.replace(str(AT), "")


def test_both_languages_have_the_same_sentences() -> None:
    """Same keys, same slots, and Romanian letters with a comma below."""
    slots = [{key: sorted(set(_slots(text))) for key, text in table.items()} for table in (EN, RO)]
    assert slots[0] == slots[1]
    assert not set("".join(RO.values())) & set("\u015f\u0163\u015e\u0162")


def _slots(text: str) -> list[str]:
    return [part.partition("}")[0] for part in text.split("{")[1:]]


def test_a_call_back_reference_leads_to_the_senders_entries() -> None:
    """Of the ten seconds in which it sent something unreadable; of another sender, moment or lane it leads to none."""
    keys = key_ring(1, bytes(32)).unit("udesk1")
    reference, begin = unreadable(AT)
    called = opened(keys, keys.seal_ref(reference_plain(SOURCE, reference.encode())).decode())
    assert called == Callback(SOURCE, Cause.UNREADABLE, begin, begin + TOGETHER_MS)
    ours = Entry(Lane.ALERT, 1, {**BLANK_ENTRY, "source": SOURCE, "at": AT, "input": INPUT})
    others = [
        replace(ours, lane=Lane.CASE),
        replace(ours, said={**ours.said, "source": "uother"}),
        replace(ours, said={**ours.said, "at": begin + TOGETHER_MS}),
    ]
    assert called.about([*others, ours]) == [ours]
    assert SOURCE in callback_line(called, Language.RO)


def test_what_is_no_reference_of_a_hollow_alert_is_refused() -> None:
    """One of a case, one of a form nobody makes, one of another unit; that of an alert that was read opens."""
    keys, other = (key_ring(1, bytes(32)).unit(code) for code in ("udesk1", "uother"))
    text = stands_for(Cause.UNSERVED, AT, 54975, bytes(16))[0].encode()
    reference = keys.seal_ref(reference_plain(SOURCE, text)).decode()
    assert opened(keys, reference).cause is Cause.UNSERVED
    for wrong in (b"C-1", b"unreadable.x", b"unreadable", b"other.1"):
        with pytest.raises(KeyFault):
            opened(keys, keys.seal_ref(reference_plain(SOURCE, wrong)).decode())
    with pytest.raises(KeyFault):
        opened(other, reference)
