"""What `punte doctor` thinks of a hub: facts in, findings as values out. Pure and table driven.

Rules kept: each check gives at least one finding, also when its facts could not be read; a finding that is not ok has a
remedy (from `hub.errors`, handed in); none holds more than codes, counts, lanes and names of topics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from consent.terms import Lane, Profile, Purpose
from hub.contracts import topics
from hub.contracts.topics import Party, TopicSpec
from hub.doctor.lanes import Held, Moment, Reading


class Grade(StrEnum):
    """How bad a finding is; only `fail` ends the command with findings."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: a code of `hub.errors` (or `ok`), one sentence, and what to do (None when ok)."""

    check: str
    grade: Grade
    code: str
    sentence: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why a fact could not be read: a code of `hub.errors`, a sentence, and a more exact remedy than the table's."""

    code: str
    sentence: str
    remedy: str | None = None
    grade: Grade = Grade.FAIL


@dataclass(frozen=True, slots=True)
class Register:
    """What is read of the register: key checks by epoch, the active policy's digest, units as topics see them."""

    keychecks: Mapping[str, str]
    active: str | None
    parties: tuple[Party, ...]

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The lanes any unit is connected to."""
        return tuple(lane for lane in Lane if any(lane in party.lanes for party in self.parties))


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the checks look at; each part is what was read, or why it could not be.

    `keys`: epoch and key check; `policy`: digests the proven pack counts as; `topics`: partitions by name; `moments`:
    the lanes at two moments; `uncopied`: register records that are not in its audit copy yet; `parked`: by lane;
    `quarantined`: entries that wait for a person, by lane; `sealed`: whether the settings name a key to seal them to.
    """

    bootstrap_set: bool | Unknown
    profile: Profile
    keys: tuple[str, str] | Unknown
    policy: tuple[str, ...] | Unknown
    topics: Mapping[str, int] | Unknown
    register: Register | Unknown
    moments: tuple[Moment, Moment] | Unknown
    uncopied: int | Unknown
    parked: Mapping[Lane, Held] | Unknown
    quarantined: Mapping[Lane, int] | Unknown = field(default_factory=dict)
    sealed: bool | Unknown = True


BOUND: Final = {Lane.ALERT: 100, Lane.CASE: 5_000, Lane.BULK: 50_000}
"""Records that may wait before a stage of a lane counts as lagging: seconds of work, even on a small machine."""
UNCOPIED: Final = 100
NAMED: Final = 5
_OK: Final = "ok"


def register_of(records: Mapping[tuple[str, str], Mapping[str, Any]]) -> Register:
    """The register's latest records (by kind and handle) as the doctor needs them; closed units need no topics."""
    publishing = {
        handle
        for (kind, handle), record in records.items()
        if kind == "agreement" and record["publishes"] and record["state"] != "ended"
    }
    parties = tuple(
        Party(
            handle,
            frozenset(map(Lane, record["lanes"])),
            frozenset(map(Purpose, record["purposes"])),
            handle in publishing,
        )
        for (kind, handle), record in sorted(records.items())
        if kind == "unit" and record["state"] != "closed"
    )
    checks = {handle: record["checks"][0]["digest"] for (kind, handle), record in records.items() if kind == "keycheck"}
    matrix = records.get(("matrix", "active"))
    return Register(checks, matrix["digest"] if matrix and matrix["state"] == "active" else None, parties)


def findings(facts: Facts, remedies: Mapping[str, str]) -> list[Finding]:
    """All checks in the order of CHECKS; `remedies` by code, for findings without one of their own."""
    found = []
    for name, check in CHECKS:
        for grade, code, sentence, remedy in check(facts):
            told = None if grade is Grade.OK else remedy or remedies[code]
            found.append(Finding(name, grade, code, sentence, told))
    return found


Found = tuple[Grade, str, str, str | None]


def _ok(sentence: str) -> Found:
    return Grade.OK, _OK, sentence, None


def _unknown(why: Unknown) -> Found:
    return why.grade, why.code, why.sentence, why.remedy


