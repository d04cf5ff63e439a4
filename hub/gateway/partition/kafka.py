"""One partition at work: its producer, what it holds between transactions, and each transaction it makes.

Rules kept: 2, 4, 6 and 8 of `hub/gateway/kafka.py`. A topic that an answer refuses parks its subscription. New topics
are asked for before the transaction begins. A refusal within it ends it: nothing more is asked of its producer, a new
one of the same id fences, so nothing of it is ever seen; the committed offset MUST be where it was; the same records
are planned anew. No request is repeated after silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError, ProducerFenced

from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.parked import Cell
from hub.contracts.record import KafkaRecord
from hub.errors import PunteError
from hub.gateway.pace import AHEAD, Pace
from hub.gateway.ports import OPENING, STEPS, Opened, Plan, Ports, Turn
from hub.gateway.reading.kafka import Reader
from hub.gateway.state import Standing
from hub.gateway.transactions.kafka import Batches, Producer, TopicRefused, open_producer

RECEIPTS: Final = "receipt."
SPAN: Final = 4_000
"""Positions of the input that one resumption reads again at most: the lane's other releases wait as long."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the partitions of a lane share. `committed`: asks the group for the offset of a partition."""

    lane: Lane
    options: Mapping[str, Any]
    plan: Plan
    ports: Ports
    pace: Pace
    committed: Callable[[TopicPartition], Awaitable[int | None]]

    @property
    def group(self) -> str:
        """The consumer group of the lane's gateways."""
        return f"gateway.{self.lane}"

    async def fence(self, tp: TopicPartition) -> Producer:
        """A producer of the partition's one id: from here on no other one can write for it."""
        return await open_producer(self.options, f"{self.group}.{tp.topic}.{tp.partition}", self.pace)


