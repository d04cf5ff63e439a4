"""One release: cut it from the bytes, check it, address it. Pure but for the random bytes handed in.

Rule kept: everything that leaves is here: value, key, timestamp (the batch's) and the closed list of headers
(contract.md section 1). Nothing of the publisher's headers is copied; every id differs for every unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from consent.decide import Decision
from consent.facts import Fact, Subscription
from consent.terms import Lane, Transform
from hub.contracts import topics
from hub.contracts.audit import CHECKED, FactRef, encode_release, receiver, varlong
from hub.contracts.envelope import HUB_SOURCE, coarse, format_time, uuid_text
from hub.contracts.keys import UnitKeys, attempt_tail, bytes_digest
from hub.gateway.outputs import Outputs, Place
from hub.gateway.rules import ReadEvent, Rules, World

SAMPLE: Final = 63
ATTEMPT: Final = 1
FIRST: Final = varlong(ATTEMPT)
SPECVERSION: Final = ("ce_specversion", b"1.0")
SOURCE: Final = ("ce_source", HUB_SOURCE)
MOST_ADDRESSES: Final = 4096
"""Kept at most: each change of a unit or agreement makes new subscriptions."""
NO_FACTS: Final[tuple[FactRef, ...]] = ()


class Address(NamedTuple):
    """Where the releases of one subscription go, and under which keys: made once per subscription."""

    subscription: Subscription
    unit: bytes
    place: Place
    tail: bytes
    keys: UnitKeys


@dataclass(slots=True)
class Releaser:
    """Makes the releases of a lane. One event in 64, and every alert, gets the full check as well."""

    lane: Lane
    rules: Rules
    world: World
    addresses: dict[int, Address] = field(default_factory=dict)

    def release(self, event: ReadEvent, digest: bytes, decision: Decision, out: Outputs) -> bytes:
        """One release written to `out`; gives its entry in the decision record. Raises before anything is written."""
        assert decision.selected is not None
        release, (_, unit, place, tail, keys) = decision.selected.release, self._address(decision.subscription)
        cut, check, full_check = event.runtime.outgoing[release]
        value = cut(event.body, event.offsets, event.origin, keys)
        check(value)
        full = self.lane is Lane.ALERT or not digest[0] & SAMPLE
        if full:
            full_check(value)
        release_id = keys.identified(digest + tail)
        subject = keys.seal_case(event.admission.case)
        headers = [
            SPECVERSION,
            ("ce_id", uuid_text(release_id).encode()),
            SOURCE,
            event.runtime.type_header,
            _time_header(event.admission.time, release.time),
            ("ce_subject", subject),
            ("traceparent", self.world.trace()),
        ]
        out.add(place, subject, value, headers)
        facts = [fact_ref(fact) for fact in decision.facts] if decision.facts else NO_FACTS
        made = bytes_digest(value) + varlong(len(value)) + CHECKED[full]
        return encode_release(unit, release_id, FIRST, varlong(decision.bits), facts, made)

    def _address(self, subscription: Subscription) -> Address:
        """The address of a subscription, by identity: a changed register makes new subscriptions."""
        found = self.addresses.get(id(subscription))
        if found is None or found.subscription is not subscription:
            unit, purpose = subscription.unit.code, subscription.purpose.value
            place = topics.release(self.lane, unit, purpose), 0
            told = receiver(subscription.unit.ordinal, subscription.purpose)
            found = Address(subscription, told, place, attempt_tail(purpose, ATTEMPT), self.rules.keys.unit(unit))
            if len(self.addresses) > MOST_ADDRESSES:
                self.addresses.clear()
            self.addresses[id(subscription)] = found
        return found


@lru_cache(maxsize=8192)
def _time_header(ms: int, rule: Transform) -> tuple[str, bytes]:
    """`ce_time` under the group-26 rule of a release. Remembered: the releases of one event share a time."""
    return "ce_time", format_time(coarse(ms, rule)).encode()


def fact_ref(fact: Fact) -> FactRef:
    """A fact as audit records name it."""
    return FactRef(fact.key, fact.offset)