def _settings(facts: Facts) -> Iterator[Found]:
    if isinstance(facts.bootstrap_set, Unknown):
        yield _unknown(facts.bootstrap_set)
        return
    if not facts.bootstrap_set:
        yield Grade.WARN, "bootstrap_default", "PUNTE_KAFKA_BOOTSTRAP is not set; 127.0.0.1:9092 is used", None
    if facts.profile is Profile.DEMO:
        yield Grade.WARN, "profile_demo", "profile demo: rows whose law is unconfirmed release too", None
    elif facts.bootstrap_set:
        yield _ok(f"profile {facts.profile}")


def _secret(facts: Facts) -> Iterator[Found]:
    if isinstance(facts.keys, Unknown):
        yield _unknown(facts.keys)
    else:
        yield _ok(f"readable by its owner alone, epoch {facts.keys[0]}")


def _policy(facts: Facts) -> Iterator[Found]:
    yield _unknown(facts.policy) if isinstance(facts.policy, Unknown) else _ok("the pack compiles and is proven")


def _kafka(facts: Facts) -> Iterator[Found]:
    if isinstance(facts.topics, Unknown):
        yield _unknown(facts.topics)
    else:
        yield _ok(f"Kafka answers; {len(facts.topics)} topics")


def _topics(facts: Facts) -> Iterator[Found]:
    if isinstance(facts.topics, Unknown):
        yield NOT_CHECKED
        return
    parties, lanes = ((), ()) if isinstance(facts.register, Unknown) else (facts.register.parties, facts.register.lanes)
    wanted = topics.plan(parties, lanes)
    missing = [spec for spec in wanted if spec.name not in facts.topics]
    other = [spec.name for spec in wanted if facts.topics.get(spec.name, spec.partitions) != spec.partitions]
    if missing:
        yield Grade.FAIL, "topic_missing", f"{len(missing)} of {len(wanted)} topics are missing: {_told(missing)}", None
    if other:
        yield Grade.FAIL, "topic_partitions", f"another number of partitions than planned: {_first(other)}", None
    if not missing and not other:
        known = not isinstance(facts.register, Unknown)
        yield _ok(f"all {len(wanted)} topics that the register's units need") if known else NOT_CHECKED


def _told(missing: list[TopicSpec]) -> str:
    """Missing topics by lane and kind, then the first of them by name."""
    counts = Counter(_place(spec.name) for spec in missing)
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    return f"{kinds} ({_first([spec.name for spec in missing])})"


def _place(name: str) -> str:
    """`release.case.u12345.p1` -> `case release`; a topic of no lane is named as it is."""
    kind, dot, rest = name.rpartition(".") if name.rpartition(".")[2] in set(Lane) else ("", "", name)
    if dot:
        return f"{rest} {kind}"
    words = name.split(".")
    return f"{words[1]} {words[0]}" if len(words) > 2 and words[1] in set(Lane) else name


