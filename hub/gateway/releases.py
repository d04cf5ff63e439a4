"""One release: cut it from the bytes, check it, address it. Pure but for the random bytes handed in.

Rule kept: everything that leaves is here: value, key, timestamp (the batch's) and the closed list of headers
(contract.md section 1). Nothing of the publisher's headers is copied; every id differs for every unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from consent.decide import Decision
from consent.facts import Fact
from consent.terms import Lane, Transform
from hub.contracts import topics
from hub.contracts.audit import FactRef, ReleaseEntry
from hub.contracts.envelope import HUB_SOURCE, coarse, format_time, uuid_text
from hub.contracts.keys import bytes_digest
from hub.gateway.outputs import Headers, Outputs
from hub.gateway.pseudonyms import UnitSeals
from hub.gateway.rules import ReadEvent, Rules, World

SAMPLE: Final = 63
ATTEMPT: Final = 1
SPECVERSION: Final = ("ce_specversion", b"1.0")
SOURCE: Final = ("ce_source", HUB_SOURCE)


@dataclass(slots=True)
class Releaser:
    """Makes the releases of a lane. One event in 64, and every alert, gets the full check as well."""

    lane: Lane
    rules: Rules
    world: World

    def release(self, event: ReadEvent, digest: bytes, decision: Decision, out: Outputs) -> ReleaseEntry:
        """One release written to `out`, and its entry for the audit; raises before anything is written."""
        assert decision.selected is not None
        release, (unit, purpose) = decision.selected.release, _address(decision)
        keys, outgoing = self.rules.keys.unit(unit), event.runtime.outgoing[release]
        value = outgoing.cut(event.body, event.offsets, UnitSeals(keys, event.origin))
        outgoing.check(value)
        full = self.lane is Lane.ALERT or not digest[0] & SAMPLE
        if full:
            outgoing.full_check(value)
        release_id = keys.release_id(digest, purpose, ATTEMPT)
        subject = keys.seal_case(event.admission.case)
        headers = self._headers(event, release_id, subject, release.time)
        out.add(topics.release(self.lane, unit, purpose), 0, subject, value, headers)
        return _entry(decision, release_id, value, full=full)

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


def _address(decision: Decision) -> tuple[str, str]:
    return decision.subscription.unit.code, decision.subscription.purpose.value


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
