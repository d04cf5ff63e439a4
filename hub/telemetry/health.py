"""Whether a process is ready, as a few named yes-or-no checks.

Rule kept: an answer is the name of a check and `ok` or `fail`; no value, no name of a unit, no reason can be in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

LATEST_S: Final = 10.0
"""How long ago Kafka may have answered, the fold have kept up, the last poll have been."""


@dataclass(frozen=True, slots=True)
class Health:
    """The checks of one process by name; each is asked anew for every answer."""

    checks: Mapping[str, Callable[[], bool]]

    def ready(self) -> tuple[bool, dict[str, str]]:
        """Whether all checks hold, and each by name."""
        found = {name: check() for name, check in self.checks.items()}
        return all(found.values()), {name: "ok" if holds else "fail" for name, holds in found.items()}

    def live(self) -> tuple[bool, dict[str, str]]:
        """A process whose event loop answers is alive."""
        return True, {"loop": "ok"}


class Pulse:
    """What is known of Kafka and of the register's fold from asking for the register's end again and again."""

    def __init__(self, position: Callable[[], int], timer: Callable[[], float]) -> None:
        """`position`: how far the fold is; `timer`: seconds of a clock that never goes back."""
        self._position, self._timer = position, timer
        self._end = 0
        self._answered = self._kept_up = float("-inf")

    def answered(self, end: int) -> None:
        """Kafka has named the register's end; the fold keeps up when it has reached the end named before."""
        self._answered = self._timer()
        if self._position() >= self._end:
            self._kept_up = self._answered
        self._end = end

    def reachable(self) -> bool:
        """Kafka answered lately."""
        return self._timer() - self._answered <= LATEST_S

    def folded(self) -> bool:
        """The fold kept up lately."""
        return self._timer() - self._kept_up <= LATEST_S