def _first(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _register(facts: Facts) -> Iterator[Found]:
    if isinstance(facts.register, Unknown):
        yield _unknown(facts.register)
    elif not facts.register.parties:
        yield Grade.WARN, "register_empty", "the register knows no unit", None
    else:
        yield _ok(f"{len(facts.register.parties)} units, lanes {', '.join(facts.register.lanes)}")


def _keycheck(facts: Facts) -> Iterator[Found]:
    if isinstance(facts.register, Unknown) or isinstance(facts.keys, Unknown):
        yield NOT_CHECKED
        return
    epoch, digest = facts.keys
    known = facts.register.keychecks.get(epoch)
    if known is None:
        yield Grade.FAIL, "keycheck_missing", f"the register has no key check of epoch {epoch}", None
    elif known != digest:
        yield Grade.FAIL, "keycheck_differs", "this secret file is not the one the register was loaded with", None
    else:
        yield _ok("the register was loaded with this secret file")


def _active(facts: Facts) -> Iterator[Found]:
    if isinstance(facts.register, Unknown) or isinstance(facts.policy, Unknown):
        yield NOT_CHECKED
    elif facts.register.active is None:
        yield Grade.FAIL, "policy_not_active", "the register names no active policy", None
    elif facts.register.active not in facts.policy:
        yield Grade.FAIL, "policy_differs", "the installed pack is not the policy the register calls active", None
    else:
        yield _ok("the installed pack is the active policy")


def _lanes(facts: Facts) -> Iterator[Found]:
    if isinstance(facts.moments, Unknown):
        yield _unknown(facts.moments)
        return
    before = {(each.stage, each.lane): each for each in facts.moments[0].readings}
    for now in facts.moments[1].readings:
        yield _fold(before.get((now.stage, now.lane), now), now)
    if not facts.moments[1].readings:
        yield NOT_CHECKED


def _fold(before: Reading, now: Reading) -> Found:
    """One stage of one lane: whether somebody works there, and whether what waits grows or is too much."""
    where = f"{now.stage} of lane {now.lane}"
    start = f"start it: `punte run all --lane {now.lane}`"
    if not now.members and now.waiting:
        return Grade.FAIL, "fold_lagging", f"{where}: {now.waiting} records wait and nobody takes them", start
    if not now.members:
        return Grade.WARN, "lane_not_running", f"{where}: nobody is there, nothing waits", start
    if now.waiting > BOUND[now.lane]:
        return Grade.FAIL, "fold_lagging", f"{where}: {now.waiting} records wait, more than {BOUND[now.lane]}", None
    if now.waiting > before.waiting and now.taken == before.taken:
        return Grade.WARN, "fold_lagging", f"{where}: {now.waiting} records wait and it took none meanwhile", None
    return _ok(f"{where}: {now.waiting} records wait")


def _parked(facts: Facts) -> Iterator[Found]:
    """The topics that could not be written, and why; how many releases wait for one unit is nobody's business here."""
    if isinstance(facts.parked, Unknown):
        yield _unknown(facts.parked)
        return
    for lane, held in facts.parked.items():
        if held:
            causes = _first([f"{topic} ({code})" for topic, code in held.items()])
            yield Grade.FAIL, "subscription_parked", f"lane {lane}: releases wait for {causes}", None
    if not any(facts.parked.values()):
        yield _ok("no subscription is parked")


def _copy(facts: Facts) -> Iterator[Found]:
    if isinstance(facts.uncopied, Unknown):
        yield _unknown(facts.uncopied)
    elif facts.uncopied:
        grade = Grade.FAIL if facts.uncopied > UNCOPIED else Grade.WARN
        yield grade, "copy_lagging", f"{facts.uncopied} register records are not in `{topics.AUDIT_REGISTER}` yet", None
    else:
        yield _ok("every register record is in its audit copy")


def _quarantine(facts: Facts) -> Iterator[Found]:
    """Whether what is put aside can be opened again by a person, and whether something waits for one."""
    if isinstance(facts.sealed, Unknown):
        yield _unknown(facts.sealed)
    elif not facts.sealed:
        says = "PUNTE_SEAL_PUBLIC_FILE is not set; an entry points to its record, which its topic forgets"
        yield Grade.WARN, "seal_key_missing", says, None
    if isinstance(facts.quarantined, Unknown):
        yield _unknown(facts.quarantined)
        return
    waiting = {lane: facts.quarantined[lane] for lane in Lane if facts.quarantined.get(lane)}
    if waiting:
        counts = ", ".join(f"{lane} {count}" for lane, count in waiting.items())
        yield Grade.WARN, "quarantine_open", f"entries of quarantine that wait for a person: {counts}", None
    elif facts.sealed is True:
        yield _ok("nothing waits for a person; entries are sealed")


NOT_CHECKED: Final[Found] = (Grade.WARN, "not_checked", "not checked: what it needs is not there", None)
CHECKS: Final[tuple[tuple[str, Callable[[Facts], Iterator[Found]]], ...]] = (
    ("settings", _settings),
    ("secret", _secret),
    ("policy", _policy),
    ("kafka", _kafka),
    ("topics", _topics),
    ("register", _register),
    ("keycheck", _keycheck),
    ("active", _active),
    ("lanes", _lanes),
    ("parked", _parked),
    ("copy", _copy),
    ("quarantine", _quarantine),
)
"""Every check by name, in the order they are told."""


def as_json(found: list[Finding]) -> dict[str, Any]:
    """The object of `punte doctor --json` (schemas/cli/doctor.v1.json)."""
    return {
        "failed": sum(finding.grade is Grade.FAIL for finding in found),
        "findings": [
            {
                "check": finding.check,
                "grade": finding.grade.value,
                "code": finding.code,
                "sentence": finding.sentence,
                "remedy": finding.remedy,
            }
            for finding in found
        ],
    }
