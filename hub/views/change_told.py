"""Changes, ways, rests and impacts as sentences and as JSON. Pure.

Rule kept: both say the same; what could hurt most stands first, as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from consent.compare import EXISTENCE, PRECISION, Change
from consent.explain import guard_words
from consent.guards import Guard
from consent.messages import TABLES as WORDS
from consent.messages import Language, counted
from consent.reach import Reach, Resting
from consent.terms import Reveals, Transform
from hub.views.change_words import TABLES
from hub.views.impact import Impact, Replayed


def _how(how: Transform | None, language: Language) -> str:
    return WORDS[language][f"how.{how.value}"] if how else "-"


def _when(ways: Sequence[tuple[Guard, ...]], language: Language) -> str:
    words = TABLES[language]
    told = [words["and"].join(guard_words(guard, WORDS[language]) for guard in way) for way in ways if way]
    return words["when"].format(guards=words["or"].join(told)) if told else words["always"]


def _reveals(words: Iterable[Reveals]) -> str:
    return "+".join(sorted(words))


def change_line(change: Change, language: Language) -> str:
    """One change in words."""
    words = TABLES[language]
    if change.path == EXISTENCE:
        kind = "gains_event" if change.gains else "loses_event"
    elif change.before is None or change.after is None:
        kind = "gains" if change.gains else "loses"
    else:
        kind = "finer" if PRECISION[change.after] >= PRECISION[change.before] else "coarser"
    told = {key: getattr(change, key) for key in ("role", "purpose", "path", "event", "row")}
    how, was = _how(change.after, language), _how(change.before, language)
    when, reveals = _when([change.when], language), _reveals(change.reveals)
    return words[kind].format(**told, how=how, was=was, when=when, reveals=reveals)


def change_json(change: Change) -> Mapping[str, object]:
    """One change as an object; `path` null: that the event exists."""
    return {
        "gains": change.gains,
        "event": change.event,
        "role": change.role,
        "purpose": change.purpose,
        "path": change.path or None,
        "before": change.before and change.before.value,
        "after": change.after and change.after.value,
        "when": [str(guard) for guard in change.when],
        "row": change.row,
        "reveals": sorted(change.reveals),
        "danger": change.danger,
    }


def reach_line(way: Reach, language: Language) -> str:
    """One way to a field in words."""
    words = TABLES[language]
    told = {key: getattr(way, key) for key in ("role", "purpose", "path", "event", "row", "law")}
    mark, when = words[f"mark.{way.status.value}"], _when(way.when, language)
    return words["reach"].format(**told, how=_how(way.how, language), when=when, mark=mark)


def reach_json(way: Reach) -> Mapping[str, object]:
    """One way to a field as an object."""
    return {
        "event": way.event,
        "role": way.role,
        "purpose": way.purpose,
        "path": way.path,
        "transform": way.how.value,
        "row": way.row,
        "law": way.law,
        "law_status": way.status.value,
        "reveals": sorted(way.reveals),
        "when": [[str(guard) for guard in guards] for guards in way.when],
    }


def resting_line(rest: Resting, language: Language) -> str:
    """A row in doubt in words."""
    words = TABLES[language]
    told = {key: getattr(rest, key) for key in ("row", "role", "purpose", "event", "law")}
    mark = words[f"mark.{rest.status.value}"]
    return words["resting"].format(**told, mark=mark, paths=", ".join(f"`{path}`" for path in rest.paths) or "-")


def resting_json(rest: Resting) -> Mapping[str, object]:
    """A row in doubt as an object."""
    return {**rest._asdict(), "status": rest.status.value, "paths": list(rest.paths)}


def organisation_lines(
    name: str, roles: Iterable[str], learned: Mapping[Reveals, Reach], language: Language
) -> Iterator[str]:
    """What one organisation can learn in all, and one way to each."""
    words = TABLES[language]
    told = [word for word in Reveals if word in learned and word is not Reveals.NONE]
    yield words["organisation"].format(name=name, roles=", ".join(roles), reveals=_reveals(told) or "-")
    for word in told:
        way = {key: getattr(learned[word], key) for key in ("path", "event", "role", "purpose", "row")}
        yield words["way"].format(reveals=word.value, **way)


def impact_lines(replayed: Replayed, language: Language) -> Iterator[str]:
    """What would have changed in words, gains first."""
    words = TABLES[language]
    for one in replayed.impacts:
        yield _impact_line(one, language)
    if not replayed.impacts:
        yield words["impact_none"]
    decisions = counted(replayed.decisions, "decisions", words)
    yield words["impact_count"].format(decisions=decisions, others=counted(replayed.others, "others", words))


def _impact_line(one: Impact, language: Language) -> str:
    words = TABLES[language]
    kind = ("impact_gains" if one.gains else "impact_loses") + ("_event" if one.path == EXISTENCE else "")
    maybe = words["impact_maybe"].format(maybe=counted(one.maybe, "events", words)) if one.maybe else ""
    told = {key: getattr(one, key) for key in ("role", "purpose", "path", "event")}
    return words[kind].format(**told, sure=counted(one.sure, "events", words), maybe=maybe)


def impact_json(replayed: Replayed) -> Mapping[str, object]:
    """What would have changed as one object."""
    return {
        "impacts": [{**one._asdict(), "path": one.path or None} for one in replayed.impacts],
        "decisions": replayed.decisions,
        "by_other_policies": replayed.others,
    }
