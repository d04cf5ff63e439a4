"""Who had to get which bytes of each event: `hub.check`'s plain reading, which uses no code that decides or releases.

Rule kept: of the hub's decision record only the revision and the moment it says it decided at are used; everything else
comes from the published bytes, the policy's rows and the register. A release with a byte too many, in its value, key or
headers, gets a digest that no record has, so that the checker calls it leaked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

from hub.check import compare
from hub.check.rows import Wanted
from hub.check.waits import NOTHING_WAITS, Waits
from hub.contracts.envelope import uuid_text
from hub.contracts.keys import event_digest
from tests.faults.archive import Kept, Shelf
from tests.faults.history import Found, Kind, Release

OTHERWISE: Final = "other bytes than those that went out"
KINDS: Final = {"lost": Kind.LOST, "doubled": Kind.DOUBLED, "leaked": Kind.LEAKED}


class Entitled(compare._Checker):  # its steps are what is reused; only what it writes down differs
    """`releases`: event -> release -> digest of the bytes that had to go out, once `read` has gone over decisions."""

    def __init__(self, by: compare.Reference, shelf: Shelf, waits: Waits = NOTHING_WAITS) -> None:
        self._all = compare.Findings()
        super().__init__(by, self._all, shelf, waits)  # type: ignore[arg-type]  # it takes from it one by one
        self.releases: dict[str, dict[Release, str]] = {}

    def read(
        self,
        decisions: Iterable[Mapping[str, Any]],
        inbox: Callable[[str], Kept | None],
        own: Callable[[str], Kept | None],
    ) -> list[Found]:
        """Recompute every decided event, in the order of their revisions; what is wrong beside single releases.

        `inbox`, `own`: an event as its unit sent it, a hollow alert as the hub wrote it.
        """
        for decision in decisions:
            self.releases.setdefault(decision["eventId"], {})
            self.event(decision, inbox(decision["eventId"]), own(decision["eventId"]))
        return [Found(KINDS[one.kind], one.what, one.event_id, one.where) for one in self._all.found]

    def _one(self, case: compare._Case, want: Wanted, decision: Mapping[str, Any]) -> None:
        digest = event_digest(case.envelope.source, case.envelope.id)
        release = uuid_text(self._by.keys.unit(case.unit).release_id(digest, case.purpose, case.attempt))
        key = f"release.{case.seen.type.lane}.{case.unit}.{case.purpose.lower()}", release
        record, before = self._released.get(key), len(self._all.found)
        super()._one(case, want, decision)
        right = record is not None and len(self._all.found) == before
        self.releases[case.envelope.id][key] = (
            sha256(record.value or b"").hexdigest() if right and record else OTHERWISE
        )
        if not right:
            del self._all.found[before:]  # the checker says it again, of the history
