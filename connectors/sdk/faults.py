"""Every fault that ends a connector: one table from code to whose fault it is and what to do. Pure.

Rule kept: a fault says whose it is, what happened and what to do, and never holds a value of a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class FaultRow(NamedTuple):
    """Whose fault it is (machine, operator, network) and the usual remedy."""

    fault: str
    remedy: str


FAULTS: Final[Mapping[str, FaultRow]] = {
    "store_failed": FaultRow(
        "machine", "look at the disk of the file; start again: it is read afresh, and nothing acknowledged is lost"
    ),
    "store_full": FaultRow("machine", "free space on the disk of the file, then start again"),
    "store_busy": FaultRow("operator", "end the long transaction of the other program on the file, then start again"),
    "store_damaged": FaultRow("machine", "restore the file from its backup; keep the damaged one for whoever helps"),
    "store_foreign": FaultRow(
        "operator", "name another file, or move the table away: its columns are not those of connectors/README.md"
    ),
    "kafka_failed": FaultRow(
        "network", "look at Kafka and the way to it; start again: what has no receipt is sent again"
    ),
    "topic_missing": FaultRow(
        "operator", "ask the hub's operator to run `punte topic apply`; this connector then sends what Kafka lost"
    ),
    "broker_restored": FaultRow(
        "operator",
        "ask the hub's operator for a newer backup of Kafka, or send what is left with `--refill-what-is-left` and "
        "publish the older events again from the agency's own archive",
    ),
}
"""Code -> row. A code is stable and never reused."""


class ConnectorFault(Exception):
    """A fault that ends the process: code, one sentence, remedy. Holds names of ours and counts, never a value."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence
        self.fault, self.remedy = FAULTS[code]

    def told(self) -> str:
        """What the process prints as it ends."""
        return f"{self.code} ({self.fault}): {self.sentence}; {self.remedy}"
