"""An answer as lines of text and as one JSON object. Pure.

Rule kept: both say the same, and to whoever may not know they are the bytes of an event that does not exist: no echo of
the id asked for, no name of the asker.

The object: `verdict` known or unknown, `sentences`; when known also `audience`, `events` and `attempts`. An event has
`type`, `lane`, `decided_at` (ms), `policy`, `needs` (digest of the policy that is missing, or null), `answers`, and
`record` (event id, source, input, moments, revision, build, key epochs; null for whom that is not). An answer is the
object of `consent.explain`, or `verdict`, `unit`, `reason` where the policy is missing, with `release`, `facts` and, of
a refusal for a relation or a consent, `lapse` (`hub.views.lapse`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from consent.explain import UNKNOWN, sentences, to_json
from consent.messages import Language
from hub.contracts.acts import act_of
from hub.contracts.audit import Verdict
from hub.contracts.envelope import format_time
from hub.contracts.registers import UNREADABLE
from hub.views.lapse import Lapse
from hub.views.project import FactTold, Record
from hub.views.questions import Answer, AudienceKind, EventTold, ReleaseTold, Why
from hub.views.words import TABLES


def lines(told: Why, language: Language) -> Iterator[str]:
    """The answer for a person: a paragraph an event, a paragraph an answer."""
    words = TABLES[language]
    if not told.known:
        heard = sentences(UNKNOWN, language)
        yield next(heard) if told.audience.kind is AudienceKind.UNIT else words["unknown"]
        return
    for event in told.events:
        yield from _event_lines(event, language)
    for _, attempt in told.attempts:
        moment = format_time(attempt["at"])
        said = {**attempt, **attempt["input"], "code": attempt["code"] or "-", "at": moment}
        kind = "parked" if attempt["verdict"] == Verdict.PARKED else "attempt" if act_of(attempt) is None else "act"
        yield words[kind].format(**{**said, "attempt": attempt["attempt"] or "-"})


def _event_lines(event: EventTold, language: Language) -> Iterator[str]:
    words, head = TABLES[language], event.head
    decided = format_time(event.decided_at)
    if head is None:
        yield words["event_heard"].format(type=event.type)
        yield words["times_heard"].format(decided=decided, policy=event.policy)
    else:
        yield words["event"].format(id=head["eventId"], type=event.type, source=head["source"], lane=event.lane)
        moments = {"admitted": format_time(head["admittedAt"]), "decided": decided, "policy": event.policy}
        yield words["times"].format(**moments, revision=head["registerRevision"], build=head["build"])
    if event.needs is not None:
        yield words["needs"].format(needs=event.needs)
    for answer in event.answers:
        yield ""
        yield from _answer_lines(answer, language)


def _answer_lines(answer: Answer, language: Language) -> Iterator[str]:
    words = TABLES[language]
    if answer.explanation is None:
        row = words[f"bare_{answer.verdict}"]
        yield row.format(unit=answer.unit or words["nobody"], reason=answer.reason)
    else:
        yield from sentences(answer.explanation, language)
    if answer.release is not None:
        release = answer.release
        yield words["release"].format(
            id=release.id, attempt=release.attempt, length=release.length, sha256=release.sha256
        )
    if answer.lapse is not None:
        yield _lapse_line(answer.lapse, words)
    for fact in answer.facts:
        if fact.state == UNREADABLE:
            yield words["fact_unreadable"].format(offset=fact.fact.offset)
        elif fact.since is not None:
            yield words["fact"].format(
                offset=fact.fact.offset, kind=fact.kind or "-", state=fact.state or "-", since=format_time(fact.since)
            )


def _lapse_line(lapse: Lapse, words: Mapping[str, str]) -> str:
    moment = "" if lapse.moment is None else format_time(lapse.moment)
    return words[f"lapse_{lapse.how}"].format(guard=lapse.guard, moment=moment, offset=lapse.offset)


def as_json(told: Why, language: Language) -> Mapping[str, object]:
    """The answer as one object."""
    said = [line for line in lines(told, language) if line]
    if not told.known:
        return {"verdict": "unknown", "sentences": said}
    return {
        "verdict": "known",
        "audience": str(told.audience),
        "events": [_event_json(event, language) for event in told.events],
        "attempts": [{"lane": lane.value, **_plain(attempt)} for lane, attempt in told.attempts],
        "sentences": said,
    }


def _event_json(event: EventTold, language: Language) -> Mapping[str, object]:
    return {
        "type": event.type,
        "lane": event.lane.value,
        "decided_at": event.decided_at,
        "policy": event.policy,
        "needs": event.needs,
        "record": event.head and _record_json(event.head),
        "answers": [_answer_json(answer, language) for answer in event.answers],
    }


def _record_json(head: Record) -> Mapping[str, object]:
    return {
        "event_id": head["eventId"],
        "source": head["source"],
        "input": head["input"],
        "admitted_at": head["admittedAt"],
        "register_revision": head["registerRevision"],
        "build": head["build"],
        "key_epochs": head["keyEpochs"],
    }


def _answer_json(answer: Answer, language: Language) -> Mapping[str, object]:
    if answer.explanation is None:
        reason = answer.reason.value if answer.reason else None
        said: Mapping[str, object] = {"verdict": answer.verdict.value, "unit": answer.unit or None, "reason": reason}
    else:
        said = to_json(answer.explanation, language)
    told = {"release": _release_json(answer.release), "facts": [_fact_json(fact) for fact in answer.facts]}
    return {**said, **told, "lapse": answer.lapse and answer.lapse._asdict()}


def _release_json(release: ReleaseTold | None) -> Mapping[str, object] | None:
    if release is None:
        return None
    told = {"id": release.id, "attempt": release.attempt, "sha256": release.sha256, "length": release.length}
    return told if release.second_check is None else {**told, "second_check": release.second_check}


def _fact_json(fact: FactTold) -> Mapping[str, object]:
    told = {"kind": fact.kind, "state": fact.state, "since": fact.since}
    return {"key": fact.fact.key.hex(), "offset": fact.fact.offset, **told}


def _plain(attempt: Record) -> dict[str, Any]:
    """What an attempt says, its digest as text."""
    keys = ("source", "input", "verdict", "code", "at", "asker", "reason", "attempt", "unit", "purpose")
    told = {key: attempt[key] for key in keys}
    return {**told, "event_id": attempt["eventId"], "sha256": attempt["sha256"] and attempt["sha256"].hex()}
