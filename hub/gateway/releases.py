"""One release: cut it from the bytes, check it, address it. Pure but for the random bytes handed in.

Rule kept: everything that leaves is here: value, key, timestamp (the batch's) and the closed list of headers
(contract.md section 1). Nothing of the publisher's headers is copied; every id differs for every unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from consent.decide import Decision
from consent.facts import Fact, Subscription
from consent.terms import Lane, Transform
from hub.contracts import topics
from hub.contracts.audit import FactRef, ReleaseEntry
from hub.contracts.envelope import HUB_SOURCE, coarse, format_time, uuid_text
from hub.contracts.keys import UnitKeys, bytes_digest
from hub.gateway.outputs import Headers, Outputs
from hub.gateway.pseudonyms import UnitSeals
from hub.gateway.rules import ReadEvent, Rules, World

SAMPLE: Final = 63
ATTEMPT: Final = 1
SPECVERSION: Final = ("ce_specversion", b"1.0")
SOURCE: Final = ("ce_source", HUB_SOURCE)


class Address(NamedTuple):
    """Where the releases of one subscription go, and under which keys: made once per subscription."""

    subscription: Subscription
    topic: str
    purpose: str
    keys: UnitKeys


@dataclass(slots=True)
class Releaser:
    """Makes the releases of a lane. One event in 64, and every alert, gets the full check as well."""

    lane: Lane
    rules: Rules
    world: World
    addresses: dict[int, Address] = field(default_factory=dict)

    def release(self, event: ReadEvent, digest: bytes, decision: Decision, out: Outputs) -> ReleaseEntry:
        """One release written to `out`, and its entry for the audit; raises before anything is written."""
        assert decision.selected is not None
        release, to = decision.selected.release, self._address(decision.subscription)
        outgoing = event.runtime.outgoing[release]
        value = outgoing.cut(event.body, event.offsets, UnitSeals(to.keys, event.origin))
        outgoing.check(value)
        full = self.lane is Lane.ALERT or not digest[0] & SAMPLE
        if full:
            outgoing.full_check(value)
        release_id = to.keys.release_id(digest, to.purpose, ATTEMPT)
        subject = to.keys.seal_case(event.admission.case)
        out.add(to.topic, 0, subject, value, self._headers(event, release_id, subject, release.time))
        return _entry(decision, release_id, value, full=full)

    def _address(self, subscription: Subscription) -> Address:
        """The address of a subscription, by identity: a changed register makes new subscriptions."""
        found = self.addresses.get(id(subscription))
        if found is None or found.subscription is not subscription:
            unit, purpose = subscription.unit.code, subscription.purpose.value
            topic = topics.release(self.lane, unit, purpose)
            found = Address(subscription, topic, purpose, self.rules.keys.unit(unit))
            self.addresses[id(subscription)] = found
        return found

    def _headers(self, event: ReadEvent, release_id: bytes, subject: bytes, rule: Transform) -> Headers:
        """The closed list of contract.md section 1."""
        trace = self.world.random(24).hex()
        return [
            SPECVERSION,
            ("ce_id", uuid_text(release_id).encode()),
            SOURCE,
            ("ce_type", event.runtime.encoded),
            ("ce_time", format_time(coarse(event.admission.time, rule)).encode()),
            ("ce_subject", subject),
            ("traceparent", f"00-{trace[:32]}-{trace[32:]}-00".encode()),
        ]


def _entry(decision: Decision, release_id: bytes, value: bytes, *, full: bool) -> ReleaseEntry:
    return ReleaseEntry(
        decision.subscription.unit.ordinal,
        decision.subscription.purpose,
        release_id,
        ATTEMPT,
        decision.bits,
        [fact_ref(fact) for fact in decision.facts],
        bytes_digest(value),
        len(value),
        full,
    )


def fact_ref(fact: Fact) -> FactRef:
    """A fact as audit records name it."""
    return FactRef(fact.key, fact.offset)
