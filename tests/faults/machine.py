"""What this machine offers an injector: asked once, so that what is lacking is said before anything is broken."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.disk import lacks_disk

CGROUPS: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Machine:
    """Whether it is Linux, whether we are root, the commands on PATH, the cgroup v1 folders we may write to.

    `brokers`: how many the run has. `disk`: what is missing for disks of our own, None when there can be some.
    """

    linux: bool
    root: bool
    commands: frozenset[str]
    cgroups: frozenset[str]
    brokers: int = 1
    disk: str | None = "an image that can be mounted"

    def lacks_command(self, name: str) -> str | None:
        """The missing thing, said for a person; None when it is there."""
        return None if name in self.commands else f"the command `{name}`"

    def lacks_cgroup(self, name: str) -> str | None:
        """The same for a cgroup v1 controller we can make groups in."""
        return None if name in self.cgroups else f"a writable cgroup v1 `{name}`"


def this_machine(brokers: int = 1) -> Machine:
    """The machine we run on, in a run with so many brokers."""
    wanted = ("faketime", "strace")
    groups = (name for name in ("memory", "cpu") if os.access(CGROUPS / name / "cgroup.procs", os.W_OK))
    return Machine(
        sys.platform == "linux",
        os.geteuid() == 0,
        frozenset(name for name in wanted if shutil.which(name)),
        frozenset(groups),
        brokers,
        lacks_disk(),
    )
