"""The federation of the gateway's benchmark: its units and facts, its plan, its input.

Four units of one place receive every event; with more units there are more places, each with four of its own, and every
event is decided for all of them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import fastavro

from consent.facts import Facts, FixedFacts, Subscription, Unit
from consent.terms import Lane, PartyRole
from hub.assemble import gateway_codecs, trace_pool
from hub.contracts import topics
from hub.contracts.envelope import Admission
from hub.contracts.files import load_catalogue
from hub.contracts.keys import key_ring
from hub.contracts.shape import plain
from hub.contracts.wire import frame
from hub.gateway.compiled import full_check
from hub.gateway.plan import Planner
from hub.gateway.rules import Outgoing, Rules, TypeRuntime, World
from hub.release.schema import release_schema
from hub.release.slicer import Slicer
from hub.release.walker import walker
from tests.benchmarks.ceiling import PARTITIONS
from tests.benchmarks.pack import AT_MS, COUNTY, EVENT_ID, NAME, PLACE, UNITS, load_pack

RECEIVERS: Final = tuple(UNITS[at] for at in (0, 1, 3, 6))
"""Those the pack's duty lines want told, and the dispatch: an event that somebody misses would go to quarantine too."""
RECIPIENTS: Final = len(RECEIVERS)
SOURCES: Final = 16
PER_CASE: Final = 9
"""Events of one incident: 5, 0.35 child, 1.2 referrals of 2.8 events, 0.85 others (domain.md section 8)."""


@dataclass(frozen=True)
class Still:
    """Facts that do not move."""

    facts: FixedFacts
    revision: int = 9

    def at(self, now: int) -> Facts:
        """The facts of every batch."""
        return self.facts


@dataclass(frozen=True)
class Input:
    """A record of `admitted.case` as the consumer would hand it over."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Federation:
    """So many units, four to a place."""

    units: int = RECIPIENTS

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Unit by unit, each with the role and purpose of one of the pack's receivers."""
        found = []
        for at in range(self.units):
            (_, role, purpose), place = RECEIVERS[at % RECIPIENTS], PLACE + at // RECIPIENTS
            found.append(Subscription(Unit(f"u{at:05d}", role, frozenset({place}), None, at), purpose))
        return tuple(found)

    @property
    def places(self) -> range:
        """Where its units are."""
        return range(PLACE, PLACE + -(-self.units // RECIPIENTS))

    def planner(self) -> Planner:
        """The plan of the case lane over the pack, for these units."""
        pack, outgoing = load_pack(), {}
        slicer = Slicer(pack.avsc, pack.policy.releases, pack.ids, dict.fromkeys(self.places, COUNTY))
        for release in pack.policy.releases:
            schema, schema_id = release_schema(pack.avsc, release), pack.ids[release.name]
            outgoing[release] = Outgoing(slicer.bind(release), walker(schema, schema_id), full_check(schema))
        runtime = TypeRuntime(NAME, ("ce_type", NAME.encode()), slicer, outgoing)
        rules = Rules(pack.policy, {EVENT_ID: runtime}, key_ring(1, bytes(32)), gateway_codecs(load_catalogue()))
        given = self.subscriptions
        facts = FixedFacts.of((one.unit for one in given), {NAME: given}, revision=9)
        return Planner(Lane.CASE, rules, Still(facts), World("benchmark", trace_pool()))

    def inputs(self, count: int, first: int = 0) -> list[Input]:
        """Admitted records of several sources, spread over the partitions as their keys would; from number `first`."""
        pack, found = load_pack(), []
        schema = fastavro.parse_schema(plain(pack.avsc))
        for number in range(first, first + count):
            source, case = f"usrc{number % SOURCES:02d}", number // PER_CASE
            event_id = f"00000000-0000-4000-8000-{number:012d}"
            headers = Admission(event_id, AT_MS + number, *case_of(case)).headers()
            refs = {"caseRef": f"INC-2026.{case:06d}-a7k2", "previousRef": f"EVAL-2026.{number:06d}"}
            siruta = self.places[case % len(self.places)]
            value = frame(EVENT_ID, encoded(schema, {**pack.record, **refs, "siruta": siruta}))
            place = "admitted.case", number % PARTITIONS, number // PARTITIONS
            found.append(Input(*place, AT_MS, source.encode(), value, headers))
        return found

    def topics(self) -> list[str]:
        """Every topic of one partition that the gateway may write to."""
        given = [topics.release(Lane.CASE, one.unit.code, one.purpose) for one in self.subscriptions]
        receipts = [topics.receipt(Lane.CASE, f"usrc{number:02d}") for number in range(SOURCES)]
        return [*given, *receipts, topics.quarantine(Lane.CASE)]


def case_of(number: int) -> tuple[bytes, dict[PartyRole, bytes]]:
    """The handles of a case and of its two people: pseudonyms are made anew for each case."""
    handles = (blake2b(b"%s%d" % (kind, number), digest_size=16).digest() for kind in (b"case", b"victim", b"suspect"))
    case, victim, suspect = handles
    return case, {PartyRole.VICTIM: victim, PartyRole.SUSPECT: suspect}


def encoded(schema: Any, record: Mapping[str, Any]) -> bytes:
    """The Avro body of a record."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()