@dataclass(slots=True, eq=False)
class Partition:
    """One partition from its fence on. Made by `opened`; to be closed.

    `committed`: the group's offset, read after the fence or committed since. `answering`: of parked subscriptions whose
    topics answered, how many releases to resume next; `probe_at`: when the others are asked again (s). `without`: the
    topics of receipts that were refused: they are left out until then, since no unit's receipt may stop a lane.
    """

    shared: Shared
    tp: TopicPartition
    producer: Producer
    standing: Standing = field(default_factory=Standing)
    committed: int | None = None
    without: set[str] = field(default_factory=set)
    answering: dict[Cell, int] = field(default_factory=dict)
    probe_at: float = 0.0

    async def close(self) -> None:
        """Stop the producer."""
        await self.producer.close()

    async def open(self, began: float) -> int | None:
        """After the fence: the committed offset, the past, the `assigned` record. Gives the offset to read from.

        `began`: when the fence began, by the timer.
        """
        ports, plan, standing = self.shared.ports, self.shared.plan, self.standing
        crash, times = ports.crash, [began, ports.timer()]
        crash("fenced")
        self.committed = await self.shared.committed(self.tp)
        crash("offset_read")
        times.append(ports.timer())
        reader = Reader(self.shared.lane, self.shared.options)
        last = await reader.past(self.tp, self.committed or 0, plan, standing)
        crash("rebuilt")
        times.append(ports.timer())
        said = len(standing.seen), len(standing.parking.held), _steps(OPENING, times)
        ports.opened(Opened(self.tp.partition, *said))
        await ports.fence()
        crash("open_fenced")
        now = ports.clock()
        batches = self.producer.batches(now)
        plan.assigned(self.tp.partition, self.committed or 0, last, now, batches)
        await self.producer.begin()
        crash("assigned_begun")
        await self.producer.send(batches, crash)
        crash("assigned_sent")
        await self.producer.commit()
        crash("opened")
        return self.committed

    async def prove(self, offset: int) -> None:
        """A transaction that holds the offset as it stands: the broker refuses it to a producer that was fenced."""
        crash = self.shared.ports.crash
        await self.producer.begin()
        crash("proof_begun")
        await self.producer.offsets(self.tp, offset, self.shared.group)
        crash("proof_sent")
        await self.producer.commit()
        self.committed = offset
        crash("proven")

    async def turn(self, records: Sequence[KafkaRecord]) -> None:
        """One transaction: everything these records lead to, or nothing."""
        ports = self.shared.ports
        crash, times = ports.crash, [ports.timer()]
        await self._current()
        if self.without and ports.timer() >= self.probe_at:
            self.without.clear()
        times.append(ports.timer())
        now = ports.clock()
        while True:
            batches, standing = self.producer.batches(now, self.without), self.standing
            self.shared.plan.decide(records, standing.seen, now, batches, standing.parking)
            crash("planned")
            times[2:] = [ports.timer()]
            refused = await self._sent(batches)
            if not refused:
                break
            self._hold(refused)
        times.append(ports.timer())
        await self.producer.offsets(self.tp, records[-1].offset + 1, self.shared.group)
        crash("offsets_sent")
        await self.producer.commit()
        standing.keep(now)
        self.committed = records[-1].offset + 1
        crash("committed")
        self._report(records[0].timestamp, len(records), batches, times)

    async def resume(self) -> bool:
        """One transaction of what is parked, if its topic answers; whether more may follow at once.

        Every `probe` seconds the topics are looked for; one that is there gets its oldest release. Whether that is
        still too large, or still without rights, only the broker's answer tells.
        """
        if not self.standing.parking.held:
            return False
        if not self.answering and self.shared.ports.timer() >= self.probe_at:
            await self._probe()
        for cell, most in list(self.answering.items())[:1]:
            await self._resume(cell, most)
        return bool(self.answering)

    async def _probe(self) -> None:
        """Ask which topics of parked subscriptions are there."""
        names = {topics.release(self.shared.lane, *cell): cell for cell in self.standing.parking.held}
        refused = await self.producer.ask(names)
        self.shared.ports.crash("probed")
        self.answering = {cell: 1 for name, cell in names.items() if name not in refused}
        self.probe_at = self.shared.ports.timer() + self.shared.pace.probe

    async def _resume(self, cell: Cell, most: int) -> None:
        """Decide the oldest releases of a subscription again, by today's facts, in a transaction of their own."""
        ports, standing = self.shared.ports, self.standing
        entries, times = standing.parking.oldest(cell, most, SPAN), [ports.timer()]
        reader = Reader(self.shared.lane, self.shared.options)
        events = await reader.again(self.tp, [entry.offset for entry in entries])
        ports.crash("read_again")
        await self._current()
        times.append(ports.timer())
        now, waited = ports.clock(), [(entry, events.get(entry.offset)) for entry in entries]
        batches = self.producer.batches(now)
        self.shared.plan.resume(cell, waited, standing.seen, now, batches, standing.parking)
        ports.crash("planned_again")
        times.append(ports.timer())
        refused = await self._sent(batches)
        self._go_on(cell, most, refused)
        if refused:
            return
        times.append(ports.timer())
        await self.producer.commit()
        standing.keep(now)
        if cell not in standing.parking.held:
            del self.answering[cell]
        ports.crash("resumed")
        self._report(entries[0].at, 1, batches, times)  # one, however many: a number of one unit's messages (law 6)

    def _go_on(self, cell: Cell, most: int, refused: Mapping[str, str]) -> None:
        """Twice as many the next time; of several that were refused one; of one that was refused none until asked."""
        if not refused:
            self.answering[cell] = min(2 * most, AHEAD * self.shared.pace.batch)
        elif most > 1:
            self.answering[cell] = 1
        else:
            del self.answering[cell]
            _parkable(refused)

    async def _current(self) -> None:
        """The register folded to its end, the policy announced."""
        await self.shared.ports.fence()
        self.shared.ports.crash("register_fenced")
        await self.shared.ports.announce()
        self.shared.ports.crash("announced")

    async def _sent(self, batches: Batches) -> Mapping[str, str]:
        """Begin and send. The topics that were refused, topic -> code: then nothing of it is left."""
        crash = self.shared.ports.crash
        refused = await self.producer.refused(batches)
        if refused:
            crash("topics_refused")
            self.standing.drop()
            return refused
        await self.producer.begin()
        crash("begun")
        try:
            async with asyncio.timeout(self.shared.pace.transaction / 1000):
                await self.producer.send(batches, crash)
        except TimeoutError:
            raise KafkaTimeoutError from None
        except TopicRefused as refusal:
            refused = refusal.topics
        crash("send_refused" if refused else "sent")
        if refused:
            self.standing.drop()
            await self._fence_again()
        return refused

    async def _fence_again(self) -> None:
        """A new producer ends the transaction of the old one; ProducerFenced where the partition went on meanwhile."""
        await self.producer.close()
        self.producer = await self.shared.fence(self.tp)
        self.shared.ports.crash("fenced_again")
        if await self.shared.committed(self.tp) != self.committed:
            raise ProducerFenced
        await self._rebuilt()

    async def _rebuilt(self) -> None:
        """Fold the past anew: who had the partition meanwhile may have resumed what is parked, and moved no offset."""
        before, self.standing = self.standing.parking.held, Standing()
        reader = Reader(self.shared.lane, self.shared.options)
        await reader.past(self.tp, self.committed or 0, self.shared.plan, self.standing)
        for cell, code in before.items():
            self.standing.parking.hold(cell, code)
        self.shared.ports.crash("rebuilt_again")

    def _hold(self, refused: Mapping[str, str]) -> None:
        """Park the subscriptions of these topics; receipts are left out."""
        self.without |= {topic for topic in refused if topic.startswith(RECEIPTS)}
        others = {topic: code for topic, code in refused.items() if topic not in self.without}
        for cell, code in _parkable(others).items():
            self.standing.parking.hold(cell, code)
        self.probe_at = self.shared.ports.timer() + self.shared.pace.probe
        self.shared.ports.crash("held")

    def _report(self, oldest: int, count: int, batches: Batches, times: list[float]) -> None:
        """Tell of a transaction that was committed."""
        times.append(self.shared.ports.timer())
        self.shared.ports.report(Turn(self.tp.partition, count, oldest, batches.counts, _steps(STEPS, times)))


def _steps(names: Sequence[str], times: Sequence[float]) -> dict[str, float]:
    """Seconds of each step, from the moments before, between and after them."""
    return {step: after - before for step, before, after in zip(names, times, times[1:], strict=False)}


def _parkable(refused: Mapping[str, str]) -> dict[Cell, str]:
    """The subscriptions of refused topics; PunteError for a topic that the lane cannot do without."""
    found: dict[Cell, str] = {}
    for topic, code in refused.items():
        cell = topics.release_cell(topic)
        if cell is None:
            raise PunteError("topic_refused", f"Kafka does not take records for `{topic}`: {code}")
        found[cell] = code
    return found
