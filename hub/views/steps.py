"""The way of an event as a tree for a person and as one JSON object (`schemas/cli/trace.v1.json`). Pure.

Rule kept: both say the same; the sentence of a code and its remedy are those of `hub.contracts.refusals`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from consent.messages import Language
from hub.contracts.audit import Input
from hub.contracts.envelope import format_time
from hub.contracts.refusals import MEANINGS, Words
from hub.views.way import Committed, DecisionStep, Ending, Passage, ReleaseStep
from hub.views.words import TABLES

TREE = (("├─ ", "│  "), ("└─ ", "   "))
"""How a branch begins and goes on: one that others follow, and the last."""


class Node(NamedTuple):
    """A line of the tree and what hangs on it."""

    text: str
    below: Sequence[Node] = ()


def lines(asked: str, passages: Sequence[Passage], language: Language) -> Iterator[str]:
    """The tree, one for each passage; the sentence of an unknown event when there is none."""
    words = TABLES[language]
    if not passages:
        yield words["way_unknown"]
    for passage in passages:
        type_ = f" ({passage.type})" if passage.type else ""
        yield words["way_event"].format(id=asked, type=type_, source=passage.source, lane=passage.lane)
        yield from _drawn(list(_steps(passage, language)))


def _drawn(nodes: Sequence[Node], before: str = "") -> Iterator[str]:
    for number, node in enumerate(nodes, 1):
        begin, go_on = TREE[number == len(nodes)]
        yield f"{before}{begin}{node.text}"
        yield from _drawn(node.below, before + go_on)


def _steps(passage: Passage, language: Language) -> Iterator[Node]:
    words, where = TABLES[language], _where(passage.where)
    if passage.admitted_at is not None:
        mark = words["way_late"] if passage.late else ""
        yield Node(words["way_admission"].format(at=format_time(passage.admitted_at), where=where, late=mark))
    else:
        yield Node(words["way_input"].format(where=where))
    if passage.decision is not None:
        yield from _decision(passage.decision, language)
    for step in passage.again:
        yield from _decision(step, language)
    for ending in passage.endings:
        meant = _meaning(ending.code, language)
        below = [Node(words["way_meaning"].format(what=meant.what, remedy=meant.remedy))] if meant else []
        yield Node(_ended("way_ended" if ending.unit is None else "way_parked", ending, language), below)
    for act in passage.acts:
        told = {**act._asdict(), "attempt": act.attempt or "-", "at": format_time(act.at)}
        yield Node(words["way_act"].format(**told))
    if passage.verdict == "undecided":
        yield Node(words["way_undecided"])
    if passage.receipt is not None:
        yield Node(_ended("way_receipt", passage.receipt, language))


def _ended(sentence: str, ending: Ending, language: Language) -> str:
    return TABLES[language][sentence].format(**ending._asdict() | {"at": format_time(ending.at)})


def _where(place: Input) -> str:
    return f"{place.topic}/{place.partition}@{place.offset}"


def _meaning(code: str, language: Language) -> Words | None:
    """The words of a code; None for one that a newer hub wrote."""
    found = MEANINGS.get(code)
    if found is None:
        return None
    return found.ro if language is Language.RO else found.en


def _decision(step: DecisionStep, language: Language) -> Iterator[Node]:
    words = TABLES[language]
    yield Node(words["way_fence"].format(revision=step.revision))
    counts = {"decided": step.decided, "given": len(step.releases), "refused": sum(step.refused.values())}
    reasons = [Node(f"{reason}: {count}") for reason, count in sorted(step.refused.items())]
    said = words["way_decision"].format(at=format_time(step.at), policy=step.policy.hex(), build=step.build, **counts)
    yield Node(said, reasons)
    for release in step.releases:
        unit = release.unit or words["nobody"]
        told = {"id": release.id, "unit": unit, "purpose": release.purpose, "attempt": release.attempt}
        yield Node(words["way_release"].format(**told), list(_release(release, language)))


def _release(release: ReleaseStep, language: Language) -> Iterator[Node]:
    words, commit = TABLES[language], release.commit
    yield Node(words["way_slice"].format(length=release.length, sha256=release.sha256.hex()))
    yield Node(words["way_check"].format(check=release.second_check))
    if commit is None:
        yield Node(words["way_uncommitted"])
    else:
        same = words["way_same" if commit.sha256 == release.sha256 else "way_other"]
        yield Node(words["way_commit"].format(at=format_time(commit.at), where=_where(commit.place), same=same))
    yield Node(_delivery(release, language))


def _delivery(release: ReleaseStep, language: Language) -> str:
    words = TABLES[language]
    steps = [words[f"way_{each.state}"].format(at=format_time(each.at)) for each in release.delivery]
    return words["way_delivery"].format(steps=", ".join(steps)) if steps else words["way_undelivered"]


def as_json(asked: str, passages: Sequence[Passage], language: Language) -> Mapping[str, object]:
    """The way as one object."""
    said = list(lines(asked, passages, language))
    if not passages:
        return {"verdict": "unknown", "sentences": said}
    told = [_passage_json(passage, language) for passage in passages]
    return {"verdict": "known", "event_id": asked, "passages": told, "sentences": said}


def _passage_json(passage: Passage, language: Language) -> Mapping[str, object]:
    at, step = passage.admitted_at, passage.decision
    return {
        "verdict": passage.verdict,
        "source": passage.source,
        "lane": passage.lane.value,
        "type": passage.type,
        "input": passage.where._asdict(),
        "admission": None if at is None else {"at": at, "late": passage.late},
        **(_step_json(step) if step else {"fence": None, "decision": None, "releases": []}),
        "again": [_step_json(each) for each in passage.again],
        "endings": [_ending_json(ending, language) for ending in passage.endings],
        "receipt": passage.receipt and dict(zip(("verdict", "code", "at"), passage.receipt, strict=False)),
        "acts": [act._asdict() for act in passage.acts],
    }


def _step_json(step: DecisionStep) -> Mapping[str, object]:
    return {
        "fence": {"register_revision": step.revision},
        "decision": _decision_json(step),
        "releases": [_release_json(release) for release in step.releases],
    }


def _decision_json(step: DecisionStep) -> Mapping[str, object]:
    told = {"at": step.at, "policy": step.policy.hex(), "build": step.build, "decided": step.decided}
    return {**told, "refused": dict(sorted(step.refused.items()))}


def _release_json(release: ReleaseStep) -> Mapping[str, object]:
    return {
        "id": release.id,
        "unit": release.unit or None,
        "purpose": release.purpose,
        "attempt": release.attempt,
        "slice": {"length": release.length, "sha256": release.sha256.hex()},
        "second_check": release.second_check,
        "commit": release.commit and _commit_json(release.commit, release.sha256),
        "delivery": [{"state": each.state.value, "at": each.at} for each in release.delivery],
    }


def _commit_json(commit: Committed, decided: bytes) -> Mapping[str, object]:
    return {"at": commit.at, **commit.place._asdict(), "as_decided": commit.sha256 == decided}


def _ending_json(ending: Ending, language: Language) -> Mapping[str, object]:
    meant = _meaning(ending.code, language)
    return {**ending._asdict(), "what": meant and meant.what, "remedy": meant and meant.remedy}
