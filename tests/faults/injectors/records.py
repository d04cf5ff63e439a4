"""Bad records in the way of alerts: each must cost itself alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from consent.terms import Lane
from hub import assemble
from hub.contracts import topics
from hub.contracts.envelope import Admission, inbox_headers
from hub.contracts.wire import MAX_VALUE
from hub.demo.crowd import Crowd, Published
from tests.faults.driver import encoder, reachable
from tests.faults.injectors.injector import Always
from tests.faults.lab import Lab
from tests.faults.schedule import Aim

Spoil = Callable[[bytes, Random], bytes | None]
COUNT: Final = 60
BEHIND: Final = 10

SPOILS: Final[Mapping[str, Spoil]] = {
    "nothing": lambda value, rng: None,
    "empty": lambda value, rng: b"",
    "frame alone": lambda value, rng: value[:5],
    "cut": lambda value, rng: value[: rng.randrange(6, len(value))],
    "trailing": lambda value, rng: value + b"\0",
    "unknown schema": lambda value, rng: value[:1] + b"\x7f\xff\xff\xff" + value[5:],
    "noise": lambda value, rng: rng.randbytes(rng.randrange(1, 4_000)),
    "too large": lambda value, rng: value + b"\0" * MAX_VALUE,
    "overlong length": lambda value, rng: value[:5] + b"\xff" * 9 + b"\x01" + value[5:],
}
"""What is done to the bytes of a good alert; each result must be refused."""


class Poison(Always):
    """F39."""

    name, sentence, must = "F39", "poison records in the alert lane, in inboxes and behind admission", True
    aim = Aim(("inbox.alert", "admitted.alert"), 0.0, 1.0)

    async def inject(self, lab: Lab, target: str, rng: Random) -> None:
        """Sixty of them at once, among the crowd's good alerts."""
        crowd = Crowd(lab.parts_made.catalogue, lab.federation, rng, assemble.now_ms())
        alerts = [event for event in crowd.events(COUNT * BEHIND * 4) if event.lane is Lane.ALERT][:COUNT]
        encode = encoder(lab.parts_made.catalogue)
        producer = await reachable(lab.parts_made.options, max_request_size=4 * MAX_VALUE)
        try:
            for event in alerts:
                lab.poisoned.add(event.id)
                value = rng.choice(list(SPOILS.values()))(encode(event.type, event.record), rng)
                topic, key, headers = _address(lab, target, event)
                await producer.send_and_wait(topic, value, key=key, headers=headers)
        finally:
            await producer.stop()

    async def heal(self, lab: Lab) -> None:
        """Nothing to undo: the hub has to get past it."""


def _address(lab: Lab, target: str, event: Published) -> tuple[str, bytes, list[tuple[str, bytes]]]:
    """Topic, key and headers as the good event would have had them there."""
    if target == "admitted.alert":
        case = lab.parts_made.keys.case_handle(event.source, event.subject)
        headers = Admission(event.id, assemble.now_ms(), case, {}).headers()
        return topics.admitted(Lane.ALERT), event.source.encode(), headers
    headers = inbox_headers(event.id, event.source, event.type, event.time, event.subject)
    return topics.inbox(Lane.ALERT, event.source), b"k", headers
