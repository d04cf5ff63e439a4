"""The follower of a lane's inboxes: admits batch by batch, at least once.

Rules kept: every output of a batch is acknowledged by all replicas before the batch's offsets are committed; a repeat
after a crash is removed by the gateway, which sees every (source, id) of a source in one partition. Stateless but for
the register's list of publishers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.audit import BLANK_ATTEMPT, Stage, Verdict
from hub.contracts.codec import RecordCodec
from hub.contracts.hollow import TOGETHER_MS, Cause, Hollower, unreadable
from hub.contracts.keys import bytes_digest, event_digest
from hub.contracts.record import KafkaRecord
from hub.contracts.waiting import Waiting
from hub.ingress.admit import Admitted, Refused, Rules, admit, hollows
from hub.ingress.flood import COALESCED, QUOTA, coalesced

NO_HEADERS: list[tuple[str, bytes]] = []
Write = tuple[str, bytes, bytes, list[tuple[str, bytes]]]
"""Topic, key, value and headers of a record."""


@dataclass(frozen=True, slots=True)
class AdmissionCodecs:
    """Encoders of what admission writes beside events."""

    receipt: RecordCodec
    waiting: Waiting
    attempt: RecordCodec
    hollow: Hollower


class Admitter:
    """The handler of one lane's inboxes. Use as an async context manager: it owns the producer."""

    def __init__(
        self,
        options: Mapping[str, Any],
        rules: Rules,
        codecs: AdmissionCodecs,
        clock: Callable[[], int],
        report: Callable[[Counter[str]], None],
    ) -> None:
        """`clock`: ms since the epoch; `report`: takes the counts of each batch by code."""
        self._rules, self._codecs, self._clock, self._report = rules, codecs, clock, report
        self._hollowed: dict[str, int] = {}
        self._producer = AIOKafkaProducer(
            **options, acks="all", enable_idempotence=True, linger_ms=0 if rules.lane is Lane.ALERT else 5
        )

    async def __aenter__(self) -> Self:
        """Start the producer."""
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Flush and stop."""
        await self._producer.stop()

    async def handle(self, records: Sequence[KafkaRecord]) -> None:
        """Admit or refuse every record; returns when all of it is acknowledged."""
        now, counts = self._clock(), Counter[str]()
        outcomes = [admit(self._rules, record, now) for record in records]
        behind = coalesced(outcomes) if self._rules.lane is Lane.ALERT and len(outcomes) > QUOTA else {}
        futures = []
        for place, (record, outcome) in enumerate(zip(records, outcomes, strict=True)):
            if isinstance(outcome, Refused):
                writes = self._stopped(record, outcome, now, counts)
            elif place in behind:
                counts[COALESCED] += 1
                writes = self._behind(record, outcome, behind[place], now)
            else:
                counts["admitted"] += 1
                writes = [(topics.admitted(self._rules.lane), outcome.source.encode(), outcome.value, outcome.headers)]
            for topic, key, value, headers in writes:
                futures.append(await self._producer.send(topic, value, key=key, headers=headers))
        await asyncio.gather(*futures)
        self._report(counts)

    def _stopped(self, record: KafkaRecord, outcome: Refused, now: int, counts: Counter[str]) -> list[Write]:
        """What a refusal writes; where it may have been an alert, what tells the desks."""
        counts.update((outcome.code, Verdict.QUARANTINED.value))
        writes = self._refused(record, outcome, now)
        if hollows(self._rules, outcome) and self._first(outcome.source, now):
            counts["hollow"] += 1
            writes.append(self._hollow(outcome.source, now))
        return writes

    def _behind(self, record: KafkaRecord, outcome: Admitted, count: int, now: int) -> list[Write]:
        """Receipt and attempt of an alert its device told again and again: `count` of them in the first and last."""
        lane, sha, event_id = self._rules.lane, bytes_digest(record.value or b""), outcome.event_id
        receipt = {"eventId": event_id, "verdict": "duplicate", "code": COALESCED, "sha256": sha, "at": now}
        attempt = {
            **BLANK_ATTEMPT,
            "source": outcome.source,
            "eventId": event_id,
            "input": {"topic": record.topic, "partition": record.partition, "offset": record.offset},
            "verdict": Verdict.DUPLICATE.value,
            "code": COALESCED,
            "sha256": sha,
            "count": count,
            "at": now,
        }
        told, noted = self._codecs.receipt.encode(receipt), self._codecs.attempt.encode(attempt)
        return [
            (topics.receipt(lane, outcome.source), event_id.encode(), told, NO_HEADERS),
            (topics.audit_attempt(lane), event_digest(outcome.source, event_id), noted, NO_HEADERS),
        ]

    def _first(self, source: str, now: int) -> bool:
        """Whether no hollow alert of this sender stands for this stretch of time yet.

        After a restart it may be sent again: the gateway takes a repeat for what it is.
        """
        stretch = now // TOGETHER_MS
        fresh = self._hollowed.get(source) != stretch
        self._hollowed[source] = stretch
        return fresh

    def _hollow(self, source: str, now: int) -> Write:
        """What tells the duty desks that this sender sent something nobody can read."""
        made = self._codecs.hollow.made(source, Cause.UNREADABLE, *unreadable(now))
        return topics.admitted(self._rules.lane), *made

    def _refused(self, record: KafkaRecord, outcome: Refused, now: int) -> list[Write]:
        """Receipt, quarantine entry, attempt: the code and the position in the inbox; the record only sealed."""
        lane, sha = self._rules.lane, bytes_digest(record.value or b"")
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        digest = event_digest(outcome.source, outcome.event_id)
        receipt = {"eventId": outcome.event_id, "verdict": "refused", "code": outcome.code, "sha256": sha, "at": now}
        known = {"path": outcome.path or None, "source": outcome.source}
        entry = self._codecs.waiting.entry(record, Stage.ADMISSION, outcome.code, now, **known)
        attempt = {
            **BLANK_ATTEMPT,
            "source": outcome.source,
            "eventId": outcome.event_id or None,
            "input": where,
            "verdict": Verdict.REFUSED.value,
            "code": outcome.code,
            "sha256": sha,
            "at": now,
        }
        written = [
            (topics.quarantine(lane), digest, entry, NO_HEADERS),
            (topics.audit_attempt(lane), digest, self._codecs.attempt.encode(attempt), NO_HEADERS),
        ]
        if outcome.told:
            told = self._codecs.receipt.encode(receipt)
            written.append((topics.receipt(lane, outcome.source), outcome.event_id.encode(), told, NO_HEADERS))
        return written
