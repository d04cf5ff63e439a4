"""The fixture pack of the benchmarks: one event type of 43 leaves, a record of about 600 bytes, a matrix, eight units.

Everything is data in this folder, so that a change of the real schemas or matrix does not change what is measured.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import fastavro

from consent.compile import Policy, Release
from consent.decide import decide
from consent.facts import ConsentRecord, Event, FixedFacts, RelationRecord, Subscription, Unit
from consent.matrix import Matrix
from consent.pack import PackTexts, compile_texts
from consent.terms import EventType, PartyRole, Profile, Purpose, Role, Transform
from hub.contracts.catalogue import entry, event_type
from hub.contracts.shape import plain
from hub.release.slicer import Slicer

FOLDER: Final = Path(__file__).parent
NAME: Final = "pack.case"
SOURCE: Final = "usrc00"
EVENT_ID: Final = 1
FIRST_RELEASE_ID: Final = 101
PLACE: Final = 57706
COUNTY: Final = 127
CASE: Final = b"case-of-the-pack"
VICTIM: Final = b"victim-of-a-pack"
SUSPECT: Final = b"the-pack-suspect"
AT_MS: Final = 1_795_000_000_000
LATER_MS: Final = AT_MS + 90 * 86_400_000
SEALED: Final = frozenset({Transform.PAIRWISE, Transform.PERSON_REF})
UNITS: Final = (
    ("updisp", Role.POL_D, Purpose.P1),
    ("uppatr", Role.POL_R, Purpose.P1),
    ("upprox", Role.POL_M, Purpose.P3),
    ("uprose", Role.PROS, Purpose.P2),
    ("uplocl", Role.SW_L, Purpose.P6),
    ("upcoun", Role.SW_C, Purpose.P7),
    ("upchil", Role.CHILD, Purpose.P8),
    ("upshel", Role.SHEL, Purpose.P9),
)


@dataclass(frozen=True)
class Pack:
    """The pack, loaded: `body` is the record's Avro form, `chosen` the release each of the eight units gets of it."""

    avsc: dict[str, Any]
    type: EventType
    record: dict[str, Any]
    body: bytes
    matrix: Matrix
    policy: Policy
    facts: FixedFacts
    event: Event
    ids: Mapping[str, int]
    slicer: Slicer
    chosen: tuple[Release, ...]


def text(name: str) -> str:
    """One file of the pack."""
    return (FOLDER / name).read_text("utf-8")


def compile_pack(kind: EventType) -> Policy:
    """Parse, compile and prove the pack's policy: what the proof benchmark measures."""
    types = {NAME: kind}
    return compile_texts(
        PackTexts(text("matrix.toml"), text("redlines.toml"), text("dutylines.toml")), types, Profile.PRODUCTION
    )


def pack_type(avsc: dict[str, Any]) -> EventType:
    """The event type of the pack."""
    row = {
        "letter": "P",
        "lane": "case",
        "owner": "benchmarks",
        "publishers": ["POL-R"],
        "title": {},
        "legal_basis": "",
        "retention": {},
    }
    return event_type(avsc, entry(NAME, row))


def unsealed(release: Release) -> Release:
    """A release without its pairwise leaves."""
    return Release(release.event, tuple(leaf for leaf in release.leaves if leaf[1] not in SEALED), release.time)


def pack_facts() -> FixedFacts:
    """Eight units of one area; the county case manager knows the victim, the shelter has its largest package."""
    units = {code: Unit(code, role, frozenset({PLACE}), None, at) for at, (code, role, _) in enumerate(UNITS)}
    subscriptions = [Subscription(units[code], purpose) for code, _, purpose in UNITS]
    consent = ConsentRecord(
        key=b"consent-of-pack!",
        offset=7,
        giver=VICTIM,
        person=VICTIM,
        recipient="upshel",
        purpose=Purpose.P9,
        package="sh3",
        groups=frozenset(),
        state="given",
        alone=True,
        valid_until=LATER_MS,
        by=frozenset({"w1"}),
        witness="w2",
    )
    relation = RelationRecord(
        key=b"relation-of-pack",
        offset=8,
        unit="upcoun",
        target=VICTIM,
        role=PartyRole.VICTIM,
        kind="case_management",
        since=0,
        until=None,
        live=True,
    )
    return FixedFacts.of(units.values(), {NAME: subscriptions}, (consent, relation), revision=9)


@cache
def load_pack() -> Pack:
    """Everything, once."""
    avsc, record = json.loads(text("event.avsc")), json.loads(text("record.json"))
    kind = pack_type(avsc)
    policy = compile_pack(kind)
    every = (*policy.releases, *dict.fromkeys(unsealed(release) for release in policy.releases))
    ids = {release.name: FIRST_RELEASE_ID + at for at, release in enumerate(dict.fromkeys(every))}
    slicer = Slicer(avsc, tuple(dict.fromkeys(every)), ids, {PLACE: COUNTY})
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(plain(avsc)), record, strict=True)
    body = out.getvalue()
    leaves = slicer.guards(body, slicer.walk(body))
    parties = {PartyRole.VICTIM: VICTIM, PartyRole.SUSPECT: SUSPECT}
    event = Event(NAME, SOURCE, CASE, parties, leaves.siruta, leaves.named, leaves.content)
    facts = pack_facts()
    return Pack(
        avsc=avsc,
        type=kind,
        record=record,
        body=body,
        matrix=policy.matrix,
        policy=policy,
        facts=facts,
        event=event,
        ids=ids,
        slicer=slicer,
        chosen=_chosen(policy, event, facts),
    )


def _chosen(policy: Policy, event: Event, facts: FixedFacts) -> tuple[Release, ...]:
    """What each unit gets of the record; the pack is made so that all eight get something."""
    made = decide(policy, event, facts, AT_MS).decisions
    chosen = tuple(decision.selected.release for decision in made if decision.selected is not None)
    assert len(chosen) == len(UNITS), "every unit of the pack gets a release"
    return chosen
